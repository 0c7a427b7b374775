"""Plots with matplotlib: each draws into `ax` or a new figure, and returns the Axes.

Nothing is shown and no setting of matplotlib is changed. Chinese names are drawn in a font that has
their signs, where the machine or the extra `fonts` has one.
"""

from ruralgrid.report.plots.county_map import plot_map
from ruralgrid.report.plots.hours import plot_duration, plot_load, village_hours
from ruralgrid.report.plots.overhead import plot_ampacity, plot_reactance, plot_sag
from ruralgrid.report.plots.profile import plot_profile, supply_profile
from ruralgrid.report.plots.works import plot_claim, plot_gains, plot_losses

__all__ = [
    "plot_ampacity",
    "plot_claim",
    "plot_duration",
    "plot_gains",
    "plot_load",
    "plot_losses",
    "plot_map",
    "plot_profile",
    "plot_reactance",
    "plot_sag",
    "supply_profile",
    "village_hours",
]
