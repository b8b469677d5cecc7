"""Files of features, opened: what they say of themselves is believed only where it can be so."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cdnet.errors import CdnetError
from cdnet.extract.store import KEY, About, Block, Blocks, arrow_for, check_ending

FORMAT = 1
MOST_ABOUT = 2**22
"""Bytes of what a file says of itself."""
MOST_DIMENSION = 65_536
MOST_SHARDS = 1_000_000
MOST_LETTERS = 16_384
"""Of a name."""
ROWS = 4096
"""Rows that are read at a time, at most."""
AT_ONCE = 2**26
"""Bytes of a column that are read at a time, about."""

_KINDS: dict[str, type] = {
    "network": str,
    "sha256": str,
    "input": dict,
    "runtime": str,
    "dimension": int,
    "source": str,
    "list": str,
    "listed": int,
    "count": int,
    "unreadable": int,
}

_SEVERAL = {"identity": "identities", "camera": "cameras"}
"""What an npz calls the columns."""


@dataclass(frozen=True)
class FeatureFile:
    """A file of features: what it says of itself, its columns, and its blocks, read as they are asked for.

    ``columns`` are those of ``identity`` and ``camera`` that it has.
    """

    path: Path
    about: About
    columns: tuple[str, ...]
    blocks: Blocks


def open_features(path: Path) -> FeatureFile:
    """Open a file of features that ``cdnet extract`` wrote.

    Raises:
        CdnetError: if it is none, or cut short; also while its blocks are read.
    """
    check_ending(path)
    if not path.is_file():
        raise CdnetError(f"{path}: no such file")
    with _saying_what_is_wrong(path):
        opened = _open_parquet if path.suffix.lower() == ".parquet" else _open_npz
        about, count, columns, blocks = opened(path)
        _refuse_senseless(about, count)

    def looked_at() -> Iterator[Block]:
        with _saying_what_is_wrong(path):
            for block in blocks():
                _refuse_other_rows(block, about["dimension"])
                yield block

    return FeatureFile(path, about, columns, looked_at)


@contextmanager
def _saying_what_is_wrong(path: Path) -> Iterator[None]:
    try:
        yield
    except CdnetError:
        raise
    except Exception as error:  # damaged files raise nearly everything, in zipfile, NumPy and pyarrow
        why = " ".join(str(error).split())[:200]
        raise CdnetError(f"{path}: no features that cdnet extract wrote, damaged or cut short ({why})") from None


def _refuse_senseless(about: Any, count: int) -> None:
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise ValueError("of another version")
    for key, kind in _KINDS.items():
        if not isinstance(about.get(key), kind):
            raise ValueError(f"it does not say its {key}")
    shard = about.get("shard")
    if shard is not None:
        number, total = shard
        if not (isinstance(number, int) and isinstance(total, int) and 1 <= number <= total <= MOST_SHARDS):
            raise ValueError("its shard makes no sense")
    if about["unreadable"] < 0 or about["listed"] < about["count"] + about["unreadable"]:
        raise ValueError("its numbers of pictures make no sense")
    if count != about["count"] or not 1 <= about["dimension"] <= MOST_DIMENSION:
        raise ValueError("it has other rows than it says")
    if "\0" in about["source"]:
        raise ValueError("its source makes no sense")


def _refuse_other_rows(block: Block, dimension: int) -> None:
    rows = len(block.paths)
    if block.features.shape != (rows, dimension) or any(len(texts) != rows for texts in block.columns.values()):
        raise ValueError("its columns do not fit together")
    if not all(isinstance(path, str) and path and "\0" not in path for path in block.paths):
        raise ValueError("a path is none")
    if not all(isinstance(text, str | None) for texts in block.columns.values() for text in texts):
        raise ValueError("an identity or camera is no text")
    if not np.isfinite(block.features).all():
        raise ValueError("features that are not finite numbers")


def _open_parquet(path: Path) -> tuple[Any, int, tuple[str, ...], Blocks]:
    arrow = arrow_for(path)
    with arrow.parquet.ParquetFile(path) as file:
        about = json.loads(file.schema_arrow.metadata[KEY])
        count, names = file.metadata.num_rows, file.schema_arrow.names
        kind = arrow.list_(arrow.float32(), about["dimension"])
        if file.schema_arrow.field("features").type != kind:
            raise ValueError(f"its features are no {kind}")
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    present = tuple(name for name in ("identity", "camera") if name in names)
    # A text may stand in a file once, and be that of all rows.
    columns = [group.column(place) for group in groups for place in range(group.num_columns)]
    texts = [column for column in columns if column.path_in_schema in ("path", *present)]
    longest = max((column.total_uncompressed_size for column in texts), default=0)

    def blocks() -> Iterator[Block]:
        rows = _rows_at_once(max(4 * about["dimension"], longest))
        with arrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=rows):
                features = np.array(batch.column("features").flatten())
                columns = {name: batch.column(name).to_pylist() for name in present}
                shape = (batch.num_rows, about["dimension"])
                yield Block(batch.column("path").to_pylist(), features.reshape(shape), columns)

    return about, count, present, blocks


def _open_npz(path: Path) -> tuple[Any, int, tuple[str, ...], Blocks]:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("about.npy").file_size > MOST_ABOUT:
            raise ValueError("says more of itself than it can")
    with np.load(path, allow_pickle=False) as kept:
        about, names = json.loads(str(kept["about"])), kept.files
    present = {one: several for one, several in _SEVERAL.items() if several in names}
    members = ["features", "paths", *present.values()]
    shapes, kinds = zip(*(_kind_of(path, name) for name in members), strict=True)
    count = shapes[0][0]
    if shapes != ((count, about["dimension"]), *((count,) for _ in members[1:])):
        raise ValueError("its columns do not fit together")
    rows = _rows_at_once(max(4 * about["dimension"], *(kind.itemsize for kind in kinds)))

    def blocks() -> Iterator[Block]:
        for features, paths, *texts in zip(*(_rows_of(path, name, rows) for name in members), strict=True):
            columns = {one: [text or None for text in part.tolist()] for one, part in zip(present, texts, strict=True)}
            yield Block(paths.tolist(), features, columns)

    return about, count, tuple(present), blocks


def _rows_at_once(bytes_a_row: int) -> int:
    return max(1, min(ROWS, AT_ONCE // bytes_a_row))


@contextmanager
def _member(path: Path, name: str) -> Iterator[tuple[Any, tuple[int, ...], np.dtype[Any]]]:
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
        np.lib.format.read_magic(file)
        shape, order, kind = np.lib.format.read_array_header_1_0(file)
        wanted = kind == np.dtype("<f4") if name == "features" else kind.kind == "U"
        if order or not shape or not wanted or kind.itemsize > 4 * MOST_LETTERS:
            raise ValueError(f"{name} is no array of features or names")
        yield file, shape, kind


def _kind_of(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with _member(path, name) as (_, shape, kind):
        return shape, kind


def _rows_of(path: Path, name: str, rows: int) -> Iterator[npt.NDArray[Any]]:
    with _member(path, name) as (file, shape, kind):
        width = int(np.prod(shape[1:], dtype=np.int64))
        for start in range(0, shape[0], rows):
            count = min(rows, shape[0] - start)
            data = file.read(count * width * kind.itemsize)
            yield np.frombuffer(bytearray(data), kind).reshape(count, *shape[1:])
