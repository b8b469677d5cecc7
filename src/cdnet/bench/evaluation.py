"""What a whole evaluation costs, from files to mAP, each part apart: ours, and torchreid's with the same network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from cdnet.bench.peers import torchreid_of
from cdnet.bench.rows import Row, memory_rows, plain_row, timed_row
from cdnet.bench.torchreid_parts import Entry, TorchreidParts, silent, usable_cores
from cdnet.bench.turns import Run, Timing, in_turns
from cdnet.data.decode import Pixels
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError
from cdnet.evaluate.ahead import SAMPLE, FeaturesAhead
from cdnet.evaluate.evaluation import TestPictures, evaluate_features, read_test_pictures
from cdnet.evaluate.extract import extract_by, number_labels
from cdnet.evaluate.labels import UNKNOWN
from cdnet.runtime.choice import open_own
from cdnet.runtime.network import Features, Network
from cdnet.weights import load_model

COLD, WARM = "a whole evaluation, nothing decoded before", "a whole evaluation, pictures decoded before"
PARTS = ("reading pictures", "making the network ready", "features", "ranking")
AS_FAR = 0.005
"""How far mAPs may lie apart: the peer resizes by another filter."""


def bench_evaluation(
    weights: str, data: ReidData, runtime: str, rounds: int, peers: Mapping[str, Path], tell: Callable[[str], object]
) -> list[Row]:
    """Time the evaluation of weights on a data set, in turns with torchreid's of the same network.

    Ours is whole, as ``cdnet evaluate`` does it, where features are computed while pictures are decoded; and once more
    each part alone, which together take longer than the whole by what goes on at the same time.

    torchreid's is its engine's, with its data set and transforms, its cosine distances and its Cython, a loader's
    process for each core, and the network channels last in PyTorch. Its loading runs beside its network, so that its
    parts are what its main process waits for.

    Args:
        weights: a file, a run's folder, or the name of a shipped network.
        data: with queries and gallery.
        runtime: what computes our features, as ``cdnet evaluate --runtime`` takes it.
        rounds: timed, in turns.
        peers: ``torchreid`` and its checkout, or nothing.
        tell: is told why a runtime was not taken.

    Raises:
        CdnetError: if the weights, the pictures or the peer do not allow it, or the peer finds another mAP.
    """
    ours, theirs = _Ours(weights, data, runtime, tell), None
    runs: dict[str, Run] = {"ours": ours}
    torchreid = torchreid_of(peers)
    if torchreid is not None:
        torchreid.evaluate_cython()  # says what to do if it is not built
        theirs = _Torchreid(TorchreidParts(torchreid.folder), weights, data)
        runs["torchreid"] = theirs
    found = in_turns(runs, rounds)
    if theirs is not None and abs(ours.mean_ap - theirs.mean_ap) > AS_FAR:
        raise CdnetError(
            f"torchreid finds mAP {100 * theirs.mean_ap:.2f} where we find {100 * ours.mean_ap:.2f}; their times "
            "cannot be compared"
        )
    height, width = ours.size
    config = f"{weights}, {data.name}, {height}x{width}, {ours.chosen}, {torch.get_num_threads()} threads"
    against = "" if theirs is None else theirs.as_text
    whole = None if theirs is None else _timing(theirs.seconds["whole"])
    rows = [
        timed_row(what, config, _timing(ours.seconds[what]), whole, "s", against) | {"mAP": ours.mean_ap}
        for what in (COLD, WARM)
    ]
    for part in PARTS:
        peer = None if theirs is None or part not in theirs.seconds else _timing(theirs.seconds[part])
        rows.append(timed_row(part, config, _timing(ours.seconds[part]), peer, "s", against))
    first, others = ours.batches[0], statistics.median(ours.batches[1:] or ours.batches)
    said = "the median of the others"
    rows.append(
        plain_row("the first batch, once the network is ready", config, 1e3 * first, 1e3 * others, "ms a batch", said)
    )
    return rows + memory_rows(
        config, found["ours"], found.get("torchreid"), f"{against}, its loader's processes left out"
    )


def _timing(seconds: list[float]) -> Timing:
    return Timing(tuple(seconds[1:]), None)  # the first round does not count


class _Stopwatch:
    """Seconds of each round by what was done in it."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def timing(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds.setdefault(what, []).append(time.perf_counter() - started)


class _Ours(_Stopwatch):
    """Our evaluation: as ``cdnet evaluate`` does it, into an empty cache and again from the full one."""

    def __init__(self, weights: str, data: ReidData, runtime: str, tell: Callable[[str], object]) -> None:
        super().__init__()
        self.weights, self.data, self.runtime, self.tell = weights, data, runtime, tell
        self.size = load_model(weights)[1].size
        self.mean_ap, self.chosen = 0.0, ""
        self.batches: list[float] = []

    def __call__(self, number: int) -> None:
        with TemporaryDirectory() as folder:
            with self.timing(COLD):
                pictures = self._evaluate(Path(folder))
            with self.timing(WARM):
                self._evaluate(Path(folder))
        with TemporaryDirectory() as folder, self.timing("reading pictures"):
            read_test_pictures(self.data, self.size, Path(folder))
        with self.timing("making the network ready"):
            network = _Watched(self._open(pictures.query.pixels[:SAMPLE]))
        with self.timing("features"):
            query, gallery = (extract_by(network, split.pixels) for split in pictures.splits())
        with self.timing("ranking"):
            self.mean_ap = evaluate_features(query, gallery, pictures).mAP
        if not number:
            self.batches = network.seconds

    def _open(self, pixels: Pixels) -> Network:
        count, device = len(self.data.query) + len(self.data.gallery), torch.device("cpu")
        chosen = open_own(self.weights, self.runtime, pixels, count, device, self.tell)
        self.chosen = chosen.name
        return chosen.network

    def _evaluate(self, folder: Path) -> TestPictures:
        ahead = FeaturesAhead(self._open)
        pictures = read_test_pictures(self.data, self.size, folder, watch=ahead.watch)
        evaluate_features(*ahead.features(pictures), pictures)
        return pictures


class _Watched:
    """A network that notes how long each batch takes."""

    def __init__(self, network: Network) -> None:
        self.network, self.seconds = network, list[float]()
        self.preprocessing, self.digest, self.batch = network.preprocessing, network.digest, network.batch

    def __call__(self, pixels: Pixels) -> Features:
        started = time.perf_counter()
        found = self.network(pixels)
        self.seconds.append(time.perf_counter() - started)
        return found


class _Torchreid(_Stopwatch):
    """torchreid's evaluation of our network."""

    def __init__(self, parts: TorchreidParts, weights: str, data: ReidData) -> None:
        super().__init__()
        self.parts, self.mean_ap, self.workers = parts, 0.0, usable_cores()
        self.as_text = (
            f"torchreid's engine, {self.workers} processes to load, channels last, its cosine distances and its Cython"
            f"{parts.as_text}"
        )
        self.model, spec = load_model(weights)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.size = spec.size
        splits = data.require("query"), data.require("gallery")
        labels = number_labels(*splits)
        if any(bool((each.cameras == UNKNOWN).any()) for each in labels):
            raise CdnetError(
                f"{data.root}: torchreid wants every picture's camera to be known; leave out --peer torchreid"
            )
        self.entries = [
            [
                Entry(str(picture.path), int(identity), int(camera))
                for picture, identity, camera in zip(split, each.identities, each.cameras, strict=True)
            ]
            for split, each in zip(splits, labels, strict=True)
        ]

    def __call__(self, _: int) -> None:
        engine = self.parts.make_engine(self.model, None, 1, False)
        extract, computing = engine.extract_features, [0.0]

        def extract_timed(images: Any) -> Any:
            started = time.perf_counter()
            found = extract(images)
            computing[0] += time.perf_counter() - started
            return found

        engine.extract_features = extract_timed
        started = time.perf_counter()
        loaders = [_Waited(self.parts.test_loader(each, self.size, self.workers)) for each in self.entries]
        with silent():
            _, mean_ap = engine._evaluate("", *loaders, dist_metric="cosine")
        whole, waiting = time.perf_counter() - started, sum(loader.seconds for loader in loaders)
        self.mean_ap = float(mean_ap)
        for what, seconds in (
            ("whole", whole),
            ("reading pictures", waiting),
            ("features", computing[0]),
            ("ranking", whole - waiting - computing[0]),
        ):
            self.seconds.setdefault(what, []).append(seconds)


class _Waited:
    """A loader that notes how long its batches are waited for."""

    def __init__(self, loader: Any) -> None:
        self.loader, self.seconds = loader, 0.0

    def __iter__(self) -> Iterator[Any]:
        started = time.perf_counter()
        for batch in self.loader:
            self.seconds += time.perf_counter() - started
            yield batch
            started = time.perf_counter()
        self.seconds += time.perf_counter() - started
