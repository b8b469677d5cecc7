"""The report of a search: how each MBlock's probabilities moved, what was computed, what was found, what it costs."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from cdnet.engine.log_line import SEARCH, LogLine, shape_of
from cdnet.engine.record import read_whole_log
from cdnet.errors import CdnetError
from cdnet.files import write_text
from cdnet.genotype import Genotype, read_genotype
from cdnet.model_input import parse_size
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.report.page import environment
from cdnet.search.latency import Latency, read_latency
from cdnet.search.pace import search_time
from cdnet.search.recipe import SearchRecipe
from cdnet.search.run import LATENCY
from cdnet.search.space import SearchSpace

REPORT = "report.html"

COLUMNS = 60
"""The most epochs that a map shows; of a longer search, so many are picked at even distances."""

ROW, COLUMN, LABEL, BAR = 16, 10, 66, 90


def report_search(recipe: SearchRecipe, out: Path, genotype: Path) -> Path:
    """Write the report of a finished search to its folder and return its path.

    Args:
        recipe: of the search.
        out: its folder.
        genotype: what it found.

    Raises:
        CdnetError: if what the search left there lacks something, or the report cannot be written.
    """
    found, cost = read_genotype(genotype), recipe.cost
    latency = read_latency(out / LATENCY) if cost.kind == "latency" else None
    costs = {"width": cost.width, "size": parse_size(cost.size), "latency": latency, "budget": cost.budget}
    log = read_whole_log(out, SEARCH, recipe.epochs)
    write_search_report(out / REPORT, found.source, recipe.space.build(), log, found, costs)
    return out / REPORT


def write_search_report(
    path: Path,
    title: str,
    space: SearchSpace,
    log: Sequence[LogLine],
    genotype: Genotype,
    costs: Mapping[str, Any],
) -> None:
    """Write the page, one HTML file that asks nothing of the network.

    Args:
        path: of the page.
        title: what was searched and how, in a sentence.
        space: the search space.
        log: the search's log, a line an epoch, at least one.
        genotype: what was found.
        costs: ``width``, ``size`` as height and width, at which networks are compared; perhaps ``latency``, the table
            that the search used, and ``budget``.

    Raises:
        CdnetError: if it cannot be written.
    """
    latency: Latency | None = costs.get("latency")
    page = (
        environment()
        .get_template("search.html.j2")
        .render(
            title=title,
            space=space,
            log=log,
            last=log[-1],
            blocks=describe_mblocks(space, log),
            networks=compare_networks(genotype, costs["width"], costs["size"], latency),
            latency=latency,
            budget=costs.get("budget"),
            even=1 / len(space.candidates),
            most_entropy=math.log(len(space.candidates)),
            width=costs["width"],
            size="x".join(map(str, costs["size"])),
            took=search_time(log),
        )
    )
    write_text(path, page)


def describe_mblocks(space: SearchSpace, log: Sequence[LogLine]) -> list[dict[str, object]]:
    """Return each MBlock's ``number``, what was ``chosen``, its ``probability``, the ``entropy``, and a ``map`` as SVG.

    Args:
        space: the search space.
        log: the search's log, a line an epoch, at least one.

    Raises:
        CdnetError: if it is of a search in another space.
    """
    if shape_of(log[-1]["alpha"]) != (space.mblocks, len(space.candidates)):
        raise CdnetError(f"the log is not of a search in {space.describe()}")
    probabilities = _softmax(np.array([line["alpha"] for line in log]))
    computed = np.array([line["computed"] for line in log]).sum(0)
    chosen = log[-1]["chosen"]
    return [
        {
            "number": number,
            "chosen": str(space.candidates[chosen[index]]),
            "probability": probabilities[-1, index, chosen[index]],
            "entropy": log[-1]["entropy"][index],
            "map": Markup(probability_map(space, probabilities[:, index], computed[index], chosen[index], log)),
        }
        for index, number in enumerate(range(1, space.mblocks + 1))
    ]


def compare_networks(
    found: Genotype, width: float, size: tuple[int, int], latency: Latency | None = None
) -> dict[str, dict[str, float | None]]:
    """Return what the found network and the paper's cost, FNeck's squeeze included.

    Returns:
        For each name ``depth``, ``params``, ``macs`` and, by the table, ``ms``, which is None for a network that is not
        of the table's space.
    """
    networks = {"found": found, "CDNet (paper)": read_genotype("cdnet"), "CNet (paper)": read_genotype("cnet")}
    rows: dict[str, dict[str, float | None]] = {}
    for name, network in networks.items():
        counted = count(create_model(network, width), *size)
        took = None if latency is None else latency.of(network)
        rows[name] = {"depth": network.depth, "params": counted.params, "macs": counted.macs, "ms": took}
    return rows


def probability_map(
    space: SearchSpace,
    probabilities: npt.NDArray[np.float64],
    computed: npt.NDArray[np.int64],
    chosen: int,
    log: Sequence[LogLine],
) -> str:
    """Draw one MBlock as SVG: a row a candidate, a column an epoch, the darker the likelier, and how often computed.

    Args:
        space: the search space, n candidates.
        probabilities: E x n, of each epoch.
        computed: n, steps in which each branch was computed.
        chosen: the candidate that was taken.
        log: E lines.
    """
    shown = min(COLUMNS, len(probabilities))
    picked = np.unique(np.linspace(0, len(probabilities) - 1, shown).round().astype(int))
    low, high = probabilities.min(), probabilities.max()
    shade = (probabilities - low) / max(high - low, 1e-12)
    wide = LABEL + COLUMN * len(picked)
    height = ROW * len(space.candidates)
    most = max(int(computed.max()), 1)
    parts = []
    for row, candidate in enumerate(space.candidates):
        y = row * ROW
        weight = ' font-weight="700"' if row == chosen else ""
        label = f"{'▸ ' if row == chosen else ''}{candidate}"
        parts.append(f'<text x="{LABEL - 6}" y="{y + 12}" text-anchor="end"{weight}>{html.escape(label)}</text>')
        for column, epoch in enumerate(picked):
            told = f"{candidate}, epoch {log[epoch]['epoch']}: {100 * probabilities[epoch, row]:.2f} %"
            parts.append(
                f'<rect x="{LABEL + column * COLUMN}" y="{y}" width="{COLUMN}" height="{ROW - 2}" '
                f'fill="var(--series-1)" fill-opacity="{shade[epoch, row]:.3f}"><title>{told}</title></rect>'
            )
        length = BAR * int(computed[row]) / most
        told = f"{candidate}: computed in {int(computed[row])} steps"
        parts.append(
            f'<rect x="{wide + 10}" y="{y + 2}" width="{max(length, 0.5):.1f}" height="{ROW - 6}" '
            f'fill="var(--series-2)"><title>{told}</title></rect>'
        )
    best = space.candidates[int(probabilities[-1].argmax())]
    about = f"Probabilities over the epochs; at the end {best} is the likeliest, {100 * probabilities[-1].max():.2f} %"
    return (
        f'<svg width="{wide + BAR + 14}" height="{height}" viewBox="0 0 {wide + BAR + 14} {height}" '
        f'role="img" aria-label="{html.escape(about)}" '
        f'font-size="11" fill="currentColor">{"".join(parts)}</svg>'
    )


def _softmax(alpha: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    powers = np.exp(alpha - alpha.max(-1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(-1, keepdims=True)
    return shares
