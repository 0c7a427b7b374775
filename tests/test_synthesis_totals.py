"""What the plan states holds in every drawn county: exactly in counts, to 1e-6 in kilometres.

The figures are written out here as the plan prints them, so that a reader can check them by eye.
"""

from __future__ import annotations

import pandas as pd
import pytest

from ruralgrid.county import built_by_stage
from ruralgrid.equipment import get_transformer

KM = 1e-6  # lengths are whole multiples of 0.1 m; what is left is the sum's rounding

# GB/T 17468 / GB/T 6451: the R10 series of ratings, 10 kVA to 20 MVA, as they are made
R10_KVA = {2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500, 16000, 20000}

#       10 kV   0.4 kV  transf.  low voltage     three-phase
#       km      km               house., vill.   house., vill.
BATCHES = {
    1: (82.83, 134.38, 60, (1741, 29), (897, 17)),
    2: (84.00, 120.00, 50, (899, 14), (901, 12)),
    3: (78.00, 85.00, 50, (735, 9), (865, 13)),
    4: (50.00, 46.00, 30, (487, 8), (523, 17)),
}

#  stage: new lines above 10 kV by voltage, new transformers by voltage and rating [kVA]
PROJECTS = {
    1: ({35: [19.0]}, []),
    2: ({330: [34.0], 110: [16.0, 29.0]}, [(110, "20000"), (330, "240000")]),
    3: ({35: [12.0]}, [(35, "10000")]),
    4: ({35: [15.0, 20.0]}, [(35, "10000")]),
}


@pytest.fixture(scope="module")
def built(draw) -> pd.DataFrame:
    return built_by_stage(draw(1).county)


def km_by_level(sections: pd.DataFrame) -> dict[float, float]:
    return sections.groupby("kv")["length_km"].sum().to_dict()


def test_stations_and_their_transformers(drawn):
    county = drawn.county
    kv = county.nodes.set_index("name")["kv"]
    units = county.transformers[county.transformers["hv_node"].map(kv) == 35]
    kva = units["type"].map(lambda name: get_transformer(name).sn_kva)
    assert units["hv_node"].nunique() == 7
    assert len(units) == 14
    assert kva.sum() == 65200
    assert set(kva) <= R10_KVA


def test_kilometres_before_the_works(drawn):
    before = drawn.with_kv(0)
    assert km_by_level(before) == pytest.approx({35: 162.5, 10: 1958.0, 0.4: 2604.2}, abs=KM)
    assert (before["kv"] == 35).sum() == 12


def test_towns_and_administrative_villages_bear_their_names(drawn, plan):
    villages = drawn.county.villages
    assert villages["town"].nunique() == 18
    assert set(villages["town"]) == {town.name for town in plan.townships}
    named = set(zip(villages["town"], villages["admin_village"], strict=True))
    assert len(named) == 257
    assert named == {(village.town, village.name) for village in plan.villages}


def test_people_and_households(drawn):
    villages, consumers = drawn.county.villages, drawn.county.consumers
    assert villages["population"].sum() == 540_000
    assert villages["households"].sum() == 125_581  # 540,000 people, 4.3 to a household
    assert villages["households"].min() > 0
    of_village = consumers[consumers["kind"] == "household"].groupby("village")["count"].sum()
    pd.testing.assert_series_equal(
        of_village.sort_index(),
        villages.set_index("name")["households"].sort_index(),
        check_names=False,
    )


def test_population_follows_the_households(drawn):
    """Largest remainder: nobody's share is off by a person."""
    villages = drawn.county.villages
    ideal = villages["households"] / villages["households"].sum() * 540_000
    assert (villages["population"] - ideal).abs().max() < 1


def test_size_of_the_county(drawn):
    county = drawn.county
    kv = county.nodes.set_index("name")["kv"]
    assert 2000 <= (county.transformers["hv_node"].map(kv) == 10).sum() <= 3000
    for stage in drawn.stages:
        assert 30_000 <= len(stage.nodes) <= 50_000


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_builds_what_the_plan_counts(drawn, batch):
    km_10kv, km_0_4kv, transformers, *_ = BATCHES[batch]
    built = km_by_level(drawn.new_lines(batch))
    assert built[10] == pytest.approx(km_10kv, abs=KM)
    assert built[0.4] == pytest.approx(km_0_4kv, abs=KM)
    assert (drawn.new_transformers(batch)["kv"] == 10).sum() == transformers


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_treats_the_villages_that_the_plan_counts(drawn, batch):
    *_, low_voltage, three_phase = BATCHES[batch]
    villages = drawn.county.villages
    treated = villages[villages["batch"] == batch].groupby("plan_class")["households"]
    found = {kind: (own.sum(), own.size) for kind, own in treated}
    assert found == {"low_voltage": low_voltage, "three_phase": three_phase}


def test_all_batches_together(drawn):
    villages = drawn.county.villages
    of_class = villages.groupby("plan_class")["households"].agg(["sum", "size"])
    # the stated total says 59 low-voltage and 60 three-phase villages: the batches, 60 and 59
    assert of_class.loc["low_voltage"].tolist() == [3862, 60]
    assert of_class.loc["three_phase"].tolist() == [3186, 59]
    assert set(villages["batch"]) == {0, 1, 2, 3, 4}
    assert ((villages["batch"] > 0) == (villages["plan_class"] != "")).all()


@pytest.mark.parametrize("batch", PROJECTS)
def test_projects_above_10_kv(drawn, batch):
    lines, units = PROJECTS[batch]
    new = drawn.new_lines(batch)
    high = new[new["kv"] > 10]
    assert {kv: sorted(own) for kv, own in high.groupby("kv")["length_km"]} == lines
    transformers = drawn.new_transformers(batch)
    stations = transformers[transformers["kv"] > 10]
    ratings = stations["type"].str.extract(r"-(\d+)/")[0]
    assert sorted(zip(stations["kv"], ratings, strict=True)) == sorted(
        (kv, kva)
        for kv, kva in units
        for _ in range(4 if batch == 4 else 2)  # two stations in the last
    )


def test_10_kv_works_divide_into_spurs_trunk_ties_and_outlets(built):
    """The account of the edits adds up to the plan, each part on its own row."""
    medium = built[(built["kv"] == 10) & (built["item"] == "line")]
    for batch, (km_10kv, *_) in BATCHES.items():
        own = medium[medium["stage"] == batch].set_index("project")["length_km"]
        assert {f"batch {batch} {part}" for part in ("spurs", "trunk", "ties")} <= set(own.index)
        assert (
            own.drop([f"batch {batch} {p}" for p in ("spurs", "trunk", "ties")])
            .index.map(lambda project: project.startswith("outlets of "))
            .all()
        )
        assert (own > 0).all()
        assert own.sum() == pytest.approx(km_10kv, abs=KM)


def test_account_of_the_edits_equals_the_comparison_of_the_tables(draw, built):
    one = draw(1)
    for batch in BATCHES:
        lines = built[(built["stage"] == batch) & (built["item"] == "line")]
        found = lines.groupby("kv")["length_km"].sum().to_dict()
        assert found == pytest.approx(km_by_level(one.new_lines(batch)), abs=KM)
        units = built[(built["stage"] == batch) & (built["item"] == "transformer")]
        expected = one.new_transformers(batch).groupby("kv").size().to_dict()
        assert units.groupby("kv")["count"].sum().to_dict() == expected
        gone = built[(built["stage"] == batch) & (built["item"] == "line taken down")]
        before, after = one.with_kv(batch - 1), one.with_kv(batch)
        removed = before[~before.index.isin(after.index)]
        assert gone["count"].sum() == len(removed)
        assert gone["length_km"].sum() == pytest.approx(removed["length_km"].sum(), abs=KM)
