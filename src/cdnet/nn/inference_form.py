"""The inference form of a network: the same features by fewer operations.

It is made from the network itself, whose forward pass is traced, so that there is no second definition of any part.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch.fx
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from cdnet.errors import CdnetError
from cdnet.nn.model import ReidModel

FOLDED: dict[tuple[type, type], Callable[[Any, Any], nn.Module]] = {
    (nn.Conv2d, nn.BatchNorm2d): fuse_conv_bn_eval,
    (nn.Linear, nn.BatchNorm1d): fuse_linear_bn_eval,
}
"""What makes one layer out of a layer and the batch norm after it."""


def inference_form(model: ReidModel) -> torch.fx.GraphModule:
    """Return a network of its own that maps normalised pictures N x 3 x H x W to the same features N x D as the model.

    Batch norms that follow a convolution or a linear layer are folded into it, and gates compute with N x C numbers in
    linear layers. It is in evaluation mode, on the model's device, and takes pictures of any size that the model takes;
    the model is left as it is.

    Args:
        model: any backbone whose forward pass is the same operations for all pictures, with any neck.

    Raises:
        CdnetError: if a backbone of one's own has no such forward pass.
    """
    # In 64 bits, so that the weights are rounded once only.
    own = copy.deepcopy(model).eval().double()
    try:
        traced = torch.fx.symbolic_trace(own)
    except torch.fx.proxy.TraceError as error:
        name = type(model.backbone).__name__
        raise CdnetError(f"{name} has no inference form: what it computes depends on its input ({error})") from None
    _fold_norms(traced)
    _flatten_gates(traced)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced.float()


def _fold_norms(traced: torch.fx.GraphModule) -> None:
    """Fold each batch norm into the layer before it, if nothing else has to do with either of the two."""
    layers = dict(traced.named_modules())
    uses = Counter(node.target for node in traced.graph.nodes)
    for norm in list(traced.graph.nodes):
        layer = norm.args[0] if norm.op == "call_module" else None
        if not isinstance(layer, torch.fx.Node) or layer.op != "call_module" or len(layer.users) > 1:
            continue
        fold = FOLDED.get((type(layers[str(layer.target)]), type(layers[str(norm.target)])))
        if fold is None or uses[layer.target] > 1:
            continue
        traced.set_submodule(str(layer.target), fold(layers[str(layer.target)], layers[str(norm.target)]))
        norm.replace_all_uses_with(layer)
        traced.graph.erase_node(norm)


def _flatten_gates(traced: torch.fx.GraphModule) -> None:
    """Compute what follows a global average N x C x 1 x 1, up to the sigmoid of a gate, as N x C.

    A 1x1 convolution of one pixel is a linear layer. OpenVINO joins its bias and the sigmoid to it, also where several
    branches share a gate, and computes them once a channel; after convolutions that are shared it does so once a pixel.
    """
    layers = dict(traced.named_modules())
    uses = Counter(node.target for node in traced.graph.nodes)
    gates = [gate for node in traced.graph.nodes if (gate := _gate(node, layers))]
    while True:
        inside = Counter(node.target for gate in gates for node in gate)
        # A convolution that is used elsewhere too has to stay one, and so have all that share a gate with it.
        alone = [
            gate for gate in gates if all(uses[node.target] == inside[node.target] for node in _squeezes(gate, layers))
        ]
        if len(alone) == len(gates):
            break
        gates = alone
    for average, *rest in gates:
        average.kwargs = {}
        for node in _squeezes(rest, layers):
            layer = traced.get_submodule(str(node.target))
            if isinstance(layer, nn.Conv2d):
                traced.set_submodule(str(node.target), _as_linear(layer))
        with traced.graph.inserting_after(rest[-1]):
            unflattened = traced.graph.call_method("unflatten", (rest[-1], 1, (-1, 1, 1)))
        rest[-1].replace_all_uses_with(unflattened)
        unflattened.args = (rest[-1], 1, (-1, 1, 1))  # its own use was replaced too


def _gate(node: torch.fx.Node, layers: dict[str, nn.Module]) -> list[torch.fx.Node]:
    """Return a global average and what follows it up to a sigmoid; nothing if the node does not begin such a gate."""
    if (node.op, node.target, node.args[1:], node.kwargs) != ("call_method", "mean", ((2, 3),), {"keepdim": True}):
        return []
    gate = [node]
    while len(gate[-1].users) == 1:
        following = next(iter(gate[-1].users))
        layer = layers.get(str(following.target)) if following.op == "call_module" else None
        one = isinstance(layer, nn.Conv2d) and (layer.kernel_size, layer.groups, layer.padding) == ((1, 1), 1, (0, 0))
        if not (one or isinstance(layer, nn.ReLU) or (following.op, following.target) == ("call_method", "sigmoid")):
            break
        gate.append(following)
        if following.target == "sigmoid":
            return gate
    return []


def _squeezes(gate: list[torch.fx.Node], layers: dict[str, nn.Module]) -> list[torch.fx.Node]:
    return [node for node in gate if isinstance(layers.get(str(node.target)), nn.Conv2d)]


def _as_linear(layer: nn.Conv2d) -> nn.Linear:
    made = nn.Linear(layer.in_channels, layer.out_channels, layer.bias is not None, layer.weight.device)
    made.weight = nn.Parameter(layer.weight.flatten(1))
    if layer.bias is not None:
        made.bias = nn.Parameter(layer.bias)
    return made.eval()
