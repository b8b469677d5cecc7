"""Features of test pictures computed while the next pictures are still being decoded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cdnet.data.cache import CachedPictures, Progress, silently
from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.evaluate.comparable import check_features
from cdnet.evaluate.evaluation import TestPictures
from cdnet.evaluate.extract import extract_batch, extract_by
from cdnet.runtime.network import Features, Network

SAMPLE = 32
"""Pictures that the network is opened with."""


class FeaturesAhead:
    """Computes features as pictures are decoded, and those of the rest when they are asked for.

    Batches are the same as without it, and so are the features, to the last bit. Pictures that lay in the cache are
    not decoded, and their features are computed when they are asked for.

    Args:
        open_network: is given some pictures, n x H x W x 3 bytes, and returns the network; called once.
        flip: as :func:`cdnet.evaluate.extract.extract` has it.
    """

    def __init__(self, open_network: Callable[[Pixels], Network], flip: bool = False) -> None:
        self._open, self._flip = open_network, flip
        self._network: Network | None = None
        self._found: dict[str, list[Features]] = {}
        self._trouble: CdnetError | None = None

    def watch(self, split: str) -> Callable[[Pixels], None]:
        """Return what is given each picture H x W x 3 of a split as it is decoded, in order."""
        waiting: list[Pixels] = []
        found = self._found.setdefault(split, [])

        def one(pixels: Pixels) -> None:
            if self._trouble is not None:
                return
            waiting.append(pixels)
            try:
                if self._network is None:
                    if len(waiting) < SAMPLE:
                        return
                    self._network = self._open(np.stack(waiting))
                count = self._network.batch
                while len(waiting) >= count:
                    found.append(extract_batch(self._network, np.stack(waiting[:count]), self._flip))
                    del waiting[:count]
            except CdnetError as error:
                self._trouble = error  # raised when features are asked for: the decoded pictures are kept

        return one

    def features(self, pictures: TestPictures, progress: Progress = silently) -> tuple[Tensor, Tensor]:
        """Return the features of the queries, Q x D, and of the gallery, G x D.

        Raises:
            UndefinedError: if features are all zeros or all alike.
            CdnetError: if the network cannot be opened, or does not give one row of finite numbers a picture.
        """
        if self._trouble is not None:
            raise self._trouble
        query, gallery = (
            self._all(split, cached, progress)
            for split, cached in zip(("query", "gallery"), pictures.splits(), strict=True)
        )
        check_features(query, gallery)
        return query, gallery

    def _all(self, split: str, cached: CachedPictures, progress: Progress) -> Tensor:
        if self._network is None:
            self._network = self._open(np.array(cached.pixels[:SAMPLE]))
        found = [torch.from_numpy(part) for part in self._found.get(split, [])]
        done = sum(map(len, found))
        if done < len(cached):
            found.append(extract_by(self._network, cached.pixels[done:], self._flip, progress))
        return torch.cat(found)
