"""Widening: the wider network computes what the narrower one does, and training can tell the copies apart."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cdnet.nn.model import ReidModel, create_model
from cdnet.nn.widening import computes_alike, times_wider, widened

SIZE = (64, 32)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lived_in(genotype: str, width: float, neck: str = "fblneck") -> ReidModel:
    """A network whose statistics, scales and shifts are not those of fresh weights."""
    torch.manual_seed(1)
    model = create_model(genotype, width, neck).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            for tensor in filter(torch.is_tensor, (module.running_mean, module.bias)):
                tensor.data = torch.randn(tensor.shape) * 0.1
            for tensor in filter(torch.is_tensor, (module.running_var, module.weight)):
                tensor.data = torch.rand(tensor.shape) + 0.5
    return model


def widen(narrow: ReidModel, genotype: str, width: float, neck: str = "fblneck", seed: int = 0) -> ReidModel:
    wide = create_model(genotype, width, neck).eval()
    shapes, generator = wide.state_dict(), seeded(seed)
    state = {name: widened(tensor, shapes[name].shape, generator) for name, tensor in narrow.state_dict().items()}
    wide.load_state_dict(state)
    return wide


@pytest.mark.parametrize(
    ("genotype", "width", "times"),
    [
        ("cdnet", 0.125, 2),
        ("cdnet", 0.125, 3),
        ("cnet-top1", 0.25, 2),
        ("cdnet-std", 0.125, 2),
        ("osnet", 0.25, 2),
        ("osnet", 0.25, 3),
        ("resnet50", 0.0625, 2),
    ],
)
def test_a_widened_network_computes_what_the_narrow_one_does(genotype: str, width: float, times: int) -> None:
    narrow = lived_in(genotype, width)
    wide = widen(narrow, genotype, times * width)
    pictures = torch.randn(3, 3, *SIZE, generator=seeded(2))
    with torch.no_grad():
        few, many = narrow(pictures), wide(pictures)
    half = narrow.neck.feature_dim - 256  # FNeck's two stripes of 128 are the rest
    assert few[:, half:].std() > 1e-3  # so that there is something to be alike in
    torch.testing.assert_close(many[:, times * half :], few[:, half:], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(many[:, : times * half], few[:, :half].repeat(1, times), rtol=1e-3, atol=1e-4)
    assert computes_alike(narrow.backbone, wide.backbone, SIZE)
    assert times_wider(narrow.backbone.state_dict(), wide.backbone.state_dict()) == times


@pytest.mark.parametrize("neck", ["bnneck", "fcneck"])
def test_the_necks_of_comparison_are_widened_too(neck: str) -> None:
    narrow = lived_in("cnet-top1", 0.125, neck)
    wide = widen(narrow, "cnet-top1", 0.25, neck)
    pictures = torch.randn(3, 3, *SIZE, generator=seeded(2))
    with torch.no_grad():
        few, many = narrow(pictures), wide(pictures)
    wanted = few.repeat(1, many.shape[1] // few.shape[1])  # BNNeck's feature is fmap3's, FCNeck's always 512
    torch.testing.assert_close(many, wanted, rtol=1e-3, atol=1e-4)


def test_a_network_that_puts_channels_side_by_side_is_found_out() -> None:
    narrow = lived_in("gdas", 0.125)
    wide = widen(narrow, "gdas", 0.25)
    assert times_wider(narrow.backbone.state_dict(), wide.backbone.state_dict()) == 2
    assert not computes_alike(narrow.backbone, wide.backbone, SIZE)


def test_what_an_output_reads_of_the_copies_of_an_input_adds_up_and_differs() -> None:
    weights = torch.randn(4, 5, 3, 3, generator=seeded(3))
    wide = widened(weights, torch.Size((12, 15, 3, 3)), seeded(4))
    for out in range(12):
        for channel in range(5):
            parts = [wide[out, channel + 5 * copy] for copy in range(3)]
            torch.testing.assert_close(sum(parts[1:], start=parts[0]), weights[out % 4, channel])
            shares = [float((part / weights[out % 4, channel]).mean()) for part in parts]
            # Drawn from 1/2 to 3/2 before they are made to sum to 1.
            assert all(0.5 / 3.5 <= share <= 1.5 / 2.5 for share in shares)
            assert len({round(share, 5) for share in shares}) == 3
    first, second = wide[0], wide[4]
    assert not torch.allclose(first, second), "copies of an output read alike, and could never come to differ"
    assert torch.equal(wide, widened(weights, torch.Size((12, 15, 3, 3)), seeded(4)))
    assert not torch.equal(wide, widened(weights, torch.Size((12, 15, 3, 3)), seeded(5)))


@pytest.mark.parametrize("shape", [(4, 1, 3, 3), (4, 3, 7, 7), (6,), ()])
def test_where_inputs_stay_there_are_copies_alone(shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape, generator=seeded(3))
    wide = widened(tensor, torch.Size((2 * shape[0], *shape[1:]) if shape else ()), seeded(4))
    assert torch.equal(wide, torch.cat([tensor, tensor]) if shape else tensor)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ((4, 4), (6, 8)),
        ((4, 4), (8, 6)),
        ((8,), (4,)),
        ((4, 4, 3, 3), (8, 8, 7, 7)),
        ((4, 4, 3, 3), (8, 8, 6, 6)),
        ((4,), (8, 1)),
        ((4, 1), (8,)),
        ((0,), (4,)),
        ((4, 4), ()),
    ],
)
def test_shapes_that_are_no_whole_number_of_copies_are_refused(narrow: tuple[int, ...], wide: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot be widened"):
        widened(torch.ones(narrow), torch.Size(wide), seeded(0))
    assert times_wider({"w": torch.ones(narrow)}, {"w": torch.ones(wide)}) == 0


def test_every_layer_has_to_be_of_a_whole_number_of_copies() -> None:
    def tensors(*shapes: tuple[int, ...]) -> dict[str, Tensor]:
        return {str(number): torch.ones(shape) for number, shape in enumerate(shapes)}

    narrow = tensors((4, 3, 7, 7), (4, 1, 3, 3), (8, 4), (8,), ())
    assert times_wider(narrow, narrow) == 1
    assert times_wider(narrow, tensors((12, 3, 7, 7), (12, 1, 3, 3), (24, 12), (24,), ())) == 3
    assert times_wider(narrow, tensors((8, 3, 7, 7), (8, 1, 3, 3), (24, 8), (16,), ())) == 2
    assert times_wider(narrow, tensors((8, 3, 7, 7), (8, 1, 3, 3), (12, 8), (16,), ())) == 0
    assert times_wider(narrow, tensors((8, 3, 3, 3), (8, 1, 3, 3), (16, 8), (16,), ())) == 0
    assert times_wider(narrow, narrow | {"more": torch.ones(1)}) == 0


def test_training_tells_the_copies_apart() -> None:
    narrow = lived_in("cnet-top1", 0.125)
    model = create_model("cnet-top1", 0.25, identities=4)
    wide = widen(narrow, "cnet-top1", 0.25).state_dict()
    model.load_state_dict(model.state_dict() | wide)
    stem = model.backbone.stem[0].weight
    half = len(stem) // 2
    assert torch.equal(stem[:half], stem[half:])
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    pictures, identities = torch.randn(8, 3, *SIZE, generator=seeded(5)), torch.arange(8) % 4
    for _ in range(3):
        heads = model.train()(pictures)
        loss = sum(nn.functional.cross_entropy(head.scores, identities) for head in heads)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Every copy of every layer that is not an output of fixed width has gone a way of its own.
    for name, tensor in model.backbone.named_parameters():
        if tensor.dim() == 4:
            rows = tensor.detach().flatten(1)
            alike = (rows[: len(rows) // 2] == rows[len(rows) // 2 :]).all(1)
            assert not alike.any(), name
