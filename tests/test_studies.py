"""A study of the small invented county: accounts that close, answers that add up, errors told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_county import (
    small_assumptions,
    small_county,
    small_plan,
    small_quick_study,
    small_study,
)

from ruralgrid.assess.losses import LOSS_PARTS
from ruralgrid.county import County, Origin
from ruralgrid.equipment import get_transformer
from ruralgrid.errors import ConvergenceError, InputError, UnknownNameError, WriteError
from ruralgrid.limits import get_limits
from ruralgrid.studies import Study, study
from ruralgrid.studies.sensitivity import ROWS
from ruralgrid.studies.stage import equal_energy, prepare, representative_hours, solve_stage

CLAIMED_KWH = 30_000  # as plan.toml states it


def quick(county: County, stages: list[int]) -> Study:
    """Some stages by 288 hours, nothing varied."""
    return study(
        county, hours="representative", stages=stages, sensitivity_table=False, progress=False
    )


def uncalibrated(county: County) -> County:
    """The county without what it was drawn from, as if its tables were a utility's own."""
    return replace(county, origin=None)


# --- accounts -------------------------------------------------------------------------------------


def test_the_energy_balance_closes_at_every_stage() -> None:
    assert list(small_study().stages["stage"]) == [0, 1, 2]
    assert (small_study().stages["balance_residual"].abs() < 1e-6).all()


def test_fed_less_served_is_the_loss_of_all_elements() -> None:
    stages = small_study().stages.set_index("stage")
    carried = small_study().losses.groupby("stage")[list(LOSS_PARTS[:3])].sum().sum(axis=1)
    lost = stages["fed_kwh"] - stages["served_kwh"]
    assert (lost - carried).abs().max() < 1e-6 * stages["fed_kwh"].min()
    assert lost.to_numpy() == pytest.approx(stages["loss_kwh"].to_numpy())


def test_the_parts_of_the_loss_add_up() -> None:
    table = small_study().losses
    parts = table[list(LOSS_PARTS)].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(table["total_kwh"].to_numpy())
    assert table.groupby("stage")["percent_of_total"].sum().to_numpy() == pytest.approx([100.0] * 3)


def test_the_surcharge_of_a_balanced_study_is_a_fifth_of_the_loss_of_04kv_lines() -> None:
    balanced = study(
        small_county(),
        hours="representative",
        phases="balanced",
        stages=[0, 1],
        sensitivity_table=False,
        progress=False,
    )
    low = balanced.losses.query("level_kv == 0.4")
    assert (low["unbalance_surcharge_kwh"] / low["line_kwh"]).to_numpy() == pytest.approx([0.2] * 2)
    higher = balanced.losses.query("level_kv > 1")
    assert (higher["unbalance_surcharge_kwh"] == 0).all()
    assert balanced.phases.empty


def test_wire_by_wire_there_is_no_surcharge_but_more_loss_than_balanced() -> None:
    assert (small_study().losses["unbalance_surcharge_kwh"] == 0).all()
    table = small_study().phases
    assert list(table["stage"]) == [0, 1, 2]
    more = table["line_loss_0_4kv_four_wire_kwh"] - table["line_loss_0_4kv_balanced_kwh"]
    assert (more > 0).all()
    # what the neutral loses is part of what the wires lose
    assert (table["neutral_loss_kwh"] < table["line_loss_0_4kv_four_wire_kwh"]).all()
    assert (table["households_low_four_wire"] >= table["households_low_balanced"]).all()
    own = small_study().stages["households_low_own_phase"]
    assert (own <= small_study().stages["households_low"]).all()
    assert own.iloc[0] > 0.5 * small_study().stages["households_low"].iloc[0]


def test_the_savings_of_the_batches_add_up_to_all() -> None:
    table = small_study().savings
    columns = [*LOSS_PARTS, "total_kwh"]
    by_batch = table[table["span"] == "batch"].groupby("level_kv")[columns].sum()
    whole = table[table["span"] == "all"].set_index("level_kv")[columns].sort_index()
    np.testing.assert_allclose(by_batch, whole, atol=1e-6)
    first, last = (small_study().losses.query(f"stage == {k}")["total_kwh"].sum() for k in (0, 2))
    assert float(whole["total_kwh"].sum()) == pytest.approx(first - last, abs=1e-3)


def test_the_peak_is_not_above_what_the_stations_can_carry() -> None:
    # 4,000 kVA over the capacity-load ratio 4.0 of its assumptions.toml at power factor 0.93
    # is 0.93 MW at the stations; the 330 kV units above them draw some 0.19 MW for themselves
    assert small_study().stages["peak_mw"].between(0.9, 1.25).all()


# --- villages -------------------------------------------------------------------------------------


def test_the_plans_villages_are_found_low_and_no_other() -> None:
    targets = small_study().targets
    planned = targets[targets["plan_class"] == "low_voltage"]
    assert list(planned["judged"]) == ["found"] * 5
    # 170 of batch 1, 115 of batch 2; those on the light phase of a village may be above the limit
    assert 0.9 * 285 <= planned["households_low"].sum() <= 285
    # besides, only what hangs on two wires before its batch
    extra = targets[targets["plan_class"] != "low_voltage"]
    assert set(extra["plan_class"]) <= {"three_phase"}
    assert extra["households_low"].sum() < 0.15 * 285


def test_households_low_fall_batch_by_batch_as_the_plan_counts() -> None:
    before, between, after = small_study().stages["households_low"]
    assert before == pytest.approx(285, rel=0.15)
    assert between == pytest.approx(115, rel=0.35)  # a village of 30 on two wires is a quarter
    assert after == 0
    assert small_study().stages["villages_low"].is_monotonic_decreasing
    assert list(small_study().stages["households_unsupplied"]) == [0, 0, 0]


def test_each_low_village_is_cured_by_its_own_batch() -> None:
    gains = small_study().gains
    gains = gains[(gains["span"] == "batch") & (gains["plan_class"] == "low_voltage")]
    own = gains[gains["treated"]]
    assert len(own) == 5
    assert set(own["outcome"]) == {"cured"}
    # by its own batch alone: another one moves it by little
    assert gains.loc[~gains["treated"], "gain_v"].abs().max() < 2
    assert own["gain_v"].min() > 20


def test_the_whole_span_is_the_sum_of_its_batches() -> None:
    gains = small_study().gains
    by_batch = gains[gains["span"] == "batch"].groupby("village")["gain_v"].sum()
    whole = gains[gains["span"] == "all"].set_index("village")["gain_v"]
    assert (by_batch - whole).abs().max() < 1e-9


def test_a_tail_is_at_fault_at_04kv() -> None:
    first = small_study().villages.query("stage == 0 and status == 'low'")
    assert set(first["level_at_fault"]) == {"0.4 kV"}


def test_still_low_is_the_last_stage_only() -> None:
    assert len(small_study().still_low) == 0
    before_the_end = quick(uncalibrated(small_county()), [0, 1])
    assert set(before_the_end.still_low["batch"]) == {2}


def test_targets_tell_what_is_missed_and_what_is_extra() -> None:
    """A tail cut to 1 m is no longer low; an ordinary village behind 5 km of 0.4 kV becomes so."""
    county = small_county()
    sections = county.sections.copy()
    tail = sections["name"].str.endswith("长尾线")
    missed = sections.loc[tail, "name"].iloc[0].removesuffix("长尾线")
    sections.loc[sections["name"] == f"{missed}长尾线", "length_km"] = 0.001
    ordinary = county.villages.loc[county.villages["plan_class"] == "", "name"]
    hosts = set(sections.loc[tail, "from_node"])
    extra = next(name for name in ordinary if f"{name}1台区0.4kV母线" not in hosts)
    first = sections["from_node"] == f"{extra}1台区0.4kV母线"
    sections.loc[first, "length_km"] = 5.0
    targets = quick(uncalibrated(county.with_tables(sections=sections)), [0]).targets
    judged = targets.set_index("village")["judged"]
    assert judged[missed] == "missed"
    assert judged[extra] == "extra"
    assert judged.value_counts().to_dict() == {"found": 4, "extra": 1, "missed": 1}


# --- the claim ------------------------------------------------------------------------------------


def test_the_parts_of_the_claim_add_up_to_its_nets() -> None:
    claim = small_study().claim
    assert claim is not None
    keys = ["calibration", "basis", "scope"]
    parts = claim.parts.groupby(keys)["kwh"].sum()
    nets = claim.nets.set_index(keys)
    assert len(nets) == 3 * 2 * 2
    assert parts.reindex(nets.index).to_numpy() == pytest.approx(nets["net_kwh"].to_numpy())
    of_claim = nets["net_kwh"] / CLAIMED_KWH
    assert nets["share_of_claim"].to_numpy() == pytest.approx(of_claim.to_numpy())


def test_the_claim_as_run_is_the_difference_of_the_loss_tables() -> None:
    claim = small_study().claim_with_projects
    assert claim is not None
    low = small_study().losses.query("level_kv <= 10").groupby("stage")["total_kwh"].sum()
    assert claim.net_kwh(basis="as run") == pytest.approx(float(low[0] - low[2]), abs=1e-3)


def test_new_transformers_lose_what_the_catalogue_says() -> None:
    claim = small_study().claim
    assert claim is not None
    before, after = small_county(), small_county().at(2)
    new = after.transformers[~after.transformers["name"].isin(before.transformers["name"])]
    kw = sum(get_transformer(t).p0_kw for t in new["type"] if t.endswith("/10"))
    part = claim.parts.query(
        "calibration == 'middle' and basis == 'as run' and scope == '10 kV and below' "
        "and part == 'no-load, new transformers'"
    )["kwh"].sum()
    # iron loss follows the square of the voltage at the winding, which stays within 4 % of nominal
    assert -part == pytest.approx(kw * 8760, rel=0.08)


def test_the_band_runs_from_the_low_to_the_high_calibration() -> None:
    claim = small_study().claim
    assert claim is not None
    low, middle, high = claim.band_kwh()
    assert low < middle < high
    assert claim.finding == "above the band"
    assert f"{middle:,.0f} kWh a year ({low:,.0f} to {high:,.0f}, the ends by 288" in claim.verdict


def test_equal_energy_serves_what_was_served_before() -> None:
    limits = get_limits("GBT12325_2008")
    hours = representative_hours()
    before, after = (
        solve_stage(prepare(county), limits, hours)
        for county in (small_county(), small_county().at(2))
    )
    assert after.served_kwh > before.served_kwh  # better voltage draws more
    equal = equal_energy(after, before, limits, 1.2)
    # rounds of scaling, for ZIP loads follow the voltage that the scaling moves a little
    assert equal.served_kwh == pytest.approx(before.served_kwh, rel=1e-4)


def test_calibrations_are_told_side_by_side() -> None:
    whole = small_study().calibrations
    assert whole[["calibration", "hours"]].to_numpy().tolist() == [
        ["middle", 8760], ["middle", 288], ["low", 288], ["high", 288]
    ]  # fmt: skip
    table = whole[whole["hours"] == 288].set_index("calibration")
    assert table["households_low"].between(*table.loc[["low", "high"], "households_low"]).all()
    assert list(table.loc[["low", "middle", "high"], "entry_voltage_v"]) == [188, 180, 172]
    assert table.loc[["low", "middle", "high"], "tail_relative_moment"].is_monotonic_increasing
    assert (table["of_the_plans"] == 5).all()


def test_the_sensitivity_table_moves_the_way_physics_does() -> None:
    table = small_study().sensitivity
    own = table.iloc[1]
    assert (own["setting"], own["hours"]) == ("the headline", 8760)
    assert own["net_kwh"] == pytest.approx(small_study().claim.net_kwh())
    assert own["households_low"] == small_study().stages["households_low"].iloc[0]
    table = table[table["hours"] == 288]
    assert len(table) == ROWS
    net = table.set_index(["parameter", "setting"])["net_kwh"].dropna()
    middle = net.iloc[0]
    for note in table.loc[table["net_kwh"].isna(), "note"]:  # too much load for its tails
        assert note.startswith("no solution: ")
    assert table["change_kwh"].iloc[0] == 0
    change = table["change_kwh"].dropna().to_numpy()
    assert (net - middle).to_numpy() == pytest.approx(change)
    # copper saved grows with the load, iron does not
    assert net["kWh a year and household", "600"] < middle
    series = net["type of the new transformers"]
    assert series["S9"] < middle < series["S13"]  # no-load loss falls from series to series
    assert net["size of the new transformers", "one rating up"] < middle


# --- hours ----------------------------------------------------------------------------------------


def test_representative_hours_stand_for_the_year() -> None:
    """288 hours of the 15th of each month: energies within 2 %, the peak within 6 %, no more.

    The month's shape is the same on each of its days, so energies come close; the yearly peak lies
    in the days of the spring festival, and each village's own worst hour seldom on a 15th.
    """
    table = small_study().representative.set_index("quantity")
    difference = table["difference_percent"].abs()
    assert difference["energy fed [kWh]"] < 2
    assert difference["loss [kWh]"] < 2
    assert difference["peak [MW]"] < 6
    assert table.loc["peak [MW]", "representative_hours"] <= table.loc["peak [MW]", "all_hours"]


def test_there_are_288_representative_hours_of_12_days() -> None:
    hours = representative_hours()
    assert len(hours) == len(set(hours)) == 288
    first_days = pd.date_range("2013-01-15", "2013-12-15", freq="MS") + pd.Timedelta(days=14)
    days = [pd.Timestamp("2013-01-15"), *first_days]  # 2013: no leap day
    expected = [
        int((day - pd.Timestamp("2013-01-01")).days) * 24 + h for day in days for h in range(24)
    ]
    assert list(hours) == expected


# --- choices --------------------------------------------------------------------------------------


def test_a_subset_of_stages_gives_the_same_rows() -> None:
    ends = quick(uncalibrated(small_county()), [2, 0])
    assert list(ends.stages["stage"]) == [0, 2]
    whole = small_quick_study().stages.set_index("stage").loc[[0, 2]]
    pd.testing.assert_frame_equal(ends.stages.set_index("stage"), whole, rtol=1e-9)
    assert set(ends.gains["stage"]) == {2}


def test_one_stage_has_no_gains_and_no_claim() -> None:
    one = quick(small_county(), [1])
    assert list(one.stages["stage"]) == [1]
    assert one.claim is None
    assert len(one.gains) == len(one.savings) == len(one.sensitivity) == 0
    assert "gains" not in one.tables


def test_tables_without_a_plan_are_studied_without_a_claim() -> None:
    own = quick(uncalibrated(small_county()), [0, 2])
    assert own.claim is None
    assert len(own.calibrations) == 1
    assert len(own.gains) == len(own.county.villages)


def test_a_county_at_a_later_stage_is_refused() -> None:
    with pytest.raises(InputError, match="stands at stage 1; stage 0 is expected"):
        study(small_county().at(1), progress=False)


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(InputError, match="no stage 3; the county has 0, 1, 2"):
        study(small_county(), stages=[0, 3], progress=False)


def test_unknown_limits_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="GBT12325_2008"):
        study(small_county(), limits="GBT12325_2009", progress=False)


def test_an_unknown_choice_of_hours_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="the nearest: representative"):
        study(small_county(), hours="representativ", progress=False)  # type: ignore[arg-type]


def test_the_countys_tables_stay_as_they_are() -> None:
    county = small_county()
    before = {name: table.copy() for name, table in county.tables.items()}
    quick(uncalibrated(county), [0, 1])
    for name, table in county.tables.items():
        pd.testing.assert_frame_equal(table, before[name])


# --- no solution ----------------------------------------------------------------------------------


def test_a_county_that_collapses_tells_its_stage() -> None:
    county = small_county()
    consumers = county.consumers.assign(kwh_per_year=county.consumers["kwh_per_year"] * 40)
    with pytest.raises(ConvergenceError, match=r"stage 0, hour \d+") as caught:
        quick(uncalibrated(county.with_tables(consumers=consumers)), [0])
    assert caught.value.stage == 0
    assert caught.value.hour is not None
    assert caught.value.feeder


def test_works_that_make_it_collapse_tell_their_stage() -> None:
    """A way rebuilt in batch 1 becomes 9.9 km of thin wire: stage 0 stands, stage 1 does not."""
    county = small_county()
    edits = county.edits.copy()
    rebuilt = edits.index[(edits["project"] == "batch 1 0.4 kV") & (edits["action"] == "change")]
    for row in rebuilt[edits.loc[rebuilt, "table"] == "sections"]:
        fields = json.loads(edits.at[row, "fields"]) | {"length_km": 9.9, "conductor": "LGJ-16/3"}
        edits.loc[row, "fields"] = json.dumps(fields)
    with pytest.raises(ConvergenceError) as caught:
        quick(uncalibrated(county.with_tables(edits=edits)), [0, 1])
    assert caught.value.stage == 1


# --- what a study shows and writes ----------------------------------------------------------------


def test_repr_says_what_it_found() -> None:
    text, low = repr(small_study()), small_study().stages["households_low"].iloc[0]
    assert text.startswith(
        f"<Study of '虚构县': 3 stages; households low {low} before, 0 after; loss "
    )
    assert "\n" not in text


def test_html_escapes_the_countys_name() -> None:
    spoilt = replace(small_study(), county=replace(small_county(), name="<b>县"))
    assert "<h3>&lt;b&gt;县</h3>" in spoilt._repr_html_()


def test_written_tables_read_back(tmp_path: Path) -> None:
    written = small_study().write(tmp_path / "new" / "out")
    names = {path.stem for path in written}
    assert names == {*small_study().tables, "summary", "report", "study", "files"}
    assert sorted(tmp_path.rglob("*.*")) == sorted(written)  # nothing beside them
    for name, table in small_study().tables.items():
        back = pd.read_csv(tmp_path / "new" / "out" / f"{name}.csv", encoding="utf-8")
        assert list(back.columns) == list(table.columns)
        assert len(back) == len(table)
        for column in table.select_dtypes("number").columns:
            found = back[column].to_numpy(dtype=float)
            wanted = table[column].to_numpy(dtype=float, na_value=np.nan)
            np.testing.assert_allclose(found, wanted, rtol=1e-12, err_msg=f"{name}.{column}")
    villages = pd.read_csv(tmp_path / "new" / "out" / "villages.csv")
    assert villages["village"].tolist() == small_study().villages["village"].tolist()


def test_the_summary_is_utf8_text_with_verdict_and_stages(tmp_path: Path) -> None:
    small_study().write(tmp_path)
    text = (tmp_path / "summary.txt").read_text(encoding="utf-8")
    claim = small_study().claim
    assert claim is not None
    assert claim.verdict in text
    assert "虚构县" in text
    assert "Synthesised where the plan is silent" in text


def test_a_disk_that_fills_up_leaves_older_results_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_study().write(tmp_path)
    # a workbook carries the time of its writing
    kept = [path for path in tmp_path.iterdir() if path.suffix != ".xlsx"]
    before = {path.name: path.read_bytes() for path in kept}
    calls = []

    def fills_up(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("ruralgrid.files.os.fsync", fills_up)
    with pytest.raises(WriteError, match="No space left on device"):
        small_study().write(tmp_path)
    assert {path.name: path.read_bytes() for path in kept} == before
    assert len(list(tmp_path.iterdir())) == len(before) + 1  # nothing half-written beside them


def test_a_study_of_another_middle_keeps_its_own_calibration() -> None:
    """A county drawn as `high` is told as such; low and middle come beside it."""
    origin = Origin(small_plan(), 1, small_assumptions(), "high")
    table = quick(replace(small_county(), origin=origin), [0, 2]).calibrations
    assert list(table["calibration"]) == ["high", "low", "middle"]  # all by the same hours
