"""Demand: energy is kept, peaks follow the number of customers, kinds and classes add up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ruralgrid.county.coincidence import coincidence_factor
from ruralgrid.county.kinds import get_kind, list_kinds
from ruralgrid.county.synthesis import assumptions_for
from ruralgrid.county.synthesis.energy import county_demand, peak_kw, rating_above
from ruralgrid.demand import class_of, excess_of, load_of, yearly_shape
from ruralgrid.demand.diversity import CLASSES, levels
from ruralgrid.demand.shapes import DAYS_OF_MONTH, month_of_day
from ruralgrid.errors import UnknownNameError


@pytest.fixture(scope="module")
def load(county):
    return load_of(county)


def household_county(tiny, names, households, kwh_each=700.0):
    """A county of villages, each with all its households at one node."""
    rows = pd.DataFrame({"name": names, "households": households})
    villages = rows.assign(town="town", admin_village="admin")
    consumers = pd.DataFrame(
        {
            "name": [f"homes of {name}" for name in names],
            "node": "P1",
            "village": names,
            "kind": "household",
            "count": households,
            "kwh_per_year": np.asarray(households) * kwh_each,
            "power_factor": 0.92,
            "phases": "abc",
        }
    )
    return tiny.with_tables(villages=villages, consumers=consumers)


# shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list_kinds())
def test_a_shape_keeps_the_energy(kind):
    shape = yearly_shape(kind)
    assert shape.shape == (8760,)
    assert shape.mean() == pytest.approx(1.0, abs=1e-12)
    assert (shape >= 0).all()
    assert not shape.flags.writeable


def test_months_of_a_common_year():
    assert sum(DAYS_OF_MONTH) == 365
    assert np.bincount(month_of_day()).tolist() == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def test_households_peak_in_the_evening_of_spring_festival():
    """The highest hour of the year: between 18 and 22 h, 31 January to 13 February."""
    day, hour = divmod(int(np.argmax(yearly_shape("household"))), 24)
    assert 30 <= day <= 43
    assert 18 <= hour <= 22


def test_pumps_run_when_the_fields_are_dry():
    """Irrigation of the plateau: March to August hold three quarters of the energy and the peak."""
    by_month = np.bincount(month_of_day(), yearly_shape("irrigation").reshape(365, 24).sum(axis=1))
    assert by_month[2:8].sum() / by_month.sum() > 0.75
    assert by_month.argmax() in range(3, 8)


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match="household"):
        yearly_shape("houshold")
    with pytest.raises(UnknownNameError, match="industry"):
        get_kind("industries")


def test_shares_of_a_load_by_voltage_are_shares():
    for name in list_kinds():
        kind = get_kind(name)
        assert 0 <= kind.const_z_percent <= 100
        assert 0 <= kind.const_i_percent <= 100 - kind.const_z_percent
        assert 0.7 <= kind.power_factor <= 1.0


# coincidence ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("customers", "factor"), [(1, 1.0), (4, 0.63), (100, 0.334)])
def test_coincidence_factor_by_hand(customers, factor):
    """0.26 + 0.74/sqrt(N): one customer coincides with himself, a hundred to a third."""
    assert coincidence_factor(customers) == pytest.approx(factor, abs=1e-12)


def test_coincidence_of_many_is_the_floor():
    assert coincidence_factor(1e12, floor=0.4) == pytest.approx(0.4, abs=1e-5)


@pytest.mark.parametrize("customers", [9, 16, 28, 54, 100, 400])
def test_excess_is_the_factor_over_its_floor(customers):
    """Ks(N)/Ks(inf) - 1, in steps of 5 %: at most half a step from the formula."""
    exact = 0.74 / 0.26 / np.sqrt(customers)
    assert excess_of(customers) == pytest.approx(exact, abs=0.0251)


def test_excess_is_bounded_so_that_no_load_is_negative():
    assert excess_of([1, 2, 8]).tolist() == [0.95, 0.95, 0.95]
    assert excess_of(1e9) == 0.0


def test_levels_of_an_hour_are_an_order_of_the_same_values():
    values = levels()
    assert values.shape == (CLASSES, 8760)
    expected = np.linspace(-1, 1, 24)
    np.testing.assert_allclose(np.sort(values, axis=0), np.tile(expected[:, None], 8760))
    # each class meets every level about equally often: 365 times in 8,760 hours, +-20 at one sigma
    assert np.abs(values.mean(axis=1)).max() < 0.05


def test_a_class_is_a_checksum_of_the_name():
    # the check value of CRC-32 (ISO 3309) for "123456789" is CBF43926
    assert class_of("123456789") == 0xCBF43926 % 24
    assert class_of("新宁镇马家村1组") == class_of("新宁镇马家村1组")
    classes = {class_of(f"village {k}") for k in range(500)}
    assert classes == set(range(24))


@pytest.mark.parametrize("households", [16, 36, 64, 144])
def test_a_small_group_peaks_higher_at_the_same_energy(tiny, households):
    """The peak over the county's own is Ks(N)/Ks(inf).

    Within 6 %: the excess goes in steps of 5 % (half a step of some 1.4: 2 %), and the highest
    levels of a class do not all meet the highest hours of the year.
    """
    names = [f"village {k}" for k in range(60)]
    load = load_of(household_county(tiny, names, [households] * 60))
    np.testing.assert_allclose(load.curves.mean(axis=1), 1.0, atol=1e-12)
    assert load.curves.min() >= 0
    ratio = load.curves.max(axis=1) / yearly_shape("household").max()
    expected = (0.26 + 0.74 / np.sqrt(households)) / 0.26
    np.testing.assert_allclose(ratio, expected, rtol=0.06)


def test_groups_do_not_peak_together(tiny):
    names = [f"village {k}" for k in range(60)]
    load = load_of(household_county(tiny, names, [36] * 60))
    hours = load.curves.argmax(axis=1)
    assert len(set(hours)) >= 10


def test_all_classes_together_are_the_county(tiny):
    """One village of each class, all alike: the sum is the shape of households itself."""
    names: dict[int, str] = {}
    for k in range(2000):
        names.setdefault(class_of(f"village {k}"), f"village {k}")
    load = load_of(household_county(tiny, list(names.values()), [36] * 24))
    shape = load.total_kw() / load.total_kw().mean()
    # the mean of a curve is made 1 after the levels are put on it: 0.5 % of its own are left over
    np.testing.assert_allclose(shape, yearly_shape("household"), rtol=5e-3)


def test_a_lower_floor_makes_higher_peaks(tiny):
    county = household_county(tiny, ["v"], [64])
    peaks = [load_of(county, floor).curves.max() for floor in (0.2, 0.3, 0.5, 1.0)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] == pytest.approx(yearly_shape("household").max())


def test_the_floor_is_the_countys_own_assumption(tiny, county):
    """0.26 in the packaged assumptions, and where a county states none."""
    assert (county.assumptions["parameter"] == "coincidence_floor").sum() == 1
    plain = household_county(tiny, ["v"], [64])
    np.testing.assert_array_equal(load_of(plain).curves, load_of(plain, 0.26).curves)


# loads of a county ----------------------------------------------------------------------------


def test_power_by_hand(tiny):
    """8,760 kWh a year are 1 kW; cos phi 0.8 makes 0.75 kvar of it."""
    load = load_of(tiny)
    assert load.mean_kw[0] == pytest.approx(1.0)
    assert load.mean_kvar[0] == pytest.approx(0.75)
    assert load.const_z_percent.tolist() == [15, 50, 50]
    own = load.curves[load.curve_of[0]]
    np.testing.assert_allclose(own, yearly_shape("three_phase_user"), rtol=1e-12)


def test_rows_of_one_village_share_a_curve(tiny):
    """Six households in all, four and two at their points: a group of six, not of four and two."""
    load = load_of(tiny)
    assert load.curve_of[1] == load.curve_of[2] != load.curve_of[0]


def test_no_customers_no_load(tiny):
    load = load_of(tiny.with_tables(consumers=tiny.consumers.iloc[:0]))
    assert load.curves.shape == (0, 8760)
    assert load.total_kw().tolist() == [0.0] * 8760


def test_energy_of_a_county_is_kept(county, load):
    assert load.total_kw().sum() == pytest.approx(county.consumers["kwh_per_year"].sum(), rel=1e-12)
    np.testing.assert_allclose(load.curves.mean(axis=1), 1.0, atol=1e-12)
    assert load.curves.min() >= 0
    assert len(load.curves) < 500  # "a few hundred curves": 8760 x 4 MB stay small


def test_peak_hour_is_the_hour_of_the_highest_load(load):
    total = load.total_kw()
    assert total[load.peak_hour] == total.max()


def test_load_of_leaves_the_county_as_it_was(tiny):
    before = {name: frame.copy() for name, frame in tiny.tables.items()}
    load_of(tiny)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(tiny.tables[name], frame)


# what the assumptions promise ----------------------------------------------------------------


def test_hours_of_use_are_what_the_shapes_give(plan):
    """The stated hours of use, of all customers and of households, follow from the shapes."""
    assumed = assumptions_for(plan)
    kwh = county_demand(plan, assumed).kwh
    mixture = sum(energy / 8760 * yearly_shape(kind) for kind, energy in kwh.items())
    hours = mixture.sum() / mixture.max()
    assert hours == pytest.approx(assumed["hours_of_use_h"], rel=0.01)
    hours = 8760 / yearly_shape("household").max()
    assert hours == pytest.approx(assumed["household_hours_of_use_h"], rel=0.01)


def test_kinds_add_up_to_the_countys_energy(plan, county):
    demand = county_demand(plan, assumptions_for(plan))
    of_kind = county.consumers.groupby("kind")["kwh_per_year"].sum()
    assert of_kind.to_dict() == pytest.approx(demand.kwh, rel=1e-9)
    assert demand.total_kwh == pytest.approx(of_kind.sum(), rel=1e-12)


def test_the_countys_load_lies_in_the_bands_of_the_design(county, load):
    """Peak 30-40 MW, 120-170 GWh, 3,200-4,300 h, 600-900 kWh a household."""
    total = load.total_kw()
    assert 30e3 < total.max() < 40e3
    assert 120e6 < total.sum() < 170e6
    assert 3200 < total.sum() / total.max() < 4300
    homes = county.consumers[county.consumers["kind"] == "household"]
    assert 600 < homes["kwh_per_year"].sum() / homes["count"].sum() < 900


def test_classes_leave_the_countys_peak_within_two_percent(plan, county, load):
    """Real villages do not fill the 24 classes evenly: the sum is the mixture's but for that."""
    kwh = county_demand(plan, assumptions_for(plan)).kwh
    mixture = sum(energy / 8760 * yearly_shape(kind) for kind, energy in kwh.items())
    assert load.total_kw().max() == pytest.approx(mixture.max(), rel=0.02)


def test_peak_of_a_group_for_sizing_by_hand(plan):
    """64 households of 700 kWh: 64 * 700 / 3339 h = 13.42 kW in common, times 0.3525/0.26."""
    assumed = assumptions_for(plan).replace({"household_hours_of_use_h": 3339.0})
    assert peak_kw(64, 700.0, assumed) == pytest.approx(13.417 * 0.3525 / 0.26, rel=1e-3)


@pytest.mark.parametrize(("wanted", "kva"), [(30, 30), (30.1, 50), (101, 125), (9000, 630)])
def test_rating_above(wanted, kva):
    assert rating_above(wanted) == kva
