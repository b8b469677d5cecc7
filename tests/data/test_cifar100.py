"""CIFAR-100's three forms, each in miniature, with the same random pictures in all."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from cdnet.classify.run import describe_source
from cdnet.data import cifar100
from cdnet.data.cifar100 import MEAN, STD
from cdnet.data.class_layout import read_class_data
from cdnet.data.classes import ClassData
from cdnet.data.plain_pickle import PlainPickleError, read_plain_pickle
from cdnet.errors import CdnetError

Pixels = npt.NDArray[np.uint8]

CLASSES = ("apple", "bear", "cloud")
COUNTS = {"train": 12, "test": 6}


def pictures(split: str) -> tuple[Pixels, list[int]]:
    """Return random pictures N x 32 x 32 x 3 and their classes, in no order."""
    count = COUNTS[split]
    rng = np.random.default_rng(count)
    return rng.integers(0, 256, (count, 32, 32, 3), np.uint8), rng.permutation(np.arange(count) % len(CLASSES)).tolist()


def _planes(pixels: Pixels) -> Pixels:
    # Channel by channel, row by row, written with loops.
    rows = [[int(p[y, x, c]) for c in range(3) for y in range(32) for x in range(32)] for p in pixels]
    return np.array(rows, np.uint8)


def write_binary(folder: Path) -> Path:
    """Write the binary form; return its folder."""
    folder.mkdir(parents=True)
    for split in COUNTS:
        pixels, labels = pictures(split)
        records = (bytes([7, label]) + row.tobytes() for row, label in zip(_planes(pixels), labels, strict=True))
        (folder / f"{split}.bin").write_bytes(b"".join(records))
    (folder / "fine_label_names.txt").write_text("\n".join(CLASSES) + "\n\n")
    return folder


def write_python(folder: Path, python2: bool = True) -> Path:
    """Write the python form, as Python 2 pickled it or as Python 3 does; return its folder."""
    folder.mkdir(parents=True)
    for split in COUNTS:
        pixels, labels = pictures(split)
        planes = _planes(pixels)
        if python2:
            content = python2_pickle(planes, labels)
        else:
            content = pickle.dumps({"data": planes, "fine_labels": labels, "filenames": ["a.png"]}, protocol=2)
        (folder / split).write_bytes(content)
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": list(CLASSES)}, protocol=2))
    return folder


def python2_pickle(planes: Pixels, labels: list[int]) -> bytes:
    """Return what Python 2 wrote of a dict with an array, opcode by opcode."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x02(cnumpy\nndarray\nq\x03K\x00\x85U\x01btRq\x04"
    dtype = b"cnumpy\ndtype\nq\x05(U\x02u1K\x00K\x01tRq\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = number(planes.shape[0]) + number(planes.shape[1]) + b"\x86"
    data = b"T" + struct.pack("<i", planes.nbytes) + planes.tobytes()
    state = b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"
    fine = b"]q\x07(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}q\x01(" + text(b"data") + array + state + text(b"fine_labels") + fine + b"u."


def write_folders(root: Path) -> Path:
    """Write a folder a class with PNG files; return the root."""
    for split in COUNTS:
        for number, (pixels, label) in enumerate(zip(*pictures(split), strict=True)):
            path = root / split / CLASSES[label] / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), pixels[:, :, ::-1])
    return root


def pack(folder: Path, archive: Path) -> Path:
    """Pack a folder as a tar.gz; return the archive."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as file:
        for path in sorted(folder.iterdir()):
            entry = tarfile.TarInfo(f"{folder.name}/{path.name}")
            entry.size = path.stat().st_size
            file.addfile(entry, io.BytesIO(path.read_bytes()))
    return archive


def arrays(data: ClassData, split: str) -> list[tuple[int, bytes]]:
    """Return every picture's class and pixels, in an order of their own."""
    decoded = data.decoded(split, (32, 32))
    return sorted((int(label), pixels.tobytes()) for label, pixels in zip(decoded.labels, decoded.pixels, strict=True))


def planted(tmp_path: Path, form: str) -> Path:
    """Write one form; return what a user would give as the root."""
    python, binary = "cifar-100-python", "cifar-100-binary"
    writers: dict[str, Callable[[], Path]] = {
        "python": lambda: write_python(tmp_path / python),
        "python 3": lambda: write_python(tmp_path / python, python2=False),
        "python's parent": lambda: write_python(tmp_path / python).parent,
        "python archive": lambda: pack(write_python(tmp_path / "x" / python), tmp_path / f"{python}.tar.gz"),
        "binary": lambda: write_binary(tmp_path / binary),
        "binary archive's parent": lambda: (
            pack(write_binary(tmp_path / "x" / binary), tmp_path / "y" / f"{binary}.tar.gz").parent
        ),
        "folders": lambda: write_folders(tmp_path / "folders"),
    }
    return writers[form]()


@pytest.mark.parametrize(
    "form",
    ["python", "python 3", "python's parent", "python archive", "binary", "binary archive's parent", "folders"],
)
def test_every_form_gives_the_same_pictures(tmp_path: Path, form: str) -> None:
    data = read_class_data(planted(tmp_path, form))
    assert data.classes == CLASSES
    for split in COUNTS:
        pixels, labels = pictures(split)
        expected = sorted((label, picture.tobytes()) for label, picture in zip(labels, pixels, strict=True))
        assert arrays(data, split) == expected


def test_the_archives_keep_their_order(tmp_path: Path) -> None:
    one = read_class_data(write_python(tmp_path / "cifar-100-python"))
    other = read_class_data(write_binary(tmp_path / "cifar-100-binary"))
    for split in COUNTS:
        assert np.array_equal(one.decoded(split, (32, 32)).pixels, other.decoded(split, (32, 32)).pixels)
        assert one.split(split).labels.tolist() == other.split(split).labels.tolist() == pictures(split)[1]
    assert describe_source(one) == describe_source(other)


def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    folder = write_python(tmp_path / "cifar-100-python")
    for protocol in range(6):
        for name, content in {
            "meta": {"fine_label_names": Evil()},
            "train": [Evil()],
            "test": {"data": Evil()},
        }.items():
            before = (folder / name).read_bytes()
            (folder / name).write_bytes(pickle.dumps(content, protocol))
            with pytest.raises(CdnetError, match="not CIFAR-100 as published"):
                read_class_data(folder)
            (folder / name).write_bytes(before)
    assert not (tmp_path / "owned").exists()
    read_class_data(folder)


@pytest.mark.parametrize(
    "attack",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # a call
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",  # the same by a newer opcode
        b"(S'true'\nios\nsystem\n.",  # INST
        b"\x80\x02cos\nsystem\n.",  # a name without a call
        b"\x80\x02cnumpy\nload\n(S'x'\ntR.",  # a call into a library that arrays come from
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x01\x85cos\nsystem\n\x89U\x01atb.",  # no dtype
        b"\x80\x02cnumpy\ndtype\n)\x81.",  # NEWOBJ
        b"\x82\x01.",  # an extension code
        b"Pevil\n.",  # a persistent identity
    ],
)
def test_whatever_is_not_plain_is_refused(attack: bytes) -> None:
    with pytest.raises(PlainPickleError):
        read_plain_pickle(attack)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("wrap", [lambda x: [x, x], lambda x: (x, x), lambda x: {"a": x, "b": x}])
def test_a_few_bytes_that_name_themselves_again_and_again_stay_few(
    wrap: Callable[[object], object], protocol: int
) -> None:
    value: object = ["x"]
    for _ in range(60):
        value = wrap(value)  # 2^60 lists if each were copied
    found = read_plain_pickle(pickle.dumps(value, protocol))
    for _ in range(60):
        found = found["a"] if isinstance(found, dict) else found[1]
    assert found == ["x"]


def test_values_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from cdnet.data import plain_pickle

    monkeypatch.setattr(plain_pickle, "MAX_STEPS", 1_000)
    for endless in (b"]", b"N", b"}", b"(", b"K\0"):
        with pytest.raises(plain_pickle.PlainPickleError, match="more than 1,000 values"):
            plain_pickle.read_plain_pickle(b"\x80\x02" + endless * 1_001)
    assert plain_pickle.read_plain_pickle(b"\x80\x02](" + b"N" * 990 + b"e.") == [None] * 990


def test_tuples_that_would_be_hashed_for_ever_are_refused() -> None:
    key: object = ()
    for _ in range(60):
        key = (key, key)
    # Written by hand, for to make the dict would take as long: the key, its value, and the two put in a dict.
    key_alone = pickle.dumps(key, 2)[:-1]
    with pytest.raises(PlainPickleError, match="tuple as a key"):
        read_plain_pickle(key_alone[:2] + b"}" + key_alone[2:] + b"K\x01s.")


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_read_as_pickle_reads_them(protocol: int) -> None:
    value = {"a": [1, -2, 70_000, 2**40, 1.5, True, False, None], "b": ("x", ("y", "z"), (), [[]]), "ä": {}}
    assert read_plain_pickle(pickle.dumps(value, protocol)) == value
    array = np.random.default_rng(0).integers(0, 256, (3, 5), np.uint8)
    if protocol < 5:
        assert np.array_equal(read_plain_pickle(pickle.dumps({"data": array}, protocol))["data"], array)


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("array", [np.zeros(4, np.int16), np.zeros(4, np.float32), np.zeros((2, 2), np.uint8, "F")])
def test_other_arrays_are_refused(array: npt.NDArray[np.generic], protocol: int) -> None:
    with pytest.raises(PlainPickleError, match="wants to call"):
        read_plain_pickle(pickle.dumps(array, protocol))


def test_python_2_pickle_of_this_test_is_one_that_pickle_reads() -> None:
    pixels, labels = pictures("test")
    content = pickle.loads(python2_pickle(_planes(pixels), labels), encoding="latin-1")
    assert np.array_equal(content["data"], _planes(pixels))
    assert content["fine_labels"] == labels


@pytest.mark.parametrize("name", ["train", "meta"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_a_pickle_cut_short(tmp_path: Path, name: str, kept: float) -> None:
    folder = write_python(tmp_path / "cifar-100-python")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(CdnetError, match=rf"{name} .*download it again"):
        read_class_data(folder)


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.999])
def test_an_archive_cut_short(tmp_path: Path, kept: float) -> None:
    archive = pack(write_python(tmp_path / "x" / "cifar-100-python"), tmp_path / "cifar-100-python.tar.gz")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(CdnetError, match="cut short"):
        read_class_data(archive)


def test_a_binary_file_of_a_wrong_length(tmp_path: Path) -> None:
    folder = write_binary(tmp_path / "cifar-100-binary")
    content = (folder / "train.bin").read_bytes()
    (folder / "train.bin").write_bytes(content[:-1])
    with pytest.raises(CdnetError, match=r"train\.bin has 36,887 bytes, no multiple of 3,074"):
        read_class_data(folder)
    (folder / "train.bin").write_bytes(b"")
    with pytest.raises(CdnetError, match="has 0 bytes"):
        read_class_data(folder)


def test_a_class_without_a_name(tmp_path: Path) -> None:
    folder = write_binary(tmp_path / "cifar-100-binary")
    (folder / "fine_label_names.txt").write_text("apple\nbear\n")
    with pytest.raises(CdnetError, match=r"train\.bin has a picture whose class is none of the 2"):
        read_class_data(folder)


@pytest.mark.parametrize("label", [3, -1, 10**30])
def test_a_label_that_is_no_classs(tmp_path: Path, label: int) -> None:
    folder = write_python(tmp_path / "cifar-100-python", python2=False)
    content = pickle.loads((folder / "test").read_bytes())
    content["fine_labels"][4] = label
    (folder / "test").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(CdnetError, match="test has a picture whose class is none of the 3"):
        read_class_data(folder)


def test_names_of_classes_that_are_no_texts(tmp_path: Path) -> None:
    folder = write_python(tmp_path / "cifar-100-python")
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": ["a", "b", ["c"]]}, protocol=2))
    with pytest.raises(CdnetError, match="none of the 0 that have names"):
        read_class_data(folder)


def test_counts_that_were_not_published_are_said(tmp_path: Path) -> None:
    # A binary file that was cut between two pictures has nothing else wrong with it.
    said = read_class_data(write_binary(tmp_path / "cifar-100-binary")).unpublished()
    assert [line.partition(": ")[2] for line in said] == [
        "12 train pictures, and 50,000 were published",
        "6 test pictures, and 10,000 were published",
    ]
    assert read_class_data(write_folders(tmp_path / "folders")).unpublished() == []


@pytest.mark.parametrize(("form", "gone"), [("python", "test"), ("binary", "fine_label_names.txt")])
def test_a_missing_file_is_named(tmp_path: Path, form: str, gone: str) -> None:
    folder = planted(tmp_path, form)
    (folder / gone).unlink()
    with pytest.raises(CdnetError, match=f"no '{gone}' of CIFAR-100"):
        read_class_data(folder)


def test_labels_that_are_not_one_for_each_picture(tmp_path: Path) -> None:
    folder = write_python(tmp_path / "cifar-100-python")
    pixels, labels = pictures("train")
    (folder / "train").write_bytes(python2_pickle(_planes(pixels), labels[:-1]))
    with pytest.raises(CdnetError, match="not one class for each of its 12 pictures"):
        read_class_data(folder)


def test_something_else(tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match="no such folder or archive"):
        read_class_data(tmp_path / "nothing")
    with pytest.raises(CdnetError, match="neither CIFAR-100 nor"):
        read_class_data(tmp_path)
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a.txt").write_text("a")
    with pytest.raises(CdnetError, match="not CIFAR-100's"):
        read_class_data(pack(tmp_path / "f", tmp_path / "f.tar.gz"))
    (tmp_path / "cifar.zip").write_bytes(b"PK")
    with pytest.raises(CdnetError, match="neither CIFAR-100 nor"):
        read_class_data(tmp_path / "cifar.zip")


@pytest.mark.skipif("CDNET_CIFAR100" not in os.environ, reason="CDNET_CIFAR100 names no copy of CIFAR-100")
def test_published_counts_mean_and_deviation() -> None:
    data = read_class_data(Path(os.environ["CDNET_CIFAR100"]))
    assert (len(data.train), len(data.test), len(data.classes)) == (50_000, 10_000, 100)
    assert np.bincount(data.train.labels).tolist() == [500] * 100
    assert (data.classes[0], data.classes[-1]) == ("apple", "worm")
    pixels = np.asarray(data.decoded("train", (32, 32)).pixels, np.float64).reshape(-1, 3)
    assert pixels.mean(0) == pytest.approx(np.array(MEAN) * 255, abs=0.1)
    assert pixels.std(0) == pytest.approx(np.array(STD) * 255, abs=0.1)


@pytest.mark.parametrize("first", [None, "cifar-100-python/notes"])
def test_an_archive_that_unpacks_to_more_than_it_may_is_refused_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str | None
) -> None:
    monkeypatch.setattr(cifar100, "MAX_UNPACKED", 100_000)
    path = tmp_path / "cifar-100-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(first or "cifar-100-python/train")
        member.size = 2_000_000
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    assert path.stat().st_size < 5_000
    with pytest.raises(CdnetError, match=r"more than the .* bytes that CIFAR-100 may have unpacked"):
        read_class_data(path)


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar100, "MAX_MEMBERS", 3)
    path = tmp_path / "cifar-100-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(5):
            archive.addfile(tarfile.TarInfo(str(number)))
    with pytest.raises(CdnetError, match="more than 3 files"):
        read_class_data(path)
