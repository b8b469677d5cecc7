"""A search from recipe to genotype: its folder, its resumption, its end."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from cdnet.data.cache import CachedPictures
from cdnet.data.layout import read_data
from cdnet.data.recipe import parse_size
from cdnet.data.splits import decode_split
from cdnet.errors import CdnetError
from cdnet.files import write_text
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.progress import console, shown
from cdnet.search.algorithm import Search
from cdnet.search.recipe import SearchRecipe, check_search
from cdnet.search.split import split_validation
from cdnet.search.supernet import Supernet
from cdnet.train.accelerator import make_accelerator
from cdnet.train.batches import Batches, describe_source
from cdnet.train.checkpoint import FILE, save_checkpoint
from cdnet.train.folder import begin, open_claimed, open_folder
from cdnet.train.loop import Place, StoppedError, StopRequest
from cdnet.train.recipe import AugmentRecipe
from cdnet.train.record import Record

GENOTYPE = "genotype.json"


def search(recipe: SearchRecipe, out: Path, resume: bool = False) -> Path:
    """Search by a recipe and return the genotype's path.

    The folder gets ``recipe.yaml``, ``checkpoint.pt``, ``log.jsonl``, ``tensorboard/`` and ``genotype.json``.

    Args:
        recipe: what to search, on what, and how.
        out: the run's folder.
        resume: go on from the checkpoint there.

    Raises:
        CdnetError: if the recipe, the pictures or the folder do not allow it.
        StoppedError: if Ctrl-C or a termination signal came; the checkpoint holds the place.
    """
    check_search(recipe)
    if recipe.data.root is None:
        raise CdnetError("no pictures to search on; give their folder with --data.root")
    with ExitStack() as held:
        return SearchRun(recipe, out, recipe.data.root, resume, held).search()


class SearchRun:
    """One search in its folder; :meth:`search` does it all."""

    def __init__(self, recipe: SearchRecipe, out: Path, root: Path, resume: bool, held: ExitStack) -> None:
        self.recipe, self.out = recipe, out
        self.space = recipe.space.build()
        self.accelerator = make_accelerator(recipe.device, recipe.precision)
        state = open_claimed(out, recipe, resume, held) if self.main else open_folder(out, recipe, resume)
        self.accelerator.wait_for_everyone()
        self.size = parse_size(recipe.size)
        self.data = read_data(root, recipe.data.layout, recipe.data.holdout)
        pictures = decode_split(self.data, "train", self.size, recipe.data.cache, shown)
        train, validation = self._batches(pictures)
        torch.manual_seed(recipe.seed)
        self.supernet = Supernet(self.space, recipe.width, train.identities).to(self.accelerator.device)
        self.supernet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.algorithm = Search(self.supernet, recipe, train, validation, self.accelerator)
        self.place = Place()
        self.source = describe_source(pictures)
        if state is not None:
            self._restore(state)
        elif self.main and not resume:
            begin(out, recipe, held)

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self.accelerator.is_main_process)

    def search(self) -> Path:
        """Search to the last epoch and write the genotype."""
        record = Record(self.out, self.place.epoch) if self.main else None
        stop = StopRequest()
        try:
            with stop.listening():
                while self.place.epoch < self.recipe.epochs:
                    line = self.algorithm.epoch(self.place, stop)
                    self.place = Place(epoch=self.place.epoch + 1)
                    if record is not None:
                        record.add(line)
                        self._save_checkpoint()
                        _say(line, self.recipe.epochs)
                    if self.place.epoch < self.recipe.epochs and stop.by_any_process(self.accelerator):
                        raise StoppedError
        except StoppedError:
            self._save_checkpoint()
            where = f"epoch {self.place.epoch + 1}, step {self.place.step}"
            raise StoppedError(f"stopped in {where}; add --resume to go on") from None
        finally:
            if record is not None:
                record.close()
        if self.main:
            lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in self._genotype().items()]
            write_text(self.out / GENOTYPE, "{\n" + ",\n".join(lines) + "\n}\n")
        return self.out / GENOTYPE

    def _batches(self, pictures: CachedPictures) -> tuple[Batches, Batches]:
        recipe = self.recipe
        identities = [picture.identity for picture in pictures.pictures]
        split = split_validation(identities, recipe.validation, recipe.seed)
        if self.main:
            for problem in pictures.broken[:1]:
                console.print(f"{len(pictures.broken)} unreadable picture(s) left out; first {problem}")
            if split.short:
                console.print(
                    f"{len(split.short)} identities have fewer than {2 * recipe.validation} pictures and give half of "
                    f"them for validation; first {split.short[0]}"
                )
        sides = []
        for rows, how, seed in (
            (split.train, recipe.augment, recipe.seed),
            (split.validation, AugmentRecipe(flip=0, pad=0, erase=0), recipe.seed + 1),
        ):
            sides.append(
                Batches(
                    pictures,
                    recipe.batch.identities,
                    recipe.batch.pictures,
                    how,
                    seed,
                    self.accelerator.device,
                    self.accelerator.process_index,
                    self.accelerator.num_processes,
                    rows,
                )
            )
        return sides[0], sides[1]

    def _save_checkpoint(self) -> None:
        if not self.main:
            return
        state = {
            "supernet": self.supernet.state_dict(),
            "w_optimizer": self.algorithm.w_optimizer.state_dict(),
            "alpha_optimizer": self.algorithm.alpha_optimizer.state_dict(),
            "place": self.place.to_state(),
            "source": self.source,
        }
        save_checkpoint(self.out, state)

    def _restore(self, state: dict[str, Any]) -> None:
        if state["source"] != self.source:
            raise CdnetError(f"{self.out} was searched on other pictures; resume with the same")
        try:
            self.supernet.load_state_dict(state["supernet"])
            self.algorithm.w_optimizer.load_state_dict(state["w_optimizer"])
            self.algorithm.alpha_optimizer.load_state_dict(state["alpha_optimizer"])
        except (RuntimeError, ValueError, KeyError):
            raise CdnetError(f"{self.out / FILE}: the checkpoint is of another search than its recipe") from None
        self.place = Place.from_state(state["place"], self.accelerator.device)

    def _genotype(self) -> dict[str, Any]:
        recipe = self.recipe
        how = f"top-{recipe.k}" if recipe.gate == "top-k" else recipe.gate
        source = (
            f"searched in {self.space.name} by {how}, {recipe.epochs} epochs, width {recipe.width:g}, "
            f"{recipe.size}, seed {recipe.seed}, on {self.source['pictures']} pictures of {self.data.name}"
        )
        genotype = self.supernet.derive(self.out.resolve().name, source)
        costs = count(create_model(genotype), 256, 128)
        return genotype.to_json() | {"costs": {"size": "256x128", "params": costs.params, "macs": costs.macs}}


def _say(line: dict[str, Any], epochs: int) -> None:
    entropy = sum(line["entropy"]) / len(line["entropy"])
    console.print(
        f"epoch {line['epoch']}/{epochs}, loss {line['loss']:.3f}, validation {line['validation_loss']:.3f}, "
        f"entropy {entropy:.4f}, {line['milliseconds_per_image']:.2f} ms an image"
    )
