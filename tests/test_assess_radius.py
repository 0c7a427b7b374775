from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralgrid.assess import (
    chain_nodes,
    chain_voltages,
    drop_shares,
    radius_findings,
    supply_paths,
    supply_radius_areas,
    supply_radius_feeders,
)
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.limits import get_limits

LIMITS = get_limits("GBT12325_2008")

# S35 =T35= B10 --f1 9 km-- M1 --f2 7 km-- M2          f1, f2: one feeder, 16 km to TB
#              \            TA: M1/A0      TB: M2/B0
#               --g1 2 km-- M3 (no transformer) ~tie, open~ M2
# A0 --0.3-- A1 --0.25-- A2;  A1 --0.1-- A3;  B0 has a customer itself;  X is left alone


def _nodes() -> pd.DataFrame:
    rows = [
        ("S35", 35.0, "busbar"),
        ("B10", 10.0, "busbar"),
        *[(name, 10.0, "junction") for name in ("M1", "M2", "M3")],
        ("A0", 0.4, "busbar"),
        ("A1", 0.4, "junction"),
        ("A2", 0.4, "service_point"),
        ("A3", 0.4, "service_point"),
        ("B0", 0.4, "busbar"),
        ("X", 0.4, "service_point"),
    ]
    return pd.DataFrame(rows, columns=["name", "kv", "kind"])


def _sections() -> pd.DataFrame:
    rows = [
        ("f1", "B10", "M1", 9.0, False),
        ("f2", "M2", "M1", 7.0, False),
        ("g1", "B10", "M3", 2.0, False),
        ("tie", "M3", "M2", 1.0, True),
        ("a1", "A0", "A1", 0.3, False),
        ("a2", "A1", "A2", 0.25, False),
        ("a3", "A1", "A3", 0.1, False),
        ("x open", "A2", "X", 0.1, True),
    ]
    return pd.DataFrame(
        rows, columns=["name", "from_node", "to_node", "length_km", "normally_open"]
    )


def _transformers() -> pd.DataFrame:
    rows = [("T35", "S35", "B10", ""), ("TA", "M1", "A0", ""), ("TB", "M2", "B0", "")]
    return pd.DataFrame(rows, columns=["name", "hv_node", "lv_node", "mv_node"])


def _consumers() -> pd.DataFrame:
    return pd.DataFrame({"name": ["c1", "c2"], "node": ["B0", "A2"]})


@dataclass(frozen=True)
class County:
    nodes: pd.DataFrame = field(default_factory=_nodes)
    sections: pd.DataFrame = field(default_factory=_sections)
    transformers: pd.DataFrame = field(default_factory=_transformers)
    consumers: pd.DataFrame = field(default_factory=_consumers)
    villages: pd.DataFrame = field(default_factory=pd.DataFrame)


def test_the_path_of_every_service_point() -> None:
    paths = supply_paths(County()).set_index("node")
    assert sorted(paths.index) == ["A2", "A3", "B0", "X"]
    a2 = paths.loc["A2"]
    assert a2[["transformer", "lv_node", "hv_node", "feeder", "station_node"]].tolist() == [
        "TA",
        "A0",
        "M1",
        "f1",
        "B10",
    ]
    assert a2["length_lv_km"] == pytest.approx(0.55)
    assert a2["length_mv_km"] == 9.0
    assert paths.loc["B0", "length_lv_km"] == 0.0
    assert paths.loc["B0", "length_mv_km"] == 16.0  # the open tie would make it 3
    assert paths.loc["X", "transformer"] == ""
    assert math.isnan(paths.loc["X", "length_lv_km"])


def test_the_radius_of_each_area() -> None:
    table = supply_radius_areas(County(), LIMITS).set_index("transformer")
    assert table["radius_km"].tolist() == pytest.approx([0.55, 0.0])
    assert table["furthest_node"].tolist() == ["A2", "B0"]
    assert table["service_points"].tolist() == [2, 1]
    assert table["exceeds"].tolist() == [True, False]
    assert table["limit_km"].tolist() == [0.5, 0.5]


def test_exactly_the_limit_does_not_exceed() -> None:
    sections = _sections()
    sections.loc[sections["name"] == "a2", "length_km"] = 0.2
    table = supply_radius_areas(County(sections=sections), LIMITS).set_index("transformer")
    assert table.loc["TA", "radius_km"] == 0.5
    assert not table.loc["TA", "exceeds"]


def test_the_radius_of_each_feeder() -> None:
    table = supply_radius_feeders(County(), LIMITS)
    assert table.to_dict("records") == [
        {
            "station_node": "B10",
            "feeder": "f1",
            "transformers": 2,
            "furthest_node": "M2",
            "radius_km": 16.0,
            "limit_km": 15.0,
            "exceeds": True,
        }
    ]


def test_a_transformer_without_customers_has_no_radius() -> None:
    alone = County(consumers=_consumers().query("node != 'B0'"))
    row = supply_radius_areas(alone, LIMITS).set_index("transformer").loc["TB"]
    assert math.isnan(row["radius_km"])
    assert (row["service_points"], row["furthest_node"], bool(row["exceeds"])) == (0, "", False)


def test_findings_name_what_is_long_and_what_is_cut_off() -> None:
    found = [(f.code, f.subject, f.value) for f in radius_findings(County(), LIMITS)]
    assert found == [
        ("radius-area", "TA", pytest.approx(0.55)),
        ("radius-feeder", "f1", 16.0),
        ("node-without-transformer", "X", None),
    ]
    cut = County(sections=_sections().query("name != 'f2'"))
    assert ("transformer-without-station", "TB") in [
        (f.code, f.subject) for f in radius_findings(cut, LIMITS)
    ]


def test_a_unit_from_35_kv_to_0_4_kv_needs_no_10_kv_path() -> None:
    direct = County(
        transformers=pd.concat(
            [_transformers().query("name != 'TB'"), _transformers().iloc[[2]].assign(hv_node="S35")]
        )
    )
    path = supply_paths(direct).set_index("node").loc["B0"]
    assert (path["station_node"], path["feeder"], path["length_mv_km"]) == ("S35", "", 0.0)


def test_the_middle_winding_feeds_10_kv_as_well() -> None:
    units = _transformers()
    units.loc[0, ["lv_node", "mv_node"]] = ["S35", "B10"]
    path = supply_paths(County(transformers=units)).set_index("node").loc["A2"]
    assert path["station_node"] == "B10"


@pytest.mark.parametrize("length_km", [0.05, 4.0])
def test_of_parallel_sections_the_shortest_counts(length_km: float) -> None:
    twin = _sections().query("name == 'a2'").assign(name="a2 twin", length_km=length_km)
    for sections in ([_sections(), twin], [twin, _sections()]):
        both = County(sections=pd.concat(sections, ignore_index=True))
        area = supply_radius_areas(both, LIMITS).set_index("transformer").loc["TA"]
        # A3 lies 0.4 km away, A2 0.3 km and the shorter of the two sections
        assert area["radius_km"] == pytest.approx(max(0.4, 0.3 + min(0.25, length_km)))


def test_a_section_to_nowhere_is_refused() -> None:
    sections = _sections()
    sections.loc[0, "from_node"] = "B11"
    with pytest.raises(UnknownNameError, match="B10"):
        supply_paths(County(sections=sections))


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_and_direction_of_rows_do_not_matter(random: object) -> None:
    county = County()
    order = list(range(len(county.sections)))
    random.shuffle(order)  # type: ignore[attr-defined]
    turned = county.sections.iloc[order].rename(
        columns={"from_node": "to_node", "to_node": "from_node"}
    )
    again = replace(county, sections=turned)
    for judge in (supply_radius_areas, supply_radius_feeders):
        pd.testing.assert_frame_equal(judge(county, LIMITS), judge(again, LIMITS))


def test_from_the_worst_point_to_the_level_at_fault() -> None:
    villages = pd.DataFrame(
        {
            "village": ["a", "b", "cut off", "none"],
            "worst_node": ["A2", "B0", "X", ""],
            "worst_hour": pd.array([19, 7, 7, None], dtype="Int64"),
        }
    )
    chains = chain_nodes(villages, supply_paths(County()))
    assert chains.to_dict("records")[0] == {
        "village": "a",
        "hour": 19,
        "station_node": "B10",
        "hv_node": "M1",
        "lv_node": "A0",
        "end_node": "A2",
    }
    assert chains["village"].tolist() == ["a", "b", "cut off"]
    names = pd.Series({3: "B10", 4: "M1", 5: "M2", 6: "A0", 7: "A2", 8: "B0", 9: "X"})
    recorded = pd.DataFrame(
        [[1.02, 1.0, 0.9, 0.99, 0.9, 0.88, 1.0], [1.02, 0.98, 0.97, 0.96, 0.8, 0.95, 1.0]],
        index=[7, 19],
        columns=list(names.index),
    )
    voltages = chain_voltages(chains, recorded, names)
    assert voltages.iloc[0].tolist() == ["a", 1.02, 0.98, 0.96, 0.8]
    assert voltages.iloc[1].tolist() == ["b", 1.02, 0.9, 0.88, 0.88]
    at_fault = drop_shares(voltages, LIMITS)["level_at_fault"].tolist()
    assert at_fault == ["0.4 kV", "10 kV", "unknown"]
    with pytest.raises(InputError, match="hour 19 was not recorded"):
        chain_voltages(chains, recorded.loc[[7]], names)
    with pytest.raises(UnknownNameError, match="'M1'"):
        chain_voltages(chains, recorded.drop(columns=4), names)
