"""Phase balancing: the remedy without works. Which meter box to move to which phase.

Areas are made linear (see `linear_area`), so that a move is a change of current at one node and its
effect on every drop and on the loss follows at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.assess.linear_area import PHASES, TURN, LinearArea, linear_areas
from ruralgrid.assess.phase_search import (
    Goal,
    Objective,
    better_phases,
    least_drop,
    worst_drop_v,
)
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.units import KILO

if TYPE_CHECKING:
    from ruralgrid.county import County

__all__ = ["area_balance", "balanced", "best_moves", "phase_moves"]

Ints = NDArray[np.int64]

_LEAST_GAIN: Final = {"loss": 10.0, "voltage": 0.5}

_COLUMNS: Final = (
    "transformer", "move", "consumer", "village", "node", "from_phase", "to_phase", "gain_v",
    "gain_kwh",
)  # fmt: skip

_BALANCE: Final = (
    "transformer", "hour", "a_current_a", "b_current_a", "c_current_a", "neutral_current_a",
    "unbalance_percent", "drop_v", "worst_node", "worst_phase", "loss_w", "unbalance_kwh",
)  # fmt: skip


def phase_moves(
    county: County,
    transformers: Iterable[str] | None = None,
    *,
    moves: int = 5,
    objective: Objective = "loss",
    least_gain: float | None = None,
) -> pd.DataFrame:
    """The single-phase consumers to move to another phase, area by area, the best move first.

    Greedy: the move that gains most, again and again; where no single one gains, the best two at
    once; a move that later ones supersede is taken back. With `objective="loss"` the gain is
    energy; with "voltage" it is the worst connected phase voltage, at no more loss than before. A
    consumer on a two-wire circuit stays where it is: its wires carry no other phase.

    Parameters
    ----------
    county : County
        At its stage.
    transformers : iterable of str, optional
        Names of the transformers whose areas are asked for; all when left out.
    moves : int
        Most moves in one area.
    objective : {"loss", "voltage"}
    least_gain : float, optional
        What a move must be worth: kWh a year (10 when left out), or V (0.5).

    Returns
    -------
    pandas.DataFrame
        A row per move, area by area, the best first: `transformer, move` (its number), `consumer,
        village, node, from_phase, to_phase, gain_v` (of the lowest connected phase voltage at the
        area's peak) and `gain_kwh` (a year), both of this move after those above it. Of moves that
        only gain together the first may lose what the others bring back.

    Raises
    ------
    UnknownNameError
        If a transformer is unknown.
    InputError, TopologyError
        Of `build_four_wire`, or for a `moves` below 1 or an unknown objective.
    """
    _check(moves)
    if objective not in _LEAST_GAIN:
        raise UnknownNameError("objective", objective, _LEAST_GAIN)
    least = _LEAST_GAIN[objective] if least_gain is None else float(least_gain)
    if not least >= 0:
        raise InputError(f"0 or more is expected, got {least:g}", "least_gain")
    goal = Goal(objective, moves, least)
    rows = [
        row
        for area in linear_areas(county, _rows_of(county, transformers))
        for row in _listed(area, better_phases(area, goal), objective)
    ]
    return _named(county, rows)


def _check(moves: int) -> None:
    if moves < 1:
        raise InputError(f"1 or more is expected, got {moves}", "moves")


def _listed(area: LinearArea, target: Ints, objective: Objective) -> Iterator[dict[str, Any]]:
    """The moves that lead to the target, the one that gains most first."""
    phase, number = area.phase, 0
    while len(waiting := np.flatnonzero(target != phase)):
        each = np.arange(len(phase)) == waiting[:, None]
        states = [np.where(one, target, phase) for one in each]
        if objective == "loss":
            values = [area.loss_w(area.currents(state)) for state in states]
        else:
            values = [worst_drop_v(area, state) for state in states]
        best, number = int(np.argmin(values)), number + 1
        yield _move(area, phase, states[best], int(waiting[best]), number)
        phase = states[best]


def _move(area: LinearArea, before: Ints, after: Ints, mover: int, number: int) -> dict[str, Any]:
    saved_w = area.loss_w(area.currents(before)) - area.loss_w(area.currents(after))
    return {
        "row": area.consumer[mover],
        "unit": area.transformer,
        "move": number,
        "from": before[mover],
        "to": after[mover],
        "gain_v": worst_drop_v(area, before) - worst_drop_v(area, after),
        "gain_kwh": saved_w * area.loss_hours / KILO,
    }


def _rows_of(county: County, transformers: Iterable[str] | None) -> Ints | None:
    if transformers is None:
        return None
    known = pd.Index(county.transformers["name"])
    names = [transformers] if isinstance(transformers, str) else list(transformers)
    for name in names:
        if name not in known:
            raise UnknownNameError("transformer", name, known, where="transformers")
    return known.get_indexer(pd.Index(names)).astype(np.int64)


def _named(county: County, rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["row", "unit", "move", "from", "to", "gain_v", "gain_kwh"])
    consumers = county.consumers.iloc[table["row"].to_numpy(dtype=np.int64)].reset_index(drop=True)
    letters = np.array(list(PHASES))
    table = table.assign(
        transformer=county.transformers["name"].to_numpy()[table["unit"].to_numpy(dtype=np.int64)],
        consumer=consumers["name"],
        village=consumers["village"],
        node=consumers["node"],
        from_phase=letters[table["from"].to_numpy(dtype=np.int64)],
        to_phase=letters[table["to"].to_numpy(dtype=np.int64)],
    )
    return table[list(_COLUMNS)]


def best_moves(county: County, transformer: str, *, moves: int = 5) -> pd.DataFrame:
    """The moves that leave the smallest worst drop of one area, by mixed-integer programming.

    What no set of `moves` moves can beat, whatever the loss becomes: a yardstick for the greedy
    search of `phase_moves`. Areas of some twenty consumers take a second or so.

    Parameters
    ----------
    county : County
        At its stage.
    transformer : str
        Name of the area's transformer.
    moves : int
        Most moves.

    Returns
    -------
    pandas.DataFrame
        As of `phase_moves`.

    Raises
    ------
    UnknownNameError
        If the transformer is unknown.
    InputError, TopologyError
        Of `build_four_wire`, or for a `moves` below 1.
    """
    _check(moves)
    rows = [
        row
        for area in linear_areas(county, _rows_of(county, [transformer]))
        for row in _listed(area, least_drop(area, moves), "voltage")
    ]
    return _named(county, rows)


def area_balance(county: County, transformers: Iterable[str] | None = None) -> pd.DataFrame:
    """How even the phases of each area are at its peak, and what their unevenness costs.

    Parameters
    ----------
    county : County
        At its stage.
    transformers : iterable of str, optional
        Names of the transformers whose areas are asked for; all when left out.

    Returns
    -------
    pandas.DataFrame
        A row per area with consumers: `transformer, hour` (of its highest load); `a_current_a,
        b_current_a, c_current_a, neutral_current_a` at the transformer; `unbalance_percent`, the
        largest phase current less the smallest, of the largest; `drop_v` (worst connected phase,
        from no load behind the transformer), `worst_node, worst_phase`; `loss_w` (sections and
        windings); `unbalance_kwh`, what the year loses more than with every single-phase consumer
        spread over three phases: no set of moves saves more than about that.
    """
    areas = linear_areas(county, _rows_of(county, transformers))
    table = pd.DataFrame([_balance_row(area) for area in areas], columns=list(_BALANCE))
    units, nodes = county.transformers["name"].to_numpy(), county.nodes["name"].to_numpy()
    return table.assign(
        transformer=units[table["transformer"].to_numpy(dtype=np.int64)],
        worst_node=nodes[table["worst_node"].to_numpy(dtype=np.int64)],
    )


def _balance_row(area: LinearArea) -> tuple[object, ...]:
    currents = area.currents(area.phase)
    total = currents.sum(axis=0)
    size = np.abs(total)
    drop = np.where(area.connected(area.phase) > 0, area.drops_v(currents), -np.inf)
    point, phase = np.unravel_index(int(np.argmax(drop)), drop.shape)
    even = area.fixed_a.copy()
    np.add.at(even, area.point, area.current_a[:, None] / 3 * TURN)
    loss_w = area.loss_w(currents)
    return (
        area.transformer,
        area.hour,
        *size,
        abs(total.sum()),
        100 * (size.max() - size.min()) / size.max() if size.max() > 0 else 0.0,
        drop[point, phase],
        area.node[point],
        PHASES[phase],
        loss_w,
        (loss_w - area.loss_w(even)) * area.loss_hours / KILO,
    )


def balanced(county: County, moves: pd.DataFrame) -> County:
    """A copy of the county in which the moves are made.

    Edits still to come stay as they are: a batch that states a consumer's phase restates it.

    Parameters
    ----------
    county : County
    moves : pandas.DataFrame
        `consumer, from_phase, to_phase`, of `phase_moves`; a consumer may move again.

    Raises
    ------
    UnknownNameError
        If the county has no such consumer.
    InputError
        If a column is missing, a phase is none, or a consumer is not where a move takes it from.
    """
    for column in ("consumer", "from_phase", "to_phase"):
        if column not in moves.columns:
            raise InputError(f"column {column!r} is expected", "moves")
    phases = county.consumers.set_index("name")["phases"].copy()
    for row in moves[["consumer", "from_phase", "to_phase"]].itertuples(index=False):
        if row.consumer not in phases.index:
            raise UnknownNameError("consumer", row.consumer, phases.index, where="moves")
        if phases[row.consumer] != row.from_phase or row.to_phase not in list(PHASES):
            message = (
                f"{row.consumer} stands on {phases[row.consumer]!r}; it cannot move from "
                f"{row.from_phase!r} to {row.to_phase!r}"
            )
            raise InputError(message, "moves")
        phases[row.consumer] = row.to_phase
    return county.with_tables(consumers=county.consumers.assign(phases=phases.to_numpy()))
