"""Learning from a teacher: its features, and how alike it finds any two pictures of a batch (Park et al. 2019).

The paper has no teacher; these losses are ours, beside those of Equations 9 and 10.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def feature_loss(features: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean of 1 - cosine between a student's features and the teacher's, in [0, 2].

    Args:
        features: N x D, the student's, mapped to as many numbers as the teacher has.
        teacher: N x D, of the same pictures.
    """
    return (1 - F.cosine_similarity(features, teacher)).mean()


def relation_loss(features: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean squared difference of the cosine similarities of all N x N pairs, in [0, 4].

    Args:
        features: N x D, the student's.
        teacher: N x T, of the same pictures; T may be any number.
    """
    student, wanted = (rows @ rows.T for rows in (F.normalize(features), F.normalize(teacher)))
    return F.mse_loss(student, wanted)
