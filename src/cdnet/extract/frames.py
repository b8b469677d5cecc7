"""What trackers call with a frame and its boxes: (image, boxes) to N x D."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cdnet.evaluate.comparable import unit_length
from cdnet.extract.extractor import FeatureExtractor
from cdnet.runtime.network import Features


class FrameFeatures:
    """A callable (image, boxes) to features N x D of unit length, as trackers compare them by their cosine.

    Args:
        model: whatever :class:`cdnet.FeatureExtractor` takes, or one that is made already.
        bgr: whether frames are blue, green, red, as OpenCV reads them.
        box_format: how boxes are given: ``xyxy``, ``ltwh``, ``cxcywh`` or ``mot``.

    Raises:
        CdnetError: as :class:`cdnet.FeatureExtractor` does.
    """

    def __init__(self, model: FeatureExtractor | Path | str, bgr: bool = True, box_format: str = "xyxy") -> None:
        self.extractor = model if isinstance(model, FeatureExtractor) else FeatureExtractor(model)
        self.bgr, self.box_format = bgr, box_format

    def __call__(self, image: Any, boxes: Any) -> Features:
        """Return the features of the boxes on a frame; without boxes 0 x D.

        Raises:
            CdnetError: as :class:`cdnet.FeatureExtractor` does when it is called, or if features are all zeros.
        """
        found = self.extractor(image, boxes, bgr=self.bgr, box_format=self.box_format)
        return unit_length(torch.from_numpy(found)).numpy()
