"""Plans that cannot be met are refused with the figure; plans with a part left out are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ruralgrid.county.synthesis import draw_county
from ruralgrid.errors import InputError
from ruralgrid.plan.facts import Works


def with_batch(plan, number, **fields):
    batches = [replace(b, **fields) if b.year == number else b for b in plan.batches]
    return replace(plan, batches=tuple(batches))


EXISTING = {
    "capacity": (
        {"transformer_capacity_35kv_kva": 65_201.0},
        "no set of standard ratings makes 65,201 kVA from 14 transformers in 7 stations",
    ),
    "35 kV length": ({"length_35kv_km": 80.0}, "80 km are stated, the shortest 12 lines"),
    "35 kV lines": ({"lines_35kv": 5}, "5 lines of 35 kV cannot reach 7 stations"),
    "10 kV length": ({"length_10kv_km": 700.0}, "700 km are stated, the shortest feeders"),
    "0.4 kV length": ({"length_0_4kv_km": 500.0}, "500 km of 0.4 kV leave"),
}


@pytest.mark.parametrize(("fields", "message"), EXISTING.values(), ids=EXISTING)
def test_a_network_that_cannot_be(plan, fields, message):
    impossible = replace(plan, existing=replace(plan.existing, **fields))
    with pytest.raises(InputError) as caught:
        draw_county(impossible, 1)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"existing, {next(iter(fields))}: ")


WORKS = {
    "households": ({"low_voltage": Works(30_000, 29)}, "do not fit into the villages"),
    "no village": ({"low_voltage": Works(1741, 0)}, "1741 households in no village"),
    "10 kV": ({"length_10kv_km": 20.0}, "batch[1], length_10kv_km: 20 km of 10 kV works are"),
}


@pytest.mark.parametrize(("fields", "message"), WORKS.values(), ids=WORKS)
def test_works_that_cannot_be(plan, fields, message):
    with pytest.raises(InputError) as caught:
        draw_county(with_batch(plan, 1, **fields), 1)
    assert message in str(caught.value)


def test_a_batch_without_three_phase_villages(plan):
    """A plan need not count them: none is what a batch has by default."""
    county = draw_county(with_batch(plan, 1, three_phase=Works(0, 0)), 1)
    first = county.villages[county.villages["batch"] == 1]
    assert set(first["plan_class"]) == {"low_voltage"}
    assert first["households"].sum() == 1741
    assert county.villages["households"].sum() == 125_581


def test_a_plan_without_works(plan):
    county = draw_county(replace(plan, batches=(), hv_schedule=None), 1)
    assert county.stages == (0,)
    assert len(county.edits) == 0
    kv = county.nodes.set_index("name")["kv"]
    lengths = county.sections["length_km"].groupby(county.sections["from_node"].map(kv)).sum()
    np.testing.assert_allclose(lengths.loc[[0.4, 10.0, 35.0]], [2604.2, 1958.0, 162.5], atol=1e-6)
