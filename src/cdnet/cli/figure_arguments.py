"""What the figures' command lines share: a file, a data set, and names of networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import Parser, UsageError, parser
from cdnet.data.recipe import given_root
from cdnet.shown_text import say

if TYPE_CHECKING:
    from cdnet.data.pictures import ReidData
    from cdnet.figures.style import Drawn

NETWORK = "a run's folder, a .safetensors file, or a shipped network's name"


def figure_parser(name: str, description: str) -> Parser:
    """Return a parser for a figure, which has a file."""
    made = parser(f"figure {name}", description)
    made.add_argument("--out", type=Path, help="the figure's file; its ending, .png, .svg or .pdf, says the format")
    made.add_argument("--dpi", type=int, default=300, help="dots per inch of a PNG file")
    return made


def read_options(made: Parser, words: list[str]) -> Any:
    """Read the command line, and refuse a file that cannot be written before anything is computed."""
    options = made.instantiate(made.read(words))
    if options.out is None:
        raise UsageError("no file for the figure; give one with --out")

    from cdnet.figures.style import check_target
    from cdnet.files import refuse_unwritable

    check_target(options.out, options.dpi)
    refuse_unwritable(options.out)
    return options


def data_of(options: Any) -> ReidData:
    """Read the data set that is named."""
    root = given_root(options.data.root, "draw the figure from")

    from cdnet.data.layout import read_data

    return read_data(root, options.data.layout, options.data.holdout)


def labelled(names: list[str], labels: list[str]) -> list[str]:
    """Return the names to draw: those of --labels, one a network, or those that the networks have."""
    if labels and len(labels) != len(names):
        raise UsageError(f"--labels has {len(labels)} names for {len(names)} networks")
    return labels or names


def save(options: Any, drawn: Drawn) -> None:
    """Write the figure, and say what it shows."""
    from cdnet.figures import style

    style.save(options.out, drawn, options.dpi)
    say(drawn.about, f"figure: {options.out}")
