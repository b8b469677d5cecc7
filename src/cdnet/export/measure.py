"""What a file costs in mAP: the same queries and gallery, by PyTorch and by the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cdnet.data.cache import Progress
from cdnet.data.decode import Pixels
from cdnet.data.layout import read_data
from cdnet.data.recipe import DataRecipe
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import TestPictures, evaluate_model, evaluate_network, read_test_pictures
from cdnet.evaluate.options import Options
from cdnet.evaluate.ranking import Metrics
from cdnet.export.about import Measured
from cdnet.export.files import File
from cdnet.export.making import Source
from cdnet.export.targets import Target
from cdnet.export.trial import run_in_batches
from cdnet.runtime.network import Features
from cdnet.runtime.preprocessing import Preprocessing

BATCH = 32
NEAR = 0.1
"""Per cent of mAP by which a file of 16 or 32 bits may differ from PyTorch."""


class Fed:
    """A file as a network that is given bytes, whatever its format."""

    def __init__(self, file: File, preprocessing: Preprocessing, digest: str = "") -> None:
        self._file, self.preprocessing, self.digest = file, preprocessing, digest
        self.batch = file.count or BATCH

    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 at its size to features N x D."""
        return run_in_batches(self._file, self.preprocessing(pixels), self.batch)


@dataclass
class Measurement:
    """The mAP of weights and of files that are made from them; ``lines`` say it.

    Args:
        source: the weights.
        target: the program that the files are for.
        recipe: which pictures.
        int8_loss: the most that a file of 8 bits may lose, in per cent of mAP.
        progress: shows how far it is.
    """

    source: Source
    target: Target
    recipe: DataRecipe
    int8_loss: float
    progress: Progress
    lines: list[str] = field(default_factory=list)
    pictures: TestPictures = field(init=False)
    data: str = field(init=False)
    by_weights: Metrics = field(init=False)

    def __post_init__(self) -> None:
        assert self.recipe.root is not None
        data = read_data(self.recipe.root, self.recipe.layout, self.recipe.holdout)
        self.data = data.name
        self.pictures = read_test_pictures(data, self.source.spec.size, self.recipe.cache, self.progress)
        spec = self.source.spec
        self.by_weights = evaluate_model(self.source.model, self.pictures, spec.mean, spec.std, self.progress)

    def of_weights(self) -> Measured:
        """Return what PyTorch reaches, for the file to say."""
        return Measured(self.by_weights.mAP, self.data)

    def further(self, precision: str) -> Callable[[Path, File], None]:
        """Return what a file of so many bits has to stand: it may not lose more mAP than it may."""

        def measured(path: Path, file: File) -> None:
            network = Fed(file, self.target.outside(self.source.spec))
            found = evaluate_network(network, self.pictures, Options(), self.progress).metrics
            before, after = self.by_weights, found
            lost = 100 * (before.mAP - after.mAP)
            self.lines.append(
                f"on {self.data}, {before.queries:,} queries: PyTorch mAP {100 * before.mAP:.2f}, rank-1 "
                f"{100 * before.rank1:.2f}; {path.name} mAP {100 * after.mAP:.2f}, rank-1 {100 * after.rank1:.2f}"
            )
            if precision == "int8" and lost > self.int8_loss:
                raise CdnetError(
                    f"{path.name} is not left behind: 8 bits cost {lost:.2f} of mAP ({100 * before.mAP:.2f} to "
                    f"{100 * after.mAP:.2f}), more than --int8-loss {self.int8_loss:g}; calibrate with other "
                    "pictures, allow more, or take --fp16"
                )
            if precision == "int8":
                self.lines.append(f"8 bits cost {lost:.2f} of mAP")
            elif abs(lost) > NEAR:
                raise CdnetError(
                    f"{path.name} is not left behind: its mAP is {100 * after.mAP:.2f}, and PyTorch's "
                    f"{100 * before.mAP:.2f}"
                )

        return measured
