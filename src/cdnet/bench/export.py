"""What every exported form of a network reaches, takes and weighs: mAP, milliseconds, bytes.

Each is fed as its program feeds it, by that program's own way of resizing, read from the pictures themselves. Times
want a machine where nothing else works; mAP does not, and takes far longer. Either may be measured alone, and the other
later.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cdnet import __version__
from cdnet.bench.rows import Report
from cdnet.data.cache import CachedPictures, Progress, silently
from cdnet.data.decode import Pixels, read_pixels
from cdnet.draft_folder import draft_folder
from cdnet.errors import CdnetError, DiskFullError
from cdnet.evaluate.evaluation import TestPictures, evaluate_features
from cdnet.export.files import File, open_written
from cdnet.export.making import Source, make
from cdnet.export.people import draw_people
from cdnet.export.precision import Precision
from cdnet.export.targets import IR, ONNX, PROGRAM, TARGETS, WEIGHTS, Target
from cdnet.export.trial import run_in_batches
from cdnet.files import refuse_no_file, saying_what_was_not_read, write_text
from cdnet.runtime.network import Features
from cdnet.runtime.said import Said
from cdnet.search.timing import machine_name
from cdnet.shown_text import csv_cell

BATCH = 32
ROUNDS = {1: 200, BATCH: 20}
"""Timed runs by how many pictures they are of, after a tenth of as many that do not count."""
RUNTIMES = {WEIGHTS: "pytorch", ONNX: "onnxruntime", IR: "openvino", PROGRAM: "torch.export"}
MEASURES = ("mAP", "times")
PACKAGES = ("onnx", "onnxscript", "onnxruntime", "openvino", "nncf")
KEY = ("network", "for", "format", "precision")
FIELDS = (
    *KEY,
    "runtime",
    "bytes",
    "mAP",
    "rank1",
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


def forms(targets: Sequence[str] = tuple(TARGETS)) -> list[Form]:
    """Return the weights themselves, and every form that `cdnet export` writes for some programs."""
    every: tuple[Precision, ...] = ("fp32", "fp16", "int8")
    return [Form(TARGETS["plain"], WEIGHTS, "fp32")] + [
        Form(target, ending, precision)
        for target in (TARGETS[name] for name in targets)
        for ending in target.formats
        for precision in every
        if (precision != "int8" or (target.int8 and ending not in (PROGRAM, WEIGHTS)))
        and (precision != "fp32" or ending != WEIGHTS)
    ]


def refuse_lacking() -> None:
    """See that what makes and runs every form is installed: no form is noted as impossible for lack of it.

    Raises:
        CdnetError: if something is not.
    """
    lacking = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        raise CdnetError(f"not installed: {', '.join(lacking)}; install it with pip install 'cdnet-reid[export]'")


def form_key(name: str, form: Form) -> tuple[str, ...]:
    """Return what the table calls a network's form, the values of :data:`KEY`."""
    return name, form.target.name, form.ending.removeprefix("."), form.precision


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows that are finished.

    Raises:
        CdnetError: if the file is no table of this kind.
    """
    if not path.exists():
        return []
    with saying_what_was_not_read(path):
        refuse_no_file(path)
    try:
        with saying_what_was_not_read(path), path.open(encoding="utf-8", newline="") as file:
            read = csv.DictReader(file)
            rows = list(read)
            if tuple(read.fieldnames or ()) == FIELDS and not any(None in (*row, *row.values()) for row in rows):
                return rows
    except (UnicodeDecodeError, csv.Error):
        pass
    raise CdnetError(f"{path}: no table of `cdnet bench export`; name another file")


def bench_export(
    name: str,
    source: Source,
    pictures: TestPictures | None,
    data: str,
    out: Path,
    deadline: float,
    measures: Sequence[str] = MEASURES,
    targets: Sequence[str] = tuple(TARGETS),
    progress: Progress = silently,
) -> Iterator[Report]:
    """Measure what the table does not have yet of each form of a network, and add it.

    Args:
        name: of the network.
        source: its weights, with pictures for 8 bits.
        pictures: queries and gallery; None if mAP is not measured.
        data: what they are called.
        out: the table; it is written after each row.
        deadline: the moment, as of ``time.monotonic``, after which no row is begun.
        measures: of :data:`MEASURES`.
        targets: names of the programs whose forms are measured.
        progress: shows how far a row is.

    Yields:
        each row to which something was added.

    Raises:
        CdnetError: if the table is none, another process writes it, or the disk is full.
    """
    with draft_folder(out) as work:  # where nobody else writes the table meanwhile
        rows: dict[tuple[str, ...], Report] = {tuple(row[key] for key in KEY): dict(row) for row in read_rows(out)}
        for form in forms(targets):
            key = form_key(name, form)
            row = rows.get(key) or dict.fromkeys(FIELDS, "") | dict(zip(KEY, key, strict=True))
            lacking = [measure for measure in measures if lacks(row, measure)]
            if not lacking or time.monotonic() > deadline:
                continue
            path = work / f"net{form.ending}"  # the name may be a path
            ranked = pictures if "mAP" in lacking else None
            try:
                row |= _measured(form, source, path, ranked, "times" in lacking, progress)
            except DiskFullError:  # which says nothing of the form
                raise
            except CdnetError as error:
                row["note"] = str(error).replace(str(path), path.name)
            row |= {"runtime": RUNTIMES[form.ending], "data": data if "mAP" in lacking else row["data"]}
            if "times" in lacking or not row["hardware"]:  # which is that of the times
                row |= _circumstances()
            rows[key] = row
            write_text(out, _as_csv(rows.values()))
            yield row


def lacks(row: dict[str, Any], measure: str) -> bool:
    """Tell whether a row is without mAP or times, and can have them."""
    return not (row["note"] or row[{"mAP": "mAP", "times": "ms_1"}[measure]])


def _as_csv(rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({field: csv_cell(value) for field, value in one.items()} for one in rows)
    return text.getvalue()


def _measured(
    form: Form, source: Source, path: Path, pictures: TestPictures | None, times: bool, progress: Progress
) -> dict[str, str]:
    if form.ending == WEIGHTS and form.precision == "fp32":
        file: File = _Weights(source)
        return {"bytes": str(source.file.stat().st_size)} | _run(form, source, file, pictures, times, progress)
    made = make(source, form.target, path, form.precision)
    worst = made.trial.worst
    try:
        return {
            "bytes": str(made.size),
            "least_cosine": f"{worst.cosine:.7f}",
            "same_order": f"{worst.order:.5f}",
        } | _run(form, source, open_written(made.path), pictures, times, progress)
    finally:
        for written in made.written:
            written.unlink()


def _run(
    form: Form, source: Source, file: File, pictures: TestPictures | None, times: bool, progress: Progress
) -> dict[str, str]:
    found: dict[str, str] = {}
    if pictures is not None:
        query, gallery = (_features(form, source, file, split, progress) for split in pictures.splits())
        ranked = evaluate_features(torch.from_numpy(query), torch.from_numpy(gallery), pictures)
        found |= {"mAP": f"{ranked.mAP:.6f}", "rank1": f"{ranked.rank1:.6f}"}
    if times:
        found |= {f"ms_{batch}": _milliseconds(form, source, file, batch) for batch in ROUNDS}
    return found


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
