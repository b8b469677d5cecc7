"""Damage, drawn by hypothesis: to bytes, and to values such as JSON has."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

TOKENS = (
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\n", b"\r", b'"', b"'", b"\\", b"{",
    b"}", b"[", b"]",
    b",", b":", b";", b"-1", b"0", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1e308", b"99999999999999999999",
    b"9" * 400,
    b"null", b"true", b"\x1b[31m", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xae", b"\xed\xb2\x80", b"[" * 3000,
    b"A" * 5000,
    b"../../", b"%s%n", b"$(id)", b"&a", b"*a", b"<<: ", b"!!python/object/apply:os.system", b"\t", b"---\n", b"#",
    b"~",
)  # fmt: skip
"""What is put between the bytes of a file."""

NUMBERS: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 7, 255, 256, 65536, 2**31 - 1, 2**31, 2**63, 10**9, 10**20, 10**400, 0.0, -0.0, 0.5, 1.5, -1.5,
    1e-30, 1e-320,
    1e30, 1e308, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "", " ", "0", "-1", "nan", "inf", "None", "auto", "cdnet", "256x128", "0x0", "99999999999x1", "x", "/", ".", "..",
    "~", "~nobody/x",
    "/dev/zero", "/dev/null", "\x1b[31mred\x1b[0m", "two\nlines", "tab\tbed", "nul\0", "\u202eltr", "Zo\u00eb",
    "Zoe\u0308",
    "\udc80bytes", "A" * 100_000, "{0}", "%s", "$x$", "[bold]", "<b>", "\\", "'", '"', "#1", "&a", "*a", "!x",
    "1e999", "9" * 400,
)  # fmt: skip
CONTAINERS: tuple[Any, ...] = (
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    {"": 0},
    [1, 2],
    [1, 2, 3],
    list(range(1000)),
    [[1, 2, 3]],
)


def values() -> st.SearchStrategy[Any]:
    """Values that stand where others belong."""
    return st.sampled_from((None, True, False, *NUMBERS, *TEXTS, *CONTAINERS)).map(copy.deepcopy)


def damaged(draw: Draw, content: bytes, tokens: Sequence[bytes] = TOKENS, most: int = 3) -> bytes:
    """Return bytes with one to ``most`` changes."""
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, len(content)))
        if draw(st.booleans()):  # files say at their start what they are
            at = at % 64
        how = draw(st.sampled_from(("flip", "write", "insert", "cut", "end", "repeat")))
        length = draw(st.sampled_from((1, 1, 2, 4, 16, 256, 4096)))
        if how == "flip" and at < len(content):
            content = content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
        elif how == "write":
            token = draw(st.sampled_from(tokens))
            content = content[:at] + token + content[at + len(token) :]
        elif how == "insert":
            content = content[:at] + draw(st.sampled_from(tokens)) + content[at:]
        elif how == "cut":
            content = content[:at] + content[at + length :]
        elif how == "end":
            content = content[:at]
        elif how == "repeat":
            content = (
                content[:at] + content[at : at + length] * draw(st.sampled_from((2, 3, 100))) + content[at + length :]
            )
    return content


def damaged_value(draw: Draw, value: Any, most: int = 2, others: st.SearchStrategy[Any] | None = None) -> Any:
    """Return nested dicts and lists with one to ``most`` values replaced, left out, added or given twice."""
    value = copy.deepcopy(value)
    others = values() if others is None else others
    for _ in range(draw(st.integers(1, most))):
        place = draw(st.sampled_from(_places(value)))
        how = draw(st.sampled_from(("replace", "replace", "replace", "leave out", "add", "shorten")))
        parent = value
        for key in place[:-1]:
            parent = parent[key]
        if not place:
            if draw(st.integers(0, 9)) == 0:
                value = draw(others)
            continue
        if how == "leave out":
            del parent[place[-1]]
        elif how == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from(("", "x", "\x1b[31m", "A" * 300, "__class__", "epoch", "name")))] = draw(others)
        elif how == "add":
            parent.append(copy.deepcopy(parent[0]) if parent and draw(st.booleans()) else draw(others))
        elif how == "shorten" and isinstance(parent[place[-1]], list | dict | str):
            parent[place[-1]] = type(parent[place[-1]])()
        else:
            parent[place[-1]] = draw(others)
    return value


def _places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [above]
    if isinstance(value, dict):
        for key, item in value.items():
            found += _places(item, (*above, key))
    elif isinstance(value, list):
        for number, item in enumerate(value[:50]):
            found += _places(item, (*above, number))
    return found


def damaged_json(draw: Draw, value: Any) -> bytes:
    """Return JSON of a damaged value, or damaged JSON of it."""
    if draw(st.booleans()):
        value = damaged_value(draw, value)
        return json.dumps(value).encode("utf-8", "surrogatepass")
    return damaged(draw, json.dumps(value).encode())
