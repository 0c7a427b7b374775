"""The benchmarks of docs/performance.md and docs/four_wire.md run, and their programs agree.

Small nets and few hours: what is asked here is not speed, but that the scripts follow the library.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent / "performance"
AGREED_PU = 1e-6  # the tolerance at which both scripts solve


@pytest.fixture
def script(monkeypatch):
    """A script of tests/performance as a module."""
    monkeypatch.syspath_prepend(SCRIPTS)

    def load(name):
        monkeypatch.delitem(sys.modules, name, raising=False)
        return __import__(name)

    return load


def test_the_year_beside_power_grid_model_and_pandapower(script, monkeypatch):
    year = script("benchmark_year")
    monkeypatch.setattr(year, "PGM_FEEDERS", 2)
    own = year.ours(2 * year.BUSES_PER_FEEDER, 24)
    assert abs(own["residual"]) < 1e-9
    theirs = year.power_grid_model(24)
    assert max(theirs["iterative_current_off_pu"], theirs["newton_raphson_off_pu"]) < AGREED_PU
    slow = year.by_pandapower(year.BUSES_PER_FEEDER, 2)
    assert slow["off_pu"] < AGREED_PU
    assert slow["off_loss"] < AGREED_PU
    taps = year.regulated(2 * year.BUSES_PER_FEEDER, 24)
    assert taps["taps"] > 1  # it does step


def test_four_wires_beside_power_grid_model_and_opendss(script, monkeypatch):
    wires = script("benchmark_four_wire")
    for name, value in {
        "AREAS": 4, "PART_AREAS": 2, "HOURS": 48, "PART_HOURS": 48, "DSS_HOURS": 24, "ROUNDS": 1
    }.items():  # fmt: skip
        monkeypatch.setattr(wires, name, value)
    told = []
    monkeypatch.setattr(wires, "report", lambda *figures: told.extend(figures))
    wires.compare()
    rates, lowest_pu, off_pu, _ = told
    assert off_pu < AGREED_PU
    assert 0.8 < lowest_pu < 1.0
    assert len(rates) == 6
    assert np.all(np.array(list(rates.values())) > 0)
