"""Figures 7 and 8: the features on both sides of a neck for some identities, in a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import torch
from matplotlib.lines import Line2D

from cdnet.data.cache import Progress, silently
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError
from cdnet.figures.embedding import Array, agreement, embed, silhouette
from cdnet.figures.heads import head_features, load_training_network
from cdnet.figures.lettering import labels
from cdnet.figures.pictures import read_pictures
from cdnet.figures.style import COLUMN, INK, POINT_COLOURS, POINT_MARKERS, Drawn, new_figure, paper_style

LEAST = 4
"""Pictures that an identity must have to be shown."""

MOST_IDENTITIES = len(POINT_MARKERS)
MOST_ROWS = 8

ALONG, BELOW = 24, 56
"""Letters that have room beside a row, and below the figure."""


@dataclass(frozen=True)
class Sight:
    """One head's two feature spaces, as the figure shows them.

    Args:
        label: whose head.
        triplet: places N x 2 of feats_tri.
        softmax: places N x 2 of feats_fc.
        silhouettes: of both in their own spaces, in [-1, 1].
        agreement: of the distances in one with those in the other, in [-1, 1].
    """

    label: str
    triplet: Array
    softmax: Array
    silhouettes: tuple[float, float]
    agreement: float


def check_identities(count: int) -> None:
    """Refuse a number of identities that a figure cannot show.

    Raises:
        CdnetError: if it is not 2 to ``MOST_IDENTITIES``.
    """
    if not 2 <= count <= MOST_IDENTITIES:
        raise CdnetError(f"2 to {MOST_IDENTITIES} identities can be told apart in one figure, not {count}")


def see(
    run: Path | str,
    label: str,
    people: Mapping[str, Sequence[Picture]],
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: Progress = silently,
) -> list[Sight]:
    """Return both feature spaces of each head of a run's network, for the pictures of some people.

    Args:
        run: a training run's folder.
        label: what to call it.
        people: pictures by identity, each with at least ``LEAST``.
        seed: of t-SNE.
        device: where the network runs.
        progress: shows how far it is.

    Raises:
        CdnetError: if the run has no checkpoint, or a picture cannot be read.
    """
    model, spec = load_training_network(run, device)
    pixels = read_pictures([picture.path for entries in people.values() for picture in entries], spec.size)
    numbers = number(people)
    sights = []
    heads = head_features(model, spec, pixels, progress)
    for sides in heads:
        sights.append(
            Sight(
                f"{label}, {sides.part}" if len(heads) > 1 else label,
                embed(sides.triplet, seed),
                embed(sides.softmax, seed),
                (silhouette(sides.triplet, numbers), silhouette(sides.softmax, numbers)),
                agreement(sides.triplet, sides.softmax),
            )
        )
    return sights


def number(people: Mapping[str, Sequence[Picture]]) -> torch.Tensor:
    """Return the number of each picture's identity, N, in the order of the pictures."""
    return torch.tensor([index for index, entries in enumerate(people.values()) for _ in entries])


def draw_tsne(sights: Sequence[Sight], people: Mapping[str, Sequence[Picture]]) -> Drawn:
    """Draw a row a head: feats_tri on the left, feats_fc on the right, an identity a colour and a marker.

    Args:
        sights: 1 to ``MOST_ROWS``, as :func:`see` gives them.
        people: those that they were made with.

    Raises:
        CdnetError: if there are too many rows.
    """
    if len(sights) > MOST_ROWS:
        raise CdnetError(f"one figure has room for {MOST_ROWS} heads, not {len(sights)}; give fewer runs")
    numbers = number(people).numpy()
    names, heads = labels(list(people)), labels([sight.label for sight in sights])
    with paper_style([*names, *heads]):
        figure = new_figure(COLUMN, 1.78 * len(sights) + 0.5)
        axes = figure.subplots(len(sights), 2, squeeze=False)
        for row, sight, head in zip(axes, sights, heads, strict=True):
            sides = ((sight.triplet, "feats_tri"), (sight.softmax, "feats_fc"))
            for ax, (places, side), score in zip(row, sides, sight.silhouettes, strict=True):
                _scatter(ax, places, numbers)
                ax.set_title(f"{side}, silhouette {_signed(score)}", pad=3)
            row[0].set_ylabel("\n".join(wrap(head, ALONG)), labelpad=3)
        handles = [Line2D([], [], linestyle="", **_marker(index), label=name) for index, name in enumerate(names)]
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=max(1, min(4, BELOW // (max(map(len, names)) + 4))),
            title="identity",
            title_fontsize=7,
            frameon=False,
            handletextpad=0.2,
            columnspacing=1.2,
            borderaxespad=0.1,
        )
    told = "; ".join(
        f"{sight.label}: silhouette {_signed(sight.silhouettes[0])} before and {_signed(sight.silhouettes[1])} after, "
        f"distances correlate at {_signed(sight.agreement)}"
        for sight in sights
    )
    about = (
        f"t-SNE of {len(numbers)} pictures of {len(people)} identities, the triplet side (feats_tri) on the left, the "
        f"softmax side (feats_fc) on the right, a row a head. {told}."
    )
    return Drawn(figure, "Features on both sides of the neck", about)


def _scatter(ax: Any, places: Array, numbers: Any) -> None:
    for index in range(int(numbers.max()) + 1):
        mine = places[numbers == index]
        ax.plot(mine[:, 0], mine[:, 1], linestyle="", **_marker(index))
    # A square panel on the same scale in both directions: t-SNE's distances are alike in both.
    middle = (places.max(0) + places.min(0)) / 2
    reach = 0.55 * float((places.max(0) - places.min(0)).max())
    ax.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    ax.set_box_aspect(1)
    ax.set(xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(True)


def _marker(index: int) -> dict[str, Any]:  # of many types, as matplotlib takes them
    marker = POINT_MARKERS[index]
    return {
        "marker": marker,
        "markersize": 5.5 if marker == "*" else 4,
        "markerfacecolor": POINT_COLOURS[index],
        "markeredgecolor": INK,
        "markeredgewidth": 0.4,
    }


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212")
