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

    Batch norms that follow a convolution or a linear layer are folded into it. It is in evaluation mode, on the model's
    device, and takes pictures of any size that the model takes; the model is left as it is.

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
    traced.delete_all_unused_submodules()
    traced.recompile()
