"""Starting from trained weights: the backbone of a classification run, or of any weights of ours."""

from __future__ import annotations

import torch
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.weights import ModelSpec, find_weights, read_safetensors, refuse_not_finite

PREFIX = "backbone."


def fitting_backbone(path: str, spec: ModelSpec) -> dict[str, Tensor]:
    """Return the backbone's tensors of a weights file, by their names in the backbone; what else it has is dropped.

    Args:
        path: a ``.safetensors`` file, a run's folder, or a shipped network's name.
        spec: the network that is to start from them.

    Raises:
        CdnetError: if there is no such file, it is cut short, or a tensor is not the network's or not finite;
            it names the first.
    """
    file_path = find_weights(path)
    _, tensors = read_safetensors(file_path)
    given = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items() if name.startswith(PREFIX)}
    if not given:
        raise CdnetError(f"{file_path}: a safetensors file without a backbone of cdnet; --init needs cdnet's weights")
    with torch.device("meta"):
        wanted = spec.build().backbone.state_dict()
    for name, tensor in wanted.items():
        if name not in given:
            raise CdnetError(f"{file_path}: no {PREFIX}{name}, so it is of another network; give its --genotype")
        if given[name].shape != tensor.shape:
            shapes = ["x".join(map(str, one.shape)) or "a number" for one in (given[name], tensor)]
            raise CdnetError(
                f"{file_path}: {PREFIX}{name} is {shapes[0]}, and the network's is {shapes[1]}; "
                f"give the --genotype and --width of the weights"
            )
    unknown = sorted(given.keys() - wanted.keys())
    if unknown:
        raise CdnetError(f"{file_path}: {PREFIX}{unknown[0]} is not the network's; give the weights' --genotype")
    refuse_not_finite(given, file_path)
    return given
