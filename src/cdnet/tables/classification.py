"""A row of a classification table: the work that :func:`cdnet.tables.row.run_rows` is given for it."""

from __future__ import annotations

from pathlib import Path

from cdnet.classify.recipe import ClassifyRecipe
from cdnet.classify.run import classify
from cdnet.data.class_layout import read_class_data
from cdnet.engine.folder import RECIPE
from cdnet.engine.log_line import refuse_lacking
from cdnet.engine.record import LOG, read_whole_log
from cdnet.tables.result import Finding
from cdnet.tables.row import Row


def classify_and_test(row: Row, folder: Path) -> Finding:
    """Train a classifier, or go on, and return the last epoch's accuracy, and ``error``, all from 0 to 1."""
    recipe = row.recipe
    assert isinstance(recipe, ClassifyRecipe)
    assert recipe.data.root is not None
    classify(recipe, folder, resume=(folder / RECIPE).is_file())
    last = read_whole_log(folder, epochs=recipe.schedule.epochs)[-1]
    refuse_lacking(last, ("top1", "top5", "pictures"), str(folder / LOG))
    data = read_class_data(recipe.data.root)
    return {
        "top1": last["top1"],
        "top5": last["top5"],
        "pictures": last["pictures"],
        "error": 1 - last["top1"],
        "data": data.name,
        "counts": {split: len(data.split(split)) for split in ("train", "test")},
        "published": data.published,
    }
