"""The four-wire kernel's inputs, scratch and tallies: plain arrays under names.

Per unit of an area: its phase-to-neutral base voltage, and 1 kW a phase. The row of a position
holds phases a, b, c; of each `LANES` real parts, then as many imaginary ones.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "ABOVE_FAILED",
    "BETWEEN",
    "LANES",
    "PAIR",
    "ROW",
    "UNIT",
    "Demand",
    "Gauges",
    "Hours",
    "Scratch",
    "Tally",
    "Wires",
    "empty_scratch",
    "empty_tally",
    "merge_tally",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ABOVE_FAILED: Final = 5
"""Status of an area below a net that has no solution; the others are `ruralgrid.flow.arrays`'."""

BETWEEN: Final = 3
"""The phase of a point whose load hangs between the three phases, as a motor does."""

LANES: Final = 24
"""Hours side by side: a day, and whole vectors; known when the kernel is compiled."""

PAIR: Final = 2 * LANES
"""Numbers in a row of one phase: real parts, then imaginary parts."""

ROW: Final = 3 * PAIR
"""Numbers in a row of three phases."""


UNIT: Final = 12
"""Numbers that describe a transformer."""


class Wires(NamedTuple):
    """The nets: one row a position (``parent`` -1 at a busbar), matrices flat behind each other.

    ``first`` are the positions of the areas. ``carried`` and ``phase_a``, ``phase_b`` tell which
    phases carry a load behind the position: how many, and the first two. ``tips`` masks those whose
    path ends here, ``blank`` those without a load of their own. ``zr``, ``zi`` is the matrix from
    phase to neutral, ``wr``, ``wi`` what the phase currents raise the neutral by.

    Of sections with an electrode behind them (``earthed``): ``nr``, ``ni`` the neutral's own
    impedance and ``gain`` the complex factors Y and 1 / (1 + G Znn) of
    `ruralgrid.flow.four_wire.walk`; at a busbar the first is that of the star point.

    ``source`` holds for each area and phase the voltage behind the transformer at 1 pu above it;
    ``unit`` the `UNIT` numbers of `ruralgrid.flow.four_wire.unit`.
    """

    first: IntArray
    parent: IntArray
    carried: IntArray
    phase_a: IntArray
    phase_b: IntArray
    tips: IntArray
    blank: IntArray
    zr: FloatArray
    zi: FloatArray
    wr: FloatArray
    wi: FloatArray
    earthed: IntArray
    nr: FloatArray
    ni: FloatArray
    gain: FloatArray
    source: FloatArray
    unit: FloatArray


class Demand(NamedTuple):
    """What is drawn: points (a phase of a position, or `BETWEEN`) and their groups by profile.

    Points of position k are rows ``point[k]:point[k + 1]``, groups of a point
    ``group[i]:group[i + 1]``. ``drawn`` are six numbers a group: P as constant power, current and
    impedance, and the same of Q; ``p`` and ``share_p`` are the whole of P and its shares.
    """

    point: IntArray
    phase: IntArray
    has_current: IntArray
    group: IntArray
    profile: IntArray
    p: FloatArray
    share_p: FloatArray
    drawn: FloatArray


class Gauges(NamedTuple):
    """What is measured where.

    Masks of the phases that are there, and of those judged: where customers hang, else all there.
    ``limit2`` are squared limits, low ones before high ones, each for all positions, NaN for none;
    ``sizes`` how many low, how many high, and the positions. ``neutral_factor2`` is the squared
    ratio of the ampacities of phase and neutral, ``electrode`` a conductance [pu].
    """

    present: IntArray
    connected: IntArray
    limit2: FloatArray
    sizes: IntArray
    neutral_factor2: FloatArray
    electrode: FloatArray


class Hours(NamedTuple):
    """A run of hours: rows of ``stride`` numbers, a multiple of `LANES`, the last hour repeated.

    Profiles, voltage above each area [pu], weight (1, or 0 where an hour is repeated), and what
    each area draws [kW, kvar]; ``place`` is that of each hour in the year, ``span`` holds the
    stride and the hours that count.
    """

    factors: FloatArray
    vm_pu: FloatArray
    weight: FloatArray
    p_kw: FloatArray
    q_kvar: FloatArray
    place: IntArray
    span: IntArray

    def set_voltages(self, vm_pu: FloatArray) -> None:
        """Fill in the voltages above the areas, the last hour repeated."""
        width = vm_pu.shape[1]
        self.vm_pu[:, :width] = vm_pu
        self.vm_pu[:, width:] = vm_pu[:, width - 1 :]


class Scratch(NamedTuple):
    """What one thread needs: rows of one area, its first one the source.

    Voltages and currents of phases, voltage of the neutral, what returns through the earth; changes
    of this walk and the one before, the voltages squared of one position, a row to look through,
    and how many walks a block took.
    """

    u: FloatArray
    j: FloatArray
    un: FloatArray
    earth: FloatArray
    change: FloatArray
    before: FloatArray
    square: FloatArray
    row: FloatArray
    walks: IntArray


class Tally(NamedTuple):
    """Sums and extremes over a run of hours; ``*_u`` by position and phase, else by position.

    Loss of sections, heat of neutrals, currents squared of phases and neutrals, voltages squared
    (``u2_*`` of the connected phases), unbalance squared; energies by group; by area the energy
    taken above the transformer and given below it, and its voltages squared.
    """

    loss: FloatArray
    neutral2: FloatArray
    current2: FloatArray
    neutral2_max: FloatArray
    loading2: FloatArray
    loading_hour: IntArray
    u2_min: FloatArray
    u2_min_hour: IntArray
    u2_max: FloatArray
    u2_max_hour: IntArray
    min_u: FloatArray
    max_u: FloatArray
    un2_max: FloatArray
    unbalance2: FloatArray
    beyond: FloatArray
    phase_beyond: FloatArray
    served: FloatArray
    taken: FloatArray
    given: FloatArray
    e2: FloatArray
    u2: FloatArray
    unit2: FloatArray
    unit_hour: IntArray
    status: IntArray
    failed_hour: IntArray
    walks: IntArray


_SUMS: Final = (
    "loss", "neutral2", "beyond", "phase_beyond", "served", "taken", "given", "e2", "u2", "walks",
)  # fmt: skip
_LEAST: Final = (("u2_min", "u2_min_hour"), ("min_u", ""))
_MOST: Final = (
    ("u2_max", "u2_max_hour"), ("max_u", ""), ("current2", ""), ("neutral2_max", ""),
    ("loading2", "loading_hour"), ("un2_max", ""), ("unbalance2", ""), ("unit2", "unit_hour"),
)  # fmt: skip


def empty_tally(positions: int, areas: int, groups: int, limits: int, low_limits: int) -> Tally:
    """A tally of no hours."""

    def whole(size: int) -> IntArray:
        return np.zeros(size, dtype=np.int64)

    def high(size: int) -> FloatArray:
        return np.full(size, -np.inf)

    return Tally(
        loss=np.zeros(positions),
        neutral2=np.zeros(positions),
        current2=high(positions),
        neutral2_max=high(positions),
        loading2=high(positions),
        loading_hour=whole(positions),
        u2_min=np.full(positions, np.inf),
        u2_min_hour=whole(positions),
        u2_max=high(positions),
        u2_max_hour=whole(positions),
        min_u=np.full(3 * positions, np.inf),
        max_u=high(3 * positions),
        un2_max=high(positions),
        unbalance2=high(positions),
        beyond=np.zeros(limits * positions),
        phase_beyond=np.zeros(3 * low_limits * positions),
        served=np.zeros(groups),
        taken=np.zeros(areas),
        given=np.zeros(areas),
        e2=np.zeros(areas),
        u2=np.zeros(areas),
        unit2=high(areas),
        unit_hour=whole(areas),
        status=whole(areas),
        failed_hour=np.full(areas, -1, dtype=np.int64),
        walks=whole(areas),
    )


def merge_tally(total: Tally, one: Tally) -> None:
    """Add `one`, of later hours, to `total`."""
    for name in _SUMS:
        np.add(getattr(total, name), getattr(one, name), out=getattr(total, name))
    for pairs, better in ((_LEAST, np.less), (_MOST, np.greater)):
        for name, hour in pairs:
            value, other = getattr(total, name), getattr(one, name)
            wins = better(other, value)  # at a tie the earlier hour stands
            value[wins] = other[wins]
            if hour:
                getattr(total, hour)[wins] = getattr(one, hour)[wins]
    first = (total.status == 0) & (one.status != 0)
    total.status[first] = one.status[first]
    total.failed_hour[first] = one.failed_hour[first]


def empty_scratch(positions: int) -> Scratch:
    """Scratch for areas of up to `positions` positions."""
    rows = positions + 1
    return Scratch(
        u=np.zeros(rows * ROW),
        j=np.zeros(rows * ROW),
        un=np.zeros(rows * PAIR),
        earth=np.zeros(rows * PAIR),
        change=np.zeros(LANES),
        before=np.zeros(LANES),
        square=np.zeros(3 * LANES),
        row=np.zeros(LANES),
        walks=np.zeros(1, dtype=np.int64),
    )
