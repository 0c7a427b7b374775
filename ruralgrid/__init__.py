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
    "LimitSet": "limits",
    "LoadProfiles": "flow.profiles",
    "Plan": "plan",
    "RuralGridError": "errors",
    "Study": "studies",
    "TopologyError": "errors",
    "UnknownNameError": "errors",
    "WriteError": "errors",
    "audit": "plan",
    "build": "network",
    "check_voltages": "studies",
    "from_pandapower": "network.from_pandapower",
    "get_conductor": "equipment",
    "get_limits": "limits",
    "read_county": "county.files",
    "read_plan": "plan",
    "register_std_types": "network",
    "solve_snapshot": "flow",
    "solve_year": "flow",
    "solve_year_four_wire": "flow.four_wire",
    "study": "studies",
    "synthesise": "calibrate",
    "validate": "county.validate",
    "write_county": "county.files",
    "write_geojson": "network.geojson",
    "write_opendss": "report.exports",
}

__all__ = [
    "ConvergenceError",
    "County",
    "Finding",
    "Findings",
    "InputError",
    "LimitSet",
    "LoadProfiles",
    "Plan",
    "RuralGridError",
    "Study",
    "TopologyError",
    "UnknownNameError",
    "WriteError",
    "__version__",
    "audit",
    "build",
    "check_voltages",
    "from_pandapower",
    "get_conductor",
    "get_limits",
    "read_county",
    "read_plan",
    "register_std_types",
    "solve_snapshot",
    "solve_year",
    "solve_year_four_wire",
    "study",
    "synthesise",
    "validate",
    "write_county",
    "write_geojson",
    "write_opendss",
]

if TYPE_CHECKING:
    from ruralgrid.calibrate import synthesise
    from ruralgrid.county import County
    from ruralgrid.county.files import read_county, write_county
    from ruralgrid.county.validate import validate
    from ruralgrid.equipment import get_conductor
    from ruralgrid.errors import (
        ConvergenceError,
        InputError,
        RuralGridError,
        TopologyError,
        UnknownNameError,
        WriteError,
    )
    from ruralgrid.findings import Finding, Findings
    from ruralgrid.flow import solve_snapshot, solve_year
    from ruralgrid.flow.four_wire import solve_year_four_wire
    from ruralgrid.flow.profiles import LoadProfiles
    from ruralgrid.limits import LimitSet, get_limits
    from ruralgrid.network import build, register_std_types
    from ruralgrid.network.from_pandapower import from_pandapower
    from ruralgrid.network.geojson import write_geojson
    from ruralgrid.plan import Plan, audit, read_plan
    from ruralgrid.report.exports import write_opendss
    from ruralgrid.studies import Study, check_voltages, study


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ruralgrid' has no attribute {name!r}")
    return getattr(importlib.import_module(f"ruralgrid.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
