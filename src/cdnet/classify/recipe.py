"""A classification recipe. Recipes are YAML files; every key is also a command-line option."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cdnet.data.cifar100 import MEAN, STD
from cdnet.engine.recipe import MOST_BATCH, MOST_PAD, OptimRecipe, ScheduleRecipe, descent_rules, refuse_senseless
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD, parse_size

NORMALS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "cifar100": (MEAN, STD),
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
}


@dataclass
class ClassDataRecipe:
    """Which pictures.

    Args:
        root: CIFAR-100's archive or folder, or a folder with train/CLASS and val/CLASS or test/CLASS.
        normal: whose mean and deviation the pictures are normalised by, cifar100 or imagenet.
        cache: folder for decoded pictures; by default ~/.cache/cdnet.
    """

    root: Path | None = None
    normal: Literal["cifar100", "imagenet"] = "cifar100"
    cache: Path | None = None


@dataclass
class ClassAugmentRecipe:
    """How training pictures are varied.

    Args:
        crop: shift (pad and crop; pictures are decoded once and kept) or resized (a random part of the picture,
            resized; pictures are decoded as they are needed, and tested on their middle).
        pad: of shift, black pixels added on each side before a random crop to the old size.
        share: of resized, the least share of a picture's area.
        flip: probability of a horizontal flip.
        erase: probability that a random rectangle is erased.
    """

    crop: Literal["shift", "resized"] = "shift"
    pad: int = 4
    share: float = 0.08
    flip: float = 0.5
    erase: float = 0.0


@dataclass
class ClassifyRecipe:
    """A whole classification run; the defaults are the paper's on CIFAR-100 (Sections 4.4 and 4.2).

    Args:
        genotype: a shipped name, a genotype file, or a baseline (osnet, resnet50, gdas).
        width: width multiplier beta.
        size: height x width of the pictures.
        stem: what the stem divides a picture's sides by: 4 (Figure 4), or 2 or 1 for small pictures.
        neck: fblneck, blneck, fneck, bnneck or fcneck; the scores of its heads are summed.
        stripes: FNeck's stripes.
        data: which pictures.
        batch: pictures in a batch, over all processes together.
        augment: how they are varied.
        smoothing: label smoothing of the softmax loss.
        optim: the optimiser.
        schedule: of the learning rate.
        seed: decides the first weights, the batches and the augmentation.
        device: auto, cpu, or cuda.
        precision: fp32, bf16 or fp16 (mixed precision).
        evaluate_every: epochs between tests; the last epoch is always tested.
    """

    genotype: str = "cdnet"
    width: float = 1.0
    size: str = "32x32"
    stem: Literal[1, 2, 4] = 1
    neck: str = "fblneck"
    stripes: int = 2
    data: ClassDataRecipe = field(default_factory=ClassDataRecipe)
    batch: int = 64
    augment: ClassAugmentRecipe = field(default_factory=ClassAugmentRecipe)
    smoothing: float = 0.0
    optim: OptimRecipe = field(default_factory=OptimRecipe)
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    evaluate_every: int = 1


def check_classify(recipe: ClassifyRecipe) -> None:
    """Refuse values that are of the right type but make no sense.

    Raises:
        CdnetError: with the first such key.
    """
    parse_size(recipe.size)
    augment = recipe.augment
    rules = [
        *descent_rules(recipe.optim, recipe.schedule),
        ("batch", recipe.batch >= 2, "at least 2, for batch norm needs more than one picture"),
        ("batch", recipe.batch <= MOST_BATCH, f"at most {MOST_BATCH:,}"),
        ("smoothing", 0 <= recipe.smoothing < 1, "from 0 to below 1"),
        ("augment.pad", 0 <= augment.pad <= MOST_PAD, f"from 0 to {MOST_PAD:,}"),
        ("augment.share", 0 < augment.share <= 1, "above 0 and at most 1"),
        ("augment.flip", 0 <= augment.flip <= 1, "from 0 to 1"),
        ("augment.erase", 0 <= augment.erase <= 1, "from 0 to 1"),
        ("seed", 0 <= recipe.seed < 2**63, "at least 0 and below 2^63"),
        ("evaluate_every", recipe.evaluate_every >= 1, "at least 1"),
    ]
    refuse_senseless(rules)
