from itertools import permutations

import numpy as np
import pytest
import torch

from cdnet.errors import UndefinedError
from cdnet.evaluate.labels import Labels
from cdnet.evaluate.ranking import Metrics, evaluate_ranking, score_tile
from cdnet.evaluate.reference import HUES, SATURATIONS, STRIPES, chance, colour_histograms


def labels(identities: list[int], cameras: list[int], first_picture: int = 0) -> Labels:
    pictures = torch.arange(first_picture, first_picture + len(identities))
    return Labels(torch.tensor(identities), torch.tensor(cameras), pictures)


# Query 0 has two matches and one picture by its own camera, query 1 one match, query 2 none at all.
QUERY = labels([0, 1, 2], [0, 0, 0])
GALLERY = labels([0, 0, 0, 1, 5, 5], [0, 1, 2, 1, 0, 1], 10)


def mean_over_all_orders(query: Labels, gallery: Labels) -> dict[str, torch.Tensor]:
    orders = torch.tensor(list(permutations(range(len(gallery)))))
    per_query = []
    for row in range(len(query)):
        rows = query[slice(row, row + 1)]
        repeated = Labels(*(part.expand(len(orders)) for part in (rows.identities, rows.cameras, rows.pictures)))
        matched, hits, precision, penalty = score_tile(orders, repeated, gallery, 20)
        if matched[0]:
            per_query.append((hits.double().mean(0), precision.double().mean(), penalty.double().mean()))
    cmc, precision, penalty = (torch.stack(parts).mean(0) for parts in zip(*per_query, strict=True))
    return {"cmc": cmc, "mAP": precision, "mINP": penalty}


def check_against_all_orders(query: Labels, gallery: Labels) -> Metrics:
    found, expected = chance(query, gallery), mean_over_all_orders(query, gallery)
    assert found.cmc == pytest.approx(expected["cmc"].tolist()[: len(gallery)], abs=1e-6)
    assert found.mAP == pytest.approx(float(expected["mAP"]), abs=1e-6)
    assert found.mINP == pytest.approx(float(expected["mINP"]), abs=1e-6)
    return found


def test_chance_is_the_mean_over_all_orders_of_the_gallery() -> None:
    found = check_against_all_orders(QUERY, GALLERY)
    assert (found.queries, found.queries_without_match, found.gallery) == (3, 1, 6)
    assert found.rank1 == found.cmc[0] == pytest.approx((2 / 5 + 1 / 6) / 2)
    assert (found.rank5, found.rank10, found.rank20) == (found.cmc[4], None, None)  # of 6 pictures


def test_chance_where_everything_matches_and_where_one_picture_is_all_there_is() -> None:
    check_against_all_orders(labels([0], [0]), labels([0, 0, 0], [1, 1, 2], 10))
    only = check_against_all_orders(labels([0], [0]), labels([0], [1], 10))
    assert (only.rank1, only.mAP, only.mINP) == (1, 1, 1)


def test_chance_without_any_match_is_undefined_as_in_the_evaluation() -> None:
    query, gallery = labels([0], [0]), labels([1, 2], [1, 1], 10)
    with pytest.raises(UndefinedError, match="no query has a match"):
        evaluate_ranking(torch.ones(1, 2), torch.ones(2, 2), query, gallery)
    with pytest.raises(UndefinedError, match="no query has a match"):
        chance(query, gallery)


def test_chance_stays_exact_for_a_gallery_as_large_as_market1501s() -> None:
    gallery = labels([0] * 20 + [1] * 19_980, [1] * 20_000, 10)
    found = chance(labels([0], [0]), gallery)
    assert found.rank1 == pytest.approx(20 / 20_000)
    assert (found.rank5, found.rank10, found.rank20) == (found.cmc[4], found.cmc[9], found.cmc[19])
    assert len(found.cmc) == 50
    assert 0 < found.mINP < found.mAP < 0.002
    # One of 20 matches stands last at 20/21 of the way, on average; INP is 20 / that rank, a little more by convexity.
    assert found.mINP == pytest.approx(20 / (20_001 * 20 / 21), rel=0.01)


def test_chance_refuses_an_empty_gallery() -> None:
    with pytest.raises(ValueError, match="at least one"):
        chance(QUERY, labels([], []))


def random_pictures(count: int, height: int = 32, width: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def plain_picture(upper: tuple[int, int, int], lower: tuple[int, int, int]) -> np.ndarray:
    """A person in two colours before a grey ground that has all brightnesses."""
    picture = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], 32, axis=1).repeat(3, axis=2)
    picture[:32, 8:24], picture[32:, 8:24] = upper, lower
    return picture


def test_histograms_have_unit_mass_in_every_stripe() -> None:
    features = colour_histograms(random_pictures(5))
    assert features.shape == (5, STRIPES * HUES * SATURATIONS)
    masses = features.square().unflatten(1, (STRIPES, HUES * SATURATIONS)).sum(2)
    torch.testing.assert_close(masses, torch.ones(5, STRIPES))


def test_a_flipped_picture_has_the_same_histogram_and_one_upside_down_has_not() -> None:
    pictures = random_pictures(3)
    features = colour_histograms(pictures)
    torch.testing.assert_close(colour_histograms(pictures[:, :, ::-1]), features)
    assert not torch.allclose(colour_histograms(pictures[:, ::-1]), features)


def test_a_picture_has_the_same_histogram_whatever_its_company() -> None:
    pictures = random_pictures(300, 16, 8)
    torch.testing.assert_close(colour_histograms(pictures)[297:], colour_histograms(pictures[297:]))


def test_the_hue_of_a_pure_colour_falls_into_its_own_bin() -> None:
    hues = []
    for colour in ((230, 30, 30), (30, 230, 30), (30, 30, 230)):
        half = colour_histograms(plain_picture(colour, colour)[None], stripes=1).unflatten(1, (HUES, SATURATIONS))
        hues.append(int(half.sum(2).argmax()))
    assert hues == [0, round(HUES / 3), round(2 * HUES / 3)]


def test_clothes_count_more_than_the_light() -> None:
    red_blue, green_blue = ((200, 40, 40), (40, 40, 200)), ((40, 200, 40), (40, 40, 200))
    day = plain_picture(*red_blue)
    night = (day * np.array([0.25, 0.45, 0.9])).astype(np.uint8)
    other = plain_picture(*green_blue)
    features = torch.nn.functional.normalize(colour_histograms(np.stack([day, night, other])))
    assert features[0] @ features[1] > features[0] @ features[2] + 0.2


def test_pictures_of_a_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="N x H x W x 3"):
        colour_histograms(random_pictures(2)[0])
    with pytest.raises(ValueError, match="at least 16 rows"):
        colour_histograms(random_pictures(1, 8, 8))
