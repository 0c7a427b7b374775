"""The notebooks: kept without outputs, run whole, no warning let through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from small_county import ROOT, python_path

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALL_PLAN = ROOT / "examples" / "small_plan"
STRICT = """\
import os
import warnings

warnings.simplefilter("error")
warnings.filterwarnings("ignore", module="ipykernel")  # of its own end, after the last cell

import small_county

small_county.use_what_is_known()
os.chdir({folder!r})
%reset -f
"""


def name_of(path: Path) -> str:
    return path.stem


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def test_the_notebooks_are_found() -> None:
    assert [path.stem[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_asks_a_question_first(path: Path) -> None:
    title = read(path).cells[0].source.splitlines()[0]
    assert title.startswith("# ")
    assert title.endswith("?")


@pytest.fixture(scope="module")
def kernel() -> Iterator[AsyncKernelManager]:
    """One process for all of them, emptied of its names before each: the package is loaded once."""
    manager = AsyncKernelManager(kernel_name="python3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RURALGRID_NOTEBOOK_PLAN", str(SMALL_PLAN))
        patch.setenv("PYTHONPATH", python_path())
        yield manager
    run_sync(manager.shutdown_kernel)(now=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_notebook_runs(path: Path, kernel: AsyncKernelManager, tmp_path: Path) -> None:
    """On the small plan, every warning an error; what it draws is drawn.

    The small county and its whole study are those of the tests of studies.
    """
    notebook = read(path)
    strict = STRICT.format(folder=str(tmp_path))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(strict))  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=180, km=kernel).execute()
    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert outputs
    assert not [out for out in outputs if out.get("name") == "stderr"]
    draws = any(".plot" in cell.source or "plot_" in cell.source for cell in notebook.cells)
    drawn = [out for out in outputs if "image/png" in out.get("data", {})]
    assert bool(drawn) == draws
