"""Small four-wire nets, and the same nets written for OpenDSS and for power-grid-model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ruralgrid.county import County, conform
from ruralgrid.flow import LoadProfiles, YearSolution
from ruralgrid.flow.four_wire import solve_year_four_wire
from ruralgrid.network import build
from ruralgrid.network.four_wire import FourWireAreas, build_four_wire

HOURS = 8760.0

UNIT = {
    "name": "unit",
    "sn_kva": 100.0,
    "vn_hv_kv": 10.0,
    "vn_lv_kv": 0.4,
    "vk_percent": 4.0,
    "vkr_percent": 1.5,
    "vector_group": "Dyn",
}
"""A transformer without a magnetising branch, so that other programs can be given the same."""

OWN_D10 = {
    "name": "own D10",
    "sn_kva": 10.0,
    "vn_hv_kv": 10.0,
    "vn_lv_kv": 0.22,
    "vk_percent": 3.5,
    "vkr_percent": 2.6,
    "p0_kw": 0.055,
    "i0_percent": 3.5,
    "vector_group": "Ii0",
}
"""The plate of D10-10/10 as a county's own type: 0.26 kW at 10 kVA."""


@dataclass
class Section:
    """A stretch of line from one numbered node to the next; node 0 is the busbar."""

    parent: int
    km: float
    phases: str = "abcn"
    conductor: str = "LGJ-35/6"
    neutral: str = ""
    head: str = "0.4kV-hor4-50"


@dataclass
class Load:
    """A customer: power in kW and kvar at nominal voltage, shares of impedance and current."""

    node: int
    phases: str
    kw: float
    kvar: float = 0.0
    const_z: float = 0.0
    const_i: float = 0.0
    kind: str = "household"


@dataclass
class Case:
    """One area below a stiff 10 kV source."""

    sections: list[Section]
    loads: list[Load]
    unit: dict[str, object] = field(default_factory=lambda: dict(UNIT))
    earthing_ohm: dict[int, float] = field(default_factory=dict)

    @property
    def county(self) -> County:
        """The case as tables."""
        count = len(self.sections) + 1
        nodes = pd.DataFrame(
            {
                "name": ["s", *(f"n{k}" for k in range(count))],
                "kv": [10.0, *[0.4] * count],
                "kind": ["busbar", "busbar", *["service_point"] * (count - 1)],
                "earthing_ohm": [np.nan, *(self.earthing_ohm.get(k, np.nan) for k in range(count))],
            }
        )
        sections = pd.DataFrame(
            {
                "name": [f"l{k}" for k in range(1, count)],
                "from_node": [f"n{one.parent}" for one in self.sections],
                "to_node": [f"n{k}" for k in range(1, count)],
                "conductor": [one.conductor for one in self.sections],
                "neutral": [one.neutral for one in self.sections],
                "arrangement": [one.head for one in self.sections],
                "phases": [one.phases for one in self.sections],
                "length_km": [one.km for one in self.sections],
            }
        )
        consumers = pd.DataFrame(
            {
                "name": [f"c{k}" for k in range(len(self.loads))],
                "node": [f"n{one.node}" for one in self.loads],
                "kind": [one.kind for one in self.loads],
                "count": 1,
                "kwh_per_year": [one.kw * HOURS for one in self.loads],
                "power_factor": 1.0,
                "phases": [one.phases for one in self.loads],
            }
        )
        own = "vk_percent" in self.unit
        unit = {"name": "t", "type": self.unit["name"], "hv_node": "s", "lv_node": "n0"}
        tables = {
            "nodes": nodes,
            "sections": sections,
            "consumers": consumers,
            "transformers": pd.DataFrame([unit]),
            "sources": pd.DataFrame([{"name": "g", "node": "s", "vm_pu": 1.0}]),
            "villages": pd.DataFrame(),
        }
        if own:
            tables["transformer_types"] = pd.DataFrame([self.unit])
        return County("case", **{table: conform(table, frame) for table, frame in tables.items()})

    @property
    def net(self):
        """The balanced net, with the loads' own reactive power and dependence on the voltage."""
        net = build(self.county, hour="mean")
        net.load["q_mvar"] = [one.kvar / 1000 for one in self.loads]
        for letter in "pq":
            net.load[f"const_z_{letter}_percent"] = [100 * one.const_z for one in self.loads]
            net.load[f"const_i_{letter}_percent"] = [100 * one.const_i for one in self.loads]
        return net

    @property
    def areas(self) -> FourWireAreas:
        """The case as arrays."""
        return build_four_wire(self.county)

    def solve(self, areas: FourWireAreas | None = None, tolerance_pu: float = 1e-11):
        """One hour, as tightly as numbers allow."""
        net = self.net
        return solve_year_four_wire(
            areas or self.areas,
            net,
            LoadProfiles.constant(net),
            tolerance_pu=tolerance_pu,
            n_threads=1,
            progress=False,
        )


def phase_volts(solution: YearSolution) -> np.ndarray:
    """Phase-to-neutral voltages [pu] of nodes 0, 1, ... of a case of one hour."""
    return solution.phases[[f"v_{letter}_min_pu" for letter in "abc"]].to_numpy()


def broken_neutral(areas: FourWireAreas, position: int, ohm: float) -> FourWireAreas:
    """The same nets with `ohm` more in the neutral of one section."""
    impedance = areas.impedance_ohm.copy()
    impedance[position, 3, 3] += ohm
    return replace(areas, impedance_ohm=impedance)


def node_of(areas: FourWireAreas) -> np.ndarray:
    """Number of the case's node at each position: the first row of nodes is the source."""
    return areas.node_row - 1


# OpenDSS ------------------------------------------------------------------------------------------


def _triangle(matrix: np.ndarray) -> str:
    rows = [" ".join(f"{x:.16g}" for x in row[: k + 1]) for k, row in enumerate(matrix)]
    return "[" + " | ".join(rows) + "]"


def _unit_matrix(areas: FourWireAreas) -> np.ndarray:
    z1, z0 = areas.series_ohm[0], areas.zero_sequence_ohm[0]
    own, mutual = (z0 + 2 * z1) / 3, (z0 - z1) / 3
    return np.where(np.eye(3, dtype=bool), own, mutual)


def opendss_script(case: Case, areas: FourWireAreas) -> list[str]:
    """An explicit neutral: every section a line of all its wires, every load n.phase.4."""
    z = _unit_matrix(areas)
    kv = areas.no_load_v[0] * np.sqrt(3) / 1000
    lines = [
        "clear",
        f"new circuit.case basekv={kv:.16g} pu=1 angle=0 phases=3 bus1=src.1.2.3 bus2=b0.4.4.4 "
        "z1=[1e-8 1e-8] z0=[1e-8 1e-8] z2=[1e-8 1e-8]",
        f"new line.unit phases=3 bus1=src.1.2.3 bus2=b0.1.2.3 length=1 rmatrix={_triangle(z.real)} "
        f"xmatrix={_triangle(z.imag)} cmatrix=[0 | 0 0 | 0 0 0]",
        f"new reactor.star phases=1 bus1=b0.4 bus2=b0.0 r={areas.star_earthing_ohm[0]:.16g} x=0",
    ]
    node = node_of(areas)
    for k in range(1, len(node)):
        at = [i for i in range(4) if areas.wires[k] >> i & 1]
        dots = "".join(f".{i + 1}" for i in at)
        matrix = areas.impedance_ohm[k][np.ix_(at, at)]
        zero = _triangle(np.zeros((len(at), len(at))))
        lines.append(
            f"new line.l{node[k]} phases={len(at)} bus1=b{node[areas.parent[k]]}{dots} "
            f"bus2=b{node[k]}{dots} length=1 rmatrix={_triangle(matrix.real)} "
            f"xmatrix={_triangle(matrix.imag)} cmatrix={zero}"
        )
        if np.isfinite(areas.earthing_ohm[k]):
            ohm = areas.earthing_ohm[k]
            lines.append(
                f"new reactor.e{k} phases=1 bus1=b{node[k]}.4 bus2=b{node[k]}.0 r={ohm} x=0"
            )
    for number, load in enumerate(case.loads):
        zip_share = f"{load.const_z} {load.const_i} {1 - load.const_z - load.const_i}"
        if load.kind == "three_phase_user":
            lines.append(
                f"new load.d{number} phases=3 conn=delta bus1=b{load.node}.1.2.3 kv=0.4 "
                f"kw={load.kw:.16g} kvar={load.kvar:.16g} "
                f"model=8 zipv=({zip_share} {zip_share} 0) vminpu=0.1 vmaxpu=2"
            )
            continue
        for letter in load.phases:
            share = len(load.phases)
            bus, kv = f"b{load.node}.{'abc'.index(letter) + 1}.4", f"{0.4 / np.sqrt(3):.16g}"
            lines.append(
                f"new load.d{number}{letter} phases=1 bus1={bus} kv={kv} "
                f"kw={load.kw / share:.16g} kvar={load.kvar / share:.16g} "
                f"model=8 zipv=({zip_share} {zip_share} 0) vminpu=0.1 vmaxpu=2"
            )
    return [*lines, "set tolerance=1e-11", "set maxiterations=1000", "set controlmode=off"]


def opendss_volts(case: Case, areas: FourWireAreas) -> tuple[np.ndarray, np.ndarray]:
    """Phase-to-neutral voltages [pu of 230.94 V] and the neutral's [V] at nodes 0, 1, ..."""
    import dss

    engine = dss.DSS.NewContext()
    for line in opendss_script(case, areas):
        engine.Text.Command = line
    engine.Text.Command = "solve"
    circuit = engine.ActiveCircuit
    assert circuit.Solution.Converged
    values = np.asarray(circuit.AllBusVolts, dtype=float).ravel().view(complex)
    volts = dict(zip(circuit.AllNodeNames, values, strict=True))
    count = len(case.sections) + 1
    phases, neutral = np.full((count, 3), np.nan), np.full(count, np.nan)
    for k in range(count):
        star = volts.get(f"b{k}.4", 0.0)
        neutral[k] = abs(star)
        for i in range(3):
            if f"b{k}.{i + 1}" in volts:
                phases[k, i] = abs(volts[f"b{k}.{i + 1}"] - star) / (400 / np.sqrt(3))
    return phases, neutral


# power-grid-model ---------------------------------------------------------------------------------


def reduced_matrix(z: np.ndarray) -> np.ndarray:
    """From phase to neutral: what a program of three wires can be given (needs a lone earthing)."""
    return z[:3, :3] - z[:3, 3:] - z[3:, :3] + z[3, 3]


def power_grid_model_volts(case: Case, areas: FourWireAreas) -> np.ndarray:
    """Phase voltages [pu of 230.94 V] at nodes 0, 1, ... by Newton's method."""
    import power_grid_model as pgm

    node = node_of(areas)
    count = len(node)
    nodes = pgm.initialize_array("input", "node", count + 1)
    nodes["id"], nodes["u_rated"] = np.arange(count + 1), 400.0  # the last is the source's
    matrices = {k: reduced_matrix(areas.impedance_ohm[k]) for k in range(1, count)}
    matrices[0] = _unit_matrix(areas)
    lines = pgm.initialize_array("input", "asym_line", count)
    for at, k in enumerate(range(count)):
        lines[at]["id"] = 1000 + k
        lines[at]["from_node"] = count if k == 0 else node[areas.parent[k]]
        lines[at]["to_node"] = node[k]
        lines[at]["from_status"] = lines[at]["to_status"] = 1
        lines[at]["c0"], lines[at]["c1"] = 0.0, 0.0
        for i, row in enumerate("abc"):
            for j, column in enumerate("abc"[: i + 1]):
                lines[at][f"r_{row}{column}"] = matrices[k][i, j].real
                lines[at][f"x_{row}{column}"] = matrices[k][i, j].imag
    source = pgm.initialize_array("input", "source", 1)
    source["id"], source["node"], source["status"] = 5000, count, 1
    source["u_ref"], source["sk"] = areas.no_load_v[0] / areas.base_v[0], 1e20
    loads = pgm.initialize_array("input", "asym_load", len(case.loads))
    for at, load in enumerate(case.loads):
        loads[at]["id"], loads[at]["node"], loads[at]["status"] = 6000 + at, load.node, 1
        loads[at]["type"] = 0
        share = [1e3 / len(load.phases) if letter in load.phases else 0.0 for letter in "abc"]
        loads[at]["p_specified"] = load.kw * np.array(share)
        loads[at]["q_specified"] = load.kvar * np.array(share)
    model = pgm.PowerGridModel(
        {"node": nodes, "asym_line": lines, "source": source, "asym_load": loads}
    )
    result = model.calculate_power_flow(symmetric=False, error_tolerance=1e-13, max_iterations=100)
    return result["node"]["u_pu"][:count]
