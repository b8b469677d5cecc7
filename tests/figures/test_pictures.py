"""Which identities are shown, against the names of the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cdnet.data.layout import read_data
from cdnet.errors import CdnetError
from cdnet.figures.pictures import pick, read_pictures


def names(market: Path, *folders: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in (market / folder).glob("*.jpg"):
            found.setdefault(path.name.split("_")[0], set()).add(path.name)
    return found


def test_picked_identities_have_all_their_pictures_and_nobody_elses(market: Path) -> None:
    data = read_data(market)
    for split, folders in (("train", ("bounding_box_train",)), ("test", ("query", "bounding_box_test"))):
        expected = names(market, *folders)
        for unwanted in ("0000", "-1"):
            expected.pop(unwanted, None)
        found = pick(data, len(expected), split=split)
        assert {name: {picture.path.name for picture in entries} for name, entries in found.items()} == expected
        assert list(found) == sorted(found)


def test_the_seed_alone_decides(market: Path) -> None:
    data = read_data(market)
    picks = [tuple(pick(data, 3, seed, "train")) for seed in range(12)]
    assert picks == [tuple(pick(data, 3, seed, "train")) for seed in range(12)]
    assert len(set(picks)) > 3
    assert all(len(set(names_)) == 3 for names_ in picks)


def test_an_identity_with_few_pictures_is_passed_over(market: Path) -> None:
    counts = {name: len(files) for name, files in names(market, "bounding_box_train").items()}
    least = max(counts.values())
    expected = {name for name, count in counts.items() if count >= least}
    assert 0 < len(expected) < len(counts)
    assert set(pick(read_data(market), len(expected), split="train", least=least)) == expected
    with pytest.raises(CdnetError, match=f"has {len(expected)} with at least {least} pictures; ask for fewer"):
        pick(read_data(market), len(expected) + 1, split="train", least=least)


def test_more_identities_than_there_are(market: Path) -> None:
    with pytest.raises(CdnetError, match="5 identities are asked for, and the split 'test' has 4; ask for fewer"):
        pick(read_data(market), 5)
    for count, seed, said in ((0, 0, "at least 1 identity"), (2, -1, "from 0 to"), (2, 2**32, "from 0 to")):
        with pytest.raises(CdnetError, match=said):
            pick(read_data(market), count, seed)


def test_pictures_are_read_in_order_and_a_broken_one_is_named(market: Path, tmp_path: Path) -> None:
    paths = sorted((market / "query").glob("*.jpg"))[:3]
    found = read_pictures(paths, (64, 32))
    assert found.shape == (3, 64, 32, 3)
    assert (read_pictures(paths[::-1], (64, 32)) == found[::-1]).all()
    assert not np.array_equal(found[0], found[1])
    broken = tmp_path / "half.jpg"
    broken.write_bytes(paths[0].read_bytes()[:200])
    with pytest.raises(CdnetError, match=r"half\.jpg.*leave this picture out"):
        read_pictures([paths[0], broken], (64, 32))
