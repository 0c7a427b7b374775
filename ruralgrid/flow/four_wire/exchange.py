"""What the areas and the net above them tell each other, hour by hour, in one go over the hours.

By numpy each step of it would make an array of all areas and hours, and memory would be what binds.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# numba infers the types

from __future__ import annotations

import numpy as np

from ruralgrid.flow.compiled import compiled

__all__ = ["largest_moves", "split_power", "values_of"]


@compiled
def split_power(power, elastic, around_pu, draws, follows, constant, following):
    """Fill `constant` and `following` so that both give `power` at the voltage `around_pu`.

    All are arrays (areas, hours), but for `draws` and `follows` (areas,): an area that does not
    draw has zeros, one that does not follow has nothing in `following`.
    ``constant = power - elastic * around_pu**2``; ``following`` is what `elastic` is.
    """
    for a in range(len(constant)):
        if not draws[a]:
            constant[a], following[a] = 0.0, 0.0
        elif not follows[a]:
            constant[a], following[a] = power[a], 0.0
        else:
            for h in range(constant.shape[1]):
                following[a, h] = elastic[a, h]
                constant[a, h] = power[a, h] - elastic[a, h] * around_pu[a, h] ** 2


@compiled
def values_of(polynomials, x):
    """Polynomials (areas, 3), constant term first, at `x` (areas, hours)."""
    values = np.empty_like(x)
    for a in range(len(x)):
        constant, linear, square = polynomials[a]
        for h in range(x.shape[1]):
            values[a, h] = constant + (linear + square * x[a, h]) * x[a, h]
    return values


@compiled
def largest_moves(vm_pu, at_pu):
    """Of every hour, the largest difference of two arrays (areas, hours) [pu].

    What is not a number has not moved.
    """
    areas, hours = vm_pu.shape
    step = np.zeros(hours)
    for a in range(areas):
        for h in range(hours):
            move = abs(vm_pu[a, h] - at_pu[a, h])
            step[h] = move if move > step[h] else step[h]
    return step
