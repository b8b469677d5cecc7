"""Features computed while pictures are decoded: the same to the last bit, and nothing is lost by trouble."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cdnet.data.cache as cache
import cdnet.evaluate.ahead as ahead_module
from cdnet.data.decode import Decoded, Pixels
from cdnet.data.layout import read_data
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError
from cdnet.evaluate.ahead import FeaturesAhead
from cdnet.evaluate.evaluation import read_test_pictures
from cdnet.evaluate.extract import extract_by
from cdnet.runtime.preprocessing import Preprocessing

SIZE = (64, 32)


class Means:
    """A network whose features depend on what is in the batch besides, so that other batches would show."""

    preprocessing, digest, batch = Preprocessing(SIZE), "", 5

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, pixels: Pixels) -> Any:
        self.batches.append(len(pixels))
        values = pixels.astype(np.float32)
        return np.concatenate([values.mean((1, 2)), values[:, :8, :, 0].mean((1, 2))[:, None] * len(pixels)], axis=1)


@pytest.fixture
def data(market: Path) -> ReidData:
    return read_data(market, "market1501")


@pytest.fixture(autouse=True)
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead_module, "SAMPLE", 3)


@pytest.mark.parametrize("flip", [False, True])
def test_features_are_those_of_decoded_pictures_to_the_last_bit(data: ReidData, tmp_path: Path, flip: bool) -> None:
    samples: list[Pixels] = []
    cold_network, warm_network = Means(), Means()

    def opened(pixels: Pixels) -> Means:
        samples.append(pixels)
        return cold_network if len(samples) == 1 else warm_network

    cold = FeaturesAhead(opened, flip)
    pictures = read_test_pictures(data, SIZE, tmp_path, watch=cold.watch)
    assert sum(cold_network.batches) >= (len(pictures.gallery) // 5) * 5  # before anybody asked
    found = cold.features(pictures)
    warm = FeaturesAhead(opened, flip)
    again = read_test_pictures(data, SIZE, tmp_path, watch=warm.watch)
    assert not warm_network.batches  # nothing was decoded
    wanted = [extract_by(Means(), split.pixels, flip) for split in pictures.splits()]
    for features in (found, warm.features(again)):
        assert all(map(torch.equal, features, wanted))
    assert sorted(cold_network.batches) == sorted(warm_network.batches)
    assert np.array_equal(*samples)


def test_the_next_pictures_are_decoded_meanwhile(
    data: ReidData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch's features wait here for the decoding of a picture of the next but one: without it they would not end."""
    decoded, enough = [0], threading.Event()
    read = cache.open_picture

    def counted(path: Path) -> Decoded:
        found = read(path)
        decoded[0] += 1
        if decoded[0] > 2 * Means.batch:
            enough.set()
        return found

    monkeypatch.setattr(cache, "open_picture", counted)
    seen: list[bool] = []

    class Waits(Means):
        def __call__(self, pixels: Pixels) -> Any:
            seen.append(enough.wait(60))
            return super().__call__(pixels)

    network = Waits()
    ahead = FeaturesAhead(lambda _: network)
    ahead.features(read_test_pictures(data, SIZE, tmp_path, watch=ahead.watch))
    assert len(data.query) > 2 * Means.batch
    assert all(seen)


def test_trouble_with_the_network_does_not_lose_the_decoded_pictures(data: ReidData, tmp_path: Path) -> None:
    asked: list[int] = []

    def fails(pixels: Pixels) -> Means:
        asked.append(len(pixels))
        raise CdnetError("no such runtime")

    ahead = FeaturesAhead(fails)
    pictures = read_test_pictures(data, SIZE, tmp_path, watch=ahead.watch)
    assert asked == [3]
    with pytest.raises(CdnetError, match="no such runtime"):
        ahead.features(pictures)
    again = FeaturesAhead(lambda _: Means())
    read_test_pictures(data, SIZE, tmp_path, watch=again.watch)
    assert again._network is None  # nothing had to be decoded
