"""The county as a pandapower net, and the catalogue as its standard types."""

from ruralgrid.network.build import build
from ruralgrid.network.std_types import register_std_types

__all__ = ["build", "register_std_types"]
