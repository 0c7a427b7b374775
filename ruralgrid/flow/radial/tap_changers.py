"""On-load tap changers: which transformers step by the hour, and what each of their taps is.

Read from pandapower's own `DiscreteTapControl` objects in ``net.controller``. A tap's ratio,
impedance and shunts are those that pandapower's conversion gives for it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ruralgrid.errors import InputError, TopologyError
from ruralgrid.flow.radial.checks import label_element
from ruralgrid.flow.radial.conversion import BRANCH_TABLES, Branches, convert_taps

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

__all__ = ["NO_TAP_CHANGERS", "TapChangers", "has_controllers", "read_tap_changers"]

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]

_TYPE: Final = "DiscreteTapControl"


@dataclass(frozen=True, eq=False)
class TapChangers:
    """Regulated transformers, and the branch that each of their taps makes of them.

    Attributes
    ----------
    row, branch : int arrays (units,)
        Row of ``net.trafo`` and index in `Branches`.
    level : int array (units,)
        Units of one level step together; a level starts when the one before is done.
    start : int array (units + 1,)
        Taps of unit u are rows ``start[u]:start[u + 1]``, in rising order.
    lowest_tap : int array (units,)
        The tap of the first of these rows.
    first, low_end, high_end : int arrays (units,)
        Rows of the tap from which every hour starts, and of the two end stops.
    raises : int array (units,)
        The step, 1 or -1, that is taken when the voltage is low.
    low_pu, high_pu : arrays (units,)
        The band [pu] in which a unit rests.
    holds_to : bool array (units,)
        Whether the voltage held is that at the branch's to end (the low-voltage side).
    ratio, impedance, shunt_from, shunt_to : arrays (taps,)
        As in `Branches`.
    """

    row: IntArray
    branch: IntArray
    level: IntArray
    start: IntArray
    lowest_tap: IntArray
    first: IntArray
    low_end: IntArray
    high_end: IntArray
    raises: IntArray
    low_pu: FloatArray
    high_pu: FloatArray
    holds_to: npt.NDArray[np.bool_]
    ratio: FloatArray
    impedance: ComplexArray
    shunt_from: ComplexArray
    shunt_to: ComplexArray


_NO = np.zeros(0, dtype=np.int64)
NO_TAP_CHANGERS: Final = TapChangers(
    _NO, _NO, _NO, np.zeros(1, dtype=np.int64), _NO, _NO, _NO, _NO, _NO, _NO.astype(float),
    _NO.astype(float), _NO.astype(bool), _NO.astype(float), _NO.astype(complex),
    _NO.astype(complex), _NO.astype(complex),
)  # fmt: skip
"""Those of a net in which every tap stands still."""


@dataclass(frozen=True)
class _Unit:
    """One regulated transformer as its controller describes it."""

    row: int
    branch: int
    level: int
    tap: int
    tap_min: int
    tap_max: int
    raises: int
    low_pu: float
    high_pu: float
    side: str


def has_controllers(net: pandapowerNet) -> bool:
    """Whether any controller of `net` is in service."""
    frame = net.get("controller")
    return frame is not None and bool(len(frame)) and bool(frame["in_service"].any())


def read_tap_changers(net: pandapowerNet, branches: Branches) -> TapChangers:
    """The tap changers that the controllers of `net` move.

    Raises
    ------
    TopologyError
        A controller in service that is no `DiscreteTapControl` of a two-winding transformer.
    InputError
        A tap changer that cannot rest: its step is wider than its band, or changes no voltage.
    """
    if not has_controllers(net):
        return NO_TAP_CHANGERS
    active = net.controller[net.controller["in_service"].to_numpy(dtype=bool)]
    units: dict[int, _Unit] = {}
    for number, controller, level in active[["object", "level"]].itertuples():
        _refuse_controller(net, number, controller, level)
        for unit in _units_of(net, branches, controller, level):
            if unit.row in units:
                raise InputError(
                    f"{_label(net, unit.row)} is moved by two controllers", "net.controller"
                )
            units[unit.row] = unit
    return _with_tables(net, branches, [units[row] for row in sorted(units)])


def _label(net: pandapowerNet, row: int) -> str:
    return label_element(net, "trafo", net.trafo.index[row])


def _refuse_controller(net: pandapowerNet, number: object, controller: Any, level: Any) -> None:
    kind = type(controller).__name__
    name = f"controller {number} ({kind})"
    if kind != _TYPE:
        raise TopologyError(
            f"{name} is in service: of controllers the year engine takes {_TYPE} only"
        )
    if controller.element != "trafo":
        raise TopologyError(
            f"{name} moves a {controller.element}: the year engine takes tap changers of "
            "two-winding transformers only"
        )
    if np.ndim(level) and np.size(level) > 1:
        raise TopologyError(f"{name} acts on several levels: {level!r}; expected one")
    moved = np.atleast_1d(controller.element_index)
    missing = moved[~np.isin(moved, net.trafo.index)]
    if len(missing):
        raise InputError(
            f"{name} moves trafo {missing.min()}, which does not exist", "net.controller"
        )


def _units_of(net: pandapowerNet, branches: Branches, controller: Any, level: Any) -> list[_Unit]:
    """The transformers that one controller moves and that stand in the supplied net."""
    told = copy.copy(controller)  # it keeps what it reads of the net
    told.initialize_control(net)
    rows = net.trafo.index.get_indexer(np.atleast_1d(told.element_index))
    buses = net.trafo[f"{told.side}_bus"].to_numpy()[rows]
    controlled = np.atleast_1d(told.controlled)  # in service, and not held by a source
    raises = np.where(np.asarray(told.tap_side_coeff * told.tap_sign) == 1, -1, 1)
    columns = (told.tap_pos, told.tap_min, told.tap_max, raises, told.vm_lower_pu, told.vm_upper_pu)
    spread = [np.broadcast_to(np.asarray(column, dtype=float), rows.shape) for column in columns]
    units, side = [], str(told.side)
    for number, row in enumerate(rows.tolist()):
        branch = _branch_of(net, branches, row, told.side, int(buses[number]))
        if branch < 0 or not controlled[number]:
            continue
        if not np.isfinite(float(net.trafo["tap_pos"].iloc[row])):  # it takes the middle then
            raise InputError(f"{_label(net, row)} has no tap to start from", "net.trafo, tap_pos")
        *taps, low_pu, high_pu = (float(column[number]) for column in spread)
        if not all(tap.is_integer() for tap in taps):
            tap, lowest, highest = taps[:3]
            raise InputError(
                f"{_label(net, row)} stands at tap {tap:g} between {lowest:g} and {highest:g}; "
                "expected whole numbers",
                "net.trafo",
            )
        tap, lowest, highest, raises_by = (int(number) for number in taps)
        band = (low_pu, high_pu)
        units.append(
            _Unit(row, branch, np.ravel(level)[0], tap, lowest, highest, raises_by, *band, side)
        )
    return units


def _branch_of(net: pandapowerNet, branches: Branches, row: int, side: str, bus: int) -> int:
    """The branch of a transformer; -1 if it, or the bus that it holds, is not in the net."""
    found = np.flatnonzero((branches.kind == BRANCH_TABLES.index("trafo")) & (branches.row == row))
    node = int(branches.node_of_bus[net.bus.index.get_loc(bus)])
    if not len(found) or node < 0:
        return -1
    end = branches.to_node if side == "lv" else branches.from_node
    if node != end[found[0]]:
        raise TopologyError(
            f"{_label(net, row)} is open at the side whose voltage its controller holds"
        )
    return int(found[0])


def _with_tables(net: pandapowerNet, branches: Branches, units: list[_Unit]) -> TapChangers:
    """Units in the order of the branches, with what every tap makes of their branch."""
    if not units:
        return NO_TAP_CHANGERS
    units = sorted(units, key=lambda unit: unit.branch)
    lowest = np.array([min(unit.tap, unit.tap_min) for unit in units])
    highest = np.array([max(unit.tap, unit.tap_max) for unit in units])
    start = np.concatenate([[0], np.cumsum(highest - lowest + 1)])
    rows = np.repeat([unit.row for unit in units], np.diff(start))
    taps = np.concatenate([np.arange(a, b + 1) for a, b in zip(lowest, highest, strict=True)])
    tables = convert_taps(net, branches, rows, taps)
    for number, unit in enumerate(units):
        _check_steps(net, unit, tables[0][start[number] : start[number + 1]])
    levels = np.unique([unit.level for unit in units], return_inverse=True)[1]
    offset = start[:-1] - lowest
    return TapChangers(
        row=np.array([unit.row for unit in units]),
        branch=np.array([unit.branch for unit in units]),
        level=levels.astype(np.int64),
        start=start,
        lowest_tap=lowest,
        first=offset + [unit.tap for unit in units],
        low_end=offset + [unit.tap_min for unit in units],
        high_end=offset + [unit.tap_max for unit in units],
        raises=np.array([unit.raises for unit in units]),
        low_pu=np.array([unit.low_pu for unit in units]),
        high_pu=np.array([unit.high_pu for unit in units]),
        holds_to=np.array([unit.side == "lv" for unit in units]),
        ratio=tables[0],
        impedance=tables[1],
        shunt_from=tables[2],
        shunt_to=tables[3],
    )


def _check_steps(net: pandapowerNet, unit: _Unit, ratio: FloatArray) -> None:
    """A unit must be able to rest: pandapower's controllers hunt for ever otherwise."""
    if not 0 < unit.low_pu < unit.high_pu:
        raise InputError(
            f"{_label(net, unit.row)} is to hold {unit.low_pu} to {unit.high_pu} pu",
            "net.controller",
        )
    step = np.abs(np.diff(np.log(ratio)))
    if len(step) and not step.max() > 0:
        raise InputError(
            f"the taps of {_label(net, unit.row)} change no voltage: see its tap_changer_type, "
            "tap_side and tap_step_percent",
            "net.trafo",
        )
    if unit.side == "lv" and len(step) and step.max() >= np.log(unit.high_pu / unit.low_pu):
        raise InputError(
            f"{_label(net, unit.row)} would hunt: a step of {100 * step.max():.2f} % is wider than "
            f"its band of {unit.low_pu} to {unit.high_pu} pu",
            "net.controller",
        )
