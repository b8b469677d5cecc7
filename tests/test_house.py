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


def test_the_library_neither_prints_nor_draws_bars() -> None:
    for module, path in MODULES.items():
        if room(module) == "cdnet.cli":
            continue
        names = {node.id for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Name)}
        # Where they are written, and where torchreid's own prints unless it is told not to.
        if module not in ("cdnet.shown_text", "cdnet.extract.torchreid"):
            assert not names & {"print", "say", "say_block"}, module
        assert "rich" not in {name.partition(".")[0] for name in foreign(path)}, module


def foreign(path: Path) -> set[str]:
    """Return the modules of others that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_a_command_is_a_thin_file() -> None:
    commands = [
        path for path in (ROOT / "cli").glob("*.py") if path.stem not in ("__init__", "terminal", "termination")
    ]
    for path in commands:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        assert text.count("\n") <= 175, f"{path.name}: what it does belongs to the rooms below"
        assert not [node for node in tree.body if isinstance(node, ast.ClassDef)], path.name
        shared = path.stem.partition("_")[2] not in ("", "arguments") or path.stem.endswith("arguments")
        assert shared or (ast.get_docstring(tree) or "").startswith(f"``cdnet {path.stem}"), path.name


def test_python_finds_what_the_package_offers() -> None:
    assert set(cdnet.__all__) <= set(dir(cdnet))
    assert all(getattr(cdnet, name) for name in cdnet.__all__)
