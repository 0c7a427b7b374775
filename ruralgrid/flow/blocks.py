"""Which hours are solved by whom: runs of blocks over threads, one tally each, merged in order.

The partition depends on the hours alone, never on the number of threads, so that the result does
not depend on it either. The kernel holds no lock; Python is back between blocks, so that Ctrl-C
stops within one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from ruralgrid.flow.arrays import (
    CONVERGED,
    LANES,
    LEAST_PU,
    NOTHING,
    ONE_GROUP,
    SEVERAL,
    TAP_PARTS,
    WITH_CURRENT,
    Block,
    Gauges,
    KernelDemand,
    KernelTaps,
    KernelTree,
    Records,
    Scratch,
    Tally,
    empty_tally,
    merge_tallies,
)
from ruralgrid.flow.memory import Memory
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import Demand, Tree
from ruralgrid.flow.radial.order import ends_of_subtrees
from ruralgrid.flow.sweep import solve_block
from ruralgrid.flow.workers import workers

__all__ = ["BlockPlan", "Kernel", "Start", "kernel_of", "solve_blocks"]

FloatArray = npt.NDArray[np.float64]

_WALKS_ABOVE: Final = 2
_FEW_ABOVE: Final = 0.35  # of all positions: walks above the areas are cheap then


@dataclass(frozen=True)
class BlockPlan:
    """How a year is cut and how tightly it is solved.

    Parameters
    ----------
    tolerance_pu : float
        Voltage error [pu] at which an hour counts as solved.
    block_hours : int
        Hours side by side, at most `LANES`.
    threads : int
        Threads at work; no result depends on it.
    progress : bool or None
        Show a bar; None: if standard error is a terminal.
    runs : int
        Into how many runs of blocks a year is cut at most: what threads share out.
    """

    tolerance_pu: float = 1e-8
    block_hours: int = LANES
    threads: int = 1
    progress: bool | None = None
    runs: int = 16


@dataclass(frozen=True, eq=False)
class Kernel:
    """A forest and what it draws in the kernel's arrays."""

    tree: KernelTree
    demand: KernelDemand
    taps: KernelTaps


@dataclass(frozen=True, eq=False)
class Start:
    """What stays from one solution of a forest to the next.

    Parameters
    ----------
    kernel, gauges
        Its arrays.
    memory : Memory
        Where the last solution of the same hours has come to.
    """

    kernel: Kernel
    gauges: Gauges
    memory: Memory


@dataclass(frozen=True, eq=False)
class _Job:
    """What all runs of a year share."""

    tree: Tree
    demand: Demand
    gauges: Gauges
    profiles: LoadProfiles
    hours: npt.NDArray[np.int64]
    records: Records
    plan: BlockPlan
    kernel: Kernel
    memory: Memory | None
    local: threading.local = field(default_factory=threading.local)
    stop: threading.Event = field(default_factory=threading.Event)


def solve_blocks(
    tree: Tree,
    demand: Demand,
    gauges: Gauges,
    profiles: LoadProfiles,
    hours: npt.NDArray[np.int64],
    records: Records,
    plan: BlockPlan,
    start: Start | None = None,
) -> Tally:
    """Solve all `hours` and return their tally; `records` are filled.

    With a `start`, the next solution of the same hours, what is drawn having changed a little,
    starts from this one; where a tree has none, from nothing.
    """
    kernel, memory = (start.kernel, start.memory) if start else (kernel_of(tree, demand), None)
    job = _Job(tree, demand, gauges, profiles, hours, records, plan, kernel, memory)
    blocks = -(-len(hours) // plan.block_hours)
    runs = [run for run in np.array_split(np.arange(blocks), min(plan.runs, blocks)) if len(run)]
    show = sys.stderr.isatty() if plan.progress is None else plan.progress
    with (
        tqdm(total=blocks, unit="block", desc=_first_task(), disable=not show, leave=False) as bar,
        workers(plan.threads, job.stop) as pool,
    ):

        def advance() -> None:
            bar.set_description_str("year", refresh=False)
            bar.update()

        futures = [pool.submit(_solve_run, job, run, advance) for run in runs]
        for done in as_completed(futures):
            done.result()
    tally = merge_tallies([future.result() for future in futures])
    if memory is not None and np.any(tally.status != CONVERGED):
        memory.known[:] = False
    return tally


def _solve_run(job: _Job, run: npt.NDArray[np.int64], advance: Callable[[], object]) -> Tally:
    """Solve the blocks of one run, one after another."""
    tree, plan = job.tree, job.plan
    tally = empty_tally(
        len(tree.node),
        len(job.gauges.probe_limit2),
        len(job.demand.p),
        len(tree.source_vm_pu),
        len(tree.changers.row),
    )
    if not hasattr(job.local, "scratch"):
        job.local.scratch = _scratch(tree)
    scratch: Scratch = job.local.scratch
    scratch.branch[:] = 0.0  # every run starts alike, whatever its thread did before
    scratch.tap[:] = tree.changers.first[:, np.newaxis]
    for block in run.tolist():
        if job.stop.is_set():
            break
        if job.memory is None:
            scratch.stood[:] = np.inf  # the day before tells nothing of this day's steps
        else:
            scratch = _recalled(scratch, job.memory, block)
        hours = _block(job, block * plan.block_hours)
        solve_block(
            tree.source_vm_pu, job.kernel.tree, job.kernel.demand, job.kernel.taps,
            job.gauges, hours, plan.tolerance_pu, scratch, tally,
        )  # fmt: skip
        advance()
    return tally


def _recalled(before: Scratch, memory: Memory, block: int) -> Scratch:
    """Scratch that is the memory of a block; if that is empty, filled with the day `before`."""
    names = ("branch", "tap", "stood", "room")
    own = {name: getattr(memory, name)[block] for name in names}
    if not memory.known[block]:
        own["branch"][:], own["tap"][:], own["stood"][:] = before.branch, before.tap, np.inf
        memory.known[block] = True
    return before._replace(**own)


def _first_task() -> str:
    """What the first block waits for: the kernel is compiled once, and kept on disk."""
    return "year" if solve_block.signatures else "compiling or loading the kernel"


def _block(job: _Job, start: int) -> Block:
    """The hours from place `start` on."""
    chosen = job.hours[start : start + job.plan.block_hours]
    values, used, width = job.profiles.values, job.demand.profiles_used, len(chosen)
    factors = np.empty((len(used) + 1, LANES))
    taken = values[:, chosen] if _is_spread(chosen) else _stretch(values, chosen)
    if width == LANES and taken.dtype == factors.dtype:  # several times as fast as by brackets
        np.take(taken, used, axis=0, out=factors[:-1], mode="clip")
    else:
        factors[:-1, :width] = taken[used]
        factors[:-1, width:] = factors[:-1, width - 1 : width]
    factors[-1] = 1.0  # static generators
    weight = np.zeros(LANES)
    weight[:width] = 1.0
    return Block(factors, weight, *job.records, np.array([start, width, len(job.hours)]))


def _is_spread(hours: npt.NDArray[np.int64]) -> bool:
    return bool(np.any(np.diff(hours) != 1))


def _stretch(
    values: npt.NDArray[np.floating], hours: npt.NDArray[np.int64]
) -> npt.NDArray[np.floating]:
    return values[:, hours[0] : hours[-1] + 1]


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


_Ints = npt.NDArray[np.int64]


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


def _scratch(tree: Tree) -> Scratch:
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
    )
