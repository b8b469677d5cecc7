from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdnet.json_file import parse_json, read_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"ms": NaN}', "NaN, which is no number"),
        (b"[-Infinity]", "-Infinity, which is no number"),
        (b"[1e999]", "1e999, which is beyond any number"),
        (b"1" * 5000, "a number of 5000 digits"),
        (b"[" * 100_000, "lists within lists without end"),
        (b'{"width": 1, "width": 2}', "'width' stands there twice"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": 1', "not JSON, line 1"),
        (b"", "not JSON"),
    ],
    ids=["nan", "infinity", "overflow", "digits", "depth", "twice", "bytes", "cut", "empty"],
)
def test_what_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "some.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_json(path, 2**20)


def test_a_file_is_looked_at_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text("[1, 2, 3]")
    assert read_json(path, 9) == [1, 2, 3]
    with pytest.raises(ValueError, match="more than the 8 bytes"):
        read_json(path, 8)
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(ValueError, match="no regular file"):
            read_json(place, 2**20)
