"""Recipes whose work takes a second an epoch, or less: of training, classification and searching."""

from __future__ import annotations

from pathlib import Path

from cdnet.classify.recipe import ClassAugmentRecipe, ClassDataRecipe, ClassifyRecipe
from cdnet.data.recipe import SeveralDataRecipe, TrainDataRecipe
from cdnet.engine.recipe import OptimRecipe, ScheduleRecipe
from cdnet.search.recipe import SearchRecipe, SidesRecipe, SpaceRecipe
from cdnet.train.recipe import BatchRecipe, TrainRecipe


def training(market: Path) -> TrainRecipe:
    return TrainRecipe(
        genotype="cnet-top3",
        width=0.1,
        size="64x32",
        data=TrainDataRecipe(root=market),
        batch=BatchRecipe(identities=4, pictures=2),
        optim=OptimRecipe(lr=0.02),
        schedule=ScheduleRecipe(epochs=3, kind="cosine", warmup=1),
        device="cpu",
    )


def classification(colours: Path) -> ClassifyRecipe:
    return ClassifyRecipe(
        genotype="cnet-top3",
        width=0.1,
        stem=2,
        data=ClassDataRecipe(root=colours),
        batch=16,
        augment=ClassAugmentRecipe(pad=2),
        optim=OptimRecipe(lr=0.01),
        schedule=ScheduleRecipe(epochs=2, kind="cosine"),
        device="cpu",
    )


def searching(market: Path) -> SearchRecipe:
    return SearchRecipe(
        space=SpaceRecipe("small", pairs=[[3, 5], [3, 9]], repeats=[1, 2], blocks=[1, 2, 1]),
        width=0.1,
        size="64x32",
        data=SeveralDataRecipe(root=market),
        batch=BatchRecipe(identities=4, pictures=2),
        augment=SidesRecipe(erase=0.0),
        epochs=3,
        validation=2,
        device="cpu",
    )
