"""What every exported form of a network reaches, takes and weighs: mAP, milliseconds, bytes.

Each is fed as its program feeds it, by that program's own way of resizing, read from the pictures themselves.
"""

from __future__ import annotations

import csv
import io
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cdnet import __version__
from cdnet.data.cache import CachedPictures, Progress, silently
from cdnet.data.decode import Pixels, read_pixels
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import TestPictures, evaluate_features
from cdnet.export.files import File, open_written
from cdnet.export.making import Source, make
from cdnet.export.people import draw_people
from cdnet.export.precision import Precision
from cdnet.export.targets import IR, ONNX, PROGRAM, TARGETS, WEIGHTS, Target
from cdnet.export.trial import run_in_batches
from cdnet.files import write_text
from cdnet.runtime.network import Features
from cdnet.runtime.said import Said
from cdnet.search.timing import machine_name
from cdnet.shown_text import csv_cell

BATCH = 32
ROUNDS = {1: 200, BATCH: 20}
"""Timed runs by how many pictures they are of, after a tenth of as many that do not count."""
RUNTIMES = {WEIGHTS: "pytorch", ONNX: "onnxruntime", IR: "openvino", PROGRAM: "torch.export"}
KEY = ("network", "for", "format", "precision")
FIELDS = (
    *KEY,
    "runtime",
    "bytes",
    "mAP",
    "rank1",
    "mAP_pytorch",
    "least_cosine",
    "same_order",
    "ms_1",
    f"ms_{BATCH}",
    "data",
    "hardware",
    "version",
    "date",
    "note",
)


@dataclass(frozen=True)
class Form:
    """One form: a program, a format, and bits."""

    target: Target
    ending: str
    precision: Precision


class _Weights:
    """The network itself, run by PyTorch, to compare with."""

    def __init__(self, source: Source) -> None:
        self.count: int | None = None
        self.size: tuple[int | None, int | None] = (None, None)
        self.said: Said | None = None
        self._model = source.model

    def run(self, values: npt.NDArray[np.float32]) -> Features:
        with torch.inference_mode():
            found: Features = self._model(torch.from_numpy(values)).numpy()
        return found


def forms() -> list[Form]:
    """Return the weights themselves, and every form that `cdnet export` writes."""
    every: tuple[Precision, ...] = ("fp32", "fp16", "int8")
    return [Form(TARGETS["plain"], WEIGHTS, "fp32")] + [
        Form(target, ending, precision)
        for target in TARGETS.values()
        for ending in target.formats
        for precision in every
        if (precision != "int8" or (target.int8 and ending not in (PROGRAM, WEIGHTS)))
        and (precision != "fp32" or ending != WEIGHTS)
    ]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows that are finished.

    Raises:
        CdnetError: if the file is no table of this kind.
    """
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        read = csv.DictReader(file)
        rows = list(read)
        if tuple(read.fieldnames or ()) != FIELDS:
            raise CdnetError(f"{path}: no table of `cdnet bench export`; name another file")
    return rows


def bench_export(
    name: str,
    source: Source,
    pictures: TestPictures,
    data: str,
    reached: float,
    out: Path,
    deadline: float,
    progress: Progress = silently,
) -> Iterator[dict[str, Any]]:
    """Measure each form of a network that is not in the table yet, and add it.

    Args:
        name: of the network.
        source: its weights, with pictures for 8 bits.
        pictures: queries and gallery.
        data: what they are called.
        reached: mAP by PyTorch.
        out: the table; it is written after each row.
        deadline: the moment, as of ``time.monotonic``, after which no row is begun.
        progress: shows how far a row is.

    Yields:
        each new row.
    """
    rows: list[dict[str, Any]] = list(read_rows(out))
    done = {tuple(row[key] for key in KEY) for row in rows}
    work = out.parent / f".{out.name}.work"
    for form in forms():
        key = (name, form.target.name, form.ending.removeprefix("."), form.precision)
        if key in done or time.monotonic() > deadline:
            continue
        row = dict.fromkeys(FIELDS, "") | dict(zip(KEY, key, strict=True))
        row |= {"runtime": RUNTIMES[form.ending], "mAP_pytorch": f"{reached:.6f}", "data": data} | _circumstances()
        path = work / f"net{form.ending}"  # the name may be a path
        try:
            row |= _measured(form, source, path, pictures, progress)
        except CdnetError as error:
            row["note"] = str(error).replace(str(path), path.name)
        rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({field: csv_cell(value) for field, value in one.items()} for one in rows)
        write_text(out, text.getvalue())
        yield row
    shutil.rmtree(work, ignore_errors=True)


def _measured(form: Form, source: Source, path: Path, pictures: TestPictures, progress: Progress) -> dict[str, str]:
    if form.ending == WEIGHTS and form.precision == "fp32":
        return {"bytes": str(source.file.stat().st_size)} | _run(form, source, _Weights(source), pictures, progress)
    made = make(source, form.target, path, form.precision)
    file = open_written(made.path)
    try:
        worst = made.trial.worst
        return {
            "bytes": str(made.size),
            "least_cosine": f"{worst.cosine:.7f}",
            "same_order": f"{worst.order:.5f}",
        } | _run(form, source, file, pictures, progress)
    finally:
        for written in made.written:
            written.unlink()


def _run(form: Form, source: Source, file: File, pictures: TestPictures, progress: Progress) -> dict[str, str]:
    query, gallery = (_features(form, source, file, split, progress) for split in pictures.splits())
    found = evaluate_features(torch.from_numpy(query), torch.from_numpy(gallery), pictures)
    return {
        "mAP": f"{found.mAP:.6f}",
        "rank1": f"{found.rank1:.6f}",
        **{f"ms_{batch}": _milliseconds(form, source, file, batch) for batch in ROUNDS},
    }


def _features(form: Form, source: Source, file: File, split: CachedPictures, progress: Progress) -> Features:
    batch, parts = file.count or BATCH, []
    step = batch * max(1, BATCH // batch)
    starts = range(0, len(split), step)
    for start in progress(starts, f"{form.target.name} {form.ending} {form.precision}", len(starts)):
        fed = _fed(form.target, [read_pixels(picture.path) for picture in split.pictures[start : start + step]], source)
        parts.append(run_in_batches(file, form.target.outside(source.spec)(fed), batch))
    return np.concatenate(parts)


def _fed(target: Target, pictures: list[Pixels], source: Source) -> Any:
    return np.stack([target.resize(picture, *source.spec.size) for picture in pictures])


def _milliseconds(form: Form, source: Source, file: File, batch: int) -> str:
    """A picture's share of a run, the median over the runs; empty where so many cannot be given at once."""
    if file.count not in (None, batch):
        return ""
    fed = _fed(form.target, list(draw_people(source.spec.size, batch).pictures), source)
    values, times = form.target.outside(source.spec)(fed), []
    for number in range(-ROUNDS[batch] // 10, ROUNDS[batch]):
        started = time.perf_counter()
        file.run(values)
        if number >= 0:
            times.append(time.perf_counter() - started)
    return f"{1000 * statistics.median(times) / batch:.4f}"


def _circumstances() -> dict[str, str]:
    machine = machine_name(torch.device("cpu"))
    return {
        "hardware": f"{torch.get_num_threads()} thread(s) of {machine}, torch {torch.__version__}",
        "version": __version__,
        "date": datetime.now(UTC).date().isoformat(),
    }
