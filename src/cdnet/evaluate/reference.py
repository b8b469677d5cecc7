"""What a trained network must beat: colour histograms, which learn nothing, and chance, which looks at nothing.

Pure functions of tensors and labels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cdnet.data.decode import Pixels
from cdnet.errors import UndefinedError
from cdnet.evaluate.labels import Labels, SortedGallery
from cdnet.evaluate.ranking import Metrics

STRIPES = 16
"""Horizontal stripes of a picture, each with a histogram of its own."""

HUES = 16
SATURATIONS = 4

_TILE = 256


def colour_histograms(pixels: Pixels, stripes: int = STRIPES) -> Tensor:
    """Return features N x D of pictures N x H x W x 3 RGB bytes: a histogram of hue and saturation of each stripe.

    Cameras differ in light, so that each colour channel of a picture is equalised first; brightness, which then says
    little, is left out. Only the middle half of the columns counts, for that is where the person is. A histogram sums
    to 1, and its square root is taken, so that the cosine of two features is the mean Bhattacharyya coefficient of
    their stripes. D is ``stripes * HUES * SATURATIONS``.

    Raises:
        ValueError: if the pictures are not N x H x W x 3, are less than 2 wide, or have fewer rows than stripes.
    """
    if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.shape[1] < stripes or pixels.shape[2] < 2:
        raise ValueError(f"expected N x H x W x 3 with at least {stripes} rows and 2 columns, not {pixels.shape}")
    height, width = pixels.shape[1:3]
    side = width // 4
    bins = HUES * SATURATIONS
    stripe = torch.arange(height) * stripes // height
    features = []
    for start in range(0, len(pixels), _TILE):
        part = _equalised(torch.from_numpy(pixels[start : start + _TILE].copy()))
        codes = (_colour_bins(part[:, :, side : width - side]) + bins * stripe[None, :, None]).flatten(1)
        shares = _counts(codes, stripes * bins).reshape(-1, stripes, bins)
        features.append((shares / shares.sum(2, keepdim=True)).sqrt().flatten(1))
    return torch.cat(features) if features else torch.zeros(0, stripes * bins)


def _counts(codes: Tensor, length: int) -> Tensor:
    """Count, in each row of N x M, how often each code from 0 to length - 1 is there: N x length."""
    return torch.zeros(len(codes), length).scatter_add_(1, codes, torch.ones(codes.shape))


def _equalised(pixels: Tensor) -> Tensor:
    """Map each byte of N x H x W x 3 to the share of its picture's pixels that are no brighter in its channel."""
    flat = pixels.flatten(1, 2).transpose(1, 2).flatten(0, 1).long()
    shares = _counts(flat, 256).cumsum(1) / flat.shape[1]
    count, height, width, _ = pixels.shape
    return shares.gather(1, flat).reshape(count, 3, height, width).permute(0, 2, 3, 1)


def _colour_bins(colours: Tensor) -> Tensor:
    """Return the bin of hue and saturation of each pixel of N x H x W x 3 in [0, 1]."""
    red, green, blue = colours.unbind(-1)
    value = colours.amax(-1)
    chroma = value - colours.amin(-1)
    divisor = chroma.clamp_min(1e-12)
    sector = torch.where(
        value == red,
        ((green - blue) / divisor) % 6,
        torch.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    # Half a bin further on, so that red, where the circle of hues begins and ends, lies inside a bin.
    hue = (sector / 6 * HUES + 0.5).long() % HUES
    saturation = (chroma / value.clamp_min(1e-12) * SATURATIONS).long().clamp_max(SATURATIONS - 1)
    return hue * SATURATIONS + saturation


def chance(query: Labels, gallery: Labels, max_rank: int = 50) -> Metrics:
    """Return what ranking the gallery in a random order gives, exactly: the expectation over all orders.

    For a query with m matches among n gallery pictures that count, all orders being equally likely,

    * rank-k is 1 - C(n - m, k) / C(n, k): not all of the first k are wrong;
    * AP is 1/n times the sum over ranks r of (1 + (m - 1) (r - 1) / (n - 1)) / r: a match stands at rank r with
      probability m / n, and of the r - 1 pictures before it (m - 1) (r - 1) / (n - 1) match, on average;
    * INP is m times the sum over ranks r of C(r - 1, m - 1) / C(n, m) / r: the last match stands at rank r.

    Args:
        query: labels of the queries.
        gallery: labels of the gallery.
        max_rank: length of the CMC curve, at least 20.

    Raises:
        ValueError: if there is no query or no gallery picture.
        UndefinedError: if no query has a match.
    """
    if not len(query) or not len(gallery):
        raise ValueError("ranking needs at least one query and one gallery picture")
    counts = []
    ordered = SortedGallery(gallery)
    for start in range(0, len(query), _TILE):
        rows = query[slice(start, start + _TILE)]
        matches, own, itself = (pairs.per_row(len(rows)) for pairs in ordered.related(rows))
        counts.append(torch.stack([len(gallery) - own - itself, matches], dim=1))
    pairs, times = torch.unique(torch.cat(counts), dim=0, return_counts=True)
    matched = pairs[:, 1] > 0
    if not matched.any():
        raise UndefinedError("no query has a match in the gallery, so that there is nothing to expect")
    weights = times[matched].double() / int(times[matched].sum())
    max_rank = max(max_rank, 20)
    cmc = torch.zeros(max_rank, dtype=torch.double)
    average_precision = inverse_negative_penalty = 0.0
    for (n, m), weight in zip(pairs[matched].tolist(), weights.tolist(), strict=True):
        cmc += weight * _expected_hits(n, m, max_rank)
        average_precision += weight * _expected_ap(n, m)
        inverse_negative_penalty += weight * _expected_inp(n, m)
    return Metrics.of(
        cmc=cmc.tolist(),
        mAP=average_precision,
        mINP=inverse_negative_penalty,
        queries=len(query),
        queries_without_match=int(times[~matched].sum()),
        gallery=len(gallery),
    )


def _ranks(last: int) -> Tensor:
    return torch.arange(1, last + 1, dtype=torch.double)


def _expected_hits(n: int, m: int, max_rank: int) -> Tensor:
    # All of the first k are wrong with the product of the chances that each is, given those before it.
    before = _ranks(max_rank) - 1
    wrong = ((n - m - before) / (n - before).clamp_min(1)).clamp_min(0)
    return 1 - wrong.cumprod(0)


def _expected_ap(n: int, m: int) -> float:
    rank = _ranks(n)
    return float(((1 + (m - 1) * (rank - 1) / max(n - 1, 1)) / rank).sum()) / n


def _expected_inp(n: int, m: int) -> float:
    rank = torch.arange(m, n + 1, dtype=torch.double)
    log_share = _log_choose(rank - 1, m - 1) - _log_choose(torch.tensor(n, dtype=torch.double), m)
    return m * float((log_share.exp() / rank).sum())


def _log_choose(n: Tensor, k: int) -> Tensor:
    return torch.lgamma(n + 1) - torch.lgamma(torch.tensor(k + 1.0, dtype=torch.double)) - torch.lgamma(n - k + 1)
