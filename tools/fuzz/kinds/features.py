"""What one command keeps for another: files of features, parts of an extraction that goes on, a gallery's export."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tools.fuzz.damage import Draw, damaged, damaged_json, damaged_value
from tools.fuzz.kinds.kind import Kind, draw_people, run_quietly

NETWORK = "cdnet-x0.25-market1501"
PICTURES = Path("people") / "query"
ARRAYS: tuple[Callable[[], Any], ...] = (
    lambda: np.zeros((0, 3), np.float32),
    lambda: np.full((6, 384), np.nan, np.float32),
    lambda: np.full((6, 384), 1e38, np.float32),
    lambda: np.zeros((6, 384), np.float32),
    lambda: np.ones((6, 384), np.float64),
    lambda: np.ones(6, np.complex64),
    lambda: np.array([0, 1, 10**9]),
    lambda: np.array([-1, 0, 1]),
    lambda: np.array([0, 0, 0, 0, 0, 0]),
    lambda: np.array("text"),
    lambda: np.array(["a"] * 6),
    lambda: np.array(["\x1b[31m", "", "a" * 20_000, "b", "c", "d"]),
    lambda: np.frombuffer(b'{"0": "gone", "1000000": "gone"}', np.uint8),
    lambda: np.frombuffer(b"[" * 5000, np.uint8),
)
"""What stands where an array belongs."""


def _prepare(folder: Path) -> None:
    draw_people(folder / "people")
    for name in ("features.npz", "features.parquet"):
        run_quietly(["extract", str(PICTURES), "--weights", NETWORK, "--out", name])
    for shard in (1, 2):
        run_quietly(
            ["extract", str(PICTURES), "--weights", NETWORK, "--shard", f"{shard}/2", "--out", f"shard{shard}.npz"]
        )
    shutil.copy(next((folder / PICTURES).iterdir()), folder / "person.jpg")


def _find(features: str) -> list[str]:
    return ["find", NETWORK, "--query", "person.jpg", "--gallery", features, "-k", "3"]


def _features(draw: Draw, folder: Path) -> list[str]:
    name = draw(st.sampled_from(("features.npz", "features.npz", "features.parquet", "features.parquet", "shard1.npz")))
    path = folder / name
    how = draw(st.sampled_from(("bytes", "about", "columns")))
    if how == "bytes":
        path.write_bytes(damaged(draw, path.read_bytes()))
    elif path.suffix == ".npz":
        _change_npz(draw, path, how)
    else:
        _change_parquet(draw, path, how)
    if name == "shard1.npz":
        return ["extract", "shard1.npz", "shard2.npz", "--join", "--out", "joined.npz"]
    return _find(name)


def _change_npz(draw: Draw, path: Path, how: str) -> None:
    with np.load(path) as kept:
        arrays = dict(kept.items())
    if how == "about":
        about = damaged_value(draw, json.loads(str(arrays["about"])))
        arrays["about"] = np.array(json.dumps(about))
    else:
        arrays[draw(st.sampled_from(sorted(arrays)))] = draw(st.sampled_from(ARRAYS))()
    np.savez(path, **arrays)


def _change_parquet(draw: Draw, path: Path, how: str) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    about = json.loads(table.schema.metadata[b"cdnet"])
    if how == "about":
        about = damaged_value(draw, about)
    else:
        count, width = table.num_rows, about["dimension"]
        name = draw(st.sampled_from(table.column_names))
        made = draw(
            st.sampled_from(
                (
                    lambda: pyarrow.array([None] * count, pyarrow.string()),
                    lambda: pyarrow.array(range(count)),
                    lambda: pyarrow.array([""] * count),
                    lambda: pyarrow.array(["x" * 2**20] * count),
                    lambda: pyarrow.array([b"\xff\0"] * count),
                    lambda: pyarrow.array(["\x1b[31m\n"] * count),
                    lambda: pyarrow.array([[1.0] * width] * count),
                    lambda: pyarrow.array([None] * count, pyarrow.list_(pyarrow.float32(), width)),
                    lambda: pyarrow.array([[float("inf")] * width] * count, pyarrow.list_(pyarrow.float32(), width)),
                )
            )
        )()
        table = table.set_column(table.column_names.index(name), name, made)
    table = table.replace_schema_metadata({b"cdnet": json.dumps(about).encode()})
    pyarrow.parquet.write_table(table, path)


EXTRACT = ("extract", "../extracted/query", "--weights", NETWORK, "--out", "features.npz")
"""Of pictures that stay where they were, for an extraction goes on with no others."""


def _prepare_parts(folder: Path) -> None:
    from unittest import mock

    from cdnet.cli import main

    draw_people(folder.parent / "extracted")
    (folder.parent / "extracted" / "query" / "broken.jpg").write_bytes(b"")
    with mock.patch("cdnet.extract.job.write_features", side_effect=KeyboardInterrupt):
        assert main(EXTRACT) == 130
    assert list(folder.glob("features.npz.parts/*.part"))


def _parts(draw: Draw, folder: Path) -> list[str]:
    place = folder / "features.npz.parts"
    path = place / draw(st.sampled_from(("job.json", "list.jsonl", "000000.part", "000000.part", "000000.part")))
    if path.suffix == ".json":
        path.write_bytes(damaged_json(draw, json.loads(path.read_text("utf-8"))))
    elif path.suffix == ".part" and draw(st.booleans()):
        with np.load(path) as kept:
            arrays = dict(kept.items())
        arrays[draw(st.sampled_from(sorted(arrays)))] = draw(st.sampled_from(ARRAYS))()
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        path.write_bytes(packed.getvalue())
    else:
        path.write_bytes(damaged(draw, path.read_bytes()))
    return [*EXTRACT]


def _gallery(folder: Path) -> list[str]:
    # Beside what is watched: a database changes its files whatever is asked of it.
    return ["--gallery", str(folder.resolve().parent / "gallery")]


def _prepare_export(folder: Path) -> None:
    draw_people(folder / "people")
    made = _gallery(folder)
    run_quietly(["gallery", "create", "--weights", NETWORK, *made])
    run_quietly(["gallery", "add", str(PICTURES), "--keep-pictures", *made])
    run_quietly(["gallery", "export", "--out", "exported.gz", *made])


def _export(draw: Draw, folder: Path) -> list[str]:
    path = folder / "exported.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    if draw(st.booleans()):  # what is there already is not added again
        for line in lines[1:-1]:
            line["digest"] = draw(st.binary(min_size=32, max_size=32)).hex()
            del line["data"]
    how = draw(st.sampled_from(("value", "value", "text", "bytes")))
    if how == "value":
        number = draw(st.integers(0, len(lines) - 1))
        lines[number] = damaged_value(draw, lines[number])
    content = "".join(f"{json.dumps(line)}\n" for line in lines).encode("utf-8", "surrogatepass")
    if how == "text":
        content = damaged(draw, content)
    packed = gzip.compress(content)
    path.write_bytes(damaged(draw, packed) if how == "bytes" else packed)
    return ["gallery", "import", "exported.gz", *_gallery(folder)]


FILES = ("find", NETWORK, "--query", "person.jpg", "--gallery", "features.npz")

KINDS = [
    Kind("files of features", _prepare, _features, whole=FILES),
    Kind(
        "parts of extractions",
        _prepare_parts,
        _parts,
        ("features.npz.*", "-features.npz.*"),
        whole=EXTRACT,
    ),
    Kind("exports of galleries", _prepare_export, _export),
]
