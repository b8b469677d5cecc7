import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import cdnet.draw.market as market
from cdnet.draw import draw_market1501
from cdnet.errors import CdnetError

NAME = re.compile(r"(-1|\d{4})_c([1-6])s([1-6])_(\d{6})_(\d{2})\.jpg")
SMALL: dict[str, Any] = {
    "identities_train": 4,
    "identities_test": 3,
    "cameras": 3,
    "pictures_per_camera": 3,
    "distractors": 5,
    "junk": 4,
    "seed": 0,
}


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.jpg"))}


def labels(root: Path, folder: str) -> list[tuple[int, int]]:
    """(identity, camera) of each file of a folder, in order of names."""
    matches = [NAME.fullmatch(path.name) for path in sorted((root / folder).iterdir())]
    assert all(matches)
    return [(int(match[1]), int(match[2])) for match in matches if match]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "market"
    draw_market1501(root, **SMALL)
    return root


def test_the_layout_is_that_of_market1501(drawn: Path) -> None:
    assert sorted(path.name for path in drawn.iterdir()) == [
        "bounding_box_test",
        "bounding_box_train",
        "query",
    ]
    train, query, gallery = (
        {identity for identity, _ in labels(drawn, folder)}
        for folder in ("bounding_box_train", "query", "bounding_box_test")
    )
    assert len(train) == 4
    assert len(query) == 3
    assert gallery == query | {0, -1}
    assert train.isdisjoint(gallery)
    counts = Counter(identity for identity, _ in labels(drawn, "bounding_box_test"))
    assert counts[0] == 5
    assert counts[-1] == 4


def test_every_picture_can_be_read_at_its_size(drawn: Path) -> None:
    for path in drawn.rglob("*.jpg"):
        assert cv2.imread(str(path)).shape == (128, 64, 3)


def test_every_query_has_a_match_under_another_camera(drawn: Path) -> None:
    queries, gallery = labels(drawn, "query"), labels(drawn, "bounding_box_test")
    assert len(set(queries)) == len(queries)
    for identity, camera in queries:
        assert gallery.count((identity, camera)) == SMALL["pictures_per_camera"] - 1
        assert any(found == identity and other != camera for found, other in gallery)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(drawn: Path, tmp_path: Path) -> None:
    draw_market1501(tmp_path / "again", **SMALL)
    draw_market1501(tmp_path / "other", **SMALL | {"seed": 1})
    assert files(tmp_path / "again") == files(drawn)
    assert not set(files(tmp_path / "other").values()) & set(files(drawn).values())


def test_more_of_everything_keeps_what_was_there(drawn: Path, tmp_path: Path) -> None:
    more = {
        "identities_train": 9,
        "identities_test": 7,
        "pictures_per_camera": 4,
        "distractors": 8,
        "junk": 6,
    }
    draw_market1501(tmp_path / "more", **SMALL | more)
    larger = files(tmp_path / "more")
    for name, content in files(drawn).items():
        assert larger[name] == content, name


def test_pictures_of_one_person_differ(drawn: Path) -> None:
    contents = list(files(drawn).values())
    assert len(set(contents)) == len(contents)


def stripes_of_colour(picture: np.ndarray) -> np.ndarray:
    """Colour histograms (8 x 8 x 8 bins of RGB) of six horizontal stripes, one after the other."""
    stripes = [np.ascontiguousarray(stripe) for stripe in np.array_split(picture, 6)]
    histograms = [cv2.calcHist([s], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel() for s in stripes]
    return np.concatenate([histogram / histogram.sum() for histogram in histograms])


@pytest.mark.parametrize("seed", [0, 1])
def test_colour_alone_does_not_solve_it(seed: int, tmp_path: Path) -> None:
    plenty = {"identities_train": 1, "identities_test": 25, "cameras": 4, "distractors": 0, "junk": 0}
    draw_market1501(tmp_path / "drawn", **SMALL | plenty | {"seed": seed})

    def described(folder: str) -> tuple[np.ndarray, np.ndarray]:
        paths = sorted((tmp_path / "drawn" / folder).iterdir())
        pictures = [cv2.imread(str(path)) for path in paths]
        described = np.stack([stripes_of_colour(picture) for picture in pictures])
        return described, np.array(labels(tmp_path / "drawn", folder))

    (queries, asked), (gallery, shown) = described("query"), described("bounding_box_test")
    first_is_right = []
    for query, (identity, camera) in zip(queries, asked, strict=True):
        distance = np.abs(gallery - query).sum(axis=1)
        distance[(shown[:, 0] == identity) & (shown[:, 1] == camera)] = np.inf
        first_is_right.append(shown[distance.argmin(), 0] == identity)
    assert np.mean(first_is_right) < 0.3


def test_what_a_kill_left_is_swept_and_what_others_are_at_is_not(tmp_path: Path) -> None:
    from filelock import FileLock

    left, others = tmp_path / ".drawn-12345678", tmp_path / ".drawn-87654321"
    for folder in (left, others):
        (folder / "drawn" / "query").mkdir(parents=True)
        (folder / market.LOCK).touch()
    with FileLock(others / market.LOCK):
        draw_market1501(tmp_path / "drawn", **SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".drawn-87654321", "drawn"]
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "bounding_box_test",
        "bounding_box_train",
        "query",
    ]


def test_a_full_disk_is_said_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(plan: market._Plan) -> Iterator[tuple[str, market.Drawn]]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(market, "_pictures", full)
    with pytest.raises(CdnetError, match=r"the disk is full: .*drawn could not be written"):
        draw_market1501(tmp_path / "drawn", **SMALL)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = market._pictures

    def interrupted(plan: market._Plan) -> Iterator[tuple[str, market.Drawn]]:
        for count, item in enumerate(whole(plan)):
            if count == 5:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(market, "_pictures", interrupted)
    with pytest.raises(KeyboardInterrupt):
        draw_market1501(tmp_path / "drawn", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CdnetError, match="not an empty folder"):
        draw_market1501(tmp_path, **SMALL)
    with pytest.raises(CdnetError, match="not an empty folder"):
        draw_market1501(tmp_path / "notes.txt", **SMALL)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()
    draw_market1501(tmp_path / "drawn", **SMALL | {"distractors": 0, "junk": 0})
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]
    assert len(files(tmp_path / "drawn")) > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("identities_train", 0),
        ("identities_test", 5000),
        ("cameras", 1),
        ("cameras", 7),
        ("pictures_per_camera", 1),
        ("distractors", -1),
        ("junk", -1),
        ("seed", -1),
        ("size", (16, 64)),
        ("size", (128, 8)),
    ],
)
def test_what_is_out_of_range_is_refused(name: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match=name):
        draw_market1501(tmp_path / "drawn", **SMALL | {name: value})
    assert not (tmp_path / "drawn").exists()
