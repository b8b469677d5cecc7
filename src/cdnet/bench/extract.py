"""Extraction at any scale: drawn pictures, repeated as often as need be, and the memory that it takes all along."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from cdnet.bench.memory import resident, watch_memory
from cdnet.bench.rows import Report
from cdnet.draw.market import draw_market1501
from cdnet.errors import CdnetError
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.job import Task, extract_all, in_this_process
from cdnet.extract.parts import Part
from cdnet.search.timing import machine_name

MARKS = 20
"""Times at which memory is looked at."""


def bench_extract(
    extractor: FeatureExtractor, pictures: int, ending: str = "parquet", tell: Callable[[str], object] = lambda _: None
) -> Report:
    """Extract so many pictures, and return how many a second and the megabytes of the process all along.

    The peak counts what writing the file takes, too; the pictures, JPEG of 128x64, are read and decoded every time.

    Args:
        extractor: the network.
        pictures: at least 1; some 400 are drawn and listed again and again in a CSV file.
        ending: parquet or npz.
        tell: is told how far it is.

    Raises:
        CdnetError: if the number makes no sense, or the disk is full.
    """
    if pictures < 1:
        raise CdnetError(f"at least 1 picture is extracted, not {pictures}")
    memory: list[tuple[int, float]] = []

    def watched(one: FeatureExtractor, tasks: Iterator[Task], count: int) -> Iterable[tuple[int, Part]]:
        every = max(1, count // MARKS)
        for done, part in enumerate(in_this_process(one, tasks, count), start=1):
            yield part
            if done % every == 0 or done == count:
                with suppress(OSError):  # where nothing tells it
                    memory.append((done, resident() / 2**20))

    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        draw_market1501(
            folder / "drawn",
            identities_train=20,
            identities_test=1,
            cameras=4,
            pictures_per_camera=5,
            distractors=0,
            junk=0,
            seed=0,
        )
        names = sorted(str(path) for path in (folder / "drawn" / "bounding_box_train").iterdir())
        with (folder / "list.csv").open("w") as table:
            table.write("path\n")
            table.writelines(f"{names[number % len(names)]}\n" for number in range(pictures))
        began = time.perf_counter()
        with watch_memory() as peak:
            found = extract_all(extractor, folder / "list.csv", folder / f"out.{ending}", compute=watched, tell=tell)
        seconds = time.perf_counter() - began
        size = (folder / f"out.{ending}").stat().st_size
    return {
        "weights": extractor.name,
        "runtime": extractor.runtime,
        "hardware": f"{torch.get_num_threads()} thread(s) of {machine_name(torch.device('cpu'))}",
        "pictures": found.count,
        "seconds": round(seconds, 1),
        "pictures_per_second": round(found.count / seconds, 1),
        "megabytes_after_parts": [[done, round(used, 1)] for done, used in memory],
        "megabytes_grown_by_at_most": None if peak.bytes is None else round(peak.bytes / 2**20, 1),
        "bytes_of_file": size,
    }
