"""Results that every process of one test run shares: made by the first that asks, read by others.

The folder stands in the environment, so that workers, notebook kernels and other child processes
find it; `conftest.py` makes and removes it.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

VARIABLE = "RURALGRID_TEST_RESULTS"
_LONGEST_S = 600  # a maker that takes longer has died
_PAUSE_S = 0.1

T = TypeVar("T")


def shared(name: str, make: Callable[[], T]) -> T:
    """The result of `make`, or what another process of this run made under the same name."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return make()
    file, claim = Path(folder) / f"{name}.pickle", Path(folder) / f"{name}.claim"
    patience = time.monotonic() + _LONGEST_S
    while not file.exists():
        try:
            claim.touch(exist_ok=False)
        except FileExistsError:
            if time.monotonic() > patience:
                return make()
            time.sleep(_PAUSE_S)
            continue
        try:
            return _written(file, make())
        finally:
            claim.unlink()  # who waits finds the file, or makes it where this failed
    return pickle.loads(file.read_bytes())


def _written(file: Path, result: T) -> T:
    """Put a result into its file, at once and whole."""
    part = file.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(result))
    part.replace(file)
    return result
