"""Folders a class, as ImageNet and Tiny-ImageNet lie on disk, in miniature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from cdnet.classify.run import describe_source
from cdnet.data.class_layout import find_class_data, read_class_data
from cdnet.data.classes import ClassData, PictureFiles
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]

TRAIN = ["train/n02/a.JPEG", "train/n01/b.JPEG", "train/n01/c.JPEG"]


def listed(data: ClassData, split: str) -> set[tuple[str, str]]:
    pictures = data.split(split)
    assert isinstance(pictures, PictureFiles)
    return {(path.name, data.classes[label]) for path, label in zip(pictures.paths, pictures.labels, strict=True)}


def test_imagenet(tree: Tree) -> None:
    root = tree([*TRAIN, "val/n01/v1.JPEG", "val/n02/v2.JPEG", "test/ILSVRC2012_test_00000001.JPEG"])
    data = read_class_data(root)
    assert data.classes == ("n01", "n02")
    assert listed(data, "train") == {("a.JPEG", "n02"), ("b.JPEG", "n01"), ("c.JPEG", "n01")}
    assert listed(data, "test") == {("v1.JPEG", "n01"), ("v2.JPEG", "n02")}


def tiny(tree: Tree) -> Path:
    train = [f"tiny-imagenet-200/train/{name}/images/{name}_{n}.JPEG" for name in ("n01", "n02") for n in range(2)]
    val = [f"tiny-imagenet-200/val/images/val_{n}.JPEG" for n in range(3)]
    root = tree([*train, *val, "tiny-imagenet-200/test/images/test_0.JPEG"])
    inner = root / "tiny-imagenet-200"
    lines = ["val_0.JPEG\tn02\t0\t32\t44\t62", "val_1.JPEG\tn01\t1\t1\t9\t9", "val_2.JPEG\tn02\t0\t0\t5\t5"]
    (inner / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (inner / "train" / "n01" / "n01_boxes.txt").write_text("n01_0.JPEG\t0\t0\t1\t1\n")
    return root


def test_tiny_imagenet_as_published(tree: Tree) -> None:
    root = tiny(tree)
    data = read_class_data(root)
    assert listed(data, "train") == {(f"{name}_{n}.JPEG", name) for name in ("n01", "n02") for n in range(2)}
    assert listed(data, "test") == {("val_0.JPEG", "n02"), ("val_1.JPEG", "n01"), ("val_2.JPEG", "n02")}
    assert describe_source(read_class_data(root / "tiny-imagenet-200")) == describe_source(data)


def test_tiny_imagenet_sorted_into_folders(tree: Tree) -> None:
    data = read_class_data(tree([*TRAIN, "val/n01/images/v1.JPEG", "val/n02/images/v2.JPEG"]))
    assert listed(data, "test") == {("v1.JPEG", "n01"), ("v2.JPEG", "n02")}


def test_pictures_that_the_annotations_do_not_name_and_the_reverse(tree: Tree) -> None:
    root = tiny(tree)
    annotations = root / "tiny-imagenet-200" / "val" / "val_annotations.txt"
    whole = annotations.read_text()
    annotations.write_text(whole + "val_9.JPEG\tn01\n")
    with pytest.raises(CdnetError, match=r"val_9\.JPEG: listed in"):
        read_class_data(root)
    annotations.write_text(whole.replace("val_0.JPEG", "val_1.JPEG"))
    with pytest.raises(CdnetError, match=r"val_0\.JPEG: not listed in"):
        read_class_data(root)
    annotations.write_text(whole + "val_0.JPEG\n")
    with pytest.raises(CdnetError, match="line 4"):
        read_class_data(root)
    annotations.write_text(whole.replace("n01", "n77"))
    with pytest.raises(CdnetError, match="'n77' is not among those"):
        read_class_data(root)


def test_the_data_set_with_so_many_classes_is_found(tree: Tree) -> None:
    two = [f"{split}/n0{number}/a.JPEG" for split in ("train", "val") for number in (1, 2)]
    three = [f"three/{split}/n0{number}/a.JPEG" for split in ("train", "test") for number in (1, 2, 3)]
    root = tree([*two, *three, "other/readme.jpg"])
    assert (find_class_data(root, 2).root, find_class_data(root, 3).root) == (root, root / "three")
    assert find_class_data(root / "three", 3).root == root / "three"
    with pytest.raises(CdnetError, match=rf"of 100 classes is there, but {root} with 2 classes and 2 training pict"):
        find_class_data(root, 100)
    with pytest.raises(CdnetError, match=r"three with 3 classes and 3 training pictures$"):
        find_class_data(root, 100)
    (root / "three").rename(root / "a")
    tree([name.replace("three", "b") for name in three])
    with pytest.raises(CdnetError, match="holds a and b with 3 classes each; name one"):
        find_class_data(root, 3)
    with pytest.raises(CdnetError, match="neither CIFAR-100 nor"):
        find_class_data(root / "other", 3)


def test_a_class_without_pictures_is_named(tree: Tree) -> None:
    root = tree([*TRAIN, "val/n01/v.JPEG"])
    (root / "train" / "n03").mkdir()
    with pytest.raises(CdnetError, match="n03: a class without pictures"):
        read_class_data(root)


def test_refusals(tree: Tree) -> None:
    root = tree([*TRAIN, "val/n01/v.JPEG", "train/stray.JPEG"])
    with pytest.raises(CdnetError, match=r"stray\.JPEG: lies in no class"):
        read_class_data(root)
    (root / "train" / "stray.JPEG").unlink()
    with pytest.raises(CdnetError, match=r"val: no pictures of the class 'n02', which .*train has"):
        read_class_data(root)
    (root / "val" / "n01").rename(root / "val" / "n09")
    with pytest.raises(CdnetError, match="'n09' is not among those"):
        read_class_data(root)
    (root / "val" / "n09" / "v.JPEG").unlink()
    (root / "val" / "n09").rmdir()
    with pytest.raises(CdnetError, match="no pictures to test on"):
        read_class_data(root)


def test_unreadable_pictures_are_left_out_with_their_labels(tree: Tree) -> None:
    root = tree([*TRAIN, "val/n01/v.JPEG", "val/n02/w.JPEG"])
    (root / "train" / "n01" / "b.JPEG").write_bytes(b"\xff\xd8\xff half")
    data = read_class_data(root)
    decoded = data.decoded("train", (48, 24))
    assert decoded.labels.tolist() == [0, 1]
    assert "b.JPEG" in decoded.broken[0]
    assert decoded.digest() != data.train.digest()
    assert np.asarray(decoded.pixels).std(axis=(1, 2, 3)).min() > 1
