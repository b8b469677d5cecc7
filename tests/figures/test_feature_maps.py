"""Maps of the three stages against plain loops over what each stage puts out."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.image import AxesImage

from cdnet.errors import CdnetError
from cdnet.figures.feature_maps import draw_feature_maps, overlay, shown_size, stage_maps, to_unit_range
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD
from cdnet.nn.model import create_model


def pixels(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, height, width, 3), np.uint8)


def test_maps_are_the_lengths_of_the_features_before_downsampling() -> None:
    torch.manual_seed(0)
    model = create_model("cnet-top3", width=0.1).eval()
    pictures = pixels(2, 64, 32)
    found = stage_maps(model, pictures)
    x = torch.tensor((pictures / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        one = model.backbone.stage1(model.backbone.stem(x))  # type: ignore[operator]
        two = model.backbone.stage2(model.backbone.down1(one))  # type: ignore[operator]
        three = model.backbone.stage3(model.backbone.down2(two))  # type: ignore[operator]
    for stage, output in zip(found, (one, two, three), strict=True):
        assert stage.shape == (2, *output.shape[2:])
        for n, y, x_ in ((0, 0, 0), (1, 2, 1), (0, 3, 1)):
            length = sum(float(value) ** 2 for value in output[n, :, y, x_]) ** 0.5
            assert float(stage[n, y, x_]) == pytest.approx(length, rel=1e-4)
    assert not any(module._forward_hooks for module in model.modules())


def test_sizes_of_the_maps_are_those_of_figure_4() -> None:
    model = create_model("cdnet", width=0.1).eval()
    assert [tuple(stage.shape[1:]) for stage in stage_maps(model, pixels(1, 256, 128))] == [(64, 32), (32, 16), (16, 8)]


def test_a_network_with_other_stages_is_refused() -> None:
    with pytest.raises(CdnetError, match="three stages"):
        stage_maps(create_model("resnet50", width=0.1, neck="blneck").eval(), pixels(1, 64, 32))


def test_each_map_is_scaled_by_its_own_extremes() -> None:
    maps = torch.tensor([[[1.0, 3.0], [2.0, 5.0]], [[7.0, 7.0], [7.0, 7.0]], [[-10.0, 0.0], [0.0, 90.0]]])
    np.testing.assert_allclose(
        to_unit_range(maps), [[[0, 0.5], [0.25, 1]], [[0, 0], [0, 0]], [[0, 0.1], [0.1, 1]]], atol=1e-6
    )


def test_an_overlay_mixes_the_grey_picture_and_the_map() -> None:
    picture = pixels(1, 16, 8)[0]
    strength = np.zeros((4, 2), np.float32)
    strength[0, 1] = 1
    plain = overlay(picture, strength, share=0)
    grey = picture @ np.array([0.299, 0.587, 0.114])
    assert np.abs(plain - grey[:, :, None]).max() <= 1
    coloured = overlay(picture, strength, share=1)
    for value, y, x in ((1.0, 0, 7), (0.0, 15, 0)):
        np.testing.assert_allclose(coloured[y, x] / 255, matplotlib.colormaps["inferno"](value)[:3], atol=1 / 255)
    half = overlay(picture, strength, share=0.5)
    assert np.abs(half - (plain.astype(float) + coloured) / 2).max() <= 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_picture_is_drawn_with_its_own_three_maps(count: int) -> None:
    pictures = pixels(count, 64, 32)
    maps = [torch.rand(count, 16 >> stage, 8 >> stage) for stage in range(3)]
    figure, _, about = draw_feature_maps(pictures, maps)
    shown = [child.get_array() for ax in figure.axes for child in ax.get_children() if isinstance(child, AxesImage)]
    assert len(shown) == 4 * count
    for number in range(count):
        assert (shown[4 * number] == pictures[number]).all()
        for stage in range(3):
            expected = overlay(pictures[number], to_unit_range(maps[stage])[number])
            assert (shown[4 * number + 1 + stage] == expected).all()
    assert about.startswith(f"{count} picture(s)")
    assert figure.get_size_inches()[0] <= 7.16


@pytest.mark.parametrize(
    ("size", "shown"),
    [((64, 32), (256, 128)), ((256, 128), (256, 128)), ((384, 128), (384, 128)), ((100, 60), (300, 180))],
)
def test_small_pictures_are_shown_larger_in_the_same_shape(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert shown_size(size) == shown
