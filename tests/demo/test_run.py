import re
import signal
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest
import torch
from torch import nn

from cdnet.cli import main
from cdnet.demo.drawing import Drawing, drawn_pictures
from cdnet.demo.run import Demo, run_demo, run_folder
from cdnet.engine.record import read_log
from cdnet.errors import CdnetError, StoppedError
from cdnet.genotype import read_genotype
from cdnet.report.gather import CHANCE, HISTOGRAM, TRAINED, UNTRAINED, untrained_network
from cdnet.search.algorithm import Search
from cdnet.search.recipe import SearchRecipe
from cdnet.settings.recipes import read_recipe
from cdnet.train.recipe import TrainRecipe
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


SMALL = {"width": 0.1, "size": "64x32", "seed": 3, "batch.identities": 4, "batch.pictures": 2}


def recipe(epochs: int = 2) -> TrainRecipe:
    return read_recipe(TrainRecipe, "demo", {**SMALL, "evaluate_every": 1, "schedule.epochs": epochs})


def searching(epochs: int = 2) -> SearchRecipe:
    changes = {**SMALL, "validation": 2, "space.repeats": [1], "epochs": epochs}
    return read_recipe(SearchRecipe, "demo-search", changes)


def demo(out: Path, epochs: int = 2, search_epochs: int = 2) -> Demo:
    return run_demo(out, DRAWING, searching(search_epochs), recipe(epochs))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "demo"
    demo(out)
    return out


def printed_rows(text: str) -> dict[str, list[float]]:
    names = (TRAINED, UNTRAINED, HISTOGRAM, CHANCE)
    rows = {name: re.search(rf"^{re.escape(name)}((?:\s+\d+\.\d)+)$", text, re.MULTILINE) for name in names}
    return {name: [float(number) for number in match[1].split()] for name, match in rows.items() if match}


def test_the_demo_leaves_pictures_a_search_a_run_and_a_report(finished: Path) -> None:
    assert {entry.name for entry in finished.iterdir()} == {"pictures", "cache", "search", "run", "report.html"}
    assert len(read_log(finished / "search")) == len(read_log(finished / "run")) == 2
    page = (finished / "report.html").read_text("utf-8")
    for name in (TRAINED, UNTRAINED, HISTOGRAM, CHANCE):
        assert f'<th scope="row">{name}</th>' in page
    assert "http" not in page
    assert str(finished) not in page


def test_the_gallery_is_told_when_each_camera_saw_whom(finished: Path) -> None:
    rows = (finished / "pictures" / "gallery.csv").read_text("utf-8").splitlines()
    names = {path.name for path in (finished / "pictures" / "bounding_box_test").iterdir()}
    assert rows[0] == "path,camera,time,person"
    assert {row.split(",")[0] for row in rows[1:]} == {
        f"bounding_box_test/{name}" for name in names if not name.startswith("-1")
    }
    for row in rows[1:]:
        path, camera, time, person = row.split(",")
        who, where, frame, _ = Path(path).name.split("_")
        assert where.startswith(f"c{camera}s")
        assert person == ("" if who == "0000" else who)
        since_eight = datetime.fromisoformat(time) - datetime.fromisoformat("2025-06-02T08:00:00+00:00")
        assert since_eight * 25 == timedelta(seconds=int(frame))


def test_a_second_demo_uses_everything_again(finished: Path) -> None:
    kept = [finished / "search" / "checkpoint.pt", finished / "run" / "weights.safetensors"]
    kept += sorted((finished / "pictures").rglob("*.jpg"))
    before = [path.stat().st_mtime_ns for path in kept]
    done = demo(finished)
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert not list(finished.glob("*-2"))
    rows = printed_rows(done.as_table())
    assert len(rows) == 4
    assert all(len(numbers) == 4 for numbers in rows.values())
    trained = 100 * read_log(finished / "run")[-1]["rank1"]
    assert rows[TRAINED][0] == pytest.approx(trained, abs=0.051)


def test_the_network_that_was_found_is_trained_and_told(finished: Path) -> None:
    found = read_genotype(finished / "search" / "genotype.json")
    chosen = [choice for stage in found.stages for choice in stage]
    space = searching().space.build()
    assert [space.candidates.index(choice) for choice in chosen] == read_log(finished / "search")[-1]["chosen"]
    assert load_model(finished / "run")[1].genotype.stages == found.stages
    page = (finished / "report.html").read_text("utf-8")
    assert re.findall(r"MBlock \d: <strong>(.*?)</strong>", page) == [str(choice) for choice in chosen]


def test_a_moved_demo_is_used_again(finished: Path, tmp_path: Path) -> None:
    copytree(finished, tmp_path / "moved")
    before = (tmp_path / "moved" / "run" / "weights.safetensors").stat().st_mtime_ns
    demo(tmp_path / "moved")
    assert not list((tmp_path / "moved").glob("*-2"))
    assert (tmp_path / "moved" / "run" / "weights.safetensors").stat().st_mtime_ns == before


def test_other_settings_leave_the_old_run_search_and_pictures_alone(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    copytree(finished, out)
    kept = [out / "search" / "checkpoint.pt", out / "run" / "weights.safetensors"]
    before = [path.read_bytes() for path in kept]
    demo(out, epochs=1)
    assert len(read_log(out / "run-2")) == 1
    assert not (out / "search-2").exists()
    demo(out, search_epochs=1)
    assert len(read_log(out / "search-2")) == 1
    assert len(read_log(out / "run-3")) == 2  # of another search, though by the same recipe
    assert [path.read_bytes() for path in kept] == before
    assert not (out / "pictures-2").exists()


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
    same.genotype = str(tmp_path / "demo" / "search" / "genotype.json")
    for name, expected in (("pictures", ("run", True)), ("pictures-2", ("run-2", False))):
        same.data.root = tmp_path / "demo" / name
        folder, resume = run_folder(tmp_path / "demo" / "run", same)
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
    with pytest.raises(StoppedError, match=r"^training stopped in epoch 2.*same command"):
        demo(tmp_path)
    assert not (tmp_path / "report.html").exists()
    monkeypatch.undo()
    demo(tmp_path)
    assert [line["epoch"] for line in read_log(tmp_path / "run")] == [1, 2]
    assert (tmp_path / "report.html").is_file()
    _, spec = load_model(tmp_path / "run")
    untrained = untrained_network(recipe(), spec).state_dict()
    assert untrained.keys() == began_with.keys()
    assert all(torch.equal(untrained[name], tensor) for name, tensor in began_with.items())


def test_a_stopped_search_goes_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Search.epoch

    def stopped(self: Search, *arguments: object) -> dict[str, object]:
        line = real(self, *arguments)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        return line

    monkeypatch.setattr(Search, "epoch", stopped)
    with pytest.raises(StoppedError, match=r"^search stopped in epoch 2.*same command"):
        demo(tmp_path, epochs=1)
    assert not (tmp_path / "run").exists()
    monkeypatch.undo()
    demo(tmp_path, epochs=1)
    assert [line["epoch"] for line in read_log(tmp_path / "search")] == [1, 2]
    assert not list(tmp_path.glob("*-2"))


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo").write_text("")
    with pytest.raises(CdnetError, match="is a file"):
        demo(tmp_path / "demo")
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 1
    assert "choose a folder" in capsys.readouterr().err


def test_wrong_options_are_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo"), "--epochs", "0"]) == 1
    assert main(["demo", "--out", str(tmp_path / "demo"), "--epochs", "many"]) == 2
    assert not (tmp_path / "demo").exists()
