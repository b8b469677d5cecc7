"""Runs of training and search that are resumed: their logs, checkpoints, weights and caches."""

from __future__ import annotations

import copy
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from tools.fuzz.damage import TOKENS, Draw, damaged, damaged_value, values
from tools.fuzz.kinds.kind import Kind, draw_people, run_quietly

WRITTEN = ("run/*", "cache/*")
BATCH = ["--batch.identities", "2", "--batch.pictures", "2", "--device", "cpu", "--width", "0.1", "--size", "64x32"]
PEOPLE = ["--data.root", "people", "--data.cache", "cache"]
SPACE = ["--space.pairs", "[[3,5],[3,9]]", "--space.repeats", "[1]", "--space.blocks", "[1,1,1]"]
NETWORK = ["--genotype", "cnet-top3", "--schedule.epochs", "2", "--schedule.kind", "cosine"]


def _prepare_training(folder: Path) -> None:
    draw_people(folder / "people")
    run_quietly(["train", *NETWORK, *BATCH, *PEOPLE, "--out", "run"])
    shutil.rmtree(folder / "run" / "tensorboard")


def _prepare_search(folder: Path) -> None:
    draw_people(folder / "people")
    run_quietly(["search", *SPACE, *BATCH, *PEOPLE, "--epochs", "2", "--validation", "1", "--out", "run"])
    shutil.rmtree(folder / "run" / "tensorboard")


def _log(command: str) -> Callable[[Draw, Path], list[str]]:
    def case(draw: Draw, folder: Path) -> list[str]:
        path = folder / "run" / "log.jsonl"
        if draw(st.booleans()):
            lines = damaged_value(draw, [json.loads(line) for line in path.read_text("utf-8").splitlines()])
            content = "".join(f"{json.dumps(line)}\n" for line in (lines if isinstance(lines, list) else [lines]))
            path.write_bytes(content.encode("utf-8", "surrogatepass"))
        else:
            path.write_bytes(damaged(draw, path.read_bytes()))
        return [command, "--out", "run", "--resume", *PEOPLE]

    return case


def _checkpoint(command: str) -> Callable[[Draw, Path], list[str]]:
    def case(draw: Draw, folder: Path) -> list[str]:
        import torch

        path = folder / "run" / "checkpoint.pt"
        if draw(st.integers(0, 3)):
            state = torch.load(path, weights_only=True)
            content = io.BytesIO()
            torch.save(damaged_value(draw, _thinned(draw, state), others=_tensors() | values()), content)
            path.write_bytes(content.getvalue())
        else:
            path.write_bytes(damaged(draw, path.read_bytes()))
        return [command, "--out", "run", "--resume", *PEOPLE]

    return case


def _thinned(draw: Draw, state: dict[str, Any]) -> dict[str, Any]:
    # Most of a checkpoint's places are tensors of one kind; the few others are to be met as often.
    state = dict(state)
    kept = {
        key: state.pop(key)
        for key in ("model", "supernet", "optimizer", "w_optimizer", "alpha_optimizer")
        if key in state
    }
    state = damaged_value(draw, state, 1, _tensors() | values()) if draw(st.booleans()) else copy.deepcopy(state)
    return {**state, **kept} if isinstance(state, dict) else state


def _tensors() -> st.SearchStrategy[Any]:
    import torch

    return st.sampled_from(
        (
            torch.zeros(0),
            torch.zeros(3, 0, 2),
            torch.full((1,), float("nan")),
            torch.ones(2, 2),
            torch.zeros(2, 2, dtype=torch.complex64),
            torch.zeros(4, dtype=torch.int64),
            torch.eye(3).to_sparse(),
            torch.zeros(1).expand(2**33),
            torch.zeros(2, dtype=torch.float16),
        )
    )


def _weights(draw: Draw, folder: Path) -> list[str]:
    from safetensors import safe_open
    from safetensors.torch import save

    path = folder / "run" / "weights.safetensors"
    if draw(st.booleans()):
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = json.loads(file.metadata()["cdnet"])
        if draw(st.booleans()):
            metadata = damaged_value(draw, metadata)
        else:
            name = draw(st.sampled_from(sorted(tensors)))
            other = draw(_tensors().filter(lambda tensor: tensor.layout is _strided() and tensor.numel() < 100))
            changes = (
                lambda tensor: tensor * 1e30,
                lambda tensor: tensor * 0,
                lambda _: other,
                lambda tensor: tensor.double(),
            )
            tensors[name] = draw(st.sampled_from(changes))(tensors[name]).contiguous()
        path.write_bytes(save(tensors, {"cdnet": json.dumps(metadata)}))
    else:
        path.write_bytes(damaged(draw, path.read_bytes(), (*TOKENS, b"\xff" * 8, b"F64", b'"shape":[0]')))
    if draw(st.integers(0, 3)) == 0:
        shutil.copy(path, folder / "other.pth")
        return ["convert", "other.pth", "--out", "converted.safetensors"]
    return ["evaluate", "run", *PEOPLE]


def _strided() -> Any:
    import torch

    return torch.strided


def _prepare_cache(folder: Path) -> None:
    draw_people(folder / "people")
    run_quietly(["evaluate", "cdnet-x0.25-market1501", *PEOPLE])


def _cache(draw: Draw, folder: Path) -> list[str]:
    paths = sorted(path for path in (folder / "cache").iterdir() if path.suffix in (".json", ".u8", ".looks"))
    path = draw(st.sampled_from(paths))
    if path.suffix == ".json" and draw(st.booleans()):
        path.write_text(json.dumps(damaged_value(draw, json.loads(path.read_text("utf-8")))))
    elif path.suffix == ".json":
        path.write_bytes(damaged(draw, path.read_bytes()))
    else:
        path.write_bytes(path.read_bytes()[: draw(st.integers(0, 5000))])
    return ["evaluate", "cdnet-x0.25-market1501", *PEOPLE]


TRAIN, SEARCH = (("train", "--out", "run", "--resume", *PEOPLE), ("search", "--out", "run", "--resume", *PEOPLE))
EVALUATE = ("evaluate", "cdnet-x0.25-market1501", *PEOPLE)

KINDS = [
    Kind("logs of training", _prepare_training, _log("train"), WRITTEN, whole=TRAIN),
    Kind("logs of searches", _prepare_search, _log("search"), WRITTEN, whole=SEARCH),
    Kind("checkpoints of training", _prepare_training, _checkpoint("train"), WRITTEN, whole=TRAIN),
    Kind("checkpoints of searches", _prepare_search, _checkpoint("search"), WRITTEN, whole=SEARCH),
    Kind("weights", _prepare_training, _weights, ("cache/*",), whole=("evaluate", "run", *PEOPLE)),
    # A damaged cache is made anew, so that nothing else is said than without the damage.
    Kind("caches", _prepare_cache, _cache, ("cache/*", "-cache/*"), (0,), whole=EVALUATE),
]
