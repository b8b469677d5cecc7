"""All kinds of input."""

from tools.fuzz.kinds import archives, networks, pictures, runs, texts, words
from tools.fuzz.kinds.kind import Kind

__all__ = ["KINDS", "Kind"]

KINDS = {
    kind.name: kind
    for kind in (*texts.KINDS, *pictures.KINDS, *archives.KINDS, *runs.KINDS, *networks.KINDS, *words.KINDS)
}
"""By their names."""
