"""``cdnet figure networks``: draw mAP against cost, and print the same as a table."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.figure_arguments import figure_parser, read_options, save
from cdnet.runtime.names import RUNTIMES
from cdnet.shown_text import say_block


def main(words: list[str]) -> None:
    """Draw mAP against cost, and print the same as a table."""
    made = figure_parser("networks", "mAP against milliseconds and multiply-accumulates a picture, ours and others'.")
    made.add_argument(
        "files",
        type=Path,
        nargs="+",
        help="of `cdnet bench inference --json` and `cdnet evaluate --json`, and .csv files of published figures",
    )
    made.add_argument("--batch", type=int, default=1, help="pictures at once, whose times are drawn")
    made.add_argument("--runtime", choices=RUNTIMES, help="whose times; the fastest in 32 bits if not given")
    made.add_argument("--table", type=Path, help="also write the table, in Markdown, to this file")
    options = read_options(made, words)

    from cdnet.figures.network_costs import cost_table, read_costs
    from cdnet.figures.networks import draw_networks
    from cdnet.files import refuse_unwritable, write_text

    if options.table is not None:
        refuse_unwritable(options.table)
    costs = read_costs(options.files, options.runtime)
    drawn, table = draw_networks(costs, options.batch), cost_table(costs)
    if options.table is not None:
        write_text(options.table, table + "\n")
    save(options, drawn)
    say_block(table)
