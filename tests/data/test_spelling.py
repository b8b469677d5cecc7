from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdnet.data.spelling import camera_of, identity_of, tidy


@pytest.mark.parametrize(
    "spellings",
    [
        ["7", "07", "0007", "7.0", "7.", "07.00", "7,0", "+7", " 7 ", "7\t", "\ufeff7", "\uff17", "'0007", '="7"'],
        ["0", "0000", "0.0", "-0"],
        ["-1", "-1.0", "-01", "\u22121", "\uff0d1"],
        ["Anna", '="Anna"', '="Anna "'],
        ["André", unicodedata.normalize("NFD", "André"), "André ", "\u00a0André", "André\u200b"],
        ["山田", "\u3000山田"],
        ["김", unicodedata.normalize("NFD", "김")],
    ],
)
def test_spellings_of_one_identity(spellings: list[str]) -> None:
    assert len({identity_of(text) for text in spellings}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ["a7", "a07", "7a", "07a"],
        ["Anna", "anna", "ANNA"],
        ["1", "-1", "10", "1.5", "1.05", "1,5", "1,000", "1-0", "0x1", "1 0", "1_0"],
        ["Anna Müller", "Anna  Müller", "AnnaMüller", "Anna Muller"],
        ["c1", "1", "cam1"],
        [".0", "0", ""],
    ],
)
def test_names_of_different_identities(names: list[str]) -> None:
    assert len({identity_of(text) for text in names}) == len(names)


def test_spellings_of_one_camera() -> None:
    same = ["1", "01", "1.0", "c1", "C01", "cam1", "Cam_01", "camera 1", "CAMERA-001", " 1"]
    assert {camera_of(text) for text in same} == {"1"}
    other = ["2", "c11", "-1", "hall", "Hall", "hall1", "hall01", "cam", "cam1b", "c1.0"]
    assert len({camera_of(text) for text in other} | {"1"}) == len(other) + 1


@given(st.text(max_size=12))
def test_what_they_have_in_common_is_a_spelling_itself(text: str) -> None:
    for form in (tidy, identity_of, camera_of):
        assert form(form(text)) == form(text)
