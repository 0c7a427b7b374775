"""simbench's rural nets as they are: the check, the year, and pandapower's own answer by the hour.

simbench (Meinecke et al., Energies 13 (2020) 3290): nets with profiles of 35,136 quarter hours.
"""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
import simbench
from nets import kerber_landnetz

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.flow import solve_year
from ruralgrid.network import check_pandapower, from_pandapower
from ruralgrid.studies import check_voltages
from ruralgrid.studies.net_profiles import net_with_profiles

CODES = ["1-LV-rural1--0-sw", "1-LV-rural2--0-sw", "1-LV-rural3--0-sw", "1-MV-rural--0-sw"]
SAME_PU = 1e-6  # the year engine's promise
HOURS = [0, 1050, 4500, 8783]


@cache
def simbench_net(code):
    return simbench.get_simbench_net(code)


@cache
def absolute_values(code):
    return simbench.get_absolute_values(simbench_net(code), profiles_instead_of_study_cases=True)


@cache
def by_pandapower(code, hour):
    """runpp on the means of the hour's four quarters, as simbench itself computes them."""
    net = copy.copy(simbench_net(code))
    net.profiles = {}  # large, and not runpp's
    net = copy.deepcopy(net)
    for (table, column), values in absolute_values(code).items():
        if values.shape[1]:
            mean = values.iloc[4 * hour : 4 * hour + 4].mean()
            net[table].loc[values.columns, column] = mean
    pp.runpp(net, tolerance_mva=1e-10)
    return net


@pytest.mark.parametrize("code", CODES)
def test_a_year_is_pandapowers_at_every_hour_looked_at(code):
    net, profiles = net_with_profiles(simbench_net(code))
    assert profiles.hours == 8784  # 2016
    year = solve_year(net, profiles, hours=HOURS, record_buses="all", progress=False)
    for hour in HOURS:
        reference = by_pandapower(code, hour)
        np.testing.assert_allclose(
            year.recorded.loc[hour], reference.res_bus["vm_pu"], rtol=0, atol=SAME_PU
        )
    loss_kwh = sum(
        by_pandapower(code, hour)[table]["pl_mw"].sum() * 1e3
        for hour in HOURS
        for table in ("res_line", "res_trafo")
    )
    lost = year.balance[["line_loss_kwh", "no_load_kwh", "load_loss_kwh"]].sum()
    assert lost == pytest.approx(loss_kwh, rel=1e-5)


@pytest.mark.parametrize("code", CODES)
def test_the_check_judges_every_customer_in_every_hour(code):
    """At 1.025 pu and more these nets stand above 235.4 V, which is Chinese law and not German."""
    net = simbench_net(code)
    check = check_voltages(net)
    assert len(check.solution.hours) == 8784
    assert set(check.points["node"]) == set(net.bus["name"][net.load["bus"].unique()])
    assert not (check.violations["kind"] == "low").any()
    if code.startswith("1-LV"):
        worst = check.violations.iloc[0]
        reference = by_pandapower(code, int(worst["worst_hour"]))
        volts = reference.res_bus["vm_pu"][net.bus["name"] == worst["node"]].iloc[0] * 400 / 3**0.5
        assert worst["value"] == pytest.approx(volts, abs=1e-3)
        assert worst["value"] > worst["limit"]


def test_its_tables_without_generators_are_those_of_runpp():
    """A county has no table of generators: the check tells, and the rest is as it was."""
    net = copy.deepcopy(simbench_net(CODES[0]))
    errors = check_pandapower(net).of_severity("error")
    assert [(e.code, e.subject) for e in errors] == [("element-not-held", "sgen")]
    with pytest.raises(InputError, match="sgen: 4 in service"):
        from_pandapower(net)
    county = from_pandapower(net, leave_out=True)
    assert len(county.consumers) == len(net.load)
    assert len(county.sections) == len(net.line)


def test_a_net_without_profiles_is_its_one_hour():
    net = kerber_landnetz()
    same, profiles = net_with_profiles(net)
    assert same is net
    assert profiles.hours == 1


def test_a_profile_that_is_not_there():
    net = copy.deepcopy(simbench_net(CODES[0]))
    net.load.loc[0, "profile"] = "H0-Z"
    with pytest.raises(UnknownNameError, match="H0-Z_pload"):
        net_with_profiles(net)


def test_steps_that_make_no_hours():
    net = copy.deepcopy(simbench_net(CODES[0]))
    net.profiles = {name: frame.iloc[:100] for name, frame in net.profiles.items()}
    with pytest.raises(InputError, match="100 steps"):
        net_with_profiles(net)


def test_the_net_stays_as_it_was():
    net = copy.deepcopy(simbench_net(CODES[0]))
    net_with_profiles(net)
    for table in ("load", "sgen"):
        pd.testing.assert_frame_equal(net[table], simbench_net(CODES[0])[table])
