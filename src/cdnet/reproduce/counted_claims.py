"""Claims of the paper that a count decides: parameters, MACs, sizes of spaces, kernels and depths of its networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from cdnet.genotype import Genotype, read_genotype
from cdnet.nn.counts import count, count_params
from cdnet.nn.lite import lite_k
from cdnet.nn.model import create_model
from cdnet.reproduce.paper import read_paper
from cdnet.reproduce.verdict import Found, Verdict
from cdnet.search.space import CDS, CS

WIDTHS = (1.0, 0.75, 0.5, 0.25)
MIDDLE = 64
"""Channels inside CDNet's first CBlocks, the narrowest."""
OURS = ("cnet", "cdnet")
"""How the names of the paper's own networks begin."""


def _found(supports: bool, figures: str) -> Found:
    verdict: Verdict = "supports" if supports else "contradicts"
    return Found(verdict, figures)


def spaces() -> Found:
    """Count the networks of CS and CDS, and the CBlocks that theirs can have."""
    repeats = [choice.repeats for choice in CDS.candidates]
    depths = (CDS.mblocks * min(repeats), CDS.mblocks * max(repeats))
    sizes = (CS.size, CDS.size)
    fine = sizes == (6**6, 12**6) and depths == (6, 12)
    return _found(fine, f"{sizes[0]:,} and {sizes[1]:,} networks, {depths[0]} to {depths[1]} CBlocks")


def lites() -> Found:
    """Count Lite 3x3 in a row, and one Lite whose depthwise kernel is as wide as theirs are together.

    Without their 1x1 convolutions, which the paper does not speak of, the depthwise kernels themselves would be fewer.
    """
    # Per channel: the 1x1 convolution, the depthwise kernel, and batch norm's scale and shift.
    pairs = {k: (count_params(lite_k(MIDDLE, k)), MIDDLE * (MIDDLE + k * k + 2)) for k in (5, 7, 9)}
    said = ", ".join(f"{k}x{k}: {ours:,} against {wide:,}" for k, (ours, wide) in pairs.items())
    alone = ", ".join(f"{MIDDLE * 9 * (k // 2):,} against {MIDDLE * k * k:,}" for k in pairs)
    return _found(
        all(ours < wide for ours, wide in pairs.values()),
        f"{said}, with their 1x1 convolutions, {MIDDLE} channels; the depthwise kernels alone are fewer, {alone}",
    )


def neck() -> Found:
    """Count what FBLNeck has at inference."""
    params = count_params(create_model("cdnet")) - count_params(create_model("cdnet").backbone)
    return _found(params == 0, f"its squeeze of fmap2 stays, {params:,} parameters; the rest is removed")


def fewest() -> Found:
    """Compare CNet and CDNet with what Table 3 prints of the others."""
    ours = [_params(name, 1.0) / 1e6 for name in ("cnet", "cdnet")]
    rows = [row for row in read_paper().tables["table-3"].rows if not row.name.startswith(OURS)]
    others = [float(row.paper["params"].lstrip("~")) for row in rows]
    said = " and ".join(f"{params:.2f}" for params in ours)
    return _found(max(ours) < min(others), f"{said} M counted, {min(others):g} M and more printed of the others")


def stages() -> Found:
    """Count the CBlocks in each stage of CNet and CDNet."""
    cnet, cdnet = (
        [sum(choice.repeats for choice in stage) for stage in _genotype(name).stages]
        for name in ("cnet-top2", "cdnet-top2")
    )
    fine = all(deeper == shallow + 1 for shallow, deeper in zip(cnet, cdnet, strict=True))
    return _found(fine, f"{'+'.join(map(str, cdnet))} against {'+'.join(map(str, cnet))} CBlocks")


def osnet_neck() -> Found:
    """Count OSNet with FBLNeck and with its own head, at inference."""
    ours, own = (count_params(create_model("osnet", neck=neck)) / 1e6 for neck in ("fblneck", "fcneck"))
    return _found(ours < own, f"{ours:.2f} against {own:.2f} M")


def depths() -> Found:
    """Compare the depths of the searched CDNets with the greatest."""
    found = [_genotype(f"cdnet-top{k}").depth for k in (1, 2, 3, 4)]
    return _found(max(found) < 12, f"{', '.join(map(str, found))} CBlocks of at most 12")


def kernels() -> Found:
    """Compare the mean kernel of CNet and CDNet, each kernel as often as it is there."""
    means = []
    for name in ("cnet-top2", "cdnet-top2"):
        choices = [choice for stage in _genotype(name).stages for choice in stage]
        kernels = [k for choice in choices for k in (choice.k1, choice.k2) for _ in range(choice.repeats)]
        means.append(sum(kernels) / len(kernels))
    return _found(means[0] > means[1], f"mean kernel {means[0]:.2f} against {means[1]:.2f}")


def widths() -> Found:
    """Compare CDNet and FNeck's squeeze with OSNet and its head at each width."""
    pairs = [
        ((_params("cdnet", beta), _macs("cdnet", beta)), (_params("osnet", beta), _macs("osnet", beta)))
        for beta in WIDTHS
    ]
    fine = all(ours[0] < other[0] and ours[1] < other[1] for ours, other in pairs)
    said = "; ".join(
        f"{beta:g}: {ours[0] / 1e6:.2f} against {other[0] / 1e6:.2f} M, "
        f"{ours[1] / 1e6:.1f} against {other[1] / 1e6:.1f} M MACs"
        for beta, (ours, other) in zip(WIDTHS, pairs, strict=True)
    )
    return _found(fine, said)


def bag_of_tricks() -> Found:
    """Compare CDNet with ResNet-50 and BNNeck, whose parameters Table 12 prints with the classifier."""
    ours = count(create_model("cdnet"), 256, 128)
    theirs = count(create_model("resnet50", neck="bnneck"), 256, 128)
    params = count_params(create_model("resnet50", neck="bnneck", identities=751)) / ours.params
    macs = theirs.macs / ours.macs
    return _found(params >= 13 and macs >= 3, f"{params:.1f} times fewer parameters, {macs:.1f} times fewer MACs")


@cache
def _genotype(name: str) -> Genotype:
    return read_genotype(name)


def _params(network: str, width: float) -> int:
    return count_params(create_model(network, width, "fcneck" if network == "osnet" else "fblneck"))


def _macs(network: str, width: float) -> int:
    return count(create_model(network, width, "fcneck" if network == "osnet" else "fblneck"), 256, 128).macs


COUNTED: Mapping[str, Callable[[], Found]] = {
    "spaces": spaces,
    "lites": lites,
    "neck": neck,
    "fewest": fewest,
    "depths": depths,
    "kernels": kernels,
    "stages": stages,
    "osnet-neck": osnet_neck,
    "widths": widths,
    "bag-of-tricks": bag_of_tricks,
}
"""Counts by the names that ``claims.yaml`` has."""
