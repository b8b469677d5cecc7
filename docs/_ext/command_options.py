"""The directive ``command-options``: the help of every command, as the command itself prints it."""

from __future__ import annotations

import contextlib
import io
import os
import re

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from cdnet.cli import COMMANDS, main


def help_of(words: list[str]) -> str:
    """What ``cdnet WORDS --help`` prints, 100 columns wide; raises RuntimeError where it fails."""
    os.environ["COLUMNS"] = "100"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            status = main([*words, "--help"])
        except SystemExit as end:
            status = 0 if end.code is None else int(end.code)
    if status or not printed.getvalue().strip():
        raise RuntimeError(f"cdnet {' '.join(words)} --help gave no help (status {status})")
    return printed.getvalue()


def subcommands(name: str, text: str) -> list[str]:
    """The actions of a command, as its help lists them; `search`'s are options' parsers beside its own."""
    if name == "search":
        return ["latency", "compare"]
    if name == "data":
        return ["check", "draw"]
    if "\noptions:" in text:
        return []
    return re.findall(r"^  ([a-z][a-z-]*)  +\S", text, re.MULTILINE)


class CommandOptions(Directive):  # type: ignore[misc]
    """A section for each command, and one for each of its subcommands, with its help in a literal block."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        return [self._section([name]) for name in COMMANDS]

    def _section(self, words: list[str]) -> nodes.section:
        title = " ".join(["cdnet", *words])
        section = nodes.section(ids=[nodes.make_id(title)], names=[title])
        text = help_of(words)
        section += nodes.title(text=title)
        section += nodes.literal_block(text, text, language="text")
        for name in subcommands(words[0], text) if len(words) == 1 else []:
            section += self._section([*words, name])
        return section


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known to Sphinx."""
    app.add_directive("command-options", CommandOptions)
    return {"parallel_read_safe": True}
