"""A transformer area with every wire, made linear: constant currents, drops that add up.

The load of an area's peak hour draws its current at nominal voltage and nominal angle. Then the
drop at one service point is a sum over all currents, times the impedance that the two paths share:

    D_k = sum_j Z_kj I_j,    loss = sum_kj I_k^H Re(Z_kj) I_j,

with 3x3 matrices phase to neutral. Of a section Z3 = Z_pp - Z_pn - Z_np + Z_nn: what a current
drops in its wire and, on its way back, in the neutral. Of a transformer z1 on the diagonal, and a
third of z0 - z1 everywhere. The neutral is earthed at the transformer alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from ruralgrid.demand import load_of
from ruralgrid.network.four_wire import FourWireAreas, build_four_wire
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.demand import Load

__all__ = ["PHASES", "TURN", "LinearArea", "linear_areas"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

PHASES: Final = "abc"
TURN: Final[Complexes] = np.exp(-2j * np.pi / 3 * np.arange(3))
"""Angles of the nominal voltages of a, b and c."""

_ONE_PHASE: Final = (1, 2, 4)
_BLOCK: Final = 256
"""Areas whose 8,760 hours are in memory together."""


@dataclass(frozen=True, eq=False)
class LinearArea:
    """One area at its peak hour.

    Parameters
    ----------
    transformer : int
        Row of the transformer.
    hour : int
        Hour of the area's highest load.
    loss_hours : float
        Hours at this hour's single-phase load that lose as much as its year: sum of squares of that
        load over the square of its value at `hour` [h]; 0 without such load.
    node : int array (points,)
        Rows of the nodes that have consumers.
    impedance_ohm : complex array (points, points, 3, 3)
        Of what the paths of two points share, transformer included.
    fixed_a : complex array (points, 3)
        Currents of the three-phase consumers.
    consumer : int array (movers,)
        Rows of the single-phase consumers.
    point, phase : int arrays (movers,)
        Where in `node` each is, and its phase (0, 1, 2).
    current_a : complex array (movers,)
        Current against its own phase voltage.
    can_take : bool array (movers, 3)
        Phases that reach its node.
    """

    transformer: int
    hour: int
    loss_hours: float
    node: Ints
    impedance_ohm: Complexes
    fixed_a: Complexes
    consumer: Ints
    point: Ints
    phase: Ints
    current_a: Complexes
    can_take: NDArray[np.bool_]

    def currents(self, phase: Ints) -> Complexes:
        """Currents of all consumers at each point [A], the movers on these phases."""
        total = self.fixed_a.copy()
        np.add.at(total, (self.point, phase), self.current_a * TURN[phase])
        return total

    def drops_v(self, currents: Complexes) -> Floats:
        """Drop along each phase's own voltage, from no load behind the transformer [V]."""
        drop = np.einsum("kjab,jb->ka", self.impedance_ohm, currents)
        return np.real(drop * TURN.conj())

    def loss_w(self, currents: Complexes) -> float:
        """Loss in the sections and the transformer's windings [W]."""
        heat = np.einsum("kjab,jb->ka", self.impedance_ohm.real, currents)
        return float(np.real(np.vdot(currents, heat)))

    def connected(self, phase: Ints) -> Ints:
        """Consumers on each phase of each point; shape (points, 3)."""
        count = (np.abs(self.fixed_a) > 0).astype(np.int64)
        np.add.at(count, (self.point, phase), 1)
        return count


def linear_areas(county: County, transformers: Ints | None = None) -> Iterator[LinearArea]:
    """The areas of a county at its stage that have consumers, in the order of the transformers.

    Parameters
    ----------
    county : County
    transformers : int array, optional
        Rows of the transformers asked for; all when left out.

    Raises
    ------
    InputError, TopologyError
        Of `build_four_wire`: where phases or neutrals do not arrive, or an area is no tree.
    """
    areas, load = build_four_wire(county), load_of(county)
    of_consumer = areas.area_of[areas.consumer_position]
    asked = np.unique(of_consumer)
    if transformers is not None:
        asked = asked[np.isin(areas.transformer_row[asked], transformers)]
    matrices, arriving = _matrices(areas), _arriving(areas)
    for first in range(0, len(asked), _BLOCK):
        block = asked[first : first + _BLOCK]
        inside = slice(*np.searchsorted(of_consumer, [block[0], block[-1] + 1]).tolist())
        hours, loss_hours = _peaks(areas, load, block, of_consumer, inside)
        for area, hour, equal in zip(block.tolist(), hours, loss_hours, strict=True):
            rows = np.arange(*np.searchsorted(of_consumer, [area, area + 1]))
            draws = _Draws(areas, load, rows, int(hour), float(areas.base_v[area]))
            yield _area(areas, area, draws, float(equal), matrices, arriving)


class _Draws:
    """Where the consumers of one area are, and what they draw at one hour."""

    def __init__(
        self, areas: FourWireAreas, load: Load, rows: Ints, hour: int, base_v: float
    ) -> None:
        consumer = areas.consumer_row[rows]
        factor = load.curves[load.curve_of[consumer], hour] * KILO
        power = (load.mean_kw[consumer] - 1j * load.mean_kvar[consumer]) * factor
        self.hour = hour
        self.consumer = consumer
        self.position = areas.consumer_position[rows]
        self.mask = areas.consumer_phases[rows]
        self.is_single = np.isin(self.mask, _ONE_PHASE)
        self.current_a = power / base_v / np.where(self.is_single, 1, 3)


def _area(
    areas: FourWireAreas,
    area: int,
    draws: _Draws,
    loss_hours: float,
    matrices: Complexes,
    arriving: Ints,
) -> LinearArea:
    position, point = np.unique(draws.position, return_inverse=True)
    single = draws.is_single
    fixed = np.zeros((len(position), 3), dtype=complex)
    np.add.at(fixed, point[~single], draws.current_a[~single, None] * TURN)
    at = slice(int(areas.first[area]), int(areas.first[area + 1]))
    mask = arriving[draws.position[single]]
    return LinearArea(
        transformer=int(areas.transformer_row[area]),
        hour=draws.hour,
        loss_hours=loss_hours,
        node=areas.node_row[position],
        impedance_ohm=_shared(areas.parent[at] - at.start, matrices[at], position - at.start),
        fixed_a=fixed,
        consumer=draws.consumer[single],
        point=point[single],
        phase=np.searchsorted(_ONE_PHASE, draws.mask[single]),
        current_a=draws.current_a[single],
        can_take=(mask[:, None] & np.array(_ONE_PHASE)) > 0,
    )


def _matrices(areas: FourWireAreas) -> Complexes:
    """Phase-to-neutral matrix of the section above each position; at a busbar the transformer's."""
    z = areas.impedance_ohm
    matrices = z[:, :3, :3] - z[:, :3, 3:] - z[:, 3:, :3] + z[:, 3:, 3:]
    z1, z0 = areas.series_ohm[:, None, None], areas.zero_sequence_ohm[:, None, None]
    matrices[areas.first[:-1]] = z1 * np.eye(3) + (z0 - z1) / 3
    return matrices


def _arriving(areas: FourWireAreas) -> Ints:
    """Mask of the wires that reach each position all the way."""
    mask = areas.wires.copy()
    for position, parent in enumerate(areas.parent.tolist()):
        if parent >= 0:
            mask[position] &= mask[parent]
    return mask


def _shared(parent: Ints, matrices: Complexes, at: Ints) -> Complexes:
    """Sum of the matrices that the paths to each two of the positions `at` share."""
    on_path = np.zeros((len(parent), len(parent)), dtype=bool)
    for position, above in enumerate(parent.tolist()):
        if above >= 0:
            on_path[position] = on_path[above]
        on_path[position, position] = True
    both = on_path[at][:, None] & on_path[at][None]
    return np.tensordot(both.astype(float), matrices, axes=1)


def _peaks(
    areas: FourWireAreas, load: Load, block: Ints, of_consumer: Ints, inside: slice
) -> tuple[Ints, Floats]:
    """Hour of the highest load of each area of a block, and its loss hours."""
    asked = np.isin(of_consumer[inside], block)
    row = np.searchsorted(block, of_consumer[inside][asked])
    consumer = areas.consumer_row[inside][asked]
    kw = load.mean_kw[consumer]
    single_kw = np.where(np.isin(areas.consumer_phases[inside][asked], _ONE_PHASE), kw, 0.0)
    shape = (len(block), len(load.curves))
    place = (row, load.curve_of[consumer])
    hour = (coo_array((kw, place), shape=shape).tocsr() @ load.curves).argmax(axis=1)
    single = coo_array((single_kw, place), shape=shape).tocsr() @ load.curves
    peak = single[np.arange(len(block)), hour]
    squares = np.einsum("ah,ah->a", single, single)
    return hour, np.divide(squares, peak**2, out=np.zeros(len(peak)), where=peak > 0)
