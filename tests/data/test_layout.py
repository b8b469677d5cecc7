from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cdnet.data.layout import LAYOUTS, read_data
from cdnet.data.pictures import ReidData, picture_files
from cdnet.data.recipe import DataRecipe
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]
MARKET = [
    "bounding_box_train/0002_c1s1_000451_03.jpg",
    "query/0001_c1s1_001051_00.jpg",
    "bounding_box_test/0001_c2s1_000301_00.jpg",
]


def sizes(data: ReidData) -> tuple[int, int, int]:
    return len(data.train), len(data.query), len(data.gallery)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything; somebody else may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_auto_knows_market_folders_and_csv(tree: Tree, tmp_path: Path) -> None:
    root = tree(MARKET)
    assert read_data(root).name == "market1501"
    assert sizes(read_data(root)) == (1, 1, 1)
    table = tmp_path / "pictures.txt"
    table.write_text(f"path,identity,split\ndata/{MARKET[0]},a,train\n", "utf-8")
    assert read_data(table).name == "csv"
    assert sizes(read_data(str(table))) == (1, 0, 0)


def test_auto_takes_other_folders_as_a_folder_per_identity(tree: Tree) -> None:
    root = tree(["train/ann/1.jpg", "query/bob/1.jpg", "gallery/bob/2.jpg", "gallery/bob/3.jpg"])
    data = read_data(root)
    assert data.name == "folders"
    assert sizes(data) == (1, 1, 2)


def test_the_layout_can_be_said(tree: Tree) -> None:
    root = tree([*MARKET, "bounding_box_train/ann/0002_c1s1_000451_03.jpg"])
    assert sizes(read_data(root)) == (2, 1, 1)
    with pytest.raises(CdnetError, match=r"query: its pictures lie directly in it.*a folder for each person"):
        read_data(root, "folders")


def test_the_folder_of_the_archive_is_found_inside(tmp_path: Path, save: Callable[..., Path]) -> None:
    for number, name in enumerate(MARKET):
        save(tmp_path / "Market-1501-v15.09.15" / name, number)
    for layout in ("auto", "market1501"):
        data = read_data(tmp_path, layout)
        assert sizes(data) == (1, 1, 1)
        assert data.root == tmp_path / "Market-1501-v15.09.15"


def test_a_folder_of_several_data_sets_is_no_guess(tmp_path: Path, save: Callable[..., Path]) -> None:
    for number, name in enumerate(MARKET):
        save(tmp_path / "Market-1501-v15.09.15" / name, number)
    save(tmp_path / "DukeMTMC-reID" / "query" / "0001_c2_f0046182.jpg")
    with pytest.raises(CdnetError, match=r"holds DukeMTMC-reID and Market-1501-v15\.09\.15; name one of these folders"):
        read_data(tmp_path)
    assert read_data(tmp_path, "market1501").name == "market1501"
    assert read_data(tmp_path, "dukemtmc").root == tmp_path / "DukeMTMC-reID"


def test_market1501_that_is_not_there_says_where_it_is_to_be_had(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CdnetError, match=r"Market-1501 is on its authors' page, https://"):
            read_data(root, "market1501")


def test_a_layout_that_is_not_known_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match=r"unknown layout 'foldres' \(did you mean folders\?\); known are auto, "):
        read_data(tmp_path, "foldres")


def test_every_layout_is_named_where_recipes_are_described() -> None:
    assert all(name in (DataRecipe.__doc__ or "") for name in LAYOUTS)


@pytest.mark.parametrize("layout", ["auto", "market1501", "folders", "csv"])
def test_nothing_there(tmp_path: Path, layout: str) -> None:
    with pytest.raises(CdnetError, match=r"nowhere: no such folder or CSV file; --data\.root"):
        read_data(tmp_path / "nowhere", layout)


@pytest.mark.parametrize("layout", ["auto", "market1501", "folders"])
def test_empty_folder(tmp_path: Path, layout: str) -> None:
    (tmp_path / "bounding_box_train").mkdir()
    (tmp_path / "bounding_box_train" / "Thumbs.db").touch()
    with pytest.raises(CdnetError, match="no pictures there"):
        read_data(tmp_path, layout)


def test_a_split_without_pictures_is_refused_by_name(tree: Tree) -> None:
    data = read_data(tree(MARKET[1:]))
    assert len(data.require("query")) == 1
    with pytest.raises(CdnetError, match=r"the split 'train' has no pictures \(read as market1501\)"):
        data.require("train")


def test_layout_and_path_must_fit(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("path,identity\n", "utf-8")
    with pytest.raises(CdnetError, match="needs a CSV file, not a folder"):
        read_data(tmp_path, "csv")
    with pytest.raises(CdnetError, match="market1501 needs a folder, not a file"):
        read_data(file, "market1501")
    with pytest.raises(
        CdnetError,
        match=r"unknown layout 'cuhk03' \(did you mean cuhk03-np\?\); known are auto, msmt17, ",
    ):
        read_data(tmp_path, "cuhk03")
    with pytest.raises(CdnetError, match="no pictures there"):
        read_data(file)


@pytest.mark.parametrize("holdout", [-0.1, 1.1, float("nan")])
def test_the_holdout_is_a_share(tree: Tree, holdout: float) -> None:
    with pytest.raises(CdnetError, match="share from 0 to 1"):
        read_data(tree(["a/1.jpg"]), holdout=holdout)


def test_a_folder_that_may_not_be_read_is_said_not_skipped(tmp_path: Path, tree: Tree) -> None:
    root = tree(MARKET)
    read_data(root)  # imports whatever it needs, which may lie where nobody else may read
    if os.geteuid() == 0:
        for above in (tmp_path, *list(tmp_path.parents)[:3]):
            above.chmod(0o755)
    closed = root / "bounding_box_test"
    closed.chmod(0)
    try:
        with as_nobody(), pytest.raises(CdnetError, match="bounding_box_test could not be read: Permission denied"):
            read_data(root)
        root.chmod(0)
        with as_nobody(), pytest.raises(CdnetError, match="could not be read: Permission denied"):
            read_data(root / "bounding_box_test")
    finally:
        root.chmod(0o755)
        closed.chmod(0o755)


def test_linked_folders_are_followed_once_and_dangling_pictures_kept(tree: Tree, tmp_path: Path) -> None:
    root = tree(["ann/1.jpg", "ann/2.jpg"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "3.jpg").write_bytes((root / "ann" / "1.jpg").read_bytes())
    (root / "bob").symlink_to(elsewhere)
    (root / "ann" / "loop").symlink_to(root)
    (root / "ann" / "gone.jpg").symlink_to(tmp_path / "gone.jpg")
    found = [path.relative_to(root).as_posix() for path in picture_files(root)]
    assert found == ["ann/1.jpg", "ann/2.jpg", "ann/gone.jpg", "bob/3.jpg"]


def test_only_pictures_are_taken_in_a_fixed_order(tmp_path: Path) -> None:
    wanted = ["b/2.JPG", "b/10.jpeg", "a.png", "c/d/e.webp", "z.tif"]
    other = ["Thumbs.db", "a.txt", "b/.hidden.jpg", "c/jpg", ".ipynb_checkpoints/a-checkpoint.png", "__.jpg.part"]
    for name in (*wanted, *other):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [p.relative_to(tmp_path).as_posix() for p in picture_files(tmp_path)] == sorted(wanted)
