"""What the areas and the net above them tell each other, hour by hour, in one go over the hours.

By numpy each step of it would make an array of all areas and hours, and memory would be what binds.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
# numba infers the types

from __future__ import annotations

import numpy as np

from ruralgrid.flow.compiled import compiled

__all__ = ["largest_moves", "split_power"]


@compiled
def split_power(power, elastic, around_pu, draws, follows, constant, following):
    """Fill `constant` and `following` so that both give `power` at the voltage `around_pu`.

    All are arrays (areas, hours), but for `draws` and `follows` (areas,): an area that does not
    draw has zeros, one that does not follow has nothing in `following`.
    ``constant = power - elastic * around_pu**2``; ``following`` is what `elastic` is.
    """
    areas, hours = constant.shape
    for a in range(areas):
        for h in range(hours):
            moves = elastic[a, h] if draws[a] and follows[a] else 0.0
            following[a, h] = moves
            constant[a, h] = power[a, h] - moves * around_pu[a, h] ** 2 if draws[a] else 0.0


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
            if move > step[h]:
                step[h] = move
    return step
