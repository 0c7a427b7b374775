"""The three tables, the findings on a county's sections, one conductor on a page, and the plots."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ruralgrid.equipment import (
    Wire,
    check_line_sections,
    describe_conductor,
    get_conductor,
    get_pole_head,
    line_tables,
)
from ruralgrid.errors import InputError, UnknownNameError

COLUMNS = ["name", "conductor", "arrangement", "phases", "span_m"]


def plan_of(**changes):
    design = {
        "span_max_m": 80,
        "conductors_10kv": ["JKLGYJ-10/70", "JKLGYJ-10/95"],
        "conductors_0_4kv": ["JKLGYJ-1/50", "JKLGYJ-1/70"],
    }
    return SimpleNamespace(line_design=SimpleNamespace(**(design | changes)))


def sections(*rows):
    return pd.DataFrame(list(rows), columns=COLUMNS)


def codes(row, kv, **options):
    return [
        finding.code for finding in check_line_sections(sections(row), pd.Series([kv]), **options)
    ]


# --- the three tables ---


def test_every_number_of_the_tables_has_its_rule_and_grade():
    tables = line_tables(plan_of())
    for frame in (tables.conductors, tables.spans, tables.spacing):
        assert (frame["rule"].str.len() > 5).all()
        assert set(frame["grade"]) <= {"published", "derived", "unverified"}
        assert {"JKLGYJ-10/70", "JKLGYJ-1/50", "LGJ-70/10"} <= set(frame["conductor"])
    derived = tables.conductors.query("conductor == 'JKLGYJ-10/70' and quantity == 'mass'")
    assert derived["grade"].item() == "derived"


def test_the_tables_hold_figures_known_from_elsewhere():
    tables = line_tables(plan_of(), bare_too=False)

    def value(frame, conductor, quantity):
        rows = frame[(frame["conductor"] == conductor) & (frame["quantity"] == quantity)]
        return rows["value"].item()

    assert value(tables.conductors, "JKLGYJ-10/70", "R at 20 °C") == 0.4217  # GB 1179-83
    assert value(tables.spans, "JKLGYJ-10/70", "sag at 40 °C") == pytest.approx(1.4539, rel=1e-4)
    assert value(tables.spans, "JKLGYJ-10/70", "safety factor, lowest point") == 3.0
    assert value(tables.spans, "JKLGYJ-10/70", "longest span") == 80.0
    assert value(tables.spacing, "JKLGYJ-10/70", "80 m, table") == 0.85
    # the plan's 80 m needs 0.55 m at 0.4 kV; the pole head has 0.50
    assert value(tables.spans, "JKLGYJ-1/50", "longest span") == 70.0
    assert value(tables.spans, "JKLGYJ-1/50", "binding rule") == "spacing table"
    assert set(tables.conductors["conductor"]) == {
        "JKLGYJ-10/70",
        "JKLGYJ-10/95",
        "JKLGYJ-1/50",
        "JKLGYJ-1/70",
    }


def test_markdown_has_a_table_for_each_level_and_a_column_for_each_conductor():
    text = line_tables(plan_of()).to_markdown()
    assert text.count("### Table") == 6
    header = next(line for line in text.splitlines() if line.startswith("| quantity"))
    assert header.startswith("| quantity | JKLGYJ-10/70 | JKLGYJ-10/95 |")
    widths = {line.count("|") for line in text.split("###")[1].splitlines() if line.startswith("|")}
    assert len(widths) == 1


def test_the_tables_in_the_docs_are_those_of_the_code():
    from pathlib import Path

    page = (Path(__file__).parents[1] / "docs" / "lines.md").read_text("utf-8")
    assert line_tables(plan_of()).to_markdown().strip() in page
    assert "reconstruction" in page


def test_a_plan_with_an_unknown_conductor_or_no_span_is_refused():
    with pytest.raises(UnknownNameError, match="JKLGYJ-10/70"):
        line_tables(plan_of(conductors_10kv=["JKLGYJ-10/71"]))
    with pytest.raises(InputError, match=r"line_design\.span_max_m: span 0 m"):
        line_tables(plan_of(span_max_m=0))


# --- findings on sections ---


@pytest.mark.parametrize(
    ("row", "kv"),
    [
        (("good", "JKLGYJ-10/70", "10kV-tri-bare-80", "abc", 80.0), 10.0),
        (("good", "LGJ-70", "10kV-hor-80", "abc", 79.0), 10.0),
        (("good", "JKLGYJ-1/50", "0.4kV-hor4-80", "abcn", 65.0), 0.4),
        (("good", "LJ-25", "0.4kV-hor2-50", "bn", 50.0), 0.4),
        (("good", "LGJ-240", "35kV-tri-pole", "abc", 150.0), 35.0),
        (("good", "LGJ-300", "330kV-hor-2b", "abc", np.nan), 330.0),
    ],
)
def test_a_sound_section_has_no_finding(row, kv):
    assert codes(row, kv) == []


@pytest.mark.parametrize(
    ("row", "kv", "expected"),
    [
        (("x", "JKLYJ-10/70", "10kV-tri-bare-80", "abc", 60.0), 10.0, "span-over-limit"),
        (("x", "LJ-35", "0.4kV-hor4-80", "abcn", 65.0), 0.4, "span-over-limit"),
        (("x", "LJ-35", "0.4kV-hor4-50", "abcn", 60.0), 0.4, "spacing-too-small"),
        (("x", "JKLGYJ-1/50", "0.4kV-hor4-80", "abcn", 80.0), 0.4, "spacing-too-small"),
        (("x", "LJ-25", "0.4kV-hor4-80", "abcn", 90.0), 0.4, "clearance-missed"),
        (("x", "LGJ-240", "35kV-tri-pole", "abc", 300.0), 35.0, "clearance-missed"),
        (("x", "LGJ-70", "10kV-tri-bare-80", "abc", 90.0), 10.0, "pole-head-span"),
        (("x", "JKLGYJ-1/70", "10kV-tri-bare-80", "abc", 60.0), 10.0, "insulation-class-low"),
        (("x", "LJ-25", "0.4kV-hor4-50", "abc", 40.0), 0.4, "neutral-missing"),
        (("x", "LGJ-70", "10kV-tri-bare-80", "abcn", 60.0), 10.0, "phases-not-carried"),
        (("x", "LGJ-70", "35kV-tri-pole", "abc", 60.0), 10.0, "arrangement-level"),
        (("x", "LGJ-71/10", "10kV-tri-bare-80", "abc", 60.0), 10.0, "conductor-unknown"),
        (("x", "LGJ-70", "10kV-tri-bare-8", "abc", 60.0), 10.0, "arrangement-unknown"),
    ],
)
def test_each_fault_is_found(row, kv, expected):
    assert expected in codes(row, kv)


def test_a_finding_names_the_section_the_span_and_the_limit():
    row = ("line 7", "JKLGYJ-1/50", "0.4kV-hor4-80", "abcn", 80.0)
    finding = check_line_sections(sections(row), pd.Series([0.4])).of_code("spacing-too-small")[0]
    assert (finding.subject, finding.value, finding.limit, finding.unit) == (
        "line 7",
        80.0,
        70.0,
        "m",
    )
    assert "0.50 m on the pole head" in finding.message
    assert "span_m" in finding.where
    assert finding.clause


def test_an_unknown_conductor_is_an_error_and_names_the_nearest():
    row = ("x", "LGJ-70/1O", "10kV-tri-bare-80", "abc", 60.0)
    finding = check_line_sections(sections(row), pd.Series([10.0]))[0]
    assert finding.severity == "error"
    assert "LGJ-70/10" in str(finding.limit)


def test_a_neutral_above_a_phase_is_found_on_a_head_of_ones_own():
    head = get_pole_head("0.4kV-hor4-50")
    wires = tuple(Wire(w.label, w.x_m, 0.3 if w.label == "n" else w.y_m) for w in head.wires)
    wrong = dataclasses.replace(head, name="own-head", wires=wires)
    row = ("x", "LJ-25", "own-head", "abcn", 40.0)
    assert codes(row, 0.4, heads=[wrong]) == ["neutral-above-phase"]
    assert codes(row, 0.4) == ["arrangement-unknown"]


def test_houses_ask_for_more_height_than_fields():
    row = ("x", "LJ-25", "0.4kV-hor4-80", "abcn", 75.0)
    assert "clearance-missed" in codes(row, 0.4, terrain="residential")
    assert "clearance-missed" not in codes(row, 0.4)


def test_the_voltage_may_come_from_the_nodes():
    frame = sections(("x", "JKLGYJ-1/70", "10kV-tri-bare-80", "abc", 60.0)).assign(from_node="a")
    nodes = pd.DataFrame({"name": ["a", "b"], "kv": [10.0, 0.4]})
    found = check_line_sections(frame, nodes)
    assert [finding.code for finding in found] == ["insulation-class-low"]
    with pytest.raises(UnknownNameError, match="no node is named 'c'"):
        check_line_sections(frame.assign(from_node="c"), nodes)
    with pytest.raises(InputError, match="kv has 2 rows for 1 sections"):
        check_line_sections(frame, pd.Series([10.0, 10.0]))


# --- one conductor on a page ---


def test_a_conductor_is_described_with_source_and_grade():
    page = describe_conductor("JKLGYJ-10/70", "triangle", span_m=80.0, temperature_c=40.0)
    assert list(page.columns) == ["quantity", "value", "unit", "source", "grade"]
    values = page.set_index("quantity")["value"]
    assert values["DC resistance at 20 °C"] == 0.4217
    assert values["AC resistance at 40 °C, per phase"] == pytest.approx(0.4217 * 1.0806, rel=1e-3)
    assert values["sag at 40 °C"] == pytest.approx(1.4539, rel=1e-4)
    assert values["reactance on 10kV-tri-bare-80"] == pytest.approx(0.3523, rel=1e-3)
    assert (page["source"].str.len() > 5).all()
    assert set(page["grade"]) <= {"published", "derived", "unverified"}


def test_every_conductor_can_be_described():
    from ruralgrid.equipment import list_conductors

    for row in list_conductors():
        assert len(describe_conductor(row.name, span_m=50.0)) > 20
    assert "zero-sequence reactance" not in set(
        describe_conductor("LJ-25", "0.4kV-hor2-50")["quantity"]
    )
    with pytest.raises(UnknownNameError, match="10kV-tri-bare-80"):
        describe_conductor("LGJ-70", "10kV-tri")


# --- plots ---


@pytest.fixture
def axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


def test_the_sag_plot_shows_the_lowest_point_over_the_clearance(axes):
    from ruralgrid.report.plots.overhead import plot_sag

    assert plot_sag("JKLGYJ-10/70", "10kV-tri-bare-80", ax=axes) is axes
    lowest = min(line.get_ydata().min() for line in axes.get_lines()[:3])
    assert lowest == pytest.approx(9.5 - 1.4539, abs=1e-3)
    assert axes.get_lines()[3].get_ydata()[0] == 5.5


def test_the_ampacity_plot_passes_through_the_nameplate(axes):
    from ruralgrid.report.plots.overhead import plot_ampacity

    plot_ampacity(["LGJ-70"], air_c=[0, 25, 40], ax=axes)
    assert axes.get_lines()[0].get_ydata()[1] == pytest.approx(get_conductor("LGJ-70").ampacity_a)


def test_the_reactance_plot_sets_horizontal_above_triangle(axes):
    from ruralgrid.report.plots.overhead import plot_reactance

    plot_reactance(["LGJ-70"], spacing_m=[1.0, 2.0], ax=axes)
    triangle, level = (line.get_ydata() for line in axes.get_lines())
    # cube root of 2 in the mean distance: 0.0628 ln(2) / 3
    assert np.asarray(level) - np.asarray(triangle) == pytest.approx(0.0628319 * np.log(2) / 3)
    with pytest.raises(InputError, match="spacing 0 m"):
        plot_reactance(["LGJ-70"], spacing_m=[0.0])
