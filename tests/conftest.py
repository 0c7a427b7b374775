"""What several test files share: the packaged plan, and counties drawn from it, each drawn once."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from functools import cache, cached_property

import pandas as pd
import pytest
from hypothesis import settings
from shared_results import VARIABLE, shared

from ruralgrid.county import County, conform
from ruralgrid.county.synthesis import draw_county
from ruralgrid.plan import Plan, read_plan

settings.register_profile("no clock", deadline=None)  # a busy machine is no fault
settings.load_profile("no clock")

FIRST = (
    "test_studies.py",  # compiles the kernels, and makes the small county and its study
    "test_county_files.py",  # these three need none of that: nobody waits for it or compiles twice
    "test_county_fuzz.py",
    "test_county_validate.py",
    "test_county_reference.py",  # then what takes longest, so that all workers end together
    "test_cli.py",
    "test_docs.py",
    "test_flow_tap_changers.py",
    "test_examples.py",
    "test_notebooks.py",
    "test_calibrate.py",
)
"""The files that are begun with, in this order; the others follow by name."""


def pytest_configure(config: pytest.Config) -> None:
    """A folder for results that the processes of this run share; files in the order of FIRST."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # by their numbers of tests, says xdist
    if not hasattr(config, "workerinput"):
        os.environ[VARIABLE] = tempfile.mkdtemp(prefix="ruralgrid-test-results-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(VARIABLE), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


class Drawn:
    """A drawn county with its stages, each applied once and kept."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.seed = seed
        digest = zlib.crc32(repr(plan).encode())
        name = f"{plan.document.county}_{seed}_{digest}"
        self.county = shared(name, lambda: draw_county(plan, seed))

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


@pytest.fixture
def tiny() -> County:
    """A county of one village, to be followed by eye.

    ::

        source                  mill                  4 households   2 on phase a
          |                      |                         |              |
         N35 ==station== N10 -- V10 ==unit== LV -- abcn -- P1 --- an --- P2
                          |______ tie, open __|
                          T10
    """
    frames = {
        "nodes": pd.DataFrame(
            [
                ("N35", 35.0, "busbar"),
                ("N10", 10.0, "busbar"),
                ("V10", 10.0, "junction"),
                ("T10", 10.0, "junction"),
                ("LV", 0.4, "busbar"),
                ("P1", 0.4, "service_point"),
                ("P2", 0.4, "service_point"),
            ],
            columns=["name", "kv", "kind"],
        ),
        "sections": pd.DataFrame(
            [
                ("trunk", "N10", "V10", "LGJ-50/8", "10kV-tri-bare-80", "abc", 4.0, False),
                ("spur", "N10", "T10", "LGJ-35/6", "10kV-tri-bare-80", "abc", 1.0, False),
                ("tie", "T10", "V10", "LGJ-35/6", "10kV-tri-bare-80", "abc", 2.0, True),
                ("main", "LV", "P1", "LGJ-35/6", "0.4kV-hor4-50", "abcn", 0.3, False),
                ("branch", "P1", "P2", "LJ-25", "0.4kV-hor2-50", "an", 0.1, False),
            ],
            columns=[
                "name",
                "from_node",
                "to_node",
                "conductor",
                "arrangement",
                "phases",
                "length_km",
                "normally_open",
            ],
        ),
        "transformers": pd.DataFrame(
            [("station", "SZ9-3150/35", "N35", "N10", 0), ("unit", "S9-100/10", "V10", "LV", 0)],
            columns=["name", "type", "hv_node", "lv_node", "tap"],
        ),
        "sources": pd.DataFrame([("grid", "N35", 1.02)], columns=["name", "node", "vm_pu"]),
        "capacitors": pd.DataFrame([("bank", "N10", 300.0)], columns=["name", "node", "kvar"]),
        "consumers": pd.DataFrame(
            [
                ("mill", "LV", "V", "three_phase_user", 1, 8760.0, 0.80, "abc"),
                ("homes", "P1", "V", "household", 4, 2800.0, 0.92, "abc"),
                ("cottages", "P2", "V", "household", 2, 1400.0, 0.92, "a"),
            ],
            columns=[
                "name",
                "node",
                "village",
                "kind",
                "count",
                "kwh_per_year",
                "power_factor",
                "phases",
            ],
        ),
        "villages": pd.DataFrame(
            [("V", "town", "admin", 6)], columns=["name", "town", "admin_village", "households"]
        ),
    }
    return County("tiny", **{name: conform(name, frame) for name, frame in frames.items()})
