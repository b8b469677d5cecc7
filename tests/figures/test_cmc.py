"""CMC curves: the values of the evaluation, drawn and saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cdnet.errors import CdnetError
from cdnet.evaluate.labels import Labels
from cdnet.evaluate.ranking import evaluate_ranking
from cdnet.figures.cmc import Curve, curve_of, draw_cmc, name_of, read_curves, write_curves


def brute_force(query: torch.Tensor, gallery: torch.Tensor, q: Labels, g: Labels, ranks: int) -> list[float]:
    """CMC by counting, for each query, how many wrong pictures are nearer than the nearest right one."""
    firsts = []
    for row in range(len(q)):
        cosine = torch.nn.functional.cosine_similarity(query[row][None].double(), gallery.double())
        same = g.identities == q.identities[row]
        keep = ~(same & (g.cameras == q.cameras[row]))
        right = cosine[keep & same]
        if len(right):
            firsts.append(int((cosine[keep & ~same] > right.max()).sum()) + 1)
    return [float(np.mean([first <= rank for first in firsts])) for rank in range(1, ranks + 1)]


def random_case() -> tuple[torch.Tensor, torch.Tensor, Labels, Labels]:
    generator = torch.Generator().manual_seed(9)

    def labels(count: int, first: int) -> Labels:
        people, cameras = (torch.randint(0, most, (count,), generator=generator) for most in (12, 3))
        return Labels(people, cameras, torch.arange(first, first + count))

    features = [torch.randn(count, 6, generator=generator) for count in (40, 120)]
    return features[0], features[1], labels(40, 0), labels(120, 1000)


def test_drawn_values_are_those_of_a_brute_force_ranking() -> None:
    case = random_case()
    expected = brute_force(*case, ranks=50)
    figure, _, about = draw_cmc([curve_of("ours", evaluate_ranking(*case))], ranks=50)
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), range(1, 51))
    np.testing.assert_allclose(line.get_ydata(), 100 * np.array(expected), atol=1e-9)
    assert f"ours: rank-1 {100 * expected[0]:.1f} %" in about
    low, high = figure.axes[0].get_ylim()
    assert low <= 100 * expected[0]
    assert high >= 100


def made(name: str, *shares: float) -> Curve:
    return Curve(name, dict(enumerate(shares, start=1)), 0.5)


def test_the_legend_goes_by_rank_1_and_each_curve_has_its_own_look() -> None:
    curves = [
        made(name, first, 0.9, 0.95) for name, first in zip("abcdef", (0.3, 0.8, 0.5, 0.8, 0.1, 0.7), strict=True)
    ]
    figure, _, _ = draw_cmc(curves, ranks=3)
    ax = figure.axes[0]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [f"{name}: {share:.1f} %" for name, share in zip("bdfcae", (80, 80, 70, 50, 30, 10), strict=True)]
    assert len({str(line.get_marker()) for line in ax.lines}) == 6
    assert len({str(line._dash_pattern) for line in ax.lines}) == 6  # type: ignore[attr-defined]


def test_curves_are_saved_and_read_back_and_drawn_alike(tmp_path: Path) -> None:
    curves = [curve_of("one", evaluate_ranking(*random_case())), Curve("two", {1: 0.25, 5: 0.5}, 0.125)]
    write_curves(tmp_path / "c.json", curves)
    assert read_curves(tmp_path / "c.json") == curves


def test_figures_of_evaluate_have_the_four_ranks_and_say_how(tmp_path: Path) -> None:
    found = evaluate_ranking(*random_case())
    path = tmp_path / "mine.json"
    for extra, name in (({}, "mine"), ({"flip": True, "rerank": {"k1": 20}}, "mine, flip, re-ranked")):
        path.write_text(json.dumps(found.to_json() | extra))
        (curve,) = read_curves(path)
        assert curve == Curve(name, {rank: found.cmc[rank - 1] for rank in (1, 5, 10, 20)}, found.mAP)
    (line,) = draw_cmc([curve]).figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xdata(), [1, 5, 10, 20])


def test_ranks_beyond_the_gallery_are_not_drawn(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_text('{"rank1": 0.5, "rank5": 0.75, "rank10": null, "rank20": null, "mAP": 0.5}')
    (curve,) = read_curves(path)
    assert curve.shares == {1: 0.5, 5: 0.75}


def test_zeros_that_stood_for_no_match_are_refused(tmp_path: Path) -> None:
    # As they were written before undefined figures were refused.
    path = tmp_path / "old.json"
    path.write_text('{"rank1": 0.0, "rank5": 0.0, "mAP": 0.0, "queries": 4, "queries_without_match": 4}')
    with pytest.raises(CdnetError, match="no query had a match"):
        read_curves(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        "7",
        '"text"',
        "[" * 5000,
        '{"rank1": 0.5}',
        '{"rank1": 2, "mAP": 0.5}',
        '{"rank1": "x", "mAP": 0.5}',
        '{"rank5": 0.5, "mAP": 0.5}',
        '{"rank1": 0.6, "rank5": 0.5, "mAP": 0.5}',
        '{"rank1": NaN, "mAP": 0.5}',
        '{"rank1": true, "mAP": 0.5}',
        '{"rank1": null, "mAP": null}',
        '{"rank1": 0.5, "mAP": null}',
        '[{"name": "a", "mAP": 0.5, "cmc": [0.5]}]',
        '[{"name": "a", "mAP": 0.5, "cmc": {"first": 0.5}}]',
    ],
)
def test_a_file_that_is_no_saved_ranking_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(CdnetError, match="no saved ranking"):
        read_curves(path)


def test_what_one_figure_cannot_show_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match="two networks are called 'a'; name them with --labels"):
        draw_cmc([made("a", 0.5), made("a", 0.6)])
    with pytest.raises(CdnetError, match="1 to 6 curves"):
        draw_cmc([made(name, 0.5) for name in "abcdefg"])
    with pytest.raises(CdnetError, match="from 2 to 50"):
        draw_cmc([made("a", 0.5)], ranks=51)
    with pytest.raises(CdnetError, match="could not be read"):
        read_curves(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("runs/wide", "wide"),
        ("runs/wide/weights.safetensors", "wide"),
        ("runs/wide/evaluation.json", "wide"),
        ("best.safetensors", "best"),
        ("tables/flip.json", "flip"),
        ("cdnet-x0.25-market1501", "cdnet-x0.25-market1501"),
    ],
)
def test_networks_are_called_by_their_files_or_runs(source: str, name: str) -> None:
    assert name_of(source) == name
