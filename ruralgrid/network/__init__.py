"""The county as a pandapower net, and the catalogue as its standard types."""

from ruralgrid.network.build import build
from ruralgrid.network.foreign import check_pandapower, is_net, village_of_bus
from ruralgrid.network.from_pandapower import (
    from_pandapower,
    read_pandapower_json,
    write_pandapower_json,
)
from ruralgrid.network.names import bus_labels
from ruralgrid.network.std_types import register_std_types

__all__ = [
    "build",
    "bus_labels",
    "check_pandapower",
    "from_pandapower",
    "is_net",
    "read_pandapower_json",
    "register_std_types",
    "village_of_bus",
    "write_pandapower_json",
]
