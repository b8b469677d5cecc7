"""What README and site show is run, page by page, in a folder where the names that they use are there.

Commands run as they are shown, but for options that make them small, each page from its first block to its last. What
would need others' data or programs is named below with the reason; ``test_words.py`` parses it like all the rest.
"""

from __future__ import annotations

import shlex
import shutil
import socket
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from tests.documentation.pages import OURS, PAGES, ROOT, Block, blocks, shell_lines

from cdnet.cli import main
from cdnet.nn.model import create_model
from cdnet.nn.necks import NECKS
from cdnet.weights import find_weights

NOT_RUN = {
    "--ray": "a Ray cluster; tests/extract/test_ray_job.py has one where Ray is installed",
    "torchrun": "several processes; tests/train/test_distributed.py",
    "classify": "CIFAR-100 and ImageNet; tests/classify/test_run.py",
    "postgresql://": "a server of somebody's; tests/gallery/test_transfer.py",
    "--peer": "another project's checkout; tests/bench/test_peers.py and test_beside_torchreid.py",
    "figure networks": "what benches of others' networks write; tests/figures/test_networks.py",
    "--certificate": "a certificate; tests/serve/test_login.py",
    "distil.teacher": "another network; tests/train/test_teacher.py",
    "teacher.xml": "another network; tests/cli/test_evaluate_files.py",
    "cdnet_top2_pretrained.pth": "the authors' file; tests/test_published.py",
    "osnet_x0_25.pth": "torchreid's file; tests/test_published.py",
    "evaluate cdnet.safetensors": "what is converted of the authors' file; tests/test_published.py",
    "init runs/imagenet": "a run on ImageNet; tests/train/test_init.py",
    "--int8": "minutes; tests/export/test_making.py",
    "--for ultralytics": "seconds each; tests/export/test_making.py makes a file for every program",
    "--for deepstream": "likewise",
    "--for openvino-demo": "likewise",
    "--help": "it ends the process that asks",
}

SMALLER = {
    "data draw": "--identities-train 20 --identities-test 6 --distractors 4 --junk 2 --size 64x32",
    "train": "--width 0.125 --size 64x32 --schedule.epochs 1 --batch.identities 4 --device cpu",
    "search latency": "--cost.width 0.125 --cost.size 64x32",
    "search compare": "--width 0.125 --size 64x32 --schedule.epochs 1 --random 1 --seeds [0] --batch.identities 4",
    "search": "--width 0.125 --size 64x32 --epochs 1 --batch.identities 4 --cost.width 0.125 --cost.size 64x32",
    "reproduce table-7": "--print-commands",
    "reproduce recipe": "--print-commands",
    "bench extract": "--pictures 40",
    "gallery calibrate": "--false-match-rate 0.01",
    "figure t-sne": "--identities 4",
    "serve": "--port 0",
}


LAXER = {"--cost.budget": "60000"}
"""What a machine that is slow or busy could not keep to."""


def words_of(line: str) -> list[str]:
    """The words of a line of ours, made small."""
    match = OURS.match(line)
    assert match is not None
    words = shlex.split(match[1])
    for option, value in LAXER.items():
        words = with_options(words, [option, value]) if option in words else words
    smaller = [more for prefix, more in SMALLER.items() if words[: len(prefix.split())] == prefix.split()]
    return with_options(words, shlex.split(smaller[0])) if smaller and "--resume" not in words else words


def with_options(words: list[str], options: list[str]) -> list[str]:
    """The words with options in the place of those of the same name, each with one value."""
    kept: list[str] = []
    within = False
    for word in words:
        within = word in options if word.startswith("--") else within
        if not within:
            kept.append(word)
    return [*kept, *options]


def left_out(line: str) -> bool:
    return any(sign in line for sign in NOT_RUN)


@pytest.fixture
def place(crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the pages name without making it."""
    monkeypatch.chdir(tmp_path)
    for name in ("recipes", "results"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(crowd, "DIR")
    first, second, *_ = sorted(Path("DIR/query").iterdir())
    for name, picture in (("person.jpg", first), ("a.jpg", first), ("b.jpg", second)):
        shutil.copy(picture, name)
    cv2.imwrite("frame.jpg", np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8))
    Path("token.txt").write_text("a-token-of-more-than-thirty-two-characters\n", "ascii")
    shutil.copy(ROOT / "src/cdnet/genotypes/cdnet-top2.json", "my-genotype.json")
    Path("docs/figures").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What each server that is run answered to every `curl` of the pages, by a client in this process."""
    uvicorn = pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    from starlette.testclient import TestClient

    asked = [line for line in shell_lines() if line.startswith("curl ")]
    given: dict[str, list[Any]] = {line: [] for line in asked}

    def run(server: Any, sockets: list[socket.socket]) -> None:
        with TestClient(server.config.app) as client:
            for line in asked:
                answer = client.request(**request_of(line))
                if answer.status_code == 200:
                    given[line].append(answer.json())

    monkeypatch.setattr(uvicorn.Server, "run", run)
    return given


def request_of(line: str) -> dict[str, Any]:
    """What a `curl` asks: its method, address, headers and body."""
    _, *words = shlex.split(line.replace("$(cat token.txt)", Path("token.txt").read_text("ascii").strip()))
    request: dict[str, Any] = {"method": "GET", "url": words.pop()}
    for option, value in zip(words[::2], words[1::2], strict=True):
        if option == "-H":
            name, _, text = value.partition(": ")
            request["headers"] = {name: text}
        else:
            assert option == "--data-binary"
            request |= {"method": "POST", "content": Path(value.removeprefix("@")).read_bytes()}
    return request


def to_run(page: str) -> list[Block]:
    """The page's snippets, and its commands without those that are left out; README's are the site's."""
    own = [block for block in blocks() if block.page == page and block.language in ("", "python")]
    lines = {block: [line for line in block.lines if OURS.match(line) and not left_out(line)] for block in own}
    return [block for block in own if block.language == "python" or (lines[block] and page != "README.md")]


def run_page(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    for block in to_run(page):
        if block.language == "python":
            exec(compile(block.text, page, "exec"), {"__name__": "shown"})
            continue
        for line in block.lines:
            if OURS.match(line) and not left_out(line):
                status = main(words_of(line))
                assert status == 0, f"{line}: {capsys.readouterr().err}"


@pytest.fixture
def filled(place: Path) -> None:
    """A gallery G with the queries."""
    assert main(["gallery", "create", "--gallery", "G", "--weights", "cdnet-x0.25-market1501"]) == 0
    assert main(["gallery", "add", "DIR/query", "--gallery", "G"]) == 0


def test_readme_shows_no_command_that_the_site_does_not() -> None:
    readme, site = (
        {line for block in blocks("") if (block.page == "README.md") is here for line in block.lines}
        for here in (True, False)
    )
    assert readme <= site


OF_THEIR_OWN = ("own-pictures", "serve", "responsible-use", "export", "add-a-neck")
OTHERS = [page for page in PAGES if to_run(page) and Path(page).stem not in OF_THEIR_OWN]


@pytest.mark.parametrize("page", OTHERS)
@pytest.mark.usefixtures("place")
def test_a_page_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_page(page, capsys)


@pytest.mark.usefixtures("place")
def test_own_pictures_in_a_folder_for_each_person(capsys: pytest.CaptureFixture[str]) -> None:
    for picture in [*Path("DIR").glob("*/[0-9]*.jpg")]:
        folder = Path("own", picture.name.partition("_")[0])
        folder.mkdir(parents=True, exist_ok=True)
        picture.rename(folder / picture.name)
    shutil.rmtree("DIR")
    Path("own").rename("DIR")
    run_page("docs/own-pictures.md", capsys)


@pytest.mark.usefixtures("filled")
def test_a_gallery_is_served(answers: dict[str, list[Any]], capsys: pytest.CaptureFixture[str]) -> None:
    run_page("docs/serve.md", capsys)
    assert len(answers) == 2
    for line, given in answers.items():
        assert given, line
        assert len(given[0]["matches"]) == 5 if "search" in line else given[0]["entries"]


@pytest.mark.usefixtures("filled")
def test_a_gallery_is_used_responsibly(capsys: pytest.CaptureFixture[str]) -> None:
    run_page("docs/responsible-use.md", capsys)


@pytest.mark.usefixtures("place")
def test_a_network_is_exported(capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/cdnet").mkdir(parents=True)
    shutil.copy(find_weights("cdnet-x0.25-market1501"), "runs/cdnet/weights.safetensors")
    Path("another.onnx").symlink_to("cdnet.onnx")
    run_page("docs/export.md", capsys)
    (changed,) = (yaml.safe_load(block.text) for block in blocks("yaml"))
    assert changed["with_reid"] is True
    assert f"cdnet export runs/cdnet --for ultralytics --out {changed['model']}" in shell_lines()


@pytest.mark.usefixtures("place")
def test_a_neck_is_added(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(NECKS, "maxneck", NECKS["blneck"])
    run_page("docs/add-a-neck.md", capsys)
    training, inference = (create_model(neck="maxneck", identities=number) for number in (7, None))
    dropped = training.state_dict().keys() - inference.state_dict().keys()
    assert dropped
    assert all(name.startswith("neck.head.") for name in dropped)


def test_what_is_not_run_is_still_shown() -> None:
    for sign in NOT_RUN:
        assert any(sign in line for line in shell_lines()), sign
    for prefix in SMALLER:
        assert any(f"cdnet {prefix} " in f"{line} " for line in shell_lines()), prefix
