"""Validation: a sound county has no finding; each fault put into it is told, with its place."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from conftest import Drawn
from small_county import small_plan

from ruralgrid.county import TABLES, County, conform, empty_table
from ruralgrid.county.synthesis import draw_county
from ruralgrid.county.template import example_county
from ruralgrid.county.validate import validate
from ruralgrid.errors import InputError
from ruralgrid.findings import Findings
from ruralgrid.studies import study

NAN, INF = float("nan"), float("inf")


def with_cell(county: County, table: str, name: str, column: str, value: Any) -> County:
    """The county with one cell changed, whatever a schema says of the value."""
    frame = county.tables[table].copy()
    rows = frame.index[frame["name"] == name]
    assert len(rows) == 1, name
    frame.loc[rows[0], column] = value
    return county.with_tables(**{table: frame})


def with_row(county: County, table: str, **values: Any) -> County:
    row = conform(table, pd.DataFrame([values]))
    old = county.tables[table]
    return county.with_tables(**{table: pd.concat([old, row]) if len(old) else row})


def without(county: County, table: str, *names: str) -> County:
    frame = county.tables[table]
    return county.with_tables(**{table: frame[~frame["name"].isin(names)]})


def told(findings: Findings) -> list[str]:
    return [f"{each.severity} {each.code} | {each.where} | {each.message}" for each in findings]


# --- sound counties -------------------------------------------------------------------------------


def test_a_tiny_county_is_sound(tiny: County) -> None:
    assert told(validate(tiny)) == []


def test_the_example_is_sound() -> None:
    assert told(validate(example_county())) == []


def test_the_county_of_the_small_plan_has_no_error() -> None:
    assert told(validate(draw_county(small_plan(), 1)).of_severity("error")) == []


def test_the_drawn_county_has_no_error(draw: Callable[[int], Drawn]) -> None:
    """Its warnings are what the works are for: far service points, small transformers."""
    findings = validate(draw(2).county)
    assert told(findings.of_severity("error")) == []
    assert {each.code for each in findings} <= {
        *("supply-radius", "transformer-small", "span-long", "households-differ")
    }


def test_validation_changes_nothing_and_says_the_same_twice(tiny: County) -> None:
    county = with_cell(tiny, "sections", "main", "length_km", -1.0)
    before = {name: frame.copy() for name, frame in county.tables.items()}
    assert validate(county) == validate(county)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(county.tables[name], frame)


# --- one cell that is wrong -----------------------------------------------------------------------

# table, row, column, value: severity, code, place, message
CELLS: dict[str, tuple[str, str, str, Any, str]] = {
    "no name": (
        *("nodes", "T10", "name", " "),
        "error name-missing | nodes, row 5, name | the row has no name",
    ),
    "a name twice": (
        *("nodes", "P2", "name", "P1"),
        "error name-twice | nodes, row 8, name | the name P1 stands twice, first in row 7",
    ),
    "a blank in a name": (
        *("capacitors", "bank", "name", "bank\u3000"),
        "warning name-blanks | capacitors, row 2, name | the name holds a sign that does not show, "
        "and who types it without will miss it: 'bank\\u3000', U+3000 (ideographic space)",
    ),
    "a blank at an end": (*("capacitors", "bank", "name", "bank "), "'bank ', U+0020 (space)"),
    "a no-break space inside": (
        *("capacitors", "bank", "name", "the\xa0bank"),
        "'the\\xa0bank', U+00A0 (no-break space)",
    ),
    "a soft hyphen inside": (
        *("capacitors", "bank", "name", "ba\xadnk"),
        "'ba\\xadnk', U+00AD (soft hyphen)",
    ),
    "a control inside": (*("capacitors", "bank", "name", "ba\x7fnk"), "U+007F (control)"),
    "a plain blank inside": (*("capacitors", "bank", "name", "the bank"), ""),
    "a dangling node": (
        *("sections", "main", "to_node", "p1 "),
        "error reference-unknown | sections, row 5, to_node | no row of nodes is named p1 ; the "
        "nearest: P1, P2",
    ),
    "a dangling winding": (
        *("transformers", "unit", "lv_node", "LW"),
        "error reference-unknown | transformers, row 3, lv_node | no row of nodes is named LW; the "
        "nearest: LV",
    ),
    "a dangling source": (
        *("sources", "grid", "node", "N36"),
        "error reference-unknown | sources, row 2, node | no row of nodes is named N36",
    ),
    "a dangling consumer": (
        *("consumers", "mill", "node", ""),
        "error reference-unknown | consumers, row 2, node | no row of nodes is named ",
    ),
    "an unknown village": (
        *("consumers", "mill", "village", "W"),
        "error reference-unknown | consumers, row 2, village | no row of villages is named W",
    ),
    "a kind of node": (
        *("nodes", "LV", "kind", "bus bar"),
        "error kind-unknown | nodes, row 6, kind | kind bus bar is none of busbar, junction, "
        "service_point; the nearest: busbar",
    ),
    "a kind of consumer": (
        *("consumers", "homes", "kind", "houshold"),
        "error kind-unknown | consumers, row 3, kind | kind houshold is none of household, "
        "three_phase_user, farm, irrigation, public, commerce, industry, lighting, constant; "
        "the nearest: household",
    ),
    "phases of a consumer": (
        *("consumers", "homes", "phases", "ABC"),
        "error phases-unknown | consumers, row 3, phases | phases ABC is none of a, b, c, abc; "
        "the nearest: abc",
    ),
    "a class of villages": (
        *("villages", "V", "plan_class", "low-voltage"),
        "error plan-class-unknown | villages, row 2, plan_class | plan_class low-voltage is none "
        "of low_voltage, three_phase; the nearest: low_voltage",
    ),
    "a grade": (
        *("villages", "V", "grade", "sure"),
        "warning grade-unknown | villages, row 2, grade | grade sure is none of",
    ),
    "a conductor": (
        *("sections", "main", "conductor", "LGJ-35/9"),
        "error conductor-unknown | sections, row 5, conductor | no conductor of the catalogue is "
        "named LGJ-35/9; the nearest: LGJ-35/6",
    ),
    "a full-width conductor": (
        *("sections", "main", "conductor", "ＬＧＪ－35／6"),
        "the nearest: LGJ-35/6",
    ),
    "a neutral": (
        *("sections", "main", "neutral", "LGJ35"),
        "error neutral-unknown | sections, row 5, neutral | no conductor of the catalogue is named",
    ),
    "a pole head": (
        *("sections", "main", "arrangement", "0.4kV-hor4-60"),
        "error arrangement-unknown | sections, row 5, arrangement | no pole head of the catalogue "
        "is named 0.4kV-hor4-60; the nearest: 0.4kV-hor4-80, 0.4kV-hor4-50, 0.4kV-hor2-50",
    ),
    "phases of a section": (
        *("sections", "main", "phases", "abcd"),
        "error phases-unknown | sections, row 5, phases | phases abcd: abc, or one to three of a, "
        "b, c with n, are expected",
    ),
    "one wire": (
        *("sections", "main", "phases", "a"),
        "error phases-unknown | sections, row 5, phases | phases a: abc, or one to three",
    ),
    "more phases than wires": (
        *("sections", "branch", "phases", "abn"),
        "error phases-unknown | sections, row 6, phases | phases abn: the pole head 0.4kV-hor2-50 "
        "carries an",
    ),
    "a pole head of low voltage": (
        *("sections", "trunk", "arrangement", "0.4kV-hor4-50"),
        "warning arrangement-voltage | sections, row 2, arrangement | the pole head 0.4kV-hor4-50 "
        "is made for a lower voltage",
    ),
    "an insulation of low voltage": (
        *("sections", "trunk", "conductor", "JKLGYJ-1/50"),
        "warning insulation-low | sections, row 2, conductor | the insulation of JKLGYJ-1/50 is "
        "made for a lower voltage",
    ),
    "a transformer": (
        *("transformers", "unit", "type", "S9-101/10"),
        "error transformer-unknown | transformers, row 3, type | no transformer of the catalogue "
        "is named S9-101/10; the nearest: S9-160/10, S9-100/10, S9-80/10",
    ),
    "three windings at two nodes": (
        *("transformers", "station", "type", "SSZ11-20000/110"),
        "error windings-number | transformers, row 2, type | SSZ11-20000/110 has three windings, "
        "and no mv_node is given",
    ),
    "two windings at three nodes": (
        *("transformers", "unit", "mv_node", "T10"),
        "error windings-number | transformers, row 3, type | S9-100/10 has two windings, and an "
        "mv_node is given",
    ),
    "a tap": (
        *("transformers", "unit", "tap", 3),
        "error tap-range | transformers, row 3, tap | the type has no tap 3",
    ),
    "a winding on another voltage": (
        *("transformers", "unit", "hv_node", "N35"),
        "error voltage-winding | transformers, row 3, hv_node | the node has 35 kV, the winding of "
        "the type 10 kV",
    ),
    "windings swapped": (
        *("transformers", "unit", "lv_node", "V10"),
        "error voltage-winding | transformers, row 3, lv_node | the node has 10 kV, the winding of "
        "the type 0.4 kV",
    ),
    "a section across voltages": (
        *("sections", "main", "from_node", "V10"),
        "error voltage-across | sections, row 5, to_node | the section joins two voltages: 10 and "
        "0.4 kV",
    ),
    "a section to itself": (
        *("sections", "main", "to_node", "LV"),
        "error section-to-itself | sections, row 5, to_node | the section ends where it begins, at "
        "LV",
    ),
    "a length of nothing": (
        *("sections", "main", "length_km", 0.0),
        "error length-not-positive | sections, row 5, length_km | a length of 0 km is out of "
        "range: above 0",
    ),
    "a negative length": (
        *("sections", "main", "length_km", -0.3),
        "error length-not-positive | sections, row 5, length_km | a length of -0.3 km is out of "
        "range: above 0",
    ),
    "no length": (
        *("sections", "main", "length_km", NAN),
        "error value-missing | sections, row 5, length_km | the figure is missing",
    ),
    "an endless length": (
        *("sections", "main", "length_km", INF),
        "error value-infinite | sections, row 5, length_km | inf: no finite number",
    ),
    "metres at 0.4 kV": (
        *("sections", "main", "length_km", 300.0),
        "error length-absurd | sections, row 5, length_km | 300 km is no length of a section at "
        "its voltage (metres for km?)",
    ),
    "metres at 10 kV": (
        *("sections", "trunk", "length_km", 4000.0),
        "error length-absurd | sections, row 2, length_km | 4000 km is no length",
    ),
    "a span over 80 m": (
        *("sections", "main", "span_m", 81.0),
        "warning span-long | sections, row 5, span_m | a mean span of 81 m",
    ),
    "a negative span": (
        *("sections", "main", "span_m", -50.0),
        "error span-range | sections, row 5, span_m | -50 m is out of range: above 0, 3000 at the "
        "most",
    ),
    "a voltage of nothing": (
        *("nodes", "T10", "kv", 0.0),
        "error voltage-range | nodes, row 5, kv | 0 kV is out of range: above 0, 1200 at the most "
        "(volts for kV?)",
    ),
    "volts for kV": (*("nodes", "N35", "kv", 35000.0), "35000 kV is out of range"),
    "a rated for a nominal voltage": (
        *("nodes", "T10", "kv", 10.5),
        "warning voltage-unusual | nodes, row 5, kv | 10.5 kV is none of the usual",
    ),
    "a source far off": (
        *("sources", "grid", "vm_pu", 10.5),
        "error voltage-held | sources, row 2, vm_pu | 10.5 pu is out of range: 0.5 or more, 1.5 at "
        "the most (kV for per unit?)",
    ),
    "a source off": (
        *("sources", "grid", "vm_pu", 1.2),
        "warning voltage-held | sources, row 2, vm_pu | 1.2 pu is out of range",
    ),
    "short circuit of nothing": (
        *("sources", "grid", "short_circuit_mva", 0.0),
        "error short-circuit | sources, row 2, short_circuit_mva | 0 MVA is out of range: above 0",
    ),
    "a held voltage": (
        *("transformers", "station", "held_pu", 10.5),
        "error voltage-held | transformers, row 2, held_pu | 10.5 pu is out of range",
    ),
    "an earthing": (
        *("nodes", "P1", "earthing_ohm", -4.0),
        "error earthing-range | nodes, row 7, earthing_ohm | -4 ohm is out of range: above 0",
    ),
    "a bank of nothing": (
        *("capacitors", "bank", "kvar", -300.0),
        "error capacitor-size | capacitors, row 2, kvar | -300 kvar is out of range: above 0",
    ),
    "var for kvar": (*("capacitors", "bank", "kvar", 3e5), "warning capacitor-size"),
    "nobody": (
        *("consumers", "homes", "count", 0),
        "error count-not-positive | consumers, row 3, count | 0 is out of range: 1 or more",
    ),
    "less than nobody": (*("consumers", "homes", "count", -4), "error count-not-positive"),
    "an energy below nothing": (
        *("consumers", "homes", "kwh_per_year", -2800.0),
        "error energy-negative | consumers, row 3, kwh_per_year | -2800 kWh a year",
    ),
    "no energy": (*("consumers", "homes", "kwh_per_year", 0.0), "warning energy-zero"),
    "unknown energy": (
        *("consumers", "homes", "kwh_per_year", NAN),
        "error value-missing | consumers, row 3, kwh_per_year",
    ),
    "Wh for kWh": (
        *("consumers", "homes", "kwh_per_year", 2.8e6),
        "warning energy-absurd | consumers, row 3, kwh_per_year | 700000 kWh a year for each "
        "customer (Wh for kWh?)",
    ),
    "kW for kWh": (
        *("consumers", "homes", "kwh_per_year", 6.0),
        "warning energy-absurd | consumers, row 3, kwh_per_year | 1.5 kWh a year for each customer "
        "(kW, or MWh, for kWh?)",
    ),
    "a power factor in per cent": (
        *("consumers", "mill", "power_factor", 85.0),
        "error power-factor-range | consumers, row 2, power_factor | 85 is out of range: above 0, "
        "1 at the most (per cent?)",
    ),
    "a power factor of nothing": (
        *("consumers", "mill", "power_factor", 0.0),
        "error power-factor-range",
    ),
    "an empty village": (
        *("villages", "V", "households", 0),
        "warning households-range | villages, row 2, households | 0 is out of range: 1 or more",
    ),
    "a negative village": (*("villages", "V", "households", -6), "error households-range"),
    "households that are not there": (
        *("villages", "V", "households", 60),
        "warning households-differ | villages, row 2, households | 60 households; its consumers of "
        "the kind household are 6",
    ),
    "a batch before the first": (*("villages", "V", "batch", -1), "error batch-range"),
    "households at 10 kV": (
        *("consumers", "homes", "node", "V10"),
        "error household-on-high-voltage | consumers, row 3, node | households at V10, a node of "
        "1 kV or more",
    ),
    "a lamp at 10 kV": (
        *("consumers", "mill", "phases", "a"),
        "",
    ),
    "half a place": (
        *("nodes", "P1", "lon_deg", 107.9),
        "warning coordinate-half | nodes, row 7, lon_deg | one of longitude and latitude is",
    ),
    "metres of a map": (
        *("nodes", "P1", "lat_deg", 3931000.0),
        "error coordinate-range | nodes, row 7, lat_deg | 3.931e+06 is out of range: degrees of "
        "WGS-84 are expected, no metres of a map",
    ),
}


@pytest.mark.parametrize(("table", "name", "column", "value", "message"), CELLS.values(), ids=CELLS)
def test_a_cell_that_is_wrong(
    tiny: County, table: str, name: str, column: str, value: Any, message: str
) -> None:
    found = told(validate(with_cell(tiny, table, name, column, value)))
    if message:
        assert any(message in each for each in found), found
    else:
        assert found == []


def test_a_finding_has_value_limit_unit_and_clause(tiny: County) -> None:
    (span,) = validate(with_cell(tiny, "sections", "main", "span_m", 95.0))
    assert (span.value, span.limit, span.unit, span.subject) == (95.0, 80.0, "m", "main")
    assert "80 m" in span.clause
    assert span.where == "sections, row 5, span_m"


def test_a_name_that_looks_like_another_is_told_once_and_by_its_sign(tiny: County) -> None:
    """Not as a net that falls apart: the way to the source is whole but for the name."""
    county = with_cell(tiny, "nodes", "V10", "name", "V10\u200b")
    findings = validate(county)
    assert {each.code for each in findings} == {"name-blanks", "reference-unknown"}
    assert "'V10\\u200b', U+200B (zero width space)" in findings.of_code("name-blanks")[0].message
    assert findings.of_code("reference-unknown")[0].message == (
        "no row of nodes is named V10; one looks the same: that of nodes holds U+200B (zero width "
        "space), which does not show"
    )
    (reference,) = validate(with_cell(tiny, "consumers", "mill", "node", "LV\u2060"))
    assert "one looks the same: it holds U+2060 (word joiner)" in reference.message


def test_one_cell_has_one_finding_of_its_range(tiny: County) -> None:
    (finding,) = validate(with_cell(tiny, "sources", "grid", "vm_pu", 97.0))
    assert finding.severity == "error"


def test_a_rated_voltage_all_over_is_told_once(tiny: County) -> None:
    nodes = tiny.nodes.assign(kv=tiny.nodes["kv"].replace(0.4, 0.38))
    (finding,) = validate(tiny.with_tables(nodes=nodes)).of_code("voltage-unusual")
    assert finding.where == "nodes, row 6, kv"
    assert finding.message.endswith("750 kV; likewise in 2 more rows")


def test_all_faults_come_at_once(tiny: County) -> None:
    county = with_cell(tiny, "sections", "main", "conductor", "wire")
    county = with_cell(county, "sections", "trunk", "length_km", -1.0)
    county = with_cell(county, "consumers", "mill", "power_factor", 2.0)
    county = with_cell(county, "villages", "V", "households", -6)
    codes = {each.code for each in validate(county).of_severity("error")}
    assert codes == {
        *("conductor-unknown", "length-not-positive", "power-factor-range", "households-range")
    }


# --- wiring ---------------------------------------------------------------------------------------


def test_a_loop_names_its_sections(tiny: County) -> None:
    """Closing the tie: trunk, spur and tie go round."""
    (loop,) = validate(with_cell(tiny, "sections", "tie", "normally_open", False))
    assert (loop.code, loop.severity, loop.value) == ("loop", "error", 3)
    for name in ("trunk", "spur", "tie"):
        assert name in loop.message
    assert "one of them should be normally_open" in loop.message
    assert "main" not in loop.message


def test_two_sections_side_by_side_are_a_loop(tiny: County) -> None:
    twin = tiny.sections[tiny.sections["name"] == "main"].assign(name="twin")
    county = tiny.with_tables(sections=pd.concat([tiny.sections, twin]))
    (loop,) = validate(county)
    assert loop.message.startswith("closed sections make a loop: main, twin;")


def test_a_loop_over_two_transformers(tiny: County) -> None:
    """A second transformer at the other end of the 0.4 kV line: fed from both sides."""
    county = with_row(
        tiny, "transformers", name="second", type="S9-100/10", hv_node="T10", lv_node="P2"
    )
    loops = validate(county).of_code("loop")
    assert [each.severity for each in loops] == ["error"]
    for name in ("unit", "second", "trunk", "spur", "main", "branch"):
        assert name in loops[0].message


def with_twin(county: County, unit: str, name: str, **values: Any) -> County:
    """The county with a second transformer like one of its own, at the same nodes."""
    twin = county.transformers[county.transformers["name"] == unit].assign(name=name, **values)
    return county.with_tables(transformers=pd.concat([county.transformers, twin]))


def test_main_transformers_side_by_side_are_what_power_grid_model_solves(tiny: County) -> None:
    """Installed it solves them, and the county is studied; the two are named."""
    county = with_twin(tiny, "station", "station 2")
    (finding,) = validate(county)
    assert (finding.code, finding.severity, finding.value) == ("loop-needs-fast", "warning", 2)
    assert finding.where == "transformers, row 2, lv_node"
    assert finding.message == (
        "station, station 2 stand side by side, from N35 to N10; power-grid-model solves it (the "
        "extra fast, installed here); to do without, give one a busbar of its own, behind a "
        "section that is normally_open"
    )
    assert len(study(county, hours="representative", progress=False).stages) == 1


@pytest.mark.parametrize("phases", ["four-wire", "balanced"])
def test_without_power_grid_model_they_are_an_error(
    tiny: County, monkeypatch: pytest.MonkeyPatch, phases: Any
) -> None:
    """What validates can be studied: the study says no more than validation does."""
    monkeypatch.setitem(sys.modules, "power_grid_model", None)
    county = with_twin(tiny, "station", "station 2")
    (finding,) = validate(county)
    assert (finding.code, finding.severity) == ("loop-needs-fast", "error")
    assert "not installed: pip install 'ruralgrid[fast]'; or give one a busbar" in finding.message
    with pytest.raises(InputError, match=r"1 fault in the tables of tiny\n.*station, station 2"):
        study(county, hours="representative", phases=phases, progress=False)


def test_a_held_voltage_and_a_loop_are_an_error_whatever_is_installed(tiny: County) -> None:
    county = with_twin(tiny, "station", "station 2", held_pu=1.03)
    (finding,) = validate(county)
    assert (finding.code, finding.severity) == ("loop-needs-fast", "error")
    assert "station 2 holds a voltage (held_pu), and tap changers are moved in nets" in (
        finding.message
    )


def test_what_no_source_reaches_needs_nothing_to_solve_it(tiny: County) -> None:
    county = with_row(tiny, "nodes", name="X35", kv=35.0, kind="busbar")
    county = with_row(county, "nodes", name="X10", kv=10.0, kind="busbar")
    county = with_twin(county, "station", "far", hv_node="X35", lv_node="X10")
    assert {each.code for each in validate(with_twin(county, "far", "far 2"))} == {"island"}


def test_transformers_side_by_side_at_low_voltage_are_an_error(tiny: County) -> None:
    """An area is solved below one transformer: both are named, and what to do."""
    county = with_twin(tiny, "unit", "unit 2")
    (finding,) = validate(county)
    assert (finding.code, finding.severity) == ("area-fed-twice", "error")
    assert finding.where == "transformers, row 4, lv_node"
    assert "transformers unit and unit 2 feed one 0.4 kV net, at LV" in finding.message
    assert "split the busbar" in finding.message
    both = validate(with_twin(county, "station", "station 2"))
    assert {each.code for each in both} == {"area-fed-twice", "loop-needs-fast"}


def test_phases_that_do_not_arrive_are_told_with_their_row(tiny: County) -> None:
    (finding,) = validate(with_cell(tiny, "consumers", "cottages", "phases", "b"))
    assert (finding.code, finding.severity) == ("phase-absent", "error")
    assert finding.where == "consumers, row 4, phases"


def test_a_double_circuit_of_35_kv_is_what_power_grid_model_solves(
    tiny: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = double_circuit(tiny)
    (finding,) = validate(county)
    assert (finding.code, finding.severity) == ("loop-needs-fast", "warning")
    assert finding.message.startswith("closed sections make a loop: I, II; power-grid-model")
    monkeypatch.setitem(sys.modules, "power_grid_model", None)
    (finding,) = validate(county)
    assert finding.severity == "error"
    assert finding.message.endswith("; or set one of them normally_open")


def double_circuit(tiny: County) -> County:
    line = {
        "from_node": "N35",
        "to_node": "M35",
        "conductor": "LGJ-150/20",
        "arrangement": "35kV-tri-pole",
        "phases": "abc",
        "length_km": 10.0,
    }
    county = with_row(tiny, "nodes", name="M35", kv=35.0, kind="busbar")
    county = with_row(county, "sections", name="I", **line)
    return with_row(county, "sections", name="II", **line)


def test_an_island_is_told_with_what_would_feed_it(tiny: County) -> None:
    county = with_cell(tiny, "sections", "trunk", "normally_open", True)
    island = validate(county).of_code("island")[0]
    assert island.severity == "error"
    assert island.message.startswith("no path to a source from V10, LV, P1 and 1 more")
    assert "would feed it, and is normally open" in island.message
    (village,) = validate(county).of_code("village-without-supply")
    assert (village.subject, village.severity, village.where) == (
        "V",
        "error",
        "villages, row 2, name",
    )


def test_an_island_without_customers_is_a_warning(tiny: County) -> None:
    (island,) = validate(without(tiny, "sections", "spur", "tie"))
    assert (island.code, island.severity, island.value) == ("island", "warning", 1)
    assert island.message == "no path to a source from T10 (no customers)"
    assert island.where == "nodes, row 5"


def test_a_county_without_a_source(tiny: County) -> None:
    (finding,) = validate(tiny.with_tables(sources=empty_table("sources")))
    assert (finding.code, finding.severity) == ("source-missing", "error")


def test_an_empty_county_lacks_a_source() -> None:
    tables = {table: empty_table(table) for table in TABLES}
    assert [each.code for each in validate(County("none", **tables))] == ["source-missing"]


# --- supply ---------------------------------------------------------------------------------------


def test_a_village_without_consumers(tiny: County) -> None:
    county = with_row(tiny, "villages", name="W", town="t", admin_village="a", households=30)
    found = told(validate(county))
    place = "villages, row 3, name"
    assert found == [
        f"warning village-without-consumers | {place} | no consumer belongs to the village"
    ]


def test_a_transformer_below_its_households(tiny: County) -> None:
    """100 kVA for 300 households at 700 kWh: 0.33 kVA each, peak 300 x 700 / 2000 / 0.9 = 117."""
    county = with_cell(tiny, "consumers", "homes", "count", 298)
    county = with_cell(county, "consumers", "homes", "kwh_per_year", 298 * 700.0)
    county = with_cell(county, "villages", "V", "households", 300)
    (small,) = validate(county)
    assert (small.code, small.severity, small.subject) == ("transformer-small", "warning", "unit")
    assert small.message == "100 kVA for 300 households and a peak of some 122 kVA"
    county = with_twin(county, "unit", "unit 2")
    assert not validate(county).of_code("transformer-small")  # 200 kVA side by side


def test_a_service_point_beyond_the_supply_radius(tiny: County) -> None:
    """0.3 km and 0.25 km: 0.55 km; DL/T 5118 speaks of 500 m. 0.5 km itself is within."""
    far = with_cell(tiny, "sections", "branch", "length_km", 0.25)
    (finding,) = validate(far)
    assert (finding.code, finding.severity) == ("supply-radius", "warning")
    assert finding.message == "0.55 km away from it, the furthest of 1, is P2"
    assert (finding.value, finding.limit, finding.subject) == (0.55, 0.5, "unit")
    assert told(validate(with_cell(tiny, "sections", "branch", "length_km", 0.19))) == []


# --- places ---------------------------------------------------------------------------------------


def placed(county: County, **places: tuple[float, float]) -> County:
    """All nodes near 107.9 E, 35.5 N, some moved."""
    nodes = county.nodes.assign(lon_deg=107.9, lat_deg=35.5, village="V")
    for name, (lon, lat) in places.items():
        nodes.loc[nodes["name"] == name, ["lon_deg", "lat_deg"]] = [lon, lat]
    return county.with_tables(nodes=nodes)


def test_places_near_each_other_are_sound(tiny: County) -> None:
    assert told(validate(placed(tiny, P1=(108.3, 35.2)))) == []


def test_a_node_far_from_all_others(tiny: County) -> None:
    (finding,) = validate(placed(tiny, P1=(0.0, 0.0)))
    assert (finding.code, finding.severity) == ("coordinate-far", "warning")
    assert finding.where == "nodes, row 7, lon_deg"
    assert "km away from the middle of the county" in finding.message


def test_longitude_and_latitude_swapped(tiny: County) -> None:
    """At 75 E, 38 N the swapped pair still is a place on the earth, far away."""
    nodes = tiny.nodes.assign(lon_deg=75.0, lat_deg=38.0, village="V")
    nodes.loc[6, ["lon_deg", "lat_deg"]] = [38.0, 75.0]
    (finding,) = validate(tiny.with_tables(nodes=nodes))
    assert finding.code == "coordinate-swapped"
    assert finding.where == "nodes, row 8, lon_deg"


def test_swapped_beyond_the_pole(tiny: County) -> None:
    (finding,) = validate(placed(tiny, P1=(35.5, 107.9)))
    assert (finding.code, finding.severity) == ("coordinate-range", "error")
    assert finding.message.endswith("(longitude and latitude swapped?)")


# --- types of one's own ---------------------------------------------------------------------------


def test_own_types_are_known_and_checked(tiny: County) -> None:
    county = with_row(
        tiny, "line_types", name="cable", r_ohm_per_km=0.3, x_ohm_per_km=0.1, max_i_ka=0.2
    )
    county = with_cell(county, "sections", "main", "conductor", "cable")
    county = with_row(
        county,
        "transformer_types",
        name="old unit",
        sn_kva=100.0,
        vn_hv_kv=10.0,
        vn_lv_kv=0.4,
        vk_percent=4.0,
        vkr_percent=1.5,
        vector_group="Yyn0",
        tap_side="hv",
        tap_step_percent=5.0,
        tap_min=-1,
        tap_max=1,
    )
    county = with_cell(county, "transformers", "unit", "type", "old unit")
    assert told(validate(county)) == []
    for group, word in (("", "(none given)"), ("Dzn0", "Dzn0")):
        unknown = with_cell(county, "transformer_types", "old unit", "vector_group", group)
        (finding,) = validate(unknown)
        assert (finding.code, finding.severity) == ("vector-group-unknown", "warning")
        assert f"group {word} is not known" in finding.message
    wrong = with_cell(county, "transformers", "unit", "tap", 2)
    wrong = with_cell(wrong, "line_types", "cable", "max_i_ka", 200.0)
    wrong = with_cell(wrong, "line_types", "cable", "r_ohm_per_km", -0.3)
    wrong = with_cell(wrong, "transformer_types", "old unit", "sn_kva", 0.1)
    wrong = with_cell(wrong, "transformer_types", "old unit", "vk_percent", 0.0)
    found = told(validate(wrong))
    assert [each.partition(" | ")[0] for each in found if "small" not in each] == [
        "error line-type",
        "warning line-type",
        "warning transformer-type",
        "error transformer-type",
        "error tap-range",
    ]
    assert any("200 kA is out of range: 5 at the most (A for kA?)" in each for each in found)
    assert any("0.1 kVA is out of range: 1 or more" in each for each in found)


# --- edits ----------------------------------------------------------------------------------------


def edit(stage: int, table: str, action: str, name: str, fields: Any = None) -> dict[str, Any]:
    text = fields if isinstance(fields, str) else json.dumps(fields) if fields else ""
    return {"stage": stage, "table": table, "action": action, "name": name, "fields": text}


NODE = {"kv": 10.0, "kind": "junction"}

EDITS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "removes what is not there": (
        [edit(1, "sections", "remove", "brunch")],
        "error edit-absent | edits, row 2, name | brunch is not there to be changed or removed; "
        "the nearest: branch",
    ),
    "changes what is not there": (
        [edit(1, "sections", "change", "mainn", {"span_m": 50})],
        "error edit-absent | edits, row 2, name | mainn is not there",
    ),
    "changes what an earlier batch removed": (
        [
            edit(2, "sections", "change", "branch", {"span_m": 50}),
            edit(1, "sections", "remove", "branch"),
        ],
        "error edit-absent | edits, row 2, name | branch is not there",
    ),
    "adds what is there": (
        [edit(1, "nodes", "add", "V10", NODE)],
        "error edit-present | edits, row 2, name | V10 is added and stands there already",
    ),
    "touches twice": (
        [
            edit(1, "sections", "change", "main", {"span_m": 50}),
            edit(1, "sections", "change", "main", {"span_m": 60}),
        ],
        "error edit-twice | edits, row 3, name | main is touched twice in one stage",
    ),
    "another table": (
        [edit(1, "section", "remove", "main")],
        "error edit-table | edits, row 2, table | no table is named section; the nearest: sections",
    ),
    "the edits themselves": (
        [edit(1, "edits", "remove", "main")],
        "error edit-table | edits, row 2, table | no table is named edits",
    ),
    "another action": (
        [edit(1, "sections", "removed", "main")],
        "error edit-action | edits, row 2, action | no action is named removed; the "
        "nearest: remove",
    ),
    "a stage that is past": (
        [edit(0, "sections", "remove", "branch")],
        "error edit-stage | edits, row 2, stage | stage 0 is not after the county's own",
    ),
    "no JSON": (
        [edit(1, "sections", "change", "main", "{span_m: 50}")],
        "error edit-fields | edits, row 2, fields | not a JSON object of column and value",
    ),
    "a number that is none": (
        [edit(1, "sections", "change", "main", '{"span_m": NaN}')],
        "error edit-fields | edits, row 2, fields | not a JSON object of column and value",
    ),
    "a list": (
        [edit(1, "sections", "change", "main", "[50]")],
        "error edit-fields | edits, row 2, fields | a JSON object is expected, got '[50]'",
    ),
    "another name": (
        [edit(1, "sections", "change", "main", {"name": "m"})],
        "error edit-fields | edits, row 2, fields | a row cannot be renamed",
    ),
    "an unknown column": (
        [edit(1, "sections", "change", "main", {"spam_m": 50})],
        "error edit-fields | edits, row 2, fields | no column is named 'spam_m'; the "
        "nearest: span_m",
    ),
    "a new row that lacks something": (
        [edit(1, "nodes", "add", "X", {"kv": 10.0})],
        "error edit-fields | edits, row 2, fields | a new row of nodes needs kind",
    ),
    "another type": (
        [
            edit(1, "sections", "change", "main", {"span_m": 50, "length_km": "far"}),
            edit(1, "sections", "change", "trunk", {"length_km": 3, "normally_open": "no"}),
        ],
        "error edit-fields | edits, row 2, fields | length_km: a number is expected, received "
        "'far'",
    ),
    "a word for a flag": (
        [edit(1, "sections", "change", "trunk", {"normally_open": "no"})],
        "error edit-fields | edits, row 2, fields | normally_open: a flag is expected, "
        "received 'no'",
    ),
    "a list for a text": (
        [edit(1, "sections", "change", "trunk", {"conductor": ["LGJ-50/8"]})],
        "error edit-fields | edits, row 2, fields | conductor: a text is expected",
    ),
    "a change of nothing": (
        [edit(1, "sections", "change", "trunk")],
        "warning edit-nothing | edits, row 2, fields | a change of nothing",
    ),
}


@pytest.mark.parametrize(("rows", "message"), EDITS.values(), ids=EDITS)
def test_an_edit_that_does_not_fit(tiny: County, rows: list[dict[str, Any]], message: str) -> None:
    found = told(validate(tiny.with_tables(edits=pd.DataFrame(rows))))
    assert any(message in each for each in found), found


def test_what_a_batch_brings_is_told_with_its_stage(tiny: County) -> None:
    """Each once, at the stage that brings it; what stood there before is told of the tables."""
    rows = [
        edit(1, "sections", "change", "main", {"conductor": "LGJ-1"}),
        edit(2, "sections", "change", "tie", {"normally_open": False}),
        edit(3, "sections", "remove", "tie"),
    ]
    county = with_cell(tiny, "sections", "spur", "length_km", -1.0)
    found = told(validate(county.with_tables(edits=pd.DataFrame(rows))))
    assert [each.partition(" | ")[2].partition(" | ")[0] for each in found] == [
        "sections, row 3, length_km",
        "stage 1, sections, main, conductor",
        "stage 2, sections, normally_open",
    ]


def test_the_works_of_a_batch_are_sound(tiny: County) -> None:
    """A spur and a transformer are added; the order of the rows does not matter."""
    line = {
        "from_node": "V10",
        "to_node": "X10",
        "conductor": "JKLGYJ-10/70",
        "arrangement": "10kV-tri-ins-50",
        "phases": "abc",
        "length_km": 0.4,
    }
    unit = {"type": "S11-50/10", "hv_node": "X10", "lv_node": "P2"}
    rows = [
        edit(1, "sections", "remove", "branch"),
        edit(1, "sections", "add", "new spur", line),
        edit(1, "transformers", "add", "new unit", unit),
        edit(1, "nodes", "add", "X10", NODE),
    ]
    assert told(validate(tiny.with_tables(edits=pd.DataFrame(rows)))) == []
    rows.remove(rows[0])
    (loop,) = validate(tiny.with_tables(edits=pd.DataFrame(rows)))
    assert (loop.code, loop.where) == ("loop", "stage 1, sections, normally_open")


def test_a_thousand_slips_have_the_nearest_names_of_the_first_forty(tiny: County) -> None:
    """Names that are near are looked up for as many as a person reads: no check takes minutes."""
    rows = pd.DataFrame({"name": [f"U{k}" for k in range(1000)], "kv": 10.0, "kind": "junction"})
    nodes = pd.concat([tiny.nodes, rows])
    line = tiny.sections[tiny.sections["name"] == "spur"]
    lines = pd.concat([line.assign(name=f"s{k}", to_node=f"U{k}x") for k in range(1000)])
    county = tiny.with_tables(nodes=nodes, sections=pd.concat([tiny.sections, lines]))
    dangling = validate(county).of_code("reference-unknown")
    assert len(dangling) == 1000
    assert sum("the nearest" in each.message for each in dangling) == 40


# --- stages that are none -------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [51, 2012, 20240315, 2**62])
def test_a_year_for_a_stage_is_told_and_not_counted_up_to(tiny: County, stage: int) -> None:
    county = tiny.with_tables(edits=pd.DataFrame([edit(stage, "sections", "remove", "branch")]))
    assert told(validate(county)) == [
        f"error edit-stage | edits, row 2, stage | stage {stage} is no number of a batch: 50 at "
        "the most (a year, or a date?)"
    ]
    with pytest.raises(InputError, match=f"stage {stage}; the number of a batch, 50 at the most"):
        county.at(1)


def test_a_gap_in_the_stages_is_told_and_the_batch_behind_it_is_looked_at(tiny: County) -> None:
    rows = [
        edit(3, "sections", "change", "main", {"conductor": "LGJ-1"}),
        edit(1, "sections", "change", "main", {"span_m": 40.0}),
    ]
    found = told(validate(tiny.with_tables(edits=pd.DataFrame(rows))))
    assert found[0].startswith("warning edit-stage | edits, row 2, stage | stage 3 is the first")
    assert found[1].startswith("error conductor-unknown | stage 3, sections, main, conductor")


# --- taps, and figures of own types ---------------------------------------------------------------

OWN_TYPE = {
    "name": "own",
    "sn_kva": 100.0,
    "vn_hv_kv": 10.0,
    "vn_lv_kv": 0.4,
    "vk_percent": 4.0,
    "vkr_percent": 1.5,
    "vector_group": "Dyn11",
    "tap_side": "hv",
    "tap_step_percent": 2.5,
    "tap_min": -2,
    "tap_max": 2,
}

OWN_LINE = {"name": "cable", "r_ohm_per_km": 0.3, "x_ohm_per_km": 0.1}

# table, column, value: what is told
OWN: dict[str, tuple[str, str, Any, str]] = {
    "a side in Chinese": (
        *("transformer_types", "tap_side", "高压侧"),
        "error transformer-type | transformer_types, row 2, tap_side | tap_side 高压侧 is none of "
        "hv, lv; it is empty where there are no taps; the nearest: hv",
    ),
    "a side in capitals": (*("transformer_types", "tap_side", "HV"), "the nearest: hv"),
    "a side misspelt": (*("transformer_types", "tap_side", "lvs"), "the nearest: lv"),
    "no middle tap": (
        *("transformer_types", "tap_min", 1),
        "error transformer-type | transformer_types, row 2, tap_min | taps from 1 to 2; 0 is the "
        "middle one",
    ),
    "taps below the middle": (*("transformer_types", "tap_max", -1), "taps from -2 to -1; 0 is"),
    "a resistive part above the whole": (
        *("transformer_types", "vkr_percent", 5.0),
        "error transformer-type | transformer_types, row 2, vkr_percent | a resistive part of 5 %, "
        "more than the whole short-circuit voltage of 4 %",
    ),
    "watts of no-load loss": (
        *("transformer_types", "p0_kw", 290.0),
        "warning transformer-type | transformer_types, row 2, p0_kw | a no-load loss of 290 kW",
    ),
    "a step of a quarter": (*("transformer_types", "tap_step_percent", 25.0), "20 at the most"),
    "a capacitor for a reactance": (
        *("line_types", "x_ohm_per_km", -40.0),
        "error line-type | line_types, row 2, x_ohm_per_km | -40 ohm/km is out of range: 0 or more",
    ),
    "a reactance of a hundred": (
        *("line_types", "x_ohm_per_km", 100.0),
        "warning line-type | line_types, row 2, x_ohm_per_km | 100 ohm/km is out of range: 10 at",
    ),
    "a negative capacitance": (*("line_types", "c_nf_per_km", -1.0), "-1 nF/km is out of range"),
    "picofarads": (*("line_types", "c_nf_per_km", 1e5), "10000 at the most"),
    "a negative conductance": (*("line_types", "g_us_per_km", -1.0), "-1 uS/km is out of range"),
    "a negative r0": (*("line_types", "r0_ohm_per_km", -1.0), "row 2, r0_ohm_per_km | -1 ohm/km"),
    "a negative x0": (*("line_types", "x0_ohm_per_km", -1.0), "row 2, x0_ohm_per_km | -1 ohm/km"),
    "a negative c0": (*("line_types", "c0_nf_per_km", -1.0), "row 2, c0_nf_per_km | -1 nF/km"),
}


def with_own_types(county: County) -> County:
    """The tiny county with a transformer and a line of its own types."""
    county = with_row(with_row(county, "transformer_types", **OWN_TYPE), "line_types", **OWN_LINE)
    county = with_cell(county, "transformers", "unit", "type", "own")
    return with_cell(county, "sections", "main", "conductor", "cable")


@pytest.mark.parametrize(("table", "column", "value", "message"), OWN.values(), ids=OWN)
def test_a_figure_of_an_own_type(
    tiny: County, table: str, column: str, value: Any, message: str
) -> None:
    county = with_own_types(tiny)
    assert told(validate(county)) == []
    name = county.tables[table]["name"].iloc[0]
    found = told(validate(with_cell(county, table, name, column, value)))
    assert any(message in each for each in found), found


def test_a_line_of_no_impedance(tiny: County) -> None:
    county = with_cell(with_own_types(tiny), "line_types", "cable", "r_ohm_per_km", 0.0)
    (finding,) = validate(with_cell(county, "line_types", "cable", "x_ohm_per_km", 0.0))
    assert (finding.code, finding.severity) == ("line-type", "error")


@pytest.mark.parametrize(("column", "value"), [("tap_side", ""), ("tap_step_percent", NAN)])
def test_a_tap_or_a_held_voltage_needs_side_and_step(tiny: County, column: str, value: Any) -> None:
    """The load flow would leave the ratio as it is, or know no step to move by."""
    county = with_cell(with_own_types(tiny), "transformer_types", "own", column, value)
    assert told(validate(county)) == []
    assert told(validate(with_cell(county, "transformers", "unit", "tap", -1))) == [
        "error tap-range | transformers, row 3, tap | tap -1 of a type whose tap_side or "
        "tap_step_percent is empty"
    ]
    big = {**OWN_TYPE, "name": "big", "sn_kva": 3150.0, "vn_hv_kv": 35.0, "vn_lv_kv": 10.5}
    county = with_row(tiny, "transformer_types", **{**big, column: value})
    county = with_cell(county, "transformers", "station", "type", "big")
    (finding,) = validate(with_cell(county, "transformers", "station", "held_pu", 1.03))
    assert finding.message.startswith("1.03 pu is to be held by a type whose tap_side")


def test_a_unit_that_feeds_0_4_kv_holds_no_voltage(tiny: County) -> None:
    assert told(validate(with_cell(tiny, "transformers", "station", "held_pu", 1.03))) == []
    (finding,) = validate(with_cell(tiny, "transformers", "unit", "held_pu", 1.03))
    assert (finding.code, finding.severity) == ("voltage-held", "error")
    assert finding.where == "transformers, row 3, held_pu"
    assert finding.message.startswith("1.03 pu: a unit that feeds 0.4 kV holds no voltage")


# --- villages that are left blank -----------------------------------------------------------------


def test_households_of_no_village_are_told_for_the_study_would_leave_them_out(tiny: County) -> None:
    county = with_cell(tiny, "consumers", "cottages", "village", "")
    county = with_cell(county, "villages", "V", "households", 4)
    (finding,) = validate(county)
    assert (finding.code, finding.severity) == ("household-without-village", "error")
    assert finding.where == "consumers, row 4, village"
    blank = tiny.with_tables(
        consumers=tiny.consumers.assign(village=""), villages=empty_table("villages")
    )
    found = validate(blank)
    assert [(each.code, each.severity) for each in found] == [
        ("household-without-village", "warning")
    ] * 2
    assert "the county has no villages" in found[0].message
    mill = with_cell(tiny, "consumers", "mill", "village", "")
    assert told(validate(mill)) == []  # who is no household may live nowhere


def test_a_village_whose_households_were_typed_as_farms(tiny: County) -> None:
    county = tiny.with_tables(consumers=tiny.consumers.assign(kind="farm"))
    assert told(validate(county)) == [
        "warning households-differ | villages, row 2, households | 6 households; its consumers of "
        "the kind household are 0"
    ]


@pytest.mark.parametrize("column", ["town", "admin_village"])
def test_a_town_that_a_merged_cell_left_blank(tiny: County, column: str) -> None:
    (finding,) = validate(with_cell(tiny, "villages", "V", column, " "))
    assert (finding.code, finding.severity) == ("value-missing", "warning")
    assert finding.where == f"villages, row 2, {column}"


def test_a_village_that_no_node_names(tiny: County) -> None:
    """Its transformer does not count as its own, and the map does not know where it lies."""
    county = placed(tiny)
    assert told(validate(county)) == []
    nodes = county.nodes.assign(village="")
    assert told(validate(county.with_tables(nodes=nodes))) == [
        "warning village-without-nodes | villages, row 2, name | no node names the village: no map "
        "shows it, and no transformer counts as its own"
    ]


# --- two sources ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "vm_pu", "message"),
    [
        ("N35", 1.02, "at N35: the source grid (row 2) stands there already"),
        ("N35", 1.0, "at N35: the source grid (row 2) stands there already and holds 1.02 pu"),
        ("V10", 1.0, "at V10: the source grid (row 2) feeds the same part already and holds"),
    ],
)
def test_two_sources_of_one_part(tiny: County, node: str, vm_pu: float, message: str) -> None:
    (finding,) = validate(with_row(tiny, "sources", name="other", node=node, vm_pu=vm_pu))
    assert (finding.code, finding.severity) == ("source-twice", "error")
    assert finding.where == "sources, row 3, node"
    assert finding.message.startswith(message)


def test_two_sources_of_two_parts_are_sound(tiny: County) -> None:
    """The trunk is open; the tie then joins them after a batch, which is told with its stage."""
    county = with_row(tiny, "sources", name="other", node="V10", vm_pu=1.0)
    county = with_cell(county, "sections", "trunk", "normally_open", True)
    assert told(validate(county)) == []
    closed = edit(1, "sections", "change", "tie", {"normally_open": False})
    (finding,) = validate(county.with_tables(edits=pd.DataFrame([closed])))
    assert (finding.code, finding.where) == ("source-twice", "stage 1, sources, other, node")
