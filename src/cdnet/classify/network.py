"""A backbone and a neck as a classifier: what training for re-identification drops at the end is kept (Section 4.4)."""

from __future__ import annotations

from torch import Tensor, nn

from cdnet.errors import CdnetError
from cdnet.nn.backbone import Stem
from cdnet.nn.model import ReidModel
from cdnet.nn.necks import Head, Neck


class Classifier(ReidModel):
    """The network in its training form, whose heads' scores are summed.

    In training mode the forward pass gives the heads for the losses, in evaluation mode the scores N x classes.

    Args:
        backbone: as :func:`~cdnet.nn.model.create_backbone` makes it.
        neck: with heads, made for the number of classes.
        stem: what the stem divides a picture's sides by: 4, or 2 or 1 for small pictures. The weights are the same.
        kernel: of the stem's convolution: 7, or 3, whose weights are others.

    Raises:
        CdnetError: if the backbone has another kind of stem, and it is to divide by less.
    """

    def __init__(self, backbone: nn.Module, neck: Neck, stem: int = 4, kernel: int = 7) -> None:
        super().__init__(backbone, neck)
        own = getattr(backbone, "stem", None)
        if isinstance(own, Stem):
            if kernel == 3:
                own.narrow()
            own.reduce_by(stem)
        elif stem != 4:
            raise CdnetError(f"this backbone has a stem of its own, which cannot divide by {stem}; use --stem 4")

    def forward(self, x: Tensor) -> Tensor | list[Head]:
        """Map normalised pictures N x 3 x H x W to heads (training mode) or scores N x classes (evaluation mode)."""
        heads = self.neck.heads(self.backbone(x))
        return heads if self.training else sum_scores(heads)


def sum_scores(heads: list[Head]) -> Tensor:
    """Return the sum of the heads' scores N x classes."""
    first, *others = (head.scores for head in heads)
    return sum(others, start=first)
