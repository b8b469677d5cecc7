"""Places by counting against a stable sort, and scores from places against scores from the sorted gallery."""

from __future__ import annotations

from dataclasses import astuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cdnet.evaluate import places as module
from cdnet.evaluate.comparable import unit_length
from cdnet.evaluate.labels import UNKNOWN, Labels, Pairs, SortedGallery, excluded
from cdnet.evaluate.places import GROUP, find_places, padded
from cdnet.evaluate.ranking import evaluate_ranking, score_distances, score_features, score_tile


def drawn(count: int, identities: int, first: int, generator: torch.Generator) -> Labels:
    """Draw labels, some cameras unknown and some pictures with the numbers of others."""
    numbers = torch.arange(count)
    copies = torch.rand(count, generator=generator) < 0.1
    return Labels(
        torch.randint(identities, (count,), generator=generator),
        torch.randint(UNKNOWN, 3, (count,), generator=generator),
        torch.where(copies, numbers, numbers + first),
    )


def values(rows: int, columns: int, levels: int, generator: torch.Generator) -> Tensor:
    """Draw numbers of so many levels, or all different where that is 0; the levels have zeros of both signs."""
    if not levels:
        return torch.randn(rows, columns, generator=generator)
    steps = torch.linspace(-1, 1, levels)
    return torch.cat([steps, -steps])[torch.randint(2 * levels, (rows, columns), generator=generator)]


def test_more_pictures_are_counted_than_a_float_counts_to() -> None:
    columns = (1 << 24) + 2 * GROUP
    similarities = torch.zeros(1, columns)
    similarities[0, 5] = -1
    last = Pairs(torch.tensor([0]), torch.tensor([columns - 1]))
    assert find_places(similarities, last).tolist() == [columns - 1]  # all but the one below it


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 12),
    columns=st.integers(1, 5 * GROUP),
    levels=st.sampled_from([0, 1, 2, 5, 50]),
    many=st.sampled_from([1, 3, 256]),
    cached=st.sampled_from([1, 1000, 1 << 20]),
    wide=st.booleans(),
)
def test_places_are_those_of_a_stable_sort(
    seed: int, rows: int, columns: int, levels: int, many: int, cached: int, wide: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    similarities = torch.full((rows, padded(columns)), -torch.inf, dtype=torch.double if wide else torch.float)
    similarities[:, :columns] = values(rows, columns, levels, generator)
    out = torch.rand(rows, columns, generator=generator) < 0.1
    similarities[:, :columns][out] = -torch.inf
    wanted = Pairs(*((torch.rand(rows, columns, generator=generator) < 0.05) & ~out).nonzero().T)
    ranked = [sorted(range(len(row)), key=lambda place, row=row: (-row[place], place)) for row in similarities.tolist()]
    expected = [ranked[row].index(column) + 1 for row, column in zip(*map(Tensor.tolist, wanted), strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MANY", many)
        patch.setattr(module, "_CACHED", cached)
        assert find_places(similarities, wanted).tolist() == expected


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    queries=st.integers(1, 30),
    gallery_size=st.integers(1, 300),
    identities=st.sampled_from([1, 4, 40]),
    levels=st.sampled_from([0, 2, 4]),
    tile=st.sampled_from([1, 7, 256]),
)
def test_scores_are_those_of_the_sorted_gallery(
    seed: int, queries: int, gallery_size: int, identities: int, levels: int, tile: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    query, gallery = (drawn(queries, identities, 0, generator), drawn(gallery_size, identities, 25, generator))
    # With levels of an axis each, whose products are exact in whatever order they are summed, and so exactly tied.
    q, g = (
        torch.eye(levels)[torch.randint(levels, (size,), generator=generator)]
        if levels
        else torch.randn(size, 3, dtype=torch.double, generator=generator)
        for size in (queries, gallery_size)
    )
    similarity = unit_length(q) @ unit_length(g).T
    order = similarity.argsort(dim=1, descending=True, stable=True)
    expected = score_tile(order, query, gallery, 50)
    for found in (
        score_features(q, g, query, gallery, tile=tile),
        score_distances(-similarity, query, gallery, tile=tile),
    ):
        assert torch.equal(found.matched, expected.matched)
        assert torch.equal(found.hits[found.matched], expected.hits[expected.matched])
        for ours, theirs in zip(found[2:], expected[2:], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("identities", [1, 3, 50])
def test_related_pairs_are_those_of_all_labels_compared(identities: int) -> None:
    generator = torch.Generator().manual_seed(identities)
    query, gallery = drawn(20, identities, 0, generator), drawn(90, identities, 12, generator)
    matches, own, itself = SortedGallery(gallery).related(query)
    same = query.identities[:, None] == gallery.identities
    out = excluded(query, gallery)
    for pairs, expected in ((matches, same & ~out), (own, same & out), (itself, out & ~same)):
        assert len(set(zip(*map(Tensor.tolist, pairs), strict=True))) == len(pairs.rows)
        found = torch.zeros_like(out)
        found[pairs.rows, pairs.columns] = True
        assert torch.equal(found, expected)
        assert pairs.rows.tolist() == sorted(pairs.rows.tolist())
        assert torch.equal(pairs.per_row(20), expected.sum(1))
    assert torch.equal(SortedGallery(gallery).count_same(query), same.sum(1))


def test_columns_that_fill_no_group_are_refused() -> None:
    with pytest.raises(ValueError, match=f"multiple of {GROUP}"):
        find_places(torch.zeros(1, GROUP + 1), Pairs(torch.tensor([0]), torch.tensor([0])))


def test_features_that_need_gradients_or_have_half_the_bits_are_ranked() -> None:
    generator = torch.Generator().manual_seed(0)
    query, gallery = drawn(9, 3, 0, generator), drawn(50, 3, 100, generator)
    q, g = (torch.randn(size, 8, generator=generator) for size in (9, 50))
    plain = evaluate_ranking(q, g, query, gallery)
    assert evaluate_ranking(q.requires_grad_(), g, query, gallery) == plain
    half = evaluate_ranking(q.detach().bfloat16(), g.bfloat16(), query, gallery)
    assert astuple(half)[5] == pytest.approx(plain.mINP, abs=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_finds_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    similarities = values(40, 9 * GROUP, 20, generator)
    wanted = Pairs(*(torch.rand(40, 9 * GROUP, generator=generator) < 0.02).nonzero().T)
    there = find_places(similarities.cuda(), Pairs(wanted.rows.cuda(), wanted.columns.cuda()))
    assert torch.equal(there.cpu(), find_places(similarities, wanted))
