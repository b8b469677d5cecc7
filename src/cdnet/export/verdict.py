"""What ranks say of how a file is to be fed: whether another input is better, and not by the chance of few queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cdnet.evaluate.bootstrap import bootstrap
from cdnet.export.feeds import ALIKE, APART, Ranked, mistake, name_of
from cdnet.runtime.preprocessing import Preprocessing

LEVEL, SAMPLES = 0.99, 10_000
"""Of the intervals: the better one of two inputs was picked out of eight."""
FEWEST = 10
"""Queries with a match below which no interval means anything."""
COSTS = 0.02
"""Of mAP, in [0, 1]: an input that is certain to cost more than this is a mistake."""
KNOWS = 0.5
"""mAP, in [0, 1], that the best input has to reach: what a network makes of pictures that are nothing like those it was
trained on shows nothing. A shipped network has 89 per cent on photographs by the right input and 52 with its channels
swapped; on drawn people it has 16 and 15 (`results/check.txt`).
"""


class Gain(NamedTuple):
    """How much mAP, in [0, 1], is gained by another input: on these queries, and the interval of that."""

    found: float
    low: float
    high: float

    def as_text(self) -> str:
        """Return it in words."""
        found, low, high = (f"{100 * share:+.1f}" for share in self)
        return f"{found} mAP, {low} to {high} by the {100 * LEVEL:g} % interval"


def gain(other: Ranked, said: Ranked) -> Gain | None:
    """Return what is gained by feeding a file in another way; None if too few queries have a match.

    The same queries are ranked by both, so that what makes a query hard for either does not widen the interval.
    """
    assert other.scores is not None
    assert said.scores is not None
    matched = said.scores.matched
    if int(matched.sum()) < FEWEST:
        return None
    more = other.scores.average_precision - said.scores.average_precision
    low, high = bootstrap(said.scores._replace(average_precision=more), SAMPLES, level=LEVEL).mAP
    return Gain(float(more[matched].mean()), low, high)


class Verdict(NamedTuple):
    """What is to be said of how a file is fed, and whether that is a mistake."""

    text: str
    wrong: bool = False


def judge(said: Preprocessing | None, ranked: Sequence[Ranked]) -> Verdict:
    """Say whether a file is fed as it should be.

    Args:
        said: how it is said to be fed; None if nothing is said.
        ranked: photographs ranked by every input, the best first, of which one at least has an mAP.
    """
    best = ranked[0]
    assert best.mAP is not None
    as_said = next((one for one in ranked if one.feed == said), best)
    fed = f"fed with {name_of(as_said.feed)}"
    if as_said.mAP is None:
        return Verdict(f"{fed}: {as_said.why}", True)
    if best.mAP < KNOWS:
        return Verdict(
            f"not decided: by no usual input does it tell these people apart, {100 * best.mAP:.1f} mAP at best; give "
            "pictures such as it was trained on, or what it was made from with --weights"
        )
    others = [one for one in ranked if one.mAP is not None and one.feed != as_said.feed]
    if said is None:
        gains = [gain(best, one) for one in others]
        near = sum(found is None or found.low <= 0 for found in gains)
        unsure = f"; {near} other(s) may be as good, for all that so few pictures tell" if near else ""
        return Verdict(f"fits best: {name_of(best.feed)}{unsure}")
    if not others:
        return Verdict(f"{fed} it tells people apart, and with no other usual input")
    other = others[0]
    found = gain(other, as_said)
    if found is None:
        return Verdict(f"fewer than {FEWEST} queries with a match do not tell which input it wants; give more pictures")
    if found.low > COSTS:
        why = mistake(said, other.feed) or "it wants the latter"
        return Verdict(f"{fed} it loses to {name_of(other.feed)} ({found.as_text()}): {why}", True)
    if found.high < COSTS:
        best_other = f"the best of those, {name_of(other.feed)}, gives {found.as_text()}"
        return Verdict(f"{fed} it tells people apart as well as by any other usual input; {best_other}")
    return Verdict(
        f"not decided: {name_of(other.feed)} gives {found.as_text()}; give more pictures, or what the file was made "
        "from with --weights"
    )


def judge_drawn(said: Preprocessing | None, ranked: Sequence[Ranked]) -> Verdict:
    """Do as :func:`judge` by drawn pedestrians, which show no more than that an input is badly off."""
    best = ranked[0]
    as_said = next((one for one in ranked if one.feed == said), None)
    alike = as_said is not None and as_said.strangers >= ALIKE and as_said.strangers - best.strangers >= APART
    if as_said is None or not (as_said.why or alike):
        return Verdict("drawn pedestrians do not show which input it wants; photographs do, by --data.root DIR")
    fed = f"fed with {name_of(as_said.feed)}"
    if as_said.why:
        return Verdict(f"{fed}: {as_said.why}", True)
    return Verdict(
        f"{fed}, strangers are nearly all alike (a cosine of {as_said.strangers:.2f}), and with {name_of(best.feed)} "
        f"they are not ({best.strangers:.2f}); perhaps {mistake(as_said.feed, best.feed)}",
        True,
    )
