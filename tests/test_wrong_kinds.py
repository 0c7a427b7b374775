"""An argument of another kind is told as such: what came, what is expected, what makes one."""

from __future__ import annotations

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
