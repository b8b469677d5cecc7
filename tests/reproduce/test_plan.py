"""From rows to options: scales, weights to start from, changes, and commands that mean the same again."""

from __future__ import annotations

import pytest

from cdnet.engine.recipe import ScheduleRecipe
from cdnet.errors import CdnetError
from cdnet.model_input import parse_size
from cdnet.reproduce.paper import PaperRun, Scale, read_paper
from cdnet.reproduce.plan import (
    Plan,
    Setting,
    costs,
    describe_scale,
    epochs_of,
    plan_run,
    read_shipped,
    refuse_changes_of_rows,
)
from cdnet.train.recipe import LossRecipe, TrainRecipe

PAPER = read_paper()


def run(table: str, row: str) -> PaperRun:
    found = next(row_.run for row_ in PAPER.tables[table].rows if row_.name == row)
    assert found is not None
    return found


def test_a_row_changes_what_its_table_is_about_and_nothing_else() -> None:
    plan = plan_run(run("table-6", "cdnet-bnneck"), Setting())
    assert (plan.folder, plan.recipe, plan.marks) == ("cdnet-bnneck", "market1501-cdnet", ())
    assert plan.options == {"data.layout": "market1501", "genotype": "cdnet-top2", "neck": "bnneck"}


def test_pretrained_rows_start_from_the_weights_of_their_network_or_say_that_they_do_not() -> None:
    row = run("table-10", "osnet-x0.5-128x64")
    plan = plan_run(row, Setting(init="w/{genotype}-x{width}"))
    assert plan.recipe == "market1501-cdnet-finetune"
    assert plan.options["init"] == "w/osnet-x0.5"
    assert plan.marks == ()
    scratch = plan_run(row, Setting())
    assert (scratch.recipe, scratch.folder) == ("market1501-cdnet", "osnet-x0.5-128x64-scratch")
    assert "from scratch" in scratch.marks[0]
    assert "init" not in plan_run(run("table-7", "cdnet"), Setting(init="w")).options


@pytest.mark.parametrize("table", [table for table in PAPER.tables.values() if table.runs], ids=lambda t: t.name)
def test_small_scale_is_small(table: object) -> None:
    name = table.name  # type: ignore[attr-defined]
    small = Setting("small")
    for one in PAPER.tables[name].runs:
        plan = plan_run(one, small)
        if plan.refusal:
            assert name == "table-10"
            assert "least side" in plan.refusal
            continue
        recipe = read_shipped(plan.recipe) | dict(plan.options)
        height, width = parse_size(recipe["size"])
        assert height * width <= 64 * 64
        assert float(recipe["width"]) == 0.25 * float(one.change.get("width", 1))
        assert epochs_of(one.protocol, small) <= 30
        assert recipe["genotype"] == one.change.get("genotype", "cdnet")


@pytest.mark.parametrize(
    ("change", "name", "other"),
    [
        ("width=0.1", "table-10", "table-7"),
        ("size=64x32", "table-10", "table-7"),
        ("genotype=cdnet-top1", "table-7", "table-6"),
        ("neck=bnneck", "table-6", "table-7"),
        ("stripes=1", "table-5", "table-6"),
    ],
)
def test_what_the_rows_of_a_table_differ_in_is_not_changed(change: str, name: str, other: str) -> None:
    setting = Setting("small", changes=(change,))
    refuse_changes_of_rows(PAPER.tables[other], setting)
    with pytest.raises(CdnetError, match=f"the rows of {name} differ in their {change.partition('=')[0]}"):
        refuse_changes_of_rows(PAPER.tables[name], setting)
    refuse_changes_of_rows(PAPER.tables[name].only([PAPER.tables[name].runs[0].name]), setting)


@pytest.mark.parametrize("scale", ["paper", "small"])
def test_rows_that_are_the_same_training_share_a_folder_and_no_others_do(scale: Scale) -> None:
    plans: dict[str, list[Plan]] = {}
    for one in PAPER.runs.values():
        plan = plan_run(one, Setting(scale))
        plans.setdefault(plan.folder, []).append(plan)
    for shared in plans.values():
        assert all((plan.recipe, plan.options) == (shared[0].recipe, shared[0].options) for plan in shared)
    unrefused = [found[0] for found in plans.values() if not found[0].refusal]
    distinct = {(plan.recipe, *sorted(plan.options.items())) for plan in unrefused}
    assert len(distinct) == len(unrefused)
    assert plan_run(PAPER.runs["cdnet-pretrained"], Setting()).folder == "cdnet"


def test_costs_are_those_of_the_recipes() -> None:
    assert costs(PAPER.tables["table-7"], Setting()) == "3 runs x 350 epochs on Market-1501"
    assert costs(PAPER.tables["table-11"], Setting()) == "2 runs x 240 epochs on ImageNet-2012"
    assert "2 runs x 20 epochs on Tiny-ImageNet" in costs(PAPER.tables["table-11"], Setting("small"))
    # From scratch, the pre-trained row is the same training as the one above it.
    assert "2 runs x 240 epochs on MSMT17" in costs(PAPER.tables["table-3"], Setting())
    assert "3 runs x 240 epochs on MSMT17" in costs(PAPER.tables["table-3"], Setting(init="w"))


def test_changes_go_over_everything() -> None:
    plan = plan_run(run("table-9", "osnet"), Setting("small", changes=("schedule.epochs=1",)))
    assert plan.options["schedule.epochs"] == "1"


def test_small_scale_is_described_as_the_runs_were_trained() -> None:
    trained = [
        (
            run("table-10", row),
            TrainRecipe(
                width=width, size="64x32", loss=LossRecipe(smoothing=smoothing), schedule=ScheduleRecipe(epochs=epochs)
            ),
            TrainRecipe(width=4 * width, loss=LossRecipe(margin=0.3)),
        )
        for row, width, epochs, smoothing in (
            ("cdnet-pretrained", 0.25, 12, 0.1),
            ("cdnet-x0.5-256x128", 0.125, 6, 0.2),
        )
    ]
    end = "not comparable with the paper's column"
    assert describe_scale(trained) == (
        f"small scale: width 0.25 times the row's, 64x32, 6 or 12 epochs, "
        f"and loss.smoothing 0.1 or 0.2 instead of 0; {end}"
    )
    alone = f"small scale: width 0.25, 64x32, 12 epochs, and loss.smoothing 0.1 instead of 0; {end}"
    assert describe_scale(trained[:1]) == alone
    assert describe_scale([]) == f"small scale; {end}"


def test_what_the_paper_leaves_open_stands_beside_the_rows() -> None:
    # A note of the run stands at every scale; that of a protocol where its settings are used.
    for scale in ("paper", "small"):
        assert "single branch" in plan_run(run("table-7", "cdnet-std"), Setting(scale)).marks[0]
    scratch, pretrained = (run("table-3", f"cdnet{name}-msmt17") for name in ("", "-pretrained"))
    for one in (scratch, pretrained):
        plan = plan_run(one, Setting(init="w"))
        assert "release" in plan.marks[0]
        assert "ours for those from scratch" in plan.marks[0]
        assert plan_run(one, Setting("small", init="w")).marks == ()
    said, unsaid = (
        plan_run(run("table-10", row), Setting()).marks[0] for row in ("cdnet-pretrained", "cdnet-x1-64x32")
    )
    assert said.endswith("the paper's is pre-trained on ImageNet")
    assert unsaid.endswith("the paper does not say whether its own is pre-trained")


def test_softmax_alone_is_softmax_alone_at_either_scale() -> None:
    for scale in ("paper", "small"):
        plans = [plan_run(run("table-9", row), Setting(scale)) for row in ("osnet-softmax", "osnet")]
        differing = dict(set(plans[0].options.items()) ^ set(plans[1].options.items()))
        assert differing == {"loss.triplet_weight": "0"}


@pytest.mark.parametrize(
    "change",
    [
        "schedule.epochs",
        "=1",
        "seed=4",
        "init=x",
        "device=cpu",
        "out=x",
        "config=x",
        "data=x",
        "data.root=x",
        "data.cache=x",
        "data.layout=csv",
    ],
)
def test_changes_that_are_none_are_refused(change: str) -> None:
    with pytest.raises(CdnetError, match="--set"):
        Setting(changes=(change,))
