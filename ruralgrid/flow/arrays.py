"""The kernel's inputs, scratch and tallies: plain arrays under names."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "CONVERGED",
    "HUNTING",
    "LANES",
    "LEAST_PU",
    "LOSS_ABOVE_LOAD",
    "LOW_VOLTAGE",
    "NO_CONVERGENCE",
    "SOUND_PU",
    "TAP_PARTS",
    "Block",
    "Gauges",
    "KernelDemand",
    "KernelTaps",
    "KernelTree",
    "Records",
    "Scratch",
    "Tally",
    "empty_tally",
    "merge_tallies",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LANES: Final = 24
"""Hours side by side: a day, and whole vectors; known when the kernel is compiled."""

TAP_PARTS: Final = 7
"""Numbers that say what a tap is: a, z, near and far."""

LEAST_PU: Final = 0.5
"""Lowest voltage [pu] that is taken as a solution: what lies below is on the wrong branch."""

SOUND_PU: Final = 0.8
"""Voltage [pu] above which more loss than load is no wrong branch, but a net all but idle."""

ZR, ZI, Z_ABS, YR, YI, CLAMP, P_POWER, P_ELASTIC, Q_POWER, Q_ELASTIC = range(10)
"""Columns of `KernelTree.record`."""

RECORD: Final = 10
"""Numbers in a row of it."""

NOTHING, ONE_GROUP, SEVERAL, WITH_CURRENT = range(4)
"""What is drawn at a position: nothing, one group or several, or also constant current."""

CONVERGED: Final = 0
NO_CONVERGENCE: Final = 1
LOW_VOLTAGE: Final = 2
LOSS_ABOVE_LOAD: Final = 3
HUNTING: Final = 4


class KernelTree(NamedTuple):
    """`Tree` in the kernel's types: complex numbers in two, depths counted from 1.

    ``area`` numbers the areas at their first positions (else -1), ``area_end`` is one past their
    last, ``slope`` their share of impedance less that of constant power. Between two walks of all
    positions stand ``walks_above`` of those above the areas. ``unit`` is the number of the
    regulated transformer above a position (else -1).

    Feeders below an ideal source do not know each other, and are solved one by one: those of tree i
    are ``feeder_of[i]:feeder_of[i + 1]``, each a stretch of positions from ``feeder_first`` to
    ``feeder_last``; ``floor`` is the row of the stack above it. The source itself is the last
    stretch. A tree that hangs on an impedance is one stretch.

    ``record`` holds `RECORD` numbers a position side by side: impedance, its size and shunt; what
    its one group draws as constant power and as an impedance, if it has just one; and CLAMP: where
    the voltage squared (scaled) is below it, a load is taken as an impedance, so that no walk runs
    away from a division by zero.
    """

    depth: IntArray
    is_leaf: IntArray
    area: IntArray
    area_end: IntArray
    slope: FloatArray
    unit: IntArray
    feeder_of: IntArray
    feeder_first: IntArray
    feeder_last: IntArray
    floor: IntArray
    walks_above: IntArray
    ratio2: FloatArray
    record: FloatArray


class KernelTaps(NamedTuple):
    """Regulated transformers (see `ruralgrid.flow.radial.tap_changers`) in the kernel's types.

    ``counts`` are the numbers of units and of levels. A unit rests while the voltage that it holds
    is between ``low_pu`` and ``high_pu``; ``scale`` turns that voltage, scaled, into pu.
    Taps of unit u begin at ``row``; ``table`` holds for each tap: a, z, near and far, the complex
    ones in two numbers.
    """

    counts: IntArray
    position: IntArray
    level: IntArray
    row: IntArray
    first: IntArray
    low_end: IntArray
    high_end: IntArray
    raises: IntArray
    holds_child: IntArray
    low_pu: FloatArray
    high_pu: FloatArray
    scale: FloatArray
    table: FloatArray


class KernelDemand(NamedTuple):
    """`Demand` in the kernel's types.

    A position asks for six parts: P as constant power, current and impedance, and the same of Q,
    for scaled voltages (times 1, T and T squared). Part i of position k is the sum of rows
    ``terms[6 k + i]`` to ``terms[6 k + i + 1]`` of ``term``, each times its profile. ``p`` and
    ``share_p`` are the whole of P of each group and its shares for voltages that are not scaled.
    ``kind`` says what a position draws.
    """

    start: IntArray
    profile: IntArray
    p: FloatArray
    share_p: FloatArray
    terms: IntArray
    term: FloatArray
    term_profile: IntArray
    kind: IntArray


class Scratch(NamedTuple):
    """What one thread needs. Rows hold `LANES` hours; those of complex numbers, twice as many.

    Branch currents of all positions, and the stack of a walk: voltages, currents gathered so
    far, bounds of change, and positions. Row 0 of the stack is the source, which has no position.
    What the feeders of a source have drawn so far is ``fed``.

    Of regulated transformers: the tap of every hour (a row of `KernelTaps.table`), what it makes of
    the branch (`TAP_PARTS` rows of hours a unit), the voltage held in the last walk and in the one
    before, by how much the last whole walk moved it, how it follows the ratio a, the ratio at the
    last whole walk, and whether the unit is in the tree at hand. When an hour last took its steps,
    the voltage held stood at ``stood`` in the end (infinite: never), and no decision on the way was
    nearer to being another than ``room``. Of each hour: level (`taps.RESTING`: it takes no steps),
    steps, and whether the last decision was one.
    """

    branch: FloatArray
    voltage: FloatArray
    current: FloatArray
    above: FloatArray
    change: FloatArray
    before: FloatArray
    at: IntArray
    row: FloatArray
    fed: FloatArray
    tap: IntArray
    part: FloatArray
    held: FloatArray
    held_before: FloatArray
    moved: FloatArray
    lift: FloatArray
    walked: FloatArray
    stood: FloatArray
    room: FloatArray
    is_own: IntArray
    level: IntArray
    steps: IntArray
    stepped: IntArray


class Gauges(NamedTuple):
    """What is measured where.

    ``near_*`` and ``far_*`` are a branch's own shunts, and the factors squared that turn its scaled
    current into what is compared (kA, or percent of a rating) at the parent's and the child's end.
    Probe i counts the hours in which ``sign`` times the voltage squared of its position is below
    ``limit2``, which carries the sign as well.
    """

    near_yr: FloatArray
    near_yi: FloatArray
    far_yr: FloatArray
    far_yi: FloatArray
    near_factor2: FloatArray
    far_factor2: FloatArray
    probe_start: IntArray
    probe_limit2: FloatArray
    probe_sign: FloatArray
    record_row: IntArray


class Block(NamedTuple):
    """The hours at hand.

    Profiles of these hours (the last hour repeated up to `LANES`), 1 for each hour that counts,
    where voltages [pu] and taps are recorded, and whole numbers: the first hour's place in the
    year, how many hours count, and how many the year has.
    """

    factors: FloatArray
    weight: FloatArray
    recorded: FloatArray
    taps: npt.NDArray[np.int8]
    span: IntArray


class Records(NamedTuple):
    """What is kept for every hour.

    Voltages [pu] of the positions recorded; for every regulated transformer the tap, counted from
    its lowest, and below these rows where its voltage stands: -1 below its band, 0 in it, 1 above.
    """

    voltage: FloatArray
    taps: npt.NDArray[np.int8]


class Tally(NamedTuple):
    """Sums and extremes over the hours of one run of blocks."""

    loss: FloatArray
    u2: FloatArray
    v2_min: FloatArray
    v2_min_hour: IntArray
    v2_max: FloatArray
    v2_max_hour: IntArray
    current2: FloatArray
    current_hour: IntArray
    beyond: IntArray
    served: FloatArray
    fed: FloatArray
    fed_max: FloatArray
    fed_max_hour: IntArray
    status: IntArray
    failed_hour: IntArray
    failed_at: IntArray
    walks: IntArray
    unit_shunt: FloatArray


def empty_tally(positions: int, probes: int, groups: int, trees: int, units: int = 0) -> Tally:
    """A tally of no hours."""
    return Tally(
        loss=np.zeros(positions),
        u2=np.zeros(positions),
        v2_min=np.full(positions, np.inf),
        v2_min_hour=np.zeros(positions, dtype=np.int64),
        v2_max=np.full(positions, -np.inf),
        v2_max_hour=np.zeros(positions, dtype=np.int64),
        current2=np.full(positions, -np.inf),
        current_hour=np.zeros(positions, dtype=np.int64),
        beyond=np.zeros(probes, dtype=np.int64),
        served=np.zeros(groups),
        fed=np.zeros(trees),
        fed_max=np.full(trees, -np.inf),
        fed_max_hour=np.zeros(trees, dtype=np.int64),
        status=np.zeros(trees, dtype=np.int64),
        failed_hour=np.full(trees, -1, dtype=np.int64),
        failed_at=np.full(trees, -1, dtype=np.int64),
        walks=np.zeros(trees, dtype=np.int64),
        unit_shunt=np.zeros(units),
    )


def merge_tallies(tallies: list[Tally]) -> Tally:
    """All runs together, in their order, so that the result does not depend on threads."""
    total = tallies[0]
    for one in tallies[1:]:
        for name in ("loss", "u2", "beyond", "served", "fed", "walks", "unit_shunt"):
            np.add(getattr(total, name), getattr(one, name), out=getattr(total, name))
        _keep_extreme(total.v2_min, total.v2_min_hour, one.v2_min, one.v2_min_hour, np.less)
        _keep_extreme(total.v2_max, total.v2_max_hour, one.v2_max, one.v2_max_hour, np.greater)
        _keep_extreme(
            total.current2, total.current_hour, one.current2, one.current_hour, np.greater
        )
        _keep_extreme(total.fed_max, total.fed_max_hour, one.fed_max, one.fed_max_hour, np.greater)
        first = (total.status == CONVERGED) & (one.status != CONVERGED)
        for name in ("status", "failed_hour", "failed_at"):
            getattr(total, name)[first] = getattr(one, name)[first]
    return total


def _keep_extreme(
    value: FloatArray, hour: IntArray, other: FloatArray, other_hour: IntArray, better: np.ufunc
) -> None:
    wins = better(other, value)  # at a tie the earlier hour stands
    value[wins], hour[wins] = other[wins], other_hour[wins]
