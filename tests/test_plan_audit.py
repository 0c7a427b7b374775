"""Each rule of the audit on a plan that is sound but for one figure, and on the packaged plan."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruralgrid.findings import Findings
from ruralgrid.plan import Batch, Place, Plan, Township, Works, audit, read_plan
from ruralgrid.plan.audit_hv import project_cost_wan
from ruralgrid.plan.audit_page import distance_between_km
from ruralgrid.plan.facts import (
    AdminVillage,
    Claims,
    CountyFacts,
    Damaged,
    Document,
    Existing,
    HvLine,
    HvProject,
    HvSchedule,
    LineDesign,
    Totals,
    UnitPrices,
)

LINE = HvLine(kv=35, from_place="东河", to_place="西山", length_km=12.0, length_in_goals_km=12.0)
STATION = HvProject("西山35kV", substation_kv=35, transformer_mva=(5.0,), lines=(LINE,))
TIE = HvProject("第二35kV", lines=(replace(LINE, length_km=14.0, length_in_goals_km=None),))


def batch(year: int, **changes: object) -> Batch:
    """10 km at 12, 20 km at 8 and 5 transformers at 6 cost 310."""
    sound = Batch(
        year=year,
        towns=("东河",) if year == 1 else ("西山",),
        length_10kv_km=10.0 * year,
        length_0_4kv_km=20.0 + year,
        transformers=5,
        households=100,
        low_voltage=Works(60, 2),
        three_phase=Works(40, 1),
        money_wan=120.0 * year + 8 * (20.0 + year) + 30,
    )
    return replace(sound, **changes)


# 0.11 degree of latitude is 12.2 km, 0.1 is 11.1 km
SOUND = Plan(
    county=CountyFacts(
        area_km2=100, population=3000, townships=2, administrative_villages=3, seat="东河镇"
    ),
    existing=Existing(1, 2, 10_000.0, 1, 10.0, 50.0, 80.0, substation_330kv="北关"),
    batches=(batch(1), batch(2)),
    townships=(
        Township("东河镇", 35.0, 107.0, 0.5, administrative_villages=2, population=2000),
        Township("西山乡", 35.1, 107.0, 0.5, administrative_villages=1, population=1000),
    ),
    path="invented",
    hv_projects=(STATION, TIE),
    stated_totals=Totals(
        length_10kv_km=30.0,
        length_0_4kv_km=43.0,
        transformers=10,
        households=200,
        three_phase=Works(80, 2),
        low_voltage=Works(120, 4),
        money_distribution_wan=764.0,
        money_hv_wan=1380.0,
        money_hv_by_year_wan=(960.0, 420.0),
    ),
    unit_prices=UnitPrices(
        substation_35kv_wan=600.0,
        line_35kv_wan_per_km=30.0,
        line_10kv_wan_per_km=12.0,
        line_0_4kv_wan_per_km=8.0,
        distribution_transformer_wan=6.0,
    ),
    claims=Claims(100_000, 50_000),
    line_design=LineDesign(
        conductors_10kv=("JKLGYJ-10/70", "LGJ-70"), conductors_0_4kv=("JKLGYJ-1/50",)
    ),
    hv_schedule=HvSchedule((("西山35kV",), ("第二35kV",))),
    villages=(
        AdminVillage("东河镇", "王村"),
        AdminVillage("东河镇", "李村"),
        AdminVillage("西山乡", "张村"),
    ),
)


def warnings(plan: Plan) -> list[str]:
    return [finding.code for finding in audit(plan).of_severity("warning")]


def one(plan: Plan, code: str, subject: str = "") -> object:
    found = [f for f in audit(plan).of_code(code) if subject in f.subject]
    assert len(found) == 1
    return found[0]


def totals(**changes: object) -> Plan:
    return replace(SOUND, stated_totals=replace(SOUND.stated_totals, **changes))


def test_a_sound_plan_gets_no_warning_and_no_error():
    findings = audit(SOUND)
    assert isinstance(findings, Findings)
    assert [f for f in findings if f.severity != "note"] == []


def test_a_plan_with_only_what_is_required_gets_no_warning():
    bare = Plan(SOUND.county, SOUND.existing, (batch(1, money_wan=None),), SOUND.townships, "bare")
    assert warnings(bare) == []


@pytest.mark.parametrize(
    ("field", "stated", "found"),
    [
        ("length_10kv_km", 31.0, 30.0),
        ("length_0_4kv_km", 40.0, 43.0),
        ("transformers", 9, 10),
        ("money_distribution_wan", 800.0, 764.0),
    ],
)
def test_a_total_that_differs_from_its_sum(field, stated, found):
    plan = totals(**{field: stated})
    assert warnings(plan) == ["sum-differs"]
    finding = one(plan, "sum-differs")
    assert (finding.value, finding.limit) == (found, stated)
    assert finding.where == f"stated_totals.{field.removesuffix('_wan')}"


def test_the_total_of_hv_money_is_held_to_its_years_and_to_the_projects():
    assert warnings(totals(money_hv_wan=1400.0)) == ["sum-differs", "hv-money-differs"]


def test_a_total_of_households_is_held_to_the_batches_and_to_its_classes():
    assert warnings(totals(households=210)) == ["sum-differs", "households-differ"]


def test_a_total_that_is_one_batch_is_recognised():
    finding = one(totals(length_0_4kv_km=22.0), "total-is-one-batch")
    assert "figure of batch 2 alone" in finding.message
    assert "21 less (-48.8 %)" in finding.message  # 22 for 43


def test_totals_that_are_exchanged_are_recognised_and_said_once():
    plan = totals(three_phase=Works(80, 4), low_voltage=Works(120, 2))
    assert warnings(plan) == ["totals-swapped"]


def test_lengths_are_exchanged_only_with_lengths():
    # 10 transformers and 30 km stated as 30 and 10: different kinds are never exchanged
    plan = totals(length_10kv_km=10.0, transformers=30)
    assert "totals-swapped" not in warnings(plan)


def test_households_of_a_batch_against_its_classes():
    plan = replace(
        SOUND,
        batches=(batch(1, households=110), batch(2)),
        stated_totals=Totals(),
        hv_schedule=None,
    )
    finding = one(plan, "households-differ", "batch 1")
    assert (finding.value, finding.limit) == (100, 110)
    assert warnings(plan) == ["households-differ"]


def test_lists_of_towns_and_villages_against_the_stated_counts():
    county = replace(SOUND.county, townships=3)
    assert warnings(replace(SOUND, county=county)) == ["count-differs"]
    shorter = replace(SOUND, villages=SOUND.villages[:2])
    subjects = [f.subject for f in audit(shorter).of_code("count-differs")]
    assert subjects == ["administrative villages listed", "villages of 西山乡"]


def test_population_is_held_within_one_percent():
    def with_people(people: int) -> Plan:
        return replace(SOUND, county=replace(SOUND.county, population=people))

    assert warnings(with_people(3020)) == []
    assert warnings(with_people(3100)) == ["population-differs"]


def test_money_of_a_batch_against_unit_prices():
    plan = replace(SOUND, batches=(batch(1, money_wan=330.0), batch(2)), stated_totals=Totals())
    finding = one(plan, "money-differs")
    assert (finding.value, finding.limit) == (318.0, 330.0)  # 10 x 12 + 21 x 8 + 5 x 6
    assert "12 more (+3.8 %)" in finding.message


def test_the_price_that_fits_is_found():
    money = 10 * 12 + 21 * 8 + 5 * 7.5  # transformers at 7.5
    plan = replace(SOUND, batches=(batch(1, money_wan=money), batch(2)))
    finding = one(plan, "prices-fit")
    assert finding.value == "transformer 7.50"
    assert "transformer at 7.50 (a round price)" in finding.message


def test_a_price_that_cannot_be_is_said_so():
    # 48 less than 318: five transformers cannot be cheaper by 48 when they cost 30
    plan = replace(SOUND, batches=(batch(1, money_wan=270.0), batch(2)))
    assert "no price of transformer alone can meet it" in one(plan, "prices-fit").message
    plan = replace(SOUND, batches=(batch(1, money_wan=0.0), batch(2)))
    assert "The money is met by no single price" in one(plan, "prices-fit").message


def test_round_prices_that_several_batches_share():
    def money(year: int) -> float:
        return 9.0 * 10 * year + 7.5 * (20 + year) + 30

    plan = replace(SOUND, batches=tuple(batch(y, money_wan=money(y)) for y in (1, 2)))
    finding = one(plan, "prices-shared")
    assert finding.value == "10 kV 9, 0.4 kV 7.5"
    assert finding.subject == "batches 1, 2"


@given(
    st.integers(2, 40).map(lambda n: n / 2),
    st.integers(2, 40).map(lambda n: n / 2),
)
def test_least_squares_finds_the_prices_that_made_the_money(p10, p04):
    batches = tuple(
        batch(y, money_wan=round(p10 * 10 * y + p04 * (20 + y) + 30, 2)) for y in (1, 2, 3)
    )
    found = audit(replace(SOUND, batches=batches)).of_code("prices-least-squares")
    if (p10, p04) == (12.0, 8.0):  # as printed: nothing to explain
        assert len(found) == 0
    else:
        assert found[0].value == f"10 kV {p10:.2f}, 0.4 kV {p04:.2f}"


def test_prices_out_of_order_and_missing_prices_are_notes():
    prices = replace(SOUND.unit_prices, line_0_4kv_wan_per_km=None, line_10kv_wan_per_km=30.0)
    plan = replace(SOUND, unit_prices=prices)
    assert warnings(plan) == []
    assert one(plan, "price-order").subject == "lines of 10 and 35 kV"
    assert one(plan, "price-missing").subject == "0.4 kV line"


def test_a_length_stated_twice():
    line = replace(LINE, length_in_goals_km=13.0)
    plan = replace(SOUND, hv_projects=(replace(STATION, lines=(line,)), TIE))
    finding = one(plan, "stated-twice")
    assert (finding.value, finding.limit) == (12.0, 13.0)
    assert warnings(plan) == ["stated-twice"]


def test_hv_money_of_a_year_against_the_schedule_and_the_projects():
    assert project_cost_wan(SOUND, STATION) == 960  # 600 + 12 x 30
    assert project_cost_wan(SOUND, TIE) == 420
    plan = totals(money_hv_by_year_wan=(1380.0, 0.0))
    assert warnings(plan) == ["hv-money-differs", "hv-money-differs"]
    fits = one(plan, "hv-money-fits")
    assert "西山35kV + 第二35kV" in fits.message
    assert "1 of 3 combinations" in fits.message


def test_hv_money_that_no_projects_explain():
    plan = totals(money_hv_by_year_wan=(950.0, 430.0))
    findings = audit(plan).of_code("hv-money-unexplained")
    assert [f.value for f in findings] == [960.0, 420.0]


def test_a_second_length_that_comes_nearer_is_offered():
    line = replace(LINE, length_in_goals_km=14.0)  # 600 + 14 x 30 = 1020
    plan = replace(
        totals(money_hv_by_year_wan=(1020.0, 360.0)),
        hv_projects=(replace(STATION, lines=(line,)), TIE),
    )
    finding = one(plan, "hv-money-differs", "year 1")
    assert "西山35kV with its second length they cost 1,020" in finding.message


def test_lines_above_35_kv_start_at_a_named_station():
    def with_start(name: str) -> Plan:
        line = HvLine(110, name, "", 10.0)
        prices = replace(SOUND.unit_prices, line_110kv_wan_per_km=50.0)
        return replace(
            SOUND,
            hv_projects=(HvProject("中心110kV", lines=(line,)),),
            unit_prices=prices,
            stated_totals=Totals(),
            hv_schedule=None,
        )

    assert warnings(with_start("北关")) == []
    assert warnings(with_start("中心")) == []
    assert warnings(with_start("南关")) == ["station-unnamed"]


def test_station_prices_far_apart_per_mva_are_a_note():
    big = HvProject("中心330kV", substation_kv=330, transformer_mva=(240.0,))
    prices = replace(SOUND.unit_prices, substation_330kv_wan=1200.0)  # 5 per MVA for 120
    plan = replace(SOUND, hv_projects=(STATION, big), unit_prices=prices, hv_schedule=None)
    finding = one(plan, "price-per-mva")
    assert (finding.value, finding.limit) == (5.0, 120.0)


@pytest.mark.parametrize(
    ("length_km", "severity"),
    [
        (9.0, "warning"),  # 11.1 km straight, known to 1 km
        (10.5, "note"),
        (11.2, None),
        (16.6, None),  # 1.5 x 11.12 = 16.68
        (18.0, "note"),  # 1.5 x 12.12 = 18.18
        (19.0, "warning"),
    ],
)
def test_a_length_against_the_straight_distance(length_km, severity):
    line = replace(LINE, length_km=length_km, length_in_goals_km=None)
    plan = replace(SOUND, hv_projects=(replace(STATION, lines=(line,)),), hv_schedule=None)
    found = audit(plan).of_code("length-implausible")
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_an_end_without_a_position_is_a_note():
    line = replace(LINE, to_place="何处")
    plan = replace(SOUND, hv_projects=(replace(STATION, lines=(line,)), TIE))
    assert one(plan, "position-unknown").severity == "note"


def test_distance_of_a_quarter_and_of_a_degree_of_a_great_circle():
    pole, equator = Place("a", 90.0, 0.0), Place("b", 0.0, 50.0)
    # a quarter of a great circle of the mean radius
    assert distance_between_km(pole, equator) == pytest.approx(math.pi / 2 * 6371.0088)
    # one degree of the mean sphere is 111.195 km
    assert distance_between_km(Place("a", 35.0, 107.0), Place("b", 36.0, 107.0)) == pytest.approx(
        111.195, abs=1e-3
    )


@pytest.mark.parametrize(
    ("design", "codes"),
    [
        (LineDesign(conductors_0_4kv=("JKLGYJ-10/70",)), ["conductor-class"]),
        (LineDesign(conductors_10kv=("JKLYJ-1/70",)), ["conductor-class"]),
        (LineDesign(conductors_10kv=("JKLYJ-10/70", "LGJ-70/10")), []),
        (
            LineDesign(
                conductors_0_4kv=("JKLGYJ-1/70",), conductors_0_4kv_printed=("JKLGYJ-10/70",)
            ),
            ["conductor-class"],
        ),
    ],
)
def test_class_of_insulated_conductors(design, codes):
    assert warnings(replace(SOUND, line_design=design)) == codes


def test_capacity_that_standard_ratings_can_make_or_cannot():
    assert "1 of them with two alike" in one(SOUND, "ratings-fit").message  # 2 x 5000
    existing = replace(SOUND.existing, transformer_capacity_35kv_kva=10_010.0)
    assert warnings(replace(SOUND, existing=existing)) == ["ratings-impossible"]


@pytest.mark.parametrize(("count", "kva"), [(2, 10_000), (3, 9_000), (5, 20_000), (7, 32_600)])
def test_number_of_sets_of_ratings_is_that_of_trying_them_all(count, kva):
    ratings = (500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000)
    ratings += (10_000, 12_500, 16_000, 20_000, 25_000, 31_500)
    tried = sum(sum(each) == kva for each in combinations_with_replacement(ratings, count))
    existing = replace(
        SOUND.existing,
        transformers_35kv=count,
        transformer_capacity_35kv_kva=float(kva),
        substations_35kv=count,
    )
    found = one(replace(SOUND, existing=existing), "ratings-fit")
    assert f": {tried:,} sets do" in found.message


def test_tariff_and_payback_of_the_claim():
    assert one(SOUND, "claim-tariff").value == 0.5
    payback = audit(SOUND).of_code("claim-payback")
    assert [f.value for f in payback] == [152.8, 428.8]  # 7.64e6 and 2.144e7 yuan over 50,000
    spread = audit(SOUND).of_code("claim-spread")
    assert spread[0].value == 500.0  # 100,000 kWh over 200 households
    assert spread[1].value == pytest.approx(1141.6, abs=0.05)  # 10,000 kWh / 8760 h


def test_what_the_page_damages_hides_and_leaves_open_is_noted():
    project = replace(
        STATION,
        transformers=Damaged("?5000", "1 x 5,000 kVA"),
        lines=(LINE, replace(LINE, to_place="")),
    )
    plan = replace(
        SOUND,
        document=Document(masked=("batch.year",), open_lists=("batch.towns",)),
        hv_projects=(project, TIE),
        line_design=LineDesign(missing_tables=("conductor data",)),
    )
    codes = {f.code for f in audit(plan).of_severity("note")}
    assert codes >= {
        "figure-damaged", "figure-masked", "list-open", "end-unstated", "table-missing",
    }  # fmt: skip


def test_towns_named_twice_and_by_no_batch():
    plan = replace(SOUND, batches=(batch(1), batch(2, towns=("东河镇",))))
    assert one(plan, "town-repeated").subject == "东河镇"
    assert "1 of 2 townships" in one(plan, "towns-unnamed").message


def test_the_packaged_plan_contradicts_itself_in_these_places():
    findings = audit(read_plan("ningxian"))
    found = [(f.code, f.value, f.limit) for f in findings.of_severity("warning")]
    assert found == [
        ("totals-swapped", 59, 60),
        ("total-is-one-batch", 385.38, 134.38),
        ("money-differs", 2966.52, 3312.88),
        ("money-differs", 2748.0, 3136.0),
        ("money-differs", 2256.0, 1767.0),
        ("money-differs", 1332.0, 1044.0),
        ("stated-twice", 19.0, 22.0),
        ("hv-money-differs", 570.0, 702.0),  # 19 x 30
        ("hv-money-differs", 7230.0, 5680.0),  # 1400 + 34 x 70 + 29 x 50 + 1200 + 16 x 50
        ("hv-money-differs", 11010.0, 9592.0),
        ("hv-money-unexplained", 570.0, 702.0),
        ("hv-money-unexplained", 5780.0, 5680.0),
        ("station-unnamed", "丰乐", "良平"),
        ("station-unnamed", "丰乐", "良平"),
        ("length-implausible", 15.0, 18.97),
        ("length-implausible", 22.0, 18.55),
        ("conductor-class", 10.0, 1.0),
    ]


def test_what_the_packaged_plan_implies():
    plan = read_plan("ningxian")
    assert one(plan, "claim-tariff").value == 0.5094
    assert [f.value for f in audit(plan).of_code("claim-payback")] == [610.0, 1241.9]
    assert one(plan, "prices-shared").subject == "batches 3, 4"
    assert one(plan, "prices-shared").value == "10 kV 9, 0.4 kV 9"  # 78 x 9 + 85 x 9 + 300 = 1767
    exact = [f.subject for f in audit(plan).of_code("hv-money-fits")]
    assert exact == ["year 3", "year 4"]


def test_an_audit_is_a_frame_of_findings_and_leaves_the_plan_alone():
    plan = read_plan("ningxian")
    frame = audit(plan).to_frame()
    assert plan == read_plan("ningxian")
    assert set(frame["severity"]) == {"warning", "note"}
    assert frame["message"].str.endswith(".").all()
    assert (frame["where"] != "").all()
