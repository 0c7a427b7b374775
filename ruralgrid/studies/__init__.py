"""A study: the stages of a county solved and judged, the claim answered; and the guard."""

from ruralgrid.studies.guard import VoltageCheck, check_voltages
from ruralgrid.studies.result import Study
from ruralgrid.studies.run import study

__all__ = ["Study", "VoltageCheck", "check_voltages", "study"]
