"""The county's lines: their spans, the rules they obey, and the ohms they bring into the net."""

from __future__ import annotations

import numpy as np
import pytest

from ruralgrid.equipment import get_conductor
from ruralgrid.lines import check_lines, span_counts
from ruralgrid.network import build


def test_spans_times_their_number_make_the_length(county):
    sections = county.sections.set_index("name")
    spans = span_counts(county)
    assert (spans >= 1).all()
    assert (spans * sections["span_m"] >= sections["length_km"] * 1000 - 1e-6).all()
    assert ((spans - 1) * sections["span_m"] < sections["length_km"] * 1000).all()


@pytest.mark.parametrize("stage", [0, 4])
def test_the_drawn_lines_obey_the_rules(county, stage):
    assert not check_lines(county.at(stage)).of_severity("error")


def test_a_span_of_the_county_beyond_the_plan_is_found(county):
    sections = county.sections.copy()
    medium = sections["arrangement"] == "10kV-tri-bare-80"
    name = sections.loc[medium, "name"].iloc[0]
    sections.loc[sections["name"] == name, "span_m"] = 130.0
    found = check_lines(county.with_tables(sections=sections))
    assert name in {finding.subject for finding in found}


def test_warmer_wire_has_more_resistance(county):
    # R(t) = R20 (1 + 0.00403 (t - 20)): 40 degC over 20 degC is 1.0806, skin effect aside (1e-3)
    cold, warm = (build(county, hour="mean", temperature_c=t).line for t in (20.0, 40.0))
    ratio = warm["r_ohm_per_km"] / cold["r_ohm_per_km"]
    np.testing.assert_allclose(ratio, 1.0806, rtol=1e-3)
    np.testing.assert_allclose(warm["x_ohm_per_km"], cold["x_ohm_per_km"], rtol=1e-12)


def test_a_horizontal_head_has_the_reactance_of_its_spacing(county):
    """x1 = 0.0628319 ln(GMD/GMR): the heads' GMD are 1.1929 and 1.1339 m, in the plan's terms."""
    sections = county.sections.copy()
    medium = sections["arrangement"] == "10kV-tri-bare-80"
    sections.loc[medium, "arrangement"] = "10kV-hor-80"
    triangle = build(county, hour="mean").line[medium.to_numpy()]
    flat = build(county.with_tables(sections=sections), hour="mean").line[medium.to_numpy()]
    np.testing.assert_allclose(
        triangle["x_ohm_per_km"] - flat["x_ohm_per_km"],
        0.0628319 * np.log(1.1929 / 1.1339),
        rtol=2e-3,  # the GMD are printed to four digits
    )
    np.testing.assert_allclose(flat["r_ohm_per_km"], triangle["r_ohm_per_km"], rtol=1e-12)
    wire = get_conductor(triangle["conductor"].iloc[0])
    expected = 0.0628319 * np.log(1.1929 / (wire.gmr_mm / 1000))
    assert triangle["x_ohm_per_km"].iloc[0] == pytest.approx(expected, rel=1e-3)
