"""What ranking costs, from features to CMC, mAP and mINP: beside the product of the features alone, and torchreid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from cdnet.bench.memory import available
from cdnet.bench.peers import Torchreid, torchreid_of
from cdnet.bench.people import Drawn, draw
from cdnet.bench.rows import Row, memory_rows, timed_row
from cdnet.bench.turns import Run, in_turns
from cdnet.errors import CdnetError
from cdnet.evaluate.comparable import unit_length
from cdnet.evaluate.ranking import Metrics, evaluate_ranking
from cdnet.progress import notes

log = notes(__name__)

WHAT = "ranking: features to CMC, mAP and mINP"
_TILE = 256
_PEER_BYTES = 24
"""What torchreid takes at its peak for each query and gallery picture: distances, their order, and what matches."""


def bench_rank(
    sizes: Sequence[tuple[int, int, int]], rounds: int, peers: Mapping[str, Path], device: str = "cpu"
) -> list[Row]:
    """Time the ranking of drawn features; for each size against the product of the features, and torchreid if given.

    Args:
        sizes: queries, gallery pictures and numbers a feature.
        rounds: timed, in turns.
        peers: ``torchreid`` and its checkout, or nothing.
        device: where the features are; torchreid ranks on the CPU, and its distances are computed there.

    Raises:
        CdnetError: if a peer cannot be loaded, or finds other figures than ours.
    """
    torchreid = torchreid_of(peers)
    rows: list[Row] = []
    for size in sizes:
        drawn = draw(size, device)
        found: dict[str, Metrics] = {}

        def ours(_: int, drawn: Drawn = drawn, found: dict[str, Metrics] = found) -> None:
            found["ours"] = evaluate_ranking(drawn.query_features, drawn.gallery_features, drawn.query, drawn.gallery)

        runs: dict[str, Run] = {"ours": ours, "product": _product(drawn)}
        if torchreid is not None and _fits(size):
            runs["torchreid"] = _torchreid(torchreid, drawn, found)
        timings = in_turns(runs, rounds)
        config = drawn.config
        rows.append(timed_row(WHAT, config, timings["ours"], timings["product"], "s", "the product of the features"))
        if "torchreid" in timings:
            _check_alike(found["ours"], found["torchreid"])
            against = "torchreid: its cosine distances and its Cython"
            rows.append(timed_row(WHAT, config, timings["ours"], timings["torchreid"], "s", against))
            rows += memory_rows(config, timings["ours"], timings["torchreid"], against)
        else:
            rows += memory_rows(config, timings["ours"])
    return rows


def _fits(size: tuple[int, int, int]) -> bool:
    needed, free = _PEER_BYTES * size[0] * size[1], available()
    if free is None or needed < free:
        return True
    log.warning(
        f"torchreid is left out at {size[0]:,} x {size[1]:,}: it would take {needed / 2**30:.0f} GiB, "
        f"and {free / 2**30:.0f} are free"
    )
    return False


def _product(drawn: Drawn) -> Run:
    query, gallery = unit_length(drawn.query_features), unit_length(drawn.gallery_features)
    into = torch.empty(min(_TILE, len(query)), len(gallery), device=query.device)

    def run(_: int) -> None:
        for part in torch.split(query, _TILE):
            torch.mm(part, gallery.T, out=into[: len(part)])
        if into.is_cuda:
            torch.cuda.synchronize()

    return run


def _torchreid(peer: Torchreid, drawn: Drawn, found: dict[str, Metrics]) -> Run:
    distances, evaluate = peer.load("metrics/distance.py").compute_distance_matrix, peer.evaluate_cython()
    query, gallery = (features.cpu() for features in (drawn.query_features, drawn.gallery_features))
    labels = [part.cpu().numpy() for part in (drawn.query.identities, drawn.gallery.identities)]
    labels += [part.cpu().numpy() for part in (drawn.query.cameras, drawn.gallery.cameras)]

    def run(_: int) -> None:
        cmc, mean_ap = evaluate(distances(query, gallery, "cosine").numpy(), *labels, 50, False)
        found["torchreid"] = Metrics.of(list(map(float, cmc)), float(mean_ap), 0.0, len(query), 0, len(gallery))

    return run


def _check_alike(ours: Metrics, theirs: Metrics) -> None:
    """Refuse to compare the times of what does not do the same."""
    if abs(ours.mAP - theirs.mAP) > 1e-4 or abs(ours.rank1 - theirs.rank1) > 1e-3:
        raise CdnetError(
            f"torchreid finds mAP {100 * theirs.mAP:.3f} and rank-1 {100 * theirs.rank1:.3f} where we find "
            f"{100 * ours.mAP:.3f} and {100 * ours.rank1:.3f}; their times cannot be compared"
        )
