"""What is written on a command line is what is meant, or one sentence says what was meant."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdnet.cli import main
from cdnet.cli.arguments import UsageError, parser, read_run
from cdnet.data.recipe import TrainDataRecipe
from cdnet.engine.folder import write_recipe
from cdnet.train.recipe import TrainRecipe

NAMES = [
    "null ",
    "NULL",
    "#1",
    "~x",
    "&a",
    "!t",
    "[red]",
    "{a}",
    "a: b",
    "'q'",
    "$x$",
    "张伟",
    "\udcff",
    "-",
    "1e3",
    "true",
]


def recipe_of(*words: str) -> TrainRecipe:
    return read_run("train", "", TrainRecipe, ["--out", "x", *words])[0]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_taken_as_they_are(name: str) -> None:
    found = recipe_of(f"--data.root={name}", f"--data.cache={name}", f"--init={name}", f"--genotype={name}")
    assert [found.data.root, found.data.cache] == [Path(name)] * 2
    assert [found.init, found.genotype] == [name] * 2


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_word_is_taken_as_it_is_or_refused(name: str) -> None:
    made = parser("any", "")
    made.add_argument("--root", type=Path)
    try:
        found = made.read([f"--root={name}"])
    except UsageError:
        assert name.strip() in ("", "?") or len(name) > 100 or name[0] in "\u2012\u2013\u2014\u2015\u2212"
    else:
        assert str(found.root) == str(Path(os.path.expanduser(name)))


def test_names_may_look_like_odd_numbers() -> None:
    found = recipe_of("--init", "010", "--data.root=1:30", "--genotype", "0", "--seed", "0", "--optim.lr", "0.10")
    assert (found.init, found.data.root, found.genotype, found.seed) == ("010", Path("1:30"), "0", 0)


def test_null_alone_means_none() -> None:
    assert recipe_of("--init", "null").init is None


@pytest.mark.parametrize("option", ["--evaluate-every", "--evaluate_every"])
def test_options_take_hyphens_and_underscores(option: str) -> None:
    assert recipe_of(option, "3").evaluate_every == 3
    assert recipe_of(f"{option}=3", "--optim.weight-decay=0.5").optim.weight_decay == 0.5
    assert recipe_of("--config", "demo", option, "7", "--optim.weight_decay", "1e-3").evaluate_every == 7


@pytest.mark.parametrize("words", [["--rerank_k1", "3"], ["--rerank-k1=3"], ["--false_match_rate", "0.1"]])
def test_other_commands_take_both_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "no-weights", "--data.root", ".", *words]) == 1
    assert "no option" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "classify", "search", "evaluate", "reproduce"])
def test_help_shows_one_spelling(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    words = capsys.readouterr().out.replace("[", " ").split()
    assert [word for word in words if word.startswith("--") and "_" in word] == []


def test_a_home_is_put_in_for_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found = recipe_of("--data.root=~/p", "--init=~/w", "--genotype", "cdnet")
    assert (found.data.root, found.init) == (tmp_path / "p", str(tmp_path / "w"))
    (tmp_path / "r.yaml").write_text("data: {root: ~/q}\ninit: ~/w\n")
    found = recipe_of("--config=~/r.yaml")
    assert (found.data.root, found.init) == (tmp_path / "q", str(tmp_path / "w"))
    monkeypatch.setattr(os.path, "expanduser", lambda text: text)
    with pytest.raises(UsageError, match="there is no home folder; give the whole path"):
        recipe_of("--data.root=~/p")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed", "1", "--seed", "1"], "--seed is given twice"),
        (["--evaluate-every", "1", "--evaluate_every=2"], "--evaluate-every is given twice"),
        (["--config", "demo", "--config", "demo"], "--config is given twice"),
        (["--data.root="], "an empty value after --data.root="),
        (["--data.root", " "], "an empty value after --data.root"),
        (["--optim.rl", "1"], "did you mean --optim.lr?"),
        (["--epochs", "1"], "did you mean --schedule.epochs?"),
        (["--root", "x"], "did you mean --data.root?"),
        (["-seed", "1"], "did you mean --seed?"),
        (["—seed", "1"], "an option begins with two hyphens"),
        (["--data", "/"], "its keys are options, such as --data.root"),
        (["--data.root", "a\0b"], "a character that no name can have"),
        (["--init", "\ud800"], "a character that no name can have"),
        (["--seed", "9" * 400], "a number of more than 100 digits after --seed"),
        (["--seed", "9" * 5000], "a number of more than 100 digits after --seed"),
        (["--schedule.milestones", f"[1,{'9' * 5000}]"], "a number of more than 100 digits"),
        (["--schedule.epochs", "9" * 20], "a number of more than 19 digits"),
        (["--optim.lr", "1e999"], "must be a finite number"),
        (["--seed"], "--seed has no value"),
        (["--seed", "010"], "--seed 010: write numbers without zeros in front and without colons"),
        (["--loss.margin=1:30"], "--loss.margin 1:30: write numbers without"),
        (["--schedule.milestones", "[5,010]"], "--schedule.milestones [5,010]: write numbers without"),
        (["more"], "too many arguments: more"),
        (["--resume=true"], "--resume takes no value"),
        (["--precision", "BF16"], "did you mean bf16?"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        recipe_of(*words)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "did you mean train?"),
        (["data", "chekc"], "did you mean check?"),
        (["figure", "tsne"], "did you mean t-sne?"),
        (["search", "comapre"], "did you mean compare?"),
        (["search", "--out", "x", "--measure-latency"], "cdnet search latency"),
        (["search", "--measure_latency"], "cdnet search latency"),
        (["info", "cdnt-top1"], "did you mean cdnet-top1?"),
        (["evaluate", "cdnet-x0.25-market", "--data.root", "."], "did you mean cdnet-x0.25-market1501?"),
        (["train", "--config", "market1501-cdent", "--out", "x"], "did you mean market1501-cdnet?"),
        (["reproduce", "table7"], "did you mean table-7?"),
        (["reproduce", "table-7", "--only", "CDNet_v35"], "did you mean cdnet-v35?"),
        (["reproduce", "table-7", "--set", "optim.lr=1", "optim.lr=2"], "a key twice"),
        (["search", "latency"], "see `cdnet search latency --help`"),
        (["evaluate", "--data.root", "."], "weights is not given: a run's folder"),
        (["train", "--out", "x", "--data.root", ".", "--augment.pad", "1000000"], "--augment.pad must be"),
        (["train", "--out", "x", "--data.root", ".", "--schedule.epochs", "9999999999"], "--schedule.epochs must be"),
        (["search", "--out", "x", "--space.blocks", "[1000000,1,1]"], "1,000,002 MBlocks; at most 60"),
        (["search", "--out", "x", "--space.name", "a\x1b"], "cannot be printed"),
        (["info", "--size", f"{'9' * 5000}x64"], "is no size"),
        (["bench", "search", "--batch", "99999999999"], "4 to 4,096"),
    ],
)
def test_near_misses_and_impossible_sizes_are_named(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) in (1, 2)
    err = capsys.readouterr().err
    assert err.startswith("cdnet: ")
    assert err.count("\n") == 1
    assert said in err
    assert not list(tmp_path.iterdir())


def test_a_genotype_of_endless_stages_or_with_a_hostile_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g.json"
    for content, said in (
        ({"name": "g", "stages": [[[3, 5]] * 20_000, [[3, 5]], [[3, 5]]]}, "20,000 blocks"),
        ({"name": "g", "stages": [[[3, 5]] * 60_000, [[3, 5]], [[3, 5]]]}, "more than the 262,144 bytes it may have"),
        ({"name": "g\x1b[2J", "stages": [[[3, 5]]] * 3}, "cannot be printed"),
    ):
        path.write_text(json.dumps(content))
        assert main(["info", str(path)]) == 1
        assert said in capsys.readouterr().err


def test_a_recipe_keeps_a_root_that_is_no_utf8_and_is_read_back(tmp_path: Path) -> None:
    root = tmp_path / "r\udcff\udc80\x1b"
    write_recipe(tmp_path, TrainRecipe(data=TrainDataRecipe(root=root)))
    assert read_run("train", "", TrainRecipe, ["--out", str(tmp_path), "--resume"])[0].data.root == root


def test_a_run_is_not_begun_in_a_folder_whose_name_tensorboard_cannot_take(
    tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r\udcff"
    assert main(["train", "--out", str(out), "--data.root", str(market), "--width", "0.1", "--size", "64x32"]) == 1
    assert "whose name is UTF-8; choose another --out" in capsys.readouterr().err
    assert not out.exists()
