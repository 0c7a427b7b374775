"""Runs of hours as one year: sums, and what failed in one of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_flow_tap_changers import nested, profiles_of

from ruralgrid.flow import solve_year
from ruralgrid.flow.four_wire.runs import _feeders, joined_runs

DID = ["tap_min", "tap_max", "tap_mean", "tap_changes"]


def of_hours(net, profiles, hours):
    return solve_year(net, profiles, hours=np.array(hours))


def test_two_runs_are_the_year_of_both():
    net = nested()
    profiles = profiles_of(net, 1.0)
    whole = of_hours(net, profiles, range(8))
    both = joined_runs([of_hours(net, profiles, range(4)), of_hours(net, profiles, range(4, 8))])
    assert both.taps.equals(whole.taps)
    assert both.tap_changers[DID].equals(whole.tap_changers[DID])
    # each run starts its iteration anew, and stops it at 1e-7 pu
    assert both.balance["fed_kwh"] == pytest.approx(whole.balance["fed_kwh"], rel=1e-8)


def test_a_unit_that_failed_in_one_run_tells_no_taps():
    """The second run without a solution for one unit, as `solve_year` frames it."""
    net = nested()
    profiles = profiles_of(net, 1.0)
    first, second = of_hours(net, profiles, range(4)), of_hours(net, profiles, range(4, 8))
    changers, taps = second.tap_changers.copy(), second.taps.astype("Int16")
    unit = changers.index[1]
    numbers = changers.columns.drop(["name", "status"])
    changers.loc[unit, numbers] = np.nan
    changers.loc[unit, "status"] = "failed"
    taps[unit] = pd.array([pd.NA] * len(taps), dtype="Int16")
    joined = joined_runs([first, replace(second, tap_changers=changers, taps=taps)])
    assert joined.tap_changers.loc[unit, "status"] == "failed"
    assert joined.tap_changers.loc[unit, numbers].isna().all()
    assert joined.tap_changers.drop(index=unit)[numbers].notna().all(axis=None)


def test_parts_that_fell_in_one_run_only_are_told_of_the_year():
    """Of two runs, the second cuts a feeder off: it has failed, the tree without it stands."""

    def feeders(rows):
        table = pd.DataFrame(rows, columns=["root", "buses", "status", "failed_hour", "cause"])
        return table.astype({"failed_hour": "Int64"})

    first = feeders([["source", 9, "solved", None, ""]])
    second = feeders([["source", 6, "solved", None, ""], ["F1", 3, "failed", 31, "too much load"]])
    for runs in ([first, second], [second, first]):
        joined = _feeders(runs)
        assert joined["root"].tolist() == ["source", "F1"]
        assert joined["buses"].tolist() == [6, 3]
        assert joined["status"].tolist() == ["solved", "failed"]
        assert joined["failed_hour"].tolist() == [pd.NA, 31]
    twice = feeders([["bus", 2, "solved", None, ""], ["bus", 5, "solved", None, ""]])
    assert _feeders([twice, twice])["buses"].tolist() == [2, 5]
