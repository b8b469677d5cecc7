"""What ``cdnet data check`` and ``cdnet evaluate`` say of a data set whose authors published its counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cdnet.cli import main
from cdnet.data.check import Check, SplitCounts
from cdnet.data.findings import as_text

WHOLE = Check(
    name="MSMT17 V1",
    root="MSMT17_V1",
    splits={"train": SplitCounts(30_248, 1_041, 15, 0, 0), "query": SplitCounts(11_659, 3_060, 15, 0, 0)},
    ignored={},
    unparsed=(),
    unreadable=(),
    shared=(),
    unmatched=0,
    published={"train": (30_248, 1_041, 15), "query": (11_659, 3_060, 15)},
)


def test_published_counts_stand_below_what_was_found() -> None:
    text = as_text(WHOLE)
    assert "read as MSMT17 V1" in text
    lines = text.splitlines()
    for split in ("train", "query"):
        place = next(number for number, line in enumerate(lines) if line.startswith(split))
        assert lines[place + 1].split() == ["published", *lines[place].split()[1:4]]
    assert "all counts are the published ones" in lines
    fewer = replace(WHOLE, splits=WHOLE.splits | {"query": SplitCounts(11_658, 3_060, 15, 0, 0)})
    assert "not the published counts: query" in as_text(fewer).splitlines()
    assert "published" not in as_text(replace(WHOLE, published={}))


def test_missing_files_are_listed() -> None:
    text = as_text(replace(WHOLE, missing=tuple(f"test/{n}.jpg" for n in range(1_200))))
    assert "1,200 listed pictures that are not there\n  test/0.jpg\n" in text
    assert "and 1,190 more" in text


def miniature(root: Path, market: Path, there: int) -> Path:
    """Two pictures in each list of an MSMT17 V2, of which so many are there."""
    pictures = iter(sorted((market / "bounding_box_train").glob("*.jpg")))
    for split, part in (("train", "train"), ("val", "train"), ("query", "test"), ("gallery", "test")):
        folder = root / f"mask_{part}_v2"
        names = [f"0000/0000_00{n}_0{n + 1}_0303morning_0015_{split}.jpg" for n in range(2)]
        for name in names[:there]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(next(pictures).read_bytes())
        # Each query's identity is seen by the other camera in the gallery.
        lines = [f"{name} {1 - n if split == 'gallery' else n}\n" for n, name in enumerate(names)]
        (root / f"list_{split}.txt").write_text("".join(lines), "utf-8")
    return root


def test_a_half_download_is_refused_by_the_commands(
    tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = miniature(tmp_path, market, there=1)
    assert main(["data", "check", str(root)]) == 1
    assert "4 listed pictures that are not there" in capsys.readouterr().out
    assert main(["evaluate", "cdnet-x0.25-market1501", "--data.root", str(root)]) == 1
    assert "4 of the listed pictures are not there" in capsys.readouterr().err


def test_evaluate_says_which_version_it_measured(
    tmp_path: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = miniature(tmp_path, market, there=2)
    words = ["evaluate", "cdnet-x0.25-market1501", "--data.root", str(root), "--json", str(tmp_path / "e.json")]
    assert main(words) == 0
    assert "MSMT17 V2" in capsys.readouterr().out
    assert json.loads((tmp_path / "e.json").read_text("utf-8"))["data"] == "MSMT17 V2"


# Persons with so many pictures each by each of so many cameras, the identities of a batch, and who refuses.
VERDICTS = {
    "all": ((8, 2, 2), "4", set()),
    "none but small batches": ((8, 2, 2), "16", {"train", "search"}),
    "three": ((3, 2, 2), "2", {"evaluate"}),
    "two": ((2, 2, 2), "2", {"train", "search", "evaluate"}),
    "one camera": ((8, 4, 1), "4", {"evaluate"}),
    "one picture each": ((8, 1, 1), "4", {"search", "evaluate"}),
}
PURPOSE = {"train": "training", "search": "search", "evaluate": "evaluation"}


@pytest.mark.parametrize("case", VERDICTS)
def test_check_training_search_and_evaluation_have_one_verdict(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (people, pictures, cameras), batch, refusing = VERDICTS[case]
    rng = np.random.default_rng(0)
    root = tmp_path / "data"
    for who in range(people):
        for number in range(pictures * cameras):
            path = root / f"person {who}" / f"{number}_c{number % cameras}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    network = ["--width", "0.0625", "--size", "32x32", "--batch.identities", batch, "--data.root", str(root)]
    commands = {
        "train": ["train", *network, "--schedule.epochs", "1", "--out", str(tmp_path / "train")],
        "search": ["search", *network, "--epochs", "1", "--out", str(tmp_path / "search")],
        "evaluate": ["evaluate", "cdnet-x0.25-market1501", "--data.root", str(root)],
    }
    for name, words in commands.items():
        status = main(["data", "check", str(root), "--batch.identities", batch, "--for", PURPOSE[name]])
        checked = capsys.readouterr()
        if name not in refusing:
            assert status == 0
            assert f"{PURPOSE[name]}: nothing in the way" in checked.out
            if name != "evaluate":
                continue  # seconds; tests/train and tests/search do it
        assert main(words) == status
        said = capsys.readouterr().err
        if name in refusing:
            assert status == 1
            sentence = said.removeprefix(f"cdnet: {root}: ").strip()
            assert f"{PURPOSE[name]}: {sentence}\n" in checked.out
    assert (main(["data", "check", str(root), "--batch.identities", batch]) == 1) == bool(refusing)
