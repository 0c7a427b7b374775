from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralgrid.assess import (
    Levels,
    energy_balance,
    levels_of,
    loading_findings,
    loading_table,
    loss_scopes,
    loss_table,
    savings,
    unbalance_factor,
)
from ruralgrid.assess.losses import LOSS_PARTS
from ruralgrid.errors import (
    ConvergenceError,
    InputError,
    SolutionRejectedError,
    UnknownNameError,
)
from ruralgrid.limits import get_limits

LIMITS = get_limits("GBT12325_2008")
UNIT = ["name", "no_load_kwh", "load_kwh", "status"]


@dataclass
class Solution:
    """330/35 kV three windings, 35 kV line, 35/10, 10 kV line, 10/0.4, 0.4 kV line, two loads."""

    lines: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(
            [("l35", 30.0, "solved"), ("l10", 20.0, "solved"), ("l04", 40.0, "solved")],
            columns=["name", "loss_kwh", "status"],
        )
    )
    transformers: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(
            [("t35", 5.0, 8.0, "solved"), ("t10", 6.0, 4.0, "solved")], columns=UNIT
        )
    )
    transformers3w: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame([("t330", 7.0, 3.0, "solved")], columns=UNIT)
    )
    loads: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(
            [("village", 800.0, "solved"), ("factory", 200.0, "solved")],
            columns=["name", "served_kwh", "status"],
        )
    )
    sources: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"name": ["grid"], "fed_kwh": [1123.0]})
    )
    static_generators: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"name": [], "kwh": []})
    )
    buses: pd.DataFrame = field(default_factory=pd.DataFrame)
    balance: pd.Series = field(default_factory=lambda: pd.Series({"shunt_kwh": 0.0}))


LEVELS = Levels(
    lines=pd.Series({"l35": 35.0, "l10": 10.0, "l04": 0.4}),
    transformers=pd.Series({"t330": 330.0, "t35": 35.0, "t10": 10.0}),
    loads=pd.Series({"village": 0.4, "factory": 10.0}),
)


def test_every_loss_stands_at_its_level_and_kind() -> None:
    table = loss_table(Solution(), LEVELS, unbalance_factor=1.25)
    assert table.columns.tolist() == [
        "level_kv",
        "line_kwh",
        "transformer_no_load_kwh",
        "transformer_load_kwh",
        "unbalance_surcharge_kwh",
        "total_kwh",
        "fed_kwh",
        "percent_of_fed",
        "percent_of_total",
    ]
    assert table.iloc[:, :7].to_numpy().tolist() == [
        [330.0, 0, 7, 3, 0, 10, 1123],
        [35.0, 30, 5, 8, 0, 43, 1113],
        [10.0, 20, 6, 4, 0, 30, 1070],
        [0.4, 40, 0, 0, 10, 50, 840],
    ]
    assert table["percent_of_fed"].tolist() == pytest.approx(
        [1000 / 1123, 4300 / 1113, 3000 / 1070, 5000 / 840]
    )
    assert table["percent_of_total"].tolist() == pytest.approx([x / 1.33 for x in (10, 43, 30, 50)])


def test_without_surcharge_the_total_is_the_flow_s_own() -> None:
    table = loss_table(Solution(), LEVELS)
    assert table["unbalance_surcharge_kwh"].tolist() == [0, 0, 0, 0]
    assert table["total_kwh"].sum() == 123.0
    with pytest.raises(InputError, match="unbalance_factor"):
        loss_table(Solution(), LEVELS, unbalance_factor=0.9)


@pytest.mark.parametrize(
    ("currents", "factor"),
    [
        ((7.0, 7.0, 7.0), 1.0),
        ((1.2, 0.8, 1.0), 1 + 8 / 3 * 0.04),  # one heavy, one light
        ((1.2, 0.9, 0.9), 1 + 2 * 0.04),  # one heavy, two light
        ((1.2, 1.2, 0.6), 1 + 8 * 0.04),  # two heavy, one light
        ((3.0, 0.0, 0.0), 9.0),  # one phase alone: 9 + 2 x 9 against 3
    ],
)
def test_the_unbalance_factor_of_the_handbook_s_cases(
    currents: tuple[float, float, float], factor: float
) -> None:
    turned = currents[1:] + currents[:1]
    for order in (currents, turned):
        assert unbalance_factor(order, neutral_resistance_ratio=2.0) == pytest.approx(factor)
    with pytest.raises(InputError, match="three currents"):
        unbalance_factor((0.0, 0.0, 0.0))


def test_the_scopes_sum_their_levels() -> None:
    scopes = loss_scopes(loss_table(Solution(), LEVELS, unbalance_factor=1.25)).set_index("scope")
    assert scopes.loc["10 kV and below", "total_kwh"] == 80.0
    assert scopes.loc["10 kV and below", "fed_kwh"] == 1070.0
    assert scopes.loc["all levels", "total_kwh"] == 133.0
    assert scopes.loc["all levels", "percent_of_fed"] == pytest.approx(13300 / 1123)
    assert scopes.loc["all levels", "transformer_no_load_kwh"] == 18.0


def test_what_is_generated_at_a_level_need_not_be_fed_into_it() -> None:
    solar = pd.DataFrame({"name": ["pv"], "kwh": [100.0], "status": ["solved"]})
    levels = Levels(LEVELS.lines, LEVELS.transformers, LEVELS.loads, pd.Series({"pv": 0.4}))
    table = loss_table(Solution(static_generators=solar), levels)
    assert table["fed_kwh"].tolist() == [1023.0, 1013.0, 970.0, 740.0]


def test_the_levels_of_a_county_are_those_of_its_tables() -> None:
    @dataclass
    class County:
        nodes: pd.DataFrame
        sections: pd.DataFrame
        transformers: pd.DataFrame
        consumers: pd.DataFrame
        villages: pd.DataFrame = field(default_factory=pd.DataFrame)

    county = County(
        pd.DataFrame({"name": ["a", "b", "c"], "kv": [35.0, 10.0, 0.4]}),
        pd.DataFrame({"name": ["s"], "from_node": ["b"], "to_node": ["b"]}),
        pd.DataFrame({"name": ["t"], "hv_node": ["a"], "lv_node": ["b"]}),
        pd.DataFrame({"name": ["u"], "node": ["c"]}),
    )
    levels = levels_of(county)
    assert levels.lines.to_dict() == {"s": 10.0}
    assert levels.transformers.to_dict() == {"t": 35.0}
    assert levels.loads.to_dict() == {"u": 0.4}


def test_what_does_not_operate_loses_nothing_and_what_failed_stops_the_sum() -> None:
    dark = pd.DataFrame(
        [("l35", 30.0, "solved"), ("l10", 20.0, "solved"), ("l04", math.nan, "unsupplied")],
        columns=["name", "loss_kwh", "status"],
    )
    assert loss_table(Solution(lines=dark), LEVELS)["line_kwh"].tolist() == [0, 30, 20, 0]
    open_ = dark.assign(status=["solved", "solved", "out_of_service"])
    assert loss_table(Solution(lines=open_), LEVELS)["line_kwh"].tolist() == [0, 30, 20, 0]
    failed = dark.assign(status=["solved", "solved", "failed"])
    with pytest.raises(ConvergenceError, match=r"1 of 3 lines have no loss_kwh.*'l04'"):
        loss_table(Solution(lines=failed), LEVELS)
    with pytest.raises(ConvergenceError, match="l04"):
        energy_balance(Solution(lines=failed))


def test_an_element_without_level_is_refused() -> None:
    levels = Levels(LEVELS.lines.drop("l10"), LEVELS.transformers, LEVELS.loads)
    with pytest.raises(UnknownNameError, match="'l10'"):
        loss_table(Solution(), levels)


def test_the_balance_closes_or_raises() -> None:
    balance = energy_balance(Solution())
    assert balance["fed_kwh"] == 1123.0
    assert balance["served_kwh"] == 1000.0
    assert balance["line_loss_kwh"] == 90.0
    assert balance["no_load_kwh"] == 18.0
    assert balance["load_loss_kwh"] == 15.0
    assert balance["residual_kwh"] == 0.0
    off = pd.DataFrame({"name": ["grid"], "fed_kwh": [1123.0 * (1 + 2e-6)]})
    with pytest.raises(SolutionRejectedError, match="does not close"):
        energy_balance(Solution(sources=off))
    inside = pd.DataFrame({"name": ["grid"], "fed_kwh": [1123.0 * (1 + 0.9e-6)]})
    # 0.9e-6 of what was fed, to the rounding of the subtraction
    assert energy_balance(Solution(sources=inside))["residual_relative"] == pytest.approx(
        0.9e-6, rel=1e-4
    )
    with pytest.raises(SolutionRejectedError):
        energy_balance(Solution(balance=pd.Series({"shunt_kwh": 5.0})))


def test_the_savings_of_the_batches_add_up_to_all() -> None:
    def stage(line_kwh: float, no_load_kwh: float) -> pd.DataFrame:
        units = pd.DataFrame(
            [("t35", 5.0, 8.0, "solved"), ("t10", no_load_kwh, 4.0, "solved")], columns=UNIT
        )
        lines = Solution().lines.assign(loss_kwh=[30.0, 20.0, line_kwh])
        return loss_table(Solution(lines=lines, transformers=units), LEVELS, unbalance_factor=1.5)

    table = savings({0: stage(40, 6), 1: stage(30, 8), 2: stage(10, 9)})
    assert table.groupby(["span", "from_stage", "to_stage"]).size().to_dict() == {
        ("all", 0, 2): 4,
        ("batch", 0, 1): 4,
        ("batch", 1, 2): 4,
    }
    everything = table[table["span"] == "all"].set_index("level_kv")
    assert everything.loc[0.4, "line_kwh"] == 30.0
    assert everything.loc[0.4, "unbalance_surcharge_kwh"] == 15.0
    assert everything.loc[10.0, "transformer_no_load_kwh"] == -3.0
    assert everything["total_kwh"].sum() == 42.0
    batches = table[table["span"] == "batch"].groupby("level_kv").sum(numeric_only=True)
    for column in (*LOSS_PARTS, "total_kwh"):
        assert batches[column].to_dict() == everything[column].to_dict()
    with pytest.raises(InputError, match="two stages"):
        savings({0: stage(1, 1)})


def test_a_loss_that_is_not_known_is_not_a_saving() -> None:
    before = loss_table(Solution(), LEVELS)
    after = before.assign(line_kwh=before["line_kwh"].mask(before["level_kv"] == 10.0))
    saved = savings({0: before, 1: after}).set_index(["span", "level_kv"])["line_kwh"]
    assert math.isnan(saved["batch", 10.0])
    assert saved["batch", 35.0] == 0.0


def test_a_level_that_a_batch_adds_is_a_loss_added() -> None:
    before = loss_table(Solution(), LEVELS)
    new = pd.DataFrame([("l110", 9.0, "solved")], columns=["name", "loss_kwh", "status"])
    after = loss_table(
        Solution(lines=pd.concat([Solution().lines, new], ignore_index=True)),
        Levels(
            pd.concat([LEVELS.lines, pd.Series({"l110": 110.0})]), LEVELS.transformers, LEVELS.loads
        ),
    )
    table = savings({0: before, 1: after})
    batch = table[table["span"] == "batch"].set_index("level_kv")
    assert batch.loc[110.0, "line_kwh"] == -9.0
    assert batch["total_kwh"].sum() == -9.0


energies = st.floats(0, 1e6)


@settings(max_examples=20)
@given(
    rows=st.lists(st.tuples(st.sampled_from([330.0, 35.0, 10.0, 0.4]), energies), min_size=1),
    units=st.lists(st.tuples(st.sampled_from([35.0, 10.0]), energies, energies)),
    factor=st.floats(1, 2),
    random=st.randoms(use_true_random=False),
)
def test_parts_add_up_and_the_order_of_rows_does_not_matter(
    rows: list[tuple[float, float]],
    units: list[tuple[float, float, float]],
    factor: float,
    random: object,
) -> None:
    levels = Levels(
        pd.Series({f"l{i}": kv for i, (kv, _) in enumerate(rows)}, dtype=float),
        pd.Series({f"t{i}": kv for i, (kv, *_) in enumerate(units)}, dtype=float),
        pd.Series({"village": 0.4, "factory": 10.0}),
    )
    lines = [(f"l{i}", kwh, "solved") for i, (_, kwh) in enumerate(rows)]
    transformers = [(f"t{i}", a, b, "solved") for i, (_, a, b) in enumerate(units)]

    def table() -> pd.DataFrame:
        solved = Solution(
            lines=pd.DataFrame(lines, columns=["name", "loss_kwh", "status"]),
            transformers=pd.DataFrame(transformers, columns=UNIT),
            transformers3w=pd.DataFrame(columns=UNIT),
        )
        return loss_table(solved, levels, unbalance_factor=factor)

    first = table()
    flow = sum(kwh for _, kwh in rows) + sum(a + b for _, a, b in units)
    surcharge = sum(kwh for kv, kwh in rows if kv == 0.4) * (factor - 1)
    # sums of at most some dozen floats
    assert first["total_kwh"].sum() == pytest.approx(flow + surcharge, rel=1e-12, abs=1e-9)
    assert first["fed_kwh"].iloc[0] == pytest.approx(1000 + flow, rel=1e-12)
    random.shuffle(lines)  # type: ignore[attr-defined]
    random.shuffle(transformers)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(first, table(), rtol=1e-12)


def test_loading_classes_and_their_findings() -> None:
    columns = ["name", "loading_max_percent", "loading_max_hour", "status"]
    solved = Solution(
        transformers=pd.DataFrame(
            [
                ("t over", 130.0, 19, "solved"),
                ("t full", 100.0, 19, "solved"),
                ("t edge", 80.0, 19, "solved"),
                ("t dark", math.nan, -1, "unsupplied"),
                ("t nan", math.nan, -1, "solved"),
            ],
            columns=columns,
        ),
        transformers3w=pd.DataFrame([("t3", 81.0, 4, "solved")], columns=columns),
        lines=pd.DataFrame(
            [("l edge", 70.0, 1, "solved"), ("l heavy", 75.0, 1, "solved")], columns=columns
        ),
    )
    table = loading_table(solved, LIMITS)
    assert dict(zip(table["name"], table["loading_class"], strict=True)) == {
        "t over": "overload",
        "t full": "heavy",  # exactly on the closed limit of overload
        "t3": "heavy",
        "t edge": "normal",
        "l heavy": "heavy",
        "l edge": "normal",
        "t dark": "unsupplied",
        "t nan": "failed",
    }
    assert table["loading_max_percent"].iloc[0] == 130.0
    findings = loading_findings(table, LIMITS)
    assert [(f.code, f.subject, f.limit) for f in findings] == [
        ("transformer-overload", "t over", 100.0),
        ("transformer-heavy", "t full", 80.0),
        ("transformer-heavy", "t3", 80.0),
        ("line-heavy", "l heavy", 70.0),
    ]


def test_a_solution_without_elements_has_an_empty_loading_table() -> None:
    nothing = pd.DataFrame({"name": []})
    empty = Solution(lines=nothing, transformers=nothing, transformers3w=nothing)
    table = loading_table(empty, LIMITS)
    assert table.empty
    assert len(loading_findings(table, LIMITS)) == 0
    assert np.shape(table.columns) == (5,)
