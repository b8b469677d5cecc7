"""What every session does in its folder, whatever it works at."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import recipes

from cdnet.classify.run import ClassifyRun, classify
from cdnet.engine.log_line import LogLine
from cdnet.engine.session import Session
from cdnet.errors import CdnetError
from cdnet.search.run import SearchRun, search
from cdnet.train.run import TrainRun, train


@pytest.mark.parametrize(
    ("kind", "work", "recipe", "pictures"),
    [
        (TrainRun, train, recipes.training, "market"),
        (ClassifyRun, classify, recipes.classification, "colours"),
        (SearchRun, search, recipes.searching, "market"),
    ],
)
def test_a_lost_folder_is_one_sentence_and_is_not_made_anew(
    kind: type[Session],
    work: Callable[[Any, Path], Path],
    recipe: Callable[[Path], Any],
    pictures: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def epoch(run: Session, stop: object) -> LogLine:
        shutil.rmtree(run.out)
        return {"epoch": 1}

    monkeypatch.setattr(kind, "epoch", epoch)
    with pytest.raises(CdnetError, match="run was removed or moved while the run was at work") as caught:
        work(recipe(request.getfixturevalue(pictures)), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
