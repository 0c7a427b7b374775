from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruralgrid.assess import equivalent_resistance_ohm, loss_hours, quick_methods
from ruralgrid.assess.quick_methods import (
    average_current_loss_kwh,
    loss_factor_loss_kwh,
    rms_current_loss_kwh,
    shape_factor_squared,
    tau_loss_kwh,
)
from ruralgrid.errors import InputError

YEAR = 8760


def test_a_constant_current_gives_the_same_loss_by_every_method() -> None:
    # 3 x (10 A)^2 x 2 ohm x 8760 h = 5256 kWh: closed form
    table = quick_methods(np.full(YEAR, 10.0), 2.0, full_kwh=5256.0, cos_phi=0.9)
    assert table["kwh"].tolist() == pytest.approx([5256.0] * 5, rel=1e-12)
    assert table["difference_percent"].tolist() == pytest.approx([0.0] * 5, abs=1e-10)
    assert table["method"].is_unique
    assert (table[["method_zh", "figures", "why"]] != "").to_numpy().all()


def test_a_straight_duration_curve_is_what_the_first_form_stands_for() -> None:
    # mean square of a straight line from 4 to 10 A: (16 + 40 + 100) / 3 = 52 A2; 8760 points leave
    # the discretisation, (10 - 4)^2 / (6 n) at most
    current = np.linspace(10, 4, YEAR)
    exact = 3 * 52 * 0.5 * YEAR / 1000
    assert average_current_loss_kwh(current, 0.5) == pytest.approx(exact, rel=1e-12)
    assert rms_current_loss_kwh(current, 0.5) == pytest.approx(exact, rel=1e-4)


def test_two_steps_are_what_the_second_form_stands_for() -> None:
    # a fifth of the time 10 A, the rest 2 A: f = 0.36, Irms2 = 0.2 x 100 + 0.8 x 4 = 23.2
    current = np.concatenate([np.full(24, 10.0), np.full(96, 2.0)])
    assert shape_factor_squared(0.36, 0.2) == pytest.approx(23.2 / 3.6**2, rel=1e-12)
    assert average_current_loss_kwh(current, 1.0) == pytest.approx(3 * 23.2 * 120 / 1000)
    assert rms_current_loss_kwh(current, 1.0) == pytest.approx(3 * 23.2 * 120 / 1000)


def test_the_load_factor_of_one_half_belongs_to_the_straight_line() -> None:
    assert shape_factor_squared(0.5, 0.0) == pytest.approx(4 / 3)
    assert shape_factor_squared(np.nextafter(0.5, 0), 0.0) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("t_max_h", "cos_phi", "tau_h"),
    [
        (3000, 0.9, 1600),  # points of the printed table
        (2000, 0.8, 1500),
        (8000, 1.0, 7250),
        (3250, 0.9, 1800),  # half way between 1600 and 2000
        (3000, 0.925, 1500),  # half way between 1600 and 1400
        (1000, 0.9, 500),  # half way to no use at all
        (8760, 0.9, 8760),
        (0, 0.9, 0),
    ],
)
def test_loss_hours_follow_the_table(t_max_h: float, cos_phi: float, tau_h: float) -> None:
    assert loss_hours(t_max_h, cos_phi) == pytest.approx(tau_h, rel=1e-12)


def test_the_table_lies_near_the_independent_formula() -> None:
    # tau = (0.124 + Tmax/10000)^2 x 8760; the table of cos phi 0.9 keeps within 10 % of it
    for t_max_h in range(2000, 8001, 500):
        formula = (0.124 + t_max_h / 1e4) ** 2 * YEAR
        assert loss_hours(t_max_h, 0.9) == pytest.approx(formula, rel=0.10)


@given(st.floats(0, 8760), st.floats(0, 8760), st.floats(0.8, 1.0))
def test_loss_hours_grow_with_the_hours_of_use_and_stay_below_them(
    a: float, b: float, cos_phi: float
) -> None:
    low, high = sorted((a, b))
    assert loss_hours(low, cos_phi) <= loss_hours(high, cos_phi) + 1e-9
    assert loss_hours(low, cos_phi) <= low + 1e-9


def test_the_loss_by_loss_hours_in_a_closed_case() -> None:
    # 3000 h at 20 A and nothing else: Tmax 3000, tau 1600 at 0.9: 3 x 400 x 0.25 x 1600 = 480 kWh
    current = np.concatenate([np.full(3000, 20.0), np.zeros(YEAR - 3000)])
    assert tau_loss_kwh(current, 0.25, 0.9) == pytest.approx(480.0)
    # what it lost in truth, 3 x 400 x 0.25 x 3000, is more: the table is for other curves
    table = quick_methods(current, 0.25, full_kwh=900.0).set_index("method")
    assert table.loc["RMS current, every hour", "kwh"] == pytest.approx(900.0)
    assert table.loc["loss hours", "difference_kwh"] == pytest.approx(-420.0)
    assert table.loc["loss hours", "difference_percent"] == pytest.approx(-46.6667, rel=1e-5)


def test_the_loss_factor_in_a_closed_case() -> None:
    current = np.concatenate([np.full(12, 10.0), np.zeros(12)])
    # f 0.5: F = 0.15 + 0.175
    assert loss_factor_loss_kwh(current, 1.0) == pytest.approx(3 * 0.325 * 100 * 24 / 1000)


def test_the_representative_day_is_that_of_mean_energy_or_the_one_named() -> None:
    current = np.repeat([2.0, 4.0, 9.0], 24)  # mean 5: the second day is closest
    table = quick_methods(current, 1.0, full_kwh=1.0).set_index("method")
    of_day = table.loc["RMS current, representative day"]
    assert of_day["kwh"] == pytest.approx(3 * 16 * 72 / 1000)
    assert of_day["figures"].startswith("day 1,")
    named = quick_methods(current, 1.0, full_kwh=1.0, representative_day=2)
    assert named["kwh"][1] == pytest.approx(3 * 81 * 72 / 1000)


def test_the_equivalent_resistance_of_a_uniform_ladder() -> None:
    # n equal loads behind n equal sections: R (n + 1) (2n + 1) / (6 n)
    n = 10
    carried = np.arange(n, 0, -1) * 100.0
    expected = 0.2 * (n + 1) * (2 * n + 1) / (6 * n)
    assert equivalent_resistance_ohm(carried, np.full(n, 0.2), n * 100.0) == pytest.approx(expected)
    with pytest.raises(InputError):
        equivalent_resistance_ohm(carried, [0.2], 1000.0)


@pytest.mark.parametrize(
    ("current", "options", "message"),
    [
        (np.ones(23), {}, "whole days"),
        (np.zeros(24), {}, "above 0 A"),
        (np.full(24, np.nan), {}, "finite"),
        (-np.ones(24), {}, "0 A or more"),
        (np.ones(24), {"resistance_ohm": 0.0}, "above 0 ohm"),
        (np.ones(24), {"full_kwh": 0.0}, "above 0 kWh"),
        (np.ones(24), {"cos_phi": 0.7}, "0.8 to 1"),
        (np.ones(24), {"representative_day": 1}, "a day of 0 to 0"),
    ],
)
def test_bad_input_is_refused(current: np.ndarray, options: dict[str, float], message: str) -> None:
    given = {"resistance_ohm": 1.0, "full_kwh": 1.0, **options}
    with pytest.raises(InputError, match=message):
        quick_methods(current, **given)  # type: ignore[arg-type]


@given(st.lists(st.floats(0.1, 100), min_size=24, max_size=24))
def test_every_method_is_positive_and_the_hourly_one_exact(values: list[float]) -> None:
    exact = 3 * sum(value**2 for value in values) * 0.7 / 1000
    table = quick_methods(values, 0.7, full_kwh=exact)
    assert (table["kwh"] > 0).all()
    assert table["kwh"][0] == pytest.approx(exact, rel=1e-12)
