"""Reading a JSON file that somebody hands in: no larger than it can be, and with nothing in it that JSON has not.

Python's own reader takes ``NaN``, makes infinity of ``1e999``, keeps the last of two keys of one name, and takes
minutes for a number of a million digits.
"""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MAX_DIGITS = 300
"""The most characters of a number; a double has at most 309 digits before its point."""


def read_json(path: Path, most: int) -> Any:
    """Return the value of a JSON file.

    Args:
        path: of the file.
        most: bytes that it may have.

    Raises:
        OSError: if the system does not let it be read.
        ValueError: if it is none; it says why.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("no regular file, but a folder, a pipe or a device")
    if status.st_size > most:
        raise ValueError(f"more than the {most:,} bytes it may have")
    return parse_json(path.read_bytes())


def parse_json(content: bytes | str) -> Any:
    """Return the value of a JSON text, UTF-8 where it comes as bytes.

    Raises:
        ValueError: if it is none; it says why.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        return json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_refuse_constant,
            object_pairs_hook=_each_once,
        )
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON, line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("lists within lists without end") from None


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:30]}, which is beyond any number that can be reckoned with")
    return value


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text}, which is no number")


def _each_once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands there twice")
        found[key] = value
    return found
