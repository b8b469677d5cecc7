"""What a recipe says of the pictures: where they are, and how they are laid out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cdnet.errors import CdnetError


@dataclass
class DataRecipe:
    """Which pictures.

    Args:
        root: folder or CSV file with the pictures.
        layout: auto, msmt17, msmt17-trainval (its validation pictures too), dukemtmc, cuhk03-np, veri, viper, prid2011,
            market1501, folders (those of persons), camera-folders (cameras above persons) or csv; or a published set's
            training pictures alone, of which a share is held out: msmt17-train, dukemtmc-train, cuhk03-np-train,
            veri-train or market1501-train.
        holdout: share of the identities held out for the test where the layout gives no split, or ends with -train.
        cache: folder for decoded pictures; by default ~/.cache/cdnet.
    """

    root: Path | None = None
    layout: str = "auto"
    holdout: float = 0.3
    cache: Path | None = None


@dataclass
class SeveralDataRecipe(DataRecipe):
    """Which pictures, of one data set or of several together, as :class:`DataRecipe` says, and besides:

    Args:
        also: further folders or CSV files, such as [B,C], read by the same layout; their identities and cameras are
            others than the root's.
    """

    also: list[Path] = field(default_factory=list)


@dataclass
class TrainDataRecipe(SeveralDataRecipe):
    """Which pictures are trained on, as :class:`SeveralDataRecipe` says, and besides:

    Args:
        train_on: train, or all for deployment, queries and gallery too; nothing is then left to evaluate on.
    """

    train_on: Literal["train", "all"] = "train"


def given_root(root: Path | None, purpose: str, form: str = "folder") -> Path:
    """Return where the pictures are.

    Args:
        root: as a recipe has it.
        purpose: what they are for, such as ``train on``.
        form: what they may lie in.

    Raises:
        CdnetError: if it is not given.
    """
    if root is None:
        raise CdnetError(f"no pictures to {purpose}; give their {form} with --data.root")
    return root
