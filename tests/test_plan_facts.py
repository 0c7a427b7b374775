"""The packaged plan, figure by figure as it stands on the page, retyped by hand."""

from __future__ import annotations

import dataclasses
import pickle
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.plan import Batch, Plan, Works, list_plans, read_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan("ningxian")


def test_the_packaged_plans_are_listed_and_their_files_are_package_data():
    assert list_plans() == ("ningxian",)
    folder = resources.files("ruralgrid.data").joinpath("plans", "ningxian")
    for file in ("plan.toml", "townships.csv", "villages.csv"):
        assert folder.joinpath(file).is_file()


def test_the_path_of_a_packaged_plan_is_a_file(plan: Plan):
    assert Path(plan.path).is_file()
    assert Path(plan.path).parts[-2:] == ("ningxian", "plan.toml")


def test_county_and_existing_grid(plan: Plan):
    assert plan.document.title == "宁县农村电力扶贫攻坚实施方案"
    assert (plan.county.population, plan.county.area_km2) == (540_000, 2653)
    assert (plan.county.townships, plan.county.administrative_villages) == (18, 257)
    old = plan.existing
    assert (old.substations_35kv, old.transformers_35kv, old.lines_35kv) == (7, 14, 12)
    assert old.transformer_capacity_35kv_kva == 65_200
    assert (old.length_35kv_km, old.length_10kv_km, old.length_0_4kv_km) == (162.5, 1958, 2604.2)
    assert (old.substation_330kv, old.substations_110kv) == ("良平", 0)


@pytest.mark.parametrize(
    ("year", "km_10kv", "km_0_4kv", "transformers", "households", "three", "low", "money"),
    [
        (1, 82.83, 134.38, 60, 2638, (897, 17), (1741, 29), 3312.88),
        (2, 84.0, 120.0, 50, 1800, (901, 12), (899, 14), 3136.0),
        (3, 78.0, 85.0, 50, 1600, (865, 13), (735, 9), 1767.0),
        (4, 50.0, 46.0, 30, 1010, (523, 17), (487, 8), 1044.0),
    ],
)
def test_batches(plan, year, km_10kv, km_0_4kv, transformers, households, three, low, money):
    batch = plan.batch(year)
    assert (batch.length_10kv_km, batch.length_0_4kv_km) == (km_10kv, km_0_4kv)
    assert (batch.transformers, batch.households) == (transformers, households)
    assert batch.three_phase == Works(*three)
    assert batch.low_voltage == Works(*low)
    assert batch.money_wan == money


def test_sums_of_the_batches_are_added_up_and_not_read(plan: Plan):
    sums = plan.sums
    assert sums.length_10kv_km == 294.83
    assert sums.length_0_4kv_km == 385.38  # 134.38 + 120 + 85 + 46
    assert plan.stated_totals.length_0_4kv_km == 134.38
    assert (sums.transformers, sums.households) == (190, 7048)
    assert sums.three_phase == Works(3186, 59)  # 17 + 12 + 13 + 17
    assert sums.low_voltage == Works(3862, 60)  # 29 + 14 + 9 + 8
    assert plan.stated_totals.three_phase == Works(3186, 60)
    assert sums.money_distribution_wan == 9259.88
    assert sums.money_hv_wan == 9592


def test_projects_prices_and_claims(plan: Plan):
    assert [project.name for project in plan.hv_projects] == [
        "长庆桥330kV", "宁县县城110kV", "湘乐35kV", "南义35kV", "政平35kV", "盘克-金村35kV",
    ]  # fmt: skip
    assert plan.project("长庆桥330kV").transformer_mva == (240.0, 240.0)
    assert plan.project("长庆桥330kV").transformers.printed == "2240兆伏安"
    line = plan.project("盘克-金村35kV").lines[0]
    assert (line.length_km, line.length_in_goals_km, line.conductor) == (19.0, 22.0, "LGJ-240")
    assert line.name == "盘克-金村 35 kV"
    assert plan.unit_prices.line_wan_per_km(0.4) == 12
    assert plan.unit_prices.line_wan_per_km(330) == 70
    assert plan.unit_prices.substation_wan(35) == 600
    assert plan.unit_prices.substation_wan(220) is None
    assert plan.claims.energy_saved_kwh_per_year == 298_000
    assert plan.claims.relief_yuan_per_year == 151_800
    assert plan.line_design.span_max_m == 80
    assert plan.stated_totals.money_hv_by_year_wan == (702, 5680, 960, 2250)


def test_towns_and_villages(plan: Plan):
    assert len(plan.townships) == 18
    assert len(plan.villages) == 257
    assert [place.name for place in plan.places] == ["政平", "丰乐", "西峰"]
    town = plan.town("盘克")
    assert (town.name, town.lat_deg, town.lon_deg) == ("盘克镇", 35.75, 108.24)
    assert (town.administrative_villages, town.population) == (20, 44_923)
    assert plan.villages[0].name == "北庄村"
    assert plan.villages[0].code == "621026100200"


def test_short_names_resolve_to_towns_and_places(plan: Plan):
    assert plan.towns_of(plan.batch(4)) == ("新宁镇", "南义乡", "瓦斜乡")
    assert plan.place("宁县").name == "新宁镇"  # the county's name stands for its seat
    assert plan.place("宁县县城").name == "新宁镇"
    assert plan.place("政平").lat_deg == 35.27
    assert plan.place("") is None
    with pytest.raises(UnknownNameError, match="焦村镇"):
        plan.town("焦树镇")


def test_projects_come_with_the_year_of_the_schedule(plan: Plan):
    assert [p.name for p in plan.projects_of(4)] == ["湘乐35kV", "南义35kV"]
    assert plan.hv_schedule.grade == "inferred"
    without = dataclasses.replace(plan, hv_schedule=None)
    assert without.projects_of(1) == ()
    assert without.projects_of(4) == plan.hv_projects


def test_a_wrong_year_or_project_is_refused_with_what_there_is(plan: Plan):
    with pytest.raises(InputError, match="no batch 5; the plan has 1, 2, 3, 4"):
        plan.batch(5)
    with pytest.raises(UnknownNameError, match="湘乐35kV"):
        plan.project("湘乐35kv站")


def test_a_plan_is_frozen_picklable_and_short_to_print(plan: Plan):
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.batches = ()  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert len(repr(plan)) < 120
    assert "宁县" in repr(plan)


def test_html_is_escaped(plan: Plan):
    document = dataclasses.replace(plan.document, title="<script>")
    html = dataclasses.replace(plan, document=document)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "385.38" in html


_hundredths = st.integers(min_value=0, max_value=10**7)


@given(st.lists(st.tuples(_hundredths, _hundredths, st.integers(0, 999)), min_size=1, max_size=6))
def test_sums_are_those_of_the_decimals(rows):
    """Lengths given to 0.01 km add up as whole hundredths do."""
    plan = read_plan("ningxian")
    batches = tuple(
        Batch(
            year=year,
            towns=("焦村",),
            length_10kv_km=a / 100,
            length_0_4kv_km=b / 100,
            transformers=n,
            households=n,
            low_voltage=Works(n, 1),
            money_wan=a / 100,
        )
        for year, (a, b, n) in enumerate(rows, start=1)
    )
    sums = dataclasses.replace(plan, batches=batches).sums
    assert sums.length_10kv_km == sum(a for a, _, _ in rows) / 100
    assert sums.length_0_4kv_km == sum(b for _, b, _ in rows) / 100
    assert sums.money_distribution_wan == sum(a for a, _, _ in rows) / 100
    assert sums.low_voltage == Works(sum(n for *_, n in rows), len(rows))
