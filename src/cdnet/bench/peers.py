"""Other projects' code, loaded from a checkout that the user names: it is run, and never copied here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from cdnet.errors import CdnetError


def named_peers(words: Iterable[str], known: Iterable[str] | None = None) -> dict[str, Path]:
    """Return the peers of words NAME=PATH.

    Args:
        words: as they stand on the command line.
        known: the names that a benchmark knows, None where any name will do.

    Raises:
        CdnetError: if a word is of another form, a name is not known or there twice, or there is nothing at its path.
    """
    found: dict[str, Path] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or not name or not path:
            raise CdnetError(f"a peer is given as NAME=PATH, not {word}")
        if known is not None and name not in known:
            raise CdnetError(f"no peer {name} is known here; known is {', '.join(known)}")
        if name in found:
            raise CdnetError(f"the peer {name} is given twice")
        if not Path(path).exists():
            raise CdnetError(f"{path}: no such file or folder, which --peer {name} names")
        found[name] = Path(path)
    return found


class Torchreid:
    """A checkout of torchreid, of which single files are loaded, for the whole of it wants torchvision."""

    name = "torchreid"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "torchreid" if (folder / "torchreid").is_dir() else folder
        if not (self.folder / "metrics" / "distance.py").is_file():
            raise CdnetError(f"{folder} has no torchreid/metrics/distance.py; give the folder of torchreid's checkout")

    def load(self, path: str) -> Any:
        """Load one file of it, such as ``metrics/distance.py``, as a module.

        Raises:
            CdnetError: if it is not there or cannot be loaded.
        """
        return _load(self.folder / path)

    def evaluate_cython(self) -> Callable[..., Any]:
        """Return its ranking in Cython.

        Raises:
            CdnetError: if that is not built.
        """
        place = self.folder / "metrics" / "rank_cylib"
        built = sorted([*place.glob("rank_cy*.so"), *place.glob("rank_cy*.pyd")])
        if not built:
            raise CdnetError(
                f"torchreid's Cython is not built, and without it torchreid is not at its best; run `python setup.py "
                f"build_ext --inplace` in {place}, or leave out --peer torchreid"
            )
        evaluate: Callable[..., Any] = _load(built[0]).evaluate_cy
        return evaluate


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.name.split(".")[0], file)
    try:
        if spec is None or spec.loader is None:
            raise ImportError("no Python module")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except (ImportError, OSError, SyntaxError) as error:
        raise CdnetError(f"{file} could not be loaded: {error}") from None
    return module


def torchreid_of(peers: Mapping[str, Path]) -> Torchreid | None:
    """Return torchreid if it is among the peers."""
    return Torchreid(peers["torchreid"]) if "torchreid" in peers else None
