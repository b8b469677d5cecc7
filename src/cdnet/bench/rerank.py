"""What re-ranking costs, from features to re-ranked distances, beside torchreid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from cdnet.bench.memory import available
from cdnet.bench.peers import Torchreid, torchreid_of
from cdnet.bench.people import draw
from cdnet.bench.rows import Row, memory_rows, timed_row
from cdnet.bench.turns import Run, in_turns
from cdnet.evaluate.rerank import rerank
from cdnet.progress import notes

log = notes(__name__)

WHAT = "re-ranking: features to distances"
_PEER_BYTES = 24
"""What torchreid takes at its peak for each pair of all pictures: distances, their order, encodings, and copies."""


def bench_rerank(
    sizes: Sequence[tuple[int, int, int]], rounds: int, peers: Mapping[str, Path], device: str = "cpu"
) -> list[Row]:
    """Time the re-ranking of drawn features with the paper's settings; the arguments are those of ``bench_rank``.

    Raises:
        CdnetError: if a peer cannot be loaded.
    """
    torchreid = torchreid_of(peers)
    rows: list[Row] = []
    for size in sizes:
        drawn = draw(size, device)
        features = drawn.query_features, drawn.gallery_features
        runs: dict[str, Run] = {"ours": lambda _, features=features: rerank(*features).sum().item()}  # type: ignore[misc]
        everything = size[0] + size[1]
        needed, free = _PEER_BYTES * everything**2, available()
        if torchreid is not None and free is not None and needed > free:
            log.warning(
                f"torchreid is left out at {everything:,} pictures: it would take {needed / 2**30:.0f} GiB, and "
                f"{free / 2**30:.0f} are free"
            )
        elif torchreid is not None:
            runs["torchreid"] = _torchreid(torchreid, *features)
        timings = in_turns(runs, rounds)
        peer, against = timings.get("torchreid"), "torchreid: its Euclidean distances and re_ranking"
        rows.append(timed_row(WHAT, drawn.config, timings["ours"], peer, "s", against))
        rows += memory_rows(drawn.config, timings["ours"], peer, against)
    return rows


def _torchreid(peer: Torchreid, query: Tensor, gallery: Tensor) -> Run:
    distances, rerank_theirs = peer.load("metrics/distance.py"), peer.load("utils/rerank.py").re_ranking
    q, g = query.cpu(), gallery.cpu()

    def run(_: int) -> None:
        pairs = ((q, g), (q, q), (g, g))
        rerank_theirs(*(distances.compute_distance_matrix(*pair, "euclidean").numpy() for pair in pairs))

    return run
