"""A checkpoint that cannot be written whole leaves the one before, and one that is damaged is never taken up."""

from __future__ import annotations

import random
import resource
from pathlib import Path
from typing import Any

import pytest
import torch

from cdnet.engine.checkpoint import FILE, load_checkpoint, save_checkpoint
from cdnet.errors import CdnetError

LINE = {"epoch": 2, "lr": 0.1, "loss": 1.5, "triplet": [0.5], "softmax": [1.0], "seconds": 2.0}


def state(epoch: int = 2, **others: Any) -> dict[str, Any]:
    """Return a checkpoint's least content."""
    place = {"epoch": epoch, "step": 0, "images": 0, "seconds": 0.0, "sums": None}
    return {"place": place, "source": {"pictures": 3}, "model": {"weight": torch.ones(3)}, "line": None, **others}


def test_a_write_that_breaks_off_in_the_middle_is_one_sentence_and_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, state(epoch=1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # as on a disk that fills up
    try:
        with pytest.raises(CdnetError, match=rf"{FILE} could not be written"):
            save_checkpoint(tmp_path, state(epoch=2) | {"model": torch.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load_checkpoint(tmp_path)["place"]["epoch"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_changed_byte_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    model = {"weight": torch.arange(300.0), "bias": torch.ones(7)}
    save_checkpoint(tmp_path, state(logged=LINE, threads=2) | {"model": model})
    whole = (tmp_path / FILE).read_bytes()
    chance, said = random.Random(0), 0
    for _ in range(100):
        damaged = bytearray(whole)
        if chance.random() < 0.2:
            del damaged[chance.randrange(len(whole)) :]
        else:
            damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        (tmp_path / FILE).write_bytes(damaged)
        try:
            found = load_checkpoint(tmp_path)
        except CdnetError:
            said += 1
            continue
        # What lies between the parts is nothing.
        assert all(torch.equal(found["model"][name], model[name]) for name in model)
        assert (found["place"], found["logged"], found["threads"]) == (state()["place"], LINE, 2)
    assert said > 20


@pytest.mark.parametrize(
    "damage",
    [
        {"place": 5},
        {"place": {"epoch": 1}},
        {"place": state()["place"] | {"epoch": 2.0}},
        {"place": state()["place"] | {"seconds": float("nan")}},
        {"place": state()["place"] | {"step": 3}},
        {"place": state()["place"] | {"step": 3, "sums": [1.0]}},
        {"place": state()["place"] | {"step": 3, "sums": torch.tensor([float("nan")]).double()}},
        {"source": "here"},
        {"line": 5},
        {"line": {"a": 1}},
        {"line": LINE | {"epoch": 3}},
        {"line": LINE | {"seconds": "2"}},
        {"logged": LINE | {"triplet": [[1]]}},
        {"threads": "two"},
    ],
)
def test_values_of_other_kinds_are_one_sentence(tmp_path: Path, damage: dict[str, Any]) -> None:
    save_checkpoint(tmp_path, state() | damage)
    with pytest.raises(CdnetError, match=rf"{FILE}: damaged, .*; put a whole copy in its place") as caught:
        load_checkpoint(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_the_system_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, state())

    def fail(_self: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(CdnetError, match=rf"{FILE} could not be read: Permission denied$"):
        load_checkpoint(tmp_path)
