"""``cdnet search latency``: time a space's candidates on the machine at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdnet.cli.arguments import read_table
from cdnet.engine.recipe import refuse_senseless
from cdnet.search.recipe import CostRecipe, SearchRecipe, SpaceRecipe, machine_rules
from cdnet.shown_text import say, say_block, shell_command

if TYPE_CHECKING:
    from cdnet.search.latency import Latency

DESCRIPTION = (
    "Time every candidate of the recipe's space in every MBlock on this machine, and write the table that "
    "`cdnet search --cost.kind latency --cost.table FILE` uses. --space, --cost.width, --cost.size, --cost.batch, "
    "--cost.threads and --device say what is timed; a recipe's other keys are not looked at."
)

BUSY = 0.25
"""Spread of the times, between quartiles, from which on a user is told to measure again."""


def main(words: list[str]) -> None:
    """Measure, write the table, and say how well its sums agree with whole networks."""
    recipe, out = read_table(
        "search latency", DESCRIPTION, SearchRecipe, words, "file of the table, such as latency.json"
    )
    import torch

    from cdnet.cli.terminal import note
    from cdnet.device import choose_device
    from cdnet.files import refuse_unwritable
    from cdnet.model_input import parse_size
    from cdnet.nn.model import check_width
    from cdnet.progress import shown
    from cdnet.search.latency import write_latency
    from cdnet.search.timing import measure_latency

    space, cost = recipe.space.build(), recipe.cost
    check_width(cost.width)
    size = parse_size(cost.size)
    refuse_senseless(machine_rules(cost))
    threads = torch.get_num_threads() if cost.threads is None else cost.threads
    device = choose_device(recipe.device)
    refuse_unwritable(out)
    note(f"timing {len(space.candidates)} candidates in each of {space.mblocks} MBlocks of {space.name}")
    latency = measure_latency(space, cost.width, size, cost.batch, threads, device, progress=shown)
    write_latency(out, latency)
    say_block(as_text(latency))
    use = ["cdnet", "search", *space_options(recipe.space), "--cost.kind", "latency", "--cost.table", str(out)]
    command = shell_command(use + cost_options(latency))
    say(f"latency table: {out}", f"use it: {command} --cost.budget ...")


def as_text(latency: Latency) -> str:
    """Say what networks take, how well the sums agree with whole ones, and whether the machine was too busy."""
    table, found, size = latency.table(), latency.agreement(), "x".join(map(str, latency.size))
    most = table.first + float(table.candidates.amax(1).sum())
    lines = [
        f"{latency.space.name} at width {latency.width:g} and {size} on {latency.where}: networks of "
        f"{table.least:.2f} to {most:.2f} ms",
        f"{len(latency.networks)} of them timed whole: sum over time {found.ratio:.3f} "
        f"(quartiles {found.low:.3f} to {found.high:.3f}), correlation {found.correlation:.3f}",
    ]
    if latency.spread > BUSY:
        lines.append(f"the times vary by {100 * latency.spread:.0f} %; measure again when the machine is less busy")
    return "\n".join(lines)


def cost_options(latency: Latency) -> list[str]:
    """Return the options that a search needs to use the table, those that have their usual value left out."""
    usual, size = CostRecipe(), "x".join(map(str, latency.size))
    given = {"width": (f"{latency.width:g}", f"{usual.width:g}"), "size": (size, usual.size)}
    given["batch"] = (str(latency.batch), str(usual.batch))
    return [word for key, (value, default) in given.items() if value != default for word in (f"--cost.{key}", value)]


def space_options(space: SpaceRecipe) -> list[str]:
    """Return the options that make the space what it is, those that have their usual value left out."""
    usual = SpaceRecipe()
    given = {key: (getattr(space, key), getattr(usual, key)) for key in ("pairs", "repeats", "blocks")}
    return [
        word for key, (value, default) in given.items() if value != default for word in (f"--space.{key}", f"{value}")
    ]
