"""The 0.4 kV nets with four wires: phases, neutral and earth, hour by hour."""

from ruralgrid.flow.four_wire.year import solve_year_four_wire

__all__ = ["solve_year_four_wire"]
