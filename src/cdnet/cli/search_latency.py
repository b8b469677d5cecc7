"""``cdnet search latency``: time a space's candidates on the machine at hand."""

from __future__ import annotations

from cdnet.cli.arguments import read_table
from cdnet.engine.recipe import refuse_senseless
from cdnet.search.recipe import SearchRecipe, machine_rules
from cdnet.shown_text import say, say_block, shell_command

DESCRIPTION = (
    "Time every candidate of the recipe's space in every MBlock on this machine, and write the table that "
    "`cdnet search --cost.kind latency --cost.table FILE` uses. --space, --cost.width, --cost.size, --cost.batch, "
    "--cost.threads and --device say what is timed; a recipe's other keys are not looked at."
)


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
    from cdnet.search.latency_words import as_text, cost_options, space_options
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
