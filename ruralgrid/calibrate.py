"""A synthetic county whose low voltage comes out of the load flow as the plan counts it.

The synthesis draws; here the one free scale, the length of the tails, is found by load flow. The
count of low households alone leaves it open (many lengths make the same villages low), so the
target is the median voltage at the entry of the low-voltage villages at their own yearly worst; the
count is then a check. Three targets, low, middle and high, are carried through to the end. No
village is tuned by itself, and no loss is tuned at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ruralgrid.county import County, Origin
from ruralgrid.county.synthesis import Assumption, Assumptions, assumptions_for, draw_county
from ruralgrid.county.synthesis.names import tail_name
from ruralgrid.demand import load_of
from ruralgrid.errors import ConvergenceError, InputError, UnknownNameError, require_kind
from ruralgrid.flow.four_wire import solve_year_four_wire
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.network import build
from ruralgrid.network.four_wire import build_four_wire
from ruralgrid.plan import Plan
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["CALIBRATIONS", "calibrations", "synthesise"]

CALIBRATIONS: Final = ("low", "middle", "high")

_HOURS_PER_CURVE: Final = 6
"""Highest hours of each curve that the search solves: a village's worst hour is among them."""

_TOLERANCE_V: Final = 0.2
_TOLERANCE_PU: Final = 1e-5
"""Of the load flow, 2 mV: a hundredth of what the search leaves."""
_MOST_STEPS: Final = 20
_COLLAPSED_V: Final = 100.0
_MOMENT_BOUNDS: Final = (0.2, 0.6)
_LEAST_MOMENT, _MOST_MOMENT = 0.03, 4.5

Floats = NDArray[np.float64]


def synthesise(
    plan: Plan,
    seed: int = 1,
    *,
    calibration: str = "middle",
    assumptions: Assumptions | None = None,
) -> County:
    """A county whose totals are the plan's and whose low-voltage villages are low.

    Parameters
    ----------
    plan : Plan
        See `read_plan`.
    seed : int
        The same seed gives the same county on every machine.
    calibration : {"low", "middle", "high"}
        Which entry voltage the tails are calibrated on (assumptions entry_voltage_*_v).
    assumptions : Assumptions, optional
        By default the packaged ones, overruled by `assumptions.toml` beside the plan.

    Returns
    -------
    County
        At stage 0, with the edits of all batches; the calibrated figure is among its assumptions.

    Raises
    ------
    InputError
        If the plan's totals cannot be met, or no length of the tails gives the entry voltage.
    """
    require_kind(plan, Plan, "plan", "read_plan")
    if calibration not in CALIBRATIONS:
        raise UnknownNameError("calibration", calibration, CALIBRATIONS)
    assumed = assumptions if assumptions is not None else assumptions_for(plan)
    return calibrations(Origin(plan, seed, assumed), [calibration])[calibration]


def calibrations(origin: Origin, wanted: Sequence[str]) -> dict[str, County]:
    """Counties of one origin under several calibrations; they share one search.

    Parameters
    ----------
    origin : Origin
        Plan, seed and assumptions; the tails start from the assumed relative moment.
    wanted : sequence of str
        Names out of `CALIBRATIONS`.
    """
    plan, seed, assumed = origin.plan, origin.seed, origin.assumptions
    drawn = draw_county(plan, seed, assumed)
    if not (drawn.villages["plan_class"] == "low_voltage").any():
        return {name: replace(drawn, origin=Origin(plan, seed, assumed, name)) for name in wanted}
    search = _Search(drawn, assumed["tail_relative_moment"])
    counties = {}
    for name in wanted:
        target_v = assumed[f"entry_voltage_{name}_v"]
        found = Assumption(
            search.moment_for(target_v),
            "-",
            "assumed",
            f"calibrated by load flow: median entry voltage {target_v:g} V ({name} calibration)",
        )
        calibrated = Assumptions({**assumed.items, "tail_relative_moment": found})
        county = draw_county(plan, seed, calibrated)
        counties[name] = replace(county, origin=Origin(plan, seed, calibrated, name))
    return counties


@dataclass
class _Search:
    """The entry voltage as a function of the scale of the tails, on the net as first drawn.

    Only lengths move: the tails in proportion, the other 0.4 kV lines so that the stated total
    stays.
    """

    county: County
    drawn_with: float

    def __post_init__(self) -> None:
        county = self.county
        self.net: pandapowerNet = build(county, hour="mean")
        self.areas = build_four_wire(county)
        load = load_of(county)
        self.profiles = LoadProfiles(load.curves, load.curve_of)
        low = county.villages[county.villages["plan_class"] == "low_voltage"]
        tails = county.sections.set_index("name")["to_node"].loc[
            [tail_name(n) for n in low["name"]]
        ]
        bus_of = dict(zip(self.net.bus["name"], self.net.bus.index, strict=True))
        self.entries = [bus_of[node] for node in tails]
        self.is_tail = self.net.line["name"].isin(tails.index).to_numpy()
        kv = self.net.bus["vn_kv"].loc[self.net.line["from_bus"]].to_numpy()
        self.is_other = (kv < 1) & ~self.is_tail
        self.length_km = self.net.line["length_km"].to_numpy().copy()
        own = county.consumers["village"].isin(low["name"]).to_numpy()
        self.known: list[tuple[float, float]] = []
        self.hours = _highest_hours(load.curves, np.unique(load.curve_of[own]), load.total_kw())

    def entry_v(self, moment: float) -> float:
        """Median of the lowest phase voltage [V] at the entries, for a relative moment."""
        scale = moment / self.drawn_with
        tails = self.length_km[self.is_tail].sum()
        others = self.length_km[self.is_other].sum()
        length = self.length_km.copy()
        length[self.is_tail] *= scale
        length[self.is_other] *= 1 - (scale - 1) * tails / others
        self.net.line["length_km"] = length
        longer = np.append(length / self.length_km, 1.0)  # a busbar has no section above it: -1
        ohm = self.areas.impedance_ohm * longer[self.areas.section_row][:, None, None]
        solution = solve_year_four_wire(
            replace(self.areas, impedance_ohm=ohm),
            self.net,
            self.profiles,
            hours=self.hours,
            tolerance_pu=_TOLERANCE_PU,
            progress=False,
        )
        lowest = solution.buses.loc[self.entries, "vm_min_pu"].to_numpy()
        voltage = float(np.median(np.nan_to_num(lowest))) * 0.4 * KILO / SQRT3
        self.known.append((moment, voltage))
        return voltage

    def moment_for(self, target_v: float) -> float:
        """The relative moment that gives `target_v`: false position between known points."""
        if not self.known:
            for moment in _MOMENT_BOUNDS:
                self.entry_v(moment)
        for _ in range(_MOST_STEPS):
            nearest = min(self.known, key=lambda point: abs(point[1] - target_v))
            if abs(nearest[1] - target_v) <= _TOLERANCE_V:
                return round(nearest[0], 4)
            above = [point for point in self.known if point[1] >= target_v]
            below = [point for point in self.known if point[1] < target_v]
            if not above or not below:  # widen the bounds before giving up
                moment = 2 * max(self.known)[0] if above else min(self.known)[0] / 2
                if not _LEAST_MOMENT <= moment <= _MOST_MOMENT:
                    break
                self.entry_v(moment)
                continue
            (a, va), (b, vb) = max(above), min(below)
            # a collapsed end says nothing of the slope: halve the interval there
            share = (va - target_v) / (va - vb) if vb > _COLLAPSED_V else 0.5
            self.entry_v(a + share * (b - a))
        (low, most_v), *_, (high, least_v) = sorted(self.known)
        if most_v == 0:
            raise ConvergenceError(
                "the load flow has no solution at the low-voltage villages, however short their "
                "tails: too much load for the net above them",
                self.county.stage,
            )
        raise InputError(
            f"no tail gives a median entry voltage of {target_v:g} V; moments from {low:g} "
            f"to {high:g} give {most_v:.1f} to {least_v:.1f} V",
            "assumption entry_voltage",
        )


def _highest_hours(curves: Floats, used: NDArray[np.int64], total_kw: Floats) -> NDArray[np.int64]:
    """The hours in which one of the curves, or the county, is among its highest."""
    rows = [*curves[used], total_kw]
    tops = [np.argsort(-row, kind="stable")[:_HOURS_PER_CURVE] for row in rows]
    return np.unique(np.concatenate(tops))
