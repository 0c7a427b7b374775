from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralgrid.assess import (
    composite_pass_rate,
    drop_shares,
    pass_rates,
    point_classes,
    village_findings,
    village_voltages,
    voltage_findings,
    voltage_summary,
)
from ruralgrid.assess.voltage import VILLAGE_STATUSES
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.limits import get_limits

LIMITS = get_limits("GBT12325_2008")
BASE_V = 400 / math.sqrt(3)


def _empty() -> pd.DataFrame:
    return pd.DataFrame({"name": []})


@dataclass
class Solution:
    buses: pd.DataFrame
    lines: pd.DataFrame = field(default_factory=_empty)
    transformers: pd.DataFrame = field(default_factory=_empty)
    transformers3w: pd.DataFrame = field(default_factory=_empty)
    loads: pd.DataFrame = field(default_factory=_empty)
    sources: pd.DataFrame = field(default_factory=_empty)
    static_generators: pd.DataFrame = field(default_factory=_empty)
    balance: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    phases: pd.DataFrame | None = None


@dataclass
class County:
    consumers: pd.DataFrame
    villages: pd.DataFrame
    nodes: pd.DataFrame = field(default_factory=_empty)
    sections: pd.DataFrame = field(default_factory=_empty)
    transformers: pd.DataFrame = field(default_factory=_empty)


BUS = ["name", "vn_kv", "status", "vm_min_pu", "vm_min_hour", "hours_below_limit"]


def solution(*rows: tuple[object, ...]) -> Solution:
    buses = pd.DataFrame(list(rows), columns=BUS)
    return Solution(buses.assign(vm_max_pu=buses["vm_min_pu"], hours_above_limit=0))


def county(consumers: list[tuple[str, str, str, int]], villages: list[str]) -> County:
    frame = pd.DataFrame(consumers, columns=["village", "node", "kind", "count"])
    frame.insert(0, "name", [f"consumer {i}" for i in range(len(frame))])
    table = pd.DataFrame({"name": villages})
    fixed = {"town": "T", "admin_village": "A", "households": 50, "batch": 1, "plan_class": ""}
    return County(frame, table.assign(**fixed))


KNOWN = county(
    [
        ("low", "l1", "household", 20),
        ("low", "l2", "household", 30),
        ("low", "l2", "three_phase_user", 3),
        ("fine", "f1", "household", 40),
        ("brief", "b1", "household", 10),
        ("dark", "d1", "household", 7),
        ("dark", "f1", "household", 2),
        ("broken", "x1", "household", 5),
        ("factory only", "mv", "industry", 1),
        ("", "l2", "public", 1),
    ],
    ["low", "fine", "brief", "dark", "broken", "factory only", "empty"],
)
SOLVED = solution(
    ("mv", 10.0, "solved", 0.80, 5, 8760),
    ("l1", 0.4, "solved", 0.90, 11, 0),
    ("l2", 0.4, "solved", 180 / BASE_V, 19, 300),
    ("f1", 0.4, "solved", 0.97, 7, 0),
    ("b1", 0.4, "solved", 190 / BASE_V, 3, 1),
    ("d1", 0.4, "unsupplied", math.nan, -1, 0),
    ("x1", 0.4, "failed", math.nan, -1, 0),
)


def test_each_village_has_its_row_with_known_figures() -> None:
    table = village_voltages(KNOWN, SOLVED, LIMITS).set_index("village")
    assert table["status"].to_dict() == {
        "low": "low",
        "fine": "ok",
        "brief": "ok",  # 190 V, but for exactly the one hour allowed
        "dark": "unsupplied",
        "broken": "failed",
        "factory only": "no_consumer",
        "empty": "no_consumer",
    }
    low = table.loc["low"]
    assert low["v_min_v"] == pytest.approx(180.0, rel=1e-12)
    assert (low["worst_node"], low["worst_hour"], low["hours_low"]) == ("l2", 19, 300)
    assert (low["households_low"], low["households_unsupplied"]) == (30, 0)
    assert (low["service_points"], low["households"]) == (2, 50)
    assert table.loc["dark", "households_unsupplied"] == 7
    assert table.loc["dark", "v_min_pu"] == 0.97  # of the point that has supply
    assert math.isnan(table.loc["broken", "v_min_v"])
    assert pd.isna(table.loc["empty", "worst_hour"])
    assert table.loc["empty", "worst_node"] == ""
    assert list(table.reset_index().columns) == [
        "village",
        "town",
        "admin_village",
        "households",
        "batch",
        "plan_class",
        "v_min_v",
        "v_min_pu",
        "worst_node",
        "worst_hour",
        "hours_low",
        "households_low",
        "households_low_own_phase",
        "households_unsupplied",
        "service_points",
        "status",
    ]


def test_a_village_that_is_not_fine_is_a_finding() -> None:
    findings = village_findings(village_voltages(KNOWN, SOLVED, LIMITS), LIMITS)
    assert {(f.code, f.subject) for f in findings} == {
        ("village-low", "low"),
        ("village-unsupplied", "dark"),
        ("village-failed", "broken"),
        ("village-without-consumer", "factory only"),
        ("village-without-consumer", "empty"),
    }
    low = findings.of_code("village-low")[0]
    assert low.value == pytest.approx(180.0)
    assert low.limit == pytest.approx(198.0)
    assert "30 households" in low.message


def test_nan_with_status_solved_is_never_fine() -> None:
    at = county([("v", "n", "household", 1)], ["v"])
    table = village_voltages(at, solution(("n", 0.4, "solved", math.nan, 0, 0)), LIMITS)
    assert table["status"].tolist() == ["failed"]


@pytest.mark.parametrize(
    ("consumer", "message"),
    [(("v", "nope", "household", 1), "nope"), (("w", "n", "household", 1), "'w'")],
)
def test_a_name_that_does_not_join_is_refused(
    consumer: tuple[str, str, str, int], message: str
) -> None:
    with pytest.raises(UnknownNameError, match=message):
        village_voltages(
            county([consumer], ["v"]), solution(("n", 0.4, "solved", 1.0, 0, 0)), LIMITS
        )


def test_a_bus_name_that_stands_twice_is_refused() -> None:
    twice = solution(("n", 0.4, "solved", 1.0, 0, 0), ("n", 0.4, "solved", 0.8, 0, 9))
    with pytest.raises(InputError, match="stands twice"):
        village_voltages(county([("v", "n", "household", 1)], ["v"]), twice, LIMITS)


def test_a_solution_without_hours_is_refused() -> None:
    bare = Solution(SOLVED.buses.drop(columns="hours_below_limit"))
    with pytest.raises(InputError, match="hours_below_limit"):
        village_voltages(KNOWN, bare, LIMITS)


def test_a_service_point_solved_without_limit_is_refused() -> None:
    at = county([("v", "n", "household", 1)], ["v"])
    with pytest.raises(InputError, match="'n' is NaN"):
        village_voltages(at, solution(("n", 0.4, "solved", 0.8, 0, math.nan)), LIMITS)


points = st.tuples(
    st.sampled_from(["v0", "v1", "v2"]),
    st.sampled_from(["household", "farm"]),
    st.integers(1, 9),
    st.sampled_from(["solved", "unsupplied", "failed", "out_of_service"]),
    st.floats(0.6, 1.1) | st.just(math.nan),
    st.integers(0, 100),
)


@settings(max_examples=25)
@given(rows=st.lists(points, max_size=12), random=st.randoms(use_true_random=False))
def test_statuses_are_exhaustive_and_the_order_of_rows_does_not_matter(
    rows: list[tuple[str, str, int, str, float, int]], random: object
) -> None:
    consumers = [(v, f"n{i}", kind, n) for i, (v, kind, n, *_) in enumerate(rows)]
    buses = [(f"n{i}", 0.4, s, v, 0, h) for i, (*_, s, v, h) in enumerate(rows)]
    at = county(consumers, ["v0", "v1", "v2"])
    table = village_voltages(at, solution(*buses), LIMITS)
    assert set(table["status"]) <= set(VILLAGE_STATUSES)
    # each village by hand, in plain Python
    for village, status in zip(table["village"], table["status"], strict=True):
        of_village = [row[3:] for row in rows if row[0] == village]
        failed = [s == "failed" or (s == "solved" and math.isnan(v)) for s, v, _ in of_village]
        dark = [s in ("unsupplied", "out_of_service") for s, *_ in of_village]
        low = [s == "solved" and h > 1 for s, _, h in of_village]
        expected = (
            "no_consumer"
            if not of_village
            else "failed"
            if any(failed)
            else "unsupplied"
            if any(dark)
            else "low"
            if any(low)
            else "ok"
        )
        assert status == expected
    random.shuffle(consumers)  # type: ignore[attr-defined]
    random.shuffle(buses)  # type: ignore[attr-defined]
    again = village_voltages(county(consumers, ["v0", "v1", "v2"]), solution(*buses), LIMITS)
    pd.testing.assert_frame_equal(table, again)


def test_the_drop_is_shared_between_the_levels() -> None:
    table = drop_shares(
        pd.DataFrame(
            [
                ("tail", 1.03, 0.99, 0.97, 0.80),  # 4, 2, 17: 0.4 kV is 10 over its share
                ("far", 1.03, 0.93, 0.92, 0.88),  # 10, 1, 4: only 10 kV exceeds
                ("unit", 1.00, 0.99, 0.95, 0.94),  # 1, 4, 1: only the transformer exceeds
                ("both", 1.03, 0.93, 0.92, 0.84),  # 10 and 8: 10 kV is 5 over, 0.4 kV 1 over
                ("none", 1.00, 0.97, 0.96, 0.92),  # 3, 1, 4: none exceeds, 0.4 kV is the largest
                ("gap", 1.00, math.nan, 0.96, 0.92),
            ],
            columns=["village", "v_station_pu", "v_hv_pu", "v_lv_pu", "v_end_pu"],
        ),
        LIMITS,
    ).set_index("village")
    assert table["level_at_fault"].to_dict() == {
        "tail": "0.4 kV",
        "far": "10 kV",
        "unit": "transformer",
        "both": "10 kV",
        "none": "0.4 kV",
        "gap": "unknown",
    }
    assert table["exceeds_share"].tolist() == [True, True, True, True, False, False]
    # differences of numbers near 1, in percent
    assert table.loc["tail", "drop_10kv_percent"] == pytest.approx(4.0, abs=1e-11)
    assert table.loc["tail", "drop_transformer_percent"] == pytest.approx(2.0, abs=1e-11)
    assert table.loc["tail", "drop_0_4kv_percent"] == pytest.approx(17.0, abs=1e-11)
    assert table.loc["tail", "drop_upstream_percent"] == pytest.approx(-3.0, abs=1e-11)
    assert table.loc["tail", "drop_0_4kv_v"] == pytest.approx(0.17 * 230.94, abs=1e-3)


@settings(max_examples=25)
@given(st.lists(st.tuples(*[st.floats(0.5, 1.1)] * 4), min_size=1, max_size=5))
def test_the_drops_add_up_to_the_voltage_at_the_end(chains: list[tuple[float, ...]]) -> None:
    columns = ["v_station_pu", "v_hv_pu", "v_lv_pu", "v_end_pu"]
    frame = pd.DataFrame(chains, columns=columns)
    table = drop_shares(frame.assign(village=[f"v{i}" for i in range(len(frame))]), LIMITS)
    drops = table[[c for c in table.columns if c.startswith("drop_") and c.endswith("_percent")]]
    assert len(drops.columns) == 4
    # 1e-12 of numbers up to 110 %
    assert (100 - drops.sum(axis=1)).to_numpy() == pytest.approx(frame["v_end_pu"] * 100, abs=1e-10)


BUSES = pd.DataFrame(
    [
        ("a", 0.4, "solved", 0.80, 1.00),
        ("b", 0.4, "solved", 0.90, 1.03),
        ("c", 0.4, "solved", 0.80, 1.03),
        ("d", 0.4, "solved", 0.86, 1.019),
        ("e", 10.0, "solved", 0.92, 1.00),
        ("f", 10.0, "solved", 0.93, 1.07),
        ("g", 35.0, "solved", 0.94, 1.05),
        ("h", 35.0, "solved", 0.96, 1.05),
        ("i", 110.0, "unsupplied", math.nan, math.nan),
        ("j", 10.0, "failed", math.nan, math.nan),
        ("k", 10.0, "out_of_service", math.nan, math.nan),
        ("m", 10.0, "solved", math.nan, 1.0),
    ],
    columns=["name", "vn_kv", "status", "vm_min_pu", "vm_max_pu"],
)


def test_every_bus_is_held_against_the_band_of_its_level() -> None:
    findings = voltage_findings(Solution(BUSES), LIMITS)
    assert sorted((f.code, f.subject) for f in findings) == [
        ("bus-failed", "j"),
        ("bus-failed", "m"),
        ("bus-unsupplied", "i"),
        ("voltage-deviation-sum", "g"),
        ("voltage-high", "b"),
        ("voltage-high", "c"),
        ("voltage-low", "a"),
        ("voltage-low", "c"),
        ("voltage-low", "e"),
    ]
    by_subject = {(f.code, f.subject): f for f in findings}
    assert by_subject["voltage-deviation-sum", "g"].value == pytest.approx(11.0)
    assert by_subject["voltage-low", "e"].limit == 0.93
    assert by_subject["voltage-low", "e"].clause == "GB/T 12325-2008 4.2"


def test_the_summary_counts_every_bus_once() -> None:
    table = voltage_summary(Solution(BUSES), LIMITS).set_index("vn_kv")
    verdicts = table.drop(columns=["buses", "v_min_pu", "v_max_pu"])
    assert verdicts.sum(axis=1).tolist() == table["buses"].tolist()
    assert table.index.tolist() == [110.0, 35.0, 10.0, 0.4]
    low_voltage = table.loc[0.4, ["low", "high", "low_and_high", "ok"]]
    assert low_voltage.tolist() == [1, 1, 1, 1]
    assert table.loc[10.0, "v_min_pu"] == 0.92


def test_pass_rates_of_points_classes_and_all() -> None:
    nodes = pd.DataFrame(
        [("s35", 35.0), ("s10", 10.0), ("hv", 10.0), ("lv", 0.4), ("end", 0.4), ("dark", 0.4)],
        columns=["name", "kv"],
    )
    consumers = pd.DataFrame(
        {"name": ["c1", "c2", "c3", "c4"], "node": ["end", "hv", "dark", "end"]}
    )
    units = pd.DataFrame(
        [("t1", "s35", "s10"), ("t2", "hv", "lv")], columns=["name", "hv_node", "lv_node"]
    )
    at = County(consumers, _empty(), nodes=nodes, transformers=units)
    points = point_classes(at).sort_values("name", ignore_index=True)
    assert points.to_dict("list") == {
        "name": ["dark", "end", "hv", "s10"],
        "point_class": ["D", "D", "C", "A"],
    }
    solved = solution(
        ("s10", 10.0, "solved", 1.0, 0, 0),
        ("hv", 10.0, "solved", 1.0, 0, 876),
        ("end", 0.4, "solved", 0.8, 0, 1314),
        ("dark", 0.4, "unsupplied", math.nan, 0, 0),
    )
    solved.buses["hours_above_limit"] = [0, 0, 438, 0]
    rates = pass_rates(points, solved, hours=8760)
    by_name = rates.set_index("name")["pass_rate_percent"]
    assert by_name[["s10", "hv", "end"]].tolist() == pytest.approx([100.0, 90.0, 80.0])
    assert np.isnan(by_name["dark"])
    rate = composite_pass_rate(rates)
    # 0.5 x 100 + 0.5 x (90 + 80) / 2 classes present
    assert rate["composite"] == pytest.approx(92.5)
    assert np.isnan(rate["B"])
    with pytest.raises(InputError, match="above 0"):
        pass_rates(points, solved, hours=0)
