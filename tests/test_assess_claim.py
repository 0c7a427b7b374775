from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralgrid.assess import ClaimAnswer, ClaimCase, answer_claim
from ruralgrid.assess.losses import LOSS_PARTS
from ruralgrid.errors import InputError, UnknownNameError

CLAIM = 298_000.0


def losses(*rows: tuple[float, float, float, float, float]) -> pd.DataFrame:
    """Level, line, no-load, transformer copper, surcharge [kWh]."""
    return pd.DataFrame(list(rows), columns=["level_kv", *LOSS_PARTS])


BEFORE = losses(
    (35.0, 900_000, 200_000, 300_000, 0),
    (10.0, 700_000, 1_000_000, 150_000, 0),
    (0.4, 800_000, 0, 0, 200_000),
)
AFTER = losses(
    (35.0, 850_000, 240_000, 290_000, 0),
    (10.0, 600_000, 1_150_000, 140_000, 0),
    (0.4, 480_000, 0, 0, 120_000),
)
AFTER_EQUAL = losses(
    (35.0, 840_000, 240_000, 285_000, 0),
    (10.0, 590_000, 1_152_000, 138_000, 0),
    (0.4, 460_000, 0, 0, 115_000),
)
MIDDLE = ClaimCase(
    "middle",
    BEFORE,
    AFTER,
    AFTER_EQUAL,
    new_no_load_kwh={10.0: 160_000.0, 35.0: 40_000.0},
    kwh_per_household=750.0,
)


def scaled(case: str, factor: float) -> ClaimCase:
    """The middle case with other saving: what is saved in lines scales."""
    saved = (BEFORE - AFTER_EQUAL).assign(level_kv=0.0)
    after = BEFORE - saved * factor
    return ClaimCase(case, BEFORE, after, after, {10.0: 1_000.0}, 700.0)  # type: ignore[arg-type]


def part(answer: ClaimAnswer, name: str, basis: str, scope: str) -> float:
    chosen = answer.parts[
        (answer.parts["part"] == name)
        & (answer.parts["basis"] == basis)
        & (answer.parts["scope"] == scope)
    ]
    return float(chosen["kwh"].sum())


def test_the_parts_of_a_known_case() -> None:
    answer = answer_claim(CLAIM, [MIDDLE])
    known = {
        ("lines", "as run", "10 kV and below"): 420_000,
        ("unbalance surcharge", "as run", "10 kV and below"): 80_000,
        ("transformer copper", "as run", "10 kV and below"): 10_000,
        ("no-load, new transformers", "as run", "10 kV and below"): -160_000,
        ("no-load, other transformers", "as run", "10 kV and below"): 10_000,
        ("lines", "as run", "all levels"): 470_000,
        ("no-load, new transformers", "as run", "all levels"): -200_000,
        ("no-load, other transformers", "as run", "all levels"): 10_000,
        ("lines", "equal energy", "10 kV and below"): 450_000,
        ("no-load, other transformers", "equal energy", "10 kV and below"): 8_000,
    }
    assert {key: part(answer, *key) for key in known} == known
    assert answer.net_kwh(basis="as run") == 360_000
    assert answer.net_kwh(basis="as run", scope="all levels") == 380_000
    assert answer.net_kwh() == 395_000
    assert answer.finding == "below the band"


def test_what_would_have_to_be_true() -> None:
    row = (
        answer_claim(CLAIM, [MIDDLE])
        .nets.query("basis == 'equal energy' and scope == '10 kV and below'")
        .iloc[0]
    )
    # copper 450,000 + 85,000 + 12,000, no-load -152,000
    assert (row["copper_kwh"], row["no_load_kwh"]) == (547_000, -152_000)
    s = row["scale_same_network"]
    assert s == pytest.approx(math.sqrt(450_000 / 547_000), rel=1e-12)
    assert row["scale_same_voltage"] == pytest.approx(450_000 / 547_000, rel=1e-12)
    assert row["kwh_per_household_same_network"] == pytest.approx(750 * s, rel=1e-12)
    assert row["share_of_claim"] == pytest.approx(395_000 / 298_000)


def test_a_claim_that_no_load_can_meet_has_no_scale() -> None:
    worse = ClaimCase("middle", AFTER_EQUAL, BEFORE, BEFORE, {10.0: 0.0}, 750.0)
    answer = answer_claim(CLAIM, [worse])
    assert answer.nets["scale_same_network"].isna().all()
    assert "no level of the load" in answer.verdict
    assert "不能与之相符" in answer.verdict_zh


def test_the_band_is_ordered_and_the_claim_judged_against_it() -> None:
    # nets: middle 395,000; the other two 0.5 and 1.5 times it
    cases = [scaled("low", 1.5), MIDDLE, scaled("high", 0.5)]
    answer = answer_claim(CLAIM, cases)
    low, middle, high = answer.band_kwh()
    assert (low, middle, high) == pytest.approx((197_500, 395_000, 592_500))
    assert answer.finding == "within the band"
    assert answer_claim(high, cases).finding == "within the band"  # closed
    assert answer_claim(low, cases).finding == "within the band"
    assert answer_claim(high + 1, cases).finding == "above the band"
    assert answer_claim(low - 1, cases).finding == "below the band"


def test_ends_by_fewer_hours_are_told_as_such() -> None:
    """Whoever quotes the range has the hours with it; nothing where all are the same."""
    some = [replace(scaled("low", 0.9), hours=288), MIDDLE, replace(scaled("high", 1.1), hours=288)]
    answer = answer_claim(CLAIM, some)
    assert ", the ends by 288 hours)" in answer.verdict
    assert "，上下限按 288 小时推算）" in answer.verdict_zh
    hours = answer.nets.drop_duplicates("calibration").set_index("calibration")["hours"]
    assert hours.to_dict() == {"low": 288, "middle": 8760, "high": 288}
    alike = answer_claim(CLAIM, [replace(case, hours=288) for case in some])
    assert alike.end_hours == answer_claim(CLAIM, [MIDDLE]).end_hours == 0
    assert "hours)" not in alike.verdict


def test_the_verdict_is_one_sentence_with_its_figures() -> None:
    answer = answer_claim(CLAIM, [scaled("low", 0.5), MIDDLE, scaled("high", 1.5)])
    for figure in (
        "298,000",
        "395,000",
        "197,500",
        "592,500",
        "+535,000",
        "+12,000",
        "-160,000",
        "+8,000",
    ):
        assert figure in answer.verdict
        assert figure in answer.verdict_zh
    assert answer.verdict.endswith(".")
    assert answer.verdict_zh.endswith("。")
    assert answer.verdict in repr(answer)
    assert "0.91 times the load (680 kWh per household)" in answer.verdict


def test_the_frame_ends_each_combination_with_its_net() -> None:
    answer = answer_claim(CLAIM, [MIDDLE, scaled("low", 0.5)])
    frame = answer.to_frame()
    assert frame.columns.tolist() == ["calibration", "basis", "scope", "part", "level_kv", "kwh"]
    assert frame["calibration"].drop_duplicates().tolist() == ["low", "middle"]
    for _, rows in frame.groupby(["calibration", "basis", "scope"], sort=False):
        assert rows["part"].iloc[-1] == "net"
        assert (rows["part"] == "net").sum() == 1
        parts = rows["kwh"].iloc[:-1].sum()
        assert rows["kwh"].iloc[-1] == pytest.approx(parts, rel=1e-9)


kwh = st.floats(0, 1e7)
table = st.tuples(*[st.tuples(kwh, kwh, kwh, kwh)] * 3).map(
    lambda rows: losses(*[(kv, *row) for kv, row in zip((35.0, 10.0, 0.4), rows, strict=True)])
)


@settings(max_examples=20)
@given(table, table, table, st.floats(0, 1e6), st.randoms(use_true_random=False))
def test_parts_add_up_to_before_less_after(
    before: pd.DataFrame,
    after: pd.DataFrame,
    after_equal: pd.DataFrame,
    new_kwh: float,
    random: object,
) -> None:
    answer = answer_claim(
        CLAIM, [ClaimCase("middle", before, after, after_equal, {10.0: new_kwh}, 1)]
    )
    for basis, last in (("as run", after), ("equal energy", after_equal)):
        for scope, levels in (("10 kV and below", 2), ("all levels", 3)):
            lost = [frame[list(LOSS_PARTS)].tail(levels).sum().sum() for frame in (before, last)]
            # 1e-9 of the sums that the difference is taken of
            tolerance = 1e-9 * (sum(lost) + new_kwh + 1)
            net = answer.net_kwh(basis=basis, scope=scope)
            assert net == pytest.approx(lost[0] - lost[1], abs=tolerance)
            chosen = answer.parts.query("basis == @basis and scope == @scope")["kwh"]
            assert net == pytest.approx(chosen.sum(), abs=tolerance)
    order = [0, 1, 2]
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = ClaimCase(
        "middle", before.iloc[order], after, after_equal.iloc[order], {10.0: new_kwh}, 1
    )
    pd.testing.assert_frame_equal(answer.parts, answer_claim(CLAIM, [shuffled]).parts)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="above 0 kWh"):
        answer_claim(0, [MIDDLE])
    with pytest.raises(InputError, match="'middle' is required"):
        answer_claim(CLAIM, [scaled("low", 1.0)])
    with pytest.raises(InputError, match="twice"):
        answer_claim(CLAIM, [MIDDLE, MIDDLE])
    with pytest.raises(UnknownNameError, match="the nearest: high"):
        answer_claim(CLAIM, [MIDDLE, scaled("hihg", 1.0)])
    gap = BEFORE.assign(line_kwh=math.nan)
    with pytest.raises(InputError, match="NaN"):
        answer_claim(CLAIM, [ClaimCase("middle", gap, AFTER, AFTER, {10.0: 1.0}, 750.0)])
    with pytest.raises(InputError, match="110 kV"):
        answer_claim(CLAIM, [ClaimCase("middle", BEFORE, AFTER, AFTER, {110.0: 1.0}, 750.0)])
    with pytest.raises(InputError, match="0 or more"):
        answer_claim(CLAIM, [ClaimCase("middle", BEFORE, AFTER, AFTER, {10.0: -1.0}, 750.0)])
    with pytest.raises(UnknownNameError, match="equal energy"):
        answer_claim(CLAIM, [MIDDLE]).net_kwh(basis="equal enrgy")
