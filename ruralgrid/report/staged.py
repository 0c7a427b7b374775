"""A study with the counties of its stages, each made once for all that is reported of it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ruralgrid.report.supply import SupplyTree, supply_tree

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.studies import Study

__all__ = ["StagedStudy"]


class StagedStudy:
    """A study, its stages, and their counties and supply trees as they are first asked for.

    Parameters
    ----------
    study : Study
        Of `ruralgrid.study`.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._counties: dict[int, County] = {}
        self._trees: dict[int, SupplyTree] = {}

    @cached_property
    def stages(self) -> list[int]:
        """The stages that were studied."""
        return [int(stage) for stage in self.study.stages["stage"]]

    @property
    def ends(self) -> list[int]:
        """The first and the last of them; one where there is one."""
        return sorted({self.stages[0], self.stages[-1]})

    def county(self, stage: int) -> County:
        """The county at a stage."""
        if stage not in self._counties:
            self._counties[stage] = self.study.county.at(stage)
        return self._counties[stage]

    def tree(self, stage: int) -> SupplyTree:
        """How its nodes are fed."""
        if stage not in self._trees:
            self._trees[stage] = supply_tree(self.county(stage))
        return self._trees[stage]
