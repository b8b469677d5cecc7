"""Figures that follow from a network alone: parameters, MACs, the feature's length, the genotype."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch

from cdnet.genotype import CDChoice, Genotype, read_genotype
from cdnet.model_input import parse_size
from cdnet.nn.counts import count, count_params
from cdnet.nn.model import ReidModel, create_model
from cdnet.reproduce.paper import FIGURES, PaperRow


@dataclass(frozen=True)
class RowNetwork:
    """What of a recipe decides the counts; the defaults are CDNet's.

    Args:
        genotype: a shipped name, a genotype file, or a baseline.
        width: width multiplier.
        neck: name of the neck.
        stripes: FNeck's stripes.
        size: height x width of the pictures.
    """

    genotype: str = "cdnet"
    width: float = 1.0
    neck: str = "fblneck"
    stripes: int = 2
    size: str = "256x128"

    @classmethod
    def of(cls, options: Mapping[str, object]) -> RowNetwork:
        """Return the network of a recipe's keys, of which others are left out."""
        known = cls()
        values = {key: options.get(key, getattr(known, key)) for key in ("genotype", "neck", "size")}
        return cls(
            **{key: str(value) for key, value in values.items()},
            width=float(str(options.get("width", known.width))),
            stripes=int(str(options.get("stripes", known.stripes))),
        )


def count_row(row: PaperRow, network: RowNetwork) -> dict[str, float | str]:
    """Return those of a row's printed figures that the network alone decides.

    Returns:
        ``params`` and ``macs`` in millions, ``feature_dim``, ``depth``, and ``layer1`` and so on in the form in which
        the paper prints them.

    Raises:
        CdnetError: if there is no such network.
    """
    counted: dict[str, float | str] = {}
    for figure, printed in row.paper.items():
        if FIGURES[figure].kind == "counted":
            counted[figure] = _count(figure, row, network)
        elif FIGURES[figure].kind == "genotype":
            counted[figure] = _read(figure, printed, read_genotype(network.genotype))
    return counted


def _count(figure: str, row: PaperRow, network: RowNetwork) -> float:
    model = _build(network, row.identities)
    if figure == "feature_dim":
        return model.feature_dim
    if figure == "params":
        return count_params(model) / 1e6
    return _macs(network, row.identities, row.macs == "backbone") / 1e6


@cache
def _macs(network: RowNetwork, identities: int | None, backbone: bool) -> int:
    model = _build(network, identities)
    return count(model.backbone if backbone else model, *parse_size(network.size)).macs


@cache
def _build(network: RowNetwork, identities: int | None) -> ReidModel:
    with torch.device("meta"):  # shapes alone
        return create_model(network.genotype, network.width, network.neck, network.stripes, identities)


def _read(figure: str, printed: str, genotype: Genotype) -> float | str:
    if figure == "depth":
        return genotype.depth
    choices = [choice for stage in genotype.stages for choice in stage]
    return _as_printed(choices[int(figure.removeprefix("layer")) - 1], printed)


def _as_printed(choice: CDChoice, printed: str) -> str:
    # CNet's blocks are printed without their number of repeats, which is 1.
    short = printed.count(",") == 1 and choice.repeats == 1
    return f"({choice.k1},{choice.k2})" if short else str(choice)
