"""ruralgrid: rural distribution networks, from a county's plan or tables to voltages and losses.

>>> import ruralgrid as rg
>>> plan = rg.read_plan("ningxian")
>>> county = rg.synthesise(plan, seed=1)
>>> study = rg.study(county)

Names are loaded when they are first used, so that `import ruralgrid` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "ConvergenceError": "errors",
    "County": "county",
    "Finding": "findings",
    "Findings": "findings",
    "InputError": "errors",
    "Plan": "plan",
    "RuralGridError": "errors",
    "TopologyError": "errors",
    "UnknownNameError": "errors",
    "WriteError": "errors",
    "audit": "plan",
    "read_plan": "plan",
}

__all__ = sorted(["__version__", *_HOME])

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.errors import (
        ConvergenceError,
        InputError,
        RuralGridError,
        TopologyError,
        UnknownNameError,
        WriteError,
    )
    from ruralgrid.findings import Finding, Findings
    from ruralgrid.plan import Plan, audit, read_plan


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ruralgrid' has no attribute {name!r}")
    return getattr(importlib.import_module(f"ruralgrid.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
