"""Load flow: an hour by pandapower, a year by the engine of our own."""

from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.snapshot import solve_snapshot
from ruralgrid.flow.solution import YearSolution, read_year
from ruralgrid.flow.year import solve_year

__all__ = ["LoadProfiles", "YearSolution", "read_year", "solve_snapshot", "solve_year"]
