"""The command line: ``cdnet COMMAND ...``. Each command is a module of this package with a ``main``."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from cdnet import CdnetError, __version__
from cdnet.cli.terminal import at_work
from cdnet.errors import UsageError
from cdnet.shown_text import harmless, prepare_output

COMMANDS = {
    "info": "stages, parameters and MACs of a network",
    "data": "check a data set, or draw one",
    "search": "search a network on pictures: CS and CDS, top-k",
    "train": "train a network by a recipe",
    "classify": "train and test a classifier: CIFAR-100, ImageNet, a folder a class",
    "evaluate": "rank a gallery for every query: CMC, mAP, mINP",
    "convert": "published weights as weights of ours: the authors' CDNet, OSNet, ResNet-50",
    "extract": "the features of pictures, as many as there are, into a file",
    "find": "the pictures of a folder that are most like a picture",
    "export": "a network as ONNX, OpenVINO IR or torch.export, as trackers and cameras expect it",
    "check": "see that such a file gives what its network gives, and how it is to be fed",
    "bench": "measure side by side, also beside others: ranking, re-ranking, a search step",
    "gallery": "pictures in a database, searched for a person",
    "serve": "a gallery as a page and as an API",
    "reproduce": "the paper's tables, row by row: its figures and ours",
    "figure": "draw feature maps, t-SNE, ranked lists or CMC curves",
    "demo": "draw pedestrians, train on them, evaluate, and write a report",
}

HELP = """\
usage: cdnet COMMAND [options]

Lightweight person re-identification with CDNet (CVPR 2021).

commands:
{commands}

`cdnet COMMAND --help` explains a command; `cdnet --version` prints the version.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 1 for a mistake or a failure, 2 for wrong usage, 130 if stopped."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    prepare_output()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # what is wrong with a picture is said in a sentence of ours
    try:
        status = _run(words)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except CdnetError as error:
        return _complain(str(error), 1)
    except BrokenPipeError:
        # The reader has gone (`cdnet info | head`): nothing is left to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return _complain(f"{where}{error.strerror or error}", 1)
    except KeyboardInterrupt as stopped:
        return _complain(str(stopped) or "stopped", 130)


def _run(words: list[str]) -> int:
    if words[:1] == ["help"] and len(words) > 1:
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        commands = "\n".join(f"  {name:10}{text}" for name, text in COMMANDS.items())
        print(HELP.format(commands=commands), end="")
        return 0 if words else 2
    if words[0] == "--version":
        print(f"cdnet {__version__}")
        return 0
    if words[0] not in COMMANDS:
        from cdnet.nearest import nearest

        meant = nearest(words[0], [*COMMANDS, "--help", "--version"])
        return _complain(f"unknown command {words[0]!r}{meant}; known are {', '.join(COMMANDS)}", 2)
    try:
        with at_work():
            import_module(f"cdnet.cli.{words[0]}").main(words[1:])
    except UsageError as error:
        return _complain(f"{error}; see `{error.command or f'cdnet {words[0]}'} --help`", 2)
    return 0


def _complain(message: str, status: int) -> int:
    print(f"cdnet: {harmless(message)}", file=sys.stderr)
    return status
