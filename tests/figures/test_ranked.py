"""Ranked lists: which are shown, and how right and wrong are marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from cdnet.data.cache import CachedPictures
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import TestPictures
from cdnet.figures import ranked
from cdnet.figures.ranked import check_lists, chosen_lists, draw_ranked
from cdnet.report.ranked import rank_queries


def split(count: int, people: int, camera: str, seed: int) -> CachedPictures:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 32, 16, 3), np.uint8)
    pictures = (Picture(Path(f"{camera}-{n}.jpg"), f"{n % people:04d}", camera) for n in range(count))
    return CachedPictures(tuple(pictures), pixels)


@pytest.fixture(scope="module")
def pictures() -> TestPictures:
    return TestPictures(split(14, 7, "1", 1), split(42, 7, "2", 2))


@pytest.fixture(scope="module")
def features() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    query, gallery = torch.randn(14, 8, generator=generator), torch.randn(42, 8, generator=generator)
    return query, gallery + 0.6 * query[torch.arange(42) % 7]


def test_lists_are_those_of_the_whole_ranking_at_once(
    pictures: TestPictures, features: tuple[torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranked, "_TILE", 5)
    whole = {entry.query: entry for entry in rank_queries(*features, *pictures.labels(), length=6)}
    for count in (1, 4, 6, 14):
        found = chosen_lists(*features, pictures, count, 6)
        assert len({entry.query for entry in found}) == count
        for entry in found:
            expected = whole[entry.query]
            assert [(place.picture, place.right) for place in entry.places] == [
                (place.picture, place.right) for place in expected.places
            ]
            assert entry.average_precision == pytest.approx(expected.average_precision)
        precisions = [entry.average_precision for entry in found]
        assert precisions == sorted(precisions, reverse=True)
    failed = [entry for entry in chosen_lists(*features, pictures, 6, 6) if not entry.solved]
    assert len(failed) == 2


def test_right_and_wrong_differ_in_frame_and_sign(
    pictures: TestPictures, features: tuple[torch.Tensor, torch.Tensor]
) -> None:
    lists = chosen_lists(*features, pictures, 5, 7)
    figure, _, about = draw_ranked(lists, pictures)
    panels = iter(figure.axes)
    for number, entry in enumerate(lists, start=1):
        query = next(panels)
        assert (query.images[0].get_array() == pictures.query.pixels[entry.query]).all()
        assert query.texts[0].get_text() == f"AP {100 * entry.average_precision:.0f} %"
        right = []
        for rank, place in enumerate(entry.places, start=1):
            ax = next(panels)
            assert (ax.images[0].get_array() == pictures.gallery.pixels[place.picture]).all()
            (frame,) = (patch for patch in ax.patches if isinstance(patch, Rectangle))
            person = pictures.gallery.pictures[place.picture].identity
            same = person == pictures.query.pictures[entry.query].identity
            assert (frame.get_linestyle() == "solid" or frame.get_linestyle() == "-") is same
            assert ax.texts[0].get_text()[0] == ("✓" if same else "✗")
            right += [rank] if same else []
        told = f"right at {', '.join(map(str, right))}" if right else "none of them right"
        assert f"query {number}: {told}, first match at rank {entry.first_right}" in about
    assert next(panels, None) is None
    assert figure.get_size_inches()[0] <= 7.17


def test_more_queries_than_there_are(pictures: TestPictures, features: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(CdnetError, match="15 queries are asked for, and 14 have a match in the gallery; ask for fewer"):
        chosen_lists(*features, pictures, 15)
    for queries, length in ((0, 10), (21, 10), (3, 0), (3, 21)):
        with pytest.raises(CdnetError, match="1 to 20 queries with 1 to 20 places"):
            check_lists(queries, length)
