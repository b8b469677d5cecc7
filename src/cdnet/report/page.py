"""The report's page: everything in one HTML file, from the template ``demo.html.j2``."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import simplejpeg
from markupsafe import Markup

from cdnet.data.decode import Pixels
from cdnet.evaluate.evaluation import TestPictures
from cdnet.evaluate.ranking import Metrics
from cdnet.evaluate.reference import STRIPES
from cdnet.files import write_text
from cdnet.nn.counts import NetworkCounts
from cdnet.report.charts import cmc_chart, loss_chart, quality_chart
from cdnet.report.ranked import RankedList
from cdnet.search.recipe import SearchRecipe
from cdnet.search.space import SearchSpace


@dataclass(frozen=True)
class Searched:
    """What the page tells of the search.

    Args:
        recipe: of the search.
        space: that was searched.
        steps: in all; each updates the weights once and the probabilities once.
        blocks: of each MBlock, as :func:`cdnet.report.search.describe_mblocks` gives it.
        networks: as :func:`cdnet.report.search.compare_networks` gives them, at the width and size that are trained.
        given_up: numbers of the MBlocks whose likeliest candidate the budget did not allow.
    """

    recipe: SearchRecipe
    space: SearchSpace
    steps: int
    blocks: Sequence[Mapping[str, Any]]
    networks: Mapping[str, Mapping[str, Any]]
    given_up: Sequence[int]


@dataclass(frozen=True)
class DemoReport:
    """What the page tells.

    Args:
        searched: how the network was found.
        methods: figures of merit of each method by its name; the trained network first, then what it must beat.
        log: the training run's log, a line an epoch.
        lists: ranked lists of the trained network.
        pictures: the queries and the gallery that the lists point into.
        samples: some training pictures N x H x W x 3, to show what was drawn.
        network: that was found, counted.
        splits: of each split, by name, the numbers of ``pictures``, ``identities`` and ``cameras``.
        extras: gallery pictures of strangers (``distractors``) and pictures that are ignored (``junk``), counted.
        facts: what else decided the result, name and value.
        seconds: of each phase, by name.
    """

    searched: Searched
    methods: Mapping[str, Metrics]
    log: Sequence[Mapping[str, Any]]
    lists: Sequence[RankedList]
    pictures: TestPictures
    samples: Pixels
    network: NetworkCounts
    splits: Mapping[str, Mapping[str, int]]
    extras: Mapping[str, int]
    facts: Mapping[str, str]
    seconds: Mapping[str, float]


def write_report(path: Path, report: DemoReport) -> None:
    """Write the page, atomically.

    Raises:
        CdnetError: if it cannot be written.
    """
    write_text(path, render(report))


def render(report: DemoReport) -> str:
    """Return the page as HTML. It asks nothing of the network: styles, charts and pictures are inside."""
    templates = environment()
    quality = quality_chart(report.log) if report.log else None
    return templates.get_template("demo.html.j2").render(
        report=report,
        trained=next(iter(report.methods.values())),
        rivals=dict(list(report.methods.items())[1:]),
        cmc=Markup(cmc_chart({name: metrics.cmc for name, metrics in report.methods.items()})),
        loss=Markup(loss_chart(report.log)) if report.log else None,
        quality=None if quality is None else Markup(quality),
        stripes=STRIPES,
        samples=[data_uri(picture) for picture in report.samples],
        lists=[_shown(entry, report.pictures) for entry in report.lists],
    )


def environment() -> jinja2.Environment:
    """Return where the templates are, with the filters ``percent``, ``thousands`` and ``duration``."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("cdnet", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"percent": percent, "thousands": thousands, "duration": duration}
    return templates


def data_uri(pixels: Pixels) -> str:
    """Return a picture H x W x 3, RGB bytes, as a JPEG inside a ``data:`` address."""
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=88, colorspace="RGB")
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def percent(share: float | None) -> str:
    """Return a share in [0, 1] in per cent with one decimal, without the sign; a dash for None, which is no share."""
    return "\u2013" if share is None else f"{100 * share:.1f}"


def thousands(number: int) -> str:
    """Return a whole number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\u202f")


def duration(seconds: float) -> str:
    """Return a time as ``8.1 s`` or ``2 min 05 s``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def _shown(entry: RankedList, pictures: TestPictures) -> dict[str, object]:
    query, gallery = pictures.query, pictures.gallery
    asked = query.pictures[entry.query]
    places = []
    for rank, place in enumerate(entry.places, start=1):
        found = gallery.pictures[place.picture]
        # Identity 0 stands for everybody who is not looked for.
        who = f"person {found.identity}" if int(found.identity) else "a stranger or an empty place"
        places.append(
            {
                "rank": rank,
                "right": place.right,
                "image": data_uri(gallery.pixels[place.picture]),
                "alt": f"Rank {rank}, {'right' if place.right else 'wrong'}: {who}, camera {found.camera}",
                "similarity": f"{place.similarity:.3f}",
            }
        )
    return {
        "solved": entry.solved,
        "person": asked.identity,
        "camera": asked.camera,
        "image": data_uri(query.pixels[entry.query]),
        "places": places,
        "right": sum(place.right for place in entry.places),
        "matches": entry.matches,
        "first_right": entry.first_right,
        "average_precision": percent(entry.average_precision),
    }
