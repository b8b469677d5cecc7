"""Files of features, Parquet or NumPy's npz: written block by block, so that they may be larger than memory.

Columns are ``path``, ``identity`` and ``camera`` where they are known, and ``features``; a JSON object says of which
network and of which list they are. In an npz they are ``paths``, ``identities``, ``cameras``, ``features``, ``about``.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from cdnet.errors import CdnetError
from cdnet.files import write_atomically

ENDINGS = (".parquet", ".npz")
KEY = b"cdnet"

Texts = list[str | None]
Blocks = Callable[[], Iterable["Block"]]
"""Gives the blocks anew each time."""


class Extraction(TypedDict):
    """What tells an extraction from others.

    ``network`` is its name, ``sha256`` that of its file, ``input`` its pre-processing; ``list`` is the digest of the
    list of pictures, ``listed`` how many it has, and ``shard`` None, or the part of it, from 1, and how many there are.
    """

    format: int
    network: str
    sha256: str
    input: object
    runtime: str
    dimension: int
    source: str
    list: str
    listed: int
    shard: NotRequired[Sequence[int] | None]


class About(Extraction):
    """What a file says of itself: of which extraction it is, its rows, and how many pictures could not be read."""

    count: int
    unreadable: int


@dataclass(frozen=True)
class Block:
    """Some rows: paths, features N x D, and the columns ``identity`` and ``camera`` where they are known."""

    paths: list[str]
    features: npt.NDArray[np.float32]
    columns: dict[str, Texts]


def check_ending(path: Path) -> None:
    """Refuse a name that says no format, or one whose package is lacking, before anything is computed.

    Raises:
        CdnetError: if it does.
    """
    if path.suffix.lower() not in ENDINGS:
        raise CdnetError(f"{path}: the ending says the format of features; use {' or '.join(ENDINGS)}")
    if path.suffix.lower() == ".parquet":
        arrow_for(path)


def arrow_for(path: Path) -> Any:
    """Return pyarrow.

    Raises:
        CdnetError: if it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CdnetError(f"{path} needs pyarrow; pip install 'cdnet-reid[parquet]', or write .npz instead") from None
    return pyarrow


def write_features(path: Path, blocks: Blocks, about: About, columns: tuple[str, ...]) -> None:
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


def _write_parquet(file: BinaryIO, path: Path, blocks: Blocks, about: About, columns: tuple[str, ...]) -> None:
    arrow = arrow_for(path)
    fields = [("path", arrow.string()), *((name, arrow.string()) for name in columns)]
    fields.append(("features", arrow.list_(arrow.float32(), about["dimension"])))
    schema = arrow.schema(fields, metadata={KEY: json.dumps(about)})
    with arrow.parquet.ParquetWriter(file, schema, use_dictionary=list(columns), write_page_checksum=True) as writer:
        for block in blocks():
            features = arrow.FixedSizeListArray.from_arrays(arrow.array(block.features.ravel()), about["dimension"])
            texts = (arrow.array(block.columns[name], arrow.string()) for name in columns)
            writer.write_table(arrow.Table.from_arrays([arrow.array(block.paths), *texts, features], schema=schema))


def _write_npz(file: BinaryIO, _path: Path, blocks: Blocks, about: About, columns: tuple[str, ...]) -> None:
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
