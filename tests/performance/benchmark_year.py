"""Node-hours a second of the year engine, power-grid-model and pandapower on the same nets.

One command, one table::

    python tests/performance/benchmark_year.py            # some six minutes on a quiet machine
    python tests/performance/benchmark_year.py --quick    # a look: small nets, few hours

Every net is a number of like feeders of 125 buses below one ideal 10 kV source: trunk, transformer
areas of 0.4 kV, line charging, iron loss, constant power along a quarter as many profiles as loads
(at most 1,000). The source is ideal, so that power-grid-model may take the feeders ten at a time,
which suits it best; it gives voltages only, ours all results of a year. Slow programs get a part.
lightsim2grid takes part if it is installed. The output is the tables of docs/performance.md.
"""

from __future__ import annotations

import argparse
import copy
import json
import multiprocessing
import platform
import resource
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandapower as pp
from pandapower.control import ConstControl, DiscreteTapControl
from pandapower.timeseries import DFData, OutputWriter, run_timeseries

from ruralgrid.flow.meshed import _model
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import build_mesh, convert_net, read_demand
from ruralgrid.flow.year import solve_year

BUSES_PER_FEEDER, AREAS, LV_BUSES = 125, 5, 20
TOLERANCE_PU = 1e-6
PGM_FEEDERS, PGM_HOURS = 10, 1000
PANDAPOWER_HOURS = {1_000: 20, 10_000: 6, 50_000: 3}


def feeders(buses: int):
    """A net of `buses` buses, and what its loads follow."""
    count = buses // BUSES_PER_FEEDER
    rng = np.random.default_rng(1)
    net = pp.create_empty_network(sn_mva=1.0)
    source = pp.create_bus(net, 10.0)
    pp.create_ext_grid(net, source, vm_pu=1.03)
    trunk = BUSES_PER_FEEDER - AREAS * (LV_BUSES + 1)
    mv = pp.create_buses(net, count * trunk, 10.0)
    k = np.arange(len(mv))
    above = np.where(k % trunk == 0, source, mv[k - 1])
    pp.create_lines_from_parameters(net, above, mv, 0.4, 0.33, 0.36, 9.0, 0.3)
    lv = pp.create_buses(net, count * AREAS, 0.4)
    areas = np.arange(len(lv))
    hv = mv[(areas // AREAS) * trunk + (areas % AREAS) * (trunk // AREAS) + 2]
    pp.create_transformers_from_parameters(
        net, hv, lv, 0.1, 10.0, 0.4, 1.5, 4.0, 0.29, 1.8, shift_degree=330, tap_side="hv",
        tap_pos=-1, tap_neutral=0, tap_step_percent=2.5, tap_changer_type="Ratio",
    )  # fmt: skip
    end = pp.create_buses(net, len(lv) * LV_BUSES, 0.4)
    k = np.arange(len(end))
    near = np.where(k % LV_BUSES == 0, lv[k // LV_BUSES], end[k - 1 - (k % LV_BUSES > 5)])
    pp.create_lines_from_parameters(net, near, end, 0.05, 0.44, 0.33, 10.0, 0.2)
    p_mw = rng.uniform(0.5e-3, 2.5e-3, len(end))
    pp.create_loads(net, end, p_mw, 0.4 * p_mw)
    values = rng.uniform(0.1, 1.0, (min(1000, len(end) // 4), 8760)).astype(np.float32)
    return net, LoadProfiles(values, rng.integers(0, len(values), len(end)))


def ours(buses: int, hours: int) -> dict[str, float]:
    net, profiles = feeders(buses)
    solve_year(net, profiles, hours=range(24), progress=False)  # compile
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spent = time.process_time()
    start = time.perf_counter()
    year = solve_year(
        net, profiles, hours=range(hours), tolerance_pu=TOLERANCE_PU, progress=False,
        low_limits_pu={"low": 0.9},
    )  # fmt: skip
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rate": len(net.bus) * hours / seconds,
        "per_core": len(net.bus) * hours / (time.process_time() - spent),
        "seconds": seconds,
        "peak_mb": peak / 1024,
        "grown_mb": (peak - before) / 1024,
        "residual": year.balance.residual_kwh / year.balance.fed_kwh,
    }


def power_grid_model(hours: int) -> dict[str, float]:
    """Ten feeders a model, columnar updates, voltages only, two threads."""
    import power_grid_model as pgm

    net, profiles = feeders(PGM_FEEDERS * BUSES_PER_FEEDER)
    branches = convert_net(net)
    tree = build_mesh(net, branches)
    demand = read_demand(net, branches, tree, profiles)
    model, first, (group, p, q) = _model(pgm, branches, tree, demand)
    follow = profiles.values[demand.profiles_used][demand.profile[group], :hours].T.astype(float)
    ids = np.arange(first, first + len(group), dtype=np.int32)
    update = {
        "id": np.ascontiguousarray(np.broadcast_to(ids, follow.shape)),
        "p_specified": p * follow,
        "q_specified": q * follow,
    }
    rates = {}
    year = solve_year(net, profiles, hours=range(hours), record_buses="all", progress=False)
    for method in ("iterative_current", "newton_raphson"):
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            result = model.calculate_power_flow(
                update_data={"sym_load": update}, output_component_types={"node": ["u_pu"]},
                calculation_method=pgm.CalculationMethod[method], threading=2,
                error_tolerance=TOLERANCE_PU,
            )  # fmt: skip
            best = min(best, time.perf_counter() - start)
        rates[method] = len(net.bus) * hours / best
        nodes = np.flatnonzero(tree.position >= 0)
        at = np.searchsorted(nodes, branches.node_of_bus)
        off = np.abs(result["node"]["u_pu"][:, at] - year.recorded.to_numpy()).max()
        rates[f"{method}_off_pu"] = float(off)
    return rates


def by_pandapower(buses: int, hours: int) -> dict[str, float]:
    """`runpp` hour by hour, and `run_timeseries(recycle=False)`; ours held against the first."""
    net, profiles = feeders(buses)
    year = solve_year(net, profiles, hours=range(hours), record_buses="all", progress=False)
    p_mw, q_mvar = net.load.p_mw.to_numpy(), net.load.q_mvar.to_numpy()
    factor = profiles.values[profiles.of_load, :hours].T.astype(float)
    other = copy.deepcopy(net)
    pp.runpp(other)  # compiled before the clock runs
    off, loss_kwh, start, spent = 0.0, 0.0, time.perf_counter(), 0.0
    for hour in range(hours):
        other.load["p_mw"], other.load["q_mvar"] = p_mw * factor[hour], q_mvar * factor[hour]
        start = time.perf_counter()
        pp.runpp(other)
        spent += time.perf_counter() - start
        loss_kwh += 1e3 * (other.res_line.pl_mw.sum() + other.res_trafo.pl_mw.sum())
        off = max(off, np.abs(other.res_bus.vm_pu - year.recorded.loc[hour]).max())
    lost = year.balance[["line_loss_kwh", "no_load_kwh", "load_loss_kwh"]].sum()
    return {
        "runpp": len(net.bus) * hours / spent,
        "run_timeseries": len(net.bus) * hours / _timeseries(net, p_mw, q_mvar, factor),
        "off_pu": float(off),
        "off_loss": float(abs(lost / loss_kwh - 1)),
    }


def _timeseries(net, p_mw, q_mvar, factor) -> float:
    import pandas as pd

    frame = pd.DataFrame(np.hstack([p_mw * factor, q_mvar * factor]))
    source = DFData(frame)
    loads = net.load.index
    names = [frame.columns[: len(loads)], frame.columns[len(loads) :]]
    for variable, columns in zip(("p_mw", "q_mvar"), names, strict=True):
        ConstControl(
            net, "load", variable, loads, profile_name=columns, data_source=source, recycle=False
        )
    OutputWriter(net, output_path=None, log_variables=[("res_bus", "vm_pu")])
    start = time.perf_counter()
    run_timeseries(net, time_steps=range(len(factor)), verbose=False, recycle=False)
    return time.perf_counter() - start


def lightsim2grid(buses: int, hours: int) -> dict[str, float] | None:
    """Its time series, one thread, voltages only; None if it is not installed."""
    try:
        from lightsim2grid.lightsim2grid_cpp import TimeSeriesCPP
        from lightsim2grid.network import init_from_pandapower
    except ImportError:
        return None
    warnings.simplefilter("ignore")
    net, profiles = feeders(buses)
    pp.runpp(net)
    model = init_from_pandapower(net)
    factor = profiles.values[profiles.of_load, :hours].T.astype(float)
    nothing = np.zeros((hours, len(model.get_generators()))), np.zeros((hours, 0))
    powers = net.load.p_mw.to_numpy() * factor, net.load.q_mvar.to_numpy() * factor
    series, flat = TimeSeriesCPP(model), np.full(model.total_bus(), 1.03 + 0j)
    start = time.perf_counter()
    series.compute_Vs(*nothing, *powers, flat, 20, TOLERANCE_PU)
    seconds = time.perf_counter() - start
    year = solve_year(net, profiles, hours=range(hours), record_buses="all", progress=False)
    off = np.abs(np.abs(series.get_voltages()) - year.recorded.to_numpy()).max()
    return {"rate": len(net.bus) * hours / seconds, "off_pu": float(off)}


def regulated(buses: int, hours: int) -> dict[str, float]:
    """What tap changers cost: a 35/10 kV unit above all feeders, standing still and stepping."""
    net, alike = feeders(buses)
    day = 1 + 0.8 * np.sin(2 * np.pi * np.arange(alike.hours) / 24)
    profiles = LoadProfiles(alike.values * day, alike.of_load)
    source = pp.create_bus(net, 35.0)
    net.ext_grid.loc[0, "bus"] = source
    pp.create_transformer_from_parameters(
        net, source, 0, buses / 600, 35.0, 10.5, 0.6, 7.5, buses / 600, 0.4, shift_degree=330,
        tap_side="hv", tap_pos=0, tap_neutral=0, tap_min=-3, tap_max=3, tap_step_percent=2.5,
        tap_changer_type="Ratio",
    )  # fmt: skip
    DiscreteTapControl(net, net.trafo.index[-1], 1.0, 1.03)
    seconds = {}
    for name in ("stepping", "still"):
        net.controller["in_service"] = name == "stepping"
        solve_year(net, profiles, hours=range(24), progress=False)
        spent = time.process_time()
        year = solve_year(
            net, profiles, hours=range(hours), tolerance_pu=TOLERANCE_PU, progress=False
        )
        seconds[name] = time.process_time() - spent
        if name == "stepping":
            seconds["taps"] = int(year.taps.nunique().sum())
    return seconds


def side_by_side(buses: int, hours: int) -> dict[str, float]:
    """Two cases one after another with two threads each, and at once with one thread each."""
    case = feeders(buses)
    solve_year(*case, hours=range(24), progress=False)

    def solve(threads: int) -> None:
        solve_year(
            *case, hours=range(hours), tolerance_pu=TOLERANCE_PU, n_threads=threads, progress=False
        )

    start = time.perf_counter()
    solve(2)
    solve(2)
    after = time.perf_counter() - start
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(solve, (1, 1)))
    return {"one_after_another": after, "side_by_side": time.perf_counter() - start}


def alone(function, *args):
    """In a process of its own, so that peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    options = parser.parse_args()
    sizes = [1_000] if options.quick else [1_000, 10_000, 50_000]
    spans = [100] if options.quick else [100, 1_000, 8_760]
    figures: dict[str, object] = {"machine": f"{platform.machine()}, {sys.version.split()[0]}"}
    pgm = figures["power_grid_model"] = alone(power_grid_model, min(spans[-1], PGM_HOURS))
    _print_ours(figures, pgm, sizes, spans)
    _print_others(figures, sizes)
    both = figures["side_by_side"] = alone(side_by_side, sizes[-1] // 5, spans[-1])
    taps = figures["regulated"] = alone(regulated, sizes[0], spans[-1])
    sys.stdout.write(
        f"\nTwo cases one after another {both['one_after_another']:.2f} s, "
        f"side by side {both['side_by_side']:.2f} s.\n"
        f"A year with a tap changer above all feeders ({taps['taps']} taps taken) "
        f"{taps['stepping']:.2f} s of CPU, standing still {taps['still']:.2f} s.\n"
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _print_ours(figures, pgm, sizes, spans) -> None:
    out = sys.stdout.write
    current, newton = pgm["iterative_current"], pgm["newton_raphson"]
    out(
        f"power-grid-model: {current / 1e6:.1f} (iterative current) and {newton / 1e6:.1f} "
        f"(Newton) million node-hours/s; off by {pgm['iterative_current_off_pu']:.0e} and "
        f"{pgm['newton_raphson_off_pu']:.0e} pu\n\n"
        "| buses | hours | ours, million node-hours/s | a core | s | peak MB "
        "| times PGM iterative | times PGM Newton |\n|---|---|---|---|---|---|---|---|\n"
    )
    for size in sizes:
        for span in spans:
            own = figures[f"ours {size} {span}"] = alone(ours, size, span)
            out(
                f"| {size:,} | {span:,} | {own['rate'] / 1e6:.1f} | {own['per_core'] / 1e6:.1f} "
                f"| {own['seconds']:.2f} | {own['peak_mb']:.0f} | {own['rate'] / current:.1f} "
                f"| {own['rate'] / newton:.1f} |\n"
            )
            sys.stdout.flush()


def _print_others(figures, sizes) -> None:
    out = sys.stdout.write
    out(
        "\n| a part: buses (hours) | `runpp` loop, node-hours/s | `run_timeseries(recycle=False)` "
        "| lightsim2grid | ours off `runpp`, pu | of total loss | off lightsim2grid, pu |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    for size in sizes:
        hours = PANDAPOWER_HOURS[size]
        slow = figures[f"pandapower {size}"] = alone(by_pandapower, size, hours)
        light = figures[f"lightsim2grid {size}"] = alone(lightsim2grid, size, 10 * hours)
        rate, off = (f"{light['rate']:,.0f}", f"{light['off_pu']:.0e}") if light else ("–", "–")
        out(
            f"| {size:,} ({hours}) | {slow['runpp']:,.0f} | {slow['run_timeseries']:,.0f} | {rate} "
            f"| {slow['off_pu']:.0e} | {slow['off_loss']:.0e} | {off} |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
