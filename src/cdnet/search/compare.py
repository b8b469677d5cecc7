"""Does searching help? Searched networks, the paper's and random ones of like size, all trained by one recipe."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean

import numpy as np

from cdnet.data.obstacles import refuse_obstacles
from cdnet.data.several import read_several
from cdnet.errors import CdnetError
from cdnet.files import write_text
from cdnet.genotype import Genotype, read_genotype
from cdnet.model_input import parse_size
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.search.compare_recipe import CompareRecipe, check_compare
from cdnet.search.cost import CostTable, cost_table
from cdnet.search.space import SearchSpace
from cdnet.tables.result import Result
from cdnet.tables.row import Row, run_rows
from cdnet.tables.summary import Spread, Summary, as_text, summarise, write_csv
from cdnet.train.recipe import TrainRecipe

TABLE = "comparison.csv"
GENOTYPES = "genotypes"
RANDOM = "random"
DRAWS = 100_000


def compare_searched(recipe: CompareRecipe, out: Path) -> str:
    """Train and evaluate all networks with all seeds, and return what came out as a table and sentences.

    The folder gets a folder for each network and seed, ``genotypes/`` and ``comparison.csv``. What is finished there is
    kept, what was interrupted goes on, and the same call in another process shares the work.

    Raises:
        CdnetError: if the recipe, a genotype, the pictures or the folder do not allow it.
        StoppedError: if it was stopped; the same call goes on from there.
    """
    check_compare(recipe)
    assert recipe.data.root is not None  # seen by the check
    # What is wrong with the pictures is said at once.
    roots = [recipe.data.root, *recipe.data.also]
    refuse_obstacles(read_several(roots, recipe.data.layout, recipe.data.holdout), "evaluation")
    networks = _networks(recipe)
    paths = [_keep(genotype, out / GENOTYPES) for genotype in networks]
    # Seed by seed, so that a comparison that is cut short compares all networks as far as it came.
    rows = [
        Row(genotype.name, _training(recipe, path, seed))
        for seed in recipe.seeds
        for genotype, path in zip(networks, paths, strict=True)
    ]
    results = run_rows(rows, out)
    finished = [result for result in results if result is not None]
    if not finished:
        return "every row is at work in another process; none is finished yet"
    by_name = {genotype.name: _blocks(genotype) for genotype in networks}
    write_csv(out / TABLE, [{**result, "genotype": by_name[result["name"]]} for result in finished])
    text = describe(finished)
    elsewhere = len(results) - len(finished)
    return text + (f"\n{elsewhere} of {len(rows)} rows are at work in another process" if elsewhere else "")


def random_genotypes(
    space: SearchSpace, costs: CostTable, number: int, params: float, tolerance: float, seed: int
) -> list[Genotype]:
    """Draw different genotypes of like size, each as likely as any other.

    Args:
        space: where from.
        costs: parameters of the space's networks.
        number: of genotypes.
        params: wanted.
        tolerance: greatest difference, as a share of ``params``.
        seed: decides which.

    Raises:
        CdnetError: if the space has not so many of that size, as far as 100,000 draws can tell.
    """
    generator = np.random.default_rng(seed)
    drawn: dict[tuple[int, ...], None] = {}  # in the order of drawing
    for choice in generator.integers(len(space.candidates), size=(DRAWS, space.mblocks)) if number else ():
        chosen = tuple(int(index) for index in choice)
        if abs(costs.of(list(chosen)) - params) <= tolerance * params:
            drawn.setdefault(chosen)
        if len(drawn) == number:
            break
    if len(drawn) < number:
        raise CdnetError(
            f"{space.name} has {len(drawn)} network(s) within {100 * tolerance:g} % of {params:,.0f} parameters "
            f"where {number} are wanted; raise --tolerance or lower --random"
        )
    source = f"drawn at random from {space.name}, seed {seed}, within {100 * tolerance:g} % of {params:,.0f} parameters"
    return [space.genotype(chosen, f"{RANDOM}-{index}", source) for index, chosen in enumerate(drawn, start=1)]


def describe(results: Sequence[Result]) -> str:
    """Say what results show: the table, the random ones together, and where each other network stands among them."""
    summaries = summarise(results)
    lines = [as_text(summaries)]
    drawn = [summary for summary in summaries if summary.name.startswith(f"{RANDOM}-")]
    noise = [abs(a["mAP"] - b["mAP"]) for a, b in combinations(results, 2) if a["name"] == b["name"]]
    if noise:
        lines.append(f"one network's mAP with two seeds differs by {100 * fmean(noise):.2f} points on average")
    if drawn:
        together = Spread.of([summary.mAP.mean for summary in drawn])
        lines.append(f"{len(drawn)} random networks have mAP {together.percent()}")
        lines += [_place(row, drawn, together) for row in summaries if row not in drawn]
    return "\n".join(lines)


def _place(row: Summary, drawn: Sequence[Summary], together: Spread) -> str:
    beaten = sum(row.mAP.mean > other.mAP.mean for other in drawn)
    difference = 100 * (row.mAP.mean - together.mean)
    return f"{row.name}: mAP above {beaten} of {len(drawn)} random ones, {difference:+.2f} points from their mean"


def _networks(recipe: CompareRecipe) -> list[Genotype]:
    found = [_read_found(entry) for entry in recipe.found]
    paper = read_genotype(recipe.genotype)
    _check_names([genotype.name for genotype in [*found, paper]])
    like, size, space = (found or [paper])[0], parse_size(recipe.size), recipe.space.build()
    params = count(create_model(like, recipe.width), *size).params
    costs = cost_table(space, "params", recipe.width, size)
    drawn = random_genotypes(space, costs, recipe.random, params, recipe.tolerance, recipe.seed)
    return [*found, paper, *drawn]


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        # A name is a folder of the table, and a random network is known by its own.
        if not re.fullmatch(r"\w[\w.+-]*", name) or name in (GENOTYPES, TABLE) or name.startswith(f"{RANDOM}-"):
            raise CdnetError(
                f"{name!r} cannot name a network of the comparison: letters, digits and ._+- can, but not {GENOTYPES}, "
                f"{TABLE} or {RANDOM}-...; choose with --found NAME=FILE"
            )
        if names.count(name) > 1:
            raise CdnetError(f"two of the networks are called {name}; name one of them with --found NAME=FILE")


def _read_found(entry: str) -> Genotype:
    name, separator, text = ("", "", entry) if Path(entry).exists() else entry.partition("=")
    if not separator:
        name, text = "", entry
    path = Path(text)
    genotype = read_genotype(path / "genotype.json" if path.is_dir() else path)
    if separator and not name:
        raise CdnetError(f"--found {entry}: there is no name before the =")
    return replace(genotype, name=name) if name else genotype


def _keep(genotype: Genotype, folder: Path) -> Path:
    path = folder / f"{genotype.name}.json"
    content = json.dumps(genotype.to_json()) + "\n"
    if path.is_file() and path.read_bytes() != content.encode("utf-8"):
        raise CdnetError(f"{path} holds another network of that name; choose another --out for another comparison")
    write_text(path, content)
    return path.absolute()


def _training(recipe: CompareRecipe, genotype: Path, seed: int) -> TrainRecipe:
    kept = {entry.name: getattr(recipe, entry.name) for entry in fields(TrainRecipe)}
    return TrainRecipe(**kept | {"genotype": str(genotype), "seed": seed})


def _blocks(genotype: Genotype) -> str:
    return " ".join(str(choice) for stage in genotype.stages for choice in stage)
