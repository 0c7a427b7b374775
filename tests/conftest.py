"""What several test files share: the packaged plan, and counties drawn from it, each drawn once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property

import pandas as pd
import pytest

from ruralgrid.county import County
from ruralgrid.county.synthesis import draw_county
from ruralgrid.plan import Plan, read_plan


class Drawn:
    """A drawn county with its stages, each applied once and kept."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.seed = seed
        self.county = draw_county(plan, seed)

    @cached_property
    def stages(self) -> list[County]:
        """The county at stage 0, 1, ..., each from the one before."""
        stages = [self.county]
        for stage in self.county.stages[1:]:
            stages.append(stages[-1].at(stage))
        return stages

    def with_kv(self, stage: int) -> pd.DataFrame:
        """The sections of a stage by name, with the voltage of their beginning."""
        county = self.stages[stage]
        kv = county.nodes.set_index("name")["kv"]
        return county.sections.assign(kv=county.sections["from_node"].map(kv)).set_index("name")

    def new_lines(self, stage: int) -> pd.DataFrame:
        """Sections that a batch adds or strings with another conductor: two tables compared."""
        after, before = self.with_kv(stage), self.with_kv(stage - 1)
        return after[after["conductor"] != before["conductor"].reindex(after.index)]

    def new_transformers(self, stage: int) -> pd.DataFrame:
        """Transformers that stand at a stage and did not before, with the voltage of their node."""
        after, before = self.stages[stage], self.stages[stage - 1]
        kv = after.nodes.set_index("name")["kv"]
        units = after.transformers.assign(kv=after.transformers["hv_node"].map(kv))
        return units[~units["name"].isin(before.transformers["name"])]


@pytest.fixture(scope="session")
def plan() -> Plan:
    return read_plan("ningxian")


@pytest.fixture(scope="session")
def draw(plan: Plan) -> Callable[[int], Drawn]:
    """Draws a county by its seed; the second call with a seed returns the first one's."""
    return cache(lambda seed: Drawn(plan, seed))


@pytest.fixture(scope="session")
def county(draw: Callable[[int], Drawn]) -> County:
    return draw(1).county


@pytest.fixture(params=[1, 2, 3, 4, 5], scope="session")
def drawn(request: pytest.FixtureRequest, draw: Callable[[int], Drawn]) -> Drawn:
    """The counties of five seeds, one after the other."""
    return draw(request.param)
