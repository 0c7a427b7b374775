"""Impedances against Kersting's published matrices, closed forms and the meaning of equivalents."""

import cmath
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralgrid.equipment import (
    DEFAULT_TEMPERATURE_C,
    get_conductor,
    get_pole_head,
    line_parameters,
    list_conductors,
    list_pole_heads,
    parameter_table,
)
from ruralgrid.equipment.impedance import (
    ac_resistance_ohm_per_km,
    balanced_equivalent,
    capacitance_matrix,
    earth_return_depth_m,
    kron_reduction,
    loop_impedance,
    metallic_return,
    primitive_impedance,
    primitive_matrix,
    sequence_impedances,
)
from ruralgrid.errors import InputError, UnknownNameError

KM_PER_MILE, M_PER_FOOT = 1.609344, 0.3048

# --- IEEE 13-bus feeder, overhead configurations. Kersting, Distribution System Modeling and
# Analysis; IEEE Distribution System Analysis Subcommittee: line configurations, conductor data.

CONDUCTORS = {  # GMR [ft], resistance [ohm/mile], diameter [in]
    "556.5": (0.0313, 0.1859, 0.927),
    "4/0": (0.00814, 0.592, 0.563),
    "1/0": (0.00446, 1.12, 0.398),
}
SPACING_500 = [(0.0, 28.0), (2.5, 28.0), (7.0, 28.0), (4.0, 24.0)]
SPACING_505 = [(0.0, 28.0), (7.0, 28.0), (4.0, 24.0)]
SPACING_510 = [(0.5, 29.0), (0.0, 24.0)]


def ieee13(kinds, positions_ft):
    """Phase matrix [ohm/mile] with the neutral (the last wire) reduced."""
    z = primitive_matrix(
        [CONDUCTORS[kind][1] / KM_PER_MILE for kind in kinds],
        [CONDUCTORS[kind][0] * M_PER_FOOT for kind in kinds],
        [(x * M_PER_FOOT, y * M_PER_FOOT) for x, y in positions_ft],
        frequency_hz=60.0,
        earth_resistivity_ohm_m=100.0,
    )
    return kron_reduction(z, len(kinds) - 1) * KM_PER_MILE


def spaced(order, spacing):
    """Positions in the order of phases a, b, c from the order in which they hang."""
    hung = dict(zip(order, spacing, strict=True))
    return [hung[letter] for letter in sorted(order)]


PUBLISHED = {
    "601": (
        ["556.5", "556.5", "556.5", "4/0"],
        spaced("bacn", SPACING_500),
        [
            [0.3465 + 1.0179j, 0.1560 + 0.5017j, 0.1580 + 0.4236j],
            [0.1560 + 0.5017j, 0.3375 + 1.0478j, 0.1535 + 0.3849j],
            [0.1580 + 0.4236j, 0.1535 + 0.3849j, 0.3414 + 1.0348j],
        ],
    ),
    "602": (
        ["4/0", "4/0", "4/0", "4/0"],
        spaced("cabn", SPACING_500),
        [
            [0.7526 + 1.1814j, 0.1580 + 0.4236j, 0.1560 + 0.5017j],
            [0.1580 + 0.4236j, 0.7475 + 1.1983j, 0.1535 + 0.3849j],
            [0.1560 + 0.5017j, 0.1535 + 0.3849j, 0.7436 + 1.2112j],
        ],
    ),
    "603": (
        ["1/0", "1/0", "1/0"],
        spaced("cbn", SPACING_505),
        [[1.3294 + 1.3471j, 0.2066 + 0.4591j], [0.2066 + 0.4591j, 1.3238 + 1.3569j]],
    ),
    "604": (
        ["1/0", "1/0", "1/0"],
        spaced("acn", SPACING_505),
        [[1.3238 + 1.3569j, 0.2066 + 0.4591j], [0.2066 + 0.4591j, 1.3294 + 1.3471j]],
    ),
    "605": (["1/0", "1/0"], SPACING_510, [[1.3292 + 1.3475j]]),
}


@pytest.mark.parametrize("configuration", PUBLISHED)
def test_ieee_13_bus_overhead_configurations(configuration):
    kinds, positions, published = PUBLISHED[configuration]
    z, expected = ieee13(kinds, positions), np.array(published)
    # the issue asks for 0.5 %; each part is held to half of the last printed digit and Carson's
    # rounded constants, 0.03 %
    np.testing.assert_allclose(z.real, expected.real, rtol=3e-4, atol=1e-4)
    np.testing.assert_allclose(z.imag, expected.imag, rtol=3e-4, atol=1e-4)


def test_ieee_13_bus_601_susceptance():
    kinds, positions, _ = PUBLISHED["601"]
    radii = [CONDUCTORS[kind][2] / 24 * M_PER_FOOT for kind in kinds]
    c = capacitance_matrix(radii, [(x * M_PER_FOOT, y * M_PER_FOOT) for x, y in positions])
    micro_siemens_per_mile = 2 * math.pi * 60 * c[:3, :3] * 1e-3 * KM_PER_MILE
    published = [
        [6.2998, -1.9958, -1.2595],
        [-1.9958, 5.9597, -0.7417],
        [-1.2595, -0.7417, 5.6386],
    ]
    # Kersting's permittivity of air, 1.4240e-2 uF/mile, has five digits
    np.testing.assert_allclose(micro_siemens_per_mile, published, rtol=1e-3)


# --- closed forms ------------------------------------------------------------------------


def test_earth_return_depth_is_the_handbook_figure():
    # 931 m at 100 ohm m and 50 Hz from the handbook's rounded 658.4; 0.1 % apart
    assert earth_return_depth_m() == pytest.approx(931.0, rel=1.5e-3)
    assert earth_return_depth_m(50.0, 400.0) == pytest.approx(2 * earth_return_depth_m())


@pytest.mark.parametrize(
    "name",
    ["10kV-tri-bare-80", "10kV-hor-80", "35kV-tri-pole", "35kV-hor-hpole", "110kV-tri-tower"],
)
@pytest.mark.parametrize("conductor", ["LGJ-70/10", "LGJ-240/30", "LJ-120"])
def test_positive_and_zero_sequence_meet_their_closed_forms(name, conductor):
    head, wire = get_pole_head(name), get_conductor(conductor)
    line = line_parameters(wire, head, temperature_c=20.0)
    distances = [
        math.dist((a.x_m, a.y_m), (b.x_m, b.y_m)) for a, b in itertools.combinations(head.wires, 2)
    ]
    gmd, gmr = math.prod(distances) ** (1 / 3), wire.gmr_mm / 1000
    r = ac_resistance_ohm_per_km(wire, 20.0)
    assert line.x_ohm_per_km == pytest.approx(0.0628319 * math.log(gmd / gmr), rel=1e-6)
    assert line.r_ohm_per_km == pytest.approx(r, rel=1e-9)
    # z0 = R + 3 pi^2 f 1e-4 + j 3 k ln(De / cube root of GMR GMD^2)
    mean = (gmr * gmd**2) ** (1 / 3)
    assert line.r0_ohm_per_km == pytest.approx(r + 0.148044, rel=1e-5)
    x0 = 3 * 0.0628319 * math.log(earth_return_depth_m() / mean)
    assert line.x0_ohm_per_km == pytest.approx(x0, rel=1e-6)
    assert 3.0 < line.x0_ohm_per_km / line.x_ohm_per_km < 5.5  # no earth wire


@pytest.mark.parametrize("name", ["10kV-tri-bare-80", "35kV-tri-pole", "110kV-tri-tower"])
def test_capacitances_meet_their_closed_forms(name):
    head, wire = get_pole_head(name), get_conductor("LGJ-120")
    line = line_parameters(wire, head)
    radius, gmd = wire.conductor_d_mm / 2000, head.gmd_m
    # 2 %: the closed form leaves the images out of c1; for c0 it takes one mean height
    assert line.c_nf_per_km == pytest.approx(55.6325 / math.log(gmd / radius), rel=0.02)
    height = head.height_m + sum(wire.y_m for wire in head.wires) / 3
    mean = (radius * gmd**2) ** (1 / 3)
    c0 = 55.6325 / (3 * math.log(2 * height / mean))
    assert line.c0_nf_per_km == pytest.approx(c0, rel=0.02)


def test_rules_of_thumb_for_reactance_hold():
    # engineers' figures: 10 kV 0.35-0.40, 0.4 kV 0.28-0.36, 35 and 110 kV 0.36-0.43, 330 kV with
    # two wires 0.30-0.33 ohm/km
    bands = {
        ("LGJ-50/8", "10kV-tri-bare-80"): (0.35, 0.40),
        ("LGJ-50/8", "0.4kV-hor4-50"): (0.28, 0.36),
        ("LGJ-240/30", "35kV-tri-pole"): (0.36, 0.43),
        ("LGJ-300/25", "110kV-tri-tower"): (0.36, 0.43),
        ("LGJ-300/25", "330kV-hor-2b"): (0.30, 0.33),
    }
    for (conductor, head), (low, high) in bands.items():
        assert low < line_parameters(conductor, head).x_ohm_per_km < high


def test_a_bundle_halves_the_resistance_and_takes_the_mean_radius_of_its_wires():
    wire, head = get_conductor("LGJ-300"), get_pole_head("330kV-hor-2b")
    line = line_parameters(wire, head, temperature_c=20.0)
    assert line.r_ohm_per_km == pytest.approx(ac_resistance_ohm_per_km(wire, 20.0) / 2)
    gmr = math.sqrt(wire.gmr_mm / 1000 * 0.4)
    gmd = (8 * 8 * 16) ** (1 / 3)
    assert line.x_ohm_per_km == pytest.approx(0.0628319 * math.log(gmd / gmr), rel=1e-6)
    assert line.max_i_ka == pytest.approx(2 * wire.ampacity_at(40.0) / 1000)


@pytest.mark.parametrize(
    ("name", "percent"), [("LGJ-400/35", 1.5), ("LGJ-240/30", 0.6), ("LGJ-70/10", 0.05)]
)
def test_skin_effect_meets_the_bessel_solution(name, percent):
    # A solid round wire of the same resistance: R_ac / R_dc = Re(m a J0(ma) / (2 J1(ma)))
    from scipy.special import jv

    wire = get_conductor(name)
    dc = wire.dc_ohm_per_km(20.0) / 1000
    ma = cmath.exp(-0.75j * math.pi) * cmath.sqrt(
        2 * math.pi * 50 * 4e-7 * math.pi / (math.pi * dc)
    )
    exact = (ma * jv(0, ma) / (2 * jv(1, ma))).real - 1
    ours = ac_resistance_ohm_per_km(wire, 20.0) / wire.dc_ohm_per_km(20.0) - 1
    assert ours == pytest.approx(exact, rel=0.01)  # IEC gives the series to 0.6 %
    assert 100 * ours == pytest.approx(percent, rel=0.15)


def test_resistance_follows_temperature():
    cold, warm = (
        line_parameters("LGJ-50/8", "10kV-tri-bare-80", temperature_c=t) for t in (20.0, 40.0)
    )
    assert warm.r_ohm_per_km / cold.r_ohm_per_km == pytest.approx(1 + 0.00403 * 20, rel=1e-4)
    assert warm.x_ohm_per_km == pytest.approx(cold.x_ohm_per_km, rel=1e-12)
    usual = line_parameters("LGJ-50/8", "10kV-tri-bare-80").r_ohm_per_km
    assert usual / cold.r_ohm_per_km == pytest.approx(
        1 + 0.00403 * (DEFAULT_TEMPERATURE_C - 20), rel=1e-4
    )


# --- four wires, two wires, and what stands for them -------------------------------------


def test_four_wires_have_a_symmetric_matrix_whose_neutral_can_be_taken_in():
    wire, head = get_conductor("LJ-35"), get_pole_head("0.4kV-hor4-50")
    z = primitive_impedance(wire, head, phases="abcn")
    assert z.shape == (4, 4)
    np.testing.assert_allclose(z, z.T)
    reduced, metallic = kron_reduction(z), metallic_return(z)
    # closed form of the metallic return: two wires in series, earth drops out
    d_an = abs(-0.65 + 0.25)
    loop = 2 * ac_resistance_ohm_per_km(wire, 25.0) + 2j * 0.0628319 * math.log(
        d_an / (wire.gmr_mm / 1000)
    )
    assert metallic[0, 0] == pytest.approx(loop, rel=1e-6)
    # neither return touches the positive sequence much; Kron lets some current into the earth
    assert sequence_impedances(reduced)[1] == pytest.approx(
        sequence_impedances(metallic)[1], rel=5e-3
    )
    assert sequence_impedances(reduced)[0].real < sequence_impedances(metallic)[0].real
    r = ac_resistance_ohm_per_km(wire, 25.0)
    assert sequence_impedances(metallic)[0].real == pytest.approx(4 * r)  # R + 3 R_n


def test_kron_reduction_equals_the_solution_with_the_neutral_at_earth_potential():
    z = primitive_impedance(get_conductor("LJ-35"), get_pole_head("0.4kV-hor4-50"), phases="abcn")
    currents = np.array([10.0, -4.0 - 8.0j, 1.0 + 3.0j])
    neutral = -(z[3, :3] @ currents) / z[3, 3]
    drop = z[:3] @ np.append(currents, neutral)
    np.testing.assert_allclose(drop, kron_reduction(z) @ currents)


def test_a_two_wire_loop_is_there_and_back():
    line = line_parameters("LJ-25", "0.4kV-hor2-50", phases="bn", temperature_c=20.0)
    assert line.r_loop_ohm_per_km == pytest.approx(2 * 1.127, rel=1e-4)
    x = 2 * 0.0628319 * math.log(0.5 / (0.72560e-3 * 6.45 / 2))
    assert line.x_loop_ohm_per_km == pytest.approx(x, rel=1e-4)
    assert line.r_ohm_per_km == pytest.approx(3 * line.r_loop_ohm_per_km)
    assert line.x_ohm_per_km == pytest.approx(3 * line.x_loop_ohm_per_km)
    assert line.max_i_ka == pytest.approx(get_conductor("LJ-25").ampacity_at(40.0) / 3000)


@pytest.mark.parametrize("phases", ["an", "abn", "abcn"])
def test_the_equivalent_loses_and_drops_what_the_true_circuit_does(phases):
    """Same power at the same phase voltage, once in the n phases and once in three."""
    z = primitive_impedance(get_conductor("LJ-35"), get_pole_head("0.4kV-hor4-80"), phases=phases)
    count = len(phases) - 1
    power_w, voltage_v = 6000.0, 220.0
    turn = np.exp(-2j * np.pi / 3 * np.arange(count))
    true = power_w / (count * voltage_v) * turn
    with_neutral = np.append(true, -true.sum())
    true_loss = (with_neutral.conj() @ z @ with_neutral).real
    equivalent = balanced_equivalent(metallic_return(z))
    model = power_w / (3 * voltage_v)
    assert 3 * equivalent.real * model**2 == pytest.approx(true_loss, rel=1e-12)
    # the drop along each phase voltage, mean of the phases, against the neutral
    drops = (z[:-1] - z[-1]) @ with_neutral
    assert equivalent * model == pytest.approx((drops * turn.conj()).mean(), rel=1e-12)


def test_two_of_three_phases_cost_nine_quarters():
    # by hand: I = P/2U in both phases and in the neutral, 3 r I^2 = (9/4) r P^2 / (3 U^2)
    line = line_parameters("LJ-35", "0.4kV-hor4-50", phases="abn", temperature_c=20.0)
    assert line.r_ohm_per_km == pytest.approx(2.25 * 0.8332, rel=3e-4)  # skin effect


@settings(max_examples=30, deadline=None)
@given(
    conductor=st.sampled_from([row.name for row in list_conductors()]),
    head=st.sampled_from([head.name for head in list_pole_heads()]),
    temperature_c=st.floats(-40.0, 90.0),
)
def test_any_line_is_passive_and_inductive(conductor, head, temperature_c):
    line = line_parameters(conductor, head, temperature_c=temperature_c)
    assert line.r_ohm_per_km > 0
    assert line.x_ohm_per_km > 0
    assert line.c_nf_per_km > 0
    assert line.max_i_ka > 0
    if get_pole_head(head).phases in ("abc", "abcn"):
        assert line.r0_ohm_per_km > line.r_ohm_per_km
        assert line.x0_ohm_per_km > line.x_ohm_per_km
        assert line.c0_nf_per_km < line.c_nf_per_km


# --- many at once, and bad calls ---------------------------------------------------------


def test_the_table_is_aligned_with_its_rows_and_equals_the_single_calls():
    rows = [
        ("LGJ-70/10", "10kV-tri-bare-80", "abc"),
        ("LJ-25", "0.4kV-hor2-50", "cn"),
        ("LGJ-70/10", "10kV-tri-bare-80", "abc"),
        ("LJ-25", "0.4kV-hor2-50", "an"),
        ("LGJ-240", "35kV-tri-pole", "abc"),
    ]
    sections = pd.DataFrame(rows, columns=["conductor", "arrangement", "phases"])
    sections = sections.assign(name=list("vwxyz")).set_axis([7, 3, 9, 1, 4], axis=0)
    before = sections.copy()
    table = parameter_table(sections, temperature_c=40.0)
    pd.testing.assert_frame_equal(sections, before)
    assert list(table.index) == [7, 3, 9, 1, 4]
    for (conductor, head, phases), got in zip(rows, table.to_dict("records"), strict=True):
        line = line_parameters(conductor, head, phases=phases, temperature_c=40.0)
        assert got["r_ohm_per_km"] == line.r_ohm_per_km
        assert got["x_ohm_per_km"] == line.x_ohm_per_km
        assert got["max_i_ka"] == line.max_i_ka
    assert parameter_table(sections.iloc[:0]).empty


def test_bad_calls_say_what_was_received_and_what_is_expected():
    with pytest.raises(InputError, match=r"temperature 400 °C; expected -60 to 150"):
        line_parameters("LGJ-70", "10kV-hor-80", temperature_c=400.0)
    with pytest.raises(InputError, match="it was given phases 'abcn'"):
        line_parameters("LGJ-70", "10kV-hor-80", phases="abcn")
    with pytest.raises(InputError, match="expected abc, or one to three phases with n"):
        line_parameters("LGJ-70", "10kV-hor-80", phases="ab")
    with pytest.raises(UnknownNameError, match="10kV-hor-80"):
        line_parameters("LGJ-70", "10kV-hor-8")
    with pytest.raises(InputError, match="expected both above 0"):
        earth_return_depth_m(0.0)


def test_the_mean_loop_of_a_four_wire_line_is_that_of_its_phases():
    z = primitive_impedance(get_conductor("LJ-35"), get_pole_head("0.4kV-hor4-50"), phases="abcn")
    loops = [z[i, i] + z[3, 3] - 2 * z[i, 3] for i in range(3)]
    assert loop_impedance(z) == pytest.approx(sum(loops) / 3)
