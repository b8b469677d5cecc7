"""Something else in a file's place: a pipe, a folder, a device, a link that goes round, nothing, an empty file."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import strategies as st
from tools.fuzz.damage import Draw
from tools.fuzz.kinds.kind import Kind


def strange(kind: Kind) -> Kind:
    """Return the kind of input in which one of the files of another kind is something else."""

    def case(draw: Draw, folder: Path) -> list[str]:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        # Of pictures there are many, and of what a command keeps few.
        few = [path for path in files if path.suffix not in (".jpg", ".png")]
        path = draw(st.sampled_from(files if not few or draw(st.integers(0, 9)) == 0 else few))
        how = draw(st.sampled_from(("pipe", "pipe", "folder", "device", "loop", "nothing", "empty")))
        path.unlink()
        if how == "pipe":
            os.mkfifo(path)
        elif how == "folder":
            path.mkdir()
        elif how == "device":
            path.symlink_to("/dev/zero")
        elif how == "loop":
            path.symlink_to(path.name)
        elif how == "empty":
            path.touch()
        return [*kind.whole]

    changes = (*kind.changes, *(f"-{pattern}" for pattern in kind.changes if not pattern.startswith("-")))
    return Kind(f"{kind.name} that are no files", kind.prepare, case, changes)


def of_all(kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """Return such a kind for every one that has whole inputs, once for those that prepare the same."""
    return tuple(strange(kind) for kind in {kind.prepare: kind for kind in kinds if kind.whole}.values())
