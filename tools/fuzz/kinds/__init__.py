"""All kinds of input."""

from tools.fuzz.kinds import archives, features, networks, pictures, runs, strange, texts, words
from tools.fuzz.kinds.kind import Kind

__all__ = ["KINDS", "Kind"]

_DAMAGED = (
    *texts.KINDS,
    *pictures.KINDS,
    *archives.KINDS,
    *runs.KINDS,
    *features.KINDS,
    *networks.KINDS,
    *words.KINDS,
)

KINDS = {kind.name: kind for kind in (*_DAMAGED, *strange.of_all(_DAMAGED))}
"""By their names."""
