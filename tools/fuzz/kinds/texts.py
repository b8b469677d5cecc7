"""Recipes, genotypes, tables of pictures, and the JSON files that commands write and read again."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from tools.fuzz.damage import CONTAINERS, NUMBERS, TEXTS, Draw, damaged, damaged_json, damaged_value
from tools.fuzz.kinds.kind import Kind, nothing, pixels

COMMANDS = {
    "train": "market1501-cdnet",
    "search": "search-cdnet",
    "classify": "cifar100-cdnet",
    "search compare": "compare",
}
# YAML's own writer refuses what no YAML can hold.
PLAIN = st.sampled_from(
    (None, True, *NUMBERS, *(text for text in TEXTS if text.isprintable() or "\n" in text), *CONTAINERS)
)


def _recipe(draw: Draw, folder: Path) -> list[str]:
    command = draw(st.sampled_from(sorted(COMMANDS)))
    name = draw(st.sampled_from((COMMANDS[command], COMMANDS[command], "demo")))
    content = resources.files("cdnet").joinpath("recipes", f"{name}.yaml").read_bytes()
    if draw(st.booleans()):
        value = damaged_value(draw, yaml.safe_load(content), others=PLAIN)
        content = yaml.safe_dump(value, sort_keys=False, allow_unicode=draw(st.booleans())).encode("utf-8", "replace")
    else:
        content = damaged(draw, content)
    (folder / "recipe.yaml").write_bytes(content)
    return [*command.split(), "--config", "recipe.yaml", "--data.root", "nowhere", "--out", "run"]


def _genotype(draw: Draw, folder: Path) -> list[str]:
    names = draw(st.sampled_from(("cdnet-top2", "cnet-top3", "cdnet-v35", "cdnet-std")))
    found = resources.files("cdnet").joinpath("genotypes")
    path = next(entry for entry in found.iterdir() if entry.name.removesuffix(".json") in (names, "cdnet-top2"))
    (folder / "genotype.json").write_bytes(damaged_json(draw, json.loads(path.read_text("utf-8"))))
    return ["info", "genotype.json", "--width", "0.25", "--size", "64x32"]


ROWS = [
    ["path", "identity", "camera", "split"],
    *([f"{number}.png", f"p{number // 2}", f"c{number % 2}", "train"] for number in range(4)),
    *(
        [f"{number}.png", f"p{number // 2}", f"c{number % 2}", ("query", "gallery")[number % 2]]
        for number in range(4, 8)
    ),
]
CHECK = ("data", "check", "pictures.csv", "--batch.identities", "2")


def _prepare_table(folder: Path) -> None:
    import cv2

    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), pixels(number))
    (folder / "pictures.csv").write_text("\n".join(map(",".join, ROWS)))


def _table(draw: Draw, folder: Path) -> list[str]:
    separator = draw(st.sampled_from(",;\t|"))
    rows: list[Any] = ROWS
    if draw(st.booleans()):
        rows = damaged_value(draw, rows)
        rows = rows if isinstance(rows, list) else []
    lines = (separator.join(map(str, row)) if isinstance(row, list) else str(row) for row in rows)
    content = "\n".join(lines).encode("utf-8", "surrogateescape")
    (folder / "pictures.csv").write_bytes(damaged(draw, content) if draw(st.booleans()) else content)
    return [*CHECK]


LATENCY = ["--space.pairs", "[[3,5],[3,9]]", "--space.repeats", "[1]", "--space.blocks", "[1,1,1]"]
SMALL = ["--cost.width", "0.1", "--cost.size", "64x32"]


COST = ["--cost.kind", "latency", "--cost.table", "table.json", "--cost.weight", "0.1"]
SEARCH = ("search", *LATENCY, *SMALL, *COST, "--data.root", "nowhere", "--out", "run")


def _prepare_latency(folder: Path) -> None:
    from cdnet.genotype import CDChoice
    from cdnet.search.latency import REST, Latency, Timing, Whole, write_latency
    from cdnet.search.space import SearchSpace

    space = SearchSpace("space", (CDChoice(3, 5), CDChoice(3, 9)), (1, 1, 1))
    timing = Timing(1.0, 0.9, 1.1)
    made = {"device": "cpu", "machine": "some", "threads": 1, "torch": "2", "date": "2026-01-01", "rounds": 3}
    networks = [Whole([0, 0, 0], 7.0, 7.1), Whole([1, 0, 1], 7.0, 6.9), Whole([1, 1, 1], 7.2, 7.1)]
    parts = {"rest": dict.fromkeys(REST, timing), "candidates": [[timing] * 2] * 3, "networks": networks}
    write_latency(folder / "table.json", Latency(space, 0.1, (64, 32), 1, **made, **parts))


def _latency(draw: Draw, folder: Path) -> list[str]:
    path = folder / "table.json"
    path.write_bytes(damaged_json(draw, json.loads(path.read_text("utf-8"))))
    return [*SEARCH]


def _curves(draw: Draw, folder: Path) -> list[str]:
    saved: Any = {
        "rank1": 0.5,
        "rank5": 0.7,
        "rank10": 0.8,
        "rank20": 0.9,
        "mAP": 0.4,
        "mINP": 0.2,
        "queries": 9,
        "flip": True,
    }
    if draw(st.booleans()):
        saved = [
            {"name": "one", "mAP": 0.4, "cmc": {"1": 0.5, "2": 0.7}},
            {"name": "two", "mAP": 0.3, "cmc": {"1": 0.4, "5": 0.7}},
        ]
    (folder / "figures.json").write_bytes(damaged_json(draw, saved))
    return ["figure", "cmc", "figures.json", "--out", "curves.svg", "--json", "again.json"]


RESULTS = (
    "bench-search.json",
    "search-compare.csv",
    *(f"tables/table-{name}-small.csv" for name in (4, 5, 6, 7, 9, 10, 3)),
)


def _prepare_results(folder: Path) -> None:
    whole = Path(__file__).parents[3] / "results"
    for path in (*whole.glob("*.*"), *whole.glob("tables/*")):
        target = folder / "results" / path.relative_to(whole)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def _results(draw: Draw, folder: Path) -> list[str]:
    path = folder / "results" / draw(st.sampled_from(RESULTS))
    if path.suffix == ".json":
        path.write_bytes(damaged_json(draw, json.loads(path.read_text("utf-8"))))
    else:
        path.write_bytes(damaged(draw, path.read_bytes()))
    return ["reproduce", "claims", "--results", "results"]


BENCHES = ("inference.json", "rank.json", "train.json")
PUBLISHED = "published-networks.csv"


def _prepare_rows_of_benchmarks(folder: Path) -> None:
    whole = Path(__file__).parents[3] / "results"
    (folder / PUBLISHED).write_bytes((whole / PUBLISHED).read_bytes())
    for name in BENCHES:
        rows = json.loads((whole / "bench" / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps(rows[:6]))
    evaluated = {"weights": "cdnet", "sha256": "0" * 64, "data": "market", "flip": False, "rerank": False}
    (folder / "evaluation.json").write_text(json.dumps({**evaluated, "mAP": 0.5, "rank1": 0.7}))


def _rows_of_benchmarks(draw: Draw, folder: Path) -> list[str]:
    path = folder / draw(st.sampled_from((*BENCHES, "inference.json", "evaluation.json", PUBLISHED)))
    if path.name == PUBLISHED:
        path.write_bytes(damaged(draw, path.read_bytes()))
    else:
        path.write_bytes(damaged_json(draw, json.loads(path.read_text("utf-8"))))
    if path.name in BENCHES and draw(st.booleans()):
        return ["bench", "show", path.name]
    return [*NETWORKS]


NETWORKS = ("figure", "networks", "inference.json", "evaluation.json", PUBLISHED, "--out", "networks.svg")

RESULT: dict[str, Any] = {
    "name": "cdnet", "seed": 0, "params": 134366, "macs": 19900000, "rank1": 0.5, "rank5": 0.6, "rank10": 0.7,
    "rank20": 0.8,
    "mAP": 0.3, "mINP": 0.1, "queries": 9, "queries_without_match": 0, "counts": {"train": 9, "query": 9, "gallery": 9},
    "published": {"train": 9}, "epochs": 12, "minutes": 1.5, "images_per_second": 100, "data": "market1501",
    "source": "abc",
    "hardware": "x", "version": "0.1.0", "date": "2026-01-01",
}  # fmt: skip


def _prepare_rows(folder: Path) -> None:
    from cdnet.reproduce.paper import read_paper
    from cdnet.reproduce.plan import Setting, plan_run

    plan = plan_run(read_paper().runs["cdnet"], Setting("small"))
    row = folder / "tables" / "runs" / plan.folder / "seed-0"
    row.mkdir(parents=True)
    recipe = resources.files("cdnet").joinpath("recipes", f"{plan.recipe}.yaml").read_bytes()
    (row / "recipe.yaml").write_bytes(recipe)
    (row / "result.json").write_text(json.dumps(RESULT))
    times = {
        "rows": {"cdnet": {"seconds": [1.0, 2.0], "features_s": [0.5, 1.0], "ranking_s": [0.5, 1.0]}},
        "how": "timed",
    }
    (folder / "tables" / "times").mkdir()
    (folder / "tables" / "times" / "table-12-small.json").write_text(json.dumps(times))


ROW = ("reproduce", "table-7", "--scale", "small", "--out", "tables")


def _rows(draw: Draw, folder: Path) -> list[str]:
    table = draw(st.sampled_from(("table-7", "table-7", "table-12")))
    path = next((folder / "tables").rglob("result.json" if table == "table-7" else "table-12-small.json"))
    path.write_bytes(damaged_json(draw, json.loads(path.read_text("utf-8"))))
    return ["reproduce", table, "--scale", "small", "--out", "tables"]


KINDS = [
    Kind("recipes", nothing, _recipe),
    Kind("genotypes", nothing, _genotype),
    Kind("tables of pictures", _prepare_table, _table, whole=CHECK),
    Kind("latency tables", _prepare_latency, _latency, whole=SEARCH, says="nowhere: no such folder"),
    Kind("saved figures", nothing, _curves),
    Kind("files of results", _prepare_results, _results, whole=("reproduce", "claims", "--results", "results")),
    Kind("rows of benchmarks", _prepare_rows_of_benchmarks, _rows_of_benchmarks, whole=NETWORKS),
    Kind("results of rows", _prepare_rows, _rows, whole=ROW),
]
