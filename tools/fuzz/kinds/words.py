"""Command lines: every command with its own options, and values that may not be theirs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from hypothesis import strategies as st
from tools.fuzz.damage import TEXTS, Draw
from tools.fuzz.kinds.kind import Kind

COMMANDS: dict[str, list[str]] = {
    "info": ["cdnet"],
    "data check": ["nowhere"],
    "data draw": ["drawn"],
    "search": ["--data.root", "nowhere", "--out", "run"],
    "search latency": ["--out", "table.json"],
    "search compare": ["--data.root", "nowhere", "--out", "run"],
    "train": ["--data.root", "nowhere", "--out", "run"],
    "classify": ["--data.root", "nowhere", "--out", "run"],
    "evaluate": ["cdnet-x0.25-market1501", "--data.root", "nowhere"],
    "classify test": ["cdnet-x0.25-market1501", "--data.root", "nowhere"],
    "extract": ["nowhere", "--weights", "cdnet-x0.25-market1501", "--out", "features.npz"],
    "find": ["cdnet-x0.25-market1501", "--query", "nobody.jpg", "--gallery", "nowhere"],
    "export": ["nothing", "--out", "made.onnx"],
    "check": ["nothing.onnx"],
    "gallery create": ["--gallery", "made", "--weights", "nothing"],
    "gallery add": ["nowhere", "--gallery", "nothing"],
    "gallery query": ["nobody.jpg", "--gallery", "nothing"],
    "gallery list": ["--gallery", "nothing"],
    "gallery remove": ["--gallery", "nothing"],
    "gallery stats": ["--gallery", "nothing"],
    "gallery calibrate": ["--gallery", "nothing", "--data.root", "nowhere"],
    "gallery index": ["--gallery", "nothing"],
    "gallery export": ["--gallery", "nothing", "--out", "made.gz"],
    "gallery import": ["nothing.gz", "--gallery", "nothing"],
    "gallery audit": ["--gallery", "nothing"],
    "serve": ["--gallery", "nothing"],
    "bench show": ["nothing.json"],
    "bench inference": ["nothing.onnx"],
    "bench evaluate": ["nothing", "--data.root", "nowhere"],
    "bench train": ["--data.root", "nowhere"],
    "bench data": ["--data.root", "nowhere"],
    "bench extract": ["nothing", "--data.root", "nowhere"],
    "bench export": ["nothing", "--data.root", "nowhere"],
    "bench gallery": ["nothing", "--data.root", "nowhere"],
    "convert": ["nothing.pth", "--out", "made.safetensors"],
    "bench search": ["--rounds", "3", "--batch", "4", "--sizes", "32x32"],
    "reproduce": ["table-7"],
    "figure feature-maps": ["cdnet-x0.25-market1501", "--data.root", "nowhere", "--out", "x.svg"],
    "figure t-sne": ["cdnet-x0.25-market1501", "--data.root", "nowhere", "--out", "x.svg"],
    "figure ranked": ["cdnet-x0.25-market1501", "--data.root", "nowhere", "--out", "x.svg"],
    "figure networks": ["nothing.json", "--out", "x.svg"],
    "figure cmc": ["cdnet-x0.25-market1501", "--data.root", "nowhere", "--out", "x.svg"],
}
LONG = ("search latency", "bench search", "data draw")
"""Commands that would do their work if nothing were wrong, which is not what is tried here."""
SAID = """
true false null 0 1 2 -1 0.5 1e-3 nan inf -inf 1e999 99999999999999999999 64x32 0x32 32x99999 [] {} [1] [[3,5]] [[]]
cpu cuda none latency macs top-k sampled step cosine 1_000 0x10 1,2 [1,2 {a:1} a=b = -- - --help -h --version
"""
WORDS = (*(text for text in TEXTS if "\0" not in text and len(text) < 10_000), *SAID.split(), "9" * 5000, "[" * 500)


def _prepare(folder: Path) -> None:
    # The options of each command, as its help has them.
    import contextlib
    import io

    from cdnet.cli import main

    found = {}
    for command in COMMANDS:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main([*command.split(), "--help"])
        found[command] = sorted(set(re.findall(r"--[a-z][\w.-]*", said.getvalue())) - {"--help", "--print-config"})
    (folder / "options.json").write_text(json.dumps(found))


def _words(draw: Draw, folder: Path) -> list[str]:
    options = json.loads((folder / "options.json").read_text())
    command = draw(st.sampled_from(sorted(COMMANDS)))
    words = list(COMMANDS[command])
    for _ in range(draw(st.integers(1, 3))):
        option = draw(st.sampled_from(options[command] or ["--out"]))
        value = draw(st.sampled_from(WORDS))
        how = draw(st.sampled_from(("value", "value", "equals", "bare", "misspelt", "word", "twice")))
        added = {
            "value": [option, value],
            "equals": [f"{option}={value}"],
            "bare": [option],
            "misspelt": [option[:-1] + "x", value],
            "word": [value],
            "twice": [option, value, option, value],
        }[how]
        words = [*words, *added] if draw(st.booleans()) else [*added, *words]
    if command in LONG:
        words += ["--seed", "nothing"]
    return [
        *command.split(),
        *(word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") for word in words),
    ]


def _bytes(draw: Draw, folder: Path) -> list[str]:
    made = _words(draw, folder)
    at = draw(st.integers(0, len(made) - 1))
    return [*made[:at], os.fsdecode(os.fsencode(made[at]) + b"\xff\x1b"), *made[at + 1 :]]


KINDS = [Kind("command lines", _prepare, _words), Kind("command lines that are no UTF-8", _prepare, _bytes)]
