"""Features in a plane by t-SNE (van der Maaten and Hinton 2008), and numbers that do not depend on the plane.

Everything works on features of unit length, as the triplet loss and the ranking do. Two dimensions cannot keep
all distances; the numbers are taken where the features are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

from cdnet.errors import CdnetError

Array = npt.NDArray[np.float64]

PERPLEXITY = 30.0


def check_scikit_learn() -> None:
    """Refuse where scikit-learn, an extra, is not installed.

    Raises:
        CdnetError: that says how to install it.
    """
    try:
        import sklearn.manifold  # noqa: F401
    except ImportError:
        raise CdnetError("t-SNE needs scikit-learn; install it with: pip install 'cdnet-reid[figures]'") from None


def embed(features: Tensor, seed: int = 0) -> Array:
    """Return the places N x 2 of features N x D by exact t-SNE; the same features and seed give the same places.

    The perplexity is 30, or a third of the other points where they are fewer than 90.

    Raises:
        CdnetError: if scikit-learn is not there, or there are fewer than 4 features.
    """
    check_scikit_learn()
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(features) < 4:
        raise CdnetError(f"t-SNE needs at least 4 pictures, not {len(features)}")
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    # Sums over threads come in another order with another number of them, and t-SNE magnifies every last bit.
    with threadpool_limits(1):
        places: Array = TSNE(
            perplexity=perplexity, init="pca", method="exact", random_state=seed, n_jobs=1
        ).fit_transform(_unit(features))
    return places


def silhouette(features: Tensor, identities: Tensor) -> float:
    """Return how well identities are told apart, -1 to 1: the mean over pictures of (b - a) / max(a, b).

    ``a`` is the mean distance to the other pictures of the identity, ``b`` that to the nearest other identity's
    (Rousseeuw 1987). Distances are Euclidean between features of unit length.

    Args:
        features: N x D.
        identities: N, at least two different ones, each with at least two pictures.

    Raises:
        CdnetError: if scikit-learn is not there.
    """
    check_scikit_learn()
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(_distances(features), identities.numpy(), metric="precomputed"))


def agreement(one: Tensor, other: Tensor) -> float:
    """Return Pearson's correlation, -1 to 1, of the distances between all pairs of N pictures in two feature spaces.

    Near 1, the second space has the pictures arranged as the first has.

    Args:
        one: N x D.
        other: N x E, of the same pictures.
    """
    pairs = np.triu_indices(len(one), 1)
    return float(np.corrcoef(_distances(one)[pairs], _distances(other)[pairs])[0, 1])


def _unit(features: Tensor) -> Array:
    unit: Array = F.normalize(features.double()).numpy()
    return unit


def _distances(features: Tensor) -> Array:
    unit = _unit(features)
    # Not by the product of the features, which loses small distances to rounding.
    found: Array = np.stack([np.sqrt(np.square(unit - row).sum(1)) for row in unit])
    return found
