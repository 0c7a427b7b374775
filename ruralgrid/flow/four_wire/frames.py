"""From the tallies of the areas and the year of the net above to one `YearSolution`.

Frames and row order are those of a balanced year; four wires add columns and the frame `phases`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.county.area_walk import LOW_VOLTAGE_KV
from ruralgrid.flow.arrays import CONVERGED
from ruralgrid.flow.four_wire.arrays import ABOVE_FAILED, Gauges, Tally
from ruralgrid.flow.four_wire.conversion import AreaLoads, shunt_of_pi
from ruralgrid.flow.four_wire.upper import LOADS_PER_AREA
from ruralgrid.flow.solution import CAUSES, FAILED, SOLVED, UNSUPPLIED, YearSolution
from ruralgrid.network.four_wire import FourWireAreas
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["FourWireYear", "assemble_four_wire"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_PHASES: Final = "abc"


@dataclass(frozen=True, eq=False)
class FourWireYear:
    """All that the frames are made from.

    `upper` is the year of the net above; `group_of` and `consumer_of` pair each consumer's phases
    with the groups that they are in; `cause` is 0 for an area that is solved; `asked` holds the
    sum over the hours of each consumer's profile; `limits` names the limits, low ones first.
    """

    net: pandapowerNet
    areas: FourWireAreas
    loads: AreaLoads
    gauges: Gauges
    consumer_of: IntArray
    group_of: IntArray
    upper: YearSolution
    tally: Tally
    cause: IntArray
    failed_hour: IntArray
    supplied: npt.NDArray[np.bool_]
    hours: IntArray
    asked: FloatArray
    limits: list[str]

    @property
    def area_status(self) -> npt.NDArray[np.object_]:
        """Status of each area."""
        return np.select(
            [self.cause != CONVERGED, ~self.supplied], [FAILED, UNSUPPLIED], SOLVED
        ).astype(object)

    @property
    def status(self) -> npt.NDArray[np.object_]:
        """Status of each position."""
        return np.asarray(self.area_status[self.areas.area_of])


def assemble_four_wire(year: FourWireYear) -> YearSolution:
    """Name and scale what the kernel has tallied, beside the net above."""
    lines = _lines(year)
    transformers = _transformers(year)
    loads = _loads(year)
    return YearSolution(
        buses=_buses(year),
        lines=lines,
        transformers=transformers,
        transformers3w=year.upper.transformers3w,
        loads=loads,
        sources=year.upper.sources,
        static_generators=year.upper.static_generators,
        feeders=_feeders(year),
        balance=_balance(year, lines, transformers, loads),
        hours=year.hours,
        phases=_phases(year),
        tap_changers=year.upper.tap_changers,
        taps=year.upper.taps,
    )


def _whole(part: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the net above at their places in the whole table, the others blank."""
    table = part.reindex(frame.index)
    table["name"] = frame["name"].to_numpy()
    table["status"] = table["status"].fillna(UNSUPPLIED)
    return table


def _put(table: pd.DataFrame, name: str, rows: IntArray, values: FloatArray) -> None:
    """Write into some rows of a column that may be new."""
    column = table[name].to_numpy(dtype=float) if name in table else np.full(len(table), np.nan)
    column = column.copy()
    column[rows] = values
    table[name] = column


def _put_hours(
    year: FourWireYear, table: pd.DataFrame, name: str, rows: IntArray, at: IntArray, ok: FloatArray
) -> None:
    column = table[name].array.copy()
    known = np.isfinite(ok)
    column[rows[known]] = year.hours[at[known]]
    table[name] = column


def _root(values: FloatArray, ok: npt.NDArray[np.bool_]) -> FloatArray:
    """Square root where a value is known, NaN elsewhere."""
    out = np.full(len(values), np.nan)
    good = ok & np.isfinite(values)
    out[good] = np.sqrt(np.maximum(values[good], 0.0))
    return out


def _buses(year: FourWireYear) -> pd.DataFrame:
    table = _whole(year.upper.buses, year.net.bus)
    table["vn_kv"] = year.net.bus["vn_kv"].to_numpy()
    rows, tally, status = year.areas.node_row, year.tally, year.status
    ok = status == SOLVED
    _set_status(table, rows, status)
    for value, hour in (("min", "u2_min"), ("max", "u2_max")):
        volts = _root(getattr(tally, hour), ok)
        _put(table, f"vm_{value}_pu", rows, volts)
        _put_hours(year, table, f"vm_{value}_hour", rows, getattr(tally, f"{hour}_hour"), volts)
    size = len(rows)
    for number, name in enumerate(year.limits):
        limit = year.gauges.limit2[number * size : (number + 1) * size]
        hours = tally.beyond[number * size : (number + 1) * size]
        _put(table, name, rows, np.where(ok & np.isfinite(limit), hours, np.nan))
    return table


def _set_status(table: pd.DataFrame, rows: IntArray, status: npt.NDArray[np.object_]) -> None:
    column = table["status"].to_numpy(dtype=object).copy()
    column[rows] = status
    table["status"] = column


def _phases(year: FourWireYear) -> pd.DataFrame:
    """Each 0.4 kV bus: voltages of its phases, of its neutral, and their unbalance."""
    areas, tally = year.areas, year.tally
    ok = year.status == SOLVED
    index = year.net.bus.index[areas.node_row]
    columns: dict[str, object] = {
        "name": year.net.bus["name"].to_numpy()[areas.node_row],
        "status": year.status,
        "connected": _letters(year.gauges.connected),
    }
    for side in ("min", "max"):
        values = getattr(tally, f"{side}_u").reshape(-1, 3)
        for number, letter in enumerate(_PHASES):
            columns[f"v_{letter}_{side}_pu"] = _root(values[:, number], ok)
    columns |= _phase_hours(year, ok)
    base = areas.base_v[areas.area_of]
    columns["neutral_v_max"] = _root(tally.un2_max, ok) * base
    columns["unbalance_max_percent"] = 100 * _root(tally.unbalance2, ok)
    return pd.DataFrame(columns, index=index).sort_index()


def _phase_hours(year: FourWireYear, ok: npt.NDArray[np.bool_]) -> dict[str, object]:
    """Hours of each phase below each low limit; NaN where there is no such phase, or no limit."""
    size = len(year.areas.node_row)
    hours = year.tally.phase_beyond.reshape(-1, size, 3)
    return {
        f"{name}_{letter}": np.where(
            ok
            & np.isfinite(year.gauges.limit2[number * size : (number + 1) * size])
            & (year.gauges.present >> phase & 1 > 0),
            hours[number, :, phase],
            np.nan,
        )
        for number, name in enumerate(year.limits[: len(hours)])
        for phase, letter in enumerate(_PHASES)
    }


def _letters(masks: IntArray) -> list[str]:
    text = [
        "".join(letter for bit, letter in enumerate(_PHASES) if mask >> bit & 1)
        for mask in range(8)
    ]
    return [text[mask] for mask in masks.tolist()]


def _lines(year: FourWireYear) -> pd.DataFrame:
    areas, tally = year.areas, year.tally
    below = np.flatnonzero(areas.section_row >= 0)
    rows, ok = areas.section_row[below], (year.status == SOLVED)[below]
    table = _whole(year.upper.lines, year.net.line)
    _set_status(table, rows, year.status[below])
    ka = (1 / areas.base_v)[areas.area_of[below]]
    base = (areas.base_v**2 / KILO)[areas.area_of[below]]
    matrix = areas.impedance_ohm[below]
    neutral_ohm = matrix[:, 3, 3].real - _earth_ohm(matrix, areas.wires[below])
    _put(table, "loss_kwh", rows, np.where(ok, tally.loss[below], np.nan))
    loading = _root(tally.loading2[below], ok) * ka / areas.ampacity_a[below] * KILO
    _put(table, "loading_max_percent", rows, 100 * loading)
    _put_hours(year, table, "loading_max_hour", rows, tally.loading_hour[below], loading)
    _put(table, "i_max_ka", rows, _root(tally.current2[below], ok) * ka)
    heat = tally.neutral2[below] * neutral_ohm / base
    _put(table, "neutral_loss_kwh", rows, np.where(ok, heat, np.nan))
    _put(table, "neutral_i_max_ka", rows, _root(tally.neutral2_max[below], ok) * ka)
    return table


def _earth_ohm(matrix: npt.NDArray[np.complex128], wires: IntArray) -> FloatArray:
    """Resistance of the earth's return: the real part of a mutual impedance."""
    first = np.argmax(wires[:, None] & np.array([1, 2, 4]) > 0, axis=1)
    return np.asarray(matrix[np.arange(len(matrix)), first, 3].real)


def _transformers(year: FourWireYear) -> pd.DataFrame:
    areas, tally = year.areas, year.tally
    table = _whole(year.upper.transformers, year.net.trafo)
    names = pd.Index(year.net.trafo["name"])
    rows = names.get_indexer(_names(year))
    ok = year.area_status == SOLVED
    _set_status(table, rows, year.area_status)
    no_load = shunt_of_pi(areas).real * (tally.e2 + tally.u2)
    _put(table, "no_load_kwh", rows, np.where(ok, no_load, np.nan))
    _put(table, "load_kwh", rows, np.where(ok, tally.taken - tally.given - no_load, np.nan))
    loading = 100 * _root(tally.unit2, ok)
    _put(table, "loading_max_percent", rows, loading)
    _put_hours(year, table, "loading_max_hour", rows, tally.unit_hour, loading)
    return table


def _names(year: FourWireYear) -> list[str]:
    return list(year.areas.transformer_name)


def _loads(year: FourWireYear) -> pd.DataFrame:
    areas = year.areas
    table = _whole(_own_loads(year), year.net.load)
    status = year.status[areas.consumer_position]
    ok = status == SOLVED
    _set_status(table, areas.consumer_row, status)
    share = 1 / np.bincount(year.consumer_of, minlength=len(ok))[year.consumer_of]
    factor = np.bincount(
        year.consumer_of, year.tally.served[year.group_of] * share, minlength=len(ok)
    )
    served = np.where(ok, factor * year.loads.p_kw, np.nan)
    _put(table, "served_kwh", areas.consumer_row, served)
    asked = year.asked * year.loads.p_kw
    _put(table, "asked_kwh", areas.consumer_row, asked)
    _put(table, "not_served_kwh", areas.consumer_row, np.where(ok, 0.0, asked))
    return table


def _own_loads(year: FourWireYear) -> pd.DataFrame:
    """Loads of the net above without those that stand for the areas."""
    areas = LOADS_PER_AREA * len(year.areas.transformer_row)
    return year.upper.loads.iloc[: len(year.upper.loads) - areas]


def _feeders(year: FourWireYear) -> pd.DataFrame:
    """Those above, the buses of their areas counted in, and a row for each area that failed."""
    table = year.upper.feeders.copy()
    sizes = np.diff(year.areas.first)
    ok = year.area_status == SOLVED
    if len(table):
        counts = table["buses"].to_numpy().copy()
        beside = len(year.upper.buses) - int((year.net.bus["vn_kv"] >= LOW_VOLTAGE_KV).sum())
        counts[0] += int(sizes[ok].sum()) - beside
        table["buses"] = counts
    bad = np.flatnonzero((year.area_status == FAILED) & (year.cause != ABOVE_FAILED))
    if not len(bad):
        return table
    names = year.net.bus["name"].to_numpy()[year.areas.node_row[year.areas.first[:-1]]]
    rows = pd.DataFrame(
        {
            "root": names[bad],
            "buses": sizes[bad],
            "status": FAILED,
            "failed_hour": pd.array(year.hours[year.failed_hour[bad]], dtype="Int64"),
            "cause": [CAUSES[int(code)] for code in year.cause[bad]],
        }
    )
    return pd.concat([table, rows], ignore_index=True)


def _balance(
    year: FourWireYear, lines: pd.DataFrame, transformers: pd.DataFrame, loads: pd.DataFrame
) -> pd.Series:
    sums = year.upper.balance.copy()
    drawn = year.upper.loads["served_kwh"].iloc[len(_own_loads(year)) :].sum()
    inside = ~lines.index.isin(year.upper.lines.index)
    sums["line_loss_kwh"] += lines.loc[inside, "loss_kwh"].sum()
    own = transformers.loc[~transformers.index.isin(year.upper.transformers.index)]
    sums["no_load_kwh"] += own["no_load_kwh"].sum()
    sums["load_loss_kwh"] += own["load_kwh"].sum()
    sums["not_served_kwh"] = loads["not_served_kwh"].sum()
    consumers = loads["served_kwh"].to_numpy()[year.areas.consumer_row]
    sums["served_kwh"] += float(np.nansum(consumers)) - drawn
    spent = ("served_kwh", "shunt_kwh", "line_loss_kwh", "no_load_kwh", "load_loss_kwh")
    gained = sums["fed_kwh"] + sums["generated_kwh"]
    sums["residual_kwh"] = gained - sum(sums[name] for name in spent)
    return sums
