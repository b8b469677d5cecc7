"""Two processes under torchrun, over gloo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.folder import as_plain
from cdnet.engine.record import read_log
from cdnet.train.recipe import DistilRecipe, TrainRecipe
from cdnet.train.run import train


def torchrun(*command: str, cwd: Path, processes: int = 2) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run([*launcher, *command], cwd=cwd, capture_output=True, text=True, timeout=900, check=False)


def test_gradients_equal_those_of_one_process(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("gradients.py"))
    for processes in (1, 2):
        done = torchrun(script, f"{processes}.pt", cwd=tmp_path, processes=processes)
        assert done.returncode == 0, done.stderr
    one, two = (torch.load(tmp_path / f"{count}.pt", weights_only=True) for count in (1, 2))
    assert one.keys() == two.keys()
    for kind, layer in [("alone", "backbone"), ("joined", "map.weight"), ("each", "map.1.weight")]:
        assert max(grad.abs().max() for name, grad in one.items() if kind in name and layer in name) > 1e-3
    for name, gradient in one.items():
        # The gathered triplet is computed in float32, whatever the weights are.
        torch.testing.assert_close(two[name], gradient, rtol=1e-3, atol=1e-6, msg=lambda text, n=name: f"{n}: {text}")


def test_two_processes_train_one_network(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.distil, recipe.ema = DistilRecipe(teacher="cdnet-x0.25-market1501"), 0.5
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(as_plain(recipe)))
    command = ["-m", "cdnet", "train", "--config", "recipe.yaml", "--out", "run"]
    done = torchrun(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("asking the teacher") <= 1, "what it says is kept for all processes"
    log = read_log(tmp_path / "run")
    assert [line["epoch"] for line in log] == [1, 2, 3]
    # The first batch is the same; only the batch norms, which see half of it each, differ from one process's.
    train(recipe, tmp_path / "alone")
    alone = read_log(tmp_path / "alone")[0]
    for key in ("loss", "teacher_features", "teacher_relations"):
        assert log[0][key] == pytest.approx(alone[key], rel=0.2)
    resumed = torchrun(*command, "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert load_checkpoint(tmp_path / "run")["place"]["epoch"] == 3


def test_p_must_divide(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.batch.identities = 3
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(as_plain(recipe)))
    done = torchrun("-m", "cdnet", "train", "--config", "recipe.yaml", "--out", "run", cwd=tmp_path)
    assert done.returncode != 0
    assert "3 identities per batch cannot be divided among 2 processes" in done.stderr
