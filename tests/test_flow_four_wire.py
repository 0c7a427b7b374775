"""Four wires against other programs, closed forms, and the balanced engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from four_wire_cases import (
    OWN_D10,
    UNIT,
    Case,
    Load,
    Section,
    broken_neutral,
    opendss_volts,
    phase_volts,
    power_grid_model_volts,
    reduced_matrix,
)
from small_county import small_county

from ruralgrid.county import County, conform
from ruralgrid.demand import load_of
from ruralgrid.errors import ConvergenceError, InputError
from ruralgrid.flow import LoadProfiles, read_year, solve_year
from ruralgrid.flow.four_wire import solve_year_four_wire
from ruralgrid.network import build, from_pandapower
from ruralgrid.network.four_wire import build_four_wire

BASE_V = 400 / np.sqrt(3)
TURN = np.exp(-2j * np.pi / 3 * np.arange(3))

# OpenDSS stands its source behind 1e-8 ohm and sets a small admittance at every node: measured
# 5e-9 pu, with a broken neutral 1e-7 pu. The issue asks for 1e-5.
OPENDSS_PU = 5e-7
OPENDSS_NEUTRAL_V = 1e-4


def village(share: float = 1.0, *, zip_shares: bool = True) -> list[Load]:
    """Eight customers along a line, two on three phases, the others on one; seeded."""
    rng = np.random.default_rng(3)
    loads = []
    for k in range(1, 9):
        phases = "abc"[k % 3] if k % 4 else "abc"
        kw, kvar = share * rng.uniform(0.3, 1.5), share * rng.uniform(0.1, 0.5)
        z, i = rng.uniform(0, 0.5, 2) if zip_shares else (0.0, 0.0)
        loads.append(Load(k, phases, kw, kvar, z, i))
    return loads


def motors() -> list[Load]:
    """Two at one node, of unlike dependence on the voltage, and one at the end."""
    kind = "three_phase_user"
    return [
        Load(3, "abc", 4.0, 2.5, kind=kind),
        Load(3, "abc", 2.2, 1.5, 0.3, 0.4, kind=kind),
        Load(8, "abc", 3.0, 2.0, 1.0, kind=kind),
    ]


def line(**fields: str) -> list[Section]:
    """A kilometre of LGJ-35 in eight sections."""
    return [Section(k, 0.12, **fields) for k in range(8)]


# other programs -----------------------------------------------------------------------------------

CASES = {
    "earthed at the transformer": Case(line(), village()),
    "thinner neutral": Case(line(neutral="LGJ-16/3"), village()),
    "earthed again and again": Case(line(), village(), earthing_ohm={2: 10.0, 5: 4.0, 8: 10.0}),
    "better earthed at the end": Case(line(), village(), earthing_ohm={0: 1.0, 8: 0.5}),
    "star-star": Case(line(), village(0.5), {**UNIT, "vector_group": "Yyn"}),
    "heavy": Case(line(), village(2.5, zip_shares=False)),
    "motors": Case(line(), [*village(), *motors()]),
    "motors, earthed again": Case(line(), [*village(), *motors()], earthing_ohm={4: 10.0, 8: 4.0}),
}


@pytest.mark.parametrize("name", CASES)
def test_opendss_with_its_explicit_neutral_agrees(name):
    case = CASES[name]
    areas = case.areas
    ours = case.solve(areas)
    volts, neutral = opendss_volts(case, areas)
    assert np.abs(phase_volts(ours) - volts).max() < OPENDSS_PU
    assert np.abs(ours.phases["neutral_v_max"] - neutral).max() < OPENDSS_NEUTRAL_V
    assert neutral.max() > 0.5  # there is something to compare


def test_a_motor_leaves_no_current_in_the_neutral():
    """It balances two phases of unlike voltage, and may hang on three wires alone."""
    sections = [Section(0, 0.3), Section(1, 0.3, "abc", head="0.4kV-hor4-50")]
    motor = Load(2, "abc", 7.5, 5.0, kind="three_phase_user")
    case = Case(sections, [Load(1, "a", 3.0), motor])
    solution = case.solve()
    lines = solution.lines.set_index("name")
    assert lines.loc["l2", "neutral_i_max_ka"] < 1e-12
    assert lines.loc["l2", "i_max_ka"] == pytest.approx(0.0137, rel=0.05)  # 9.01 kVA at 380 V
    served = solution.loads.set_index("name")["served_kwh"]
    assert served["c1"] == pytest.approx(7.5, rel=1e-9)  # constant power
    volts, _ = opendss_volts(case, case.areas)
    assert np.abs(phase_volts(solution)[:2] - volts[:2]).max() < OPENDSS_PU
    assert abs(solution.balance["residual_kwh"]) < 1e-9 * solution.balance["fed_kwh"]


@pytest.mark.parametrize("ohm", [1e3, 1e5])
def test_opendss_agrees_on_a_broken_neutral(ohm):
    """All return current behind the break goes through two electrodes."""
    case = Case(line(), village(0.25), earthing_ohm={3: 10.0, 8: 4.0})
    areas = broken_neutral(case.areas, 2, ohm)
    # 1e5 ohm times the current cancels in the drop: some 1e-11 pu are lost, so no tighter than 1e-9
    ours = case.solve(areas, tolerance_pu=1e-9)
    volts, neutral = opendss_volts(case, areas)
    assert np.abs(phase_volts(ours) - volts).max() < OPENDSS_PU
    assert np.abs(ours.phases["neutral_v_max"] - neutral).max() < OPENDSS_NEUTRAL_V
    whole, _ = opendss_volts(case, case.areas)
    assert np.abs(whole - volts).max() > 0.01


@pytest.mark.parametrize("factor", [1.0, 2.5])
def test_power_grid_model_agrees_given_the_reduced_matrices(factor):
    case = Case(line(neutral="LGJ-16/3"), village(factor, zip_shares=False))
    areas = case.areas
    ours = phase_volts(case.solve(areas))
    # both solve the same equations: only rounding is left (measured 7e-14)
    assert np.abs(ours - power_grid_model_volts(case, areas)).max() < 1e-11


# closed forms -------------------------------------------------------------------------------------


def one_load(unit: dict[str, object], const_z: float = 1.0) -> Case:
    return Case([Section(0, 0.5)], [Load(1, "a", 3.0, 1.0, const_z=const_z)], unit)


@pytest.mark.parametrize("group", ["Dyn", "Yyn"])
def test_a_unit_under_load_on_one_phase_by_symmetrical_components(group):
    """Z = (2 z1 + z0) / 3 in the loaded phase, (z0 - z1) / 3 between the phases."""
    case = one_load({**UNIT, "vector_group": group})
    areas = case.areas
    base_ohm = 0.4**2 / 0.1
    z1 = complex(0.015, np.sqrt(0.04**2 - 0.015**2)) * base_ohm
    z0 = z1 if group == "Dyn" else complex(0.1, 0.4) * base_ohm  # data/four_wire/zero_sequence.csv
    load = BASE_V**2 / complex(3000, -1000)
    loop = reduced_matrix(areas.impedance_ohm[1])[0, 0]
    current = BASE_V / ((2 * z1 + z0) / 3 + loop + load)
    solution = case.solve(areas)
    volts = phase_volts(solution) * BASE_V
    busbar = BASE_V * TURN - np.array([2 * z1 + z0, z0 - z1, z0 - z1]) / 3 * current
    assert volts[0] == pytest.approx(np.abs(busbar), abs=1e-8)
    assert volts[1, 0] == pytest.approx(abs(current * load), abs=1e-8)
    z = areas.impedance_ohm[1]
    phases = solution.phases.reset_index(drop=True)
    assert phases.loc[1, "neutral_v_max"] == pytest.approx(abs((z[3, 3] - z[3, 0]) * current))
    a = np.exp(2j * np.pi / 3)
    negative, positive = busbar @ [1, a**2, a], busbar @ [1, a, a**2]
    unbalance = 100 * abs(negative / positive)
    assert phases.loc[0, "unbalance_max_percent"] == pytest.approx(unbalance, rel=1e-9)
    assert solution.lines["neutral_i_max_ka"].iloc[0] == pytest.approx(abs(current) / 1000)
    wire = z[3, 3].real - z[3, 0].real
    assert solution.lines["neutral_loss_kwh"].iloc[0] == pytest.approx(
        wire * abs(current) ** 2 / 1000
    )
    assert solution.lines["loss_kwh"].iloc[0] == pytest.approx(loop.real * abs(current) ** 2 / 1000)
    assert solution.transformers["load_kwh"].iloc[0] == pytest.approx(
        z1.real * abs(current) ** 2 / 1000 * (1.0 if group == "Dyn" else _yyn_share(z1, z0))
    )


def _yyn_share(z1: complex, z0: complex) -> float:
    """A third of the current each in three sequences: r = (2 r1 + r0) / 3."""
    return (2 * z1.real + z0.real) / 3 / z1.real


def test_constant_power_on_one_phase_is_a_quadratic():
    """|U|^4 + (2 (R P + X Q) - E^2) |U|^2 + |Z|^2 |S|^2 = 0, the higher root."""
    case = one_load(dict(UNIT), const_z=0.0)
    areas = case.areas
    z = areas.series_ohm[0] + reduced_matrix(areas.impedance_ohm[1])[0, 0]
    p, q = 3000.0, 1000.0
    half = BASE_V**2 / 2 - (z.real * p + z.imag * q)
    square = half + np.sqrt(half**2 - abs(z) ** 2 * (p**2 + q**2))
    assert phase_volts(case.solve(areas))[1, 0] == pytest.approx(
        np.sqrt(square) / BASE_V, abs=1e-10
    )


def test_a_single_phase_transformer_feeds_its_own_phase():
    """D10-10: 220 V, the matrix one entry; no-load current and loss at the voltage there is."""
    unit = {"name": "D10-10/10"}
    case = Case(
        [Section(0, 0.3, "bn", head="0.4kV-hor2-50")], [Load(1, "b", 2.0, 0.5, const_z=1.0)], unit
    )
    solution = case.solve()
    base_ohm = 220**2 / 10e3
    relative = complex(0.26 / 10, np.sqrt(0.035**2 - 0.026**2))
    z, p0, i0 = relative * base_ohm, 0.055 / 10, 0.035
    y = complex(p0, -np.sqrt(i0**2 - p0**2)) / base_ohm
    rest = z / 2 + reduced_block(case) + BASE_V**2 / complex(2000, -500)
    middle = 1 / (1 / rest + y)  # a T: half the impedance, the branch, the other half
    taken = 220**2 / np.conj(z / 2 + middle)
    current = 220 / (z / 2 + middle) * middle / rest
    volts = abs(current * BASE_V**2 / complex(2000, -500)) / BASE_V
    assert phase_volts(solution)[1, 1] == pytest.approx(volts, abs=1e-10)
    assert np.isnan(phase_volts(solution)[:, [0, 2]]).all()
    assert solution.balance["fed_kwh"] == pytest.approx(taken.real / 1000, rel=1e-9)


def reduced_block(case: Case) -> complex:
    z = case.areas.impedance_ohm[1]
    return z[1, 1] - z[1, 3] - z[3, 1] + z[3, 3]


# the balanced engine ------------------------------------------------------------------------------


def balanced_county() -> County:
    """Two areas on a 10 kV line; wires without mutual impedance; every load on three phases."""
    names = ["s", "m", "e", "p0", "p1", "p2", "q0", "q1"]
    low = dict.fromkeys(["conductor", "arrangement"], "cable")
    tables = {
        "nodes": {
            "name": names,
            "kv": [10.0, 10.0, 10.0, 0.4, 0.4, 0.4, 0.4, 0.4],
            "kind": ["busbar", "junction", "junction", *["service_point"] * 5],
        },
        "sections": {
            "name": ["sm", "me", "p01", "p12", "q01"],
            "from_node": ["s", "m", "p0", "p1", "q0"],
            "to_node": ["m", "e", "p1", "p2", "q1"],
            "conductor": ["LGJ-70/10", "LGJ-70/10", *[low["conductor"]] * 3],
            "arrangement": ["10kV-tri-bare-80", "10kV-tri-bare-80", *[low["arrangement"]] * 3],
            "phases": ["abc", "abc", "abcn", "abcn", "abcn"],
            "length_km": [4.0, 6.0, 0.3, 0.4, 0.5],
        },
        "transformers": {
            "name": ["tp", "tq"],
            "type": ["S11-100/10", "S9-50/10"],
            "hv_node": ["m", "e"],
            "lv_node": ["p0", "q0"],
            "tap": [1, 0],
        },
        "sources": {"name": ["g"], "node": ["s"], "vm_pu": [1.03]},
        "consumers": {
            "name": ["c1", "c2", "c3", "mill"],
            "node": ["p1", "p2", "q1", "e"],
            "kind": ["household", "household", "household", "industry"],
            "count": [30, 20, 10, 1],
            "kwh_per_year": [60e3, 50e3, 40e3, 300e3],
            "power_factor": [0.9, 0.85, 0.9, 0.9],
            "phases": ["abc"] * 4,
        },
        "villages": {},
        "line_types": {
            "name": ["cable"],
            "r_ohm_per_km": [0.6],
            "x_ohm_per_km": [0.3],
            "max_i_ka": [0.2],
            "r0_ohm_per_km": [2.4],
            "x0_ohm_per_km": [1.2],
        },
    }
    return County("balanced", **{t: conform(t, pd.DataFrame(rows)) for t, rows in tables.items()})


def daily_profiles(hours: int = 60) -> LoadProfiles:
    rng = np.random.default_rng(7)
    return LoadProfiles(rng.uniform(0.2, 2.0, (3, hours)), np.array([0, 1, 2, 1]))


def test_balanced_loads_give_what_the_balanced_engine_gives():
    """Every frame, within 1e-9: transformers with their no-load branch, taps, 10 kV above."""
    county = balanced_county()
    net, profiles = build(county, hour="mean"), daily_profiles()
    limits = {"low_limits_pu": {"l": 0.98}, "high_limits_pu": {"h": 1.02}}
    ours = solve_year_four_wire(county, net, profiles, tolerance_pu=1e-11, **limits)
    known = solve_year(net, profiles, tolerance_pu=1e-11, **limits)
    assert known.buses["vm_min_pu"].min() < 0.95
    for table in ("buses", "lines", "transformers", "loads", "sources"):
        mine, other = getattr(ours, table), getattr(known, table)
        assert list(mine.index) == list(other.index)
        for name in other.columns:
            if other[name].dtype.kind == "f":
                # both solved to 1e-11 pu; what a voltage moves of a loss or a current is more
                np.testing.assert_allclose(mine[name], other[name], rtol=1e-9, atol=1e-9)
            else:
                assert list(mine[name]) == list(other[name]), name
    low = net.bus["vn_kv"] < 1
    difference = ours.buses["vm_min_pu"][low] - known.buses["vm_min_pu"][low]
    assert np.abs(difference).max() < 1e-9
    assert ours.phases["neutral_v_max"].max() < 1e-9
    assert ours.phases["unbalance_max_percent"].max() < 1e-9
    assert list(ours.balance.index) == list(known.balance.index)
    assert abs(ours.balance["residual_kwh"]) < 1e-9 * ours.balance["fed_kwh"]


def one_phase_each() -> County:
    county = balanced_county()
    return county.with_tables(consumers=county.consumers.assign(phases=["a", "b", "c", "abc"]))


def test_energy_closes_and_every_loss_is_counted_once():
    county = one_phase_each()
    nodes = county.nodes.assign(earthing_ohm=[np.nan] * 4 + [10.0, 4.0, np.nan, 10.0])
    for case in (county, county.with_tables(nodes=nodes)):
        net = build(case, hour="mean")
        solution = solve_year_four_wire(case, net, daily_profiles(), tolerance_pu=1e-9)
        balance = solution.balance
        assert abs(balance["residual_kwh"]) < 1e-9 * balance["fed_kwh"]
        assert balance["line_loss_kwh"] == pytest.approx(solution.lines["loss_kwh"].sum())
        assert (solution.lines["neutral_loss_kwh"].dropna() > 0).all()
        assert (solution.lines["neutral_loss_kwh"] < solution.lines["loss_kwh"])[2:].all()


def test_the_worst_connected_phase_is_judged():
    """p2 has its customer on b: a and c of the same node may be lower or higher, and are shown."""
    county = one_phase_each()
    net = build(county, hour="mean")
    solution = solve_year_four_wire(
        county, net, daily_profiles(20), low_limits_pu={"l": 0.95}, tolerance_pu=1e-9
    )
    phases = solution.phases.set_index("name")
    buses = solution.buses.set_index("name")
    assert phases.loc["p2", "connected"] == "b"
    assert buses.loc["p2", "vm_min_pu"] == phases.loc["p2", "v_b_min_pu"]
    assert buses.loc["p2", "vm_min_pu"] < phases.loc["p2", ["v_a_min_pu", "v_c_min_pu"]].min()
    low = [
        solve_year_four_wire(county, net, daily_profiles(20), hours=[hour], tolerance_pu=1e-9)
        .phases.set_index("name")
        .loc["p2", "v_b_min_pu"]
        < 0.95
        for hour in range(20)
    ]
    assert 0 < sum(low) < 20
    assert buses.loc["p2", "hours_below_l"] == sum(low)


def test_hours_stand_together_or_alone():
    """A choice of hours, in any cut into blocks, gives the same extremes and sums."""
    county = one_phase_each()
    net, profiles = build(county, hour="mean"), daily_profiles()
    whole = solve_year_four_wire(county, net, profiles, tolerance_pu=1e-10, n_threads=2)
    parts = [
        solve_year_four_wire(county, net, profiles, hours=part, tolerance_pu=1e-10)
        for part in (np.arange(25), np.arange(25, 60))
    ]
    lowest = np.minimum(*(part.buses["vm_min_pu"] for part in parts))
    np.testing.assert_allclose(whole.buses["vm_min_pu"], lowest, atol=1e-9)
    loss = sum(part.lines["loss_kwh"] for part in parts)
    np.testing.assert_allclose(whole.lines["loss_kwh"], loss, rtol=1e-7)


# what fails ---------------------------------------------------------------------------------------


def test_an_area_without_a_solution_leaves_the_rest_untouched():
    county = one_phase_each()
    heavy = county.consumers["kwh_per_year"].where(county.consumers["name"] != "c3", 4e6)
    failing = county.with_tables(consumers=county.consumers.assign(kwh_per_year=heavy))
    net = build(failing, hour="mean")
    solution = solve_year_four_wire(failing, net, daily_profiles())
    buses = solution.buses.set_index("name")
    assert list(buses.loc[["q0", "q1"], "status"]) == ["failed", "failed"]
    assert buses.loc[["q0", "q1"], "vm_min_pu"].isna().all()
    without = county.with_tables(
        consumers=county.consumers[county.consumers["name"] != "c3"],
        transformers=county.transformers[county.transformers["name"] != "tq"],
    )
    profiles = daily_profiles()
    rest = LoadProfiles(profiles.values, profiles.of_load[[0, 1, 3]])
    alone = solve_year_four_wire(without, build(without, hour="mean"), rest)
    expected = alone.buses.set_index("name").loc[["p1", "p2"], "vm_min_pu"]
    np.testing.assert_allclose(buses.loc[["p1", "p2"], "vm_min_pu"], expected, atol=1e-7)
    assert abs(solution.balance["residual_kwh"]) < 1e-9 * solution.balance["fed_kwh"]
    with pytest.raises(ConvergenceError, match="q0"):
        solution.require_solved()


def test_faults_of_phases_are_told_before_any_flow():
    case = Case([Section(0, 0.3, "an", head="0.4kV-hor2-50")], [Load(1, "b", 1.0)])
    with pytest.raises(InputError, match="phase 'b' at n1, where 'an' arrives"):
        build_four_wire(case.county)


def test_a_net_of_other_tables_is_refused():
    county = one_phase_each()
    other = county.with_tables(consumers=county.consumers.assign(name=["w", "x", "y", "z"]))
    with pytest.raises(InputError, match=r"net\.load: its rows are not those"):
        solve_year_four_wire(county, build(other, hour="mean"), daily_profiles())


def test_the_phases_are_written_and_read(tmp_path):
    county = one_phase_each()
    solution = solve_year_four_wire(county, build(county, hour="mean"), daily_profiles())
    read = read_year(solution.write(tmp_path / "year"))
    pd.testing.assert_frame_equal(read.phases, solution.phases)


# pandapower's three-phase flow --------------------------------------------------------------------


def european_feeder():
    """The IEEE European low-voltage test feeder as pandapower ships it, its slips put right.

    The reactive power of phases B and C is a thousand times too small there. `runpp_3ph` ignores
    the source's positive-sequence impedance and needs a large zero-sequence magnetising impedance.
    """
    import pandapower.networks as pn

    net = pn.ieee_european_lv_asymmetric("on_peak_566")
    for letter in "bc":
        net.asymmetric_load[f"q_{letter}_mvar"] *= 1000
    net.ext_grid["s_sc_max_mva"] = 1e9
    net.trafo["mag0_percent"] = 1e6
    return net


def as_county(net) -> County:
    """The feeder's tables; its cables become types of the county's own."""
    types, kind = np.unique(
        net.line[["r_ohm_per_km", "x_ohm_per_km", "r0_ohm_per_km", "x0_ohm_per_km"]].astype(float),
        axis=0,
        return_inverse=True,
    )
    kind = [f"cable {k}" for k in kind.ravel()]
    loads = [
        (f"{row.name}{letter}", f"n{row.bus}", letter, 1e3 * p, q / p)
        for row in net.asymmetric_load.itertuples()
        for letter in "abc"
        if (p := getattr(row, f"p_{letter}_mw")) > 0
        for q in [getattr(row, f"q_{letter}_mvar")]
    ]
    trafo = net.trafo.iloc[0]
    tables = {
        "nodes": {
            "name": [f"n{bus}" for bus in net.bus.index],
            "kv": np.where(net.bus["vn_kv"] > 1, 11.0, 0.416),
            "kind": "junction",
        },
        "sections": {
            "name": [f"l{line}" for line in net.line.index],
            "from_node": [f"n{bus}" for bus in net.line["from_bus"]],
            "to_node": [f"n{bus}" for bus in net.line["to_bus"]],
            "conductor": kind,
            "arrangement": "cable",
            "phases": "abcn",
            "length_km": net.line["length_km"].to_numpy(),
        },
        "transformers": {"name": ["t"], "type": ["unit"], "hv_node": ["n0"], "lv_node": ["n1"]},
        "transformer_types": {
            "name": ["unit"],
            "sn_kva": [1e3 * trafo["sn_mva"]],
            "vn_hv_kv": [trafo["vn_hv_kv"]],
            "vn_lv_kv": [trafo["vn_lv_kv"]],
            "vk_percent": [trafo["vk_percent"]],
            "vkr_percent": [trafo["vkr_percent"]],
            "vector_group": ["Dyn"],
        },
        "line_types": {
            "name": [f"cable {k}" for k in range(len(types))],
            **dict(
                zip(
                    ["r_ohm_per_km", "x_ohm_per_km", "r0_ohm_per_km", "x0_ohm_per_km"],
                    types.T,
                    strict=True,
                )
            ),
            "max_i_ka": 0.2,
        },
        "sources": {"name": ["g"], "node": ["n0"], "vm_pu": [1.05]},
        "consumers": {
            "name": [load[0] for load in loads],
            "node": [load[1] for load in loads],
            "kind": "household",
            "count": 1,
            "kwh_per_year": [8760 * load[3] for load in loads],
            "power_factor": [1 / np.hypot(1, load[4]) for load in loads],
            "phases": [load[2] for load in loads],
        },
        "villages": {},
    }
    return County("european", **{t: conform(t, pd.DataFrame(rows)) for t, rows in tables.items()})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pandapower's, of its own net
def test_the_european_feeder_gives_what_runpp_3ph_gives():
    import pandapower as pp

    net = european_feeder()
    pp.runpp_3ph(net, tolerance_mva=1e-10, max_iteration=100)
    county = as_county(net)
    assert len(county.consumers) == 55
    balanced = build(county, hour="mean")
    for column in ("const_z_p_percent", "const_i_p_percent", "const_z_q_percent"):
        balanced.load[column] = 0.0
    solution = solve_year_four_wire(
        county, balanced, LoadProfiles.constant(balanced), tolerance_pu=1e-11, progress=False
    )
    ours = solution.phases[[f"v_{letter}_min_pu" for letter in "abc"]].to_numpy()
    theirs = net.res_bus_3ph.loc[1:, [f"vm_{letter}_pu" for letter in "abc"]].to_numpy()
    assert ours.shape == theirs.shape
    assert np.ptp(theirs[-1]) > 0.005  # the phases stand apart
    # measured 1.8e-6: what `runpp_3ph` leaves of its own iteration and of its source's impedance
    assert np.abs(ours - theirs).max() < 5e-6


# runs of hours ------------------------------------------------------------------------------------


def test_runs_of_hours_are_one_year(monkeypatch):
    """Cut into runs, with habits learned from a sample, the year is the same."""
    county = one_phase_each()
    net, profiles = build(county, hour="mean"), daily_profiles(120)
    limits = {"low_limits_pu": {"l": 0.95}, "high_limits_pu": {"h": 1.02}}
    whole = solve_year_four_wire(county, net, profiles, tolerance_pu=1e-9, **limits)
    monkeypatch.setattr("ruralgrid.flow.four_wire.year._run_hours", lambda *_: 50)
    monkeypatch.setattr("ruralgrid.flow.four_wire.year._LEARNED_HOURS", 20)
    cut = solve_year_four_wire(county, net, profiles, tolerance_pu=1e-9, **limits)
    assert list(cut.hours) == list(range(120))
    for table in ("buses", "lines", "transformers", "loads", "sources", "phases"):
        # runs agree with the net above within 1e-7 pu
        pd.testing.assert_frame_equal(getattr(cut, table), getattr(whole, table), rtol=1e-5)
    assert abs(cut.balance["residual_kwh"]) < 1e-9 * cut.balance["fed_kwh"]


def test_tap_changers_above_move_as_in_a_balanced_year():
    """The taps are those of `solve_year`, but for hours in which the customers' phases matter."""
    county = small_county()
    net = build(county, hour="mean")
    load = load_of(county)
    profiles, hours = LoadProfiles(load.curves, load.curve_of), np.arange(0, 8760, 365)
    ours = solve_year_four_wire(county, net, profiles, hours=hours, tolerance_pu=1e-6)
    known = solve_year(net, profiles, hours=hours, tolerance_pu=1e-6)
    assert len(known.tap_changers) == 2
    assert list(ours.tap_changers.columns) == list(known.tap_changers.columns)
    assert list(ours.taps.index) == list(hours)
    assert np.abs(ours.taps.to_numpy() - known.taps.to_numpy()).max() <= 1
    assert (ours.taps.to_numpy() == known.taps.to_numpy()).mean() > 0.7
    assert abs(ours.balance["residual_kwh"]) < 1e-9 * ours.balance["fed_kwh"]


def test_an_area_that_fails_in_a_sampled_hour_is_left_out_from_the_start(monkeypatch):
    """A year in runs and in one piece: the same area fails, the rest is the same."""
    county = one_phase_each()
    heavy = county.consumers["kwh_per_year"].where(county.consumers["name"] != "c3", 4e6)
    failing = county.with_tables(consumers=county.consumers.assign(kwh_per_year=heavy))
    net, profiles = build(failing, hour="mean"), daily_profiles()
    whole = solve_year_four_wire(failing, net, profiles)
    monkeypatch.setattr("ruralgrid.flow.four_wire.year._run_hours", lambda *_: 25)
    cut = solve_year_four_wire(failing, net, profiles)
    assert list(cut.buses["status"]) == list(whole.buses["status"])
    assert list(cut.feeders["root"]) == list(whole.feeders["root"])
    np.testing.assert_allclose(cut.buses["vm_min_pu"], whole.buses["vm_min_pu"], atol=1e-6)


def test_each_section_has_the_ohms_of_its_own_type():
    """Two own types and a neutral, in turn: kinds of sections in another order than their rows."""
    county = balanced_county()
    types = pd.DataFrame(
        {"name": ["thick", "thin"], "r_ohm_per_km": [1.0, 9.0], "x_ohm_per_km": [0.3, 0.3],
         "max_i_ka": [0.2, 0.2], "r0_ohm_per_km": [4.0, 36.0], "x0_ohm_per_km": [1.2, 1.2]}
    )  # fmt: skip
    kv = county.nodes.set_index("name")["kv"]
    low = county.sections.index[county.sections["from_node"].map(kv) < 1]
    sections = county.sections.copy()
    wanted = [("thick", ""), ("thin", ""), ("thick", "LGJ-35/6")]
    for row, (conductor, neutral) in zip(low, wanted * len(low), strict=False):
        sections.loc[row, ["conductor", "neutral"]] = conductor, neutral
    own = pd.concat([county.line_types, types], ignore_index=True)
    areas = build_four_wire(county.with_tables(sections=sections, line_types=own), temperature_c=20)
    below = areas.section_row >= 0
    rows = sections.iloc[areas.section_row[below]]
    # transposed: what a balanced current sees is a phase's own less the mutual one
    ohm = areas.impedance_ohm[below]
    seen = (ohm[:, 0, 0] - ohm[:, 0, 1]).real / rows["length_km"].to_numpy()
    stated = rows["conductor"].map({"thick": 1.0, "thin": 9.0}).to_numpy()
    assert len(low) >= 3
    np.testing.assert_allclose(seen, stated, rtol=1e-9)


def test_an_own_single_phase_type_is_the_catalogues_of_the_same_plate():
    """In the four-wire flow, in the balanced net, and back from pandapower: 220 V, not 127."""
    sections, loads = [Section(0, 0.3, "an", head="0.4kV-hor2-50")], [Load(1, "a", 2.0, 0.5)]
    listed = Case(sections, loads, {"name": "D10-10/10"})
    own = Case(sections, loads, OWN_D10)
    np.testing.assert_allclose(phase_volts(own.solve()), phase_volts(listed.solve()), rtol=1e-9)
    nets = [build(case.county, hour="mean") for case in (own, listed)]
    assert nets[0].trafo["vn_lv_kv"].tolist() == pytest.approx([0.22 * np.sqrt(3)])
    for column in ("vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "sn_mva"):
        assert nets[0].trafo[column].tolist() == pytest.approx(nets[1].trafo[column].tolist())
    back = from_pandapower(nets[0]).transformer_types
    assert back["vn_lv_kv"].tolist() == pytest.approx([0.22])


def test_a_vector_group_may_bear_its_clock_number():
    """Yyn0 as utilities write it is Yyn, and is not Dyn: its zero sequence is larger."""
    volts = {
        group: phase_volts(
            Case([Section(0, 0.2)], [Load(1, "a", 5.0)], {**UNIT, "vector_group": group}).solve()
        )
        for group in ("Yyn", "Yyn0", "Dyn", "Dyn11")
    }
    np.testing.assert_array_equal(volts["Yyn0"], volts["Yyn"])
    np.testing.assert_array_equal(volts["Dyn11"], volts["Dyn"])
    assert volts["Yyn"][1, 0] < volts["Dyn"][1, 0] - 1e-3
