"""Named, dated sets of limits: voltage bands, loading, supply radius, with clause and grade.

The sets are files (`ruralgrid/data/limits/*.toml`) that an engineer can read and correct; a set of
one's own is a file of the same form. Every limit states its clause, whether a value exactly on it
is inside (`closed`) or outside (`open`), and how sure its figure is (`grade`).
"""

from ruralgrid.limits.read import get_limits, list_limits, read_limits, voltage_limits
from ruralgrid.limits.records import Limit, LimitSet, VoltageBand

__all__ = [
    "Limit",
    "LimitSet",
    "VoltageBand",
    "get_limits",
    "list_limits",
    "read_limits",
    "voltage_limits",
]
