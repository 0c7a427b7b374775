"""A county drawn from a plan: stated totals held exactly, everything else assumed and said so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ruralgrid.county.synthesis.areas import lay_out
from ruralgrid.county.synthesis.assumptions import Assumptions, read_assumptions
from ruralgrid.county.synthesis.batches import Batches
from ruralgrid.county.synthesis.consumers import Consumers
from ruralgrid.county.synthesis.draft import Draft, Streams
from ruralgrid.county.synthesis.existing import Existing
from ruralgrid.county.synthesis.high_voltage import HighVoltage
from ruralgrid.county.synthesis.places import Land
from ruralgrid.county.synthesis.projects import Projects
from ruralgrid.county.synthesis.sites import survey
from ruralgrid.county.tables import TABLES, County, Origin

if TYPE_CHECKING:
    from ruralgrid.plan import Plan

__all__ = ["assumptions_for", "draw_county"]


def assumptions_for(plan: Plan) -> Assumptions:
    """The packaged assumptions, overruled by `assumptions.toml` beside the plan where it stands."""
    beside = Path(plan.path).parent / "assumptions.toml"
    return read_assumptions(beside) if beside.is_file() else read_assumptions()


def draw_county(plan: Plan, seed: int = 1, assumptions: Assumptions | None = None) -> County:
    """Draw a county whose totals are the plan's; the same seed gives the same county everywhere.

    Nothing is calibrated here: `ruralgrid.synthesise` finds the length of the tails by load flow.

    Parameters
    ----------
    plan : Plan
    seed : int
        Another seed is another county with the same totals.
    assumptions : Assumptions, optional
        By default those of `assumptions_for(plan)`.

    Raises
    ------
    InputError
        If the plan's totals cannot be met; the message names the figure.
    """
    assumed = assumptions if assumptions is not None else assumptions_for(plan)
    streams, draft, land = Streams(seed), Draft(), Land.of(plan)
    sites = survey(plan, land, assumed, streams)
    high = HighVoltage(plan, land, assumed, draft, sites.stations, sites.lines, sites.source)
    high.draw()
    projects = Projects(high)
    projects.draw()
    areas = lay_out(plan, sites, land, assumed, streams)
    existing = Existing(sites, areas, land, assumed, streams, draft, high)
    existing.draw()
    Consumers(existing).draw()
    Batches(plan, existing, projects.new_stations).draw()
    table = assumed.to_frame()
    return County(
        name=plan.document.county or Path(plan.path).stem,
        **{name: draft.table(name) for name in TABLES},
        assumptions=table,
        origin=Origin(plan, seed, assumed),
    )
