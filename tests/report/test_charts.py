import re
from xml.etree import ElementTree

import pytest

from cdnet.report.charts import cmc_chart, loss_chart, quality_chart

CURVES = {
    "trained": [0.8, 0.9, 1.0],
    "untrained": [0.1, 0.2, 0.3],
    "histogram": [0.3, 0.5, 0.6],
    "chance": [0, 0.1, 0.2],
}
LOG = [
    {"epoch": 1, "loss": 9.0, "softmax": [4.0, 4.5], "triplet": [0.2, 0.3]},
    {"epoch": 2, "loss": 5.0, "softmax": [2.0, 2.5], "triplet": [0.2, 0.3], "rank1": 0.25, "mAP": 0.125},
]


def texts(svg: str) -> set[str]:
    return {text for element in ElementTree.fromstring(svg).iter() for text in (element.text or "").split("\n") if text}


def test_cmc_chart_names_each_method_and_says_its_rank1_in_words() -> None:
    svg = cmc_chart(CURVES)
    assert set(CURVES) <= texts(svg)
    description = ElementTree.fromstring(svg).get("aria-label", "")
    assert "trained 80.0 %" in description
    assert "chance 0.0 %" in description


def test_series_differ_in_colour_and_in_line_style() -> None:
    svg = cmc_chart(CURVES)
    drawn = [element.get("style", "") for element in ElementTree.fromstring(svg).iter("path")]
    lines = {
        style for style in drawn if "--series-" in style and "fill: none" in style and "stroke-width: 1.8" in style
    }
    colours = {re.search(r"--series-\d", style)[0] for style in lines}  # type: ignore[index]
    assert colours == {"--series-1", "--series-2", "--series-3", "--series-4"}
    assert len({style.partition("stroke-dasharray")[2].split(";")[0] for style in lines}) == 4


def test_a_chart_is_the_same_each_time_and_shares_no_id_with_another() -> None:
    first, second = loss_chart(LOG), quality_chart(LOG)
    assert second is not None
    assert first == loss_chart(LOG)
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert ids[0].isdisjoint(ids[1])
    for svg, own in zip((first, second), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= own


def test_a_chart_refers_to_nothing_outside() -> None:
    assert "http" not in loss_chart(LOG) + cmc_chart(CURVES)


def test_quality_is_drawn_only_where_it_was_watched() -> None:
    assert quality_chart(LOG[:1]) is None
    svg = quality_chart(LOG)
    assert svg is not None
    assert "25.0 % and 12.5 %" in ElementTree.fromstring(svg).get("aria-label", "")


def test_losses_of_a_neck_with_one_head() -> None:
    assert "head 1" in texts(loss_chart([{"epoch": 1, "loss": 1.0, "softmax": [1.0], "triplet": [0.5]}]))


def test_an_empty_log_is_refused() -> None:
    with pytest.raises(ValueError, match="without a line"):
        loss_chart([])
