"""A guard in pytest: ``pytest examples/guard_test.py``. The county is the example of the template.

The baseline was written by
``ruralgrid check COUNTY --baseline guard_baseline.json --update-baseline``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ruralgrid.county.template import example_county
from ruralgrid.testing import assert_losses, assert_no_new_violations, assert_voltages

BASELINE = Path(__file__).parent / "guard_baseline.json"


@pytest.fixture(scope="module")
def today(solve_year):
    """A year of the county as it stands."""
    return solve_year(example_county())


@pytest.fixture(scope="module")
def after_the_works(solve_year):
    """A year after the batch."""
    return solve_year(example_county(), stage=1)


def test_who_is_outside(today):
    """The village of the batch, and the one whose wires it hangs on: its neutral is moved."""
    assert_voltages(today, "GBT12325_2008", except_villages=["上坡村一组", "东沟村二组"])


def test_nothing_got_worse(today):
    """What the baseline knows is forgiven; nothing else is."""
    assert_no_new_violations(today, BASELINE)


def test_the_works_cure_it(after_the_works):
    """After the batch, nobody is outside."""
    assert_voltages(after_the_works, "GBT12325_2008")


def test_losses_stay_small(after_the_works):
    """A station of 2 MVA for four villages: no-load loss is most of it."""
    assert_losses(after_the_works, at_most_percent=25.0)


def test_the_peak_by_pandapower(solve_snapshot):
    """One hour, by pandapower itself."""
    assert_voltages(solve_snapshot(example_county(), stage=1, hour="peak"))
