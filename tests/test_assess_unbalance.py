"""Unbalance against its limit: known phasors, a known count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from four_wire_cases import Case, Load, Section

from ruralgrid.assess import unbalance_findings, unbalance_summary
from ruralgrid.errors import InputError
from ruralgrid.limits import get_limits

LIMITS = get_limits("GBT12325_2008")


def nodes(percent: list[float], status: list[str] | None = None) -> pd.DataFrame:
    count = len(percent)
    return pd.DataFrame(
        {
            "name": [f"n{k}" for k in range(count)],
            "status": status or ["solved"] * count,
            "unbalance_max_percent": percent,
            "neutral_v_max": np.arange(count, dtype=float),
        }
    )


def test_nodes_are_counted_beyond_four_percent():
    """4 % itself is allowed (closed); a node of one phase, or without a solution, is none."""
    table = nodes([1.0, 4.0, 4.01, 9.5, np.nan, 50.0], ["solved"] * 5 + ["failed"])
    summary = unbalance_summary(table, LIMITS)
    assert summary["nodes_three_phase"] == 4
    assert summary["nodes_unbalanced"] == 2
    assert summary["unbalance_max_percent"] == 9.5
    assert summary["neutral_v_max"] == 4.0
    (finding,) = unbalance_findings(table, LIMITS, 2)
    assert (finding.code, finding.subject, finding.value, finding.limit) == (
        "unbalance", "n3", 9.5, 4.0,
    )  # fmt: skip
    assert "stage 2: 2 of 4 nodes" in finding.message
    assert finding.clause.startswith("GB/T 15543")


def test_nothing_beyond_is_no_finding():
    assert not unbalance_findings(nodes([0.5, 4.0]), LIMITS, 0)


def test_the_factor_is_that_of_the_sequences():
    """One load of 5 kW on phase a behind 0.3 km of LGJ-35: from the three phasors."""
    case = Case([Section(0, 0.3)], [Load(1, "a", 5.0)])
    phases = case.solve().phases
    summary = unbalance_summary(phases, LIMITS)
    z = case.areas.impedance_ohm[1] / (case.areas.base_v[0] ** 2 / 1000)
    own, mutual = z[0, 0] - 2 * z[0, 3] + z[3, 3], z[1, 0] - z[1, 3] - z[0, 3] + z[3, 3]
    third = z[2, 0] - z[2, 3] - z[0, 3] + z[3, 3]
    unit = case.areas.series_ohm[0] / (case.areas.base_v[0] ** 2 / 1000)  # Dyn: no coupling
    turn = np.exp(2j * np.pi / 3)
    source = np.array([1, turn**2, turn]) * case.areas.no_load_v[0] / case.areas.base_v[0]
    u, current = source.copy(), 0j
    for _ in range(200):
        current = np.conj(5.0 / u[0])
        u = source - np.array([own + unit, mutual, third]) * current
    sequences = np.array([[1, turn, turn**2], [1, turn**2, turn]]) @ u / 3
    expected = 100 * abs(sequences[1] / sequences[0])
    assert summary["unbalance_max_percent"] == pytest.approx(expected, rel=1e-6)


def test_a_balanced_year_has_none():
    with pytest.raises(InputError, match="of a four-wire year"):
        unbalance_summary(pd.DataFrame({"name": ["n"], "status": ["solved"]}), LIMITS)
