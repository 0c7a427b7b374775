"""The whole county by the year engine and by pandapower's own `runpp`: 20 hours over all stages.

pandapower's tap changers step from the net's own taps at the first stage. At the others they start
from ours, which saves it three power flows of four: they move on if these are not where they rest.
"""

from __future__ import annotations

import numpy as np
import pytest

from ruralgrid.demand import load_of
from ruralgrid.flow import LoadProfiles, solve_snapshot, solve_year
from ruralgrid.network import build

# four hours a stage, so that 20 are different: night, morning, the county's peak, a summer noon
HOURS = {
    0: (3, 420, 762, 4692),
    1: (27, 1000, 786, 4716),
    2: (51, 1500, 810, 5100),
    3: (75, 2000, 834, 6000),
    4: (99, 8000, 762, 8700),
}


@pytest.mark.parametrize("stage", HOURS)
def test_voltages_and_losses_are_pandapowers(draw, stage):
    county = draw(1).stages[stage]
    net = build(county, hour="mean")
    load = load_of(county)
    hours = np.array(HOURS[stage])
    profiles = LoadProfiles(load.curves, load.curve_of)
    year = solve_year(net, profiles, hours=hours, record_buses="all", tolerance_pu=1e-8)
    year.require_solved()
    loss_mwh = 0.0
    for row, hour in enumerate(hours):
        # the load of one hour on the same net: no need to build it again
        net.load["scaling"] = load.curves[load.curve_of, hour]
        if stage > 0:
            net.trafo.loc[year.taps.columns, "tap_pos"] = year.taps.loc[hour]
        solved = solve_snapshot(net, tolerance_mva=1e-9)
        difference = year.recorded.iloc[row] - solved.res_bus["vm_pu"]
        taps = year.taps.loc[hour]
        assert solved.trafo["tap_pos"].loc[taps.index].tolist() == taps.tolist()
        assert difference.abs().max() < 1e-6  # the bound; both iterate further than that
        loss_mwh += solved.res_line["pl_mw"].sum()
        loss_mwh += solved.res_trafo["pl_mw"].sum() + solved.res_trafo3w["pl_mw"].sum()
    lost = year.balance[["line_loss_kwh", "no_load_kwh", "load_loss_kwh"]].sum() / 1000
    assert lost == pytest.approx(loss_mwh, rel=1e-6)
