"""Nets from elsewhere through a study: none low, no works, no 0.4 kV at all."""

from __future__ import annotations

import pytest
from nets import case33bw, kerber_landnetz
from test_flow_four_wire import one_phase_each

import ruralgrid as rg


@pytest.mark.parametrize("make", [kerber_landnetz, case33bw])
def test_a_net_with_nothing_low_and_no_works_is_studied(make) -> None:
    """Kerber's village stands above 198 V; the 33 buses of Baran and Wu have no 0.4 kV."""
    county = rg.from_pandapower(make(), leave_out=True)
    study = rg.study(county, hours="representative", progress=False)
    assert list(study.stages["stage"]) == [0]
    assert study.stages["households_low"].sum() == 0
    assert study.stages["balance_residual"].abs().max() < 1e-9
    assert 0 < study.stages["loss_percent"].iloc[0] < 10


@pytest.mark.parametrize("kv", [0.38, 0.4])
def test_a_county_at_380_v_is_studied(kv: float) -> None:
    """380 V is the nominal voltage that most Chinese tables give."""
    county = one_phase_each()
    nodes = county.nodes.assign(kv=county.nodes["kv"].where(county.nodes["kv"] > 1, kv))
    study = rg.study(county.with_tables(nodes=nodes), hours="representative", progress=False)
    assert study.phases["line_loss_0_4kv_four_wire_kwh"].iloc[0] > 0
    assert study.stages["balance_residual"].abs().max() < 1e-9
    assert sorted(study.losses["level_kv"].unique()) == [kv, 10.0]
