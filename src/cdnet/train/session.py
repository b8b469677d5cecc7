"""Long work in a folder, epoch by epoch: what training and searching share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from cdnet.data.pictures import UnreadableError
from cdnet.errors import CdnetError
from cdnet.progress import console
from cdnet.train.accelerator import make_accelerator
from cdnet.train.checkpoint import FILE, save_checkpoint
from cdnet.train.folder import begin, open_claimed, open_folder
from cdnet.train.loop import Place, StoppedError, StopRequest
from cdnet.train.record import Record
from cdnet.train.schedule import never_reached

M = TypeVar("M", bound=nn.Module)


class Session(ABC):
    """A recipe's work in its folder: logged and checkpointed after each epoch, stopped and resumed at any step.

    With several processes all of them take part in every epoch, and the main one writes.

    Args:
        recipe: a dataclass with at least ``device`` and ``precision``.
        out: the run's folder.
        epochs: in all.
        resume: go on with what is there.
        held: keeps the folder from other processes until it closes.

    Raises:
        CdnetError: if the folder does not allow it, or the device is not there.
    """

    def __init__(self, recipe: Any, out: Path, epochs: int, resume: bool, held: ExitStack) -> None:
        self.out, self.epochs = out, epochs
        self._recipe, self._resume, self._held = recipe, resume, held
        self.accelerator = make_accelerator(recipe.device, recipe.precision)
        self._checkpoint = open_claimed(out, recipe, resume, held) if self.main else open_folder(out, recipe, resume)
        self.accelerator.wait_for_everyone()  # all have looked before one writes
        self.place = Place()
        self._line: dict[str, Any] | None = None  # of an epoch that is worked through and not yet ended

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self.accelerator.is_main_process)

    @abstractmethod
    def epoch(self, stop: StopRequest) -> dict[str, Any]:
        """Work from ``place`` to the end of its epoch and return the epoch's log line."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps beside the place."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            CdnetError: if it is of other work.
        """

    @abstractmethod
    def describe(self, line: dict[str, Any]) -> str:
        """Say a log line in a sentence."""

    def end_epoch(self, line: dict[str, Any]) -> dict[str, Any]:
        """Do what is to be done after an epoch, in the main process alone, and return the log line completed."""
        return line

    def start(self) -> None:
        """Take up the checkpoint, or begin the folder; to be called once all that :meth:`restore` needs is made."""
        if self._checkpoint is not None:
            self.restore(self._checkpoint)
            self.place = Place.from_state(self._checkpoint["place"], self.accelerator.device)
            self._line = self._checkpoint.get("line")
            self._checkpoint = None
        elif self.main and not self._resume:
            begin(self.out, self._recipe, self._held)

    def run(self) -> None:
        """Work to the last epoch.

        Raises:
            StoppedError: if Ctrl-C or a termination signal came; the checkpoint holds the place.
            UnreadableError: if a picture cannot be read; the checkpoint holds the place, or, if one of several
                processes met it in training, the end of the last epoch.
        """
        record = Record(self.out, self.place.epoch) if self.main else None
        stop = StopRequest()
        try:
            with stop.listening():
                while self._line is not None or self.place.epoch < self.epochs:
                    if self._line is None:
                        self._line = self.epoch(stop)
                        self.place = Place(epoch=self.place.epoch + 1)
                    if record is not None:
                        line = self.end_epoch(self._line)
                        record.add(line)
                        self._line = None
                        self._save()
                        console.print(self.describe(line))
                    self._line = None
                    self.accelerator.wait_for_everyone()
                    if self.place.epoch < self.epochs and stop.by_any_process(self.accelerator):
                        raise StoppedError
        except StoppedError:
            self._save()
            where = f"epoch {self.place.epoch + 1}, step {self.place.step}"
            raise StoppedError(f"stopped in {where}; add --resume to go on") from None
        except UnreadableError:
            # Several processes would have to agree on the sums of an epoch that is broken off.
            if self._line is not None or self.accelerator.num_processes == 1:
                self._save()
            raise
        finally:
            if record is not None:
                record.close()

    def _save(self) -> None:
        if self.main:
            save_checkpoint(self.out, self.state() | {"place": self.place.to_state(), "line": self._line})


class NetworkSession(Session, Generic[M]):
    """A session that trains one network by one optimiser, on the accelerator's terms.

    A subclass makes ``model``, ``optimizer``, ``source`` (what tells its pictures from others) and ``trained_on`` (what
    the weights say of their training) before it calls :meth:`start`.
    """

    model: M
    optimizer: torch.optim.Optimizer
    source: dict[str, Any]
    trained_on: dict[str, Any]

    def start(self) -> None:
        """Take up the checkpoint, or begin the folder, and say what of the schedule is never reached."""
        super().start()
        schedule = self._recipe.schedule
        if self.main and schedule.kind == "step":
            tell(never_reached(schedule.milestones, schedule.epochs))

    @abstractmethod
    def say_other_pictures(self, kept: dict[str, Any]) -> str:
        """Say how the pictures of a checkpoint, whose ``source`` is given, differ from these."""

    def state(self) -> dict[str, Any]:
        """Return weights, momenta, the scaler of mixed precision, and which pictures they were trained on."""
        scaler = self.accelerator.scaler
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "source": self.source,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            CdnetError: if it is of other pictures or another network.
        """
        if state["source"] != self.source:
            said = self.say_other_pictures(state["source"])
            raise CdnetError(f"{self.out} was trained on {said}; resume with the same pictures")
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError):
            raise CdnetError(f"{self.out / FILE}: the checkpoint is of another network than its recipe") from None
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.trained_on["epochs"] = state["place"]["epoch"]


def tell(said: str) -> None:
    """Print a sentence, if there is one."""
    if said:
        console.print(said, markup=False, highlight=False)


def tell_broken(broken: Sequence[str]) -> None:
    """Say how many pictures were left out because they cannot be read, and name the first."""
    if broken:
        console.print(f"{len(broken)} unreadable picture(s) left out; first {broken[0]}")
