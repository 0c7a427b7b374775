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

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from ruralgrid.flow.arrays import (
    CONVERGED,
    LANES,
    Block,
    Gauges,
    Records,
    Scratch,
    Tally,
    empty_tally,
    merge_tallies,
)
from ruralgrid.flow.kernel import Kernel, kernel_of, scratch_of
from ruralgrid.flow.memory import Memory
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import Demand, Tree
from ruralgrid.flow.sweep import solve_block
from ruralgrid.flow.workers import workers

__all__ = ["BlockPlan", "Start", "solve_blocks"]

FloatArray = npt.NDArray[np.float64]


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
        job.local.scratch = scratch_of(tree)
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
