"""Genotypes: which kernels and how many CBlocks each searched block of a network has (Tables 2 and 8).

A genotype is a small JSON file::

    {
      "name": "cdnet-top2",
      "block": "CBlock",
      "stages": [[[3, 5, 1], [3, 7, 2]], [[5, 7, 2], [5, 9, 1]], [[5, 7, 2], [5, 7, 1]]],
      "source": "Table 8, CDNet top-2"
    }

Each stage lists its CDBlocks as (k1, k2, r): two kernel sizes and the number of CBlocks in a row. The paper's
networks ship by name; :func:`read_genotype` takes a name or the path of a file. A search adds
``costs`` for the reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from cdnet.errors import CdnetError
from cdnet.json_file import read_json
from cdnet.nearest import nearest

KERNELS = (3, 5, 7, 9)
"""Kernel sizes that a branch of a CBlock may have (Section 3.1)."""

MAX_REPEATS = 8
MAX_BLOCKS = 100
"""CDBlocks of a stage, of which the paper's networks have two."""
MAX_BYTES = 256 * 2**10
"""Of a genotype's file; the paper's networks have some 200."""
BLOCKS = ("CBlock", "StdBlock")
STAGES = 3
ALIASES = {"cnet": "cnet-top2", "cdnet": "cdnet-top2"}


@dataclass(frozen=True)
class CDChoice:
    """One CDBlock of a genotype: kernel sizes ``k1 < k2`` and ``repeats`` CBlocks in a row."""

    k1: int
    k2: int
    repeats: int = 1

    def __str__(self) -> str:
        return f"({self.k1},{self.k2},{self.repeats})"


@dataclass(frozen=True)
class Genotype:
    """A whole network: three stages of CDBlocks, and the kind of block they repeat."""

    name: str
    stages: tuple[tuple[CDChoice, ...], ...]
    block: str = "CBlock"
    source: str = ""

    @property
    def depth(self) -> int:
        """Number of CBlocks in all (the last row of Table 8)."""
        return sum(choice.repeats for stage in self.stages for choice in stage)

    def to_json(self) -> dict[str, object]:
        """Return the JSON form, which :meth:`from_json` reads back."""
        return {
            "name": self.name,
            "block": self.block,
            "stages": [[[c.k1, c.k2, c.repeats] for c in stage] for stage in self.stages],
            "source": self.source,
        }

    @classmethod
    def from_json(cls, data: object, origin: str = "genotype") -> Genotype:
        """Validate the JSON form of a genotype.

        Args:
            data: what ``json.loads`` returned.
            origin: how error messages call it, usually the file's path.

        Raises:
            CdnetError: if a key is missing or unknown, or a stage, kernel or repeat is not a legal one.
        """

        def refuse(problem: str) -> CdnetError:
            return CdnetError(f"{origin}: {problem}")

        if not isinstance(data, dict):
            raise refuse("a genotype is a JSON object with the keys name, stages, block and source")
        unknown = set(data) - {"name", "stages", "block", "source", "costs"}
        if unknown:
            raise refuse(f"unknown key {sorted(unknown)[0]!r}; a genotype has name, stages, block and source")
        name, block, source = data.get("name"), data.get("block", "CBlock"), data.get("source", "")
        if not isinstance(name, str) or not name:
            raise refuse("a genotype needs a name")
        if not name.isprintable():
            raise refuse("the name of a genotype has a character that cannot be printed")
        if not isinstance(source, str):
            raise refuse("the source of a genotype is a text")
        if block not in BLOCKS:
            raise refuse(f"unknown block {block!r}; known are {' and '.join(BLOCKS)}")
        stages = data.get("stages")
        if not isinstance(stages, list) or len(stages) != STAGES:
            raise refuse(f"a genotype has a list of {STAGES} stages")
        checked = []
        for number, stage in enumerate(stages, start=1):
            if not isinstance(stage, list) or not stage:
                raise refuse(f"stage {number} needs a list of at least one block (k1, k2, r)")
            if len(stage) > MAX_BLOCKS:
                raise refuse(f"stage {number} has {len(stage):,} blocks; {MAX_BLOCKS} are the most")
            checked.append(tuple(_choice(entry, number, refuse) for entry in stage))
        return cls(name=name, stages=tuple(checked), block=block, source=source)


def _choice(entry: object, stage: int, refuse: Any) -> CDChoice:
    whole = isinstance(entry, list) and all(type(value) is int for value in entry)
    if not isinstance(entry, list) or not whole or len(entry) not in (2, 3):
        raise refuse(f"stage {stage} has {entry!r} where a block (k1, k2) or (k1, k2, r) is needed")
    k1, k2, repeats = (*entry, 1)[:3]
    for kernel in (k1, k2):
        if kernel not in KERNELS:
            raise refuse(f"stage {stage} has the unknown kernel {kernel}; known are {', '.join(map(str, KERNELS))}")
    if k1 >= k2:
        raise refuse(f"stage {stage} has the kernels ({k1},{k2}); the first must be the smaller one")
    if not 1 <= repeats <= MAX_REPEATS:
        raise refuse(f"stage {stage} repeats a block {repeats} times; 1 to {MAX_REPEATS} is possible")
    return CDChoice(k1, k2, repeats)


def shipped_genotypes() -> list[str]:
    """Return the names of the genotypes that come with the package, aliases included."""
    files = resources.files("cdnet").joinpath("genotypes").iterdir()
    names = [entry.name.removesuffix(".json") for entry in files if entry.name.endswith(".json")]
    return sorted([*names, *ALIASES])


def read_genotype(name_or_path: str | Path, others: Iterable[str] = ()) -> Genotype:
    """Read a shipped genotype by name, or a genotype file by path.

    Args:
        name_or_path: either.
        others: names of networks without a genotype, which the message should list as well.

    Raises:
        CdnetError: if there is no such name or file, or the file is not a legal genotype.
    """
    text = str(name_or_path)
    if text in shipped_genotypes():
        shipped = resources.files("cdnet").joinpath("genotypes", f"{ALIASES.get(text, text)}.json")
        return Genotype.from_json(json.loads(shipped.read_text("utf-8")), text)
    path = Path(text)
    if not path.is_file():
        known = [*shipped_genotypes(), *others]
        meant = nearest(text, known)
        raise CdnetError(f"{text}: no such genotype{meant}; give a JSON file or one of {', '.join(known)}")
    try:
        data = read_json(path, MAX_BYTES)
    except OSError as error:
        raise CdnetError(f"{text} could not be read: {error.strerror or error}") from error
    except ValueError as error:
        raise CdnetError(f"{text}: not readable as a JSON genotype ({error})") from None
    return Genotype.from_json(data, text)
