"""Which hours are solved by whom: runs of blocks over threads, one tally each, merged in order.

The partition depends on the hours alone, never on the number of threads, so that the result does
not depend on it either. The kernel holds no lock; Python is back between blocks, so that Ctrl-C
stops within one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from ruralgrid.flow.arrays import (
    LANES,
    LEAST_PU,
    Block,
    Gauges,
    KernelDemand,
    KernelTree,
    Scratch,
    Tally,
    empty_tally,
    merge_tallies,
)
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import Demand, Tree
from ruralgrid.flow.sweep import solve_block

__all__ = ["BlockPlan", "solve_blocks"]

FloatArray = npt.NDArray[np.float64]

_RUNS: Final = 16


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
    """

    tolerance_pu: float = 1e-7
    block_hours: int = LANES
    threads: int = 1
    progress: bool | None = None


def solve_blocks(
    tree: Tree,
    demand: Demand,
    gauges: Gauges,
    profiles: LoadProfiles,
    hours: npt.NDArray[np.int64],
    recorded: FloatArray,
    plan: BlockPlan,
) -> Tally:
    """Solve all `hours` and return their tally; `recorded` is filled with voltages [pu]."""
    kernel_tree, kernel_demand = _kernel_tree(tree), _kernel_demand(tree, demand)
    blocks = -(-len(hours) // plan.block_hours)
    runs = [run for run in np.array_split(np.arange(blocks), min(_RUNS, blocks)) if len(run)]
    stop = threading.Event()
    local = threading.local()
    show = sys.stderr.isatty() if plan.progress is None else plan.progress

    def solve_run(run: npt.NDArray[np.int64], advance: Callable[[], object]) -> Tally:
        tally = empty_tally(
            len(tree.node), len(gauges.probe_limit2), len(demand.p), len(tree.source_vm_pu)
        )
        if not hasattr(local, "scratch"):
            local.scratch = _scratch(tree)
        local.scratch.branch[:] = 0.0  # every run starts alike, whatever its thread did before
        for block in run:
            if stop.is_set():
                break
            start = int(block) * plan.block_hours
            solve_block(
                tree.first, tree.source_vm_pu, kernel_tree, kernel_demand, gauges,
                _block(profiles, demand, hours, start, plan.block_hours, recorded),
                plan.tolerance_pu, local.scratch, tally,
            )  # fmt: skip
            advance()
        return tally

    with (
        tqdm(total=blocks, unit="block", desc="year", disable=not show, leave=False) as bar,
        ThreadPoolExecutor(plan.threads) as pool,
    ):
        futures = [pool.submit(solve_run, run, bar.update) for run in runs]
        try:
            for done in as_completed(futures):
                done.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return merge_tallies([future.result() for future in futures])


def _block(
    profiles: LoadProfiles,
    demand: Demand,
    hours: npt.NDArray[np.int64],
    start: int,
    block_hours: int,
    recorded: FloatArray,
) -> Block:
    chosen = hours[start : start + block_hours]
    width = len(chosen)
    factors = np.ones((len(demand.profiles_used) + 1, LANES))  # the last row: static generators
    taken = profiles.values[:, chosen] if _is_spread(chosen) else _stretch(profiles.values, chosen)
    factors[:-1, :width] = taken[demand.profiles_used]
    factors[:-1, width:] = factors[:-1, width - 1 : width]
    weight = np.zeros(LANES)
    weight[:width] = 1.0
    return Block(factors, weight, recorded, np.array([start, width, len(hours)]))


def _is_spread(hours: npt.NDArray[np.int64]) -> bool:
    return bool(np.any(np.diff(hours) != 1))


def _stretch(
    values: npt.NDArray[np.floating], hours: npt.NDArray[np.int64]
) -> npt.NDArray[np.floating]:
    return values[:, hours[0] : hours[-1] + 1]


def _kernel_tree(tree: Tree) -> KernelTree:
    is_leaf = (np.append(tree.depth[1:], 0) <= tree.depth).astype(np.int64)
    return KernelTree(
        tree.depth + 1, is_leaf, tree.is_area.astype(np.int64), tree.z.real.copy(),
        tree.z.imag.copy(), np.abs(tree.z),
        tree.y.real.copy(), tree.y.imag.copy(), tree.ratio**2, LEAST_PU**2 / tree.ratio**2,
    )  # fmt: skip


def _kernel_demand(tree: Tree, demand: Demand) -> KernelDemand:
    scale = tree.ratio[:, np.newaxis] ** np.arange(3)
    return KernelDemand(
        demand.start, demand.profile, demand.p, demand.q,
        demand.zip_p * scale, demand.zip_q * scale, demand.zip_p,
        ((demand.zip_p[:, 1] != 0) | (demand.zip_q[:, 1] != 0)).astype(np.int64),
    )  # fmt: skip


def _scratch(tree: Tree) -> Scratch:
    rows = int(tree.depth.max()) + 2
    return Scratch(
        branch=np.zeros((len(tree.node), 2 * LANES)),
        voltage=np.zeros((rows, 2 * LANES)),
        current=np.zeros((rows, 2 * LANES)),
        change=np.zeros((rows, LANES)),
        before=np.zeros(LANES),
        at=np.zeros(rows, dtype=np.int64),
        row=np.zeros(LANES),
    )
