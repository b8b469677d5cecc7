"""What of a recipe is worth its time: ``recipe.yaml``, its runs, and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import yaml

from cdnet.errors import CdnetError
from cdnet.nearest import nearest
from cdnet.reproduce.verdict import compare_means
from cdnet.settings.recipes import read_recipe

if TYPE_CHECKING:
    from cdnet.tables.result import Result
    from cdnet.tables.row import Row
    from cdnet.train.recipe import TrainRecipe

NAME = "recipe"
TEACHER = "distil."
START = "start"
COLUMNS = (
    "row", "title", "change", "set", "seed", "rank1", "mAP", "mINP", "queries", "epochs", "minutes",
    "images_per_second", "data", "hardware", "version", "date",
)  # fmt: skip
"""Of the table's CSV file; ``set`` is what was changed of every row."""


@dataclass(frozen=True)
class RecipeRow:
    """A row: its name, what it is in words, what it changes of the start, and whether it is without the teacher."""

    name: str
    title: str
    change: Mapping[str, str] = field(default_factory=dict)
    untaught: bool = False

    @property
    def teachers(self) -> bool:
        """Whether it changes how the teacher teaches."""
        return self.untaught or any(key.startswith(TEACHER) for key in self.change)

    @property
    def changes(self) -> str:
        """What it changes, as ``KEY=VALUE``."""
        return "no teacher" if self.untaught else " ".join(f"{key}={value}" for key, value in self.change.items())


@dataclass(frozen=True)
class RecipeTable:
    """The table: the shipped recipe that all rows begin with, what the start changes of it, and the rows."""

    recipe: str
    change: Mapping[str, str]
    rows: tuple[RecipeRow, ...]

    def only(self, names: Sequence[str]) -> RecipeTable:
        """Return the table with some of its rows, and with the start, which they are compared with.

        Raises:
            CdnetError: if a name is not a row's; it lists those that are.
        """
        known = [row.name for row in self.rows]
        for name in names:
            if name not in known:
                raise CdnetError(f"{NAME} has no row {name!r}{nearest(name, known)}; its rows are {', '.join(known)}")
        return RecipeTable(self.recipe, self.change, tuple(row for row in self.rows if row.name in (START, *names)))

    def changed(self, changes: Mapping[str, str]) -> RecipeTable:
        """Return the table with changes of every row; without a teacher among them, rows on the teacher are left out.

        Raises:
            CdnetError: if rows differ in what is changed.
        """
        for key in changes:
            differing = [row.name for row in self.rows if key in row.change]
            if differing:
                raise CdnetError(
                    f"--set {key}: {' and '.join(differing)} differ from the start in it; leave it out, or name other "
                    "rows with --only"
                )
        taught = f"{TEACHER}teacher" in changes
        rows = tuple(row for row in self.rows if taught or not row.teachers)
        return RecipeTable(self.recipe, {**self.change, **changes}, rows)

    def training(self, row: RecipeRow, paths: Mapping[str, object]) -> TrainRecipe:
        """Return the recipe of a row, with paths and the seed by their keys."""
        from cdnet.train.recipe import TrainRecipe

        options = {**self.change, **row.change}
        if row.untaught:
            options = {key: value for key, value in options.items() if not key.startswith(TEACHER)}
        return read_recipe(TrainRecipe, self.recipe, {**options, **paths}, "reproduce")


def read_recipe_table() -> RecipeTable:
    """Read ``recipe.yaml``, which comes with the package."""
    text = resources.files("cdnet").joinpath("reproduce", "recipe.yaml").read_text("utf-8")
    data = yaml.load(text, yaml.BaseLoader)
    rows = [
        RecipeRow(name, entry["title"], entry.get("change", {}), entry.get("untaught") == "yes")
        for name, entry in data["rows"].items()
    ]
    return RecipeTable(data["recipe"], data["change"], tuple(rows))


def run_table(
    table: RecipeTable, seeds: Sequence[int], out: Path, paths: Mapping[str, object], failures: dict[Path, str]
) -> list[Result]:
    """Train and evaluate what is not finished, and return the results of all finished runs.

    Seed by seed, so that a table that is cut short has all its rows as far as it came. Several processes that are given
    the same table and folder share the work.

    Args:
        table: with the wanted rows.
        seeds: of each row.
        out: folder of the tables; without a ``data.root`` among the paths nothing is trained.
        paths: of every recipe, by key.
        failures: gets the reason for each run that fails, by its folder.

    Raises:
        CdnetError: if the pictures cannot be used, or a run's folder holds another recipe's run.
        StoppedError: if it was stopped; the same call goes on from there.
    """
    from cdnet.data.layout import read_data
    from cdnet.data.obstacles import refuse_obstacles
    from cdnet.tables.row import Row, read_result, run_rows
    from cdnet.train.recipe import check_recipe

    rows: list[Row] = []
    for seed in seeds:
        for row in table.rows:
            recipe = table.training(row, {**paths, "seed": seed})
            check_recipe(recipe)
            rows.append(Row(row.name, recipe))
    data = rows[0].recipe.data
    folder = out / NAME
    if data.root is None:
        found = [read_result(row, row.folder(folder)) for row in rows]
    else:
        # What is wrong with the pictures is said at once.
        refuse_obstacles(read_data(data.root, data.layout, data.holdout), "evaluation")  # type: ignore[union-attr]
        found = run_rows(rows, folder, failures=failures)
    return [result for result in found if result is not None]


def as_lines(table: RecipeTable, changes: Mapping[str, str], results: Sequence[Result]) -> list[dict[str, object]]:
    """Return a line a run, with the keys of ``COLUMNS``, rank-1, mAP and mINP as fractions."""
    by_name = {row.name: row for row in table.rows}
    said = " ".join(
        f"{key}={Path(value).name if key.endswith('.teacher') else value}" for key, value in changes.items()
    )
    lines = []
    for result in results:
        row = by_name[result["name"]]
        own = {"row": row.name, "title": row.title, "change": row.changes, "set": said}
        lines.append({key: own.get(key, result.get(key)) for key in COLUMNS})
    return lines


def as_markdown(table: RecipeTable, results: Sequence[Result]) -> str:
    """Return the table: each row's means and runs, and what the difference of mAP from the start's says."""
    lines = [
        "| row | what it changes | rank-1, % | mAP, % | mAP beside the start's | better than the start? | minutes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    start = [100 * result["mAP"] for result in results if result["name"] == START]
    for row in table.rows:
        own = [result for result in results if result["name"] == row.name]
        if not own:
            lines.append(f"| {row.name} | {row.title} | not run | | | | |")
            continue
        rank1, precision = [100 * result["rank1"] for result in own], [100 * result["mAP"] for result in own]
        beside = verdict = ""
        if row.name != START and start:
            word, difference, half = compare_means(precision, start)
            beside = f"{difference:+.1f}" + (f" ± {half:.1f}" if half != float("inf") else "")
            verdict = f"**{word}**" if word != "cannot tell" else word
        minutes = [result["minutes"] for result in own if result["minutes"] is not None]
        took = f"{fmean(minutes):.1f}" if minutes else ""
        lines.append(
            f"| {row.name} | {row.title} | {_mean(rank1)} | {_mean(precision)} | {beside} | {verdict} | {took} |"
        )
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> str:
    runs = f" ({', '.join(f'{value:.1f}' for value in values)})" if len(values) > 1 else ", one seed"
    return f"{fmean(values):.1f}{runs}"
