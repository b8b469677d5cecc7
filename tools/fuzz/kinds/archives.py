"""Archives of CIFAR-100: the python one, a pickle, and the binary one, packed in every way."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from tools.fuzz.damage import TOKENS, Draw, damaged, damaged_value
from tools.fuzz.kinds.kind import Kind, nothing

PACKED = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
PICKLED = (
    *TOKENS,
    b".",
    b"(",
    b"R",
    b"c__builtin__\neval\n",
    b"b",
    b"\x8b\xff\xff\xff\x7f",
    b"\x8e\xff\xff\xff\xff\0\0\0\0",
    b"]q\0h\0a" * 50,
)


def _python(draw: Draw) -> dict[str, bytes]:
    count = draw(st.integers(1, 3))
    made = {
        "train": {"data": np.zeros((count, 3072), np.uint8), "fine_labels": [0] * count, "coarse_labels": [0] * count},
        "test": {"data": np.zeros((1, 3072), np.uint8), "fine_labels": [1], "filenames": ["a.png"]},
        "meta": {"fine_label_names": ["apple", "bee"], "coarse_label_names": ["x"]},
    }
    protocol = draw(st.sampled_from((0, 2, 4)))
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(made)))
        arrays = {key: value for key, value in made[name].items() if isinstance(value, np.ndarray)}
        plain = damaged_value(draw, {key: value for key, value in made[name].items() if key not in arrays})
        made[name] = {**arrays, **plain} if isinstance(plain, dict) else plain
    found = {name: pickle.dumps(value, protocol) for name, value in made.items()}
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(found)))
        found[name] = damaged(draw, found[name], PICKLED)
    return found


def _binary(draw: Draw) -> dict[str, bytes]:
    record = bytes([0, draw(st.integers(0, 3))]) + bytes(3072)
    found = {"train.bin": record * 3, "test.bin": record, "fine_label_names.txt": b"apple\nbee\ncat\n"}
    name = draw(st.sampled_from(sorted(found)))
    found[name] = damaged(draw, found[name])
    return found


def _archive(draw: Draw, folder: Path) -> list[str]:
    form = draw(st.sampled_from(("python", "binary")))
    files = _python(draw) if form == "python" else _binary(draw)
    path = folder / f"cifar-100-{form}.tar.gz"
    if draw(st.booleans()):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(f"cifar-100-{form}/{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        tar = damaged(draw, content.getvalue()) if draw(st.booleans()) else content.getvalue()
        pack = PACKED[draw(st.sampled_from(sorted(PACKED)))]
        path.write_bytes(damaged(draw, pack(tar)) if draw(st.booleans()) else pack(tar))
    else:
        path = folder / f"cifar-100-{form}"
        path.mkdir()
        for name, data in files.items():
            (path / name).write_bytes(data)
    # A batch that is larger than any of these has pictures, so that all is read and nothing trained.
    return [
        "classify",
        "--data.root",
        str(path),
        "--genotype",
        "cnet-top3",
        "--batch",
        "1000",
        "--device",
        "cpu",
        "--out",
        "run",
    ]


KINDS = [Kind("archives", nothing, _archive)]
