import pytest
import torch

from cdnet.evaluate.labels import Labels
from cdnet.report.ranked import RankedList, choose_lists, rank_queries


def random_case(seed: int, queries: int = 12, gallery: int = 40) -> tuple[torch.Tensor, torch.Tensor, Labels, Labels]:
    generator = torch.Generator().manual_seed(seed)

    def labels(count: int, first: int) -> Labels:
        identities = torch.randint(0, 6, (count,), generator=generator)
        cameras = torch.randint(0, 3, (count,), generator=generator)
        return Labels(identities, cameras, torch.arange(first, first + count))

    query, others = labels(queries, 0), labels(gallery, 100)
    return torch.randn(queries, 5, generator=generator), torch.randn(gallery, 5, generator=generator), query, others


def brute_force(row: int, case: tuple[torch.Tensor, torch.Tensor, Labels, Labels]) -> list[tuple[int, bool]]:
    """All countable gallery pictures of a query, nearest first, each with whether it is the person."""
    query_features, gallery_features, query, gallery = case
    scored = []
    for index in range(len(gallery)):
        same = int(gallery.identities[index]) == int(query.identities[row])
        if same and int(gallery.cameras[index]) == int(query.cameras[row]):
            continue
        a, b = query_features[row].double(), gallery_features[index].double()
        scored.append((-float(a @ b / (a.norm() * b.norm())), index, same))
    return [(index, same) for _, index, same in sorted(scored)]


@pytest.mark.parametrize("seed", range(4))
def test_marks_and_order_are_those_of_a_brute_force_ranking(seed: int) -> None:
    case = random_case(seed)
    lists = rank_queries(*case, length=10)
    assert {entry.query for entry in lists} == {
        row for row in range(12) if any(right for _, right in brute_force(row, case))
    }
    for entry in lists:
        expected = brute_force(entry.query, case)
        assert [(place.picture, place.right) for place in entry.places] == expected[:10]
        ranks = [rank for rank, (_, right) in enumerate(expected, start=1) if right]
        assert (entry.first_right, entry.matches) == (ranks[0], len(ranks))
        assert entry.solved == expected[0][1]
        precision = sum(number / rank for number, rank in enumerate(ranks, start=1)) / len(ranks)
        assert entry.average_precision == pytest.approx(precision, abs=1e-6)
        similarities = [place.similarity for place in entry.places]
        assert similarities == sorted(similarities, reverse=True)


def made(query: int, first_right: int, precision: float) -> RankedList:
    return RankedList(query, (), 1, first_right, precision)


def persons(*identities: int) -> Labels:
    return Labels(torch.tensor(identities), torch.zeros(len(identities)), torch.arange(len(identities)))


def test_chosen_lists_reach_from_best_to_worst_of_both_kinds() -> None:
    lists = [made(number, 1, 1 - number / 100) for number in range(10)]
    lists += [made(number, 5, 0.2 - number / 1000) for number in range(10, 20)]
    chosen = choose_lists(lists[::-1], persons(*range(20)), solved=3, failed=2)
    assert [entry.query for entry in chosen] == [0, 4, 9, 10, 19]


def test_each_person_is_shown_once() -> None:
    lists = [made(number, 1, 1 - number / 100) for number in range(6)]
    chosen = choose_lists(lists, persons(7, 7, 7, 8, 8, 8), solved=5, failed=3)
    assert [entry.query for entry in chosen] == [1, 4]


def test_where_nothing_failed_more_of_the_solved_are_shown() -> None:
    lists = [made(number, 1, 1 - number / 100) for number in range(10)]
    assert len(choose_lists(lists, persons(*range(10)), solved=5, failed=3)) == 8
    assert choose_lists([], persons()) == []
