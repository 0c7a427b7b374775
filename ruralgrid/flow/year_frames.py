"""From the kernel's tally to the named frames of a `YearSolution`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ruralgrid.flow.areas import Cut
from ruralgrid.flow.arrays import CONVERGED, Records, Tally
from ruralgrid.flow.gauges import Probes, position_of_bus
from ruralgrid.flow.own_loops import LoopResults, read_own_loops
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import Branches, Demand, Tree
from ruralgrid.flow.radial.conversion import BRANCH_TABLES
from ruralgrid.flow.solution import (
    CAUSES,
    FAILED,
    OUT_OF_SERVICE,
    SOLVED,
    UNSUPPLIED,
    YearSolution,
)
from ruralgrid.flow.tap_frames import frame_tap_changers, frame_taps
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["SolvedYear", "assemble_solution"]

_ROWS_AT_A_TIME = 512
_STATES = np.array([OUT_OF_SERVICE, UNSUPPLIED, FAILED, SOLVED], dtype=object)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SolvedYear:
    """All that the frames are made from."""

    net: pandapowerNet
    branches: Branches
    tree: Tree
    demand: Demand
    probes: Probes
    profiles: LoadProfiles
    hours: IntArray
    tally: Tally
    cut: Cut

    @property
    def kwh(self) -> float:
        """Energy [kWh] of one pu in one hour."""
        return self.branches.base_mva * KILO

    @property
    def tree_solved(self) -> npt.NDArray[np.bool_]:
        """Whether each tree has a solution, but for what was cut off."""
        return self.tally.status == CONVERGED

    @cached_property
    def solved(self) -> npt.NDArray[np.bool_]:
        """Whether each position has a solution."""
        whole = np.repeat(self.tree_solved, np.diff(self.tree.first))
        return whole & ~self.cut.positions(len(self.tree.node))


def assemble_solution(year: SolvedYear, records: Records) -> YearSolution:
    """Name and scale what the kernel has tallied."""
    parts = {
        "lines": _lines(year),
        "transformers": _transformers(year, "trafo"),
        "transformers3w": _transformers(year, "trafo3w"),
        "loads": _loads(year),
        "sources": _sources(year),
        "static_generators": _static_generators(year),
    }
    return YearSolution(
        buses=_buses(year),
        **parts,
        feeders=_feeders(year),
        balance=_balance(year, parts),
        hours=year.hours,
        recorded=_recorded(year, records.voltage),
        tap_changers=frame_tap_changers(year.net.trafo, year.tree, records.taps, year.solved),
        taps=frame_taps(
            year.net.trafo,
            year.tree,
            records.taps[: len(records.taps) // 2],
            year.hours,
            year.solved,
        ),
    )


def _names(frame: pd.DataFrame) -> pd.Series:
    return frame["name"] if "name" in frame else pd.Series(None, index=frame.index, dtype=object)


def _masked(values: FloatArray | IntArray, keep: npt.NDArray[np.bool_]) -> FloatArray:
    return np.where(keep, values, np.nan)


def _taken(
    values: FloatArray, at: npt.NDArray[np.integer], keep: npt.NDArray[np.bool_]
) -> FloatArray:
    """``values[at]`` where `keep`, NaN elsewhere; `at` may be -1 there."""
    out = np.full(len(at), np.nan)
    out[keep] = values[at[keep]]
    return out


def _hour_column(hours: IntArray, at: FloatArray) -> pd.api.extensions.ExtensionArray:
    known = np.isfinite(at)
    column = pd.array(np.zeros(len(at), dtype=np.int64), dtype="Int64")
    column[known] = hours[at[known].astype(np.int64)]
    column[~known] = pd.NA
    return column


def _status(
    in_service: npt.NDArray[np.bool_],
    present: npt.NDArray[np.bool_],
    solved: npt.NDArray[np.bool_],
) -> npt.NDArray[np.object_]:
    code = np.select([~in_service, ~present, ~solved], [0, 1, 2], 3)
    names: npt.NDArray[np.object_] = _STATES[code]
    return names


def _buses(year: SolvedYear) -> pd.DataFrame:
    bus, tally = year.net.bus, year.tally
    position = position_of_bus(year.branches, year.tree)
    present = position >= 0
    ok = present & year.solved[position]
    low = _taken(tally.v2_min_hour.astype(float), position, ok)
    high = _taken(tally.v2_max_hour.astype(float), position, ok)
    columns = {
        "name": _names(bus),
        "vn_kv": bus["vn_kv"],
        "status": _status(bus["in_service"].to_numpy(dtype=bool), present, ok),
        "vm_min_pu": np.sqrt(_taken(tally.v2_min, position, ok)),
        "vm_min_hour": _hour_column(year.hours, low),
        "vm_max_pu": np.sqrt(_taken(tally.v2_max, position, ok)),
        "vm_max_hour": _hour_column(year.hours, high),
    }
    for name, probe in year.probes.column.items():
        columns[name] = _taken(tally.beyond.astype(float), probe, ok & (probe >= 0))
    return pd.DataFrame(columns, index=bus.index)


def _branch_positions(year: SolvedYear, table: str) -> tuple[IntArray, IntArray, IntArray]:
    """Positions whose branch belongs to `table`, with row and leg."""
    below = np.flatnonzero(year.tree.branch >= 0)
    own = year.tree.branch[below]
    here = year.branches.kind[own] == BRANCH_TABLES.index(table)
    return below[here], year.branches.row[own[here]], year.branches.leg[own[here]]


def _energies(year: SolvedYear, at: IntArray) -> tuple[FloatArray, FloatArray]:
    """Energy [kWh] in the shunts and in the series impedance of the branches above `at`."""
    tree, tally = year.tree, year.tally
    shunts = (
        tree.far_shunt.real[at] * tally.u2[at]
        + tree.near_shunt.real[at] * tally.u2[tree.parent[at]]
    )
    units = tree.unit[at]
    shunts[units >= 0] += tally.unit_shunt[units[units >= 0]]
    ok = year.solved[at]
    return _masked(shunts * year.kwh, ok), _masked(tally.loss[at] * year.kwh, ok)


def _own_loops(year: SolvedYear, table: str) -> LoopResults:
    return read_own_loops(year.net, year.branches, year.tree, year.tally, table)


def _lines(year: SolvedYear) -> pd.DataFrame:
    line = year.net.line
    at, row, _ = _branch_positions(year, "line")
    shunt_kwh, series_kwh = _energies(year, at)
    loss, i_max, hour = np.full((3, len(line)), np.nan)
    ok = year.solved[at]
    loss[row] = shunt_kwh + series_kwh
    i_max[row] = _masked(np.sqrt(np.maximum(year.tally.current2[at], 0)), ok)
    hour[row] = _masked(year.tally.current_hour[at], ok)
    present, solved = np.zeros((2, len(line)), dtype=bool)
    present[row], solved[row] = True, ok
    own = _own_loops(year, "line")
    own_ok = year.solved[own.position]
    loss[own.row] = _masked(own.loss * year.kwh, own_ok)
    i_max[own.row], hour[own.row] = _masked(own.peak, own_ok), _masked(own.hour, own_ok)
    present[own.row], solved[own.row] = True, own_ok
    rated = (line["max_i_ka"] * line["df"] * line["parallel"]).to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "name": _names(line),
            "loss_kwh": loss,
            "loading_max_percent": 100 * i_max / np.where(rated > 0, rated, np.nan),
            "loading_max_hour": _hour_column(year.hours, hour),
            "i_max_ka": i_max,
            "status": _status(line["in_service"].to_numpy(dtype=bool), present, solved),
        },
        index=line.index,
    )


def _transformers(year: SolvedYear, table: str) -> pd.DataFrame:
    frame = year.net[table]
    at, row, _ = _branch_positions(year, table)
    shunt_kwh, series_kwh = _energies(year, at)
    ok = year.solved[at]
    no_load, load = np.zeros((2, len(frame)))
    np.add.at(no_load, row, shunt_kwh)
    np.add.at(load, row, series_kwh)
    present = np.zeros(len(frame), dtype=bool)
    present[row] = True
    solved = np.zeros(len(frame), dtype=bool)
    solved[row] = ok
    loading, hour = np.full((2, len(frame)), np.nan)
    squared = year.tally.current2[at]
    order = np.argsort(squared, kind="stable")  # the highest of three legs is written last
    loading[row[order]] = np.sqrt(np.maximum(squared[order], 0))
    hour[row[order]] = year.tally.current_hour[at][order]
    own = _own_loops(year, table)
    no_load[own.row], loading[own.row], hour[own.row] = own.loss * year.kwh, own.peak, own.hour
    present[own.row], solved[own.row] = True, year.solved[own.position]
    return pd.DataFrame(
        {
            "name": _names(frame),
            "no_load_kwh": _masked(no_load, solved),
            "load_kwh": _masked(load, solved),
            "loading_max_percent": _masked(loading, solved),
            "loading_max_hour": _hour_column(year.hours, _masked(hour, solved)),
            "status": _status(frame["in_service"].to_numpy(dtype=bool), present, solved),
        },
        index=frame.index,
    )


def _group_solved(year: SolvedYear, group: IntArray) -> npt.NDArray[np.bool_]:
    position = np.repeat(np.arange(len(year.tree.node)), np.diff(year.demand.start))
    ok = np.zeros(len(group), dtype=bool)
    ok[group >= 0] = year.solved[position[group[group >= 0]]]
    return ok


def _loads(year: SolvedYear) -> pd.DataFrame:
    load, demand = year.net.load, year.demand
    ok = _group_solved(year, demand.load_group)
    in_service = load["in_service"].to_numpy(dtype=bool)
    sums = _profile_sums(year)
    asked = _taken(sums, year.profiles.of_load, in_service) * demand.load_p * year.kwh
    factor = _taken(year.tally.served, demand.load_group, ok)
    return pd.DataFrame(
        {
            "name": _names(load),
            "served_kwh": factor * demand.load_p * year.kwh,
            "asked_kwh": asked,
            "not_served_kwh": np.where(ok, 0.0, asked),
            "status": _status(in_service, demand.load_group >= 0, ok),
        },
        index=load.index,
    )


def _profile_sums(year: SolvedYear) -> FloatArray:
    """Sum over the hours solved of each profile that a load follows, NaN for the others."""
    values, used = year.profiles.values, np.flatnonzero(np.bincount(year.profiles.of_load))
    sums = np.full(len(values), np.nan)
    for first in range(0, len(used), _ROWS_AT_A_TIME):  # the rows may lie on disk
        part = used[first : first + _ROWS_AT_A_TIME]
        sums[part] = values[part][:, year.hours].sum(axis=1)
    return sums


def _static_generators(year: SolvedYear) -> pd.DataFrame:
    sgen, demand = year.net.sgen, year.demand
    ok = _group_solved(year, demand.sgen_group)
    factor = _taken(year.tally.served, demand.sgen_group, ok)
    present = demand.sgen_group >= 0
    return pd.DataFrame(
        {
            "name": _names(sgen),
            "kwh": factor * demand.sgen_p * year.kwh,
            "status": _status(sgen["in_service"].to_numpy(dtype=bool), present, ok),
        },
        index=sgen.index,
    )


def _sources(year: SolvedYear) -> pd.DataFrame:
    grid, tally = year.net.ext_grid, year.tally
    roots = year.tree.node[year.tree.first[:-1]]
    number = np.searchsorted(roots, year.branches.source_node)
    share = 1 / np.bincount(number, minlength=len(roots))[number]  # grids at one node share alike
    ok = year.tree_solved[number]
    fed, peak, hour = np.full((3, len(grid)), np.nan)
    rows = year.branches.source_row
    fed[rows] = _masked(tally.fed[number] * share * year.kwh, ok)
    peak[rows] = _masked(tally.fed_max[number] * share * year.branches.base_mva, ok)
    hour[rows] = _masked(tally.fed_max_hour[number], ok)
    present, solved = np.zeros((2, len(grid)), dtype=bool)
    present[rows], solved[rows] = True, ok
    return pd.DataFrame(
        {
            "name": _names(grid),
            "fed_kwh": fed,
            "peak_mw": peak,
            "peak_hour": _hour_column(year.hours, hour),
            "status": _status(grid["in_service"].to_numpy(dtype=bool), present, solved),
        },
        index=grid.index,
    )


def _feeders(year: SolvedYear) -> pd.DataFrame:
    """One row for each tree, and one for each part that was cut off because it failed alone."""
    tally, tree, cut = year.tally, year.tree, year.cut
    position = position_of_bus(year.branches, tree)
    off = cut.positions(len(tree.node))
    kept = np.sort(position[(position >= 0) & ~off[position]])
    ends = np.searchsorted(kept, tree.first)
    cut_buses = [
        int(np.count_nonzero((position >= root) & (position < root + size)))
        for root, size in zip(cut.root, cut.size, strict=True)
    ]
    status = np.concatenate([tally.status, cut.status])
    failed = status != CONVERGED
    hour = np.concatenate([tally.failed_hour, cut.failed_hour])
    return pd.DataFrame(
        {
            "root": [_bus_name(year, at) for at in (*tree.first[:-1], *cut.root)],
            "buses": [*np.diff(ends).tolist(), *cut_buses],
            "status": np.where(failed, FAILED, SOLVED).astype(object),
            "failed_hour": _hour_column(year.hours, _masked(hour, failed)),
            "cause": [CAUSES[int(code)] for code in status],
        }
    )


def _bus_name(year: SolvedYear, position: int) -> str:
    """Name of the first bus at a position, its index if it has none."""
    here = np.flatnonzero(position_of_bus(year.branches, year.tree) == position)
    if not len(here):
        return ""
    index = year.net.bus.index[here].min()
    name = year.net.bus["name"].get(index) if "name" in year.net.bus else None
    return name if isinstance(name, str) and name else f"bus {index}"


def _balance(year: SolvedYear, parts: dict[str, pd.DataFrame]) -> pd.Series:
    tree = year.tree
    other = [
        np.nansum(_energies(year, _branch_positions(year, table)[0]))
        for table in ("impedance", "switch")
    ]
    own_row = tree.position[tree.node] == np.arange(len(tree.node))  # not a closing branch's
    at_node = year.branches.shunt.real[tree.node] * tree.ratio**2 * year.tally.u2 * year.kwh
    loops = [_own_loops(year, table) for table in ("line", "trafo")]  # in the frames of these
    in_loops = sum(float(np.sum(own.loss[year.solved[own.position]])) for own in loops)
    both = [parts["transformers"], parts["transformers3w"]]
    sums = {
        "fed_kwh": parts["sources"]["fed_kwh"].sum(),
        "served_kwh": parts["loads"]["served_kwh"].sum(),
        "generated_kwh": parts["static_generators"]["kwh"].sum(),
        "shunt_kwh": float(np.sum(at_node[year.solved & own_row])) - in_loops * year.kwh,
        "line_loss_kwh": parts["lines"]["loss_kwh"].sum() + float(sum(other)),
        "no_load_kwh": sum(float(part["no_load_kwh"].sum()) for part in both),
        "load_loss_kwh": sum(float(part["load_kwh"].sum()) for part in both),
    }
    spent = sum(sums[name] for name in sums if name not in ("fed_kwh", "generated_kwh"))
    sums["residual_kwh"] = sums["fed_kwh"] + sums["generated_kwh"] - spent
    sums["not_served_kwh"] = parts["loads"]["not_served_kwh"].sum()
    return pd.Series(sums, name="kwh", dtype=float)


def _recorded(year: SolvedYear, recorded: FloatArray) -> pd.DataFrame | None:
    rows = year.probes.recorded_row
    if not len(rows):
        return None
    position = position_of_bus(year.branches, year.tree)[rows]
    ok = (position >= 0) & year.solved[position]
    table = np.full((len(year.hours), len(rows)), np.nan)
    table[:, ok] = recorded[np.searchsorted(year.probes.recorded_position, position[ok])].T
    return pd.DataFrame(
        table, index=pd.Index(year.hours, name="hour"), columns=year.net.bus.index[rows]
    )
