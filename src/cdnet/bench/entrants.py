"""Networks that `cdnet bench inference` times: ours by name or weights, torchreid's OSNet, and files of anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cdnet.bench.peers import Torchreid, torchreid_of
from cdnet.bench.ready import count_macs
from cdnet.errors import CdnetError
from cdnet.nn.counts import count
from cdnet.nn.inference_form import inference_form
from cdnet.nn.model import create_model
from cdnet.runtime.network import digest_of
from cdnet.weights import find_weights, load_model, shipped_weights

NECKS = {"osnet": "fcneck", "resnet50": "bnneck"}
"""The necks that go with backbones of others; ours has FBLNeck."""

WIDTHS = {1.0: "osnet_x1_0", 0.75: "osnet_x0_75", 0.5: "osnet_x0_5", 0.25: "osnet_x0_25"}
"""What torchreid calls its OSNet of each width."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Entrant:
    """A network at one size of pictures.

    Args:
        name: what it is called.
        width: its width multiplier, 0 for a file.
        size: height and width.
        macs: of one picture, None where they cannot be counted.
        digest: SHA-256 of its file, empty for fresh weights.
        ours: whether it is ours.
        module: what PyTorch runs, and exports to the other runtimes; None for a file.
        file: the .onnx or .xml file, None for a module.
    """

    name: str
    width: float
    size: Size
    macs: int | None
    digest: str
    ours: bool
    module: nn.Module | None = None
    file: Path | None = None


def our_entrant(network: str, width: float, size: Size | None) -> Entrant:
    """Return a network of ours in its inference form.

    Args:
        network: a genotype's or baseline's name, with fresh weights; or weights, a run or a shipped network's name.
        width: of a network with fresh weights.
        size: height and width; None takes the weights' own, and 256x128 for fresh weights.

    Raises:
        CdnetError: if there is no such network.
    """
    digest, name = "", network
    if _is_weights(network):
        file = find_weights(network)
        model, spec = load_model(file)
        digest, size, width = digest_of(file), size or spec.size, spec.width
    else:
        torch.manual_seed(0)
        model = create_model(network, width, NECKS.get(network, "fblneck")).eval()
        size = size or (256, 128)
        name = network if width == 1 else f"{network} x{width:g}"
    form = inference_form(model)
    return Entrant(name, width, size, count(model, *size).macs, digest, True, form)


def _is_weights(network: str) -> bool:
    return network in shipped_weights() or Path(network).exists()


def peer_entrants(peers: Mapping[str, Path], width: float, size: Size) -> tuple[list[Entrant], list[str]]:
    """Return the peers' networks at a width and size, and a sentence for each that has none there.

    Args:
        peers: torchreid's checkout under its name; every other one is an .onnx file or an IR's .xml.
        width: of torchreid's OSNet.
        size: height and width of the pictures.

    Raises:
        CdnetError: if a peer's code or file cannot be read.
    """
    found, left_out = [], []
    torchreid = torchreid_of(peers)
    if torchreid is not None and width in WIDTHS:
        found.append(_osnet(torchreid, width, size))
    elif torchreid is not None:
        left_out.append(
            f"torchreid is left out at width {width:g}: it has OSNet at {', '.join(f'{w:g}' for w in WIDTHS)}"
        )
    for name, path in peers.items():
        if name != "torchreid":
            entrant, fixed = _of_file(name, path, size)
            if entrant is not None:
                found.append(entrant)
            else:
                left_out.append(f"{name} is left out at {size[0]}x{size[1]}: it takes pictures of {fixed}")
    return found, left_out


def _osnet(torchreid: Torchreid, width: float, size: Size) -> Entrant:
    code: Any = torchreid.load("models/osnet.py")
    name = WIDTHS[width]
    torch.manual_seed(0)
    model: nn.Module = getattr(code, name)(num_classes=1, pretrained=False).eval()
    return Entrant(f"torchreid's {name}", width, size, count(model, *size).macs, "", False, model)


def _of_file(name: str, path: Path, size: Size) -> tuple[Entrant | None, str]:
    ending = path.suffix.lower()
    if ending == ".onnx":
        from cdnet.runtime.onnx_network import OnnxFile

        sides, digest = OnnxFile(path).size, digest_of(path)
    elif ending == ".xml":
        from cdnet.runtime.openvino_network import OpenVinoFile

        opened = OpenVinoFile(path)
        sides, digest = opened.size, digest_of(path, opened.weights)
    else:
        raise CdnetError(f"{path}, which --peer {name} names, is neither an .onnx file nor the .xml of an OpenVINO IR")
    if any(side not in (None, asked) for side, asked in zip(sides, size, strict=True)):
        return None, f"{sides[0]}x{sides[1]}"
    return Entrant(name, 0, size, _macs(path, size), digest, False, file=path), ""


def _macs(path: Path, size: Size) -> int | None:
    try:
        return count_macs(path, size)
    except (ImportError, RuntimeError):
        return None
