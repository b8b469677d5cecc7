"""The one network whose features a gallery holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdnet.errors import CdnetError
from cdnet.evaluate.blindness import refuse_blind
from cdnet.runtime.given import Given
from cdnet.runtime.network import Network, open_network
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import shipped_weights


@dataclass(frozen=True)
class GalleryNetwork:
    """What is kept of a gallery's network.

    Args:
        weights: the file's path, or a shipped network's name.
        digest: SHA-256 of the file, in hexadecimal: the network's fingerprint.
        preprocessing: what it does to the bytes of a picture.
        dimensions: numbers of a feature.
    """

    weights: str
    digest: str
    preprocessing: Preprocessing
    dimensions: int

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return {
            "weights": self.weights,
            "digest": self.digest,
            "preprocessing": self.preprocessing.to_json(),
            "dimensions": self.dimensions,
        }

    @classmethod
    def from_json(cls, values: Any) -> GalleryNetwork:
        """Read it back.

        Raises:
            CdnetError: if the values are not those of a network.
        """
        try:
            found = values["preprocessing"]
            preprocessing = Preprocessing(
                (int(found["size"][0]), int(found["size"][1])),
                found["channels"],
                float(found["range"]),
                tuple(map(float, found["mean"])),
                tuple(map(float, found["std"])),
            )
            return cls(str(values["weights"]), str(values["digest"]), preprocessing, int(values["dimensions"]))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise CdnetError(f"no network of a gallery is described so ({error})") from None

    @classmethod
    def of(cls, weights: Path | str, network: Network) -> GalleryNetwork:
        """Describe an open network; a few pictures tell how long its features are.

        Raises:
            CdnetError: if it gives the same features whatever picture it is given.
        """
        dimensions = refuse_blind(network, weights)
        place = str(weights) if str(weights) in shipped_weights() else os.path.abspath(weights)
        return cls(place, network.digest, network.preprocessing, dimensions)

    def open(self, weights: Path | str | None = None) -> Network:
        """Open the network that is described.

        Args:
            weights: where its file is, if not where it was.

        Raises:
            CdnetError: if it is not there, or is another one.
        """
        place = self.weights if weights is None else weights
        said = self.preprocessing
        height, width = said.size
        given = Given()
        if Path(place).suffix.lower() in (".onnx", ".xml"):
            given = Given(f"{height}x{width}", said.channels, said.range, said.mean, said.std)
        try:
            network = open_network(place, given)
        except CdnetError as error:
            if weights is not None:
                raise
            raise CdnetError(
                f"the gallery's network: {error}; if it is elsewhere now, name it with --weights"
            ) from None
        if network.digest != self.digest:
            raise CdnetError(
                f"{place} is not the network of this gallery (SHA-256 {network.digest[:12]}, and the gallery's is "
                f"{self.digest[:12]}); features of two networks cannot be compared, make a gallery of its own for it"
            )
        return network
