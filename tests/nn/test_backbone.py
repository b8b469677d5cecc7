"""Stem, DownSample and the way through the stages, against loops over pixels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cdnet.genotype import CDChoice, Genotype
from cdnet.nn.backbone import Backbone, DownSample, Stage, StagedBackbone, Stem, scale_channels
from cdnet.nn.blocks import Bottleneck, StdBlock
from cdnet.nn.lite import Lite3x3


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every number of a module, batch norms' statistics too, a value of its own."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.2)
    return module.eval()


def normed(x: Tensor, bn: nn.BatchNorm2d) -> Tensor:
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()  # type: ignore[operator]
    return (x - bn.running_mean[:, None, None]) * scale[:, None, None] + bn.bias[:, None, None]  # type: ignore[index]


@pytest.mark.parametrize("size", [(8, 6), (7, 5)])
def test_downsample_is_a_mean_of_four_pixels(size: tuple[int, int]) -> None:
    down = filled(DownSample(4))
    x = torch.randn(2, 4, *size)
    mixed = torch.einsum("oc,nchw->nohw", down[0].weight[:, :, 0, 0], x)
    y = normed(mixed, down[1]).relu()
    rows, columns = size[0] // 2, size[1] // 2
    expected = torch.stack(
        [
            torch.stack([y[:, :, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean((2, 3)) for c in range(columns)], -1)
            for r in range(rows)
        ],
        dim=-2,
    )
    torch.testing.assert_close(down(x), expected)


@pytest.mark.parametrize("narrow", [False, True])
def test_the_stem_is_a_convolution_and_a_pool_of_stride_2(narrow: bool) -> None:
    stem = Stem(4)
    if narrow:
        stem.narrow()
    filled(stem)
    kernel = 3 if narrow else 7
    x = torch.randn(1, 3, 16, 12)
    assert stem[0].weight.shape == (4, 3, kernel, kernel)
    reach = kernel // 2
    padded = torch.zeros(1, 3, 16 + 2 * reach, 12 + 2 * reach)
    padded[:, :, reach : reach + 16, reach : reach + 12] = x
    y = torch.zeros(1, 4, 8, 6)
    for r in range(8):
        for c in range(6):
            window = padded[:, :, 2 * r : 2 * r + kernel, 2 * c : 2 * c + kernel]
            y[:, :, r, c] = torch.einsum("nchw,ochw->no", window, stem[0].weight)
    y = normed(y, stem[1]).relu()
    expected = torch.zeros(1, 4, 4, 3)
    for r in range(4):
        for c in range(3):
            window = y[:, :, max(0, 2 * r - 1) : 2 * r + 2, max(0, 2 * c - 1) : 2 * c + 2]
            expected[:, :, r, c] = window.amax((2, 3))
    torch.testing.assert_close(stem(x), expected, rtol=1e-4, atol=1e-5)


def test_the_three_maps_are_where_figure_4_has_them() -> None:
    # Stages that add 1, 10 and 100 to everything, and no stem or DownSample that changes a number.
    class Add(nn.Module):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def forward(self, x: Tensor) -> Tensor:
            return x + 10**self.number

    made: list[tuple[int, int, int]] = []

    def make(stage: int, inside: int, own: int) -> nn.Module:
        made.append((stage, inside, own))
        return Add(stage)

    backbone = StagedBackbone(0.5, make)
    assert made == [(0, 32, 128), (1, 128, 192), (2, 192, 256)]
    assert backbone.channels == (128, 192, 256)
    backbone.stem, backbone.down1, backbone.down2 = nn.Identity(), nn.Identity(), nn.Identity()  # type: ignore[assignment]
    assert [float(fmap) for fmap in backbone(torch.zeros(1))] == [1.0, 11.0, 111.0]


def test_a_genotypes_stages_are_its_own_and_in_order() -> None:
    choices = ((CDChoice(3, 5),), (CDChoice(3, 7, 2), CDChoice(5, 9)), (CDChoice(7, 9),))
    backbone = Backbone(Genotype("mine", choices), 0.1)
    assert [stage.choices for stage in (backbone.stage1, backbone.stage2, backbone.stage3)] == list(choices)
    assert [len(block) for block in backbone.stage2] == [2, 1]
    assert [len(branch) for branch in (backbone.stage3[0][0].branch1, backbone.stage3[0][0].branch2)] == [3, 4]
    assert backbone.channels == (24, 36, 48)
    assert Backbone(Genotype("mine", choices)).channels == (256, 384, 512)


def test_a_stage_of_stdblocks_has_no_gate() -> None:
    stage = Stage(8, 16, [CDChoice(3, 7), CDChoice(5, 9)], "StdBlock")
    assert not any("gate" in name for name in stage.state_dict())
    assert [len(block[0].branch) for block in stage] == [1 + 3, 2 + 4]


def test_a_stdblock_is_its_branch_and_the_shortcut() -> None:
    block = filled(StdBlock(8, 8, (3, 5)))
    x = torch.randn(1, 8, 6, 4)
    y = normed(torch.einsum("oc,nchw->nohw", block.reduce[0].weight[:, :, 0, 0], x), block.reduce[1]).relu()
    y = block.branch(y)
    y = normed(torch.einsum("oc,nchw->nohw", block.expand[0].weight[:, :, 0, 0], y), block.expand[1])
    torch.testing.assert_close(block(x), (y + x).relu())


def test_a_bottleneck_alone_does_nothing() -> None:
    with pytest.raises(NotImplementedError):
        Bottleneck(4, 8)(torch.zeros(1, 4, 2, 2))


def test_lite_is_a_mix_of_channels_then_a_3x3_in_each() -> None:
    lite = filled(Lite3x3(3, 5))
    x = torch.randn(1, 3, 6, 4)
    mixed = torch.einsum("oc,nchw->nohw", lite.pointwise.weight[:, :, 0, 0], x)
    padded = torch.zeros(1, 5, 8, 6)
    padded[:, :, 1:7, 1:5] = mixed
    y = torch.zeros(1, 5, 6, 4)
    for r in range(6):
        for c in range(4):
            y[:, :, r, c] = (padded[:, :, r : r + 3, c : c + 3] * lite.depthwise.weight[:, 0]).sum((2, 3))
    torch.testing.assert_close(lite(x), normed(y, lite.bn).relu())
    assert lite.depthwise.bias is lite.pointwise.bias is None


@pytest.mark.parametrize(("channels", "width", "expected"), [(1, 1.0, 4), (4, 0.5, 4), (8, 1.0, 8), (11, 1.0, 8)])
def test_channels_are_a_multiple_of_4_and_at_least_4(channels: int, width: float, expected: int) -> None:
    assert scale_channels(channels, width) == expected


def test_a_width_just_below_the_whole_has_four_channels_fewer() -> None:
    # 255.7, 383.6 and 511.5 channels, rounded down to a multiple of 4.
    backbone = StagedBackbone(0.999, lambda _, channels, own: nn.Conv2d(channels, own, 1))
    assert backbone.channels == (252, 380, 508)
    assert [fmap.shape[1] for fmap in backbone(torch.zeros(1, 3, 32, 32))] == [252, 380, 508]
    assert backbone.stem[0].out_channels == 60
