"""What an exported file says of itself: what its input is to be like, and which network it is.

It is one JSON object under the key ``cdnet``, in the metadata of an ONNX file or the runtime information of an IR.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cdnet.errors import CdnetError
from cdnet.json_file import parse_json
from cdnet.model_input import parse_size
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import TrainedOn

KEY = "cdnet"
FORMAT = 1
MOST = 2**20
"""Characters of it; those of a network by its genotype are some two thousand."""


@dataclass(frozen=True)
class Said:
    """What a file says of itself.

    Args:
        preprocessing: what is done to a picture's bytes before the file is given them.
        facts: what else it says: ``for``, ``precision``, ``network``, ``weights_sha256``, ``licence``, ``mAP``, ...
    """

    preprocessing: Preprocessing
    facts: dict[str, object]

    @property
    def trained_on(self) -> TrainedOn:
        """What the network was trained on, as far as the file says it."""
        found = self.facts.get("trained_on")
        return cast("TrainedOn", dict(found)) if isinstance(found, dict) else {}

    def to_text(self) -> str:
        """Return it as JSON, which :func:`read_said` reads back."""
        return json.dumps({"format": FORMAT, "input": self.preprocessing.to_json(), **self.facts}, allow_nan=False)


def read_said(text: str | None, path: Path) -> Said | None:
    """Read what a file says of itself; None if it says nothing.

    Args:
        text: what stands under the key, None if there is no such key.
        path: of the file, for what is said of it.

    Raises:
        CdnetError: if it is not what :meth:`Said.to_text` writes.
    """
    if text is None:
        return None
    if len(text) > MOST:
        raise CdnetError(f"{path}: its metadata have more than the {MOST:,} characters that cdnet's may have")
    try:
        values = parse_json(text)
        if values.pop("format") != FORMAT:
            raise CdnetError(f"{path}: exported by another version of cdnet; export it anew")
        wanted = values.pop("input")
        channels = wanted["channels"]
        mean, std = (tuple(map(float, wanted[key])) for key in ("mean", "std"))
        size, limit = parse_size("x".join(map(str, wanted["size"]))), float(wanted["range"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CdnetError(f"{path}: its metadata are not those that `cdnet export` writes ({error})") from None
    numbers = (*mean, *std, limit)
    if len(mean) != 3 or len(std) != 3 or not all(map(math.isfinite, numbers)) or min(*std, limit) <= 0:
        raise CdnetError(f"{path}: its metadata have no range, mean and deviation that pictures can be fed with")
    if channels not in ("rgb", "bgr"):
        raise CdnetError(f"{path}: its metadata name channels that are neither rgb nor bgr")
    return Said(Preprocessing(size, channels, limit, mean, std), values)
