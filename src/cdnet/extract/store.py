"""Files of features, Parquet or NumPy's npz: written and read block by block, so that they may be larger than memory.

Columns are ``path``, ``identity`` and ``camera`` where they are known, and ``features``; a JSON object says of which
network and of which list they are. In an npz they are ``paths``, ``identities``, ``cameras``, ``features``, ``about``.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cdnet.errors import CdnetError
from cdnet.files import write_atomically

ENDINGS = (".parquet", ".npz")
KEY = b"cdnet"
MOST_ABOUT = 2**22
"""Bytes of what a file says of itself."""
MOST_LETTERS = 16_384
"""Of a name; those of a block are in memory together, each as long as the longest."""
ROWS = 4096
"""Rows of a npz that are read at a time."""

Texts = list[str | None]
Blocks = Callable[[], Iterable["Block"]]
"""Gives the blocks anew each time."""


@dataclass(frozen=True)
class Block:
    """Some rows: paths, features N x D, and the columns ``identity`` and ``camera`` where they are known."""

    paths: list[str]
    features: npt.NDArray[np.float32]
    columns: dict[str, Texts]


@dataclass(frozen=True)
class FeatureFile:
    """A file of features: what it says of itself, how many rows it has, and its blocks, read as they are asked for."""

    path: Path
    about: dict[str, Any]
    count: int
    blocks: Blocks


def check_ending(path: Path) -> None:
    """Refuse a name that says no format, or one whose package is lacking, before anything is computed.

    Raises:
        CdnetError: if it does.
    """
    if path.suffix.lower() not in ENDINGS:
        raise CdnetError(f"{path}: the ending says the format of features; use {' or '.join(ENDINGS)}")
    if path.suffix.lower() == ".parquet":
        _arrow(path)


def _arrow(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CdnetError(f"{path} needs pyarrow; pip install 'cdnet-reid[parquet]', or write .npz instead") from None
    return pyarrow


def write_features(path: Path, blocks: Blocks, about: dict[str, Any], columns: tuple[str, ...]) -> None:
    """Write blocks to a file, atomically.

    Args:
        path: ends in .parquet or .npz.
        blocks: at least one, all of ``about['dimension']`` features.
        about: what the file says of itself; ``count`` and ``dimension`` are its rows and columns.
        columns: which of ``identity`` and ``camera`` there are.

    Raises:
        CdnetError: if it cannot be written; nothing is then left behind.
    """
    check_ending(path)
    write = _write_parquet if path.suffix.lower() == ".parquet" else _write_npz
    write_atomically(path, lambda file: write(file, path, blocks, about, columns))


def _write_parquet(file: BinaryIO, path: Path, blocks: Blocks, about: dict[str, Any], columns: tuple[str, ...]) -> None:
    arrow = _arrow(path)
    fields = [("path", arrow.string()), *((name, arrow.string()) for name in columns)]
    fields.append(("features", arrow.list_(arrow.float32(), about["dimension"])))
    schema = arrow.schema(fields, metadata={KEY: json.dumps(about)})
    with arrow.parquet.ParquetWriter(file, schema, use_dictionary=list(columns)) as writer:
        for block in blocks():
            features = arrow.FixedSizeListArray.from_arrays(arrow.array(block.features.ravel()), about["dimension"])
            texts = (arrow.array(block.columns[name], arrow.string()) for name in columns)
            writer.write_table(arrow.Table.from_arrays([arrow.array(block.paths), *texts, features], schema=schema))


def _write_npz(file: BinaryIO, _path: Path, blocks: Blocks, about: dict[str, Any], columns: tuple[str, ...]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        shape = (about["count"], about["dimension"])
        _add(archive, "features", "<f4", shape, (block.features for block in blocks()))
        _add_texts(archive, "paths", about["count"], lambda: (list(block.paths) for block in blocks()))
        for name, several in (("identity", "identities"), ("camera", "cameras")):
            if name in columns:
                _add_texts(archive, several, about["count"], partial(_column, blocks, name))
        text = np.array(json.dumps(about))
        _add(archive, "about", text.dtype.str, (), [text])


def _column(blocks: Blocks, name: str) -> Iterator[Texts]:
    return (block.columns[name] for block in blocks())


def _add_texts(archive: zipfile.ZipFile, name: str, count: int, texts: Callable[[], Iterator[Texts]]) -> None:
    # NumPy's texts are all as long as the longest.
    longest = max((len(text or "") for part in texts() for text in part), default=0)
    kind = f"<U{max(1, longest)}"
    _add(archive, name, kind, (count,), (np.array([text or "" for text in part], kind) for part in texts()))


def _add(archive: zipfile.ZipFile, name: str, kind: str, shape: tuple[int, ...], parts: Iterable[Any]) -> None:
    member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))  # no date: equal features are equal files
    member.compress_type = zipfile.ZIP_STORED if kind == "<f4" else zipfile.ZIP_DEFLATED
    with archive.open(member, "w", force_zip64=True) as out:
        header = {"descr": kind, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)
        for part in parts:
            out.write(part.tobytes())


def open_features(path: Path) -> FeatureFile:
    """Open a file of features that ``cdnet extract`` wrote.

    Raises:
        CdnetError: if it is none, or cut short.
    """
    check_ending(path)
    if not path.is_file():
        raise CdnetError(f"{path}: no such file")
    try:
        found = _open_parquet(path) if path.suffix.lower() == ".parquet" else _open_npz(path)
        if found.about["format"] != 1 or found.count != found.about["count"] or found.about["dimension"] < 1:
            raise ValueError("of another version, or with other rows than it says")
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        why = " ".join(str(error).split())[:200]
        raise CdnetError(f"{path}: no features that cdnet extract wrote, or cut short ({why})") from None
    return found


def _open_parquet(path: Path) -> FeatureFile:
    arrow = _arrow(path)
    with arrow.parquet.ParquetFile(path) as file:
        about = json.loads(file.schema_arrow.metadata[KEY])
        count, names = file.metadata.num_rows, file.schema_arrow.names

    def blocks() -> Iterator[Block]:
        with arrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                features = np.array(batch.column("features").flatten())
                columns = {name: batch.column(name).to_pylist() for name in ("identity", "camera") if name in names}
                shape = (batch.num_rows, about["dimension"])
                yield Block(batch.column("path").to_pylist(), features.reshape(shape), columns)

    return FeatureFile(path, about, count, blocks)


def _open_npz(path: Path) -> FeatureFile:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("about.npy").file_size > MOST_ABOUT:
            raise ValueError("says more of itself than it can")
    with np.load(path, allow_pickle=False) as kept:
        about, names = json.loads(str(kept["about"])), kept.files
    with _member(path, "features") as (_, shape, _kind):
        count = shape[0]

    def blocks() -> Iterator[Block]:
        present = [name for name in ("identities", "cameras") if name in names]
        opened = [_rows_of(path, name) for name in ("features", "paths", *present)]
        for features, paths, *texts in zip(*opened, strict=True):
            columns = {
                {"identities": "identity", "cameras": "camera"}[name]: [text or None for text in part.tolist()]
                for name, part in zip(present, texts, strict=True)
            }
            yield Block(paths.tolist(), features, columns)

    return FeatureFile(path, about, count, blocks)


@contextmanager
def _member(path: Path, name: str) -> Iterator[tuple[Any, tuple[int, ...], np.dtype[Any]]]:
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        np.lib.format.read_magic(file)
        shape, order, kind = np.lib.format.read_array_header_1_0(file)
        plain = not order and (kind == np.dtype("<f4") or (kind.kind == "U" and kind.itemsize <= MOST_LETTERS * 4))
        if not plain or not 0 <= int(np.prod(shape, dtype=float)) < 2**40:
            raise ValueError(f"{name} is no array of features or names")
        yield file, shape, kind


def _rows_of(path: Path, name: str) -> Iterator[npt.NDArray[Any]]:
    with _member(path, name) as (file, shape, kind):
        width = int(np.prod(shape[1:], dtype=np.int64))
        for start in range(0, shape[0], ROWS):
            count = min(ROWS, shape[0] - start)
            data = file.read(count * width * kind.itemsize)
            yield np.frombuffer(bytearray(data), kind).reshape(count, *shape[1:])
