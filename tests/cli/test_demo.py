import re
import signal
from pathlib import Path
from shutil import copytree

import pytest
import torch
from torch import nn

from cdnet.cli import main
from cdnet.cli.demo import run_demo, run_folder
from cdnet.cli.train import read_arguments
from cdnet.errors import CdnetError
from cdnet.report.drawing import Drawing, drawn_pictures
from cdnet.report.gather import CHANCE, HISTOGRAM, TRAINED, UNTRAINED, untrained_network
from cdnet.train.recipe import TrainRecipe
from cdnet.train.record import read_log
from cdnet.weights import load_model

DRAWING = Drawing(
    identities_train=8,
    identities_test=5,
    cameras=3,
    pictures_per_camera=3,
    distractors=3,
    junk=2,
    seed=3,
    size=(64, 32),
)


def recipe(epochs: int = 2) -> TrainRecipe:
    words = ["--config", "demo", "--out", "unused", "--width", "0.1", "--size", "64x32", "--seed", "3"]
    words += ["--batch.identities", "4", "--batch.pictures", "2", "--evaluate_every", "1"]
    made, _, _ = read_arguments([*words, "--schedule.epochs", str(epochs)])
    return made


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "demo"
    run_demo(out, recipe(), DRAWING)
    return out


def printed_rows(text: str) -> dict[str, list[float]]:
    names = (TRAINED, UNTRAINED, HISTOGRAM, CHANCE)
    rows = {name: re.search(rf"^{re.escape(name)}((?:\s+\d+\.\d)+)$", text, re.MULTILINE) for name in names}
    return {name: [float(number) for number in match[1].split()] for name, match in rows.items() if match}


def test_the_demo_leaves_pictures_a_run_and_a_report(finished: Path) -> None:
    assert {entry.name for entry in finished.iterdir()} == {"pictures", "cache", "run", "report.html"}
    assert len(read_log(finished / "run")) == 2
    page = (finished / "report.html").read_text("utf-8")
    for name in (TRAINED, UNTRAINED, HISTOGRAM, CHANCE):
        assert f'<th scope="row">{name}</th>' in page
    assert "http" not in page
    assert str(finished) not in page


def test_a_second_demo_uses_everything_again(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = [finished / "run" / "weights.safetensors", *sorted((finished / "pictures").rglob("*.jpg"))]
    before = [path.stat().st_mtime_ns for path in kept]
    run_demo(finished, recipe(), DRAWING)
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert not list(finished.glob("*-2"))
    rows = printed_rows(capsys.readouterr().out)
    assert len(rows) == 4
    assert all(len(numbers) == 4 for numbers in rows.values())
    trained = 100 * read_log(finished / "run")[-1]["rank1"]
    assert rows[TRAINED][0] == pytest.approx(trained, abs=0.051)


def test_other_settings_leave_the_old_run_and_pictures_alone(tmp_path: Path) -> None:
    run_demo(tmp_path, recipe(1), DRAWING)
    weights = (tmp_path / "run" / "weights.safetensors").read_bytes()
    run_demo(tmp_path, recipe(2), DRAWING)
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == weights
    assert len(read_log(tmp_path / "run-2")) == 2
    assert not (tmp_path / "pictures-2").exists()


def test_other_pictures_mean_another_run_even_by_the_same_recipe(finished: Path, tmp_path: Path) -> None:
    copytree(finished, tmp_path / "demo")
    more = Drawing(**{**vars(DRAWING), "identities_train": 9})
    root, _ = drawn_pictures(tmp_path / "demo", more)
    assert root.name == "pictures-2"
    assert len(list((root / "bounding_box_train").iterdir())) > len(
        list((finished / "pictures" / "bounding_box_train").iterdir())
    )
    same = recipe()
    same.data.layout = "market1501"
    for name, expected in (("pictures", ("run", True)), ("pictures-2", ("run-2", False))):
        same.data.root = tmp_path / "demo" / name
        folder, resume = run_folder(tmp_path / "demo", same)
        assert (folder.name, resume) == expected


def test_pictures_that_are_not_the_demos_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "mine.txt").write_text("mine")
    root, _ = drawn_pictures(tmp_path, DRAWING)
    assert root.name == "pictures-2"
    assert [entry.name for entry in (tmp_path / "pictures").iterdir()] == ["mine.txt"]


def test_a_stopped_demo_says_so_and_goes_on_and_the_untrained_network_is_the_one_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cdnet.train.run as run

    step, began_with = run.train_epoch, {}

    def stopped(model: nn.Module, *arguments: object) -> dict[str, object]:
        began_with.update({name: tensor.clone() for name, tensor in model.state_dict().items()})
        line = step(model, *arguments)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        return line

    monkeypatch.setattr(run, "train_epoch", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"epoch 2.*same command"):
        run_demo(tmp_path, recipe(), DRAWING)
    assert not (tmp_path / "report.html").exists()
    monkeypatch.undo()
    run_demo(tmp_path, recipe(), DRAWING)
    assert [line["epoch"] for line in read_log(tmp_path / "run")] == [1, 2]
    assert (tmp_path / "report.html").is_file()
    _, spec = load_model(tmp_path / "run")
    untrained = untrained_network(recipe(), spec).state_dict()
    assert untrained.keys() == began_with.keys()
    assert all(torch.equal(untrained[name], tensor) for name, tensor in began_with.items())


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(CdnetError, match="is a file"):
        run_demo(tmp_path / "demo", recipe(), DRAWING)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 1
    assert "choose a folder" in capsys.readouterr().err


def test_wrong_options_are_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo"), "--epochs", "0"]) == 1
    assert main(["demo", "--out", str(tmp_path / "demo"), "--epochs", "many"]) == 2
    assert not (tmp_path / "demo").exists()
