"""The order of the rooms: imports go one way, wherever in a file they stand."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cdnet

ROOT = Path(cdnet.__file__).parent
NAMES = {path: ".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in ROOT.rglob("*.py")}
MODULES = {name.removesuffix(".__init__"): path for path, name in NAMES.items()}


def imported(path: Path) -> set[str]:
    """Return which modules of cdnet a file imports, at its head or in a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names} & MODULES.keys()
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by dots"
            names = {f"{node.module}.{name.name}" for name in node.names} & MODULES.keys()
            found |= names or {node.module or ""} & MODULES.keys()
    return found


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


IMPORTS = {module: imported(path) - {module} for module, path in MODULES.items()}
ABOVE = ("cdnet", "cdnet.cli", "cdnet.__main__")
ROOMS: dict[str, set[str]] = {}
for module, others in IMPORTS.items():
    ROOMS.setdefault(room(module), set()).update(room(other) for other in others if room(other) != room(module))


def test_imports_go_one_way() -> None:
    list(TopologicalSorter(ROOMS).static_order())  # raises where there is a circle, and says which


@pytest.mark.parametrize(
    ("rooms", "unknown"),
    [
        ("nn losses weights engine", "data"),
        ("data runtime evaluate engine", "train classify search"),
        (" ".join(name.removeprefix("cdnet.") for name in ROOMS if name not in ABOVE), "cli"),
    ],
)
def test_what_a_room_does_not_know(rooms: str, unknown: str) -> None:
    for name in rooms.split():
        assert not ROOMS[f"cdnet.{name}"] & {f"cdnet.{other}" for other in unknown.split()}, name


def test_python_finds_what_the_package_offers() -> None:
    assert set(cdnet.__all__) <= set(dir(cdnet))
    assert all(getattr(cdnet, name) for name in cdnet.__all__)
