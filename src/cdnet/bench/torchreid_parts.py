"""torchreid's engine, data set and transforms, loaded from a checkout without the rest, which wants torchvision."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from torch.utils.data import DataLoader

from cdnet.bench.torchvision_stand_in import modules
from cdnet.errors import CdnetError

NAME = "torchreid"
BARE = ("", "utils", "engine", "engine.image", "data", "data.datasets")
"""Packages of which single modules are taken; what their ``__init__`` imports besides is left out."""
UTILS = ("tools", "rerank", "avgmeter", "reidtools", "torchtools")
"""Modules whose names its engine and data set look for in ``torchreid.utils``."""


class Entry(NamedTuple):
    """A picture as torchreid has it: its file, and identity and camera as numbers."""

    path: str
    identity: int
    camera: int


class TorchreidParts:
    """What is taken of a checkout.

    Args:
        folder: with ``engine``, ``data``, ``metrics`` and so on in it.

    Raises:
        CdnetError: if it cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own_transforms = importlib.util.find_spec("torchvision") is not None
        with _bare_packages(folder, {} if self.own_transforms else modules()):
            try:
                utils = sys.modules[f"{NAME}.utils"]
                for name in UTILS:
                    found = vars(importlib.import_module(f"{NAME}.utils.{name}"))
                    vars(utils).update({key: value for key, value in found.items() if not key.startswith("_")})
                self.engine: Any = importlib.import_module(f"{NAME}.engine.image.triplet").ImageTripletEngine
                self._dataset: Any = importlib.import_module(f"{NAME}.data.datasets.dataset").ImageDataset
                self._transforms: Any = importlib.import_module(f"{NAME}.data.transforms").build_transforms
                self._sampler: Any = importlib.import_module(f"{NAME}.data.sampler").RandomIdentitySampler
            except (ImportError, AttributeError, OSError, SyntaxError) as error:
                raise CdnetError(f"torchreid of {folder} could not be loaded: {error}") from None

    @property
    def as_text(self) -> str:
        """Say what its transforms are."""
        return "" if self.own_transforms else ", with torchvision's calls of Pillow and PyTorch in its place"

    def transforms(self, size: tuple[int, int], names: Sequence[str] = ()) -> tuple[Any, Any]:
        """Return its transforms of training, with those of some names, and of testing."""
        with silent():
            found: tuple[Any, Any] = self._transforms(*size, transforms=list(names))
        return found

    def test_loader(self, entries: Sequence[Entry], size: tuple[int, int], workers: int, batch: int = 100) -> Any:
        """Return its loader of test pictures; a batch of 100 is its scripts' default."""
        listed = list(map(tuple, entries))
        dataset = self._dataset(listed, listed, listed, transform=self.transforms(size)[1], mode="query", verbose=False)
        return DataLoader(dataset, batch, num_workers=workers)

    def train_loader(self, entries: Sequence[Entry], transform: Any, identities: int, each: int, workers: int) -> Any:
        """Return its loader of training batches of some identities with so many pictures of each."""
        listed = list(map(tuple, entries))
        dataset = self._dataset(listed, listed[:1], listed[:1], transform=transform, mode="train", verbose=False)
        sampler = self._sampler(dataset.train, identities * each, each)
        return DataLoader(dataset, identities * each, sampler=sampler, num_workers=workers, drop_last=True)

    def make_engine(self, model: Any, optimizer: Any, identities: int, smoothing: bool) -> Any:
        """Return its engine for the softmax and the triplet loss, for a model on the CPU."""
        manager = SimpleNamespace(train_loader=None, test_loader=None, num_train_pids=identities)
        return self.engine(manager, model, optimizer, use_gpu=False, label_smooth=smoothing)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep from standard output what torchreid prints there."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


@contextlib.contextmanager
def _bare_packages(folder: Path, others: dict[str, ModuleType]) -> Iterator[None]:
    """Let modules below ``folder`` be imported as torchreid's, and leave nothing of it behind."""

    def taken_out() -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name.split(".")[0] == NAME or name in others]
        return {name: sys.modules.pop(name) for name in names}

    before = taken_out()
    for name in BARE:
        package = ModuleType(".".join(filter(None, (NAME, name))))
        package.__path__ = [str(folder.joinpath(*name.split(".")))] if name else [str(folder)]
        sys.modules[package.__name__] = package
    sys.modules.update(others)
    try:
        yield
    finally:
        taken_out()
        sys.modules.update(before)
