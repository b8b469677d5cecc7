"""Learning from a teacher: its features are kept, go with their pictures, and change nothing but the training."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cdnet import CdnetError, create_model, load_model
from cdnet.data.cache import cached_pictures
from cdnet.data.layout import read_data
from cdnet.engine.accelerator import make_accelerator
from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.record import read_log
from cdnet.engine.worker import Worker
from cdnet.errors import StoppedError
from cdnet.genotype import read_genotype
from cdnet.losses.distil import feature_loss, relation_loss
from cdnet.runtime.given import Given
from cdnet.runtime.network import open_network
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.train import loop
from cdnet.train.batches import Batch, Batches
from cdnet.train.recipe import AugmentRecipe, BatchRecipe, DistilRecipe, TrainRecipe
from cdnet.train.run import train
from cdnet.train.taught import Taught
from cdnet.train.teacher import teacher_features
from cdnet.train.views import Views
from cdnet.weights import ModelSpec, save_weights


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """Weights of a network of another size than the student's."""
    return write_teacher(tmp_path / "teacher.safetensors", seed=5)


def write_teacher(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    spec = ModelSpec(read_genotype("cnet-top1"), 0.15, "blneck", size=(96, 48))
    save_weights(path, create_model("cnet-top1", 0.15, "blneck"), spec)
    return path


def test_features_are_of_each_picture_and_its_mirror_image(market: Path, teacher: Path, tmp_path: Path) -> None:
    pictures = read_data(market).train
    found = teacher_features(open_network(teacher, Given(), batch=10), pictures, None, tmp_path / "cache")
    model, spec = load_model(teacher)
    pixels = cached_pictures(pictures, spec.size, "here").pixels
    mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
    given = ((torch.from_numpy(np.array(pixels)) / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        torch.testing.assert_close(found[:, 0], model(given), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(found[:, 1], model(given.flip(3)), rtol=1e-3, atol=1e-4)
    assert (found[:, 0] - found[:, 1]).abs().max() > 1e-3


def test_what_a_kill_left_between_writing_and_renaming_is_swept(market: Path, teacher: Path, tmp_path: Path) -> None:
    pictures, network = read_data(market).train[:2], open_network(teacher, Given())
    teacher_features(network, pictures, None, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").glob("teacher-*.safetensors")
    half = kept.with_name(f".{kept.name}.0123456789abcdef")
    others = kept.with_name(".teacher-of-others.safetensors.0123456789abcdef")
    for path in (half, others):
        path.touch()
    teacher_features(network, pictures, None, tmp_path / "cache")
    assert (half.exists(), others.exists(), kept.exists()) == (False, True, True)


def test_features_are_kept_for_this_teacher_and_these_pictures_alone(
    market: Path, teacher: Path, tmp_path: Path
) -> None:
    pictures = read_data(market).train
    asked = 0

    def count(items: object, _what: str, _total: int) -> object:
        nonlocal asked
        asked += 1
        return items

    def features(path: Path, pictures: object = pictures) -> torch.Tensor:
        return teacher_features(open_network(path, Given()), pictures, None, tmp_path / "cache", count)  # type: ignore[arg-type]

    first = features(teacher)
    assert torch.equal(features(teacher), first)
    assert asked == 1
    other = features(write_teacher(teacher, seed=6))  # under the same name
    assert asked == 2
    assert not torch.equal(other, first)
    torch.testing.assert_close(features(teacher, pictures[::-1]), other.flip(0), rtol=1e-4, atol=1e-5)
    assert asked == 3
    kept = next((tmp_path / "cache").glob("teacher-*.safetensors"))
    whole = kept.read_bytes()
    for part in (tmp_path / "cache").glob("teacher-*.safetensors"):
        part.write_bytes(part.read_bytes()[:100])  # a damaged file is made anew
    assert torch.equal(features(teacher), other)
    assert asked == 4
    assert len(whole) > 100


class Said:
    """A network that says of pictures what a function does; ``digest`` and pre-processing are those of none."""

    preprocessing, digest, batch = Preprocessing((8, 4)), "0" * 64, 10

    def __init__(self, say: Callable[[int], np.ndarray]) -> None:
        self.say = say

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return self.say(len(pixels)).astype(np.float32)


@pytest.mark.parametrize(
    ("say", "said"),
    [
        (lambda count: np.ones((count, count)), "gives 4 and 10 numbers a picture, by how many pictures it is shown"),
        (lambda count: np.zeros((count, 3)), "114 of 114 pictures and mirror images features that are all zeros"),
        (lambda count: np.arange(1, count + 1)[:, None] * np.ones(3), "gives all pictures the same features"),
    ],
)
def test_a_teacher_from_which_nothing_is_learnt_is_refused(
    market: Path, tmp_path: Path, say: Callable[[int], np.ndarray], said: str
) -> None:
    with pytest.raises(CdnetError, match=said):
        teacher_features(Said(say), read_data(market).train, None, tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_pictures_that_were_replaced_are_shown_anew(market: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(market, tmp_path / "market")
    shown: list[int] = []

    def say(count: int) -> np.ndarray:
        shown.append(count)
        return np.random.default_rng(len(shown)).normal(size=(count, 3))

    def features() -> torch.Tensor:
        return teacher_features(Said(say), read_data(folder).train, None, tmp_path / "cache")

    first, batches = features(), len(shown)
    assert torch.equal(features(), first)
    assert len(shown) == batches
    one, other = (picture.path for picture in read_data(folder).train[:2])
    times = one.stat()
    one.write_bytes(other.read_bytes())
    os.utime(one, ns=(times.st_atime_ns, times.st_mtime_ns))  # under the same name, and with its time
    assert not torch.equal(features(), first)
    assert len(shown) == 2 * batches


def test_a_batch_has_the_features_of_its_pictures_as_they_are_turned(market: Path, tmp_path: Path) -> None:
    pictures = cached_pictures(read_data(market).train, (64, 32), "here")
    # Number and side of each picture stand for its features.
    teacher = torch.stack([torch.arange(len(pictures)), torch.arange(len(pictures)) + 1000], 1)[:, :, None].float()
    how = AugmentRecipe(flip=0.5, pad=0, erase=0.0)
    for rank in (0, 1):
        worker = Worker(torch.device("cpu"), rank, processes=2)
        batches = Batches(pictures, BatchRecipe(4, 2), how, 0, worker, teacher=teacher)
        indices = batches.epoch(0)[0]
        batch = batches.batch(indices, 0, 0)
        assert batch.teacher is not None
        sides = batch.teacher[:, 0] >= 1000
        assert batch.teacher[:, 0].remainder(1000).tolist() == indices[4 * rank : 4 * rank + 4].tolist()
        plain = Batches(pictures, BatchRecipe(4, 2), AugmentRecipe(0.0, 0, 0.0), 0, worker)
        straight = plain.batch(indices, 0, 0).images
        turned = torch.where(sides[:, None, None, None], straight.flip(3), straight)
        assert torch.equal(batch.images, turned)
        assert rank == 1 or 0 < sides.sum() < 4


@pytest.mark.parametrize("mixed", [0, 1, 3])
def test_in_views_a_teacher_sees_what_its_student_sees(market: Path, teacher: Path, tmp_path: Path, mixed: int) -> None:
    pictures = cached_pictures(read_data(market).train, (64, 32), "here")
    how = AugmentRecipe(flip=0.5, pad=6, erase=0.5, jitter=0.3)
    views = Views(pictures.pixels, 3, how, 7, mixed)
    told = teacher_features(open_network(teacher, Given(), batch=10), pictures.pictures, views, tmp_path / "cache")
    batches = Batches(pictures, BatchRecipe(4, 2), how, 7, Worker(torch.device("cpu")), teacher=told, views=views)
    model, spec = load_model(teacher)
    seen: dict[int, set[bytes]] = {}
    kinds: set[bool] = set()
    for epoch in range(6):
        for step, indices in enumerate(batches.epoch(epoch)):
            batch = batches.batch(indices, epoch, step)
            kinds.add(batch.mixed)
            for row, image in zip(indices, batch.images, strict=True):
                seen.setdefault(int(row), set()).add(image.numpy().tobytes())
    assert max(map(len, seen.values())) == 3
    assert kinds == {0: {False}, 1: {False, True}, 3: {True}}[mixed]
    mean, std = (torch.tensor(values)[:, None, None] for values in (spec.mean, spec.std))
    colours = ((batch.images * std + mean) * 255).round().clamp(0, 255).permute(0, 2, 3, 1).byte().numpy()
    larger = np.stack([cv2.resize(picture, (48, 96), interpolation=cv2.INTER_LINEAR) for picture in colours])
    given = (torch.from_numpy(larger).permute(0, 3, 1, 2) / 255 - mean) / std
    assert batch.teacher is not None
    with torch.inference_mode():
        torch.testing.assert_close(batch.teacher, model(given), rtol=1e-3, atol=1e-4)


def test_a_mixed_view_is_the_upper_part_of_a_picture_upon_the_lower_part_of_another(market: Path) -> None:
    pixels = np.array(cached_pictures(read_data(market).train, (16, 8), "here").pixels)
    views = Views(pixels, 3, AugmentRecipe(0.0, 0, 0.0), 0, mixed=2)
    found: list[tuple[int, int]] = []  # cuts, and whose the lower parts are
    for shot in views.shots((16, 8), 5):
        plain, *two = shot
        for row, (own, *both) in enumerate(zip(plain, *two, strict=True), start=len(found) // 2):
            assert np.array_equal(own, pixels[row])
            for view in both:
                ways = [
                    (cut, other)
                    for cut in range(4, 13)
                    for other in range(len(pixels))
                    if np.array_equal(view, np.concatenate([pixels[row, :cut], pixels[other, cut:]]))
                ]
                assert ways
                found.append(ways[0])
    assert len(found) == 2 * len(pixels)
    cuts, others = (set(part) for part in zip(*found, strict=True))
    assert {4, 12} <= cuts
    assert len(others) > len(pixels) / 2


@pytest.mark.parametrize("views", [None, 3])
def test_a_teacher_that_is_stopped_goes_on_where_it_was(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, views: int | None
) -> None:
    monkeypatch.setattr("cdnet.train.teacher.PART", 2)
    pictures = cached_pictures(read_data(market).train, (8, 4), "here")
    seen: list[int] = []

    class Stops(Said):
        """Says the first pixels of each picture, until it has been asked so often."""

        def __init__(self, stop: int) -> None:
            self.left = stop

        def __call__(self, pixels: np.ndarray) -> np.ndarray:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            seen.append(len(pixels))
            return pixels.reshape(len(pixels), -1)[:, :7].astype(np.float32) + 1

    def ask(stop: int, folder: str) -> torch.Tensor:
        shown = views and Views(pictures.pixels, views, AugmentRecipe(0.5, 1, 0.0, jitter=0.1), 3)
        return teacher_features(Stops(stop), pictures.pictures, shown or None, tmp_path / folder)

    at_once = ask(10_000, "whole")
    alone = sum(seen)
    seen.clear()
    with pytest.raises(KeyboardInterrupt):
        ask(5, "stopped")
    parts = next((tmp_path / "stopped").glob("teacher-*.parts"))
    assert len(list(parts.iterdir())) == 2
    (parts / ".00000000.safetensors.0123456789abcdef").touch()  # what a kill leaves
    assert torch.equal(ask(10_000, "stopped"), at_once)
    assert alone <= sum(seen) <= alone + 10  # the fifth batch is shown again
    assert not list((tmp_path / "stopped").glob("*.parts"))


@pytest.mark.parametrize("views", [0, 3])
def test_a_taught_run_stops_and_resumes_and_leaves_nothing_of_its_teacher(
    recipe: TrainRecipe, teacher: Path, tmp_path: Path, at_step: Callable[..., list[int]], views: int
) -> None:
    recipe.distil = DistilRecipe(teacher=str(teacher), views=views)
    recipe.dropout = 0.2
    train(recipe, tmp_path / "whole")
    at_step(loop, "train_step", 4)
    with pytest.raises(StoppedError):
        train(recipe, tmp_path / "stopped")
    torch.manual_seed(99)  # whatever else the process draws
    train(recipe, tmp_path / "stopped", resume=True)
    for name in ("weights.safetensors", "log.jsonl"):
        one, two = (tmp_path / run / name for run in ("whole", "stopped"))
        if name.endswith("jsonl"):
            kept = ("loss", "triplet", "softmax", "teacher_features", "teacher_relations")
            assert [[line[key] for key in kept] for line in read_log(one.parent)] == [
                [line[key] for key in kept] for line in read_log(two.parent)
            ]
        else:
            assert one.read_bytes() == two.read_bytes()
    model, spec = load_model(tmp_path / "whole")
    assert spec.trained_on["teacher"] == "teacher.safetensors"
    assert len(spec.trained_on["teacher_sha256"]) == 64
    assert model.state_dict().keys() == create_model("cnet-top3", 0.1).state_dict().keys()
    first = read_log(tmp_path / "whole")[0]
    weighed = 5 * first["teacher_features"] + 30 * first["teacher_relations"]
    assert first["loss"] == pytest.approx(sum(first["triplet"]) + sum(first["softmax"]) + weighed, abs=1e-4)


def test_a_student_comes_to_resemble_its_teacher(recipe: TrainRecipe, teacher: Path, tmp_path: Path) -> None:
    recipe.schedule.epochs = 8
    recipe.distil = DistilRecipe(teacher=str(teacher), labels=0.0)
    train(recipe, tmp_path / "run")
    log = read_log(tmp_path / "run")
    assert log[-1]["teacher_features"] < 0.5 * log[0]["teacher_features"]
    assert log[-1]["loss"] == pytest.approx(
        5 * log[-1]["teacher_features"] + 30 * log[-1]["teacher_relations"], abs=1e-4
    )


def test_of_mixed_views_the_teacher_alone_says_something(recipe: TrainRecipe, teacher: Path, tmp_path: Path) -> None:
    recipe.schedule.epochs = 1
    recipe.distil = DistilRecipe(teacher=str(teacher), views=2, mixed=2)
    train(recipe, tmp_path / "run")
    (line,) = read_log(tmp_path / "run")
    assert line["loss"] == pytest.approx(5 * line["teacher_features"] + 30 * line["teacher_relations"], abs=1e-4)


def test_each_head_can_have_a_map_of_its_own(recipe: TrainRecipe, teacher: Path, tmp_path: Path) -> None:
    recipe.schedule.epochs = 1
    recipe.distil = DistilRecipe(teacher=str(teacher), each=True)
    train(recipe, tmp_path / "run")
    kept = load_checkpoint(tmp_path / "run")["model"]
    # BLNeck's feature has as many numbers as fmap3 has channels, FNeck's two stripes of 128; the teacher's has 76.
    assert kept["map.0.weight"].shape == (76, 48)
    assert kept["map.1.weight"].shape == (76, 256)
    torch.manual_seed(0)
    student = Taught(create_model("cnet-top3", 0.1, identities=8), 76, [48, 256])
    pictures, wanted = torch.randn(8, 3, 64, 32), torch.randn(8, 76)
    batch = Batch(pictures, torch.arange(8) // 2, wanted)
    accelerator = make_accelerator("cpu", "fp32")
    lesson = student.train()(pictures)
    features = [head.triplet for head in student.network.train()(pictures)]
    optimizer = torch.optim.SGD(student.parameters(), 1e-30)
    step = loop.train_step(student, optimizer, accelerator, batch, recipe)
    maps = [layer(feature) for layer, feature in zip(student.map, features, strict=True)]  # type: ignore[arg-type]
    assert [mapped.shape for mapped in lesson.mapped] == [(8, 76), (8, 76)]
    told = step.to_line()
    mapped = sum(feature_loss(one, wanted).item() for one in maps) / 2
    related = sum(relation_loss(one, wanted).item() for one in features) / 2
    assert (told["teacher_features"], told["teacher_relations"]) == pytest.approx((mapped, related), rel=1e-4)


def test_another_teacher_under_the_same_name_is_not_resumed_with(
    recipe: TrainRecipe, teacher: Path, tmp_path: Path
) -> None:
    recipe.distil = DistilRecipe(teacher=str(teacher))
    train(recipe, tmp_path / "run")
    before = load_checkpoint(tmp_path / "run")["source"]
    write_teacher(teacher, seed=6)
    with pytest.raises(CdnetError, match="another teacher"):
        train(recipe, tmp_path / "run", resume=True)
    teacher.unlink()
    with pytest.raises(CdnetError, match=r"teacher\.safetensors: no such weights"):
        train(recipe, tmp_path / "run", resume=True)
    assert load_checkpoint(tmp_path / "run")["source"] == before


@pytest.mark.parametrize(
    ("distil", "said"),
    [
        ({"each": True}, r"--distil\.each must be false, or given with --distil\.teacher"),
        ({"views": 2}, r"--distil\.views must be 0, or given with --distil\.teacher"),
        ({"teacher": "x", "views": 2, "mixed": 3}, r"--distil\.mixed must be from 0 to --distil\.views"),
        ({"teacher": "x", "views": 101}, r"--distil\.views must be from 0 to 100"),
        ({"channels": "bgr"}, r"--distil\.channels must be left out, or given with --distil\.teacher"),
        ({"teacher": "x", "relations": -1.0}, r"--distil\.relations must be at least 0"),
        ({"teacher": "x", "features": 0.0, "relations": 0.0}, "nothing is learnt from the teacher"),
        ({"teacher": "x", "labels": float("nan")}, r"--distil\.labels must be at least 0, and at most"),
        ({"teacher": "cdnet-x0.25-market1501", "channels": "rgb"}, "says itself what its input is to be like"),
    ],
)
def test_a_senseless_section_is_refused(
    recipe: TrainRecipe, tmp_path: Path, distil: dict[str, object], said: str
) -> None:
    changed = dataclasses.replace(recipe, distil=DistilRecipe(**distil))  # type: ignore[arg-type]
    with pytest.raises(CdnetError, match=said):
        train(changed, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_views_are_not_erased_with_noise(recipe: TrainRecipe, teacher: Path, tmp_path: Path) -> None:
    recipe.augment.erase_with, recipe.distil = "noise", DistilRecipe(teacher=str(teacher), views=2)
    with pytest.raises(CdnetError, match=r"--distil\.views must be 0 with --augment\.erase-with noise"):
        train(recipe, tmp_path / "run")
