"""A network by its name on a command line: known at once, and ready to run once there are pictures to try it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from cdnet.data.decode import Pixels
from cdnet.device import choose_device
from cdnet.errors import CdnetError
from cdnet.runtime.choice import Chosen, open_own
from cdnet.runtime.given import Given
from cdnet.runtime.names import AUTO
from cdnet.runtime.network import Network, open_network, runs_elsewhere
from cdnet.runtime.own_network import refuse_runtime
from cdnet.weights import TrainedOn, load_model


class NamedNetwork:
    """Weights of ours, or an ``.onnx`` or ``.xml`` file.

    ``size`` is its input's height and width, ``trained_on`` what it says of its training.

    Args:
        weights: a run's folder, a ``.safetensors`` file, a shipped network's name, or a file of others.
        given: what is known of the input of a file of others, from the options ``--input.``.
        runtime: of our weights; ``auto`` is chosen when it is opened.
        device: auto, cpu or cuda.
        tell: is told why a preferred runtime was not taken.

    Raises:
        CdnetError: if there is no such network, it does not go with the options, or its runtime is not there.
    """

    def __init__(
        self, weights: Path | str, given: Given, runtime: str, device: str, tell: Callable[[str], object]
    ) -> None:
        self.weights, self._runtime, self._tell = weights, runtime, tell
        self._elsewhere: Network | None = None
        self._chosen: Chosen | None = None
        self.trained_on: TrainedOn
        if runs_elsewhere(weights):
            if runtime != AUTO:
                raise CdnetError(
                    f"{weights} is run by what its ending says; --runtime is for weights of ours, leave it out"
                )
            self._elsewhere = open_network(weights, given, "input.")
            self.size = self._elsewhere.preprocessing.size
            self.trained_on = cast("TrainedOn", getattr(self._elsewhere, "trained_on", {}))
        else:
            given.refuse(weights, "input.")
            self._device = choose_device(device)
            if runtime != AUTO:
                refuse_runtime(runtime, self._device)
            spec = load_model(weights)[1]
            self.size, self.trained_on = spec.size, spec.trained_on

    def open(self, pixels: Pixels, count: int) -> Network:
        """Return it ready to run.

        Args:
            pixels: N x H x W x 3 bytes, some of what is to be computed.
            count: how many pictures that are in all.

        Raises:
            CdnetError: if the runtime that is asked for gives other features than PyTorch.
        """
        if self._elsewhere is not None:
            return self._elsewhere
        self._chosen = open_own(self.weights, self._runtime, pixels, count, self._device, self._tell)
        return self._chosen.network

    def origin(self) -> dict[str, object]:
        """Return the file's digest, and which runtime was chosen or what the input is like, once it was opened."""
        if self._elsewhere is not None:
            return {"sha256": self._elsewhere.digest, "input": self._elsewhere.preprocessing.to_json()}
        assert self._chosen is not None
        return {"sha256": self._chosen.network.digest, "runtime": self._chosen.to_json()}

    def as_text(self) -> str:
        """Say what computed the features, or nothing where the file's ending says it."""
        return "" if self._chosen is None else self._chosen.as_text()
