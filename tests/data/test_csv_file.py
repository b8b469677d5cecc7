from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cdnet.data.check import check_data
from cdnet.data.csv_file import read_csv
from cdnet.data.csv_table import MAX_BYTES
from cdnet.data.layout import read_data
from cdnet.data.own import read_folders
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "pictures.csv"
    path.write_bytes(text.encode(encoding))
    return path


def facts(pictures: Iterable[Picture], root: Path) -> set[tuple[str, str, str | None]]:
    return {(p.path.relative_to(root).as_posix(), p.identity, p.camera) for p in pictures}


def test_csv_with_everything(tree: Tree, tmp_path: Path) -> None:
    root = tree(["1.jpg", "2.jpg", "3.jpg", "4.jpg"])
    path = table(
        tmp_path,
        "split,identity,path,camera,note\n"
        "train,Anna Müller,data/1.jpg,hall,likes hats\n"
        'query,"Doe, John",data/2.jpg,,\n'
        f" GALLERY ,007, {root / '3.jpg'} , 1 ,\n"
        "test,007,data/4.jpg,\n"
        ",,,\n"
        "train,7,data/5.jpg,2,x,,\n",
    )
    data = read_csv(path, 0.3)
    assert data.unparsed == ()
    assert facts(data.train, tmp_path) == {("data/1.jpg", "Anna Müller", "hall"), ("data/5.jpg", "7", "2")}
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
    [("file,identity\n1.jpg,a\n", "path"), ("path,person\n1.jpg,a\n", "identity"), ("\n\n", "path")],
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


PLAIN = 'path,identity,camera,split\n1.jpg,a,0,train\n2.jpg,"b, c",1,test\n'
WANTED = {("1.jpg", "a", "0")}, {("2.jpg", "b, c", "1")}


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\n" + PLAIN,
        "sep=,\n" + PLAIN,
        ' PATH , Identity,\tCAMERA, split \n 1.jpg , a, 0 , Train\n2.jpg, "b, c", 1, TEST\n',
        '"path","identity","camera","split"\n"1.jpg","a","0","train"\n"2.jpg","b, c","1","test"\n',
        "path;identity;camera;split\n1.jpg;a;0;train\n2.jpg;b, c;1;test\n",
        '"path";"identity";"camera";"split"\n"1.jpg";"a";"0";"train"\n"2.jpg";"b, c";"1";"test"\n',
        "sep=;\r\npath;identity;camera;split\r\n1.jpg;a;0;train\r\n2.jpg;b, c;1;test\r\n",
        "path\tidentity\tcamera\tsplit\n1.jpg\ta\t0\ttrain\n2.jpg\tb, c\t1\ttest\n",
        "sep=\t\npath\tidentity\tcamera\tsplit\n1.jpg\ta\t0\ttrain\n2.jpg\tb, c\t1\ttest\n",
        "path|identity|camera|split\n1.jpg|a|0|train\n2.jpg|b, c|1|test\n",
        ',path,identity,camera,split\n0,1.jpg,a,0,train\n1,2.jpg,"b, c",1,test\n',  # pandas with its index
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_one_table_however_it_is_written(tmp_path: Path, text: str, encoding: str) -> None:
    data = read_csv(table(tmp_path, text, encoding), 0.3)
    assert (facts(data.train, tmp_path), facts(data.query, tmp_path)) == WANTED
    assert (data.unparsed, data.conflicts, data.notes) == ((), (), ())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"path,identity\n", "no pictures there, for it has a header and no rows"),
        (b"path,identity\n,\n\n", "a header and no rows"),
        (PLAIN.encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        (PLAIN.encode("utf-32"), "UTF-32 text; save it as UTF-8"),
        (PLAIN.encode("utf-16-le"), "line 1: holds NUL bytes.*save it as UTF-8"),
        ("path,identity\n1.jpg,a\n2.jpg,Zoë\n".encode("cp1252"), "line 3: not UTF-8 text; save it as UTF-8"),
        (b"path,identity\n1.jpg,a\n2.jpg,b\0\n", "line 3: holds NUL bytes"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", r"a picture \(JPEG\), not a table"),
        (b"PK\x03\x04", "a spreadsheet's own file"),
        (b'path,identity\n"' + b"x" * 200_000, "line 2: .*is a quote not closed"),
        (b'path,identity\n1.jpg,"a\n2.jpg,b\n', "is a quote not closed"),
        (b'path,identity\n1.jpg,"a\n2.jpg,b"\n', "line 3: a cell of several lines; is a quote not closed"),
        (b'path,identity\n1.jpg,"a"b\n', "line 2: .*is a quote not closed"),
        (b"path,identity,path\n1.jpg,a,x.jpg\n", "the column 'path' stands 2 times"),
        (b"path,identity, Camera ,camera\n1.jpg,a,1,2\n", "the column 'camera' stands 2 times"),
        (
            b"path,identity\n1.jpg,a\n2.jpg,Doe, John\n",
            "line 3: 3 cells, and the header has 2; put a cell",
        ),
        (b"path,identity,camera\n1.jpg,a,1\n2.jpg,b\n", "line 3: 2 cells, and the header has 3"),
        (b"path,identity,camid\n1.jpg,a,1\n", "the column 'camid' is not read; call it 'camera'"),
        (b"path,identity,Camera_ID\n1.jpg,a,1\n", "the column 'camera_id' is not read"),
        (b"path,identity,subset\n1.jpg,a,train\n", "the column 'subset' is not read; call it 'split'"),
        (b"filename,pid\n1.jpg,a\n", "no column 'path'.*is 'filename,pid'"),
        (b"path identity\n1.jpg a\n", "no column 'path'.*is 'path identity'"),
    ],
)
def test_a_file_that_is_no_such_table(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "pictures.csv"
    path.write_bytes(content)
    with pytest.raises(CdnetError, match=said) as caught:
        read_data(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_pipes_devices_and_endless_files_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(CdnetError, match="no regular file"):
            read_csv(path, 0.3)
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(CdnetError, match="67,108,865 bytes are more than the 67,108,864"):
        read_csv(tmp_path / "huge.csv", 0.3)


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ("None", "'None' is what is written for none"),
        ("#N/A", "'#N/A' is what is written for none"),
        ("unknown", "'unknown' is what is written for none"),
        ("1.23E+10", "1.23E\\+10 is a number that a spreadsheet has shortened"),
        ("1,2E+15", "is a number that a spreadsheet has shortened"),
        ("1e+06", "is a number that a spreadsheet has shortened"),
    ],
)
def test_what_stands_for_nobody_is_nobody(tmp_path: Path, identity: str, said: str) -> None:
    (tmp_path / "l.csv").write_text(f"path;identity\n1.jpg;{identity}\n2.jpg;a\n3.jpg;1e3\n4.jpg;1E5\n", "utf-8")
    data = read_csv(tmp_path / "l.csv", 0)
    (problem,) = data.unparsed
    assert re.search(f"line 2: .*{said}", problem)
    assert {picture.identity for picture in data.train} == {"a", "1e3", "1E5"}


def test_an_address_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("path,identity\nhttps://example.org/1.jpg,a\n", "utf-8")
    (problem,) = read_csv(tmp_path / "l.csv", 0).unparsed
    assert "https://example.org/1.jpg is an address; download the picture" in problem


@pytest.mark.parametrize("column", ["Kamera", "cam no", "camera_no", "CameraID", "is_train", "train/test", "split no"])
def test_a_camera_or_split_by_another_name_is_refused(tmp_path: Path, column: str) -> None:
    (tmp_path / "l.csv").write_text(f"path,identity,{column}\n1.jpg,a,1\n", "utf-8")
    with pytest.raises(CdnetError, match=r"is not read; call it '(camera|split)', or leave it out"):
        read_csv(tmp_path / "l.csv", 0)


@pytest.mark.parametrize("column", ["camouflage", "trainer", "settings", "date", "campus"])
def test_other_columns_are_named_and_left_out(tmp_path: Path, column: str) -> None:
    (tmp_path / "l.csv").write_text(f"path,identity,{column}\n1.jpg,a,1\n", "utf-8")
    assert read_csv(tmp_path / "l.csv", 0).notes == (f"{tmp_path / 'l.csv'}: columns that are not read: '{column}'",)


@pytest.mark.parametrize("camera", ["-1", "nan", "None", "<NA>", "?", "-", "unknown", "NA", "#N/A"])
def test_what_stands_for_no_camera_is_no_camera(tmp_path: Path, camera: str) -> None:
    # Taken for a camera, it would be one that all pictures share, and nothing could be matched.
    data = read_csv(table(tmp_path, f"path,identity,camera\n1.jpg,a,\n2.jpg,a,{camera}\n"), 0)
    assert facts(data.train, tmp_path) == {("1.jpg", "a", None)}
    assert len(data.unparsed) == 1
    assert f"line 3: the camera {camera!r} is none; name it, or leave the cell empty" in data.unparsed[0]


def test_a_split_that_is_left_out_is_not_guessed(tmp_path: Path) -> None:
    data = read_csv(table(tmp_path, "path,identity,split\n1.jpg,a,\n"), 0)
    assert data.unparsed[0].endswith("line 2: no split; write one of train, query, gallery, test")


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    data = read_csv(table(tmp_path, "path,identity,note,,Unnamed: 0\n1.jpg,a,x,,0\n"), 0)
    assert data.notes == (f"{tmp_path / 'pictures.csv'}: columns that are not read: 'note', 'unnamed: 0'",)


def test_paths_with_backslashes_a_tilde_and_in_the_other_unicode_form(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed, apart = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    assert composed != apart
    home = tree([f"{apart}/{apart}.jpg", f"é/{composed}.jpg", "b/1.jpg", "b/2.jpg", "a\\b.jpg"])
    monkeypatch.setenv("HOME", str(home))
    rows = [
        f"data/{composed}/{composed}.jpg",
        f"data/{unicodedata.normalize('NFD', 'é')}/{apart}.jpg",
        "data\\b\\1.jpg",
        "~/b/2.jpg",
        "data/a\\b.jpg",  # a backslash that is part of the name
    ]
    path = table(tmp_path, "path,identity\n" + "".join(f"{row},a\n" for row in rows))
    data = read_csv(path, 0)
    assert [picture.path.is_file() for picture in data.train] == [True] * 5
    assert len({picture.path for picture in data.train}) == 5


def test_a_path_of_a_windows_drive_is_said(tmp_path: Path) -> None:
    data = read_csv(table(tmp_path, "path,identity\nC:\\people\\1.jpg,a\n"), 0)
    assert "line 2: C:\\people\\1.jpg is a path of a Windows drive" in data.unparsed[0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1.jpg,a,1,train\n1.jpg,b,1,train\n", "line 3: 1.jpg is 'b', and 'a' in line 2"),
        ("1.jpg,a,1,train\n./1.jpg,b,1,train\n", "line 3: ./1.jpg is 'b', and 'a' in line 2"),
        ("1.jpg,a,1,query\n1.jpg,a,2,gallery\n", "line 3: 1.jpg is of the camera '2', and of '1' in line 2"),
        ("1.jpg,a,1,train\n1.jpg,a,1,train\n", "line 3: 1.jpg is for train, and listed already in line 2"),
        ("1.jpg,a,1,train\n1.jpg,a,1,gallery\n", "line 3: 1.jpg is for gallery, and listed already in line 2"),
        ("1.jpg,a,1,test\n1.jpg,a,1,query\n", "line 3: 1.jpg is for query, and listed already in line 2"),
        ("1.jpg,a,1,query\n1.jpg,a,1.0,gallery\n", None),  # a query is not matched with itself
    ],
)
def test_one_file_in_two_rows(tree: Tree, tmp_path: Path, rows: str, said: str | None) -> None:
    root = tree(["1.jpg"])
    path = table(root, "path,identity,camera,split\n" + rows)
    data = read_data(path)
    assert data.conflicts == (() if said is None else (f"{path}, {said}",))
    if said is not None:
        assert not check_data(data).sound
        with pytest.raises(CdnetError, match="decide for one"):
            data.require("train")


def test_a_row_that_stands_twice_without_a_split_column(tmp_path: Path) -> None:
    path = table(tmp_path, "path,identity\n1.jpg,a\n1.jpg,a\n")
    assert read_csv(path, 0).conflicts == (f"{path}, line 3: 1.jpg is listed already, in line 2",)


def test_one_file_by_two_names_is_one_file(tree: Tree, tmp_path: Path) -> None:
    root = tree(["1.jpg"])
    (root / "2.jpg").symlink_to("1.jpg")
    (root / "there").symlink_to(root)
    for other in ("2.jpg", "there/1.jpg"):
        data = read_data(table(root, f"path,identity,split\n1.jpg,a,train\n{other},b,train\n"))
        assert data.conflicts == (
            f"{root / other} (the same file as {root / '1.jpg'}): given to two persons, 'a' and 'b'",
        )
    data = read_data(table(root, "path,identity,split\n1.jpg,a,train\n2.jpg,a,test\n"))
    assert "in train and in query" in data.conflicts[0]
    data = read_data(table(root, "path,identity,split\n1.jpg,a,query\n2.jpg,a,gallery\n"))
    assert data.conflicts == ()
