"""A backbone with its neck: the network that training trains and inference runs."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from cdnet.errors import CdnetError
from cdnet.genotype import Genotype, read_genotype
from cdnet.nn.backbone import Backbone
from cdnet.nn.baselines import BASELINES
from cdnet.nn.necks import Head, Neck, create_neck


class ReidModel(nn.Module):
    """A backbone that returns :class:`~cdnet.nn.backbone.FeatureMaps`, and a neck on them.

    Any module that returns such maps will do; :mod:`cdnet.nn.baselines` says how one's own joins.
    In training mode the forward pass gives the heads for the losses, in evaluation mode the feature N x D.
    """

    def __init__(self, backbone: nn.Module, neck: Neck) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = neck

    @property
    def feature_dim(self) -> int:
        """D of the inference feature."""
        return self.neck.feature_dim

    def forward(self, x: Tensor) -> Tensor | list[Head]:
        """Map normalised pictures N x 3 x H x W to heads (training mode) or features N x D (evaluation mode)."""
        fmaps = self.backbone(x)
        return self.neck.heads(fmaps) if self.training else self.neck.features(fmaps)


def check_width(width: float) -> None:
    """Refuse a width multiplier that no network can have.

    Raises:
        CdnetError: if it is not in (0, 8].
    """
    if not 0 < width <= 8:
        raise CdnetError(f"the width multiplier must be above 0 and at most 8, not {width}")


def find_network(name_or_path: str | Path) -> Genotype | str:
    """Return the genotype that a shipped name or a file's path means, or the name itself if it is a baseline's.

    Raises:
        CdnetError: if there is no such network, or the file is not a legal genotype.
    """
    name = str(name_or_path)
    return name if name in BASELINES else read_genotype(name, others=BASELINES)


def create_backbone(genotype: str | Path | Genotype = "cdnet", width: float = 1.0) -> nn.Module:
    """Make a backbone: a genotype's network, or a baseline by its name.

    Raises:
        CdnetError: if the genotype is unknown or not legal, or the width is not in (0, 8].
    """
    check_width(width)
    network = genotype if isinstance(genotype, Genotype) else find_network(genotype)
    return BASELINES[network](width) if isinstance(network, str) else Backbone(network, width)


def create_model(
    genotype: str | Path | Genotype = "cdnet",
    width: float = 1.0,
    neck: str = "fblneck",
    stripes: int = 2,
    identities: int | None = None,
    dropout: float = 0.0,
) -> ReidModel:
    """Make a network with fresh weights.

    Args:
        genotype: a shipped name (``cdnet``, ``cnet-top1``, ...), a genotype file, a
            :class:`~cdnet.genotype.Genotype`, or a baseline: ``osnet``, ``resnet50`` or ``gdas``.
        width: width multiplier beta of the backbone, above 0 (Section 7.3); the neck keeps its width.
        neck: ``fblneck``, ``blneck``, ``fneck``, ``bnneck`` or ``fcneck``.
        stripes: FNeck's stripes, 0 to 4.
        identities: training identities; None makes the inference network, without the parts that it drops.
        dropout: probability with which training drops each number of a feature before both of its losses.

    Raises:
        CdnetError: if any argument is not a legal one.
    """
    backbone = create_backbone(genotype, width)
    return ReidModel(backbone, create_neck(neck, backbone.channels, identities, stripes, dropout))  # type: ignore[arg-type]
