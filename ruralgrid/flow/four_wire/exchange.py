"""What the areas and the net above them tell each other, hour by hour, in one go over the hours.

By numpy each step of it would make an array of all areas and hours, and memory would be what binds.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# numba infers the types

from __future__ import annotations

import numpy as np

from ruralgrid.flow.compiled import compiled

__all__ = ["compare_voltages", "split_power"]


@compiled
def split_power(power, elastic, around_pu, draws, constant, follows):
    """Fill `constant` and `follows` so that both give `power` at the voltage `around_pu`.

    All are arrays (areas, hours), but for `draws` (areas,): an area that does not draw has zeros.
    ``constant = power - elastic * around_pu**2``; ``follows`` is what `elastic` is.
    """
    areas, hours = constant.shape
    for a in range(areas):
        for h in range(hours):
            follows[a, h] = elastic[a, h] if draws[a] else 0.0
            constant[a, h] = power[a, h] - elastic[a, h] * around_pu[a, h] ** 2 if draws[a] else 0.0


@compiled
def compare_voltages(vm_pu, at_pu, around_pu, elastic, power):
    """How far the voltages above the areas are from those at which the areas were solved.

    Voltages that are not a number have not moved.

    Returns
    -------
    step : array (hours,)
        Largest move from `at_pu` [pu] of each hour.
    excess : float
        What the areas draw above more than `power`, by `elastic`, as a share of all of it.
    """
    areas, hours = vm_pu.shape
    step, more, whole = np.zeros(hours), 0.0, 0.0
    for a in range(areas):
        for h in range(hours):
            vm = vm_pu[a, h]
            whole += abs(power[a, h])
            if vm == vm:
                step[h] = max(step[h], abs(vm - at_pu[a, h]))
                more += elastic[a, h] * (vm**2 - around_pu[a, h] ** 2)
    return step, abs(more) / max(whole, 1e-9)
