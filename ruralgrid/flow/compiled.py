"""Compiling by numba, the code kept on disk where a folder may be written."""

# mypy: disable-error-code="no-untyped-call"
# numba has no types

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["compiled"]


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that holds no lock, and keep its code for other processes."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder may be written: compiled anew in every process then
        return njit(nogil=True)(function)
