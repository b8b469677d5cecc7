"""A network of comparison as others published it for ReID: told its width by its tensors, and filled with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch

from cdnet.errors import CdnetError
from cdnet.published.file import PublishedFile
from cdnet.published.fit import Converted, Names, fill_network, find_width, rows
from cdnet.weights import ModelSpec, TrainedOn


@dataclass(frozen=True)
class Baseline:
    """What a published network is here.

    Args:
        origin: whose it is, in words.
        genotype: its name among :mod:`cdnet.nn.baselines`.
        neck: name of the neck that it was published with.
        ends: tensors whose rows are the channels of the stem and the stages.
        channels: those at full width.
        names: how its names differ from ours.
    """

    origin: str
    genotype: str
    neck: str
    ends: tuple[str, ...]
    channels: tuple[int, ...]
    names: Names

    def refusal(self, path: Path) -> str:
        """Return how an error begins that says why a file is not this network's."""
        return f"{path}: not {self.genotype} as published, for it"

    def read(
        self,
        file: PublishedFile,
        said: TrainedOn,
        notes: tuple[str, ...],
        identities: int | None = None,
        dropped: Collection[str] = (),
        exact: bool = True,
    ) -> Converted:
        """Return the network that a file's tensors are.

        Args:
            file: of these names.
            said: what the weights are to say of their training besides.
            notes: what whoever uses it has to know, a sentence each.
            identities: that its classifier is for; None without one.
            dropped: tensors that it may have and our network has not.
            exact: whether it gives the features that it was trained for.

        Raises:
            CdnetError: if they are not all of such a network, or it is wanted as a classifier.
        """
        if file.kind == "classes":
            raise CdnetError(
                f"{file.path}: {self.origin}, of which the part for ReID is read and the classifier is not; use "
                "--kind reid"
            )
        refusal = self.refusal(file.path)
        width = find_width([rows(file.tensors, name, refusal) for name in self.ends], self.channels, refusal)
        size, trained_on = file.size or (256, 128), file.trained_on | said
        spec = ModelSpec(self.genotype, width, self.neck, size=size, trained_on=trained_on)
        with torch.device("meta"):
            model = spec.build(identities)
        filled = fill_network(model, file.tensors, self.names, refusal, dropped)
        return Converted(filled, spec, self.origin, notes, exact)
