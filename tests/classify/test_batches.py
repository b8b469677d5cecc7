"""Batches: each picture once an epoch, the same whatever the way of reading, the step begun at, and the processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cdnet import CdnetError
from cdnet.classify.batches import ClassBatches, KeptBatches, ReadBatches
from cdnet.classify.recipe import ClassAugmentRecipe, ClassifyRecipe
from cdnet.data.cifar100 import MEAN, STD
from cdnet.data.class_layout import read_class_data
from cdnet.engine.worker import Worker

CPU = torch.device("cpu")


def make(recipe: ClassifyRecipe, crop: str, rank: int = 0, processes: int = 1) -> ClassBatches:
    assert recipe.data.root is not None
    data = read_class_data(recipe.data.root)
    recipe.augment = ClassAugmentRecipe(crop=crop, pad=2, share=0.3)  # type: ignore[arg-type]
    if crop == "resized":
        return ReadBatches(data.train, recipe, Worker(CPU, rank, processes))
    return KeptBatches(data.decoded("train", (32, 32)), recipe, Worker(CPU, rank, processes))


def test_every_picture_at_most_once_an_epoch(recipe: ClassifyRecipe) -> None:
    recipe.batch = 7
    batches = make(recipe, "shift")
    order = batches.epoch(0)
    assert order.shape == (6, 7)
    assert len(set(order.ravel().tolist())) == 42
    assert not np.array_equal(order, batches.epoch(1))
    assert np.array_equal(order, batches.epoch(0))


@pytest.mark.parametrize("crop", ["shift", "resized"])
def test_batches_do_not_depend_on_where_one_begins(recipe: ClassifyRecipe, crop: str) -> None:
    recipe.batch = 8
    batches = make(recipe, crop)
    order = batches.epoch(1)
    whole, later = list(batches.training(order, 1)), list(batches.training(order, 1, first=2))
    assert len(whole) == 6
    for (a, la), (b, lb) in zip(whole[2:], later, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(la, lb)
    other = next(iter(batches.training(order, 2)))[0]
    assert not torch.equal(whole[0][0], other)


@pytest.mark.parametrize("crop", ["shift", "resized"])
def test_processes_share_the_batch_of_one(recipe: ClassifyRecipe, crop: str) -> None:
    recipe.batch = 6
    alone = make(recipe, crop)
    order = alone.epoch(0)
    parts = [list(make(recipe, crop, rank, 3).training(order, 0)) for rank in range(3)]
    for step, (images, labels) in enumerate(alone.training(order, 0)):
        assert torch.equal(images, torch.cat([part[step][0] for part in parts]))
        assert torch.equal(labels, torch.cat([part[step][1] for part in parts]))


@pytest.mark.parametrize("crop", ["shift", "resized"])
def test_labels_stay_with_their_pictures(recipe: ClassifyRecipe, crop: str) -> None:
    batches = make(recipe, crop)
    for stream in (batches.training(batches.epoch(0), 0), batches.testing()):
        for images, labels in stream:
            # Blue is class 0, green 1 and red 2; the padding is black and moves no order.
            pixels = images * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
            assert torch.equal(pixels.mean((2, 3)).argmax(1), 2 - labels)


def test_pictures_are_normalised_by_the_data_sets_own_mean(recipe: ClassifyRecipe) -> None:
    batches = make(recipe, "shift")
    tested = torch.cat([images for images, _ in batches.testing()])
    batches.how = ClassAugmentRecipe(pad=0, flip=0.0)
    order = batches.epoch(0)
    trained = torch.cat([images for images, _ in batches.training(order, 0)])
    assert recipe.data.root is not None
    pixels = torch.from_numpy(np.array(read_class_data(recipe.data.root).decoded("train", (32, 32)).pixels))
    expected = (pixels.double() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    expected = expected.permute(0, 3, 1, 2)
    assert torch.allclose(tested.double(), expected, atol=1e-5)
    assert torch.allclose(trained.double(), expected[order.ravel()], atol=1e-5)


def test_a_broken_picture_is_named_when_it_is_read(recipe: ClassifyRecipe, tmp_path: Path) -> None:
    import shutil

    assert recipe.data.root is not None
    root = shutil.copytree(recipe.data.root, tmp_path / "copy")
    recipe.data.root = root
    (root / "train" / "red" / "3.png").write_bytes(b"")
    batches = make(recipe, "resized")
    with pytest.raises(CdnetError, match=r"red/3\.png: empty; put a whole copy in its place and add --resume"):
        list(batches.training(batches.epoch(0), 0))


def test_refusals(recipe: ClassifyRecipe) -> None:
    recipe.batch = 49
    with pytest.raises(CdnetError, match="48 training pictures, fewer than the 49"):
        make(recipe, "shift").epoch(0)
    with pytest.raises(CdnetError, match="cannot be divided among 2"):
        make(recipe, "shift", 0, 2)
