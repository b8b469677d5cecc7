"""An epoch of steps: what is counted, shown and asked, from the start and after a resumption."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from cdnet import CdnetError
from cdnet.engine import epoch as module
from cdnet.engine.epoch import Place, epoch_line, run_epoch, set_rate
from cdnet.errors import StoppedError
from cdnet.progress import Display, Note, displayed_by


class Shown(Display):
    """A display that keeps what it was told, and a clock that a step moves by half a second."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int, int]] = []
        self.told: list[tuple[int, str]] = []
        self.now = 100.0

    @contextmanager
    def steps(self, description: str, total: int, done: int) -> Iterator[Note]:
        self.begun.append((description, total, done))
        yield lambda done, words: self.told.append((done, words))

    def step(self, number: int) -> torch.Tensor:
        self.now += 0.5
        return torch.tensor([float(number), 1.0])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    display = Shown()
    monkeypatch.setattr(time, "perf_counter", lambda: display.now)
    with displayed_by(display):
        yield display


def never(_steps: int) -> bool:
    return False


def test_a_whole_epoch_is_counted_and_shown(shown: Shown) -> None:
    place, asked = Place(epoch=2), []

    def stop(steps: int) -> bool:
        asked.append(steps)
        return False

    means = run_epoch(shown.step, 23, 8, place, 5, stop, lambda means: f"mean {means[0]:g}")
    assert means == [11.0, 1.0]
    assert (place.epoch, place.step, place.images, place.seconds) == (2, 23, 184, 11.5)
    assert place.sums is not None
    assert place.sums.dtype == torch.double
    assert asked == list(range(1, 23))  # not after the last step: the epoch is then done
    assert shown.begun == [("epoch 3/5", 115, 46)]
    assert shown.told == [
        (56, "mean 4.5, 16 images/s"),
        (66, "mean 9.5, 16 images/s"),
        (69, "mean 11, 16 images/s"),
    ]


def test_after_a_resumption_the_speed_is_of_what_was_done_since(shown: Shown) -> None:
    before = {"epoch": 1, "step": 16, "images": 128, "seconds": 1000.0, "sums": torch.tensor([120.0, 16.0]).double()}
    place = Place.from_state(before, torch.device("cpu"))
    means = run_epoch(shown.step, 20, 8, place, 3, never, lambda means: f"mean {means[0]:g}")
    assert means == [9.5, 1.0]  # of all twenty steps
    assert (place.step, place.images, place.seconds) == (20, 160, 1002.0)
    assert shown.begun == [("epoch 2/3", 60, 36)]
    assert shown.told == [(40, "mean 9.5, 16 images/s")]


def test_a_stopped_epoch_goes_on_where_it_was(shown: Shown) -> None:
    place = Place()
    with pytest.raises(StoppedError):
        run_epoch(shown.step, 9, 4, place, 1, lambda steps: steps == 3, str)
    assert (place.step, place.images, place.seconds) == (3, 12, 1.5)
    place = Place.from_state(place.to_state(), torch.device("cpu"))
    assert run_epoch(shown.step, 9, 4, place, 1, never, str) == [4.0, 1.0]
    assert (place.step, place.images, place.seconds) == (9, 36, 4.5)


def test_what_is_summed_up_is_that_of_all_processes(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    def as_if_others_had_more(tensors: list[torch.Tensor]) -> None:
        for tensor in tensors:
            tensor += 9

    monkeypatch.setattr(module, "average_over_processes", as_if_others_had_more)
    assert run_epoch(shown.step, 9, 4, Place(), 1, never, str) == [5.0, 2.0]
    place = Place()
    with pytest.raises(StoppedError):
        run_epoch(shown.step, 9, 4, place, 1, lambda steps: steps == 3, str)
    assert place.sums is not None
    assert place.sums.tolist() == [12.0, 12.0]


def test_a_new_place_is_at_the_very_start() -> None:
    state = Place().to_state()
    assert state == {"epoch": 0, "step": 0, "images": 0, "seconds": 0.0, "sums": None}
    assert Place.from_state(state, torch.device("cpu")) == Place()


@pytest.mark.parametrize(("steps", "step"), [(30, 10), (7, 7)])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_it(shown: Shown, steps: int, step: int, wrong: float) -> None:
    def broken(number: int) -> torch.Tensor:
        return shown.step(number) * (wrong if number == 4 else 1)

    with pytest.raises(CdnetError, match=f"in epoch 4, step {step}; lower --optim.lr"):
        run_epoch(broken, steps, 4, Place(epoch=3), 9, never, str)
    with pytest.raises(CdnetError, match="lower --other"):
        run_epoch(broken, steps, 4, Place(epoch=3), 9, never, str, "--other")


def test_an_epochs_line_and_every_groups_rate() -> None:
    first, second = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=1.0)
    set_rate(optimizer, 0.125)
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.125]
    optimizer.param_groups[1]["lr"] = 9.0
    line = epoch_line(Place(epoch=4, step=3, images=1000, seconds=3.33333), optimizer, {"loss": 1.5})
    assert line == {"epoch": 5, "lr": 0.125, "loss": 1.5, "images_per_second": 300.0, "seconds": 3.33}
    line = epoch_line(Place(epoch=0, step=3, images=100, seconds=7.0), optimizer, {})
    assert line["images_per_second"] == 14.3
