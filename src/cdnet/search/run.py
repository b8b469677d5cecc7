"""A search from recipe to genotype: its folder, its resumption, its end."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from cdnet.data.cache import CachedPictures
from cdnet.data.copies import refuse_copies
from cdnet.data.obstacles import refuse_obstacles
from cdnet.data.recipe import given_root
from cdnet.data.remarks import remarks
from cdnet.data.several import read_several
from cdnet.data.splits import decode_split
from cdnet.engine.checkpoint import FILE, WAY_OUT, Checkpoint, WorkState
from cdnet.engine.log_line import SEARCH, LogLine
from cdnet.engine.restoring import restore_network, restore_optimizer
from cdnet.engine.schedule import never_reached
from cdnet.engine.session import Session, tell
from cdnet.engine.stopping import StopRequest
from cdnet.errors import CdnetError
from cdnet.files import write_text
from cdnet.genotype import Genotype
from cdnet.model_input import parse_size
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.progress import notes, shown
from cdnet.search.algorithm import Search
from cdnet.search.cost import CostTable, cost_table
from cdnet.search.latency import latency_for, write_latency
from cdnet.search.recipe import SearchRecipe, check_search
from cdnet.search.split import split_validation
from cdnet.search.step import LOSSES
from cdnet.search.supernet import Supernet
from cdnet.train.batches import Batches, describe_source
from cdnet.train.recipe import AugmentRecipe

log = notes(__name__)

GENOTYPE = "genotype.json"
LATENCY = "latency.json"
"""The latency table that a search used, as it was then."""


def search(recipe: SearchRecipe, out: Path, resume: bool = False) -> Path:
    """Search by a recipe and return the genotype's path.

    The folder gets ``recipe.yaml``, ``checkpoint.pt``, ``log.jsonl``, ``tensorboard/`` and ``genotype.json``,
    and ``latency.json`` if it searched by latency.

    Args:
        recipe: what to search, on what, and how.
        out: the run's folder.
        resume: go on from the checkpoint there.

    Raises:
        CdnetError: if the recipe, the pictures or the folder do not allow it.
        StoppedError: if Ctrl-C or a termination signal came; the checkpoint holds the place.
    """
    check_search(recipe)
    root = given_root(recipe.data.root, "search on")
    with ExitStack() as held:
        return SearchRun(recipe, out, root, resume, held).search()


class SearchRun(Session):
    """One search in its folder; :meth:`search` does it all."""

    keys = ("loss", "validation_loss", *SEARCH)

    def __init__(self, recipe: SearchRecipe, out: Path, root: Path, resume: bool, held: ExitStack) -> None:
        self.recipe, self.space = recipe, recipe.space.build()
        self.latency = latency_for(recipe.cost, self.space)
        self.costs = self._costs()
        super().__init__(recipe, out, recipe.epochs, resume, held)
        size = parse_size(recipe.size)
        self.data = read_several([root, *recipe.data.also], recipe.data.layout, recipe.data.holdout)
        refuse_obstacles(self.data, "search", recipe.batch.identities)
        refuse_copies(self.data, recipe.data.cache, shown)
        pictures = decode_split(self.data, "train", size, recipe.data.cache, shown)
        train, validation = self._batches(pictures)
        torch.manual_seed(recipe.seed)
        self.supernet = Supernet(self.space, recipe.width, train.identities).to(self.accelerator.device)
        self.supernet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.algorithm = Search(self.supernet, recipe, train, validation, self.accelerator, self.costs)
        self.source = describe_source(pictures)
        self.start()
        unreached = never_reached(recipe.alpha.milestones, recipe.epochs)
        if self.main and unreached:
            tell([f"alpha: {unreached}"])

    def search(self) -> Path:
        """Search to the last epoch, write the genotype, and return its path."""
        self.run()
        if self.main:
            self._write_results()
        return self.out / GENOTYPE

    def _write_results(self) -> None:
        genotype = self._genotype()
        cost = self.recipe.cost
        found = count(create_model(genotype, cost.width), *parse_size(cost.size))
        costs: dict[str, object] = {"width": cost.width, "size": cost.size, "params": found.params, "macs": found.macs}
        if self.latency is not None:
            took = self.latency.table().of(self.algorithm.chosen())
            write_latency(self.out / LATENCY, self.latency)
            costs["latency"] = {"ms": round(took, 6), "budget": cost.budget} | self.latency.conditions()
        content = genotype.to_json() | {"costs": costs}
        lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
        write_text(self.out / GENOTYPE, "{\n" + ",\n".join(lines) + "\n}\n")

    def epoch(self, stop: StopRequest) -> LogLine:
        """Search from ``place`` to the end of its epoch and return the epoch's log line."""
        return self.algorithm.epoch(self.place, stop)

    def values_of_step(self) -> int:
        """Return how many values a step gives: losses and memory, and one a branch of every MBlock."""
        return len(LOSSES) + 1 + self.supernet.alpha.numel()

    def describe(self, line: LogLine) -> str:
        """Say both sides' losses, alpha's mean entropy, the cost of an image and the time left."""
        entropy = sum(line["entropy"]) / len(line["entropy"])
        return (
            f"epoch {line['epoch']}/{self.epochs}, loss {line['loss']:.3f}, validation {line['validation_loss']:.3f}, "
            f"entropy {entropy:.4f}, {line['milliseconds_per_image']:.2f} ms an image, {self.left(line)} left"
        )

    def state(self) -> WorkState:
        """Return the supernet with alpha, both optimisers, and which pictures it was searched on."""
        return {
            "supernet": self.supernet.state_dict(),
            "w_optimizer": self.algorithm.w_optimizer.state_dict(),
            "alpha_optimizer": self.algorithm.alpha_optimizer.state_dict(),
            "source": self.source,
            "latency": self.latency and self.latency.to_json(),
        }

    def restore(self, state: Checkpoint) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            CdnetError: if it is of other pictures or another search.
        """
        if state["source"] != self.source:
            raise CdnetError(f"{self.out} was searched on other pictures; resume with the same")
        if state.get("latency") != (self.latency and self.latency.to_json()):
            raise CdnetError(f"{self.recipe.cost.table} is not the latency table that {self.out} was searched with")
        try:
            restore_network(self.supernet, state["supernet"])
            restore_optimizer(self.algorithm.w_optimizer, state["w_optimizer"])
            restore_optimizer(self.algorithm.alpha_optimizer, state["alpha_optimizer"])
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError):
            raise CdnetError(f"{self.out / FILE}: damaged, or of another search than its recipe; {WAY_OUT}") from None

    def _costs(self) -> CostTable | None:
        cost = self.recipe.cost
        if cost.kind == "none":
            return None
        if self.latency is not None:
            table = self.latency.table()
        else:
            table = cost_table(self.space, cost.kind, cost.width, parse_size(cost.size))
        if cost.budget is not None and table.least > cost.budget:
            raise CdnetError(
                f"no network in {self.space.name} costs at most {table.say(cost.budget)} {self._where()}; "
                f"the cheapest costs {table.say(table.least)}"
            )
        return table

    def _where(self) -> str:
        cost = self.recipe.cost
        machine = "" if self.latency is None else f" on {self.latency.where}"
        return f"at width {cost.width:g} and {cost.size}{machine}"

    def _batches(self, pictures: CachedPictures) -> tuple[Batches, Batches]:
        recipe = self.recipe
        identities = [picture.identity for picture in pictures.pictures]
        self.split = split = split_validation(identities, recipe.validation, recipe.seed)
        if self.main:
            tell([*remarks(self.data, [pictures])])
            log.info(f"pictures that update w and alpha: {split.describe(recipe.validation)}")

        def side(name: str, rows: npt.NDArray[np.int64], how: AugmentRecipe, seed: int) -> Batches:
            said = f"the search's {name} side"
            return Batches(pictures, recipe.batch, how, seed, self.worker, rows=rows, side=said)

        return (
            side("training", split.train, recipe.augment, recipe.seed),
            side("validation", split.validation, recipe.augment.of_alpha, recipe.seed + 1),
        )

    def _genotype(self) -> Genotype:
        recipe = self.recipe
        warmth = f"sampled at temperature {recipe.temperature.start:g} to {recipe.temperature.end:g}"
        how = {"top-k": f"top-{recipe.k}", "mixture": "mixture", "sampled": warmth}[recipe.gate]
        source = (
            f"searched in {self.space.name} by {how}, {recipe.epochs} epochs, width {recipe.width:g}, "
            f"{recipe.size}, seed {recipe.seed}, on {self.source['pictures']} pictures of {self.data.name} "
            f"({self.split.describe(recipe.validation)})"
        )
        if self.costs is not None and recipe.cost.budget is not None:
            source += f", for at most {self.costs.say(recipe.cost.budget)} {self._where()}"
        return self.space.genotype(self.algorithm.chosen(), self.out.resolve().name, source)
