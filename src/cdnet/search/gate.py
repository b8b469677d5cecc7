"""Gates: from an MBlock's architecture parameters to the weights of its branches (Section 3.2, Equations 3 to 8).

A gate is a function of alpha, a vector with one value a branch. It says which branches are computed and gives each of
them a weight; the others are not computed, and their network parameters get no gradient. Their alphas do, for the
probability of a selected branch is a softmax of all of them. Three gates share this form: the paper's Top-k Sample, and
the two strategies that it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cdnet.errors import CdnetError


class Selection(NamedTuple):
    """The branches to compute, in rising order, and their weights, of the same length, differentiable in alpha.

    ``hard`` says that every weight is exactly 1, so that nothing need be multiplied by it.
    """

    branches: tuple[int, ...]
    weights: Tensor
    hard: bool = False


Gate = Callable[[Tensor, torch.Generator], Selection]


def top_k(alpha: Tensor, generator: torch.Generator, k: int = 2) -> Selection:
    """Select the k most probable branches, each with weight exactly 1 (Equations 3 to 7).

    The gradient to alpha is that of the selected branches' softmax probabilities, as Equation 8 has it: their weight is
    1 + (p - p*), where p* is p without gradient. It reaches every alpha; what it says of the branches that are not
    selected is only how good the selected ones are. Branches of equal alpha are taken in random order; at the start,
    when all are equal, any other rule would favour some of them.

    Args:
        alpha: n architecture parameters.
        generator: on the CPU; decides ties and nothing else.
        k: 1 to n.

    Raises:
        CdnetError: if k is not in 1 to n.
    """
    n = len(alpha)
    if not 1 <= k <= n:
        raise CdnetError(f"top-k needs a k from 1 to the number of branches, {n}, not {k}")
    shuffled = torch.randperm(n, generator=generator)
    order = alpha.detach().cpu()[shuffled].argsort(descending=True, stable=True)
    branches = tuple(sorted(shuffled[order[:k]].tolist()))
    return Selection(branches, _straight_through(alpha.softmax(0), branches), hard=True)


def mixture(alpha: Tensor, generator: torch.Generator) -> Selection:
    """Select every branch with its softmax probability as its weight (DARTS, first order)."""
    return Selection(tuple(range(len(alpha))), alpha.softmax(0))


def sampled(alpha: Tensor, generator: torch.Generator, temperature: float = 1.0) -> Selection:
    """Sample one branch by its probability, with weight exactly 1 (GDAS, Gumbel-softmax).

    Args:
        alpha: n architecture parameters.
        generator: on the CPU; decides the sample.
        temperature: above 0; the lower, the nearer the gradient's softmax is to the choice itself. It has no part in
            the choice.
    """
    uniform = torch.rand(len(alpha), generator=generator).clamp_min(1e-20).to(alpha)
    perturbed = F.log_softmax(alpha, 0) - (-uniform.log()).log()
    branches = (int(perturbed.argmax()),)
    return Selection(branches, _straight_through((perturbed / temperature).softmax(0), branches), hard=True)


def _straight_through(probabilities: Tensor, branches: tuple[int, ...]) -> Tensor:
    # Written so that the bracket is exactly 0: (1 - p) + p need not be exactly 1.
    chosen = probabilities[list(branches)]
    return 1 + (chosen - chosen.detach())
