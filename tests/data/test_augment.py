from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from cdnet.data.augment import Draws, augment, draw, normalise, to_bytes
from cdnet.data.jitter import jitter_colours
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD

Pixels = npt.NDArray[np.uint8]


def gen(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, height: int, width: int, seed: int = 0) -> torch.Tensor:
    shape = (count, height, width, 3)
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def slowly(pixels: torch.Tensor, draws: Draws) -> npt.NDArray[np.float64]:
    """One picture and one pixel at a time: pad with black, crop, flip, normalise, erase to the mean."""
    count, height, width, _ = pixels.shape
    out = np.zeros((count, 3, height, width))
    for n in range(count):
        picture = pixels[n].numpy()
        dy, dx = (int(v) for v in draws.offsets[n])
        reach = max(abs(dy), abs(dx))
        padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)))
        cropped = padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
        if draws.flips[n]:
            cropped = cropped[:, ::-1]
        top, left, bottom, right = (int(v) for v in draws.boxes[n])
        for y in range(height):
            for x in range(width):
                for c in range(3):
                    value = (float(cropped[y, x, c]) / 255 - IMAGENET_MEAN[c]) / IMAGENET_STD[c]
                    out[n, c, y, x] = 0.0 if top <= y < bottom and left <= x < right else value
    return out


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 5),
    height=st.integers(2, 14),
    width=st.integers(2, 9),
    pad=st.integers(0, 12),
    seed=st.integers(0, 2**32),
    flip=st.sampled_from([0.0, 0.5, 1.0]),
    erase=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_against_one_pixel_at_a_time(
    count: int, height: int, width: int, pad: int, seed: int, flip: float, erase: float
) -> None:
    pixels = pictures(count, height, width, seed)
    draws = draw(count, (height, width), flip, pad, erase, gen(seed))
    got = augment(pixels, draws)
    assert got.dtype == torch.float32
    np.testing.assert_allclose(got.numpy(), slowly(pixels, draws), atol=2e-6)


def test_a_shift_further_than_the_picture_is_black() -> None:
    draws = Draws(torch.tensor([False]), torch.tensor([[8, 0]]), torch.zeros(1, 4, dtype=torch.long))
    got = augment(pictures(1, 8, 4), draws)
    black = -torch.tensor(IMAGENET_MEAN) / torch.tensor(IMAGENET_STD)
    torch.testing.assert_close(got, black.view(1, 3, 1, 1).expand(1, 3, 8, 4))


def test_nothing_drawn_is_plain_normalisation() -> None:
    pixels = pictures(6, 16, 8)
    draws = draw(6, (16, 8), 0.0, 0, 0.0, gen(1))
    values = (pixels.double() / 255 - torch.tensor(IMAGENET_MEAN).double()) / torch.tensor(IMAGENET_STD).double()
    torch.testing.assert_close(augment(pixels, draws).double(), values.permute(0, 3, 1, 2), atol=2e-6, rtol=0)
    assert torch.equal(augment(pixels, draws), normalise(pixels))


def test_normalise_by_other_figures_covers_every_byte() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 32, 8, 1).repeat(1, 1, 1, 3)
    got = normalise(pixels, (0.5, 0.25, 0.0), (0.5, 1.0, 2.0)).double()
    x = torch.arange(256).double().view(32, 8) / 255
    torch.testing.assert_close(got[0], torch.stack([2 * x - 1, x - 0.25, x / 2]), atol=1e-6, rtol=0)


def test_bytes_come_back_and_what_is_beyond_them_ends_at_the_last() -> None:
    every = torch.arange(256, dtype=torch.uint8).reshape(2, 8, 16, 1).expand(-1, -1, -1, 3)
    assert torch.equal(to_bytes(normalise(every)), every)
    assert torch.equal(to_bytes(normalise(every, (0.5,) * 3, (2.0,) * 3), (0.5,) * 3, (2.0,) * 3), every)
    beyond = normalise(
        torch.tensor([-300.0, -0.7, 0.4, 0.6, 254.6, 255.7, 600.0]).reshape(1, 1, 7, 1).expand(-1, -1, -1, 3)
    )
    assert to_bytes(beyond)[0, 0, :, 0].tolist() == [0, 0, 0, 1, 255, 255, 255]


def test_the_output_is_channels_last_and_the_input_untouched() -> None:
    pixels = pictures(3, 16, 8)
    before = pixels.clone()
    got = augment(pixels, draw(3, (16, 8), 0.5, 3, 1.0, gen(0)))
    assert got.shape == (3, 3, 16, 8)
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert normalise(pixels).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(pixels, before)


def test_the_same_generator_draws_the_same_and_another_does_not() -> None:
    first, again, other = (draw(32, (64, 32), 0.5, 10, 0.5, gen(seed)) for seed in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first[:3], again[:3], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first[:3], other[:3], strict=True))


def test_the_global_generator_is_not_touched() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    augment(pictures(4, 16, 8), draw(4, (16, 8), 0.5, 2, 0.5, gen(0)))
    assert torch.equal(torch.get_rng_state(), before)


def test_shares_of_a_batch_are_the_batch() -> None:
    pixels = pictures(12, 16, 8)
    draws = draw(12, (16, 8), 0.5, 4, 0.7, gen(3))
    whole = augment(pixels, draws)
    parts = [augment(pixels[a : a + 4], draws.rows(a, a + 4)) for a in (0, 4, 8)]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("chance", [0.0, 0.3, 0.5, 1.0])
def test_flips_come_as_often_as_asked(chance: float) -> None:
    flips = draw(20_000, (4, 2), chance, 0, 0.0, gen(0)).flips
    # Five standard deviations of a binomial share.
    assert abs(flips.double().mean().item() - chance) <= 5 * math.sqrt(chance * (1 - chance) / 20_000)


def test_offsets_are_uniform_in_both_directions_and_independent() -> None:
    offsets = draw(44_100, (256, 128), 0.5, 10, 0.5, gen(0)).offsets
    table = np.zeros((21, 21))
    np.add.at(table, tuple((offsets + 10).numpy().T), 1)
    # Chi squared with 440 degrees of freedom: mean 440, standard deviation 29.7.
    assert 440 - 5 * 29.7 < ((table - 100) ** 2 / 100).sum() < 440 + 5 * 29.7


@pytest.mark.parametrize("size", [(256, 128), (384, 128), (128, 64)])
def test_erased_boxes_keep_their_bounds(size: tuple[int, int]) -> None:
    height, width = size
    boxes = draw(20_000, size, 0.5, 10, 1.0, gen(0)).boxes.double()
    top, left, bottom, right = boxes.T
    h, w = bottom - top, right - left
    assert ((top >= 0) & (left >= 0) & (bottom <= height) & (right <= width)).all()
    assert ((h > 0) & (w > 0)).double().mean() > 0.999  # nearly always one of the tries fits
    for edge, end in ((top, 0), (left, 0), (bottom, height), (right, width)):
        assert (edge[h > 0] == end).any()  # up to the border
    h, w, top, left = h[h > 0], w[h > 0], top[h > 0], left[h > 0]
    area, aspect = h * w / (height * width), h / w
    # The sides are rounded to whole pixels, which moves a side by at most a half.
    slack = (1 + 0.5 / (h - 0.5)) * (1 + 0.5 / (w - 0.5))
    assert (area >= 0.02 / slack).all()
    assert (area <= 0.4 * slack).all()
    assert (aspect >= 0.3 / slack).all()
    assert (aspect <= slack / 0.3).all()
    # All of the range is used, and every place: the quarters of what is left over are equally likely.
    assert area.min() < 0.025
    assert area.max() > 0.36
    assert aspect.min() < 0.35
    assert aspect.max() > 2.9
    for start, room in ((top, height - h), (left, width - w)):
        quarters = torch.bincount(((start + 0.5) / (room + 1) * 4).long()[room > 40], minlength=4).double()
        assert (quarters / quarters.sum() - 0.25).abs().max() < 0.025


def test_boxes_are_those_of_the_paper_tried_again_until_they_fit() -> None:
    # An independent sampler of Zhong et al.'s Algorithm 1, with the aspect's logarithm uniform as torchvision has it.
    rng = np.random.default_rng(0)
    height, width = 256, 128
    expected = []
    while len(expected) < 20_000:
        area, aspect = rng.uniform(0.02, 0.4) * height * width, math.exp(rng.uniform(math.log(0.3), -math.log(0.3)))
        h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if h < height and w < width:
            expected.append((h, w))
    boxes = draw(20_000, (height, width), 0.5, 0, 1.0, gen(1)).boxes.numpy()
    got = boxes[:, 2:] - boxes[:, :2]
    for side in (0, 1):
        ours, theirs = np.sort(got[:, side]), np.sort(np.array(expected)[:, side])
        grid = np.arange(height)
        distance = np.abs(np.searchsorted(ours, grid) - np.searchsorted(theirs, grid)).max() / 20_000
        assert distance < 1.95 * math.sqrt(2 / 20_000)  # Kolmogorov and Smirnov, at one in a thousand


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_pictures_are_erased_as_often_as_asked(chance: float) -> None:
    boxes = draw(20_000, (256, 128), 0.5, 10, chance, gen(0)).boxes
    erased = (boxes[:, 2] > boxes[:, 0]).double().mean().item()
    assert abs(erased - chance) <= 5 * math.sqrt(chance * (1 - chance) / 20_000) + 0.001 * (chance > 0)
    assert (boxes[boxes[:, 2] <= boxes[:, 0]] == 0).all()


@pytest.mark.parametrize("size", [(10, 5), (5, 10), (6, 6), (20, 1), (1, 20)])  # in the last two hardly any try fits
def test_no_box_is_as_tall_or_as_wide_as_the_picture(size: tuple[int, int]) -> None:
    boxes = draw(4000, size, 0.0, 0, 1.0, gen(0)).boxes
    tallest, widest = (boxes[:, 2:] - boxes[:, :2]).amax(0).tolist()
    assert tallest < size[0]
    assert widest < size[1]
    assert tallest == size[0] - 1 or widest == size[1] - 1


def test_a_seed_draws_what_it_always_drew() -> None:
    # A run that is resumed, or repeated years later, has the pictures of its seed.
    draws = draw(3, (64, 32), 0.5, 10, 1.0, gen(7))
    assert draws.flips.tolist() == [False, True, False]
    assert draws.offsets.tolist() == [[-2, -9], [8, 10], [-2, 0]]
    assert draws.boxes.tolist() == [[7, 4, 33, 31], [14, 1, 30, 32], [29, 9, 55, 18]]


def test_a_chance_of_nothing_is_none_even_for_the_least_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def least(*shape: int, generator: torch.Generator) -> torch.Tensor:
        return torch.zeros(shape)  # what torch.rand gives once in 16 million times

    monkeypatch.setattr(torch, "rand", least)
    draws = draw(3, (64, 32), 0.0, 4, 0.0, gen(0))
    assert not draws.flips.any()
    assert not draws.boxes.any()
    draws = draw(3, (64, 32), 1e-9, 4, 1e-9, gen(0))
    assert draws.flips.all()
    assert (draws.boxes[:, 2:] > 0).all()


def test_colours_and_noise_are_drawn_after_all_else() -> None:
    plain, more = draw(8, (16, 8), 0.5, 4, 0.7, gen(3)), draw(8, (16, 8), 0.5, 4, 0.7, gen(3), 0.2, noise=True)
    assert (plain.factors, plain.noise) == (None, None)
    assert all(torch.equal(a, b) for a, b in zip(plain[:3], more[:3], strict=True))
    assert more.factors is not None
    assert more.factors.shape == (8, 3)
    wide = draw(10_000, (4, 2), 0.0, 0, 0.0, gen(0), 0.3).factors
    assert wide is not None
    for column in wide.T:
        assert 0.7 <= column.min() < 0.702
        assert 1.298 < column.max() <= 1.3
        assert abs(column.mean() - 1) < 5 * 0.6 / math.sqrt(12 * 10_000)


def test_noise_fills_the_boxes_and_nothing_else() -> None:
    pixels, size = pictures(64, 32, 16), (32, 16)
    draws = draw(64, size, 0.5, 4, 0.7, gen(3), noise=True)
    plain, noisy = augment(pixels, draws._replace(noise=None)), augment(pixels, draws)
    erased = torch.zeros(64, 3, *size, dtype=torch.bool)
    for number, (top, left, bottom, right) in enumerate(draws.boxes.tolist()):
        erased[number, :, top:bottom, left:right] = True
    assert torch.equal(noisy[~erased], plain[~erased])
    assert (plain[erased] == 0).all()
    filled = noisy[erased]
    assert abs(filled.mean()) < 5 / math.sqrt(len(filled))
    assert abs(filled.std() - 1) < 5 / math.sqrt(2 * len(filled))
    assert len(filled.unique()) > 0.9 * len(filled)
    parts = [augment(pixels[a : a + 32], draws.rows(a, a + 32)) for a in (0, 32)]
    assert torch.equal(torch.cat(parts), noisy)


@pytest.mark.parametrize("factors", [(0.6, 1, 1), (1.5, 1, 1), (1, 0.4, 1), (1, 1.7, 1), (1, 1, 0.2), (1, 1, 1.8)])
def test_colours_are_varied_as_pillow_varies_them(factors: tuple[float, float, float]) -> None:
    pixels = pictures(3, 24, 12)
    found = jitter_colours(pixels, torch.tensor([factors] * 3))
    for number, enhance in enumerate((ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)):
        if factors[number] != 1:
            expected = [np.asarray(enhance(Image.fromarray(p.numpy())).enhance(factors[number])) for p in pixels]
    # Pillow rounds its greys and its results to whole numbers.
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=2.2)


def test_colours_are_varied_one_after_another_picture_by_picture() -> None:
    pixels, factors = pictures(4, 16, 8), torch.tensor([[1.0, 1, 1], [1.3, 0.8, 1], [0.7, 1, 1.4], [1.2, 1.2, 0.6]])
    found = jitter_colours(pixels, factors)
    torch.testing.assert_close(found[0], pixels[0].float(), rtol=0, atol=1e-4)
    for picture, own, made in zip(pixels, factors, found, strict=True):
        steps = torch.diag(own - 1) + 1  # one factor each, the others 1
        alone = picture[None].float()
        for step in steps:
            alone = jitter_colours(alone, step[None])
        torch.testing.assert_close(made, alone[0], rtol=0, atol=1e-3)
    draws = draw(4, (16, 8), 0.0, 0, 0.0, gen(1))._replace(factors=factors)
    torch.testing.assert_close(augment(pixels, draws), normalise(found))
    grey = jitter_colours(pixels, torch.tensor([[1.0, 1, 0]] * 4))
    torch.testing.assert_close(grey[..., 0], grey[..., 2], rtol=0, atol=1e-3)
