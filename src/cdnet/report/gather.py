"""From a finished search and run to what their report tells: the search, figures, ranked lists, counts and times."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import cdnet
from cdnet.data.cache import CachedPictures
from cdnet.data.decode import Pixels
from cdnet.data.layout import read_data
from cdnet.data.pictures import SPLITS, Picture, ReidData
from cdnet.data.splits import decode_split
from cdnet.device import choose_device
from cdnet.engine.log_line import SEARCH
from cdnet.engine.record import read_whole_log
from cdnet.evaluate.evaluation import (
    TestPictures,
    evaluate_features,
    evaluate_model,
    features_of,
    read_test_pictures,
)
from cdnet.evaluate.ranking import Metrics
from cdnet.evaluate.reference import chance, colour_histograms
from cdnet.genotype import read_genotype
from cdnet.model_input import parse_size
from cdnet.nn.counts import NetworkCounts
from cdnet.nn.model import ReidModel
from cdnet.progress import shown
from cdnet.report.page import DemoReport, Searched
from cdnet.report.ranked import choose_lists, rank_queries
from cdnet.report.search import compare_networks, describe_mblocks
from cdnet.search.recipe import SearchRecipe
from cdnet.train.recipe import TrainRecipe
from cdnet.weights import ModelSpec, load_model

TRAINED, UNTRAINED = "found network, trained", "found network, untrained"
HISTOGRAM, CHANCE = "colour histograms", "chance"

SAMPLES = 16


@dataclass(frozen=True)
class Evaluated:
    """The four methods' figures on the test pictures, and the trained network's features there."""

    methods: Mapping[str, Metrics]
    pictures: TestPictures
    query_features: Tensor
    gallery_features: Tensor


def evaluate_methods(recipe: TrainRecipe, run: Path) -> Evaluated:
    """Evaluate a run's network, the weights it began with, colour histograms and chance, on the run's test pictures.

    Raises:
        CdnetError: if the run has no weights, or the recipe's pictures cannot be read.
    """
    device = choose_device(recipe.device)
    model, spec = load_model(run, device)
    pictures = read_test_pictures(_data(recipe), spec.size, recipe.data.cache, shown)
    query, gallery = features_of(model, pictures, spec.mean, spec.std, shown)
    colours = colour_histograms(pictures.query.pixels), colour_histograms(pictures.gallery.pixels)
    methods = {
        TRAINED: evaluate_features(query, gallery, pictures),
        UNTRAINED: evaluate_model(
            untrained_network(recipe, spec).to(device), pictures, spec.mean, spec.std, progress=shown
        ),
        HISTOGRAM: evaluate_features(colours[0], colours[1], pictures),
        CHANCE: chance(*pictures.labels()),
    }
    return Evaluated(methods, pictures, query, gallery)


def untrained_network(recipe: TrainRecipe, spec: ModelSpec) -> ReidModel:
    """Return the network with the weights that training by the recipe began with; ``spec`` is that of its weights."""
    with torch.random.fork_rng():
        # As training does: with the classifiers, whose weights are drawn from the same random numbers.
        torch.manual_seed(recipe.seed)
        return spec.build(spec.trained_on["identities"])


def gather_report(
    searching: SearchRecipe,
    searched: Path,
    recipe: TrainRecipe,
    run: Path,
    evaluated: Evaluated,
    network: NetworkCounts,
    seconds: Mapping[str, float],
) -> DemoReport:
    """Gather all that the page tells.

    Args:
        searching: that the network was searched by.
        searched: the search's folder.
        recipe: that the run was trained by.
        run: the run's folder.
        evaluated: the methods' figures.
        network: that was found, counted.
        seconds: that ``drawing`` and ``evaluation`` took; those of search and training stand in their logs.
    """
    data = _data(recipe)
    log = read_whole_log(run, ("loss", "triplet", "softmax", "seconds"), recipe.schedule.epochs)
    query, gallery = evaluated.pictures.labels()
    lists = rank_queries(evaluated.query_features, evaluated.gallery_features, query, gallery)
    return DemoReport(
        searched=_searched(searching, searched, recipe),
        methods=evaluated.methods,
        log=log,
        lists=choose_lists(lists, query),
        pictures=evaluated.pictures,
        samples=_samples(decode_split(data, "train", evaluated.pictures.query.pixels.shape[1:3], recipe.data.cache)),
        network=replace(network, genotype="The network that was found"),
        splits={name: _counts(data.split(name)) for name in SPLITS},
        extras={
            "distractors": sum(_is_stranger(picture) for picture in data.gallery),
            "junk": sum(data.ignored.values()),
        },
        facts=_facts(recipe),
        seconds={
            "drawing": seconds["drawing"],
            "search": sum(line["seconds"] for line in read_whole_log(searched, SEARCH, searching.epochs)),
            "training": sum(line["seconds"] for line in log),
            "watching the test identities": sum(line.get("evaluation_seconds", 0) for line in log),
            "evaluation of the four methods": seconds["evaluation"],
        },
    )


def _searched(searching: SearchRecipe, folder: Path, training: TrainRecipe) -> Searched:
    space, log = searching.space.build(), read_whole_log(folder, SEARCH, searching.epochs)
    computed, last = np.array([line["computed"] for line in log]), log[-1]
    branches = {"top-k": searching.k, "mixture": len(space.candidates), "sampled": 1}[searching.gate]
    pairs = zip(last["alpha"], last["chosen"], strict=True)
    return Searched(
        recipe=searching,
        space=space,
        steps=int(computed[:, 0].sum()) // branches,
        blocks=describe_mblocks(space, log),
        networks=compare_networks(read_genotype(training.genotype), training.width, parse_size(training.size)),
        given_up=[number for number, (alpha, chosen) in enumerate(pairs, start=1) if alpha[chosen] < max(alpha)],
    )


def _data(recipe: TrainRecipe) -> ReidData:
    assert recipe.data.root is not None
    return read_data(recipe.data.root, recipe.data.layout, recipe.data.holdout)


def _is_stranger(picture: Picture) -> bool:
    return int(picture.identity) == 0


def _counts(pictures: Sequence[Picture]) -> dict[str, int]:
    return {
        "pictures": len(pictures),
        "identities": len({picture.identity for picture in pictures if not _is_stranger(picture)}),
        "cameras": len({picture.camera for picture in pictures}),
    }


def _samples(train: CachedPictures) -> Pixels:
    """Return the first pictures by each camera of the first identities, up to SAMPLES in all."""
    first: dict[tuple[str, str | None], int] = {}
    for index, picture in enumerate(train.pictures):
        first.setdefault((picture.identity, picture.camera), index)
    return np.array(train.pixels[sorted(first.values())[:SAMPLES]])


def _facts(recipe: TrainRecipe) -> dict[str, str]:
    processor = platform.processor() or platform.machine()
    schedule, batch, optim = recipe.schedule, recipe.batch, recipe.optim
    facts: dict[str, object] = {
        "Network": f"found by the search, width {recipe.width:g}, {recipe.neck}",
        "Input": f"{recipe.size} pixels, height x width",
        "Seed": recipe.seed,
        "Epochs": f"{schedule.epochs}, {schedule.kind} schedule",
        "Batch": f"{batch.identities} people with {batch.pictures} pictures each",
        "Optimiser": f"SGD, rate {optim.lr:g}, momentum {optim.momentum:g}, weight decay {optim.weight_decay:g}",
        "Losses": f"triplet with margin {recipe.loss.margin:g}, softmax with label smoothing {recipe.loss.smoothing:g}",
        "Versions": (
            f"cdnet {cdnet.__version__}, PyTorch {torch.__version__}, NumPy {np.__version__}, "
            f"Python {platform.python_version()}"
        ),
        "Machine": (
            f"{platform.system()}, {processor}; {choose_device(recipe.device).type}, "
            f"cores to use {_cores()}, threads {torch.get_num_threads()}"
        ),
    }
    return {name: str(value) for name, value in facts.items()}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
