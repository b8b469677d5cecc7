from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cdnet.data.layout import read_data
from cdnet.data.own import read_csv, read_folders
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "pictures.csv"
    path.write_bytes(text.encode(encoding))
    return path


def facts(pictures: Iterable[Picture], root: Path) -> set[tuple[str, str, str | None]]:
    return {(p.path.relative_to(root).as_posix(), p.identity, p.camera) for p in pictures}


def test_folders_with_splits_any_names_and_missing_cameras(tree: Tree) -> None:
    root = tree(
        [
            "train/Anna Müller/x.jpg",
            "train/Anna Müller/day 2/y_c3.jpg",
            "train/山田/0002_c12s1_000451_03.jpg",
            "query/-1/a.jpg",
            "gallery/-1/b_c2.jpg",
        ]
    )
    data = read_folders(root, 0.3)
    assert facts(data.train, root) == {
        ("train/Anna Müller/x.jpg", "Anna Müller", None),
        ("train/Anna Müller/day 2/y_c3.jpg", "Anna Müller", "3"),
        ("train/山田/0002_c12s1_000451_03.jpg", "山田", "12"),
    }
    assert facts(data.query, root) == {("query/-1/a.jpg", "-1", None)}
    assert facts(data.gallery, root) == {("gallery/-1/b_c2.jpg", "-1", "2")}


def test_test_folder_is_query_and_gallery(tree: Tree) -> None:
    root = tree(["train/a/1.jpg", "test/b/1.jpg", "test/b/2.jpg", "query/c/1.jpg"])
    data = read_folders(root, 0.3)
    in_test = {("test/b/1.jpg", "b", None), ("test/b/2.jpg", "b", None)}
    assert facts(data.gallery, root) == in_test
    assert facts(data.query, root) == in_test | {("query/c/1.jpg", "c", None)}


def test_a_picture_outside_of_an_identitys_folder_is_listed(tree: Tree) -> None:
    data = read_folders(tree(["train/lost.jpg", "train/a/1.jpg"]), 0.3)
    assert len(data.train) == 1
    assert len(data.unparsed) == 1
    assert "lost.jpg: lies in no identity's folder" in data.unparsed[0]
    with pytest.raises(CdnetError, match=r"lost\.jpg"):
        data.require("train")


def test_folder_names_that_are_not_utf8(tree: Tree) -> None:
    root = tree(["a/1.jpg"])
    folder = os.fsencode(root) + b"/caf\xe9"
    os.mkdir(folder)
    Path(os.fsdecode(folder), "1.jpg").touch()
    data = read_folders(root, 0.5)
    assert len({p.identity for p in (*data.train, *data.gallery)}) == 2


def test_csv_with_everything(tree: Tree, tmp_path: Path) -> None:
    root = tree(["1.jpg", "2.jpg", "3.jpg", "4.jpg"])
    path = table(
        tmp_path,
        "split,identity,path,camera,note\n"
        "train,Anna Müller,data/1.jpg,hall,likes hats\n"
        'query,"Doe, John",data/2.jpg,,\n'
        f" GALLERY ,007, {root / '3.jpg'} , 1 ,\n"
        "test,007,data/4.jpg\n"
        ",7,data/1.jpg,2,x,too,many\n",
    )
    data = read_csv(path, 0.3)
    assert data.unparsed == ()
    assert facts(data.train, tmp_path) == {("data/1.jpg", "Anna Müller", "hall"), ("data/1.jpg", "7", "2")}
    assert facts(data.query, tmp_path) == {("data/2.jpg", "Doe, John", None), ("data/4.jpg", "007", None)}
    assert facts(data.gallery, tmp_path) == {("data/3.jpg", "007", "1"), ("data/4.jpg", "007", None)}


def test_csv_as_a_spreadsheet_saves_it(tmp_path: Path) -> None:
    # A byte order mark, carriage returns, and empty lines at the end.
    path = table(tmp_path, "path,identity,split\r\n1.jpg,a,train\r\n\r\n\r\n", "utf-8-sig")
    data = read_csv(path, 0.3)
    assert facts(data.train, tmp_path) == {("1.jpg", "a", None)}
    assert data.unparsed == ()


def test_csv_without_split_holds_out_as_folders_do(tree: Tree, tmp_path: Path) -> None:
    names = [f"n{n}/{m}.jpg" for n in range(40) for m in range(2)]
    root = tree(names)
    path = table(root, "path,identity\n" + "".join(f"{name},{name.split('/')[0]}\n" for name in names))
    by_csv, by_folder = read_csv(path, 0.4), read_folders(root, 0.4)
    assert facts(by_csv.train, root) == facts(by_folder.train, root)
    assert facts(by_csv.gallery, root) == facts(by_folder.gallery, root)
    assert by_csv.train
    assert by_csv.gallery


@pytest.mark.parametrize(
    ("text", "column"),
    [("file,identity\n1.jpg,a\n", "path"), ("path,person\n1.jpg,a\n", "identity"), ("", "path")],
)
def test_csv_without_its_columns(tmp_path: Path, text: str, column: str) -> None:
    with pytest.raises(CdnetError, match=f"no column '{column}'; the header needs path and identity"):
        read_data(table(tmp_path, text))


def test_rows_that_say_nothing_are_listed_by_line(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        'path,identity,note,split\n1.jpg,a,"two\nlines",train\n\n,a,,train\n2.jpg,,,train\n3.jpg,a,,val\n',
    )
    data = read_csv(path, 0.3)
    assert len(data.train) == 1
    assert [problem.split(": ", 1) for problem in data.unparsed] == [
        [f"{path}, line 5", "no path or no identity"],
        [f"{path}, line 6", "no path or no identity"],
        [f"{path}, line 7", "the split 'val' is none of train, query, gallery, test"],
    ]
    with pytest.raises(CdnetError, match=r"line 5.* \(and 2 more\)"):
        data.require("train")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00path", b"\xff\xd8\xff\xe0\x00\x10JFIF", b'path,identity\n"' + b"x" * 200_000]
)
def test_a_file_that_is_no_csv(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pictures.csv"
    path.write_bytes(content)
    with pytest.raises(CdnetError, match="not readable as a CSV file"):
        read_data(path)
