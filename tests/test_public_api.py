"""What the package offers: `__all__` complete and sorted, names that resolve, a free import."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ruralgrid as rg

ROOT = Path(rg.__file__).parent
MODULES = sorted(
    path
    for path in ROOT.rglob("*.py")
    if "__pycache__" not in path.parts and path.name != "__main__.py"
)
HEAVY = ["pandas", "pandapower", "numba", "matplotlib", "scipy", "networkx", "numpy"]


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def declared(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return None


def defined(tree: ast.Module) -> set[str]:
    """Functions and classes at the top of a module; a command of typer's belongs to its app."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {
        node.name
        for node in tree.body
        if isinstance(node, kinds)
        and not any(ast.unparse(mark).startswith("app.") for mark in node.decorator_list)
    }


def bound(tree: ast.Module) -> set[str]:
    """Every name at the top of a module: defined, assigned or imported."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {
                name.id
                for target in node.targets
                for name in ast.walk(target)
                if isinstance(name, ast.Name)
            }
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
    return names


def in_order_of_ruff(names: list[str]) -> list[str]:
    """RUF022: CONSTANTS, then Classes, then the rest; digits count as numbers."""

    def key(name: str) -> tuple[int, list[tuple[bool, int | str]]]:
        rank = 0 if name.isupper() else 1 if name[0].isupper() else 2
        parts = [part for part in re.split(r"(\d+)", name) if part]
        return rank, [(not p.isdigit(), int(p) if p.isdigit() else p) for p in parts]

    return sorted(names, key=key)


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_all_is_complete_and_sorted(path):
    tree = tree_of(path)
    public = {name for name in defined(tree) if not name.startswith("_")}
    names = declared(tree)
    if names is None:
        assert not public, "public names, and no __all__"
        return
    assert public <= set(names)
    assert len(set(names)) == len(names)
    assert names == in_order_of_ruff(names)
    if path != ROOT / "__init__.py":  # its names are loaded when they are used
        assert set(names) <= bound(tree)


def test_every_name_of_the_package_resolves():
    for name in rg.__all__:
        assert getattr(rg, name) is not None, name
    assert set(dir(rg)) >= set(rg.__all__)


def test_a_name_comes_from_where_it_is_defined():
    from ruralgrid.county import County
    from ruralgrid.errors import InputError
    from ruralgrid.plan import read_plan

    assert (rg.County, rg.InputError, rg.read_plan) == (County, InputError, read_plan)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'syntesise'"):
        rg.syntesise  # noqa: B018


def test_the_session_of_the_design_can_be_typed():
    """Design, section 1: the names of the user's session."""
    session = {"read_plan", "audit", "synthesise", "build", "study"}
    assert session <= set(rg.__all__)


def test_importing_the_package_imports_nothing_heavy():
    """Seen from a new process: the names in sys.modules after `import ruralgrid`."""
    code = "import json, sys, ruralgrid; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert "ruralgrid" in loaded
    assert not loaded & set(HEAVY)


def test_reading_and_auditing_a_plan_needs_no_pandapower():
    """`ruralgrid audit` answers at once: no load flow is loaded for it."""
    code = (
        "import json, sys, ruralgrid as rg; rg.audit(rg.read_plan('ningxian'));"
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(json.loads(run.stdout)) & {"pandapower", "numba", "matplotlib"}
