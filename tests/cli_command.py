"""The command `ruralgrid` in this process: what it prints where, and what it leaves with."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from subprocess import CompletedProcess

from ruralgrid.cli import main


def run_here(*words: str | Path) -> CompletedProcess[str]:
    """Run the command with `words` as a shell would, both outputs piped.

    An error that a user would see as a traceback is raised here.
    """
    told, said = io.StringIO(), io.StringIO()
    left: str | int | None = None
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(said):
        try:
            main([str(word) for word in words])
        except SystemExit as leaving:
            left = leaving.code
    assert isinstance(left, int), f"the command left with {left!r}"
    return CompletedProcess(["ruralgrid", *map(str, words)], left, told.getvalue(), said.getvalue())
