from __future__ import annotations

import unicodedata
from pathlib import Path

from cdnet.data.joining import join_spellings
from cdnet.data.layout import read_data
from cdnet.data.pictures import Picture, ReidData
from cdnet.data.remarks import remarks

NFD = unicodedata.normalize("NFD", "André")


def made(*names: tuple[str, str | None]) -> ReidData:
    pictures = [Picture(Path(f"{n}.jpg"), identity, camera) for n, (identity, camera) in enumerate(names)]
    return ReidData("made up", Path("here"), tuple(pictures[:1]), tuple(pictures[1:2]), tuple(pictures[2:]))


def test_one_identity_gets_one_name_in_all_splits() -> None:
    data = join_spellings(made(("7", "1"), ("0007", "01"), ("7.0", "1.0"), ("a7", None), ("a07", "2")))
    assert [p.identity for s in ("train", "query", "gallery") for p in data.split(s)] == [*["0007"] * 3, "a7", "a07"]
    cameras = [p.camera for s in ("train", "query", "gallery") for p in data.split(s)]
    assert cameras == ["01", "01", "01", None, "2"]
    assert data.joined == (
        "`0007` and `7.0` and `7` are taken as one identity",
        "`1.0` and `01` and `1` are taken as one camera",
    )
    assert data.alike == ("`a07` and `a7` are taken as 2 identities",)


def test_names_that_are_written_alike_stay_as_they_are() -> None:
    data = made(("0002", "1"), ("7", "c3"), ("train/0", None))
    assert join_spellings(data) == data


def test_unicode_forms_and_blanks_are_joined_and_shown() -> None:
    data = join_spellings(made(("André", None), (NFD, None), ("André ", None)))
    assert {p.identity for s in ("train", "query", "gallery") for p in data.split(s)} == {"André"}
    assert data.joined == (f"`{NFD}` (in decomposed Unicode) and 'André ' and `André` are taken as one identity",)


def test_files_are_found_by_the_name_they_have(tmp_path: Path) -> None:
    for place in ("train/b", f"query/{NFD}", "gallery/André", "gallery/0012 ", "gallery/12"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "1.jpg").touch()
    data = read_data(tmp_path)
    assert [picture.identity for picture in data.query] == ["André"]
    assert {picture.identity for picture in data.gallery} == {"André", "0012"}
    assert all(picture.path.is_file() for picture in (*data.train, *data.query, *data.gallery))


def test_capitals_and_separators_make_two_and_are_pointed_out() -> None:
    data = join_spellings(
        made(("Anna", None), ("anna", None), ("p 1", None), ("P_01", None), ("p10", None), ("p100", None))
    )
    assert len({p.identity for s in ("train", "query", "gallery") for p in data.split(s)}) == 6
    assert data.alike == ("`Anna` and `anna` are taken as 2 identities", "`P_01` and `p 1` are taken as 2 identities")


def test_what_cannot_be_seen_within_a_name_and_what_groups_digits_make_two_and_are_pointed_out() -> None:
    data = join_spellings(made(("Xe\N{SOFT HYPHEN}nia", None), ("Xenia", None), ("1,000", None), ("1000", None)))
    assert data.joined == ()
    assert data.alike == (
        "`1,000` and `1000` are taken as 2 identities",
        "`Xenia` and 'Xe\\xadnia' are taken as 2 identities",
    )
    assert remarks(data, ()) == [
        f"2 groups of names that are hardly different are taken as several; first {data.alike[0]}"
    ]
    assert join_spellings(made(("12 34", None), ("1234", None))).alike == ()
