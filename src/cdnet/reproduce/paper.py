"""What the paper prints, and which run each row takes: ``paper.yaml`` as dataclasses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

from cdnet.errors import CdnetError
from cdnet.nearest import nearest


@dataclass(frozen=True)
class Figure:
    """A column of the tables.

    Args:
        title: with its unit.
        kind: counted (from the network alone), genotype (read from it), trained (needs a run, in per cent), or
            timed (measured on the machine at hand).
    """

    title: str
    kind: Literal["counted", "genotype", "trained", "timed"]


Entry = dict[str, Any]
"""A part of ``paper.yaml``: texts, and lists and dicts of them."""

FIGURES = {
    "params": Figure("parameters, M", "counted"),
    "macs": Figure("MACs, M", "counted"),
    "feature_dim": Figure("feature", "counted"),
    **{f"layer{number}": Figure(f"layer {number}", "genotype") for number in range(1, 7)},
    "depth": Figure("depth", "genotype"),
    "rank1": Figure("rank-1, %", "trained"),
    "mAP": Figure("mAP, %", "trained"),
    "error": Figure("error, %", "trained"),
    "top1": Figure("top-1, %", "trained"),
    "search_ms": Figure("search, ms an image", "timed"),
    "seconds": Figure("time, s", "timed"),
    "features_s": Figure("features, s", "timed"),
    "ranking_s": Figure("ranking, s", "timed"),
}

APART = {"seconds": ("features_s", "ranking_s")}
"""Figures that are the sum of others, which the paper does not print and the tables here show."""


Scale = Literal["paper", "small"]


@dataclass(frozen=True)
class DataSet:
    """What a protocol's pictures are called; if they are of classes, how many of these, and of pictures a split."""

    title: str
    classes: int | None
    pictures: Mapping[str, int]


@dataclass(frozen=True)
class Protocol:
    """A data set and how networks are trained on it.

    Args:
        name: also the layout on disk.
        data: the data set at either scale.
        command: train or classify.
        recipe: shipped recipe with the paper's settings.
        finetune: the same for rows that start from trained weights, where there is one.
        change: what is changed of either.
        small: shipped recipe of the small scale.
        small_change: what is changed of it.
        note: what of the paper's settings is not the paper's.
        source: where the data are, if :mod:`cdnet.data.layout` does not say it.
    """

    name: str
    data: Mapping[Scale, DataSet]
    command: Literal["train", "classify"]
    recipe: str
    finetune: str
    change: Mapping[str, str]
    small: str
    small_change: Mapping[str, str]
    note: str
    source: str


@dataclass(frozen=True)
class PaperRun:
    """One training.

    Args:
        name: of its folder, and of its rows.
        protocol: on what, and by which recipes.
        change: what it changes of them.
        pretrained: whether it starts from ImageNet weights.
        unsaid: whether that is ours, the paper not saying.
        note: what is to be said of its figures, at any scale.
    """

    name: str
    protocol: Protocol
    change: Mapping[str, str]
    pretrained: bool
    unsaid: bool = False
    note: str = ""


@dataclass(frozen=True)
class SearchStep:
    """A search of which a step is timed: its space, CS or CDS, and by top how many."""

    space: str
    k: int


@dataclass(frozen=True)
class PaperRow:
    """A row of a table.

    Args:
        name: by which ``--only`` knows it; where the row can be trained, that of its run.
        title: of the network, with the marks that the paper prints.
        paper: figures as printed.
        run: the training that it takes, or None.
        network: the network to count where there is no run, or None.
        identities: whose classifiers are counted too, or None.
        macs: whether MACs are those of the whole network or of its backbone.
        known: why a count does not agree, by figure.
        note: what else to know.
        search: the search of which a step is timed, or None.
    """

    name: str
    title: str
    paper: Mapping[str, str]
    run: PaperRun | None
    network: Mapping[str, str] | None
    identities: int | None
    macs: Literal["network", "backbone"]
    known: Mapping[str, str]
    note: str
    search: SearchStep | None = None


@dataclass(frozen=True)
class PaperTable:
    """A table: its name on the command line, what it shows, its columns and its rows."""

    name: str
    title: str
    figures: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    note: str

    @property
    def runs(self) -> list[PaperRun]:
        """The trainings that the table takes."""
        return [row.run for row in self.rows if row.run is not None]

    @property
    def timed(self) -> bool:
        """Whether some of its figures are times."""
        return any(FIGURES[figure].kind == "timed" for figure in self.figures)

    def only(self, names: Iterable[str]) -> PaperTable:
        """Return the table with some of its rows.

        Raises:
            CdnetError: if a name is not a row's; it lists those that are.
        """
        wanted = list(names)
        known = [row.name for row in self.rows]
        for name in wanted:
            if name not in known:
                meant = nearest(name, known)
                raise CdnetError(f"{self.name} has no row {name!r}{meant}; its rows are {', '.join(known)}")
        rows = tuple(row for row in self.rows if row.name in wanted)
        return PaperTable(self.name, self.title, self.figures, rows, self.note)


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the paper: what it shows, the runs that it needs, the table that trains them, and the command."""

    name: str
    title: str
    table: str
    runs: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Paper:
    """All trainings, tables and figures, by name."""

    runs: Mapping[str, PaperRun]
    tables: Mapping[str, PaperTable]
    figures: Mapping[str, PaperFigure]

    def find(self, name: str) -> PaperTable | PaperFigure:
        """Return a table or a figure by its name, such as ``table-7``.

        Raises:
            CdnetError: if there is none; it lists those that there are.
        """
        found = self.tables.get(name) or self.figures.get(name)
        if found is None:
            known = [*self.tables, *self.figures]
            raise CdnetError(f"the paper has no {name!r} here{nearest(name, known)}; it has {', '.join(known)}")
        return found


@cache
def read_paper() -> Paper:
    """Read ``paper.yaml``, which comes with the package."""
    text = resources.files("cdnet").joinpath("reproduce", "paper.yaml").read_text("utf-8")
    # Every scalar stays the text that it is, so that 1.80 is not 1.8.
    data: Entry = yaml.load(text, yaml.BaseLoader)
    protocols = {name: _protocol(name, entry) for name, entry in data["protocols"].items()}
    runs = {
        name: PaperRun(
            name,
            protocols[entry.get("protocol", "market1501")],
            entry.get("change", {}),
            entry.get("pretrained", "no") in ("yes", "unsaid"),
            entry.get("pretrained", "no") == "unsaid",
            entry.get("note", ""),
        )
        for name, entry in data["runs"].items()
    }
    tables = {
        name: PaperTable(
            name,
            entry["title"],
            tuple(entry["figures"]),
            tuple(_row(key, row, runs) for key, row in entry["rows"].items()),
            entry.get("note", ""),
        )
        for name, entry in data["tables"].items()
    }
    figures = {
        name: PaperFigure(name, entry["title"], entry["table"], tuple(entry["runs"]), entry["command"])
        for name, entry in data["figures"].items()
    }
    return Paper(runs, tables, figures)


def _protocol(name: str, entry: Entry) -> Protocol:
    change, small_change = entry.get("change", {}), entry.get("small_change", {})
    if entry["command"] == "train":
        change, small_change = ({"data.layout": name} | own for own in (change, small_change))
    data = DataSet(entry["title"], *_sizes(entry, ""))
    small = _sizes(entry, "small_") if "small_classes" in entry else (data.classes, data.pictures)
    return Protocol(
        name=name,
        data={"paper": data, "small": DataSet(entry.get("small_title", data.title), *small)},
        command=entry["command"],
        recipe=entry["recipe"],
        finetune=entry["finetune"] if "finetune" in entry else entry["recipe"],
        change=change,
        small=entry["small"],
        small_change=small_change,
        note=entry.get("note", ""),
        source=entry.get("source", ""),
    )


def _sizes(entry: Entry, prefix: str) -> tuple[int | None, dict[str, int]]:
    classes = entry.get(f"{prefix}classes")
    pictures = {split: int(number) for split, number in entry.get(f"{prefix}pictures", {}).items()}
    return None if classes is None else int(classes), pictures


def _row(name: str, entry: Entry, runs: Mapping[str, PaperRun]) -> PaperRow:
    network = entry.get("network")
    return PaperRow(
        name=name,
        title=entry["title"],
        paper=entry["paper"],
        run=runs.get(name) if network is None else None,
        network=network,
        identities=int(entry["identities"]) if "identities" in entry else None,
        macs=entry.get("macs", "network"),
        known=entry.get("known", {}),
        note=entry.get("note", ""),
        search=SearchStep(entry["search"]["space"], int(entry["search"]["k"])) if "search" in entry else None,
    )
