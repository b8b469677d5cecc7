"""A recipe: everything that decides a training run. Recipes are YAML files; every key is also a command-line option."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from cdnet.data.recipe import TrainDataRecipe
from cdnet.engine.recipe import (
    MOST_BATCH,
    MOST_PAD,
    MOST_WEIGHT,
    OptimRecipe,
    Rule,
    ScheduleRecipe,
    at_least_zero,
    descent_rules,
    refuse_senseless,
)
from cdnet.model_input import parse_size

MOST_VIEWS = 100
"""Views of each picture, at most: a teacher's features of so many are hundreds of times what the pictures are."""


@dataclass
class BatchRecipe:
    """P x K, over all processes together.

    Args:
        identities: P.
        pictures: K, pictures of each identity.
    """

    identities: int = 16
    pictures: int = 4


@dataclass
class AugmentRecipe:
    """How training pictures are varied.

    Args:
        flip: probability of a horizontal flip.
        pad: black pixels added on each side before a random crop to the old size.
        erase: probability that a random rectangle, 2 to 40 % of the picture, is erased.
        erase_with: mean, the mean of normalised pictures, or noise, a normal number for each of its values.
        jitter: by how much at most brightness, contrast and saturation are raised or lowered, as shares; 0 for none.
    """

    flip: float = 0.5
    pad: int = 10
    erase: float = 0.5
    erase_with: Literal["mean", "noise"] = "mean"
    jitter: float = 0.0


@dataclass
class LossRecipe:
    """The two losses of Equations 9 and 10.

    Args:
        margin: of the triplet loss; soft takes log(1 + exp(positive - negative)) in place of a bound.
        smoothing: label smoothing of the softmax loss.
        normalise: take the triplet loss between features of unit length; the paper's authors take them as they are.
        triplet_weight: what the triplet losses are multiplied by; 0 trains by the softmax loss alone.
    """

    margin: float | Literal["soft"] = 0.3
    smoothing: float = 0.0
    normalise: bool = False
    triplet_weight: float = 1.0


@dataclass
class DistilRecipe:
    """A teacher, whose features the network learns to have; this is ours, not the paper's.

    A teacher is weights of ours (which say what their input is to be like), an ONNX file, or an OpenVINO IR.

    Args:
        teacher: a run's folder, a .safetensors file, a shipped name, an .onnx file or an IR's .xml; none by default.
        size: height x width of the teacher's pictures, where its file leaves it free.
        channels: the order of the teacher's channels.
        range: what a byte of 255 is to the teacher, 1 or 255.
        mean: of the teacher's channels, in its order and range.
        std: deviation of the teacher's channels, in its order and range.
        features: weight of 1 - cosine between the network's feature, mapped, and the teacher's.
        relations: weight of the mean squared difference of similarities within the batch.
        labels: weight of the paper's own losses beside them.
        each: map and compare each head's feature by itself; false takes the joined one, which inference gives.
        views: variations of each picture, drawn once, that the teacher sees as the network does; 0 shows it each
            picture and its mirror image as they are, and the network those varied anew each time.
        mixed: how many of these views show the upper part of one picture upon the lower part of another; a batch is
            of such views or of others, and counts for the paper's own losses only where it is of others.
    """

    teacher: str | None = None
    size: str | None = None
    channels: Literal["rgb", "bgr"] | None = None
    range: float | None = None
    mean: list[float] | None = None
    std: list[float] | None = None
    features: float = 5.0
    relations: float = 30.0
    labels: float = 1.0
    each: bool = False
    views: int = 0
    mixed: int = 0


@dataclass
class TrainRecipe:
    """A whole training run; the defaults are the paper's, from scratch on Market-1501.

    Args:
        genotype: a shipped name, a genotype file, or a baseline (osnet, resnet50, gdas).
        width: width multiplier beta.
        size: height x width of the pictures.
        neck: fblneck, blneck, fneck, bnneck or fcneck.
        stripes: FNeck's stripes.
        dropout: probability with which each number of a feature is dropped before both of its losses.
        ema: decay, step by step, of the moving average of all weights that is evaluated and saved; 0 for none.
        init: weights that training starts from, the backbone and what fits of the neck: a .safetensors file, a run's
            folder, or a shipped name.
        seed: decides the first weights, the batches and the augmentation.
        device: auto, cpu, or cuda.
        precision: fp32, bf16 or fp16 (mixed precision).
        evaluate_every: epochs between evaluations on the test pictures, to watch; 0 for none.
    """

    genotype: str = "cdnet"
    width: float = 1.0
    size: str = "256x128"
    neck: str = "fblneck"
    stripes: int = 2
    dropout: float = 0.0
    ema: float = 0.0
    data: TrainDataRecipe = field(default_factory=TrainDataRecipe)
    batch: BatchRecipe = field(default_factory=BatchRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    distil: DistilRecipe = field(default_factory=DistilRecipe)
    optim: OptimRecipe = field(default_factory=OptimRecipe)
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    init: str | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    evaluate_every: int = 0


def check_recipe(recipe: TrainRecipe) -> None:
    """Refuse values that are of the right type but make no sense.

    Raises:
        CdnetError: with the first such key.
    """
    parse_size(recipe.size)
    rules = [
        *descent_rules(recipe.optim, recipe.schedule),
        ("evaluate_every", recipe.evaluate_every >= 0, "at least 0"),
        (
            "evaluate_every",
            recipe.data.train_on != "all" or not recipe.evaluate_every,
            "0 with --data.train-on all, which leaves nothing to evaluate on",
        ),
        ("dropout", 0 <= recipe.dropout < 1, "from 0 to below 1"),
        ("ema", 0 <= recipe.ema < 1, "from 0 to below 1"),
        *distil_rules(recipe.distil),
        (
            "distil.views",
            not recipe.distil.views or recipe.augment.erase_with == "mean",
            "0 with --augment.erase-with noise, which is drawn anew each time",
        ),
    ]
    refuse_senseless([*rules, *shared_rules(recipe.batch, recipe.augment, recipe.loss, recipe.seed)])


def distil_rules(distil: DistilRecipe) -> list[Rule]:
    """Return the rules of the section on a teacher."""
    said = [name for name in ("size", "channels", "range", "mean", "std") if getattr(distil, name) is not None]
    weights = {name: getattr(distil, name) for name in ("features", "relations", "labels")}
    return [
        *((f"distil.{name}", distil.teacher is not None, "left out, or given with --distil.teacher") for name in said),
        ("distil.each", distil.teacher is not None or not distil.each, "false, or given with --distil.teacher"),
        ("distil.views", 0 <= distil.views <= MOST_VIEWS, f"from 0 to {MOST_VIEWS}"),
        ("distil.views", distil.teacher is not None or not distil.views, "0, or given with --distil.teacher"),
        ("distil.mixed", 0 <= distil.mixed <= distil.views, "from 0 to --distil.views"),
        *(at_least_zero(f"distil.{name}", weight) for name, weight in weights.items()),
        (
            "distil.features",
            distil.teacher is None or distil.features + distil.relations > 0,
            "above 0 where --distil.relations is 0, else nothing is learnt from the teacher",
        ),
    ]


def shared_rules(batch: BatchRecipe, augment: AugmentRecipe, loss: LossRecipe, seed: int) -> list[Rule]:
    """Return the rules of the sections that training and searching share."""
    margins = f"at least 0, and at most {MOST_WEIGHT:,.0f}"
    return [
        ("loss.margin", loss.margin == "soft" or 0 <= loss.margin <= MOST_WEIGHT, f"soft, or {margins}"),
        ("loss.smoothing", 0 <= loss.smoothing < 1, "from 0 to below 1"),
        at_least_zero("loss.triplet_weight", loss.triplet_weight),
        ("augment.flip", 0 <= augment.flip <= 1, "from 0 to 1"),
        ("augment.erase", 0 <= augment.erase <= 1, "from 0 to 1"),
        ("augment.jitter", 0 <= augment.jitter <= 1, "from 0 to 1"),
        ("augment.pad", 0 <= augment.pad <= MOST_PAD, f"from 0 to {MOST_PAD:,}"),
        (
            "batch.identities",
            2 <= batch.identities <= MOST_BATCH,
            f"from 2 to {MOST_BATCH:,}",
        ),
        ("batch.pictures", batch.pictures >= 2, "at least 2, for the triplet loss needs a positive"),
        ("batch.pictures", batch.pictures <= MOST_BATCH, f"at most {MOST_BATCH:,}"),
        ("seed", 0 <= seed < 2**63, "at least 0 and below 2^63"),
    ]
