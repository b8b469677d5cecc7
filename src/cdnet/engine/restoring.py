"""Giving a network and its optimiser what a checkpoint kept of them, where it can be theirs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

MOMENTA = ("momentum_buffer", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")
"""What optimisers keep of each weight, in its shape."""


def restore_network(network: nn.Module, kept: Any) -> None:
    """Give a network its weights.

    Raises:
        ValueError: if they are another network's, or no finite numbers of its kind.
    """
    own = network.state_dict()
    if not isinstance(kept, dict) or kept.keys() != own.keys():
        raise ValueError
    for name, tensor in own.items():
        _refuse_unlike(kept[name], tensor)
    network.load_state_dict(kept)


def restore_optimizer(optimizer: torch.optim.Optimizer, kept: Any) -> None:
    """Give an optimiser its momenta and its rate; all else of its settings has to be what it is.

    Raises:
        ValueError: if they are another optimiser's, or no finite numbers in the weights' shapes.
    """
    own = optimizer.state_dict()["param_groups"]
    if not isinstance(kept, dict) or kept.keys() != {"state", "param_groups"}:
        raise ValueError
    groups, state = kept["param_groups"], kept["state"]
    if not isinstance(groups, list) or len(groups) != len(own) or not isinstance(state, dict):
        raise ValueError
    for group, mine in zip(groups, own, strict=True):
        # Other versions of torch know other settings; those that both know have to agree.
        if not isinstance(group, dict) or not {"lr", "params"} <= group.keys() or group["params"] != mine["params"]:
            raise ValueError
        if type(group["lr"]) is not float or not 0 <= group["lr"] < float("inf"):
            raise ValueError
        if any(group[key] != mine[key] for key in group.keys() & mine.keys() - {"lr"}):
            raise ValueError
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, entry in state.items():
        if type(number) is not int or not 0 <= number < len(weights) or not isinstance(entry, dict):
            raise ValueError
        for key, value in entry.items():
            if key in MOMENTA and value is not None:
                _refuse_unlike(value, weights[number])
            elif key == "step":
                _refuse_unlike(value, torch.zeros(()))
                if value < 0:
                    raise ValueError
            elif value is not None:
                raise ValueError
    optimizer.load_state_dict(kept)


def _refuse_unlike(value: object, wanted: Tensor) -> None:
    if not isinstance(value, Tensor) or value.shape != wanted.shape or value.dtype != wanted.dtype:
        raise ValueError
    if value.layout != torch.strided or (value.is_floating_point() and not value.isfinite().all()):
        raise ValueError
