"""Files of features: written a part at a time, read with what they say of their network.

An ``.npz`` holds ``names``, ``features`` N x D and ``about``, a JSON text; a ``.parquet`` has the columns ``name`` and
``feature``, and the same text in its metadata. Names that are no Unicode are kept with their bytes escaped.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cdnet.errors import CdnetError
from cdnet.files import write_atomically
from cdnet.runtime.network import Features

ENDINGS = (".npz", ".parquet")
ABOUT = "cdnet"
MOST_MEMBERS = 8
Part = tuple[Sequence[str], Features]


@dataclass(frozen=True)
class FeaturesFile:
    """Features that were read: ``names`` of N pictures, ``features`` N x D, and what the file says ``about`` them."""

    names: list[str]
    features: Features
    about: dict[str, Any]


def check_ending(path: Path) -> None:
    """Refuse a file that features cannot be written to, before anything is computed for it.

    Raises:
        CdnetError: if its ending is unknown, or what it needs is not installed.
    """
    if path.suffix.lower() not in ENDINGS:
        raise CdnetError(f"{path}: the ending says the format of features; use {' or '.join(ENDINGS)}")
    if path.suffix.lower() == ".parquet":
        _pyarrow(path)


def write_features(path: Path, parts: Iterable[Part], count: int, longest: int, dimension: int, about: Any) -> None:
    """Write features, a part at a time, so that memory does not grow with their number.

    Args:
        path: whose ending says the format.
        parts: names and features N x D; can be gone through twice, for an ``.npz`` has all features before all names.
        count: of all parts together.
        longest: of the names, in characters.
        dimension: D.
        about: what the file says of them, for :func:`json.dumps`.

    Raises:
        CdnetError: if it cannot be written.
    """
    text = json.dumps(about, allow_nan=False)
    write = _write_parquet if path.suffix.lower() == ".parquet" else _write_npz
    write_atomically(path, lambda file: write(file, parts, count, longest, dimension, text))


def read_features(path: Path) -> FeaturesFile:
    """Read what :func:`write_features` wrote.

    Raises:
        CdnetError: if there is no such file, it is of another kind, or damaged.
    """
    check_ending(path)
    if not path.is_file():
        raise CdnetError(f"{path}: no such file")
    try:
        found = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_npz(path)
    except CdnetError:
        raise
    except Exception:  # damaged archives raise many things
        raise CdnetError(f"{path}: no features of `cdnet extract`, or damaged; extract them again") from None
    names, features, about = found
    whole = features.ndim == 2 and features.dtype == np.float32 and len(names) == len(features)
    if not (whole and isinstance(about, dict) and np.isfinite(features).all()):
        raise CdnetError(f"{path}: no features of `cdnet extract`, or damaged; extract them again")
    return FeaturesFile(names, features, about)


class PartFiles:
    """The parts that files hold, read one at a time, each time anew."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __iter__(self) -> Iterator[Part]:
        for file in self._files:
            read = read_features(file)
            yield read.names, read.features


def _write_npz(file: BinaryIO, parts: Any, count: int, longest: int, dimension: int, text: str) -> None:
    kinds = (("features", "<f4", (count, dimension)), ("names", f"<U{max(1, longest)}", (count,)))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, kind, shape in kinds:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": kind, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                for names, features in parts:
                    member.write(np.ascontiguousarray(features if name == "features" else names, kind).tobytes())
        made = io.BytesIO()
        np.save(made, np.array(text))
        archive.writestr("about.npy", made.getvalue())


def _read_npz(path: Path) -> tuple[list[str], Any, Any]:
    with zipfile.ZipFile(path) as archive:
        if len(archive.namelist()) > MOST_MEMBERS or sum(member.file_size for member in archive.infolist()) > max(
            4 * path.stat().st_size, 1 << 20
        ):
            raise CdnetError(f"{path}: unpacks to far more than it is; extract the features again")
    with np.load(path, allow_pickle=False) as read:
        return read["names"].tolist(), read["features"], json.loads(str(read["about"]))


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CdnetError(f"{path} needs pyarrow; install it with pip install 'cdnet-reid[parquet]'") from None
    return pyarrow


def _write_parquet(file: BinaryIO, parts: Any, count: int, longest: int, dimension: int, text: str) -> None:
    arrow = _pyarrow(Path("features.parquet"))
    fields = [("name", arrow.string()), ("feature", arrow.list_(arrow.float32(), dimension))]
    schema = arrow.schema(fields, metadata={ABOUT: text})
    with arrow.parquet.ParquetWriter(file, schema) as writer:
        for names, features in parts:
            flat = arrow.array(np.ascontiguousarray(features).ravel())
            columns = [arrow.array(list(names), arrow.string()), arrow.FixedSizeListArray.from_arrays(flat, dimension)]
            writer.write_table(arrow.Table.from_arrays(columns, schema=schema))


def _read_parquet(path: Path) -> tuple[list[str], Any, Any]:
    table = _pyarrow(path).parquet.read_table(path)
    about = json.loads((table.schema.metadata or {})[ABOUT.encode()])
    column = table.column("feature").combine_chunks()
    column = column.chunk(0) if hasattr(column, "chunk") else column
    features = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    return table.column("name").to_pylist(), features, about
