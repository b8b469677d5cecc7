"""A trained classifier on disk: safetensors with the whole network, its input and the names of its classes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from cdnet.classify.network import Classifier
from cdnet.errors import CdnetError
from cdnet.files import write_atomically
from cdnet.json_file import parse_json
from cdnet.nn.model import create_backbone
from cdnet.nn.necks import create_neck
from cdnet.tensor_file import read_metadata, read_safetensors
from cdnet.weights import (
    ModelSpec,
    TrainedOn,
    fill,
    find_weights,
    refuse_large_metadata,
)

KEY = "cdnet-classify"
FORMAT = 1


@dataclass(frozen=True)
class ClassifierSpec:
    """What a classifier is and what it wants as input.

    Args:
        network: backbone, neck, input size, mean and deviation, and what it was trained on.
        classes: names, by number.
        stem: what the stem divides a picture's sides by: 4, 2 or 1.
        kernel: of the stem's convolution: 7, or 3 as in the authors' networks on CIFAR-100.
    """

    network: ModelSpec
    classes: tuple[str, ...]
    stem: int = 4
    kernel: int = 7

    def build(self) -> Classifier:
        """Make the classifier with fresh weights."""
        net = self.network
        backbone = create_backbone(net.genotype, net.width)
        neck = create_neck(net.neck, backbone.channels, len(self.classes), net.stripes)  # type: ignore[arg-type]
        return Classifier(backbone, neck, self.stem, self.kernel)

    def try_on_shapes(self) -> None:
        """Run one picture through the network on shapes alone.

        Raises:
            CdnetError: if the network cannot be built, or the pictures are too small for it.
        """
        with torch.device("meta"):
            self.build().eval()(torch.empty(1, 3, *self.network.size))


def save_classifier(path: Path, model: Classifier, spec: ClassifierSpec) -> None:
    """Write a classifier, atomically.

    Raises:
        CdnetError: if the file cannot be written.
    """
    fields = {
        "format": FORMAT,
        "network": spec.network.to_metadata(),
        "classes": spec.classes,
        "stem": spec.stem,
    }
    if spec.kernel != 7:
        fields["kernel"] = spec.kernel
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    content = save(tensors, {KEY: json.dumps(fields)})
    write_atomically(path, lambda file: file.write(content))


def load_classifier(path: Path | str, device: str | torch.device = "cpu") -> tuple[Classifier, ClassifierSpec]:
    """Read a classifier in evaluation mode, and its spec.

    Args:
        path: a ``.safetensors`` file, or a run's folder.
        device: where to put the network.

    Raises:
        CdnetError: if there is no such file, it is cut short, or it holds no classifier.
    """
    path = find_weights(path)
    metadata, tensors = read_safetensors(path)
    spec = _read_spec(metadata, path)
    return fill(spec.build(), tensors, path).to(device).eval(), spec


def read_origin(path: Path | str) -> TrainedOn:
    """Return what weights were trained on, a classifier's or those of :func:`cdnet.weights.save_weights`.

    Args:
        path: a ``.safetensors`` file, a run's folder, or a shipped network's name.

    Raises:
        CdnetError: if there is no such file, it is cut short, or it holds neither.
    """
    path = find_weights(path)
    metadata = read_metadata(path)
    if KEY in metadata:
        return _read_spec(metadata, path).network.trained_on
    return ModelSpec.from_metadata(metadata, str(path)).trained_on


def _read_spec(metadata: dict[str, str], path: Path) -> ClassifierSpec:
    if KEY not in metadata:
        raise CdnetError(f"{path}: a safetensors file, but not one of `cdnet classify`")
    refuse_large_metadata(metadata[KEY], str(path))
    try:
        values = parse_json(metadata[KEY])
        kernel = values.get("kernel", 7)
        if values["format"] != FORMAT or values["stem"] not in (1, 2, 4) or kernel not in (3, 7):
            raise CdnetError(f"{path}: weights of another version of cdnet")
        network = ModelSpec.from_metadata(values["network"], str(path))
        return ClassifierSpec(network, tuple(map(str, values["classes"])), values["stem"], kernel)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CdnetError(f"{path}: the metadata are not those of a classifier ({error})") from None
