"""A year of hours on a pandapower net: lowest voltages, hours beyond limits, loss energy.

The engine is our own (`ruralgrid.flow.sweep`); `solve_year` reads a net, never changes it, and
needs no solved one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from pandapower.auxiliary import pandapowerNet

from ruralgrid.errors import InputError, TopologyError, require_kind
from ruralgrid.flow.areas import NOTHING_CUT, solve_without_failing
from ruralgrid.flow.arguments import (
    checked_hours,
    checked_scale,
    checked_threads,
    checked_tolerance,
    require_profiles,
)
from ruralgrid.flow.arrays import Records, Tally
from ruralgrid.flow.blocks import BlockPlan, Start, solve_blocks
from ruralgrid.flow.gauges import Probes, no_gauges, place_gauges, place_probes
from ruralgrid.flow.meshed import solve_meshed
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import (
    Branches,
    Demand,
    Tree,
    build_mesh,
    build_tree,
    convert_net,
    has_loops,
    read_demand,
    read_tap_changers,
)
from ruralgrid.flow.solution import YearSolution, read_year
from ruralgrid.flow.year_frames import SolvedYear, assemble_solution

__all__ = [
    "YearNet",
    "YearSolution",
    "read_year",
    "read_year_net",
    "solve_read",
    "solve_year",
]

FloatArray = npt.NDArray[np.float64]
Limits = Mapping[str, float | npt.ArrayLike]
Engine = Literal["auto", "radial", "power-grid-model"]


@dataclass(frozen=True, eq=False)
class YearNet:
    """A net as `read_year_net` reads it, for solving it more than once.

    Parameters
    ----------
    net : pandapowerNet
        What its loads are read from, at every solution anew.
    branches, tree
        Its branches and their order.
    meshed : bool
        Whether power-grid-model is to solve it.
    """

    net: pandapowerNet
    branches: Branches
    tree: Tree
    meshed: bool


def read_year_net(net: pandapowerNet, engine: Engine = "auto") -> YearNet:
    """Read a net's branches once; `solve_year` takes the result for the net.

    Raises
    ------
    InputError, TopologyError
        As `solve_year`.
    """
    _check_choice("engine", engine, get_args(Engine))
    require_kind(net, pandapowerNet, "net", "build")
    branches = convert_net(net)
    changers = read_tap_changers(net, branches)
    meshed = engine == "power-grid-model" or (engine == "auto" and has_loops(branches))
    if meshed and len(changers.row):
        raise TopologyError(
            "tap changers are moved in radial nets only, and this net is solved by "
            "power-grid-model: open its loops, or take its controllers out of service"
        )
    tree = build_mesh(net, branches) if meshed else build_tree(net, branches, changers)
    return YearNet(net, branches, tree, meshed)


def solve_year(
    net: pandapowerNet | YearNet,
    profiles: LoadProfiles,
    *,
    low_limits_pu: Limits | None = None,
    high_limits_pu: Limits | None = None,
    record_buses: Iterable[int] | Literal["all"] | None = None,
    hours: npt.ArrayLike | None = None,
    load_scale: npt.ArrayLike | None = None,
    engine: Engine = "auto",
    tolerance_pu: float = 1e-8,
    n_threads: int | None = None,
    progress: bool | None = None,
) -> YearSolution:
    """Solve the load flow of every hour and keep what a year tells.

    As in `pandapower.runpp`, all power at a bus follows the mean voltage dependence of the loads
    there, static generators included (docs/decisions/0007).

    Parameters
    ----------
    net : pandapowerNet or YearNet
        Any net of lines, transformers, switches, loads, static generators, shunts and external
        grids. Not changed. Its controllers in service must be `DiscreteTapControl` objects of
        two-winding transformers: they step in every hour as `pandapower.runpp` with
        ``run_control=True`` makes them, each hour by itself from the net's own ``tap_pos``.
    profiles : LoadProfiles
        How each load moves through the hours.
    low_limits_pu, high_limits_pu : mapping of name to float or array (rows of net.bus,), optional
        Limits [pu]; each gives a column ``hours_below_<name>`` or ``hours_above_<name>``. The limit
        itself is not beyond it. NaN: no limit at that bus. A Series is taken by its index.
    record_buses : iterable of bus indices, or "all", optional
        Buses whose voltage is kept for every hour.
    hours : array of int, optional
        Columns of the profiles to solve; all by default. Sums are over these hours.
    load_scale : array (rows of net.load,), optional
        A factor [1] on each load besides its profile.
    engine : "auto", "radial" or "power-grid-model"
        "auto" takes power-grid-model (the extra `fast`) for a net with loops, our own for all
        others. A `YearNet` has chosen already.
    tolerance_pu : float
        Largest voltage error [pu] that the iteration may leave. The loss of a branch of high
        reactance holds fewer digits: in one hour it may be off by some thirty times as much of
        itself, in the sum of many hours and branches by less than that error.
    n_threads : int, optional
        Threads; all processors by default. No result depends on it.
    progress : bool, optional
        Show a progress bar; by default only if standard error is a terminal.

    Returns
    -------
    YearSolution
        A part of the net without a solution has NaN and a status there;
        `YearSolution.require_solved` raises for it.

    Raises
    ------
    InputError
        An argument, a load or an impedance is not as expected.
    TopologyError
        A loop, no source, or an element that the engine does not take; names it.
    """
    _check_choice("engine", engine, get_args(Engine))
    require_profiles(profiles)
    chosen = checked_hours(profiles, hours)
    read = net if isinstance(net, YearNet) else read_year_net(net, engine)
    scale = checked_scale(read.net, profiles, load_scale)
    plan = BlockPlan(
        checked_tolerance(tolerance_pu), threads=checked_threads(n_threads), progress=progress
    )
    demand = read_demand(read.net, read.branches, read.tree, profiles, scale)
    probes = place_probes(
        read.net,
        read.branches,
        read.tree,
        {} if low_limits_pu is None else low_limits_pu,
        {} if high_limits_pu is None else high_limits_pu,
        record_buses,
    )
    return assemble_solution(*solve_read(read, demand, probes, profiles, chosen, plan))


def solve_read(
    read: YearNet,
    demand: Demand,
    probes: Probes,
    profiles: LoadProfiles,
    chosen: npt.NDArray[np.int64],
    plan: BlockPlan,
    start: Start | None = None,
) -> tuple[SolvedYear, Records]:
    """Solve a net that is read, for `assemble_solution` to name; see `solve_year`.

    A radial net that is solved more than once for the same hours has a `start`.
    """
    net, branches, tree = read.net, read.branches, read.tree
    gauges = start.gauges if start else place_gauges(net, branches, tree, probes)
    records = Records(
        np.full((len(probes.recorded_position), len(chosen)), np.nan),
        np.zeros((2 * len(tree.changers.row), len(chosen)), dtype=np.int8),
    )

    def solve(forest: Tree, drawn: Demand) -> Tally:
        known = start if forest is tree else None
        return solve_blocks(forest, drawn, gauges, profiles, chosen, records, plan, known)

    def solve_part(part: Tree, drawn: Demand) -> Tally:
        return solve_blocks(part, drawn, no_gauges(part), profiles, chosen, records, plan)

    if read.meshed:
        tally, cut = (
            solve_meshed(
                net, branches, tree, demand, gauges, profiles, chosen, records.voltage, plan
            ),
            NOTHING_CUT,
        )
    else:
        tally, cut = solve_without_failing(branches, tree, demand, solve, solve_part)
    year = SolvedYear(net, branches, tree, demand, probes, profiles, chosen, tally, cut)
    return year, records


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} is {value!r}; expected one of {', '.join(map(repr, choices))}")
