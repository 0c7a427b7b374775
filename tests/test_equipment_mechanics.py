"""Sag, tension and what the supports allow, against hand-worked figures, the catenary and rules."""

import dataclasses
import itertools
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralgrid.equipment import get_conductor, get_pole_head, list_conductors
from ruralgrid.equipment.line_rules import (
    WeatherCase,
    get_line_limit,
    get_weather_zone,
    ground_clearance_limit,
    list_weather_zones,
    spacing_limit,
)
from ruralgrid.equipment.mechanics import critical_spans, design_span, stringing_table
from ruralgrid.equipment.supports import (
    formula_spacing_m,
    largest_angle_deg,
    longest_span,
    lowest_wire_height_m,
    span_rules,
)
from ruralgrid.equipment.wire_curve import (
    catenary_sag_m,
    catenary_tension_n,
    relative_extra_length,
    solve_state_change,
    unit_load,
)
from ruralgrid.errors import InputError, UnknownNameError

JKLGYJ_70 = get_conductor("JKLGYJ-10/70")
WORKED = Path(__file__).parents[1] / "docs" / "worked_sag_tension.md"


def worked_figures():
    """The typed numbers of the hand-worked case: `| symbol | value | unit |`."""
    rows = re.findall(
        r"^\| (\w+) \| ([\d.]+) \| [^|]+ \|$", WORKED.read_text("utf-8"), re.MULTILINE
    )
    return {symbol: float(value) for symbol, value in rows}


def test_the_case_worked_by_hand_agrees_to_four_digits():
    design = design_span(JKLGYJ_70, 80.0)
    ice, bare = unit_load(JKLGYJ_70, wind_ms=10.0, ice_mm=10.0), unit_load(JKLGYJ_70)
    hot = design.at(40.0)
    code = {
        "w1": bare.vertical_n_per_m,
        "w3": ice.vertical_n_per_m,
        "w5": ice.wind_n_per_m,
        "w7": ice.total_n_per_m,
        "sigma_limit": design.governing_stress_mpa,
        "critical_span": critical_spans(JKLGYJ_70)[0].span_m,
        "sigma_hot": hot.stress_mpa,
        "tension_hot": hot.tension_n,
        "sag_hot": hot.sag_m,
    }
    figures = worked_figures()
    assert set(figures) == set(code)
    for symbol, value in figures.items():
        assert code[symbol] == pytest.approx(value, rel=1e-4), symbol  # four digits
    assert design.governing.name == "ice"
    assert [item.below for item in critical_spans(JKLGYJ_70)] == ["coldest"]


# --- loads and the change of state ---


def test_wind_on_thick_and_thin_wires_has_its_shape_factor():
    thin, thick = get_conductor("LGJ-70/10"), get_conductor("JKLGYJ-10/70")  # 11.4 and 19.2 mm
    assert unit_load(thin, wind_ms=25.0).wind_n_per_m == pytest.approx(0.625 * 625 * 1.2 * 0.0114)
    assert unit_load(thick, wind_ms=25.0).wind_n_per_m == pytest.approx(0.625 * 625 * 1.1 * 0.0192)
    iced = unit_load(thick, wind_ms=10.0, ice_mm=5.0).wind_n_per_m
    assert iced == pytest.approx(62.5 * 1.2 * 0.0292)


def test_a_span_without_expansion_or_stretch_keeps_its_shape():
    # a stiff wire (E -> infinity) that does not expand keeps g/s: stress follows the load
    stress = solve_state_change(
        50.0, 0.05, 10.0, 0.10, 40.0, span_m=100.0, e_mpa=1e12, expansion_per_k=0.0
    )
    assert stress == pytest.approx(100.0, rel=1e-6)


def test_a_very_short_span_follows_hookes_law():
    # the sag term vanishes with L^2: s2 = s1 - alpha E dt
    stress = solve_state_change(
        100.0, 0.03, 0.0, 0.03, 20.0, span_m=0.01, e_mpa=80000.0, expansion_per_k=19e-6
    )
    assert stress == pytest.approx(100.0 - 19e-6 * 80000 * 20, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([row.name for row in list_conductors()]),
    span_m=st.floats(10.0, 400.0),
    temperature_c=st.floats(-40.0, 80.0),
    ice_mm=st.floats(0.0, 20.0),
    wind_ms=st.floats(0.0, 35.0),
)
def test_every_state_satisfies_the_equation_that_made_it(
    name, span_m, temperature_c, ice_mm, wind_ms
):
    design = design_span(get_conductor(name), span_m)
    row, state = design.conductor, design.at(temperature_c, wind_ms, ice_mm)
    back = solve_state_change(
        state.stress_mpa,
        state.load.total_n_per_m / row.total_area_mm2,
        temperature_c,
        unit_load(
            row, wind_ms=design.governing.wind_ms, ice_mm=design.governing.ice_mm
        ).total_n_per_m
        / row.total_area_mm2,
        design.governing.temperature_c,
        span_m=span_m,
        e_mpa=row.e_mpa,
        expansion_per_k=row.expansion_1e6_per_k * 1e-6,
    )
    # there and back; a short cold span divides small differences of large numbers
    assert back == pytest.approx(design.governing_stress_mpa, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([row.name for row in list_conductors()]),
    zone=st.sampled_from([zone.name for zone in list_weather_zones()]),
    span_m=st.floats(10.0, 300.0),
)
def test_no_weather_of_the_zone_passes_its_limit(name, zone, span_m):
    design = design_span(get_conductor(name), span_m, zone=zone)
    for case in design.zone.cases:
        factor = design.under(case).safety_factor
        if case.name != "hottest":
            assert factor >= (4.0 if case.name == "mean" else design.safety_factor) * (1 - 1e-9)
    limit = 4.0 if design.governing.name == "mean" else design.safety_factor
    assert design.under(design.governing).safety_factor == pytest.approx(limit, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from([row.name for row in list_conductors()]), span_m=st.floats(20.0, 200.0))
def test_a_warmer_wire_sags_more_and_a_longer_span_too(name, span_m):
    design = design_span(get_conductor(name), span_m)
    sags = [design.at(temperature).sag_m for temperature in (-20.0, 0.0, 20.0, 40.0)]
    assert sags == sorted(sags)
    assert (
        design_span(get_conductor(name), span_m * 1.1).largest_sag.sag_m > design.largest_sag.sag_m
    )


# --- the catenary ---


@pytest.mark.parametrize("name", ["JKLGYJ-10/70", "JKLGYJ-1/50", "LGJ-70/10", "LJ-25"])
def test_the_parabola_keeps_its_known_error_at_80_m(name):
    design = design_span(get_conductor(name), 80.0)
    row = design.conductor
    governing_n = design.governing_stress_mpa * row.total_area_mm2
    for case in design.zone.cases:
        state = design.under(case)
        share = (state.sag_m / 80.0) ** 2
        true_n = catenary_tension_n(row, 80.0, design.governing, governing_n, case)
        # the same tension hangs 4/3 (f/L)^2 deeper in the true curve (next term below 1 % of it)
        same = catenary_sag_m(state.load.total_n_per_m, state.tension_n, 80.0)
        assert same / state.sag_m - 1.0 == pytest.approx(4.0 / 3.0 * share, rel=0.01)
        # and the tensions of the two curves differ by no more than a few such shares
        worst = (design.largest_sag.sag_m / 80.0) ** 2
        assert state.tension_n == pytest.approx(true_n, rel=2.0 * worst)


def test_sag_lengthens_a_wire_by_a_thousandth():
    sag = design_span(JKLGYJ_70, 80.0).largest_sag
    scale = sag.tension_n / sag.load.total_n_per_m
    true_length = 2.0 * scale * math.sinh(80.0 / (2.0 * scale))
    extra = relative_extra_length(sag.sag_m, 80.0)
    # the next term of the series is below (f/L)^2 = 0.03 % of this one
    assert true_length / 80.0 - 1.0 == pytest.approx(extra, rel=1e-3)
    assert extra < 0.001  # a tenth of the 1 % by which routes themselves are known


# --- governing weather ---


@pytest.mark.parametrize("name", ["JKLGYJ-10/70", "LGJ-50/8", "LGJ-240/30", "LJ-25"])
def test_the_governing_case_changes_exactly_at_the_critical_spans(name):
    row, spans = get_conductor(name), critical_spans(get_conductor(name))
    edges = [5.0, *(item.span_m for item in spans), 600.0]
    seen = []
    for low, high in itertools.pairwise(edges):
        inside = {
            design_span(row, low + part * (high - low)).governing.name
            for part in (0.001, 0.3, 0.7, 0.999)
        }
        assert len(inside) == 1
        seen.append(inside.pop())
    assert [(item.below, item.above) for item in spans] == list(itertools.pairwise(seen))


def test_an_unknown_run_of_figures_is_met_from_a_second_calculation():
    # the spacing table's own note, calculated elsewhere: U/110 + 0.65 sqrt(f) at 80 m, factor 3,
    # zone B, gives 0.77 m for 95 mm2 and 0.88 m for 70 mm2
    for name, spacing in [("JKLGYJ-10/95", 0.77), ("JKLGYJ-10/70", 0.88)]:
        sag = design_span(get_conductor(name), 80.0, zone="B").at(40.0).sag_m
        assert formula_spacing_m(10.0, sag) == pytest.approx(spacing, abs=0.006)


def test_without_dampers_the_mean_temperature_governs_a_bare_line():
    row = get_conductor("LGJ-70/10")
    undamped = get_line_limit("mean_tension_undamped_percent").value
    design = design_span(row, 80.0, mean_tension_percent=undamped)
    assert design.governing.name == "mean"
    assert design.at(10.0).tension_n == pytest.approx(0.16 * row.rts_n)
    assert design.at(40.0).sag_m > design_span(row, 80.0).at(40.0).sag_m


def test_ningxian_is_typical_design_zone_b():
    own, zone_b = get_weather_zone("NINGXIAN-recommended"), get_weather_zone("B")
    differing = {"name", "note", "source", "grade"}
    for field in dataclasses.fields(own):
        if field.name not in differing:
            assert getattr(own, field.name) == getattr(zone_b, field.name)


def test_zones_install_at_the_temperature_that_the_rule_gives_to_their_coldest():
    # GB 50061-2010 ch. 4, seen at jianbiaoku.com 223/4502658
    rule = {-40.0: -15.0, -20.0: -10.0, -10.0: -5.0, -5.0: 0.0}
    for zone in list_weather_zones():
        if zone.name != "A":  # its own table says 0 at a coldest of -10, as for a coldest of -5
            assert zone.t_install_c == rule[zone.t_min_c], zone.name
        assert zone.t_max_c == 40.0
        assert zone.ice_mm in (0.0, 5.0, 10.0, 15.0)
    assert get_weather_zone("NINGXIAN-recommended").t_wind_c == -5.0  # coldest -10 or below


def test_the_stringing_table_holds_every_span_and_temperature():
    table = stringing_table(JKLGYJ_70, [50.0, 80.0], [0.0, 40.0])
    assert list(table["span_m"]) == [50.0, 50.0, 80.0, 80.0]
    assert list(table["governing"]) == ["coldest", "coldest", "ice", "ice"]
    assert table["sag_m"].iloc[3] == pytest.approx(1.4539, rel=1e-4)  # the worked case
    assert table["stringing_sag_m"].iloc[3] == pytest.approx(0.88 * 1.4539, rel=1e-4)


# --- supports ---


def test_support_tension_adds_the_weight_of_the_sag():
    state = design_span(JKLGYJ_70, 80.0).at(40.0)
    scale = state.tension_n / state.load.total_n_per_m
    catenary_support = state.tension_n * math.cosh(80.0 / (2.0 * scale))
    assert state.support_tension_n == pytest.approx(catenary_support, rel=1e-5)
    assert state.support_safety_factor > get_line_limit("safety_factor_support").value


@pytest.mark.parametrize("insulators", [1, 2])
def test_the_largest_angle_just_loads_the_insulators(insulators):
    design = design_span(JKLGYJ_70, 80.0)
    angle = largest_angle_deg(design, insulators=insulators)
    pulls = [
        2 * design.under(case).tension_n * math.sin(math.radians(angle) / 2)
        + design.under(case).load.wind_n_per_m * 80.0
        for case in design.zone.cases
    ]
    assert max(pulls) == pytest.approx(insulators * 5000.0 / 2.5)
    assert largest_angle_deg(design, insulator_strength_n=1000.0) == 0.0  # the wind alone: 660 N


def test_height_of_the_lowest_wire_is_pole_less_burial_less_crossarm():
    assert lowest_wire_height_m(get_pole_head("10kV-tri-bare-80")) == pytest.approx(12 - 1.9 - 0.6)
    assert lowest_wire_height_m(get_pole_head("0.4kV-hor4-50")) == pytest.approx(10 - 1.7 - 0.2)
    assert lowest_wire_height_m(get_pole_head("10kV-tri-bare-80"), 15) == pytest.approx(15 - 2.9)
    assert lowest_wire_height_m(get_pole_head("35kV-tri-pole")) == 12.0


@pytest.mark.parametrize(
    ("name", "kv", "span_m", "spacing_m"),
    [
        ("LGJ-70/10", 10, 80, 0.85),
        ("LGJ-70/10", 10, 75, 0.85),
        ("LGJ-70/10", 10, 40, 0.6),
        ("JKLGYJ-10/70", 10, 80, 0.85),
        ("JKLGYJ-10/70", 10, 50, 0.5),
        ("JKLYJ-10/70", 10, 50, 0.5),
        ("JKLYJ-10/70", 10, 60, None),
        ("LJ-25", 0.4, 50, 0.4),
        ("LJ-25", 0.4, 51, 0.45),
        ("LGJ-240/30", 35, 80, None),
    ],
)
def test_the_spacing_table_is_read_upwards(name, kv, span_m, spacing_m):
    limit = spacing_limit(get_conductor(name), kv, span_m)
    assert (limit.value if limit else None) == spacing_m


def test_each_rule_holds_at_its_longest_span_and_fails_a_metre_beyond():
    wire, head = get_conductor("LJ-25"), get_pole_head("0.4kV-hor4-80")
    rules = {rule.rule: rule.span_m for rule in span_rules(wire, head)}
    height, least = lowest_wire_height_m(head), ground_clearance_limit(0.4).value
    at = {step: design_span(wire, rules["ground clearance"] + step).largest_sag for step in (0, 1)}
    assert height - at[0].vertical_sag_m >= least > height - at[1].vertical_sag_m
    assert rules["spacing table"] == 70.0  # 0.50 m on the head; 80 m asks for 0.55
    assert rules["span by kind of wire"] == 60.0


def test_the_binding_rule_of_the_plans_lines():
    ten = longest_span(get_conductor("JKLGYJ-10/70"), get_pole_head("10kV-tri-bare-80"))
    assert (ten.span_m, ten.rule) == (80.0, "span by kind of wire")
    low = longest_span(get_conductor("JKLGYJ-1/50"), get_pole_head("0.4kV-hor4-80"))
    assert (low.span_m, low.rule) == (70.0, "spacing table")
    plain = longest_span(get_conductor("JKLYJ-10/70"), get_pole_head("10kV-tri-bare-80"))
    assert plain.span_m == 50.0


# --- bad calls ---


@pytest.mark.parametrize("span_m", [0.0, -80.0, math.nan])
def test_a_span_that_is_none_is_refused(span_m):
    with pytest.raises(InputError, match=r"span_m is .*; expected more than 0"):
        design_span(JKLGYJ_70, span_m)
    with pytest.raises(InputError, match="expected more than 0"):
        spacing_limit(JKLGYJ_70, 10.0, span_m)


def test_bad_calls_say_what_was_received_and_what_is_allowed():
    weak = dataclasses.replace(JKLGYJ_70, rts_n=None)
    design = design_span(JKLGYJ_70, 80.0)
    with pytest.raises(InputError, match="JKLGYJ-10/70 has no rated strength"):
        design_span(weak, 80.0)
    with pytest.raises(UnknownNameError, match="NINGXIAN-recommended"):
        design_span(JKLGYJ_70, 80.0, zone="NINGXIAN")
    with pytest.raises(InputError, match="at 200 °C; expected -60 to 150"):
        design.at(200.0)
    with pytest.raises(InputError, match=r"safety factor 0\.5; expected at least 1"):
        design_span(JKLGYJ_70, 80.0, safety_factor=0.5)
    with pytest.raises(InputError, match="mean tension 0 %"):
        design_span(JKLGYJ_70, 80.0, mean_tension_percent=0.0)
    with pytest.raises(InputError, match="wind -1 m/s"):
        design.under(WeatherCase("wrong", 10.0, wind_ms=-1.0))
    with pytest.raises(InputError, match="3 insulators a wire; expected 1 or 2"):
        largest_angle_deg(design, insulators=3)
    with pytest.raises(InputError, match="strength 0 N"):
        largest_angle_deg(design, insulator_strength_n=0.0)
    with pytest.raises(UnknownNameError, match="residential"):
        ground_clearance_limit(10.0, "resident")
    with pytest.raises(InputError, match="at most 330"):
        ground_clearance_limit(500.0)
    with pytest.raises(UnknownNameError, match="burial_13m"):
        lowest_wire_height_m(get_pole_head("10kV-hor-80"), 13.5)
    with pytest.raises(InputError, match="expected none above 10 kV"):
        lowest_wire_height_m(get_pole_head("35kV-tri-pole"), 15)
    with pytest.raises(InputError, match="none below 0"):
        formula_spacing_m(10.0, -1.0)
