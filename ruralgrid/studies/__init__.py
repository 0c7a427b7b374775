"""A study: the stages of a county solved and judged, the claim answered."""

from ruralgrid.studies.result import Study
from ruralgrid.studies.run import study

__all__ = ["Study", "study"]
