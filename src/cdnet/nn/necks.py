"""Necks: what stands between a backbone's feature maps and the two losses (Section 3.3, Figure 5).

A neck gives one *head* per pair of losses: the feature that the triplet loss constrains, and the scores that the
softmax loss constrains. BLNeck and FNeck put a fully connected layer between the two, so that each loss has an
embedding space of its own; inference needs only the triplet side, and everything after it is dropped.

Every neck is made for a backbone by the channels of its feature maps, and with ``identities=None`` it has only
the parts that inference needs. In training mode a neck returns its heads, in evaluation mode the features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.fx
from torch import Tensor, nn

from cdnet.errors import CdnetError
from cdnet.nearest import nearest
from cdnet.nn.backbone import FeatureMaps, initialise
from cdnet.nn.blocks import conv1x1_bn

FC_CHANNELS = 512
"""Width of the fully connected layer between the two losses (feats_fc)."""

SQUEEZE_CHANNELS = 128
"""Channels that FNeck squeezes fmap2 to before it cuts the stripes."""

MAX_STRIPES = 4


class Head(NamedTuple):
    """What two losses get: ``triplet`` N x D (feats_tri), ``softmax`` N x 512 or D, ``scores`` N x identities."""

    triplet: Tensor
    softmax: Tensor
    scores: Tensor


class BalanceHead(nn.Module):
    """feats_tri through a linear layer, batch norm and ReLU to feats_fc, then the linear classifier (Figure 5)."""

    def __init__(self, in_features: int, identities: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_features, FC_CHANNELS)
        self.bn = nn.BatchNorm1d(FC_CHANNELS)
        self.relu = nn.ReLU(inplace=True)
        self.classifier = nn.Linear(FC_CHANNELS, identities)

    def forward(self, feature: Tensor) -> Head:
        """Map feats_tri N x D to a head."""
        softmax = self.relu(self.bn(self.fc(feature)))
        return Head(feature, softmax, self.classifier(softmax))


class Neck(nn.Module):
    """What all necks share: ``feature_dim``, the D of the inference feature N x D.

    :meth:`features` and :meth:`heads` take the backbone's feature maps; the first is all that inference does.

    Args:
        dropout: probability with which training drops each number of a feature before both of its losses.
    """

    feature_dim: int

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def features(self, fmaps: FeatureMaps) -> Tensor:
        """Return the inference feature N x D, not normalised."""
        raise NotImplementedError

    def heads(self, fmaps: FeatureMaps) -> list[Head]:
        """Return the heads, one per pair of losses."""
        raise NotImplementedError

    def joined(self, heads: Sequence[Head]) -> Tensor:
        """Return what :meth:`features` would, N x D, from the heads that :meth:`heads` gave."""
        return torch.cat([head.triplet for head in heads], dim=1)


class BLNeck(Neck):
    """Balance Neck: the global average of fmap3 (Figure 5, upper part)."""

    def __init__(self, channels: Sequence[int], identities: int | None = None, dropout: float = 0.0) -> None:
        super().__init__(dropout)
        self.feature_dim = channels[2]
        if identities is not None:
            self.head = BalanceHead(self.feature_dim, identities)
            initialise(self)

    def features(self, fmaps: FeatureMaps) -> Tensor:
        """Return the global average of fmap3."""
        return fmaps.fmap3.mean((2, 3))

    def heads(self, fmaps: FeatureMaps) -> list[Head]:
        """Return the one head of Equation 9."""
        return [self.head(self.dropout(self.features(fmaps)))]


@torch.fx.wrap
def stripe_means(fmap: Tensor, stripes: int) -> Tensor:
    """Cut N x C x H x W into horizontal stripes and return their averages N x (stripes * C), from top to bottom.

    Raises:
        CdnetError: if there are fewer rows than stripes.
    """
    if fmap.shape[2] < stripes:
        raise CdnetError(f"fmap2 has {fmap.shape[2]} row(s), too few for {stripes} stripes; use taller pictures")
    return torch.cat([part.mean((2, 3)) for part in fmap.tensor_split(stripes, dim=2)], dim=1)


class FNeck(Neck):
    """Fine-grained Neck: fmap2 squeezed to 128 channels and averaged in horizontal stripes (Figure 5, lower part).

    With 0 stripes it has no feature and no head, as in the first row of Table 5.
    """

    def __init__(
        self, channels: Sequence[int], identities: int | None = None, stripes: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__(dropout)
        if not 0 <= stripes <= MAX_STRIPES:
            raise CdnetError(f"FNeck cuts 0 to {MAX_STRIPES} stripes, not {stripes}")
        self.stripes = stripes
        self.feature_dim = SQUEEZE_CHANNELS * stripes
        if stripes:
            self.squeeze = nn.Conv2d(channels[1], SQUEEZE_CHANNELS, 1, bias=False)
            if identities is not None:
                self.head = BalanceHead(self.feature_dim, identities)
            initialise(self)

    def features(self, fmaps: FeatureMaps) -> Tensor:
        """Return the stripes' averages, joined from top to bottom.

        Raises:
            CdnetError: if fmap2 has fewer rows than there are stripes.
        """
        fmap2 = fmaps.fmap2
        return stripe_means(self.squeeze(fmap2), self.stripes) if self.stripes else fmap2.new_zeros(fmap2.shape[0], 0)

    def heads(self, fmaps: FeatureMaps) -> list[Head]:
        """Return the head on the joined stripes, none with 0 stripes."""
        return [self.head(self.dropout(self.features(fmaps)))] if self.stripes else []


class FBLNeck(Neck):
    """Fine-grained Balance Neck: BLNeck and FNeck side by side; Equation 10 sums over their two heads."""

    def __init__(
        self, channels: Sequence[int], identities: int | None = None, stripes: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__(dropout)
        self.blneck = BLNeck(channels, identities, dropout)
        self.fneck = FNeck(channels, identities, stripes, dropout)
        self.feature_dim = self.blneck.feature_dim + self.fneck.feature_dim

    def features(self, fmaps: FeatureMaps) -> Tensor:
        """Return the global feature joined with the stripes."""
        return torch.cat([self.blneck.features(fmaps), self.fneck.features(fmaps)], dim=1)

    def heads(self, fmaps: FeatureMaps) -> list[Head]:
        """Return BLNeck's head, then FNeck's."""
        return [*self.blneck.heads(fmaps), *self.fneck.heads(fmaps)]


class BNNeck(Neck):
    """Bag of Tricks' neck, for comparison (Table 6): batch norm between the two losses, its output at inference.

    The release of CDNet's authors has the losses the other way round, softmax before and triplet after the batch norm.

    The batch norm's shift and the classifier's bias are absent, so that the softmax side is a cone at the origin.
    """

    def __init__(self, channels: Sequence[int], identities: int | None = None, dropout: float = 0.0) -> None:
        super().__init__(dropout)
        self.feature_dim = channels[2]
        self.bn = nn.BatchNorm1d(self.feature_dim)
        self.bn.bias.requires_grad_(False)
        if identities is not None:
            self.classifier = nn.Linear(self.feature_dim, identities, bias=False)
            nn.init.normal_(self.classifier.weight, std=0.001)

    def features(self, fmaps: FeatureMaps) -> Tensor:
        """Return the global average of fmap3 after batch norm."""
        return self.bn(fmaps.fmap3.mean((2, 3)))  # type: ignore[no-any-return]

    def heads(self, fmaps: FeatureMaps) -> list[Head]:
        """Return the head: triplet loss before the batch norm, softmax loss after it."""
        triplet = self.dropout(fmaps.fmap3.mean((2, 3)))
        softmax = self.bn(triplet)
        return [Head(triplet, softmax, self.classifier(softmax))]

    def joined(self, heads: Sequence[Head]) -> Tensor:
        """Return the one head's feature after batch norm."""
        return heads[0].softmax


class FCNeck(Neck):
    """OSNet's own head, for comparison (Tables 3, 10 and 12): both losses on the output of a fully connected layer.

    A 1x1 convolution, the global average, and a linear layer to 512 with batch norm and ReLU.
    """

    def __init__(self, channels: Sequence[int], identities: int | None = None, dropout: float = 0.0) -> None:
        super().__init__(dropout)
        self.feature_dim = FC_CHANNELS
        self.conv = nn.Sequential(*conv1x1_bn(channels[2], channels[2]), nn.ReLU(inplace=True))
        self.fc = nn.Sequential(nn.Linear(channels[2], FC_CHANNELS), nn.BatchNorm1d(FC_CHANNELS), nn.ReLU(inplace=True))
        if identities is not None:
            self.classifier = nn.Linear(FC_CHANNELS, identities)
        initialise(self)

    def features(self, fmaps: FeatureMaps) -> Tensor:
        """Return the output of the fully connected layer."""
        return self.fc(self.conv(fmaps.fmap3).mean((2, 3)))  # type: ignore[no-any-return]

    def heads(self, fmaps: FeatureMaps) -> list[Head]:
        """Return the head: both losses on the same feature."""
        feature = self.dropout(self.features(fmaps))
        return [Head(feature, feature, self.classifier(feature))]


NECKS: dict[str, Callable[..., Neck]] = {
    "blneck": BLNeck,
    "fneck": FNeck,
    "fblneck": FBLNeck,
    "bnneck": BNNeck,
    "fcneck": FCNeck,
}


def create_neck(
    name: str, channels: Sequence[int], identities: int | None = None, stripes: int = 2, dropout: float = 0.0
) -> Neck:
    """Make a neck for feature maps of the given channels.

    Args:
        name: one of ``NECKS``.
        channels: channels of fmap1, fmap2 and fmap3.
        identities: number of training identities; None leaves out what inference drops.
        stripes: 0 to 4, for FNeck's part only.
        dropout: of the features, in training.

    Raises:
        CdnetError: if the name is unknown, or the stripes are not 0 to 4, or ``fneck`` alone has none.
    """
    if name not in NECKS:
        raise CdnetError(f"unknown neck {name!r}{nearest(name, NECKS)}; known are {', '.join(NECKS)}")
    if name == "fneck" and stripes == 0:
        raise CdnetError("fneck alone needs at least 1 stripe, else it has no feature")
    if name in ("fneck", "fblneck"):
        return NECKS[name](channels, identities, stripes=stripes, dropout=dropout)
    return NECKS[name](channels, identities, dropout=dropout)
