"""A latency table in words: what it says of the space's networks, and the options of a search that uses it."""

from __future__ import annotations

from cdnet.search.latency import Latency
from cdnet.search.recipe import CostRecipe, SpaceRecipe

BUSY = 0.25
"""Spread of the times, between quartiles, from which on a user is told to measure again."""


def as_text(latency: Latency) -> str:
    """Say what networks take, how well the sums agree with whole ones, and whether the machine was too busy."""
    table, found, size = latency.table(), latency.agreement(), "x".join(map(str, latency.size))
    most = table.first + float(table.candidates.amax(1).sum())
    lines = [
        f"{latency.space.name} at width {latency.width:g} and {size} on {latency.where}: networks of "
        f"{table.least:.2f} to {most:.2f} ms",
        f"{len(latency.networks)} of them timed whole: sum over time {found.ratio:.3f} "
        f"(quartiles {found.low:.3f} to {found.high:.3f}), correlation {found.correlation:.3f}",
    ]
    if latency.spread > BUSY:
        lines.append(f"the times vary by {100 * latency.spread:.0f} %; measure again when the machine is less busy")
    return "\n".join(lines)


def cost_options(latency: Latency) -> list[str]:
    """Return the options that a search needs to use the table, those that have their usual value left out."""
    usual, size = CostRecipe(), "x".join(map(str, latency.size))
    given = {"width": (f"{latency.width:g}", f"{usual.width:g}"), "size": (size, usual.size)}
    given["batch"] = (str(latency.batch), str(usual.batch))
    return [word for key, (value, default) in given.items() if value != default for word in (f"--cost.{key}", value)]


def space_options(space: SpaceRecipe) -> list[str]:
    """Return the options that make the space what it is, those that have their usual value left out."""
    usual = SpaceRecipe()
    given = {key: (getattr(space, key), getattr(usual, key)) for key in ("pairs", "repeats", "blocks")}
    return [
        word for key, (value, default) in given.items() if value != default for word in (f"--space.{key}", f"{value}")
    ]
