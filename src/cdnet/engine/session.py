"""Long work in a folder, epoch by epoch: what training and searching share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from cdnet.engine.accelerator import make_accelerator
from cdnet.engine.checkpoint import FILE, WAY_OUT, Checkpoint, Source, WorkState, save_checkpoint
from cdnet.engine.epoch import Place
from cdnet.engine.folder import RECIPE, begin, lengthen, open_claimed, open_folder
from cdnet.engine.large_blocks import LARGE_BLOCKS
from cdnet.engine.log_line import LogLine, refuse_lacking
from cdnet.engine.network import make_optimizer
from cdnet.engine.record import LOG, Record
from cdnet.engine.restoring import restore_network, restore_optimizer
from cdnet.engine.schedule import never_reached
from cdnet.engine.stopping import StopRequest
from cdnet.engine.worker import Worker
from cdnet.errors import CdnetError, StoppedError, UnreadableError
from cdnet.progress import notes
from cdnet.weights import TrainedOn

log = notes(__name__)

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

    keys: tuple[str, ...]
    """That every line of its log has."""

    def __init__(self, recipe: Any, out: Path, epochs: int, resume: bool, held: ExitStack) -> None:
        self.out, self.epochs = out, epochs
        self._recipe, self._resume, self._held = recipe, resume, held
        self.accelerator = make_accelerator(recipe.device, recipe.precision)
        self._checkpoint = open_claimed(out, recipe, resume, held) if self.main else open_folder(out, recipe, resume)
        self.accelerator.wait_for_everyone()  # all have looked before one writes
        self.place = Place()
        self._line: LogLine | None = None  # of an epoch that is worked through and not yet ended
        self._logged: LogLine | None = None  # the last line that the log got

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self.accelerator.is_main_process)

    @property
    def worker(self) -> Worker:
        """This process among those of the run."""
        return Worker(self.accelerator.device, self.accelerator.process_index, self.accelerator.num_processes)

    def left(self, line: LogLine) -> timedelta:
        """Return the time that is left after an epoch, if all that come take as long."""
        return timedelta(seconds=round((self.epochs - line["epoch"]) * line["seconds"]))

    @abstractmethod
    def epoch(self, stop: StopRequest) -> LogLine:
        """Work from ``place`` to the end of its epoch and return the epoch's log line."""

    @abstractmethod
    def state(self) -> WorkState:
        """Return what a checkpoint keeps beside the place."""

    @abstractmethod
    def restore(self, state: Checkpoint) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            CdnetError: if it is of other work.
        """

    @abstractmethod
    def describe(self, line: LogLine) -> str:
        """Say a log line in a sentence."""

    @abstractmethod
    def values_of_step(self) -> int:
        """Return how many values a step gives, whose sums a checkpoint within an epoch keeps."""

    def end_epoch(self, line: LogLine) -> LogLine:
        """Do what is to be done after an epoch, in the main process alone, and return the log line completed."""
        return line

    def start(self) -> None:
        """Take up the checkpoint, or begin the folder; to be called once all that :meth:`restore` needs is made."""
        if self._checkpoint is not None:
            self.restore(self._checkpoint)
            self._take_up(self._checkpoint)
            self._checkpoint = None
            if self.main:
                lengthen(self.out, self._recipe)
        elif self.main and not self._resume:
            begin(self.out, self._recipe, self._held)

    def _take_up(self, state: Checkpoint) -> None:
        try:
            place = Place.from_state(state["place"], self.accelerator.device)
            if place.epoch > self.epochs or (place.epoch == self.epochs and place.step):
                raise ValueError
            if place.sums is not None and len(place.sums) != self.values_of_step():
                raise ValueError
        except (TypeError, ValueError):
            raise CdnetError(f"{self.out / FILE}: damaged, its place is none of this run's; {WAY_OUT}") from None
        self.place, self._line, self._logged = place, state.get("line"), state.get("logged")
        if self._line is not None:
            refuse_lacking(self._line, self.keys, str(self.out / FILE))
        if self.main and self.accelerator.device.type == "cpu":
            tell([_other_threads(state.get("threads"), torch.get_num_threads())])

    def run(self) -> None:
        """Work to the last epoch.

        Raises:
            StoppedError: if Ctrl-C or a termination signal came; the checkpoint holds the place.
            UnreadableError: if a picture cannot be read; the checkpoint holds the place, or, if one of several
                processes met it in training, the end of the last epoch.
        """
        record = self._record() if self.main else None
        stop = StopRequest()
        try:
            with stop.listening(), self._memory():
                while self._line is not None or self.place.epoch < self.epochs:
                    if self._line is None:
                        self._line = self.epoch(stop)
                        self.place = Place(epoch=self.place.epoch + 1)
                    if record is not None:
                        self._refuse_lost_folder()
                        line = self.end_epoch(self._line)
                        record.add(line)
                        self._line, self._logged = None, line
                        self._save()
                        log.info(self.describe(line))
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

    def _memory(self) -> AbstractContextManager[object]:
        return LARGE_BLOCKS.wanted() if self.accelerator.device.type == "cpu" else nullcontext()

    def _record(self) -> Record:
        ended = self.place.epoch - (self._line is not None)
        record = Record(self.out, ended, self._logged)
        if record.missing:
            tell([f"{self.out / LOG} has lost its lines of {say_epochs(record.missing)}, and goes on without them"])
        return record

    def _save(self) -> None:
        if self.main:
            self._refuse_lost_folder()
            state: Checkpoint = {
                **self.state(),
                "place": self.place.to_state(),
                "line": self._line,
                "logged": self._logged,
                "threads": torch.get_num_threads(),
            }
            save_checkpoint(self.out, state)

    def _refuse_lost_folder(self) -> None:
        # Writing there would make a folder anew, with a part of the run.
        if not (self.out / RECIPE).is_file():
            raise CdnetError(
                f"{self.out} was removed or moved while the run was at work, which ends here; if there is a copy, put "
                "it back and add --resume"
            )


class NetworkSession(Session, Generic[M]):
    """A session that trains one network by one optimiser, on the accelerator's terms.

    Before it calls :meth:`start`, a subclass calls :meth:`prepare`, and makes ``source`` (what tells its pictures from
    others) and ``trained_on`` (what the weights say of their training).
    """

    model: M
    wrapped: nn.Module
    optimizer: torch.optim.Optimizer
    source: Source
    trained_on: TrainedOn

    def prepare(self, model: M) -> None:
        """Make ``model`` what is trained: on the device, with its optimiser, ``wrapped`` for all processes."""
        self.model = model.to(self.accelerator.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = make_optimizer(self.model, self._recipe.optim)
        self.wrapped, self.optimizer = self.accelerator.prepare(self.model, optimizer)

    def start(self) -> None:
        """Take up the checkpoint, or begin the folder, and say what of the schedule is never reached."""
        super().start()
        schedule = self._recipe.schedule
        if self.main and schedule.kind == "step":
            tell([never_reached(schedule.milestones, schedule.epochs)])

    @abstractmethod
    def say_other_pictures(self, kept: Source) -> str:
        """Say how the pictures of a checkpoint, whose ``source`` is given, differ from these."""

    def state(self) -> WorkState:
        """Return weights, momenta, the scaler of mixed precision, and which pictures they were trained on."""
        scaler = self.accelerator.scaler
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "source": self.source,
        }

    def restore(self, state: Checkpoint) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            CdnetError: if it is of other pictures or another network.
        """
        if state["source"] != self.source:
            try:
                said = self.say_other_pictures(state["source"])
            except (LookupError, TypeError, ValueError):
                said = "pictures that its checkpoint does not tell"
            raise CdnetError(f"{self.out} was trained on {said}; resume with the same pictures")
        try:
            self.take(state)
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError):
            raise CdnetError(
                f"{self.out / FILE}: damaged, or of another network than the run's recipe; {WAY_OUT}"
            ) from None
        self.trained_on["epochs"] = state["place"]["epoch"]

    def take(self, state: Checkpoint) -> None:
        """Take up what :meth:`state` returned of weights, momenta and the scaler.

        Raises:
            ValueError: if they are another network's, or LookupError or the like if they are damaged.
        """
        restore_network(self.model, state["model"])
        restore_optimizer(self.optimizer, state["optimizer"])
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])


def say_epochs(epochs: Sequence[int]) -> str:
    """Say which epochs, at least one, in rising order, such as ``epochs 2 to 4``."""
    first, last = epochs[0], epochs[-1]
    if len(epochs) == 1:
        return f"epoch {first}"
    between = f"{first} to {last}" if last - first + 1 == len(epochs) else ", ".join(map(str, epochs))
    return f"epochs {between}"


def _other_threads(before: int | None, now: int) -> str:
    if before is None or before == now:
        return ""
    return (
        f"this run was at work with {before} thread(s) and goes on with {now}, by which its last bits may differ from "
        f"those of a run that was never interrupted; OMP_NUM_THREADS={before} keeps them"
    )


def tell(sentences: Sequence[str]) -> None:
    """Warn by each sentence that there is to be said."""
    for sentence in sentences:
        if sentence:
            log.warning(sentence)
