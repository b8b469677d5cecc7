"""What is put before a network, so that a file takes what a program feeds: channels, range, mean, deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cdnet.runtime.preprocessing import Preprocessing

if TYPE_CHECKING:
    import onnx

INSIDE = "normalised"


class Inside(NamedTuple):
    """What a file does with its input: perhaps turn the channels round, then multiply and add, channel by channel."""

    turn: bool
    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]

    @property
    def nothing(self) -> bool:
        """Whether the network is given what the file is given."""
        return not self.turn and bool((self.scale == 1).all() and (self.offset == 0).all())


def inside(outside: Preprocessing, wanted: Preprocessing) -> Inside:
    """Return what turns a picture that was pre-processed outside into what the network wants.

    Args:
        outside: what a program does to bytes.
        wanted: what the network wants done to them.
    """
    if outside == wanted:
        return Inside(False, np.ones(3, np.float32), np.zeros(3, np.float32))
    turn = outside.channels != wanted.channels
    mean, std = (np.array(three, np.float64)[:: -1 if turn else 1] for three in (outside.mean, outside.std))
    # A byte of b is b / 255 * range, less mean, by deviation, on either side.
    ratio = wanted.range / outside.range
    scale = std * ratio / np.array(wanted.std)
    offset = (mean * ratio - np.array(wanted.mean)) / np.array(wanted.std)
    return Inside(turn, scale.astype(np.float32), offset.astype(np.float32))


def put_before(model: onnx.ModelProto, what: Inside) -> None:
    """Put it before the first input N x 3 x H x W of an ONNX model, which is changed."""
    if what.nothing:
        return
    from onnx import helper, numpy_helper

    graph = model.graph
    given = graph.input[0].name
    for node in graph.node:
        for number, name in enumerate(node.input):
            if name == given:
                node.input[number] = INSIDE
    nodes, current = [], given
    if what.turn:
        graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0], np.int64), "turned"))
        nodes.append(helper.make_node("Gather", [current, "turned"], ["rgb"], axis=1))
        current = "rgb"
    for name, operator, three in (("scale", "Mul", what.scale), ("offset", "Add", what.offset)):
        graph.initializer.append(numpy_helper.from_array(three.reshape(1, 3, 1, 1), name))
        result = INSIDE if name == "offset" else "scaled"
        nodes.append(helper.make_node(operator, [current, name], [result]))
        current = result
    for node in reversed(nodes):
        graph.node.insert(0, node)


class WithInput(nn.Module):
    """A network with what is put before it; with ``half``, the network itself computes in 16 bits."""

    scale: Tensor
    offset: Tensor

    def __init__(self, model: nn.Module, what: Inside, half: bool = False) -> None:
        super().__init__()
        self.model = model.half() if half else model
        self.half_inside, self.turn, self.nothing = half, what.turn, what.nothing
        self.scale: Tensor
        self.offset: Tensor
        self.register_buffer("scale", torch.from_numpy(what.scale).reshape(1, 3, 1, 1))
        self.register_buffer("offset", torch.from_numpy(what.offset).reshape(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Map what a program feeds, N x 3 x H x W, to features N x D in 32 bits."""
        if self.turn:
            images = images.flip(1)
        if not self.nothing:
            images = images * self.scale + self.offset
        return self.model(images.half()).float() if self.half_inside else self.model(images)  # type: ignore[no-any-return]
