"""What a recipe says of its network, and the optimiser of all its weights."""

from __future__ import annotations

import os
from typing import Protocol

import torch
from torch import nn

from cdnet.engine.recipe import OptimRecipe
from cdnet.genotype import Genotype, shipped_genotypes
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD, parse_size
from cdnet.nn.model import find_network
from cdnet.weights import ModelSpec

Channels = tuple[float, ...]


class NetworkRecipe(Protocol):
    """The keys of a recipe that decide its network."""

    genotype: str
    width: float
    size: str
    stripes: int

    @property
    def neck(self) -> str:
        """The neck's name; read alone, so that a recipe may say which there are."""


def read_spec(recipe: NetworkRecipe, mean: Channels = IMAGENET_MEAN, std: Channels = IMAGENET_STD) -> ModelSpec:
    """Return the spec of a recipe's network, whose pictures are normalised by ``mean`` and ``std``.

    The path of a genotype's file becomes absolute in the recipe, for a resumption may be started elsewhere.

    Raises:
        CdnetError: if there is no such genotype, or the size is none.
    """
    genotype = find_network(recipe.genotype)
    if isinstance(genotype, Genotype) and recipe.genotype not in shipped_genotypes():
        recipe.genotype = os.path.abspath(recipe.genotype)
    return ModelSpec(genotype, recipe.width, recipe.neck, recipe.stripes, parse_size(recipe.size), mean, std)


def make_optimizer(network: nn.Module, optim: OptimRecipe) -> torch.optim.SGD:
    """Return stochastic gradient descent on all weights of a network that are to be learnt."""
    return torch.optim.SGD(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=optim.lr,
        momentum=optim.momentum,
        nesterov=optim.nesterov,
        weight_decay=optim.weight_decay,
    )
