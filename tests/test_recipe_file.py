from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from cdnet.cli.arguments import read_run
from cdnet.errors import CdnetError, UsageError
from cdnet.recipe_file import MAX_BYTES, check_recipe_file
from cdnet.settings.files import recipe_path, shipped_recipes
from cdnet.train.recipe import TrainRecipe

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "an empty recipe"),
        ("# nothing but a comment\n", "an empty recipe"),
        ("---\n", "an empty recipe"),
        ("{}", "an empty recipe"),
        ("size: 64x32\ndata:\n", ", line 2: data has no value"),
        ("loss:\nsize: 64x32\n", ", line 1: loss has no value"),
        ("schedule:\n  milestones: [1, ]\n  epochs:\n", ", line 3: epochs has no value"),
        ("schedule:\n  milestones:\n    - 1\n    -\n", ", line 4: an entry of a list has no value"),
        ("size: 64x32\nwidth: 1\nsize: 128x64\n", ", line 3: size stands there a second time"),
        ("loss:\n  margin: 1\ndata:\n  root: x\nloss:\n  margin: 2\n", ", line 5: loss stands there a second time"),
        ("loss: {margin: 1, 'margin': 2}\n", ", line 1: loss.margin stands there a second time"),
        ("optim: {lr: 1}\nloss: {margin: 1}\noptim.lr: 2\n", ", line 3: optim.lr stands there a second time"),
        ("evaluate_every: 1\nevaluate-every: 2\n", ", line 2: evaluate_every stands there a second time"),
        ("loss:\n  triplet-weight: 1\n  triplet_weight: 1\n", ", line 3: loss.triplet_weight stands there a second"),
        ("seed: 010\n", ", line 1: 010 is another number in YAML; write it without zeros in front"),
        ("schedule: {milestones: [5, -1:30]}\n", ", line 1: -1:30 is another number in YAML; .*without colons"),
        (BOMB, r", line 2: \*a stands for another place's value"),
        ("loss: &x {margin: 1}\naugment:\n  <<: *x\n", r", line 3: \*x stands for another place's value"),
        ("a: &a [*a]\n", r"\*a stands for another place's value"),
        ("size: !!python/object/apply:os.system ['true']\n", "the tag .* is not read"),
        ("size: !!binary aGVsbG8=\n", "the tag .* is not read"),
        ("- size\n", ", line 1: not a recipe, which has keys and values"),
        ("256x128\n", ", line 1: not a recipe, which has keys and values"),
        ("size: 64x32\n---\nsize: 128x64\n", ", line 2: a second document"),
        ("data:\n\troot: x\n", ", line 2: begins with a tab"),
        ("size: 64x32\n  width: 1\n", ", line 2: not YAML"),
        ("size: [64\n", ": not YAML"),
        ("? [a, b]\n: 1\n", "a key that is not a word"),
        ("a: " + "[" * 100_000, "more than 20 levels"),
        ("a: " + "{b: " * 50_000, "more than 20 levels"),
        ("size: 64x32\n".encode("utf-16"), "UTF-16 text, not a recipe; save it as UTF-8"),
        ("size: 64x32\nname: Zoë\n".encode("latin-1"), "line 2 is not UTF-8"),
        (b"size: 64x32\0\n", "holds NUL bytes"),
        (b"size: \x07\n", "not readable as YAML"),
        (b"a" * (MAX_BYTES + 1), "262,145 bytes are more than the 262,144 a recipe may have"),
    ],
)
def test_what_is_no_plain_recipe_is_said_in_a_sentence(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(CdnetError, match=said) as caught:
        recipe_path(str(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_plain_recipes_pass(tmp_path: Path) -> None:
    for name in shipped_recipes():
        check_recipe_file(recipe_path(name))
    check_recipe_file(written(tmp_path, yaml.safe_dump(asdict(TrainRecipe()), sort_keys=False)))
    check_recipe_file(written(tmp_path, b"\xef\xbb\xbfsize: 64x32\r\ninit: null\r\nneck: ''\r\n"))
    check_recipe_file(written(tmp_path, '{"size": "64x32", "loss": {"margin": 0.2}, "schedule": {"milestones": []}}'))


def test_a_recipes_keys_take_hyphens_and_underscores(tmp_path: Path) -> None:
    text = (
        "evaluate-every: 3\n'loss':\n  triplet-weight: 0.5\n  \"smoothing\": 0.1\noptim.weight-decay: 0.25\ninit: a-b\n"
    )
    found = read_run("train", "", TrainRecipe, ["--config", str(written(tmp_path, text)), "--out", "x"])[0]
    assert (found.evaluate_every, found.loss.triplet_weight, found.loss.smoothing) == (3, 0.5, 0.1)
    assert (found.optim.weight_decay, found.init) == (0.25, "a-b")


@pytest.mark.parametrize("name", ["010", "1:30", "2024", "no"])
def test_a_name_that_yaml_takes_for_something_else_stands_in_quotes(name: str, tmp_path: Path) -> None:
    def read(text: str) -> TrainRecipe:
        return read_run("train", "", TrainRecipe, ["--config", str(written(tmp_path, text)), "--out", "x"])[0]

    for key in ("genotype", "init"):
        with pytest.raises(CdnetError, match="in quotes"):
            read(f"{key}: {name}\n")
        assert getattr(read(f"{key}: '{name}'\n"), key) == name
    assert read(f"data: {{root: '{name}'}}\n").data.root == Path(name)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(CdnetError, match="no regular file"):
        check_recipe_file(tmp_path / "pipe.yaml")


@pytest.mark.parametrize("value", ["null", "~", "3", "[1, 2]"])
def test_a_value_in_a_sections_place_is_refused(tmp_path: Path, value: str) -> None:
    path = written(tmp_path, f"loss: {value}\n")
    with pytest.raises(
        CdnetError, match=r"loss is a section of the recipe and cannot be .*; its keys are margin, smoo"
    ):
        read_run("train", "", TrainRecipe, ["--config", str(path), "--out", str(tmp_path / "run")])


def test_an_option_does_not_hide_a_list_in_a_sections_place(tmp_path: Path) -> None:
    path = written(tmp_path, "schedule: [1, 2]\n")
    words = [f"--config={path}", "--schedule.epochs", "1", "--out", str(tmp_path / "run")]
    with pytest.raises(
        CdnetError, match=r"schedule is a section of the recipe and cannot be \[1, 2\]; its keys are ep"
    ):
        read_run("train", "", TrainRecipe, words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("schedul: {epochs: 1}", r"no key schedul.epochs \(did you mean schedule.epochs\?\)"),
        ("schedule: {epoch: 1}", r"no key schedule.epoch \(did you mean schedule.epochs\?\)"),
        ("epochs: 1", r"no key epochs \(did you mean schedule.epochs\?\)"),
        ("data: {root: [a]}", r"--data.root cannot be \['a'\]$"),
    ],
)
def test_keys_that_are_none_name_the_nearest(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_run("train", "", TrainRecipe, ["--config", str(written(tmp_path, text)), "--out", str(tmp_path / "run")])


def test_the_recipe_that_a_run_keeps_is_looked_at_too(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(BOMB, "utf-8")
    with pytest.raises(CdnetError, match="stands for another place's value"):
        read_run("train", "", TrainRecipe, ["--out", str(tmp_path), "--resume"])
