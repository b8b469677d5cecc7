"""The commands, options, extras, files and figures that README and site name are there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from typing import Any

import pytest
from docs._ext.command_options import help_of, subcommands
from tests.documentation.pages import OURS, PAGES, ROOT, blocks, shell_lines, spans

from cdnet.cli import COMMANDS, main
from cdnet.settings.files import shipped_recipes
from cdnet.settings.parser import Parser

OTHERS_PROGRAMS = {"boxmot", "yolo"}


class WordsTakenError(Exception):
    """A command's parser has taken its words."""


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """The help of every command and subcommand."""
    found = {name: help_of([name]) for name in COMMANDS}
    for name, text in list(found.items()):
        for action in subcommands(name, text):
            found[f"{name} {action}"] = help_of([name, action])
    return found


def take(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Parser.read

    def stop(self: Parser, words: list[str]) -> Any:
        read(self, words)
        raise WordsTakenError

    monkeypatch.setattr(Parser, "read", stop)
    main(shlex.split(line))


SHOWN = [match[1] for line in shell_lines() if (match := OURS.match(line)) and match[1] != "--help"]


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_is_shown_has_these_options(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(WordsTakenError):
        take(line, monkeypatch)


def test_an_option_that_is_not_there_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    take("export runs/cdnet --no-such-option --out cdnet.onnx", monkeypatch)
    assert "no-such-option" in capsys.readouterr().err


def test_the_pages_show_every_command() -> None:
    assert {line.split()[0] for line in SHOWN} | {"demo"} == set(COMMANDS)


@pytest.mark.parametrize("line", [line for line in shell_lines() if not OURS.match(line)])
def test_what_is_not_ours_is_known(line: str) -> None:
    program, *words = shlex.split(line.split(" && ")[0])
    if program == "pip":
        named = re.search(r"cdnet-reid\[([\w,]+)\]", line)
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
        assert words[0] == "install"
        assert set(named[1].split(",") if named else []) <= set(extras)
        assert named or f"{words[1]}\n" in (ROOT / "constraints.txt").read_text("utf-8")
    elif program == "make":
        if shutil.which("make") is not None:
            subprocess.run([program, "--dry-run", *words], cwd=ROOT, capture_output=True, check=True)
    elif program == "curl":
        assert "cdnet serve" in PAGES[shell_lines()[line]]  # test_running.py asks the same of the server
    else:
        assert program in OTHERS_PROGRAMS


@pytest.mark.parametrize(("page", "span"), sorted({span for span in spans() if span[1].startswith("cdnet ")}))
def test_a_command_in_a_sentence_is_there_with_its_options(page: str, span: str, helps: dict[str, str]) -> None:
    _, command, *words = span.split()
    assert command in {*COMMANDS, "COMMAND", "--help", "--version"}
    actions = [f"{command} {word}" for word in words[:1]]
    known = "".join(text for name, text in helps.items() if command == "COMMAND" or name in (command, *actions))
    for word in words:
        if word.startswith("--"):
            assert re.search(rf"{re.escape(word.partition('=')[0])}(?![\w.-])", known), f"{page}: {span}"


@pytest.mark.parametrize(("page", "span"), sorted({span for span in spans() if span[1].startswith("--")}))
def test_an_option_in_a_sentence_is_there(page: str, span: str, helps: dict[str, str]) -> None:
    known = set(re.findall(r"--[\w.-]+", "".join(helps.values())))
    others = {"--m_reid", "--reid"}  # of OpenVINO's demo and of BoxMOT
    assert {word for word in span.split() if word.startswith("--")} <= known | others, page


def test_files_and_recipes_that_are_named_are_there() -> None:
    texts = {**PAGES, "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text("utf-8")}
    for page, text in texts.items():
        assert set(re.findall(r"recipes/([\w.-]+)\.yaml", text)) <= set(shipped_recipes()), page
        paths = re.findall(r"`((?:src|tests|results|docs|tools)/[\w/.-]+)`", text)
        assert not [path for path in paths if "NAME" not in path and not (ROOT / path).exists()], page
        links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
        assert not [link for link in links if not (ROOT / page).parent.joinpath(link).exists()], page


def test_readme_is_one_screen_and_leads_to_every_page() -> None:
    readme = PAGES["README.md"]
    assert len(readme.splitlines()) <= 80
    linked = set(re.findall(r"\((docs/[\w/.-]+\.md)", readme))
    assert linked == {page for page in PAGES if page.startswith("docs/")} - {
        f"docs/{name}.md" for name in ("index", "commands", "api")
    }
    for words in ("make demo", "make test", "pip install -c constraints.txt ."):
        assert words in readme


def test_a_sentence_stands_once() -> None:
    seen: dict[str, str] = {}
    for page, text in PAGES.items():
        prose = re.sub(r"^```.*?^```|^\|.*?$|^#.*?$", "", text, flags=re.DOTALL | re.MULTILINE)
        for sentence in re.split(r"(?<=[.:])\s+|\n\n", prose):
            words = " ".join(sentence.split())
            if len(words) > 100:
                assert seen.setdefault(words, page) == page, f"{page} and {seen[words]}: {words}"


FIGURES = {"`--flip`": ("flip", True), "`--rerank`": ("rerank", True)}


def test_the_measured_figures_are_those_of_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    measured = json.loads((ROOT / "results/evaluation.json").read_text("utf-8"))
    checked, network = 0, ""
    for page in ("README.md", "docs/results.md"):
        for row in re.findall(r"^\| (.*) \|$", PAGES[page], re.MULTILINE):
            cells = row.split(" | ")
            name = re.match(r"`(cdnet-[\w.-]+)`", cells[0])
            if name is None and cells[0] not in FIGURES:
                continue
            network = name[1] if name else network
            kinds = {"flip": cells[0] == "`--flip`", "rerank": cells[0] == "`--rerank`"}
            (right,) = [
                run
                for run in measured
                if run["weights"] == network and all(bool(run[kind]) is wanted for kind, wanted in kinds.items())
            ]
            shares = [100 * right[key] for key in ("rank1", "mAP", "mINP")]
            columns = cells[3:6] if page == "README.md" else cells[1:4]
            assert [cell.split()[0] for cell in columns] == [f"{share:.1f}" for share in shares], row
            checked += 1
            if page == "README.md":
                width = re.search(r"x([\d.]+)", network)
                assert width is not None
                assert main(["info", "cdnet", "--width", width[1], "--size", "128x64", "--json"]) == 0
                counted = json.loads(capsys.readouterr().out)
                assert cells[1] == f"{counted['params']:,}"
                assert cells[2] == f"{counted['macs'] / 1e6:.1f} M"
    assert checked >= 8


def test_every_language_of_a_block_is_looked_at() -> None:
    languages = {block.language for block in blocks()}
    assert languages <= {"", "python", "yaml", "{toctree}", "{command-options}", "{eval-rst}"}
