"""A synthetic county: drawn from a plan's totals, seeded, every assumption named."""

from ruralgrid.county.synthesis.assumptions import Assumption, Assumptions, read_assumptions
from ruralgrid.county.synthesis.draw import assumptions_for, draw_county

__all__ = ["Assumption", "Assumptions", "assumptions_for", "draw_county", "read_assumptions"]
