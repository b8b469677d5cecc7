"""Inference weights: one safetensors file that holds a network and everything needed to run it.

The metadata say which genotype, width, neck and stripes to build, which input size, mean and deviation to feed, and
where the weights came from. Nothing is unpickled.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TypedDict, TypeVar, cast

import torch
from safetensors.torch import save
from torch import Tensor, nn

from cdnet.errors import CdnetError
from cdnet.files import write_atomically
from cdnet.genotype import Genotype
from cdnet.json_file import parse_json
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD, parse_size
from cdnet.nearest import nearest
from cdnet.nn.baselines import BASELINES
from cdnet.nn.model import ReidModel, create_model
from cdnet.tensor_file import read_safetensors, refuse_not_finite

FORMAT = 1
KEY = "cdnet"
SUFFIX = ".safetensors"
MAX_METADATA = 4 * 2**20
"""Characters; those of a classifier of a thousand classes are some 20,000."""

M = TypeVar("M", bound=nn.Module)


class TrainedOn(TypedDict, total=False):
    """What weights say of their training; a file that somebody hands in may say anything, or nothing.

    ``data`` is the data set's name, ``identities`` or ``classes`` what it has for training, ``init`` the weights that
    training started from. Those that others published have the file's name (``published``), its digest, and what is
    ``changed`` in the network.
    """

    data: str
    identities: int
    classes: int
    seed: int
    epochs: int
    test_pictures_too: bool
    init: str
    teacher: str
    teacher_sha256: str
    published: str
    sha256: str
    changed: str
    licence: str


@dataclass(frozen=True)
class ModelSpec:
    """What a network is and what it wants as input.

    Args:
        genotype: the genotype itself, or the name of a baseline (:mod:`cdnet.nn.baselines`).
        width: width multiplier.
        neck: name of the neck.
        stripes: FNeck's stripes.
        size: height and width of the input.
        mean: of the input's channels, for values in [0, 1].
        std: deviation of the input's channels.
        trained_on: what the weights were trained on, in words.
    """

    genotype: Genotype | str
    width: float = 1.0
    neck: str = "fblneck"
    stripes: int = 2
    size: tuple[int, int] = (256, 128)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    trained_on: TrainedOn = field(default_factory=TrainedOn)

    def build(self, identities: int | None = None, dropout: float = 0.0) -> ReidModel:
        """Make the network with fresh weights; without ``identities``, the inference network."""
        return create_model(self.genotype, self.width, self.neck, self.stripes, identities, dropout)

    def to_metadata(self) -> dict[str, str]:
        """Return the spec as safetensors metadata, texts only."""
        genotype = self.genotype if isinstance(self.genotype, str) else self.genotype.to_json()
        fields = {
            "format": FORMAT,
            "genotype": genotype,
            "width": self.width,
            "neck": self.neck,
            "stripes": self.stripes,
            "size": self.size,
            "mean": self.mean,
            "std": self.std,
            "trained_on": self.trained_on,
        }
        # One key: safetensors writes several in random order, and equal weights should be equal files.
        return {KEY: json.dumps(fields)}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], origin: str) -> ModelSpec:
        """Read the spec back.

        Raises:
            CdnetError: if the metadata are not those of cdnet's weights.
        """
        if KEY not in metadata:
            raise CdnetError(f"{origin}: a safetensors file, but not one with cdnet's inference weights")
        refuse_large_metadata(metadata[KEY], origin)
        try:
            values = parse_json(metadata[KEY])
            if values.pop("format") != FORMAT:
                raise CdnetError(f"{origin}: weights of another version of cdnet")
            genotype = values["genotype"]
            size, mean, std = (tuple(values[key]) for key in ("size", "mean", "std"))
            read = cls(
                genotype=_network(genotype, origin),
                width=float(values["width"]),
                neck=str(values["neck"]),
                stripes=int(values["stripes"]),
                size=parse_size("x".join(map(str, size))),
                mean=tuple(map(float, mean)),
                std=tuple(map(float, std)),
                trained_on=cast("TrainedOn", dict(values["trained_on"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CdnetError(f"{origin}: the metadata are not those of cdnet's weights ({error})") from None
        finite = all(map(math.isfinite, (*read.mean, *read.std)))
        if len(read.mean) != 3 or len(read.std) != 3 or not finite or min(read.std) <= 0:
            raise CdnetError(f"{origin}: the metadata have no finite mean and positive deviation for three channels")
        return read


def refuse_large_metadata(text: str, origin: str) -> None:
    """See that what weights say of themselves is not larger than it can be.

    Raises:
        CdnetError: if it is.
    """
    if len(text) > MAX_METADATA:
        raise CdnetError(f"{origin}: its metadata have more than the {MAX_METADATA:,} characters that cdnet's may have")


def _network(genotype: object, origin: str) -> Genotype | str:
    if not isinstance(genotype, str):
        return Genotype.from_json(genotype, origin)
    if genotype not in BASELINES:
        raise CdnetError(f"{origin}: of the network {genotype!r}, which is not one of {', '.join(BASELINES)}")
    return genotype


def try_on_shapes(spec: ModelSpec) -> None:
    """Run one picture through the inference network on shapes alone, to see that it can be built and fits its input.

    Raises:
        CdnetError: if the neck, the width or the stripes are not possible, or the pictures are too small for them.
    """
    with torch.device("meta"):
        spec.build().eval()(torch.empty(1, 3, *spec.size))


def save_weights(path: Path, model: ReidModel, spec: ModelSpec, half: bool = False) -> None:
    """Write the inference part of a network, atomically; classifiers and fcs of the neck are left out.

    Args:
        path: the ``.safetensors`` file.
        model: the network.
        spec: what it is.
        half: round the weights of convolutions to 16-bit floating point; batch norms, biases and all else stay as they
            are. Whoever reads the file computes in 32 bits nevertheless.

    Raises:
        CdnetError: if they are not finite, 16 bits do not hold one of them, or the file cannot be written.
    """
    content = as_file(Path(path), model, spec, half)
    write_atomically(Path(path), lambda file: file.write(content))


def as_file(path: Path, model: ReidModel, spec: ModelSpec, half: bool = False) -> bytes:
    """Return what :func:`save_weights` writes to ``path``; raises as it does."""
    network = spec.build()
    trained = model.state_dict()
    tensors = {name: trained[name].detach().cpu().contiguous() for name in network.state_dict()}
    refuse_not_finite(tensors, path)
    if half:
        for name in (f"{part}.weight" for part, layer in network.named_modules() if isinstance(layer, nn.Conv2d)):
            tensors[name] = _rounded(tensors[name], name)
    return save(tensors, spec.to_metadata())


def _rounded(tensor: Tensor, name: str) -> Tensor:
    half = tensor.half()
    if not half.isfinite().all():
        raise CdnetError(
            f"{name} has a weight of {tensor.abs().max():g}, and 16 bits hold no more than 65,504; keep them in 32"
        )
    return half


def shipped_weights() -> list[str]:
    """Return the names of the trained networks that come with the package."""
    files = resources.files("cdnet").joinpath("pretrained").iterdir()
    return sorted(entry.name.removesuffix(SUFFIX) for entry in files if entry.name.endswith(SUFFIX))


def find_weights(path: Path | str) -> Path:
    """Return the file that a path or a shipped network's name means.

    Raises:
        CdnetError: if there is none.
    """
    if str(path) in shipped_weights():
        return Path(str(resources.files("cdnet").joinpath("pretrained", f"{path}{SUFFIX}")))
    given, path = path, Path(path)
    if path.is_dir():
        path = path / "weights.safetensors"
    if not path.is_file():
        known = shipped_weights()
        meant, names = nearest(str(given), known), ", ".join(known)
        raise CdnetError(f"{path}: no such weights{meant}; give a .safetensors file, a run's folder, or one of {names}")
    return path


def load_model(path: Path | str, device: str | torch.device = "cpu") -> tuple[ReidModel, ModelSpec]:
    """Read inference weights: the network in evaluation mode, and its spec.

    Args:
        path: a ``.safetensors`` file, a run's folder, which means its ``weights.safetensors``, or the name of a network
            that comes with the package.
        device: where to put the network.

    Raises:
        CdnetError: if there is no such file, it is cut short, or it holds another network than it says.
    """
    path = find_weights(path)
    metadata, tensors = read_safetensors(path)
    spec = ModelSpec.from_metadata(metadata, str(path))
    return fill(spec.build(), tensors, path).to(device).eval(), spec


def fill(model: M, tensors: dict[str, Tensor], path: Path) -> M:
    """Give a network its weights.

    Raises:
        CdnetError: if they are another network's, or not finite numbers; it names their file, ``path``.
    """
    for name, wanted in model.state_dict().items():
        kind = tensors[name].dtype if name in tensors else wanted.dtype
        if kind.is_floating_point != wanted.dtype.is_floating_point:
            raise CdnetError(f"{path}: {name} has values of {kind}, and weights are floating-point numbers")
    try:
        model.load_state_dict(tensors)
    except RuntimeError:
        raise CdnetError(f"{path}: the weights are not those of the network that its metadata name") from None
    refuse_not_finite(model.state_dict(), path)  # as the network holds them: large doubles are infinite floats
    return model
