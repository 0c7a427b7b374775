"""Demand: the year of each kind of customer, coincidence, and the load of a county's customers."""

from ruralgrid.demand.diversity import class_of, excess_of
from ruralgrid.demand.load import Load, load_of
from ruralgrid.demand.shapes import yearly_shape

__all__ = ["Load", "class_of", "excess_of", "load_of", "yearly_shape"]
