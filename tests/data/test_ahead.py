from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from cdnet.data.ahead import read_ahead


def read(number: int) -> npt.NDArray[np.uint8]:
    return np.full((2, 2, 3), number, np.uint8)


@pytest.mark.parametrize("ahead", [0, 1, 4, 99])
def test_batches_come_whole_and_in_order(ahead: int) -> None:
    batches = [[3, 1], [4, 1, 5], [9]]
    found = [pixels[:, 0, 0, 0].tolist() for pixels in read_ahead(read, batches, ahead)]
    assert found == batches


def test_reading_is_ahead_by_no_more_than_it_is_told() -> None:
    before, drawn = set(threading.enumerate()), 0

    def batches() -> Iterator[list[int]]:
        nonlocal drawn
        for drawn in range(1, 101):
            yield [drawn]

    coming = read_ahead(read, batches(), ahead=3)
    for number in range(1, 4):
        assert next(coming)[0, 0, 0, 0] == number
        assert drawn == number + 3
    coming.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before


def test_an_error_comes_with_its_batch() -> None:
    def fail(number: int) -> npt.NDArray[np.uint8]:
        if number == 2:
            raise ValueError("broken")
        return read(number)

    coming = read_ahead(fail, [[1], [2], [3]])
    next(coming)
    with pytest.raises(ValueError, match="broken"):
        next(coming)
