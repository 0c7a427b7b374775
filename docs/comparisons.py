"""ruralgrid against closed forms, published cases and other programs; run by the build.

``python docs/comparisons.py`` prints the table.
"""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Comparison:
    """One figure of ours beside one of another origin.

    Parameters
    ----------
    case, against, quantity : str
        What was computed, who else computed it, and of what the difference is.
    difference, bound : float
        What was found now, and what the build allows.
    test : str
        The test that holds the same.
    """

    case: str
    against: str
    quantity: str
    difference: float
    bound: float
    test: str


def two_buses() -> Iterator[Comparison]:
    """V⁴ + (2(RP + XQ) - 1) V² + |Z|²|S|² = 0, upper root, up to 99 % of the nose."""
    import pandapower as pp

    from ruralgrid.flow import LoadProfiles, solve_year

    r, x, worst = 0.03, 0.02, 0.0  # pu of 10 kV and 1 MVA
    for p_mw in (0.5, 3.0, -2.0, 6.3):
        q_mvar = 0.4 * p_mw
        net = pp.create_empty_network()
        first, last = pp.create_buses(net, 2, 10.0)
        pp.create_ext_grid(net, first)
        pp.create_line_from_parameters(net, first, last, 1.0, r * 100, x * 100, 0.0, 0.2)
        pp.create_load(net, last, p_mw, q_mvar)
        half = 0.5 - (r * p_mw + x * q_mvar)
        root = math.sqrt(half**2 - (r**2 + x**2) * (p_mw**2 + q_mvar**2))
        ours = solve_year(net, LoadProfiles.constant(net)).buses["vm_min_pu"].iloc[1]
        worst = max(worst, abs(ours - math.sqrt(half + root)))
    yield Comparison(
        "two buses, constant power",
        "closed form",
        "voltage [pu]",
        worst,
        1e-7,
        "test_flow_closed_forms",
    )


def baran_and_wu() -> Iterator[Comparison]:
    """33 buses: 202.7 kW lost, 0.9131 pu at the end, as printed; and the same net in OpenDSS."""
    import pandapower.networks as networks

    from ruralgrid.flow import LoadProfiles, solve_year

    net = networks.case33bw()
    year = solve_year(net, LoadProfiles.constant(net), record_buses="all")
    lost, lowest = float(year.balance["line_loss_kwh"]), float(year.buses["vm_min_pu"].min())
    case, test = "33 buses (Baran and Wu)", "test_assess_published"
    yield Comparison(case, "published figure", "loss [kW of 202.7]", abs(lost - 202.7), 0.05, test)
    yield Comparison(
        case, "published figure", "lowest voltage [pu of 0.9131]", abs(lowest - 0.9131), 5e-5, test
    )
    voltages, losses = opendss_of(net)
    ours = year.buses["vm_min_pu"].to_numpy()
    found = float(np.abs(ours - voltages).max())
    apart, other = abs(lost / losses - 1), "OpenDSS (dss-python), exported"
    yield Comparison(case, other, "voltage of any bus [pu]", found, 1e-6, "test_export_opendss")
    yield Comparison(case, other, "loss [of it]", apart, 1e-5, "test_export_opendss")


def opendss_of(net: pandapowerNet) -> tuple[np.ndarray, float]:
    """Voltages [pu] of the buses of a net and its loss [kW], by OpenDSS in a process of its own."""
    from ruralgrid.network.opendss import write_opendss_net

    with tempfile.TemporaryDirectory() as folder:
        write_opendss_net(net, folder)
        words = [sys.executable, "-c", OPENDSS, str(Path(folder) / "master.dss")]
        run = subprocess.run(words, capture_output=True, text=True, check=True)
        names = (Path(folder) / "names.csv").read_text(encoding="utf-8").splitlines()
    solved = json.loads(run.stdout)
    # names.csv lists the buses first, in the order of the net
    buses = [line.split(",")[1] for line in names if line.startswith("bus,")]
    return np.array([solved["voltages"][bus] for bus in buses]), solved["loss_kw"]


OPENDSS = """
import json, sys
from dss import DSS
DSS.AllowForms = False
DSS.Text.Command = f'compile "{sys.argv[1]}"'
circuit = DSS.ActiveCircuit
voltages = dict(zip(circuit.AllBusNames, circuit.AllBusVmagPu[::3]))
print(json.dumps({"voltages": voltages, "loss_kw": circuit.Losses[0] / 1000}))
"""


def small_county() -> Iterator[Comparison]:
    """The small county before and after its works at twelve hours, by `runpp`."""
    import ruralgrid as rg
    from ruralgrid.county.synthesis import draw_county
    from ruralgrid.studies.stage import prepare

    county = draw_county(rg.read_plan(ROOT / "examples" / "small_plan"), 1)
    hours = np.random.default_rng(7).choice(8760, 6, replace=False)
    volts, losses = 0.0, 0.0
    for stage in (county.stages[0], county.stages[-1]):
        case = prepare(county.at(stage), phases="balanced")
        year = rg.solve_year(
            case.net, case.profiles, hours=hours, record_buses="all", progress=False
        )
        lost = 0.0
        for hour in hours:
            net = copy.deepcopy(case.net)
            net.load["scaling"] *= case.profiles.values[case.profiles.of_load, hour]
            solved = rg.solve_snapshot(net)
            apart = year.recorded.loc[hour] - solved.res_bus["vm_pu"]
            volts = max(volts, float(apart.abs().max()))
            lost += solved.res_line["pl_mw"].sum() * 1000
        losses = max(losses, abs(year.balance["line_loss_kwh"] / lost - 1))
    case_name, test = "small county, 2 stages, 6 hours", "test_flow_pandapower, test_studies"
    yield Comparison(case_name, "pandapower runpp", "voltage of any bus [pu]", volts, 1e-6, test)
    yield Comparison(case_name, "pandapower runpp", "loss in lines [of it]", losses, 1e-5, test)


def small_county_by_opendss() -> Iterator[Comparison]:
    """The small county at its peak, exported as it stands and solved by OpenDSS."""
    import ruralgrid as rg
    from ruralgrid.county.synthesis import draw_county

    county = draw_county(rg.read_plan(ROOT / "examples" / "small_plan"), 1)
    net = rg.build(county, hour="peak")
    solved = rg.solve_snapshot(net)
    net.trafo["tap_pos"] = solved.trafo["tap_pos"]  # where a tap changer has stepped
    voltages, _ = opendss_of(net)
    yield Comparison(
        f"small county at its peak, {len(net.bus)} buses, 35 to 0.4 kV",
        "OpenDSS (dss-python), exported",
        "voltage of any bus [pu]",
        float(np.abs(solved.res_bus["vm_pu"].to_numpy() - voltages).max()),
        1e-5,
        "test_export_opendss",
    )


def four_wires() -> Iterator[Comparison]:
    """A kilometre of LGJ-35 with its neutral, customers on single phases, earthed in six ways."""
    sys.path.append(str(ROOT / "tests"))
    from four_wire_cases import opendss_volts, phase_volts, power_grid_model_volts
    from test_flow_four_wire import CASES

    volts, neutral = 0.0, 0.0
    for case in CASES.values():
        areas = case.areas
        ours = case.solve(areas)
        phases_pu, neutral_v = opendss_volts(case, areas)
        volts = max(volts, float(np.abs(phase_volts(ours) - phases_pu).max()))
        neutral = max(neutral, float(np.abs(ours.phases["neutral_v_max"] - neutral_v).max()))
    name, other, test = "four wires, 1 km, six cases", "OpenDSS (dss-python)", "test_flow_four_wire"
    yield Comparison(name, other, "phase-to-neutral voltage [pu]", volts, 1e-5, test)
    yield Comparison(name, other, "neutral to earth [V]", neutral, 1e-3, test)
    case = CASES["heavy"]
    theirs = power_grid_model_volts(case, case.areas)
    found = float(np.abs(phase_volts(case.solve()) - theirs).max())
    name, other = "four wires, 1 km, heavy load", "power-grid-model, asymmetric"
    yield Comparison(name, other, "phase-to-neutral voltage [pu]", found, 1e-5, test)


def closed_rings() -> Iterator[Comparison]:
    """33 buses with all ties closed, by power-grid-model, against `runpp`."""
    import pandapower as pp
    import pandapower.networks as networks

    from ruralgrid.flow import LoadProfiles, solve_year

    net = networks.case33bw()
    net.line["in_service"] = True
    year = solve_year(net, LoadProfiles.constant(net))
    pp.runpp(net, tolerance_mva=1e-10)
    found = float((year.buses["vm_min_pu"] - net.res_bus["vm_pu"]).abs().max())
    yield Comparison(
        "33 buses, ties closed (power-grid-model)",
        "pandapower runpp",
        "voltage of any bus [pu]",
        found,
        1e-6,
        "test_flow_meshed",
    )


def ieee_13_buses() -> Iterator[Comparison]:
    """Overhead configuration 601 as published [ohm/mile] (Kersting; IEEE 13 node test feeder)."""
    from ruralgrid.equipment.impedance import kron_reduction, primitive_matrix

    mile_km, foot_m = 1.609344, 0.3048
    wires = [(0.0313, 0.1859)] * 3 + [(0.00814, 0.592)]  # GMR [ft], ohm/mile
    places = [(2.5, 28.0), (0.0, 28.0), (7.0, 28.0), (4.0, 24.0)]
    z = primitive_matrix(
        [ohm / mile_km for _, ohm in wires],
        [gmr * foot_m for gmr, _ in wires],
        [(x * foot_m, y * foot_m) for x, y in places],
        frequency_hz=60.0,
        earth_resistivity_ohm_m=100.0,
    )
    published = np.array(
        [
            [0.3465 + 1.0179j, 0.1560 + 0.5017j, 0.1580 + 0.4236j],
            [0.1560 + 0.5017j, 0.3375 + 1.0478j, 0.1535 + 0.3849j],
            [0.1580 + 0.4236j, 0.1535 + 0.3849j, 0.3414 + 1.0348j],
        ]
    )
    ours = kron_reduction(z, 3) * mile_km
    yield Comparison(
        "IEEE 13 nodes, configuration 601",
        "published matrix, four decimals",
        "any entry [of it]",
        float(np.abs(ours / published - 1).max()),
        1e-3,
        "test_equipment_impedance",
    )


SOURCES: tuple[Callable[[], Iterator[Comparison]], ...] = (
    two_buses,
    baran_and_wu,
    small_county,
    small_county_by_opendss,
    four_wires,
    closed_rings,
    ieee_13_buses,
)


def comparisons_table() -> str:
    """All comparisons as a table in Markdown.

    Raises
    ------
    ValueError
        A difference is larger than its bound: the build is to fail.
    """
    rows = [row for source in SOURCES for row in source()]
    beyond = [row for row in rows if not row.difference <= row.bound]
    if beyond:
        raise ValueError(f"larger than their bounds: {beyond}")
    lines = [
        "| case | against | difference in | found | allowed | test |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        tests = ", ".join(f"`{name}`" for name in row.test.split(", "))
        figures = f"{row.difference:.1e} | {row.bound:.0e}".replace("-", "\u2011")  # no line break
        lines.append(f"| {row.case} | {row.against} | {row.quantity} | {figures} | {tests} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.stdout.write(comparisons_table() + "\n")
