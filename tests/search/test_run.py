"""Whole searches: what they leave, stopping and resuming, several processes, and the way on to training."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.runs import same_run

from cdnet import CdnetError
from cdnet.cli import main
from cdnet.engine.epoch import Place
from cdnet.engine.folder import as_plain
from cdnet.engine.record import read_log
from cdnet.engine.stopping import StopRequest
from cdnet.errors import StoppedError
from cdnet.genotype import read_genotype
from cdnet.report.search import report_search
from cdnet.search import algorithm
from cdnet.search.gate import Selection
from cdnet.search.pace import read_search_time, search_time
from cdnet.search.recipe import (
    AlphaRecipe,
    CostRecipe,
    SearchRecipe,
    SidesRecipe,
    SpaceRecipe,
    TemperatureRecipe,
    WeightsRecipe,
)
from cdnet.search.run import SearchRun, search
from cdnet.search.space import CDS, CS
from cdnet.search.split import split_validation
from cdnet.train.recipe import BatchRecipe, LossRecipe


def test_a_search_leaves_what_it_promises(recipe: SearchRecipe, market: Path, tmp_path: Path) -> None:
    path = search(recipe, tmp_path / "run")
    names = {entry.name for entry in (tmp_path / "run").iterdir()} - {".lock"}
    assert names == {"recipe.yaml", "checkpoint.pt", "log.jsonl", "tensorboard", "genotype.json"}
    genotype = read_genotype(path)
    assert [len(stage) for stage in genotype.stages] == [1, 2, 1]
    assert "top-2" in genotype.source
    assert "(41 for w, 16 for alpha)" in genotype.source
    log = read_log(tmp_path / "run")
    assert len(log) == 3
    for line in log:
        computed = torch.tensor(line["computed"])
        # Two of four branches in each MBlock and step: every row sums to twice the steps, alike in all MBlocks.
        assert len(set(computed.sum(1).tolist())) == 1
        assert computed.sum() % 8 == 0
    alpha = torch.tensor(log[-1]["alpha"])
    assert alpha.argmax(1).tolist() == log[-1]["chosen"]
    assert (alpha != torch.tensor(log[0]["alpha"])).any()
    again = ["search", "--out", tmp_path / "run", "--resume"]  # finished: only the report is written
    assert main([str(word) for word in again]) == 0
    assert "top-2" in (tmp_path / "run" / "report.html").read_text("utf-8")
    words = ["train", "--genotype", path, "--out", tmp_path / "trained", "--data.root", market, "--width", 0.1]
    small = ["--size", "64x32", "--batch.identities", 4, "--schedule.epochs", 1]
    assert main([str(word) for word in words + small]) == 0
    assert main(["info", str(path)]) == 0


def test_log_counts_epochs_from_1_and_how_often_each_branch_was_computed(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: dict[int, Counter[tuple[int, int]]] = {}
    real = algorithm.Search._update_w

    def noting(self: algorithm.Search, indices: Any, epoch: int, *others: Any) -> Any:
        losses, selections = real(self, indices, epoch, *others)
        computed = [(number, branch) for number, found in enumerate(selections) for branch in found.branches]
        counts.setdefault(epoch, Counter()).update(computed)
        return losses, selections

    monkeypatch.setattr(algorithm.Search, "_update_w", noting)
    search(recipe, tmp_path)
    log = read_log(tmp_path)
    assert [line["epoch"] for line in log] == [1, 2, 3]
    for epoch, line in enumerate(log):
        assert line["computed"] == [[counts[epoch][m, branch] for branch in range(4)] for m in range(4)]


def test_both_optimisers_follow_the_recipe(recipe: SearchRecipe, market: Path, tmp_path: Path) -> None:
    recipe.weights = WeightsRecipe(lr=0.02, lr_end=0.01, momentum=0.7, weight_decay=0.05)
    recipe.alpha = AlphaRecipe(lr=0.01, betas=[0.3, 0.9], weight_decay=0.2, milestones=[1], factor=0.5)
    recipe.epochs = 2
    with ExitStack() as held:
        run = SearchRun(recipe, tmp_path, market, False, held).algorithm
    stem = run.w[0]  # on every path, so that each step has a gradient for it
    steps: dict[str, list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]] = {"w": [], "alpha": []}
    for name, optimizer, moved in (
        ("w", run.w_optimizer, stem),
        ("alpha", run.alpha_optimizer, run.supernet.alpha),
    ):
        before: list[torch.Tensor] = []

        def note(*_: object, moved: torch.Tensor = moved, before: list[torch.Tensor] = before) -> None:
            assert moved.grad is not None
            before[:] = [moved.detach().double().clone(), moved.grad.double().clone()]

        def compare(
            *_: object, name: str = name, moved: torch.Tensor = moved, before: list[torch.Tensor] = before
        ) -> None:
            steps[name].append((before[0], before[1], moved.detach().double().clone()))

        optimizer.register_step_pre_hook(note)
        optimizer.register_step_post_hook(compare)
    for epoch in range(2):
        run.epoch(Place(epoch=epoch), StopRequest())
    per_epoch = len(steps["w"]) // 2
    assert per_epoch > 1
    velocity = torch.zeros_like(stem, dtype=torch.double)
    for number, (w, gradient, after) in enumerate(steps["w"]):
        velocity = 0.7 * velocity + gradient + 0.05 * w
        rate = 0.01 + 0.01 * (1 + math.cos(math.pi * number / len(steps["w"]))) / 2
        torch.testing.assert_close(after - w, -rate * velocity, rtol=1e-3, atol=1e-7)
    first, second = torch.zeros_like(steps["alpha"][0][0]), torch.zeros_like(steps["alpha"][0][0])
    for number, (alpha, gradient, after) in enumerate(steps["alpha"], start=1):
        slope = gradient + 0.2 * alpha
        first, second = 0.3 * first + 0.7 * slope, 0.9 * second + 0.1 * slope**2
        step = (first / (1 - 0.3**number)) / ((second / (1 - 0.9**number)).sqrt() + 1e-8)
        rate = 0.01 if number <= per_epoch else 0.005
        torch.testing.assert_close(after - alpha, -rate * step, rtol=1e-3, atol=1e-7)


def test_time_of_a_search_is_told_by_its_log(recipe: SearchRecipe, tmp_path: Path) -> None:
    search(recipe, tmp_path)
    log = read_log(tmp_path)
    took = read_search_time(tmp_path)
    assert took.epochs == 3
    assert took.seconds == pytest.approx(sum(line["seconds"] for line in log))
    # Two branches a step in each MBlock; a step takes 8 pictures for w and 8 for alpha.
    per_step = [1000 * line["seconds"] / (sum(line["computed"][0]) / 2) for line in log]
    assert took.table_1 == pytest.approx(sum(per_step) / 3 / 8, rel=0.1)
    assert took.milliseconds_per_image == pytest.approx(took.table_1 / 2, rel=1e-3)
    for log in ([], [{"seconds": 1.0}], [{"seconds": "x", "milliseconds_per_image": None}]):
        with pytest.raises(CdnetError, match="not one of a search"):
            search_time(log)


@pytest.mark.parametrize("stop_at", [1, 5])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(
    recipe: SearchRecipe, tmp_path: Path, at_step: Callable[..., list[int]], stop_at: int
) -> None:
    search(recipe, tmp_path / "whole")
    at_step(algorithm.Search, "_update_w", stop_at)
    with pytest.raises(StoppedError, match="--resume"):
        search(recipe, tmp_path / "stopped")
    search(recipe, tmp_path / "stopped", resume=True)
    assert same_run(tmp_path / "whole", tmp_path / "stopped")


def test_milestones_of_alpha_beyond_the_last_epoch_are_said(
    recipe: SearchRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe.alpha.milestones, recipe.epochs = [1, 2, 160], 2
    search(recipe, tmp_path / "a")
    recipe.alpha.milestones = [1]
    assert "alpha: of 2 epochs none reaches the milestone(s) 2, 160" in caplog.text
    caplog.clear()
    search(recipe, tmp_path / "b")
    assert "milestone" not in caplog.text


def test_another_seed_gives_another_search(recipe: SearchRecipe, tmp_path: Path) -> None:
    recipe.epochs = 1
    search(recipe, tmp_path / "a")
    search(recipe, tmp_path / "b")
    search(dataclasses.replace(recipe, seed=1), tmp_path / "c")
    assert same_run(tmp_path / "a", tmp_path / "b")
    assert not same_run(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize("gate", ["mixture", "sampled"])
def test_the_other_gates_search_too(recipe: SearchRecipe, tmp_path: Path, gate: str) -> None:
    recipe.gate, recipe.epochs = gate, 1  # type: ignore[assignment]
    search(recipe, tmp_path)
    computed = torch.tensor(read_log(tmp_path)[0]["computed"])
    steps = computed.sum(1).unique().item() // (4 if gate == "mixture" else 1)
    assert (computed == steps).all() == (gate == "mixture")


def test_temperature_falls_by_epochs_and_resumes_bit_for_bit(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_step: Callable[..., list[int]]
) -> None:
    recipe.gate, recipe.temperature = "sampled", TemperatureRecipe(start=4.0, end=1.0)
    seen = []
    real = algorithm.sampled

    def noting(alpha: torch.Tensor, generator: torch.Generator, temperature: float) -> Selection:
        seen.append(temperature)
        return real(alpha, generator, temperature)

    monkeypatch.setattr(algorithm, "sampled", noting)
    search(recipe, tmp_path / "whole")
    assert list(dict.fromkeys(seen)) == [4.0, 2.5, 1.0]
    assert [line["temperature"] for line in read_log(tmp_path / "whole")] == [4.0, 2.5, 1.0]
    at_step(algorithm.Search, "_update_w", 6)
    with pytest.raises(StoppedError):
        search(recipe, tmp_path / "stopped")
    assert len(read_log(tmp_path / "stopped")) == 1
    search(recipe, tmp_path / "stopped", resume=True)
    assert same_run(tmp_path / "whole", tmp_path / "stopped")


def test_temperature_changes_alphas_gradient_alone_and_only_of_the_sampled_gate(
    recipe: SearchRecipe, tmp_path: Path
) -> None:
    recipe.epochs = 1
    for gate in ("sampled", "top-k"):
        recipe.gate = gate  # type: ignore[assignment]
        search(recipe, tmp_path / gate)
    recipe.gate, recipe.temperature = "sampled", TemperatureRecipe(start=1.0)
    search(recipe, tmp_path / "cooler")
    warm, cool, other = (read_log(tmp_path / name)[0] for name in ("sampled", "cooler", "top-k"))
    assert (warm["temperature"], cool["temperature"], "temperature" in other) == (10.0, 1.0, False)
    assert warm["alpha"] != cool["alpha"]


def test_two_processes_agree_on_alpha_exactly(recipe: SearchRecipe, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(as_plain(recipe)))
    script = tmp_path / "both.py"
    script.write_text(
        "import os, sys, torch, yaml\n"
        "from contextlib import ExitStack\n"
        "from pathlib import Path\n"
        "from cdnet.cli.arguments import read_run\n"
        "from cdnet.search.recipe import SearchRecipe\n"
        "from cdnet.search.run import SearchRun\n"
        "recipe, out, _ = read_run('search', '', SearchRecipe, sys.argv[1:])\n"
        "run = SearchRun(recipe, out, recipe.data.root, False, ExitStack())\n"
        "run.search()\n"
        "torch.save(run.supernet.state_dict(), f\"rank{os.environ['RANK']}.pt\")\n"
    )
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, str(script), "--config", "recipe.yaml", "--out", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one, two = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert torch.equal(one["alpha"], two["alpha"])
    learned = [name for name in one if "running" not in name and "num_batches" not in name]
    assert all(torch.equal(one[name], two[name]) for name in learned)


def test_only_the_papers_spaces_bear_their_names() -> None:
    assert (SpaceRecipe().build(), SpaceRecipe("CS", repeats=[1]).build()) == (CDS, CS)
    assert SpaceRecipe(repeats=[1]).build().name == "own space"
    assert SpaceRecipe("CS", repeats=[1], blocks=[1, 2, 2]).build().name == "own space"
    assert SpaceRecipe("mine", repeats=[1]).build().name == "mine"


def test_a_finished_search_without_its_log_says_so(recipe: SearchRecipe, tmp_path: Path) -> None:
    recipe.epochs = 1
    search(recipe, tmp_path)
    (tmp_path / "log.jsonl").unlink()
    with pytest.raises(CdnetError, match=r"log\.jsonl is missing or empty"):
        report_search(recipe, tmp_path, tmp_path / "genotype.json")


def test_split_takes_four_of_each_and_half_of_the_few() -> None:
    identities = ["a"] * 20 + ["b"] * 8 + ["c"] * 5 + ["d"]
    split = split_validation(identities, 4, seed=3)
    assert Counter(identities[i] for i in split.validation) == {"a": 4, "b": 4, "c": 2}
    assert sorted([*split.train, *split.validation]) == list(range(34))
    assert split.short == ("c", "d")
    assert split_validation(identities, 4, seed=4).validation.tolist() != split.validation.tolist()


def test_the_split_of_a_data_set_says_why_it_is_smaller() -> None:
    # Market-1501's training identities by their number of pictures, as far as they have fewer than 8; 629 have more.
    counts = {2: 3, 3: 12, 4: 12, 5: 31, 6: 24, 7: 40}
    sizes = [size for size, number in counts.items() for _ in range(number)] + [8] * 629
    split = split_validation([str(person) for person, size in enumerate(sizes) for _ in range(size)], 4, seed=0)
    assert len(sizes) == 751
    assert split.describe(4).endswith(
        "2,809 for alpha: 4 of each identity, and half of those of the 122 with fewer than 8"
    )
    assert split_validation(["a"] * 8, 4).describe(4) == "4 for w, 4 for alpha"


@pytest.mark.parametrize("both", [True, False])
def test_both_sides_are_varied_and_erased_unless_alphas_is_to_stay_plain(
    recipe: SearchRecipe, market: Path, tmp_path: Path, both: bool
) -> None:
    recipe.augment = SidesRecipe(flip=0.0, pad=0, erase=1.0, both=both)
    with ExitStack() as held:
        run = SearchRun(recipe, tmp_path, market, False, held).algorithm
    for batches, varied in ((run.train, True), (run.validation, both)):
        order = batches.epoch(0)
        erased = batches.batch(order[0], 0, 0)[0]
        batches.how = SidesRecipe(flip=0.0, pad=0, erase=0.0)
        plain = batches.batch(order[0], 0, 0)[0]
        assert [bool((one != other).any()) for one, other in zip(erased, plain, strict=True)] == [varied] * len(plain)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"k": 0}, "--k must be from 1 to 4"),
        ({"k": 5}, "--k must be from 1 to 4"),
        ({"epochs": 0}, "--epochs must be"),
        ({"loss": LossRecipe(smoothing=5.0)}, "--loss.smoothing must be"),
        ({"augment": SidesRecipe(flip=2.0)}, "--augment.flip must be"),
        ({"cost": CostRecipe(budget=1e6)}, "--cost.kind must be macs, params or latency"),
        ({"cost": CostRecipe(width=9.0)}, "the width multiplier must be above 0 and at most 8, not 9.0"),
        ({"cost": CostRecipe("macs", budget=1.0)}, "no network in small costs at most 1 macs at width 1 and 256x128"),
        ({"temperature": TemperatureRecipe(start=3.0)}, "--temperature must be left alone where --gate is not sampled"),
        (
            {"gate": "sampled", "temperature": TemperatureRecipe(end=0.0)},
            "--temperature.end must be from 0.001 to 1000",
        ),
        ({"gate": "sampled", "temperature": TemperatureRecipe(math.inf)}, "--temperature.start must be from 0.001"),
        ({"width": 0.0}, "the width multiplier must be above 0 and at most 8, not 0.0"),
        ({"width": -1.0}, "the width multiplier must be above 0"),
        ({"batch": BatchRecipe(9, 2)}, "the training set has 8 identities, fewer than the 9 of a batch"),
        ({"space": SpaceRecipe("one", [[3, 5]], [1])}, "at least 2"),
        ({"space": SpaceRecipe("huge", blocks=[1_000_000, 1, 1])}, "the space huge has 1,000,002 MBlocks; at most 60"),
        (
            {"space": SpaceRecipe("huge", repeats=[1] * 100_000)},
            "100,000 numbers of CBlocks; there are 6 different pairs",
        ),
        ({"space": SpaceRecipe("huge", [[3, 5]] * 100_000)}, "huge has 100,000 pairs of kernels"),
        ({"space": SpaceRecipe("deep", repeats=[1, 9])}, "no CDBlock"),
        ({"space": SpaceRecipe("odd", [[3, 4], [3, 5]], [1])}, "no CDBlock"),
    ],
)
def test_senseless_recipes_are_refused(
    recipe: SearchRecipe, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(CdnetError, match=said):
        search(dataclasses.replace(recipe, **changes), tmp_path / "run")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_a_search_that_diverges_says_what_to_lower(recipe: SearchRecipe, tmp_path: Path) -> None:
    recipe.weights.lr = 1e6
    with pytest.raises(CdnetError, match=r"no longer finite in epoch 1, .*; lower --weights\.lr or --alpha\.lr"):
        search(recipe, tmp_path)


def test_a_folder_of_another_search_is_refused(recipe: SearchRecipe, tmp_path: Path) -> None:
    recipe.epochs = 1
    search(recipe, tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    other = dataclasses.replace(recipe, space=SpaceRecipe("small", [[3, 5], [3, 7]], [1, 2], [1, 2, 1]))
    with pytest.raises(CdnetError, match=r"started with space\.pairs"):
        search(other, tmp_path, resume=True)
    with pytest.raises(CdnetError, match="already holds a run"):
        search(other, tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert json.loads((tmp_path / "genotype.json").read_text())["name"]
