"""Nets from elsewhere through a study: none low, no works, no 0.4 kV at all."""

from __future__ import annotations

import pandapower.networks as pn
import pytest

import ruralgrid as rg


@pytest.mark.parametrize("make", [pn.create_kerber_landnetz_freileitung_1, pn.case33bw])
def test_a_net_with_nothing_low_and_no_works_is_studied(make) -> None:
    """Kerber's village stands above 198 V; the 33 buses of Baran and Wu have no 0.4 kV."""
    county = rg.from_pandapower(make(), leave_out=True)
    study = rg.study(county, hours="representative", progress=False)
    assert list(study.stages["stage"]) == [0]
    assert study.stages["households_low"].sum() == 0
    assert study.stages["balance_residual"].abs().max() < 1e-9
    assert 0 < study.stages["loss_percent"].iloc[0] < 10
