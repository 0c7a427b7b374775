"""An argument of another kind is told as such: what came, what is expected, what makes one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandapower
import pytest

import ruralgrid as rg
from ruralgrid.errors import InputError


def test_a_name_is_no_plan() -> None:
    with pytest.raises(InputError, match=r"plan: received str 'ningxian'; a Plan .* read_plan"):
        rg.synthesise("ningxian")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a Plan is expected"):
        rg.audit("ningxian")  # type: ignore[arg-type]


def test_a_plan_is_no_county(plan: rg.Plan) -> None:
    with pytest.raises(InputError, match=r"received Plan .* a County is expected, see synthesise"):
        rg.build(plan)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a County is expected"):
        rg.study(plan)  # type: ignore[arg-type]


def test_a_path_is_no_county() -> None:
    with pytest.raises(InputError, match=r"county: received str 'my.xlsx'; .* read_county"):
        rg.validate("my.xlsx")  # type: ignore[arg-type]


def test_a_county_has_no_std_types(county: rg.County) -> None:
    with pytest.raises(InputError, match=r"received County .* a pandapowerNet .* see build"):
        rg.register_std_types(county)  # type: ignore[arg-type]


def test_a_county_is_no_net(county: rg.County) -> None:
    profiles = rg.LoadProfiles(np.ones((1, 1)), np.zeros(1, dtype=int))
    for solve in (
        lambda: rg.solve_year(county, profiles),  # type: ignore[arg-type]
        lambda: rg.solve_year_four_wire(county, county, profiles),  # type: ignore[arg-type]
        lambda: rg.solve_snapshot(county),  # type: ignore[arg-type]
        lambda: rg.from_pandapower(county),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputError, match=r"received County .* a pandapowerNet is expected"):
            solve()


def test_a_net_is_no_county(tmp_path: Path) -> None:
    net = pandapower.create_empty_network()
    with pytest.raises(InputError, match="a County is expected"):
        rg.write_geojson(net, tmp_path / "q.geojson")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
