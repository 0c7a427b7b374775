"""Node-hours a second of the year engine, power-grid-model and pandapower on the same nets.

One command, one table::

    python tests/performance/benchmark_year.py            # about ten minutes on a quiet machine
    python tests/performance/benchmark_year.py --quick    # a look: small nets, few hours

Every net is a number of like feeders of 125 buses below one ideal 10 kV source: trunk, transformer
areas of 0.4 kV, line charging, iron loss, constant power along a quarter as many profiles as loads
(at most 1,000). The source is ideal, so that power-grid-model may take the feeders ten at a time,
which suits it best; it gives voltages only, ours all results of a year. Slow programs get a part.
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
from pathlib import Path

import numpy as np
import pandapower as pp
from pandapower.control import ConstControl
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
    figures = {"machine": f"{platform.processor() or platform.machine()}, {sys.version.split()[0]}"}
    out = sys.stdout.write
    pgm = alone(power_grid_model, spans[0] if options.quick else PGM_HOURS)
    figures["power_grid_model"] = pgm
    out(f"power-grid-model: {json.dumps(pgm)}\n")
    out("| buses | hours | ours M/s | per core M/s | s | peak MB | PGM iterative | PGM Newton |\n")
    best = max(pgm["iterative_current"], pgm["newton_raphson"])
    for size in sizes:
        for span in spans:
            own = figures[f"ours {size} {span}"] = alone(ours, size, span)
            out(
                f"| {size} | {span} | {own['rate'] / 1e6:.1f} | {own['per_core'] / 1e6:.1f} "
                f"| {own['seconds']:.2f} | {own['peak_mb']:.0f} "
                f"| {own['rate'] / pgm['iterative_current']:.1f} x "
                f"| {own['rate'] / pgm['newton_raphson']:.1f} x |\n"
            )
    out(f"best of power-grid-model: {best / 1e6:.2f} M/s\n")
    for size in sizes:
        slow = figures[f"pandapower {size}"] = alone(by_pandapower, size, PANDAPOWER_HOURS[size])
        out(f"pandapower, {size} buses, {PANDAPOWER_HOURS[size]} hours: {json.dumps(slow)}\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
