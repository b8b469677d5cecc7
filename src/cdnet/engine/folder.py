"""A run's folder: what may be started or resumed there, and by which recipe."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from cdnet.engine.checkpoint import FILE, Checkpoint, load_checkpoint
from cdnet.errors import CdnetError
from cdnet.files import make_folder, saying_what_failed, sweep, write_text
from cdnet.recipe_file import check_recipe_file

RECIPE = "recipe.yaml"
LOCK = ".lock"

# What may differ between a run and its resumption: where things are, not what is computed.
FREE = ("device", "evaluate_every", "data.root", "data.also", "data.cache", "cost.table")


EPOCHS = "schedule.epochs"
"""Of which a run may get more once it is done."""

WRITTEN = (FILE, RECIPE, "log.jsonl", "weights.safetensors", "genotype.json", "latency.json", "report.html")
"""What runs write to their folders."""

NEWER = {
    "augment.erase_with": "mean",
    "augment.jitter": 0.0,
    "data.train_on": "train",
    "distil.each": False,
    "distil.mixed": 0,
    "distil.views": 0,
    "distil.features": 5.0,
    "distil.labels": 1.0,
    "distil.relations": 30.0,
    "dropout": 0.0,
    "ema": 0.0,
    "loss.triplet_weight": 1.0,
}
"""Keys that recipes of earlier versions lack, and what all of these did."""

OLDER = {"loss.normalise": True}
"""Keys that recipes of earlier versions lack where they have their section, and what these versions did."""


def older_settings(folder: Path) -> dict[str, object]:
    """Return what a run's recipe leaves out because the version that wrote it knew no other way.

    Raises:
        CdnetError: if the recipe cannot be read.
    """
    path = folder / RECIPE
    kept = _kept(path)
    sections = {key.partition(".")[0] for key in kept}
    return {key: value for key, value in OLDER.items() if key not in kept and key.partition(".")[0] in sections}


def open_folder(out: Path, recipe: Any, resume: bool) -> Checkpoint | None:
    """Look whether a recipe can be run in a folder, and change nothing there.

    Args:
        out: the folder, there or not.
        recipe: the recipe, a dataclass.
        resume: whether to go on with the run that is there.

    Returns:
        The checkpoint to go on from, or None to begin at the beginning.

    Raises:
        CdnetError: if a new run would meet an old one, or there is nothing to resume, or it was another recipe's.
    """
    if out.exists() and not out.is_dir():
        raise CdnetError(f"{out} is a file; choose a folder for --out")
    if not _is_utf8(out):
        raise CdnetError(f"{out}: TensorBoard's files need a folder whose name is UTF-8; choose another --out")
    if not resume:
        if any((out / name).exists() for name in (FILE, RECIPE)):
            raise CdnetError(f"{out} already holds a run; add --resume to go on, or choose another --out")
        return None
    if not (out / RECIPE).is_file():
        raise CdnetError(f"{out}: nothing to resume, there is no {RECIPE}")
    refuse_another_recipe(out, recipe)
    # A run that was killed in its first epoch has a recipe and no checkpoint yet: it begins again.
    return load_checkpoint(out) if (out / FILE).exists() else None


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Keep a run's folder, which is made if need be, from every other process for the time of the block.

    Raises:
        CdnetError: if another process has it, or it cannot be made.
    """
    with saying_what_failed(out):
        make_folder(out)
        lock = FileLock(out / LOCK, blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise CdnetError(f"{out} is in use by another process; wait for it, or choose another --out") from None
    try:
        with saying_what_failed(out):
            sweep(out, WRITTEN)
        yield
    finally:
        lock.release()


def lengthen(out: Path, recipe: Any) -> None:
    """Write the recipe of a run that is resumed with more epochs; of any other it stays as it is.

    Raises:
        CdnetError: if it cannot be written.
    """
    if _more(_kept(out / RECIPE).get(EPOCHS), _flat(as_plain(recipe)).get(EPOCHS)):
        write_recipe(out, recipe)


def open_claimed(out: Path, recipe: Any, resume: bool, held: ExitStack) -> Checkpoint | None:
    """Do as :func:`open_folder` does, and keep a folder that is resumed from others until ``held`` closes."""
    state = open_folder(out, recipe, resume)
    if resume:
        held.enter_context(claimed(out))
        state = open_folder(out, recipe, resume)
    return state


def begin(out: Path, recipe: Any, held: ExitStack) -> None:
    """Begin a new run: keep its folder from others until ``held`` closes, and write its recipe there.

    Raises:
        CdnetError: if another run has come there meanwhile, or it cannot be written.
    """
    held.enter_context(claimed(out))
    open_folder(out, recipe, resume=False)
    write_recipe(out, recipe)


def write_recipe(out: Path, recipe: Any) -> None:
    """Write a recipe to a run's folder, which is made if need be.

    Raises:
        CdnetError: if it cannot be written.
    """
    write_text(out / RECIPE, yaml.safe_dump(as_plain(recipe), sort_keys=False))


def as_plain(recipe: Any) -> dict[str, object]:
    """Return a recipe, a dataclass, as plain values that YAML can hold; paths are made absolute."""
    plain: dict[str, object] = _plain(asdict(recipe))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return os.path.abspath(value) if isinstance(value, Path) else value


def refuse_another_recipe(out: Path, recipe: Any) -> None:
    """See that the run in a folder was started by this recipe; where things are may differ.

    It may have more epochs than it was started with, where those that are done would have been the same.

    Raises:
        CdnetError: that names the first key that differs, or says that the folder's recipe cannot be read.
    """
    old, flat = _kept(out / RECIPE), _flat(as_plain(recipe))
    old = {key: value for key, value in (OLDER | NEWER).items() if key in flat} | old
    for key in sorted(flat.keys() | old.keys()):
        if key == EPOCHS and _more(old.get(key), flat.get(key)):
            if flat.get("schedule.kind") == "cosine":
                raise CdnetError(
                    f"{out} was trained by a cosine schedule of {old[key]} epochs, whose learning rates would all have "
                    f"been others with {flat[key]}; begin a new run from its weights: --init {out} --out ANOTHER"
                )
            continue
        if key not in FREE and old.get(key) != flat.get(key):
            raise CdnetError(
                f"{out} was started with {key} = {old.get(key)}, not {flat.get(key)}; resume it as it was, "
                f"or start another run"
            )


def _more(old: object, new: object) -> bool:
    return isinstance(old, int) and isinstance(new, int) and new > old


def _kept(path: Path) -> dict[str, object]:
    check_recipe_file(path)
    try:
        return _flat(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, yaml.YAMLError, AttributeError, RecursionError):
        raise CdnetError(f"{path}: not a recipe that can be read; put a whole copy in its place") from None


def changes(recipe: Any, base: Any) -> dict[str, object]:
    """Return the keys, such as ``schedule.epochs``, in which a recipe differs from another, with its values.

    Where things are, which changes nothing that is computed, is left out.
    """
    flat, other = _flat(as_plain(recipe)), _flat(as_plain(base))
    return {key: value for key, value in flat.items() if key not in FREE and value != other.get(key)}


def _flat(nested: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
