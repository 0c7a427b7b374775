from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.limits import Limit, get_limits, list_limits, read_limits, voltage_limits

GB = get_limits("GBT12325_2008")


@pytest.mark.parametrize(
    ("vn_kv", "single_phase", "low_v", "high_v"),
    [
        # supply rules, article 54: 220 V +7/-10 %, 380 V and 10 kV +-7 %
        (0.4, True, 198.0, 235.4),
        (0.4, False, 353.4, 406.6),
        (0.38, True, 198.0, 235.4),
        (10.0, True, 9300.0, 10700.0),
        (10.0, False, 9300.0, 10700.0),
        (20.0, False, 18600.0, 21400.0),
    ],
)
def test_the_bands_are_the_printed_volts(
    vn_kv: float, single_phase: bool, low_v: float, high_v: float
) -> None:
    is_phase = single_phase and vn_kv < 1
    base_v = vn_kv * 1000 / (math.sqrt(3) if is_phase else 1)
    # two products of rounded floats: a few units in the last place
    assert GB.low_pu(vn_kv, single_phase=single_phase) * base_v == pytest.approx(low_v, rel=1e-14)
    assert GB.high_pu(vn_kv, single_phase=single_phase) * base_v == pytest.approx(high_v, rel=1e-14)


def test_198_volts_are_0_857_of_the_base_of_a_0_4_kv_net() -> None:
    assert round(GB.low_pu(0.4), 6) == 0.857365
    assert GB.low_pu(10.0) == 0.93
    assert GB.high_pu(10.0) == 1.07


def test_an_array_of_nominal_voltages_gives_an_array() -> None:
    vn_kv = np.array([10.0, 0.4, 35.0, 0.4])
    expected = [0.93, 198 / (400 / math.sqrt(3)), 0.9, 198 / (400 / math.sqrt(3))]
    assert GB.low_pu(vn_kv) == pytest.approx(expected, rel=1e-14)


def test_a_value_on_a_closed_limit_is_inside_and_on_an_open_one_outside() -> None:
    band = GB.band(10.0)
    assert band.is_low([0.93, np.nextafter(0.93, 0), np.nan], 10.0).tolist() == [False, True, False]
    assert band.is_high([1.07, np.nextafter(1.07, 2), np.nan], 10.0).tolist() == [
        False,
        True,
        False,
    ]
    heavy = GB.limit("transformer_heavy")
    assert heavy.is_exceeded([80.0, 80.1, np.nan]).tolist() == [False, True, False]
    is_open = Limit("transformer_heavy", 80.0, "%", "open", "", "assumed", "")
    assert is_open.is_exceeded([79.9, 80.0, np.nan]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("low", "high", "figure"),
    [
        (0.94, 1.05, 11.0),  # opposite signs add up
        (0.96, 1.05, 9.0),
        (0.93, 0.98, 7.0),  # both low: the larger one alone
        (1.02, 1.09, 9.0),  # both high
        (1.0, 1.0, 0.0),
    ],
)
def test_from_35_kv_the_sum_of_deviations_counts(low: float, high: float, figure: float) -> None:
    # percent of a difference of numbers near 1: 1e-14 relative of 1, times 100
    assert GB.band(35.0).deviation_sum_percent(low, high) == pytest.approx(figure, abs=1e-11)


def test_what_the_standard_does_not_state_comes_from_practice_with_its_own_clause() -> None:
    stated = {
        ("low_voltage_hours", ""): 1.0,
        ("transformer_heavy", ""): 80.0,
        ("transformer_overload", ""): 100.0,
        ("line_heavy", ""): 70.0,
        ("line_overload", ""): 100.0,
        ("supply_radius", "0.4 kV"): 0.5,
        ("supply_radius", "10 kV"): 15.0,
        ("drop_share", "10 kV"): 5.0,
        ("voltage_unbalance", ""): 2.0,
    }
    assert {key: GB.limit(*key).value for key in stated} == stated
    assert GB.hours_allowed == 1.0
    assert all("12325" not in limit.clause for limit in GB.limits)
    assert all("12325" in band.clause for band in GB.bands)


def test_nothing_claims_to_have_been_read_in_a_standard() -> None:
    frame = GB.to_frame()
    assert set(frame["grade"]) <= {"unverified", "assumed"}
    assert (frame["source"] != "").all()
    assert (frame["clause"] != "").all()


def test_a_voltage_without_band_is_refused() -> None:
    with pytest.raises(InputError, match="no voltage band covers 27"):
        GB.low_pu(27.5)


def test_a_miss_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="GBT12325_2008"):
        get_limits("GBT12325")
    with pytest.raises(UnknownNameError, match="transformer_heavy"):
        GB.limit("transformer_hevy")
    assert list_limits() == sorted(list_limits())
    assert [get_limits(name).name for name in list_limits()] == list_limits()


@pytest.mark.parametrize("name", ["GBT15543_2008", "RURAL_PRACTICE"])
def test_what_judges_voltages_has_bands(name: str) -> None:
    with pytest.raises(InputError, match=rf"{name}: it has no voltage bands; .*: GBT12325_2008$"):
        voltage_limits(name)
    with pytest.raises(InputError, match="covers 10 kV; the set has none"):
        get_limits(name).low_pu(10.0)
    with pytest.raises(UnknownNameError) as caught:
        voltage_limits(name[:-1])
    assert name not in str(caught.value)  # a set that is of no use is not offered


def test_a_file_of_ones_own_ends_in_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "l1.txt").write_text(OWN, encoding="utf-8")
    for read in (get_limits, voltage_limits):
        with pytest.raises(UnknownNameError, match=r"'l1.txt' is there: rename it to l1\.toml"):
            read("l1.txt")
        with pytest.raises(UnknownNameError, match=r"a file of your own ends in \.toml"):
            read("l2.txt")


OWN = """
name = "OWN"
edition = "2026"
includes = ["GBT12325_2008"]
[[limit]]
quantity = "supply_radius"
level = "0.4 kV"
value = 0.4
unit = "km"
ends = "open"
clause = "works standard 3.2"
grade = "stated"
source = "own"
"""


def test_a_set_of_ones_own_overrides_what_it_includes(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    own = get_limits(path)
    assert own.limit("supply_radius", "0.4 kV").value == 0.4
    assert own.limit("supply_radius", "10 kV").value == 15.0
    assert own.low_pu(10.0) == 0.93
    assert get_limits(str(path)) == own


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value = 0.4", "vlaue = 0.4", "'value'|vlaue"),
        ("value = 0.4", 'value = "0.4"', "finite number"),
        ("value = 0.4", "value = nan", "finite number"),
        ("value = 0.4", "value = -1", "0 or more"),
        ('unit = "km"', 'unit = "m"', "is in 'km'"),
        ('ends = "open"', 'ends = "opened"', "open"),
        ('grade = "stated"', 'grade = "certain"', "grade"),
        ('quantity = "supply_radius"', 'quantity = "radius"', "no quantity"),
        ('source = "own"', "", "'source' is absent"),
        ('"GBT12325_2008"', '"GBT12325"', "GBT12325_2008"),
        ("name =", "nmae =", "nmae"),
        ("[[limit]]", "[limit]", "must be a list"),
        ("edition =", "edition", "not TOML"),
    ],
)
def test_a_fault_in_a_set_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "own.toml"
    assert old in OWN
    path.write_text(OWN.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_limits(path)
    assert "own.toml" in str(caught.value)


def test_the_same_limit_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN + OWN[OWN.index("[[limit]]") :], encoding="utf-8")
    with pytest.raises(InputError, match="stated twice"):
        read_limits(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("low_percent = -7.0", "either"),
        ("low_percent = -7.0\nhigh_percent = 7.0\nsum_percent = 10.0", "either"),
        ("", "either"),
        ("low_percent = 7.0\nhigh_percent = -7.0", "not below"),
        ("sum_percent = 10.0\nnominal_v = 0.0", "above 0"),
    ],
)
def test_a_band_must_be_whole(tmp_path: Path, fields: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "OWN"\n[[voltage_band]]\nconnection = "three_phase"\nfrom_kv = 1.0\nto_kv = 20\n'
        'ends = "closed"\nclause = "c"\ngrade = "stated"\nsource = "s"\n' + fields,
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=message):
        read_limits(path)


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        get_limits(tmp_path / "none.toml")
