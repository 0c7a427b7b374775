"""A forest and its demand as the arrays of the kernel, which `ruralgrid.flow.arrays` describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ruralgrid.flow.arrays import (
    LANES,
    LEAST_PU,
    NOTHING,
    ONE_GROUP,
    SEVERAL,
    TAP_PARTS,
    WITH_CURRENT,
    KernelDemand,
    KernelTaps,
    KernelTree,
    Scratch,
)
from ruralgrid.flow.radial import Demand, Tree
from ruralgrid.flow.radial.order import ends_of_subtrees

__all__ = ["Kernel", "kernel_of", "scratch_of"]

FloatArray = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

_WALKS_ABOVE: Final = 2
_FEW_ABOVE: Final = 0.35  # of all positions: walks above the areas are cheap then


@dataclass(frozen=True, eq=False)
class Kernel:
    """A forest and what it draws in the kernel's arrays."""

    tree: KernelTree
    demand: KernelDemand
    taps: KernelTaps


def kernel_of(tree: Tree, demand: Demand) -> Kernel:
    """Arrays of the kernel."""
    return Kernel(_kernel_tree(tree, demand), _kernel_demand(tree, demand), _kernel_taps(tree))


def _kernel_tree(tree: Tree, demand: Demand) -> KernelTree:
    area_end, slope = _areas(tree, demand)
    area = np.where(tree.is_area, np.cumsum(tree.is_area) - 1, -1)
    above = len(tree.node) - int(np.sum((area_end - np.arange(len(tree.node)))[tree.is_area]))
    feeders = _feeders(tree)
    z_abs = np.abs(tree.z)
    for unit, at in enumerate(tree.taps.position.tolist()):
        if at < 0:
            continue
        rows = slice(tree.changers.start[unit], tree.changers.start[unit + 1])
        z_abs[at] = np.abs(tree.taps.z[rows]).max()
    few = tree.is_area.any() and above < _FEW_ABOVE * len(tree.node)
    return KernelTree(
        depth=tree.depth + 1,
        is_leaf=((np.append(tree.depth[1:], 0) <= tree.depth) & (tree.unit < 0)).astype(np.int64),
        area=area,
        area_end=area_end,
        slope=slope,
        unit=tree.unit,
        feeder_of=feeders[0],
        feeder_first=feeders[1],
        feeder_last=feeders[2],
        floor=feeders[3],
        walks_above=np.array([_WALKS_ABOVE if few else 0]),
        ratio2=tree.ratio**2,
        record=_record(tree, demand, z_abs),
    )


def _feeders(tree: Tree) -> tuple[_Ints, _Ints, _Ints, _Ints]:
    """First feeder of each tree; first and last position and floor of each feeder."""
    roots = tree.first[:-1]
    ideal = (tree.z[roots] == 0) & (tree.unit[roots] < 0)
    whole = np.repeat(~ideal, np.diff(tree.first))
    first = np.flatnonzero(np.where(whole, tree.depth == 0, tree.depth == 1))
    end = tree.first[np.searchsorted(tree.first, first, side="right")]
    last = np.minimum(np.append(first[1:], len(tree.node)), end)
    floor = np.concatenate([~whole[first], np.zeros(ideal.sum(), dtype=bool)]).astype(np.int64)
    first, last = (
        np.concatenate(pair) for pair in ((first, roots[ideal]), (last, roots[ideal] + 1))
    )
    number = np.searchsorted(tree.first, first, side="right") - 1
    order = np.argsort(number, kind="stable")
    of = np.searchsorted(number[order], np.arange(len(tree.first)))
    return of, first[order], last[order], floor[order]


def _areas(tree: Tree, demand: Demand) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """One past the last position of each area, and how its current follows the voltage."""
    drawn = np.abs(demand.p) + np.abs(demand.q)
    at = _position_of(demand)
    weight = np.bincount(at, drawn, minlength=len(tree.node))
    share = demand.zip_p[:, 2] - demand.zip_p[:, 0]
    sloped = np.bincount(at, drawn * share, minlength=len(tree.node))
    sums = [np.concatenate([[0.0], np.cumsum(part)]) for part in (weight, sloped)]
    root = np.flatnonzero(tree.is_area)
    last = ends_of_subtrees(tree.depth)[root]
    total, part = (one[last] - one[root] for one in sums)
    end = np.zeros(len(tree.node), dtype=np.int64)
    slope = np.zeros(len(tree.node))
    end[root] = last
    slope[root] = np.divide(part, total, out=np.zeros(len(root)), where=total > 0)
    return end, slope


def _record(tree: Tree, demand: Demand, z_abs: FloatArray) -> FloatArray:
    """Rows of `KernelTree.record`."""
    drawn = np.zeros((len(tree.node), 4))
    one = _kinds(demand) == ONE_GROUP
    drawn[one] = _drawn(tree, demand)[demand.start[:-1][one]][:, [0, 2, 3, 5]]
    clamp = LEAST_PU**2 / tree.ratio**2
    z, y = tree.z, tree.y
    return np.column_stack([z.real, z.imag, z_abs, y.real, y.imag, clamp, drawn])


def _kinds(demand: Demand) -> npt.NDArray[np.int64]:
    """What is drawn at each position."""
    count = np.diff(demand.start)
    kind = np.where(count == 0, NOTHING, np.where(count == 1, ONE_GROUP, SEVERAL))
    kind[_position_of(demand)[(demand.zip_p[:, 1] != 0) | (demand.zip_q[:, 1] != 0)]] = WITH_CURRENT
    return kind.astype(np.int64)


def _drawn(tree: Tree, demand: Demand) -> FloatArray:
    """The six parts of `KernelDemand.terms` of every group."""
    scale = tree.ratio[_position_of(demand), np.newaxis] ** np.arange(3)
    sides = ((demand.p, demand.zip_p), (demand.q, demand.zip_q))
    return np.hstack([power[:, np.newaxis] * share * scale for power, share in sides])


def _position_of(demand: Demand) -> npt.NDArray[np.int64]:
    """The position at which each group is."""
    return np.repeat(np.arange(len(demand.start) - 1), np.diff(demand.start))


def _kernel_demand(tree: Tree, demand: Demand) -> KernelDemand:
    drawn = _drawn(tree, demand)
    group, part = np.nonzero(drawn)
    slot = 6 * _position_of(demand)[group] + part
    order = np.argsort(slot, kind="stable")
    return KernelDemand(
        start=demand.start,
        profile=demand.profile,
        p=demand.p,
        share_p=demand.zip_p,
        terms=np.searchsorted(slot[order], np.arange(6 * len(tree.node) + 1)),
        term=drawn[group, part][order],
        term_profile=demand.profile[group][order],
        kind=_kinds(demand),
    )


def _kernel_taps(tree: Tree) -> KernelTaps:
    changers, taps = tree.changers, tree.taps
    units = len(changers.row)
    parts = [taps.a, *(half for part in (taps.z, taps.near, taps.far) for half in _halves(part))]
    return KernelTaps(
        counts=np.array([units, int(changers.level.max(initial=-1)) + 1]),
        position=taps.position,
        level=changers.level,
        row=changers.start[:-1].copy(),
        first=changers.first,
        low_end=changers.low_end,
        high_end=changers.high_end,
        raises=changers.raises,
        holds_child=taps.holds_child.astype(np.int64),
        low_pu=changers.low_pu,
        high_pu=changers.high_pu,
        scale=taps.scale,
        table=np.column_stack(parts),
    )


def _halves(numbers: npt.NDArray[np.complex128]) -> tuple[FloatArray, FloatArray]:
    return numbers.real, numbers.imag


def scratch_of(tree: Tree) -> Scratch:
    """What one thread needs for a forest."""
    rows, units = int(tree.depth.max()) + 2, len(tree.changers.row)
    return Scratch(
        branch=np.zeros((len(tree.node), 2 * LANES)),
        voltage=np.zeros((rows, 2 * LANES)),
        current=np.zeros((rows, 2 * LANES)),
        above=np.zeros((int(tree.is_area.sum()), 2 * LANES)),
        change=np.zeros((rows, LANES)),
        before=np.zeros(LANES),
        at=np.zeros(rows, dtype=np.int64),
        row=np.zeros(LANES),
        fed=np.zeros(LANES),
        tap=np.zeros((units, LANES), dtype=np.int64),
        part=np.zeros((units * TAP_PARTS, LANES)),
        held=np.zeros((units, LANES)),
        held_before=np.zeros((units, LANES)),
        moved=np.zeros((units, LANES)),
        lift=np.zeros((units, LANES)),
        walked=np.ones((units, LANES)),
        stood=np.full((units, LANES), np.inf),
        room=np.full((units, LANES), np.inf),
        is_own=np.zeros(units, dtype=np.int64),
        level=np.zeros(LANES, dtype=np.int64),
        steps=np.zeros(LANES, dtype=np.int64),
        stepped=np.zeros(LANES, dtype=np.int64),
    )
