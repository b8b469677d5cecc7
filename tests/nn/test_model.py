from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from cdnet import CdnetError, create_model
from cdnet.nn.backbone import FeatureMaps, scale_channels
from cdnet.nn.baselines import BASELINES
from cdnet.nn.model import create_backbone
from cdnet.nn.necks import NECKS, Head, create_neck


def test_feature_maps_of_figure_4() -> None:
    fmaps = create_backbone("cdnet").eval()(torch.zeros(1, 3, 256, 128))
    assert [tuple(fmap.shape[1:]) for fmap in fmaps] == [(256, 32, 16), (384, 16, 8), (512, 16, 8)]


@pytest.mark.parametrize("size", [(32, 32), (64, 32), (97, 51), (224, 224), (256, 128)])
@pytest.mark.parametrize("genotype", ["cdnet", "cnet-top3", "cdnet-std", *BASELINES])
def test_any_size_gives_finite_features(genotype: str, size: tuple[int, int]) -> None:
    model = create_model(genotype, width=0.25).eval()
    features = model(torch.randn(2, 3, *size))
    assert features.shape == (2, model.feature_dim)
    assert features.isfinite().all()


@pytest.mark.parametrize(("width", "expected"), [(1.0, 64), (0.75, 48), (0.3, 16), (0.26, 16), (0.25, 16), (0.01, 4)])
def test_width_rounds_down_to_a_multiple_of_four(width: float, expected: int) -> None:
    assert scale_channels(64, width) == expected


@pytest.mark.parametrize(("stripes", "dim"), [(0, 512), (1, 640), (2, 768), (3, 896), (4, 1024)])
def test_feature_dimensions_of_table_5(stripes: int, dim: int) -> None:
    assert create_model("cdnet", stripes=stripes).feature_dim == dim


@pytest.mark.parametrize("genotype", ["cdnet", "cdnet-std", *BASELINES])
def test_the_smallest_width_still_builds_and_runs(genotype: str) -> None:
    model = create_model(genotype, width=0.001).eval()
    assert model(torch.randn(2, 3, 64, 32)).isfinite().all()
    assert all(parameter.numel() for parameter in model.parameters())


def fake_maps(rows: int = 7) -> FeatureMaps:
    generator = torch.Generator().manual_seed(1)
    return FeatureMaps(
        torch.randn(4, 8, 14, 6, generator=generator),
        torch.randn(4, 12, rows, 3, generator=generator),
        torch.randn(4, 16, rows, 3, generator=generator),
    )


@pytest.mark.parametrize("stripes", [1, 2, 3, 4])
def test_fneck_against_pixels_one_by_one(stripes: int) -> None:
    fmaps = fake_maps()
    neck = create_neck("fneck", (8, 12, 16), stripes=stripes)
    weight = neck.squeeze.weight[:, :, 0, 0]
    cuts = [0]
    for stripe in range(stripes):
        cuts.append(cuts[-1] + 7 // stripes + (stripe < 7 % stripes))
    expected = []
    for top, bottom in pairwise(cuts):
        pixels = [weight @ fmaps.fmap2[2, :, y, x] for y in range(top, bottom) for x in range(3)]
        expected.append(sum(pixels) / len(pixels))
    torch.testing.assert_close(neck.features(fmaps)[2], torch.cat(expected))


def test_heads_follow_figure_5() -> None:
    fmaps = fake_maps()
    neck = create_neck("fblneck", (8, 12, 16), identities=5).eval()
    first, second = neck.heads(fmaps)
    features = neck.features(fmaps)
    torch.testing.assert_close(features, torch.cat([first.triplet, second.triplet], 1))
    assert first.triplet.shape == (4, 16)
    assert second.triplet.shape == (4, 256)
    for head, part in ((first, neck.blneck.head), (second, neck.fneck.head)):
        linear = head.triplet @ part.fc.weight.T + part.fc.bias
        softmax = ((linear - part.bn.running_mean) / (part.bn.running_var + part.bn.eps).sqrt()).relu()
        torch.testing.assert_close(head.softmax, softmax)
        torch.testing.assert_close(head.scores, softmax @ part.classifier.weight.T + part.classifier.bias)


def test_bnneck_feature_is_what_the_softmax_side_sees() -> None:
    neck = create_neck("bnneck", (8, 12, 16), identities=5).eval()
    (head,) = neck.heads(fake_maps())
    torch.testing.assert_close(neck.features(fake_maps()), head.softmax)
    assert head.triplet is not head.softmax
    assert not neck.bn.bias.requires_grad


@pytest.mark.parametrize("neck", [*NECKS])
@pytest.mark.parametrize("genotype", ["cdnet", *BASELINES])
def test_every_neck_joins_every_backbone(genotype: str, neck: str) -> None:
    training = create_model(genotype, 0.25, neck, identities=7)
    heads = training(torch.randn(4, 3, 64, 32))
    assert all(isinstance(head, Head) and head.scores.shape == (4, 7) for head in heads)
    assert training.eval()(torch.randn(4, 3, 64, 32)).shape == (4, training.feature_dim)
    # What inference drops is absent from the inference network, and nothing else is.
    dropped = set(training.state_dict()) - set(create_model(genotype, 0.25, neck).state_dict())
    assert dropped
    assert all(".head." in name or ".classifier." in name for name in dropped)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"neck": "neck"}, "unknown neck"),
        ({"stripes": 5}, "0 to 4 stripes"),
        ({"neck": "fneck", "stripes": 0}, "at least 1 stripe"),
        ({"width": 0}, "width"),
        ({"genotype": "resnet"}, "no such genotype"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(CdnetError, match=said):
        create_model(**arguments)  # type: ignore[arg-type]


def test_too_few_rows_for_the_stripes() -> None:
    model = create_model("cdnet", 0.25, stripes=4).eval()
    with pytest.raises(CdnetError, match="too few for 4 stripes"):
        model(torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize("neck", sorted(NECKS))
def test_dropout_drops_numbers_of_the_feature_before_both_losses(neck: str) -> None:
    torch.manual_seed(0)
    model = create_model("cnet-top3", 0.25, neck, identities=5, dropout=0.5).train()
    images = torch.randn(6, 3, 64, 32)
    heads = model(images)
    with torch.no_grad():
        zeros = [float((head.triplet == 0).float().mean()) for head in heads]
        plain = create_model("cnet-top3", 0.25, neck, identities=5).train()
        plain.load_state_dict(model.state_dict())
        plain_heads = plain(images)
        for head, undropped, share in zip(heads, plain_heads, zeros, strict=True):
            kept = (head.triplet != 0) & (undropped.triplet != 0)
            # About half is dropped beside what was zero before, and what stays is doubled.
            before = float((undropped.triplet == 0).float().mean())
            assert share == pytest.approx(before + 0.5 * (1 - before), abs=0.1)
            torch.testing.assert_close(head.triplet[kept], 2 * undropped.triplet[kept], rtol=1e-3, atol=1e-4)
            assert not torch.equal(head.scores, undropped.scores)
        model.eval()
        assert torch.equal(model(images), model(images))


@pytest.mark.parametrize("name", sorted(NECKS))
def test_heads_joined_are_the_feature(name: str) -> None:
    neck = create_neck(name, (8, 12, 16), identities=5).eval()
    torch.testing.assert_close(neck.joined(neck.heads(fake_maps())), neck.features(fake_maps()))
