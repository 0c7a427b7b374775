from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralgrid.assess import gain_between, gains
from ruralgrid.assess.gains import OUTCOMES
from ruralgrid.errors import InputError

STATUSES = ("ok", "low", "unsupplied", "failed", "no_consumer")


def villages(*rows: tuple[str, str, float]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=["village", "status", "v_min_v"])
    is_low = table["status"] == "low"
    return table.assign(
        town="T",
        admin_village="A",
        households=60,
        batch=2,
        plan_class="low_voltage",
        hours_low=is_low * 500,
        households_low=is_low * 40,
    )


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (("low", 170.0), ("ok", 215.0), "cured"),
        (("low", 197.99), ("ok", 198.0), "cured"),
        (("ok", 199.0), ("low", 197.0), "newly low"),
        (("low", 170.0), ("low", 185.0), "improved"),
        (("low", 170.0), ("low", 171.0), "improved"),  # closed at 1 V
        (("low", 170.0), ("low", 170.999), "still low"),
        (("low", 170.0), ("low", 170.125), "still low"),
        (("low", 170.0), ("low", 170.05), "unchanged"),
        (("low", 170.0), ("low", 169.95), "unchanged"),
        (("low", 170.0), ("low", 169.0), "still low"),
        (("ok", 210.0), ("ok", 220.0), "not low"),
        (("ok", 210.0), ("ok", 205.0), "not low"),
        (("failed", math.nan), ("ok", 220.0), "not judged"),
        (("low", 170.0), ("unsupplied", math.nan), "not judged"),
        (("low", math.nan), ("low", 170.0), "not judged"),
        (("no_consumer", math.nan), ("no_consumer", math.nan), "not judged"),
    ],
)
def test_the_outcome_of_each_case(
    before: tuple[str, float], after: tuple[str, float], outcome: str
) -> None:
    table = gain_between(villages(("v", *before)), villages(("v", *after)), stage=2)
    assert table["outcome"].tolist() == [outcome]


def test_the_gain_in_volts_and_in_points_of_220_v() -> None:
    before = villages(("a", "low", 176.0), ("b", "ok", 220.0))
    after = villages(("b", "ok", 220.0), ("a", "ok", 198.0))
    table = gain_between(before, after, stage=2).set_index("village")
    row = table.loc["a"]
    assert row["gain_v"] == pytest.approx(22.0)
    assert row["gain_percent_points"] == pytest.approx(10.0)
    assert (row["hours_low_before"], row["hours_low_after"]) == (500, 0)
    assert (row["households_low_before"], row["households_low_after"]) == (40, 0)
    assert (row["status_before"], row["status_after"], row["treated"]) == ("low", "ok", True)
    assert table.loc["b", "gain_v"] == 0


def test_each_stage_is_compared_with_the_one_before() -> None:
    low, fine = villages(("v", "low", 170.0)), villages(("v", "ok", 210.0))
    table = gains({4: low, 0: low, 2: fine})
    assert table["stage"].tolist() == [2, 4]
    assert table["outcome"].tolist() == ["cured", "newly low"]
    assert table["treated"].tolist() == [True, False]


def test_stages_that_differ_in_villages_and_single_stages_are_refused() -> None:
    one = villages(("v", "low", 170.0))
    with pytest.raises(InputError, match="'w'"):
        gain_between(one, villages(("v", "ok", 1.0), ("w", "ok", 1.0)), stage=1)
    with pytest.raises(InputError, match="two stages"):
        gains({0: one})


cases = st.tuples(st.sampled_from(STATUSES), st.floats(100, 240) | st.just(math.nan))


@settings(max_examples=25)
@given(st.lists(st.tuples(cases, cases), min_size=1, max_size=8))
def test_outcomes_are_exhaustive_and_do_not_depend_on_the_order(
    pairs: list[tuple[tuple[str, float], tuple[str, float]]],
) -> None:
    before = villages(*[(f"v{i}", *a) for i, (a, _) in enumerate(pairs)])
    after = villages(*[(f"v{i}", *b) for i, (_, b) in enumerate(pairs)])
    table = gain_between(before, after, stage=1)
    assert set(table["outcome"]) <= set(OUTCOMES)
    for (a, b), outcome in zip(pairs, table["outcome"], strict=True):
        known = {a[0], b[0]} <= {"ok", "low"} and not math.isnan(a[1] + b[1])
        assert (outcome == "not judged") is not known
        assert (outcome == "cured") is (known and (a[0], b[0]) == ("low", "ok"))
    turned = gain_between(before.iloc[::-1], after, stage=1)
    pd.testing.assert_frame_equal(table, turned)
