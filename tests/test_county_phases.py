"""Faults of phases and neutrals: each found, each alone, none in a sound county."""

from __future__ import annotations

import pytest
from four_wire_cases import OWN_D10, Case, Load, Section
from small_county import small_county

from ruralgrid.county.phases import check_phases


def sound() -> Case:
    """Busbar 0, a four-wire section to 1, two wires from there to 2."""
    return Case(
        [Section(0, 0.2), Section(1, 0.2, "an", head="0.4kV-hor2-50")],
        [Load(1, "abc", 3.0), Load(2, "a", 1.0)],
    )


def codes(case: Case) -> list[str]:
    findings = check_phases(case.county)
    assert all(finding.severity == "error" for finding in findings)
    return [finding.code for finding in findings]


def test_a_sound_case_has_no_finding():
    assert codes(sound()) == []


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_the_small_county_is_sound_at_every_stage(stage):
    assert list(check_phases(small_county().at(stage))) == []


def test_a_load_on_a_phase_that_its_section_does_not_carry():
    case = sound()
    case.loads[1].phases = "b"
    assert codes(case) == ["phase-absent"]
    finding = check_phases(case.county)[0]
    assert finding.message == "consumer c1 hangs on phase 'b' at n2, where 'an' arrives"
    assert finding.where == "consumers, c1, phases"


def test_a_single_phase_load_without_a_neutral():
    case = sound()
    case.sections[0].phases = "abc"
    case.sections[1] = Section(1, 0.2, "abc")
    assert codes(case) == ["neutral-absent", "neutral-absent"]  # the one on three phases too
    case.loads[0].kind = "irrigation"  # a motor asks for none
    assert codes(case) == ["neutral-absent"]


def test_a_three_phase_consumer_on_two_wires():
    case = sound()
    case.loads[1].phases = "abc"
    assert codes(case) == ["three-phase-on-two-wires"]


def test_a_child_carries_what_its_parent_lacks():
    case = sound()
    case.sections.append(Section(2, 0.1, "bn", head="0.4kV-hor2-50"))
    case.loads.append(Load(3, "b", 1.0))
    assert codes(case) == ["phase-not-fed", "phase-absent"]


def test_a_single_phase_transformer_feeds_one_phase():
    case = sound()
    case.unit = {"name": "D10-10/10"}
    assert codes(case) == ["phase-not-fed"]


def test_an_unknown_neutral_conductor():
    case = sound()
    case.sections[0].neutral = "LGJ-34/9"
    assert codes(case) == ["neutral-unknown"]


def test_a_loop_is_no_area():
    case = sound()
    county = case.county
    sections = county.sections
    closing = sections.iloc[[1]].assign(name="closing", from_node="n0", phases="abcn")
    looped = county.with_tables(sections=sections._append(closing))
    assert [finding.code for finding in check_phases(looped)] == ["low-voltage-loop"]


def test_a_customer_at_the_busbar_of_a_single_phase_transformer():
    """The sections carry a; at the busbar somebody hangs on b, which nothing feeds."""
    case = Case(
        [Section(0, 0.2, "an", head="0.4kV-hor2-50")],
        [Load(1, "a", 1.0), Load(0, "b", 1.0)],
        {"name": "D10-10/10"},
    )
    assert codes(case) == ["phase-not-fed"]
    assert "ask for ab" in check_phases(case.county)[0].message
    case.loads[1].phases = "a"
    assert codes(case) == []


def test_an_own_type_of_group_ii_is_single_phase():
    case = sound()
    case.unit = OWN_D10
    assert codes(case) == ["phase-not-fed"]
