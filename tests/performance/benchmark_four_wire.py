"""Four wires beside power-grid-model's asymmetric batch and OpenDSS's yearly mode.

    python tests/performance/benchmark_four_wire.py            some three minutes
    python tests/performance/benchmark_four_wire.py county     five stages of the packaged county

Prints markdown tables for docs/four_wire.md. One run, the rounds of all programs interleaved. Rates
are node-hours a second; those per core are by CPU time, which other jobs on the machine disturb
less. The net: transformer areas of 15 four-wire nodes, half of them cables (equal mutual
impedances), half overhead (unequal, a thinner neutral), 80 % of the nodes with one single-phase
customer, the others with one on three phases; constant power, every load with a random profile of
its own, tolerance 1e-6. power-grid-model gets the exactly reduced 3x3 matrices, 50 areas to a model
(its best), voltages alone; OpenDSS an explicit neutral. Ours keeps all reductions of a year.
"""

# ruff: noqa: T201, E501
# a script: it prints, and its long lines are those of OpenDSS

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import numpy as np

from ruralgrid.flow.four_wire.conversion import AreaLoads, area_demand, area_gauges, area_wires
from ruralgrid.flow.four_wire.coupling import Areas
from ruralgrid.network.four_wire import FourWireAreas

AREAS, NODES, HOURS, ROUNDS = 1000, 15, 480, 4
PART_AREAS, PART_HOURS, DSS_HOURS = 50, 480, 96
TOLERANCE_PU = 1e-6
BASE_V = 400 / np.sqrt(3)


def drawn_areas(rng: np.random.Generator) -> FourWireAreas:
    """The benchmark's net."""
    count = AREAS * NODES
    position = np.arange(count) % NODES
    # a main line with a few branches: the parent is one of the three nodes before
    back = np.minimum(rng.integers(1, 4, count), position)
    parent = np.where(position == 0, -1, np.arange(count) - back)
    km = rng.uniform(0.03, 0.12, count)
    cable = np.array([[0.44 + 0.05, 0.05], [0.05, 0.05]]) + 1j * np.array(
        [[0.75, 0.68], [0.68, 0.68]]
    )
    cable = np.where(np.eye(4, dtype=bool), cable[0, 0], cable[0, 1])
    distance = np.abs(np.subtract.outer([-0.65, 0.25, 0.65, -0.25], [-0.65, 0.25, 0.65, -0.25]))
    np.fill_diagonal(distance, 0.0035)
    overhead = 0.05 + 0.0628j * np.log(932 / distance) + np.diag([0.59, 0.59, 0.59, 0.95])
    is_cable = (np.arange(count) // NODES) % 2 == 0
    matrix = np.where(is_cable[:, None, None], cable, overhead) * km[:, None, None]
    matrix[position == 0] = 0
    single = rng.random(count) < 0.8
    phases = np.where(single, 1 << rng.integers(0, 3, count), 7)
    phases[position == 0] = 0
    rows = np.flatnonzero(phases)
    z = complex(0.015, np.sqrt(0.04**2 - 0.015**2)) * 0.4**2 / 0.1
    of_area, of_node = np.full(AREAS, 1.0), np.full(count, np.nan)
    return FourWireAreas(
        name="benchmark", first=np.arange(AREAS + 1) * NODES,
        transformer_row=np.arange(AREAS), hv_node_row=np.zeros(AREAS, dtype=np.int64),
        transformer_name=tuple(f"t{k}" for k in range(AREAS)), consumer_name=(),
        node_name=tuple(f"n{k}" for k in range(count)),
        section_name=tuple(f"s{k}" for k in range(count)),
        base_v=of_area * BASE_V, no_load_v=of_area * BASE_V, series_ohm=of_area * z,
        zero_sequence_ohm=of_area * z, magnetising_s=of_area * 0j,
        phases=np.full(AREAS, 7), rated_a=of_area * 144.3, rated_hv_a=of_area * 144.3,
        star_earthing_ohm=of_area * 4.0, node_row=np.arange(count), section_row=np.arange(count),
        parent=parent, wires=np.full(count, 15), impedance_ohm=matrix,
        ampacity_a=np.full(count, 200.0), neutral_ampacity_a=np.full(count, 150.0),
        earthing_ohm=of_node, consumer_row=np.arange(len(rows)), consumer_position=rows,
        consumer_phases=phases[rows], consumer_between=np.zeros(len(rows), dtype=bool),
    )  # fmt: skip


def drawn_loads(areas: FourWireAreas, rng: np.random.Generator) -> AreaLoads:
    """1.2 kW at most on a phase, lagging."""
    count = len(areas.consumer_row)
    phases = np.bitwise_count(areas.consumer_phases.astype(np.uint8)).astype(float)
    p = rng.uniform(0.6, 1.2, count) * phases
    shares = np.tile([1.0, 0.0, 0.0], (count, 1))
    return AreaLoads(p, 0.4 * p, np.arange(count), shares, shares)


def entries(areas: FourWireAreas, loads: AreaLoads) -> list[tuple[int, int, float, float, int]]:
    """Position, phase, kW, kvar and profile of every phase load of the first areas."""
    out = []
    for number in np.flatnonzero(areas.consumer_position < PART_AREAS * NODES).tolist():
        bits = [i for i in range(3) if areas.consumer_phases[number] >> i & 1]
        for i in bits:
            p, q = loads.p_kw[number] / len(bits), loads.q_kvar[number] / len(bits)
            out.append((int(areas.consumer_position[number]), i, p, q, number))
    return out


def unit_matrix(areas: FourWireAreas) -> np.ndarray:
    return np.eye(3) * areas.series_ohm[0]


def power_grid_model(
    areas: FourWireAreas, loads: AreaLoads, values: np.ndarray, method: str
) -> Callable[[], np.ndarray]:
    """A run of the first areas: voltages (hours, nodes, phases)."""
    import power_grid_model as pgm

    count = PART_AREAS * NODES
    busbars = np.arange(PART_AREAS) * NODES
    nodes = pgm.initialize_array("input", "node", count + PART_AREAS)
    nodes["id"], nodes["u_rated"] = np.arange(count + PART_AREAS), 400.0
    z = areas.impedance_ohm[:count]
    matrices = z[:, :3, :3] - z[:, :3, 3:] - z[:, 3:, :3] + z[:, 3:, 3:]
    matrices[busbars] = unit_matrix(areas)
    lines = pgm.initialize_array("input", "asym_line", count)
    lines["id"] = 100_000 + np.arange(count)
    lines["from_node"] = np.where(
        areas.parent[:count] < 0, count + np.arange(count) // NODES, areas.parent[:count]
    )
    lines["to_node"] = np.arange(count)
    lines["from_status"] = lines["to_status"] = 1
    lines["c0"], lines["c1"] = 0.0, 0.0
    for i, row in enumerate("abc"):
        for j, column in enumerate("abc"[: i + 1]):
            lines[f"r_{row}{column}"] = matrices[:, i, j].real
            lines[f"x_{row}{column}"] = matrices[:, i, j].imag
    source = pgm.initialize_array("input", "source", PART_AREAS)
    source["id"], source["node"] = 200_000 + np.arange(PART_AREAS), count + np.arange(PART_AREAS)
    source["status"], source["u_ref"], source["sk"] = 1, 1.0, 1e20
    inside = np.flatnonzero(areas.consumer_position < count)
    bits = areas.consumer_phases[inside, None] >> np.arange(3) & 1
    each = bits / bits.sum(axis=1, keepdims=True)
    asym = pgm.initialize_array("input", "asym_load", len(inside))
    asym["id"], asym["node"] = 300_000 + np.arange(len(inside)), areas.consumer_position[inside]
    asym["status"], asym["type"] = 1, 0
    p = 1e3 * loads.p_kw[inside, None] * each
    asym["p_specified"], asym["q_specified"] = p, 0.4 * p
    model = pgm.PowerGridModel(
        {"node": nodes, "asym_line": lines, "source": source, "asym_load": asym}
    )
    factor = values[loads.profile[inside], :PART_HOURS].T[:, :, None]
    update = {
        "asym_load": {"p_specified": factor * p, "q_specified": factor * 0.4 * p}
    }  # columnar: the same loads in every hour

    def run() -> np.ndarray:
        result = model.calculate_power_flow(
            symmetric=False,
            update_data=update,
            calculation_method=method,
            error_tolerance=TOLERANCE_PU,
            output_component_types={"node": ["u_pu"]},
            threading=os.cpu_count() or 1,
        )
        return result["node"]["u_pu"][:, :count]

    return run


def open_dss(
    areas: FourWireAreas, loads: AreaLoads, values: np.ndarray, how_many: int
) -> Callable[[], tuple[float, float]]:
    """A yearly run of the first `how_many` areas; returns clock and CPU seconds of solving."""
    import dss

    engine = dss.DSS.NewContext()

    def tell(text: str) -> None:
        engine.Text.Command = text

    def triangle(matrix: np.ndarray) -> str:
        return (
            "["
            + "|".join(" ".join(f"{x:.12g}" for x in r[: k + 1]) for k, r in enumerate(matrix))
            + "]"
        )

    tell("clear")
    tell("new circuit.c basekv=0.4 pu=1 phases=3 bus1=src z1=[1e-7 1e-7] z0=[1e-7 1e-7]")
    zero = {n: triangle(np.zeros((n, n))) for n in (3, 4)}
    z = unit_matrix(areas)
    for area in range(how_many):
        b = area * NODES
        tell(f"new line.u{area} phases=3 bus1=src bus2=b{b} length=1 rmatrix={triangle(z.real)} "
             f"xmatrix={triangle(z.imag)} cmatrix={zero[3]}")  # fmt: skip
        tell(f"new reactor.s{area} phases=1 bus1=b{b}.4 bus2=b{b}.0 r=1e-4 x=0")
        for k in range(b + 1, b + NODES):
            m = areas.impedance_ohm[k]
            tell(f"new line.l{k} phases=4 bus1=b{areas.parent[k]}.1.2.3.4 bus2=b{k}.1.2.3.4 length=1 "
                 f"rmatrix={triangle(m.real)} xmatrix={triangle(m.imag)} cmatrix={zero[4]}")  # fmt: skip
    known = set()
    for number, (k, i, p, q, profile) in enumerate(entries(areas, loads)):
        if k >= how_many * NODES:
            continue
        if profile not in known:
            known.add(profile)
            shape = " ".join(f"{x:.9g}" for x in values[loads.profile[profile], :DSS_HOURS])
            tell(f"new loadshape.p{profile} npts={DSS_HOURS} interval=1 mult=({shape})")
        tell(f"new load.d{number} phases=1 bus1=b{k}.{i + 1}.4 kv={BASE_V / 1e3:.12g} kw={p:.12g} "
             f"kvar={q:.12g} model=1 vminpu=0.5 vmaxpu=1.5 yearly=p{profile}")  # fmt: skip
    tell(f"set tolerance={TOLERANCE_PU}")
    tell("set controlmode=off")

    def run() -> tuple[float, float]:
        tell(f"set mode=yearly number={DSS_HOURS} hour=0 sec=0 stepsize=1h")
        wall, cpu = time.perf_counter(), time.process_time()
        tell("solve")
        seconds = time.perf_counter() - wall, time.process_time() - cpu
        assert engine.ActiveCircuit.Solution.Converged
        return seconds

    return run


def timed(run: Callable[[], object], work: float) -> tuple[float, float]:
    """Work per second by the clock, and by CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return work / (time.perf_counter() - wall), work / (time.process_time() - cpu)


def compare() -> None:
    rng = np.random.default_rng(1)
    areas = drawn_areas(rng)
    loads = drawn_loads(areas, rng)
    values = rng.uniform(0.1, 1.0, (len(loads.p_kw), HOURS))
    demand, _, _ = area_demand(areas, loads)
    limits = {"l": np.full(AREAS * NODES, 0.857)}, {"h": np.full(AREAS * NODES, 1.02)}
    gauges = area_gauges(areas, *limits)
    solver = Areas(
        area_wires(areas, loads), demand, gauges, values, TOLERANCE_PU, os.cpu_count() or 1
    )
    hours = solver.hours(np.arange(HOURS), np.arange(HOURS))
    hours.set_voltages(np.ones((AREAS, HOURS)))
    everything = np.arange(AREAS)
    solver.solve(everything[:1], hours, tallied=True)  # compile

    best = {}

    def note(name: str, rates: tuple[float, float]) -> None:
        before = best.get(name, (0.0, 0.0))
        best[name] = max(before[0], rates[0]), max(before[1], rates[1])

    whole, part = AREAS * NODES * HOURS, PART_AREAS * NODES * PART_HOURS
    rivals = {
        f"power-grid-model, {method}": power_grid_model(areas, loads, values, method)
        for method in ("iterative_current", "newton_raphson")
    }
    systems = {
        1: open_dss(areas, loads, values, 1),
        PART_AREAS: open_dss(areas, loads, values, PART_AREAS),
    }
    tally = solver.solve(everything, hours, tallied=True)
    theirs = rivals["power-grid-model, iterative_current"]()
    lowest = np.sqrt(tally.min_u.reshape(-1, 3)[: PART_AREAS * NODES])
    difference = np.abs(lowest - theirs.min(axis=0)).max()
    for _ in range(ROUNDS):
        note(
            "ours, f64, all reductions", timed(lambda: solver.solve(everything, hours, True), whole)
        )
        note(
            "ours, voltages and power only",
            timed(lambda: solver.solve(everything, hours, False), whole),
        )
        for name, run in rivals.items():
            note(name, timed(run, part))
        for many, run in systems.items():
            wall, cpu = run()
            work = many * NODES * DSS_HOURS
            note(f"OpenDSS yearly, bare, one thread, areas: {many}", (work / wall, work / cpu))
    report(
        best,
        float(np.sqrt(tally.u2_min.min())),
        difference,
        tally.walks.sum() / AREAS / (HOURS / 24),
    )


def report(
    best: dict[str, tuple[float, float]], lowest: float, difference: float, walks: float
) -> None:
    ours = best["ours, f64, all reductions"]
    threads = os.cpu_count() or 1
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {threads} cores; lowest voltage {lowest:.4f} pu; "
          f"largest difference from power-grid-model {difference:.1e} pu; {walks:.1f} walks a block\n")  # fmt: skip
    print("| what | million node-hours/s | per core | ours is so many times faster | per core |")
    print("|---|---|---|---|---|")
    for name, (wall, cpu) in best.items():
        print(
            f"| {name} | {wall / 1e6:.2f} | {cpu / 1e6:.2f} | {ours[0] / wall:.1f} | {ours[1] / cpu:.1f} |"
        )


def county() -> None:
    """All hours of all stages of the packaged county."""
    import ruralgrid as rg
    from ruralgrid.flow.four_wire import solve_year_four_wire
    from ruralgrid.studies.stage import prepare

    drawn = rg.synthesise(rg.read_plan("ningxian"), seed=1)

    def solve(case, hours):
        return solve_year_four_wire(
            case.areas, case.net, case.profiles, hours=hours, tolerance_pu=TOLERANCE_PU,
            low_limits_pu={"l": 0.857}, high_limits_pu={"h": 1.02}, progress=False,
        )  # fmt: skip

    solve(prepare(drawn.at(0)), range(24))  # compile
    print("| stage | buses | s | CPU s | failed areas | lowest pu | residual |")
    print("|---|---|---|---|---|---|---|")
    total = 0.0
    for stage in drawn.stages:
        case = prepare(drawn.at(stage))
        wall, cpu = time.perf_counter(), time.process_time()
        year = solve(case, None)
        seconds = time.perf_counter() - wall
        total += seconds
        failed = int((year.feeders["status"] == "failed").sum())
        residual = year.balance["residual_kwh"] / year.balance["fed_kwh"]
        print(f"| {stage} | {len(year.buses)} | {seconds:.1f} | {time.process_time() - cpu:.1f} | {failed} | "
              f"{year.buses['vm_min_pu'].min():.3f} | {residual:.0e} |", flush=True)  # fmt: skip
    print(f"\nall stages {total:.0f} s")


if __name__ == "__main__":
    county() if "county" in sys.argv[1:] else compare()
