"""Rank-1 and mAP through a gallery, beside those of an evaluation in memory, and how long each part of it takes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from psycopg import sql

from cdnet.bench.gallery import _timed
from cdnet.bench.rows import Report
from cdnet.data.cache import Progress, silently
from cdnet.data.decode import decode, read_bytes, resize
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import evaluate_features, read_test_pictures
from cdnet.evaluate.extract import extract_by
from cdnet.evaluate.ranking import Figures, QueryScores, average, score_tile
from cdnet.gallery import searching
from cdnet.gallery.adding import Labelled, add_pictures
from cdnet.gallery.connections import Connection
from cdnet.gallery.gallery import Gallery
from cdnet.gallery.indexing import IndexProgress
from cdnet.gallery.indexing import silently as telling_nothing
from cdnet.runtime.network import Network

RANKED_BY_INDEX = 100
"""Entries that the index is asked for, a query; for its figures all others follow in the order of exact search."""


def through_gallery(
    gallery: Gallery,
    network: Network,
    data: ReidData,
    cache: Any = None,
    progress: Progress = silently,
    tell: IndexProgress = telling_nothing,
) -> Report:
    """Add a data set's gallery, search it for each query, and rank.

    Args:
        gallery: empty, or with what a call before had added.
        network: the gallery's.
        data: queries and gallery.
        cache: folder for decoded pictures; None for the usual one.
        progress: shows how far it is.
        tell: told how far the index is.

    Raises:
        CdnetError: if the gallery holds other entries than the data set's.
    """
    started = time.perf_counter()
    labelled = [Labelled(picture.path, picture.camera, picture.identity) for picture in data.require("gallery")]
    added = add_pictures(gallery, network, labelled, progress=progress)
    seconds = time.perf_counter() - started
    pictures = read_test_pictures(data, network.preprocessing.size, cache, progress)
    place = {str(picture.path.absolute()): number for number, picture in enumerate(pictures.gallery.pictures)}
    order = {entry.id: place.get(entry.place) for entry in gallery.iterate()}
    if len(order) != len(place) or None in order.values():
        raise CdnetError(f"{gallery.address}: holds {len(order):,} entries, and not the {len(place):,} of the data set")
    query = extract_by(network, pictures.query.pixels, progress=progress)
    kept = extract_by(network, pictures.gallery.pixels, progress=progress)
    labels = pictures.labels()
    unit = torch.nn.functional.normalize(query.double()).float().numpy()
    report: Report = {
        "entries": len(order),
        "added": added.added,
        "add_seconds": round(seconds, 1),
        "in_memory": evaluate_features(query, kept, pictures).to_json(),
    }

    exactly = np.empty((len(unit), len(order)), np.int32)

    def ranked(index: searching.IndexUse | None, how: str) -> Figures:
        scores: list[QueryScores] = []
        for number in progress(range(len(unit)), how, len(unit)):
            with gallery.reading() as connection:
                found = _ranked(connection, unit[number], index, len(order) if index is None else RANKED_BY_INDEX)
            row = np.array([order[one] for one in found], np.int32)
            if index is None:
                exactly[number] = row
            else:  # what it did not find comes after what it found
                row = np.concatenate([row, exactly[number][~np.isin(exactly[number], row)]])
            scores.append(score_tile(torch.from_numpy(row)[None].long(), labels[0][number : number + 1], labels[1], 50))
        return average(QueryScores(*map(torch.cat, zip(*scores, strict=True))), len(order)).to_json()

    report["through_gallery"] = ranked(None, "ranking exactly")
    report |= {"search_ms": _timed(lambda q: gallery.search(q, 20), unit[:500], 60.0, telling_nothing)}
    report |= {"parts_ms": _parts(data, network)}
    state = gallery.build_index(progress=tell, everything=True)
    if state.used:
        use = searching.IndexUse(state.ef, gallery.network.dimensions)
        report["index"] = {
            "ef": state.ef,
            "recall": state.recall,
            "ranked": RANKED_BY_INDEX,
            "through_gallery": ranked(use, "ranking by the index"),
            "search_ms": _timed(lambda q: gallery.search(q, 20), unit[:500], 60.0, telling_nothing),
        }
    return report


def _ranked(connection: Connection, feature: Any, index: searching.IndexUse | None, count: int) -> list[int]:
    if index is not None:
        matches, _ = searching.search(connection, feature, searching.Filters(), count, index=index)
        return [match.entry.id for match in matches]
    query = sql.SQL("SELECT id FROM entry ORDER BY feature <#> %s, id LIMIT %s")
    return [number for (number,) in connection.execute(query, (feature, count)).fetchall()]


def _parts(data: ReidData, network: Network) -> Report:
    """Return how long a picture takes to be read and decoded, and a feature to be computed, alone."""
    paths = [picture.path for picture in data.require("query")[:200]]
    size = network.preprocessing.size
    read: list[float] = []
    computed: list[float] = []
    for path in paths:
        started = time.perf_counter()
        pixels = resize(decode(read_bytes(path)), *size)
        decoded = time.perf_counter()
        network(np.ascontiguousarray(pixels)[None])
        read.append(1e3 * (decoded - started))
        computed.append(1e3 * (time.perf_counter() - decoded))
    return {
        name: {"median": round(float(np.median(times)), 3), "p99": round(float(np.percentile(times, 99)), 3)}
        for name, times in (("decode", read), ("feature", computed))
    }
