"""From a row of the paper to the options of its run: at the paper's settings, or at small scale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import yaml

from cdnet.errors import CdnetError
from cdnet.model_input import parse_size
from cdnet.reproduce.paper import PaperRun, PaperTable, Protocol, Scale, read_paper

if TYPE_CHECKING:
    from cdnet.classify.recipe import ClassifyRecipe
    from cdnet.train.recipe import TrainRecipe

KEPT_AT_SMALL_SCALE = ("genotype", "neck", "stripes", "loss.triplet_weight")
"""What a run changes at small scale too; its width multiplies, and rates and epochs are those of the small recipe."""

FULL_SIZE = "256x128"

NOT_COMPARABLE = "not comparable with the paper's column"

OPTIONS = ("seed", "init", "device", "out", "data.root", "data.cache")
"""Keys that have an option of their own."""

DECIDED = ("config", "data", "data.layout")
"""Keys that the row's table decides."""


@dataclass(frozen=True)
class Setting:
    """How rows are run.

    Args:
        scale: the paper's settings, or small.
        init: weights that pre-trained rows start from, a path where ``{genotype}`` and ``{width}`` are replaced; None
            trains them from scratch, and says so.
        changes: ``KEY=VALUE`` of the recipe, over everything else.
    """

    scale: Scale = "paper"
    init: str | None = None
    changes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for change in self.changes:
            key, separator, _ = change.partition("=")
            if not key or not separator:
                raise CdnetError(f"--set {change}: write KEY=VALUE, such as schedule.epochs=100")
            if key in OPTIONS:
                raise CdnetError(f"--set {change}: this one has an option of its own, see `cdnet reproduce --help`")
            if key in DECIDED:
                raise CdnetError(f"--set {change}: the table decides this one; leave it out")


@dataclass(frozen=True)
class Plan:
    """What a run is started with.

    Args:
        folder: its name among the runs.
        command: train or classify.
        recipe: name of the shipped recipe.
        options: of the recipe, by key.
        marks: what makes its figures other than the paper's, beside changes of the recipe.
        from_scratch: whether it is trained from scratch, and the paper's is pre-trained.
        refusal: why it cannot be run, or empty.
    """

    folder: str
    command: Literal["train", "classify"]
    recipe: str
    options: Mapping[str, str]
    marks: tuple[str, ...] = ()
    from_scratch: bool = False
    refusal: str = ""


def plan_run(run: PaperRun, setting: Setting) -> Plan:
    """Return what a run is started with under a setting."""
    protocol = run.protocol
    from_scratch = run.pretrained and setting.init is None
    folder = _from_scratch(run) if from_scratch else run.name
    paper = (
        "the paper does not say whether its own is pre-trained"
        if run.unsaid
        else "the paper's is pre-trained on ImageNet"
    )
    marks = [f"from scratch, without --init; {paper}"] if from_scratch else []
    marks += [run.note] if run.note else []
    refusal = ""
    if setting.scale == "small":
        recipe, options = protocol.small, small_options(protocol, run.change)
        refusal = _too_small(run.change)
        folder += "-small"
    else:
        recipe = protocol.finetune if run.pretrained and setting.init else protocol.recipe
        options = {**protocol.change, **run.change}
        marks += [protocol.note] if protocol.note else []
    if run.pretrained and setting.init is not None:
        genotype, width = options.get("genotype", "cdnet-top2"), f"{float(options.get('width', '1')):g}"
        options["init"] = setting.init.replace("{genotype}", genotype).replace("{width}", width)
    options |= _changed(setting)
    return Plan(folder, protocol.command, recipe, options, tuple(marks), from_scratch, refusal)


def _from_scratch(run: PaperRun) -> str:
    # Without its weights, a pre-trained row may be the very training of another row: then it is trained once.
    alike = (one.name for one in read_paper().runs.values() if not one.pretrained and _same_training(one, run))
    return next(alike, f"{run.name}-scratch")


def _same_training(one: PaperRun, other: PaperRun) -> bool:
    return (one.protocol, one.change) == (other.protocol, other.change)


def refuse_changes_of_rows(table: PaperTable, setting: Setting) -> None:
    """See that a change does not make alike what a table's rows differ in.

    Args:
        table: with the rows that are to be run.
        setting: with the changes.

    Raises:
        CdnetError: that names the first such key.
    """
    for key in _changed(setting):
        if len({run.change.get(key) for run in table.runs}) > 1:
            raise CdnetError(
                f"--set {key}: the rows of {table.name} differ in their {key}; leave it out, or name one with --only"
            )


def small_options(protocol: Protocol, change: Mapping[str, str]) -> dict[str, str]:
    """Return what changes of a protocol's small recipe for a run that changes ``change`` of its large one."""
    kept = {key: value for key, value in change.items() if key in KEPT_AT_SMALL_SCALE}
    width = float(read_shipped(protocol.small)["width"]) * float(change.get("width", "1"))
    return {**protocol.small_change, **kept, "width": f"{width:g}"}


def _too_small(change: Mapping[str, str]) -> str:
    size = change.get("size", FULL_SIZE)
    if size == FULL_SIZE:
        return ""
    height, width = parse_size(size)
    return f"not at small scale: its pictures would be {height // 4}x{width // 4}, and the least side is 32"


SAID = ("width", "size", "schedule.epochs", "seed", "init")
"""Keys in which recipes may differ and that :func:`describe_scale` says otherwise, or that a row's remarks say."""


def describe_scale(runs: Sequence[tuple[PaperRun, TrainRecipe | ClassifyRecipe, TrainRecipe | ClassifyRecipe]]) -> str:
    """Return what stands on everything that comes from small runs: all in which their recipes are not the paper's.

    Args:
        runs: of one table, each with the recipe that it was, or is to be, trained by, and with the one at the paper's
            settings.
    """
    if not runs:
        return f"small scale; {NOT_COMPARABLE}"
    shares = {recipe.width / float(run.change.get("width", "1")) for run, recipe, _ in runs}
    times = " times the row's" if any("width" in run.change for run, *_ in runs) else ""
    sizes = dict.fromkeys(recipe.size for _, recipe, _ in runs)
    epochs = sorted({recipe.schedule.epochs for _, recipe, _ in runs})
    protocol = runs[0][0].protocol
    small, paper = (protocol.data[scale].title for scale in ("small", "paper"))
    differing = _differences([(recipe, paper) for _, recipe, paper in runs])
    return (
        f"small scale: width {_either(f'{share:g}' for share in sorted(shares))}{times}, {_either(sizes)}, "
        f"{_either(map(str, epochs))} epoch{'' if epochs == [1] else 's'}"
        f"{'' if small == paper else f' on {small}'}"
        f"{f', and {differing}' if differing else ''}; {NOT_COMPARABLE}"
    )


def _differences(recipes: Iterable[tuple[TrainRecipe | ClassifyRecipe, TrainRecipe | ClassifyRecipe]]) -> str:
    """Say key by key, such as ``loss.smoothing 0.1 instead of 0``, in which recipes differ from the paper's."""
    from cdnet.engine.folder import changes

    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    pairs = list(recipes)
    times: Counter[str] = Counter()
    for recipe, paper in pairs:
        ours, theirs = changes(recipe, paper), changes(paper, recipe)
        for key in sorted({*ours, *theirs} - {*SAID}):
            times[key] += 1
            sides = found.setdefault(key, ({}, {}))
            for side, values in zip(sides, (ours, theirs), strict=True):
                side[_plainly(values.get(key))] = None
    return ", ".join(
        f"{key} {_either(ours)} instead of {_either(theirs)}{'' if times[key] == len(pairs) else ' (in some rows)'}"
        for key, (ours, theirs) in found.items()
    )


def _plainly(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _either(words: Iterable[str]) -> str:
    return " or ".join(words)


def epochs_of(protocol: Protocol, setting: Setting) -> int:
    """Return how many epochs a run of a protocol has."""
    small = setting.scale == "small"
    recipe = read_shipped(protocol.small if small else protocol.recipe)
    change = dict(protocol.small_change if small else protocol.change)
    known = {"schedule.epochs": recipe["schedule"]["epochs"]} | change | _changed(setting)
    return int(known["schedule.epochs"])


def _changed(setting: Setting) -> dict[str, str]:
    return dict(change.split("=", 1) for change in setting.changes)


def costs(table: PaperTable, setting: Setting) -> str:
    """Say what a table costs with one seed, such as ``3 runs x 350 epochs on Market-1501``."""
    protocols = {run.protocol.name: run.protocol for run in table.runs}
    parts = []
    for name, protocol in protocols.items():
        plans = [plan_run(run, setting) for run in table.runs if run.protocol.name == name]
        number = len({plan.folder for plan in plans if not plan.refusal})
        runs = "run" if number == 1 else "runs"
        title = protocol.data[setting.scale].title
        parts.append(f"{number} {runs} x {epochs_of(protocol, setting)} epochs on {title}")
    return ", ".join(parts)


def commands(
    table: PaperTable, seeds: Sequence[int], setting: Setting, paths: Mapping[str, str | None]
) -> list[list[str]]:
    """Return the words of one command a row, with one seed each, that together run a table.

    Args:
        table: with the wanted rows.
        seeds: of each row.
        setting: how.
        paths: of the options ``data.root``, ``data.cache``, ``device`` and ``out``; None leaves one out.
    """
    return [
        command(table.name, [run.name], [seed], setting, paths)
        for seed in seeds
        for run in table.runs
        if not plan_run(run, setting).refusal
    ]


def command(
    table: str, rows: Sequence[str], seeds: Sequence[int], setting: Setting, paths: Mapping[str, str | None]
) -> list[str]:
    """Return the words of the command that trains some rows of a table; see :func:`commands`."""
    words = ["cdnet", "reproduce", table, "--only", *rows, "--seeds", *map(str, seeds)]
    words += [word for key, value in paths.items() if value is not None for word in (f"--{key}", value)]
    if setting.scale != "paper":
        words += ["--scale", setting.scale]
    if setting.init is not None:
        words += ["--init", setting.init]
    if setting.changes:
        words += ["--set", *setting.changes]
    return words


def read_shipped(name: str) -> dict[str, Any]:  # of any depth, as YAML is
    """Return a shipped recipe as YAML has it."""
    text = resources.files("cdnet").joinpath("recipes", f"{name}.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))
