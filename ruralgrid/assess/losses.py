"""Loss energy by voltage level and kind, the balance that it must close, and what batches save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from ruralgrid.assess.tables import CountyTables, SolutionTables, by_name, looked_up
from ruralgrid.errors import ConvergenceError, InputError, SolutionRejectedError

__all__ = [
    "LOSS_PARTS",
    "SCOPES",
    "Levels",
    "energy_balance",
    "levels_of",
    "loss_difference",
    "loss_scopes",
    "loss_table",
    "savings",
    "unbalance_factor",
]

LOSS_PARTS: Final = (
    "line_kwh",
    "transformer_no_load_kwh",
    "transformer_load_kwh",
    "unbalance_surcharge_kwh",
)
"""The kinds of loss, columns of `loss_table`; `total_kwh` is their sum."""

SCOPES: Final = {"10 kV and below": 20.0, "all levels": np.inf}
"""Scope and the highest level [kV] that counts in it."""

_LOW_VOLTAGE_BELOW_KV: Final = 1.0
_NOT_IN_OPERATION: Final = ("unsupplied", "out_of_service")


def _nothing() -> pd.Series:
    return pd.Series(dtype=float)


@dataclass(frozen=True, eq=False)
class Levels:
    """Nominal voltage of every element, by name [kV].

    A transformer counts at the level of its high side; so does one of three windings.
    """

    lines: pd.Series
    transformers: pd.Series
    loads: pd.Series
    generators: pd.Series = field(default_factory=_nothing)


def levels_of(county: CountyTables) -> Levels:
    """The levels of a county's sections, transformers (high side) and consumers."""
    kv = by_name(county.nodes, "nodes")["kv"]

    def of(frame: pd.DataFrame, table: str, node: str) -> pd.Series:
        named = by_name(frame, table, (node,))
        return looked_up(named[node], kv, "node", f"{table}, {node}")

    return Levels(
        lines=of(county.sections, "sections", "from_node"),
        transformers=of(county.transformers, "transformers", "hv_node"),
        loads=of(county.consumers, "consumers", "node"),
    )


def loss_table(
    solution: SolutionTables, levels: Levels, *, unbalance_factor: float = 1.0
) -> pd.DataFrame:
    """Loss energy by voltage level and kind.

    A balanced load flow understates the loss in 0.4 kV lines by 15-35 %. `unbalance_factor` K_b
    (see the function of this name) adds (K_b - 1) x the line loss below 1 kV, in a column of its
    own: `line_kwh` stays what the load flow gave.

    Parameters
    ----------
    solution : SolutionTables
        Every element solved, unsupplied or out of service; the latter two lose nothing.
    levels : Levels
        Level of every element in `solution`, by name.
    unbalance_factor : float
        1 or more.

    Returns
    -------
    pandas.DataFrame
        A row per level, highest first: `level_kv, line_kwh, transformer_no_load_kwh,
        transformer_load_kwh, unbalance_surcharge_kwh, total_kwh` (the sum of the four), `fed_kwh`
        (energy fed into this level and those below it: what they serve and lose, less what is
        generated there; a transformer's loss belongs to its high side; without the surcharge, which
        the flow does not carry), `percent_of_fed`, `percent_of_total` (of the loss of all levels).

    Raises
    ------
    ConvergenceError
        If an element has no solution.
    UnknownNameError
        If an element has no level.
    """
    if not unbalance_factor >= 1:
        raise InputError(f"1 or more is expected, got {unbalance_factor!r}", "unbalance_factor")
    pieces = {
        "line_kwh": [_by_level(solution.lines, "loss_kwh", levels.lines, "lines")],
        "transformer_no_load_kwh": _of_transformers(solution, "no_load_kwh", levels),
        "transformer_load_kwh": _of_transformers(solution, "load_kwh", levels),
        "served_kwh": [_by_level(solution.loads, "served_kwh", levels.loads, "loads")],
        "generated_kwh": [
            _by_level(solution.static_generators, "kwh", levels.generators, "static_generators")
        ],
    }
    energy = {kind: pd.concat(parts).groupby(level=0).sum() for kind, parts in pieces.items()}
    # reset_index names the level; from the lowest up, so that running sums are "this and below"
    table = pd.DataFrame(energy).fillna(0.0).sort_index().rename_axis("level_kv").reset_index()
    is_lv = table["level_kv"] < _LOW_VOLTAGE_BELOW_KV
    carried = table[list(LOSS_PARTS[:3])].sum(axis=1)
    table["fed_kwh"] = (table["served_kwh"] + carried - table["generated_kwh"]).cumsum()
    table["unbalance_surcharge_kwh"] = (table["line_kwh"] * (unbalance_factor - 1)).where(is_lv, 0)
    table["total_kwh"] = table[list(LOSS_PARTS)].sum(axis=1)
    fed, loss = table["fed_kwh"], table["total_kwh"].sum()
    table["percent_of_fed"] = (table["total_kwh"] / fed.where(fed > 0) * 100).astype(float)
    table["percent_of_total"] = table["total_kwh"] / loss * 100 if loss > 0 else np.nan
    columns = ["level_kv", *LOSS_PARTS, "total_kwh", "fed_kwh", "percent_of_fed"]
    return table.iloc[::-1].reset_index(drop=True)[[*columns, "percent_of_total"]]


def unbalance_factor(
    phase_currents: Sequence[float], *, neutral_resistance_ratio: float = 1.0
) -> float:
    """Loss of a four-wire line with unequal phase currents, over that with their mean in each.

    K_b = (Ia^2 + Ib^2 + Ic^2 + q In^2) / (3 Iav^2), In^2 = Ia^2 + Ib^2 + Ic^2 - IaIb - IbIc - IcIa
    with the currents 120 degrees apart. At a neutral of half the section (q = 2) and deviation b
    from the mean: one phase heavy, one light 1 + 8/3 b^2; one heavy, two light 1 + 2 b^2; two
    heavy, one light 1 + 8 b^2.

    Parameters
    ----------
    phase_currents : sequence of 3 float
        Ia, Ib, Ic in any unit, 0 or more.
    neutral_resistance_ratio : float
        q, resistance of the neutral over that of a phase, 0 or more.
    """
    currents = np.asarray(phase_currents, dtype=float)
    if currents.shape != (3,) or not ((currents >= 0).all() and 0 < currents.sum() < np.inf):
        raise InputError(f"three currents, not all 0, are expected, got {phase_currents!r}")
    if not 0 <= neutral_resistance_ratio < np.inf:
        raise InputError(
            f"0 or more is expected, got {neutral_resistance_ratio!r}", "neutral_resistance_ratio"
        )
    squares = (currents**2).sum()
    neutral_square = squares - (currents * np.roll(currents, 1)).sum()
    loss = squares + neutral_resistance_ratio * neutral_square
    return float(loss / (3 * currents.mean() ** 2))


def _of_transformers(solution: SolutionTables, column: str, levels: Levels) -> list[pd.Series]:
    return [
        _by_level(solution.transformers, column, levels.transformers, "transformers"),
        _by_level(solution.transformers3w, column, levels.transformers, "transformers3w"),
    ]


def _by_level(frame: pd.DataFrame, column: str, kv: pd.Series, table: str) -> pd.Series:
    if frame.empty:
        return _nothing()
    level = looked_up(frame["name"], kv, "level", f"solution.{table}, name")
    return _energy(frame, column, table).groupby(level.astype(float)).sum()


def _energy(frame: pd.DataFrame, column: str, table: str) -> pd.Series:
    """The column, 0 where nothing operates; raises where something should and has no figure."""
    if frame.empty:
        return _nothing()
    energy = frame[column].astype(float)
    if "status" in frame.columns:
        energy = energy.mask(frame["status"].isin(_NOT_IN_OPERATION), 0.0)
        energy = energy.mask(frame["status"] == "failed", np.nan)
    unknown = frame["name"][energy.isna()]
    if len(unknown):
        raise ConvergenceError(
            f"{len(unknown)} of {len(frame)} {table} have no {column}, "
            f"the first is {unknown.iloc[0]!r}: energy cannot be added up"
        )
    return energy


def loss_scopes(table: pd.DataFrame) -> pd.DataFrame:
    """A `loss_table` summed by scope.

    Returns
    -------
    pandas.DataFrame
        `scope` (`10 kV and below`, `all levels`), the parts, `total_kwh`, `fed_kwh` (into the
        highest level of the scope), `percent_of_fed`.
    """
    rows = []
    for scope, highest_kv in SCOPES.items():
        inside = table[table["level_kv"] <= highest_kv]
        row = inside[[*LOSS_PARTS, "total_kwh"]].sum()
        row["fed_kwh"] = inside["fed_kwh"].max() if len(inside) else 0.0
        rows.append({"scope": scope, **row})
    frame = pd.DataFrame(rows)
    fed = frame["fed_kwh"]
    frame["percent_of_fed"] = frame["total_kwh"] / fed.where(fed > 0) * 100
    return frame


def energy_balance(solution: SolutionTables, *, tolerance: float = 1e-6) -> pd.Series:
    """Fed + generated = served + shunts + losses, added up anew from the frames.

    The frames know lines and transformers: a net with `impedance` elements does not close here.

    Returns
    -------
    pandas.Series
        `fed_kwh, generated_kwh, served_kwh, shunt_kwh, line_loss_kwh, no_load_kwh, load_loss_kwh,
        residual_kwh, residual_relative` (of what was fed and generated).

    Raises
    ------
    SolutionRejectedError
        If the residual is more than `tolerance` of what was fed and generated.
    ConvergenceError
        If a part has no solution.
    """
    units = (solution.transformers, solution.transformers3w)
    parts = {
        "fed_kwh": _energy(solution.sources, "fed_kwh", "sources").sum(),
        "generated_kwh": _energy(solution.static_generators, "kwh", "static_generators").sum(),
        "served_kwh": _energy(solution.loads, "served_kwh", "loads").sum(),
        "shunt_kwh": float(solution.balance.get("shunt_kwh", 0.0)),
        "line_loss_kwh": _energy(solution.lines, "loss_kwh", "lines").sum(),
        "no_load_kwh": sum(_energy(unit, "no_load_kwh", "transformers").sum() for unit in units),
        "load_loss_kwh": sum(_energy(unit, "load_kwh", "transformers").sum() for unit in units),
    }
    given = parts["fed_kwh"] + parts["generated_kwh"]
    taken = sum(parts.values()) - given
    residual = given - taken
    relative = abs(residual) / max(abs(given), abs(taken), np.finfo(float).tiny)
    if not relative <= tolerance:
        raise SolutionRejectedError(
            f"the energy balance does not close: {given:,.3f} kWh fed and generated, "
            f"{taken:,.3f} kWh served and lost, {relative:.1e} apart, {tolerance:.0e} allowed"
        )
    return pd.Series({**parts, "residual_kwh": residual, "residual_relative": relative})


def savings(loss_by_stage: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """What each batch, and all of them, save: loss before less loss after, by level and kind.

    Parameters
    ----------
    loss_by_stage : mapping of int to pandas.DataFrame
        Frames of `loss_table`, two stages or more.

    Returns
    -------
    pandas.DataFrame
        `span` (`batch`: a stage against the one before; `all`: the last against the first),
        `from_stage, to_stage, level_kv`, the parts of the loss and `total_kwh`, positive where less
        is lost than before. The batches add up to `all`.

    Raises
    ------
    InputError
        If there are fewer than two stages.
    """
    stages = sorted(loss_by_stage)
    if len(stages) < 2:
        raise InputError(f"two stages or more are expected, got {stages}", "loss_by_stage")
    tables = {
        stage: by_name(table.rename(columns={"level_kv": "name"}), f"loss of stage {stage}")
        for stage, table in loss_by_stage.items()
    }
    spans = [("batch", a, b) for a, b in pairwise(stages)] + [("all", stages[0], stages[-1])]
    pieces = []
    for span, first, last in spans:
        saved = loss_difference(tables[first], tables[last], [*LOSS_PARTS, "total_kwh"])
        saved = saved.rename_axis("level_kv").reset_index()
        saved.insert(0, "span", span)
        saved.insert(1, "from_stage", first)
        saved.insert(2, "to_stage", last)
        pieces.append(saved)
    return pd.concat(pieces, ignore_index=True)


def loss_difference(
    before: pd.DataFrame, after: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    """`before` less `after`, both indexed by level; highest level first.

    A level that one of them lacks loses nothing there; a NaN stays NaN.
    """
    levels = before.index.union(after.index).sort_values(ascending=False)
    old, new = (frame[list(columns)].reindex(levels, fill_value=0.0) for frame in (before, after))
    return old - new
