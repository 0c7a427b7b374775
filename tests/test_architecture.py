"""The order of the rooms, read from the imports: upwards only; pandapower in two rooms alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import ruralgrid
from ruralgrid.county.synthesis.draft import Draft
from ruralgrid.errors import UnknownNameError

ROOT = Path(ruralgrid.__file__).parent

# From the ground up: a room may import itself and the rooms of the rows above it.
ROOMS = [
    {"errors", "units"},
    {"files", "findings"},
    {"limits"},
    {"equipment"},
    {"plan"},
    {"county"},
    {"demand"},
    {"network"},
    {"flow"},
    {"assess"},
]
ROW = {room: row for row, rooms in enumerate(ROOMS) for room in rooms}
# The arrows in a row, text, files, the command, the plugin: they may import everything, and no
# room below imports them. `data` is a folder of files, read by all.
ABOVE_ALL = {
    "calibrate",
    "cli",
    "lines",
    "opening",
    "report",
    "studies",
    "study_folder",
    "testing",
    "__main__",
    "__init__",
}
DATA = "data"

# Their names are tables and columns, and the schema refuses one that it does not know.
CHECKED_BY_SCHEMA = {"county/tables.py with_tables", "county/synthesis/draft.py add"}

PANDAPOWER_ROOMS = {"network", "flow"}
NO_NOUNS = {"utils", "helpers", "common", "base", "core"}
MOST_LINES = 420

MODULES = sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Full names of what a module imports anywhere: in functions and under TYPE_CHECKING too."""
    package = ("ruralgrid", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*parts, *([node.module] if node.module else [])))
            # `from ruralgrid import units` imports a room, `from ruralgrid.units import KILO` too
            if source == "ruralgrid":
                yield from ((f"ruralgrid.{name.name}", node.lineno) for name in node.names)
            else:
                yield source, node.lineno


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    for name, line in imported(path):
        parts = name.split(".")
        if parts[0] == "ruralgrid":
            yield (parts[1] if len(parts) > 1 else "__init__"), line


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions of a module and methods of its classes whose names begin with no underscore."""
    holders = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for holder in holders:
        for node in holder.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node


def test_the_modules_are_found():
    assert len(MODULES) > 50
    assert {room_of(path) for path in MODULES} <= set(ROW) | ABOVE_ALL | {DATA}


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_imports_go_upwards_only(path):
    room = room_of(path)
    if room in ABOVE_ALL:
        return
    breaches = [
        f"{label(path)}:{line} imports ruralgrid.{other}"
        for other, line in rooms_imported(path)
        if other not in (room, DATA)
        and (room == DATA or other not in ROW or ROW[other] >= ROW[room])
    ]
    assert not breaches


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_pandapower_is_imported_in_two_rooms_alone(path):
    """Under TYPE_CHECKING it costs nothing and may stand where a net is handed on."""
    if room_of(path) in PANDAPOWER_ROOMS:
        return
    typing_only = {
        id(inner)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in typing_only:
            names = [name.name for name in node.names]
            source = getattr(node, "module", None) or ""
            found = [n for n in [source, *names] if n.split(".")[0] == "pandapower"]
            assert not found, f"{label(path)}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_only_the_command_prints(path):
    if room_of(path) in {"cli", "__main__"}:
        return
    calls = [
        f"{label(path)}:{node.lineno}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not calls


def test_modules_are_named_for_what_they_hold():
    for path in MODULES:
        parts = {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}
        assert not parts & NO_NOUNS, label(path)


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_a_module_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_no_option_is_swallowed(path):
    """A misspelt keyword must fail: no public function takes **kwargs."""
    swallowing = [
        f"{label(path)}:{function.lineno} {function.name}"
        for function in public_functions(tree_of(path))
        if function.args.kwarg is not None
        and f"{label(path)} {function.name}" not in CHECKED_BY_SCHEMA
    ]
    assert not swallowing


def test_what_the_schema_checks_it_refuses(tiny):
    with pytest.raises(UnknownNameError, match="sections"):
        tiny.with_tables(section=tiny.sections)
    draft = Draft()
    draft.add("villages", name=["v"], hauseholds=[3], grade="assumed", source="test")
    with pytest.raises(UnknownNameError, match="households"):
        draft.table("villages")


# the reader of imports itself ---------------------------------------------------------------------


def test_a_breach_would_be_found(tmp_path, monkeypatch):
    """An import inside a function, one under TYPE_CHECKING, a relative one: all are read."""
    monkeypatch.setattr("test_architecture.ROOT", tmp_path)
    (tmp_path / "county").mkdir()
    module = tmp_path / "county" / "draw.py"
    module.write_text(
        "from typing import TYPE_CHECKING\n"
        "from ruralgrid import flow\n"
        "from .tables import County\n"
        "from .. import cli\n"
        "if TYPE_CHECKING:\n    from ruralgrid.assess import losses\n"
        "def f():\n    import ruralgrid.network.build\n"
    )
    found = {room for room, _ in rooms_imported(module)}
    assert found == {"flow", "county", "cli", "assess", "network"}
