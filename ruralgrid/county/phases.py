"""Whether every load finds its phase and its neutral: what a four-wire flow asks of the tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.area_walk import AreaWalk, node_rows, walk_areas
from ruralgrid.equipment import find_conductors, list_transformers
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    from ruralgrid.county.tables import County

__all__ = [
    "check_phases",
    "is_between_phases",
    "phases_along",
    "single_phase_types",
    "wire_masks",
    "zero_sequence_groups",
]

Ints = NDArray[np.int64]

MOTOR_KINDS: Final = frozenset({"three_phase_user", "irrigation", "industry"})
"""Kinds of consumers whose three-phase load is taken for motors."""

_WIRES: Final = "abcn"
_ALL: Final = 0b1111
_NEUTRAL: Final = 0b1000
_NOT_FED: Final = -1
_SINGLE: Final = ("a", "b", "c")


def check_phases(county: County) -> Findings:
    """Faults of phases and neutrals in the 0.4 kV nets of a county; all are errors.

    Codes of the findings:

    - ``phases-unknown``: a section's or consumer's phases are no such text;
    - ``neutral-unknown``: a neutral conductor is in no catalogue;
    - ``phase-not-fed``: a section carries a phase that the one above it, or the single-phase
      transformer, does not;
    - ``phase-absent``: a single-phase consumer on a phase that does not reach its node;
    - ``neutral-absent``: a single-phase consumer whose node no neutral reaches;
    - ``three-phase-on-two-wires``: a three-phase consumer where not all phases arrive;
    - ``low-voltage-loop``, ``area-fed-twice``: the net is no tree below one transformer.

    Parameters
    ----------
    county : County
        At its stage; nodes that no transformer feeds are left to others.
    """
    return phases_along(county, walk_areas(county))


def phases_along(county: County, walk: AreaWalk) -> Findings:
    """What `check_phases` finds, where the 0.4 kV nets are walked already."""
    findings = [*_shape(county, walk), *_names(county, walk)]
    if findings:
        return Findings(findings)
    masks = np.append(wire_masks(county.sections["phases"]), _ALL)  # above a busbar, row -1: all
    return Findings([*_continuity(county, walk, masks), *_consumers(county, walk, masks)])


def wire_masks(phases: pd.Series) -> Ints:
    """The wires that each text names, as a mask: wire i of abcn is bit ``1 << i``.

    Other letters, of sections at higher voltages, are left out.
    """
    of, texts = pd.factorize(phases, use_na_sentinel=False)
    bits = [sum(1 << i for i, wire in enumerate(_WIRES) if wire in text) for text in texts]
    return np.array(bits, dtype=np.int64)[of]


def _letters(mask: int) -> str:
    return "".join(wire for i, wire in enumerate(_WIRES) if mask >> i & 1)


def _error(code: str, table: str, name: str, field: str, message: str, value: str) -> Finding:
    where = f"{table}, {name}, {field}"
    return Finding(code, name, message, value, severity="error", where=where)


def _shape(county: County, walk: AreaWalk) -> Iterator[Finding]:
    for row in walk.loops.tolist():
        name = county.sections["name"].iloc[row]
        text = f"section {name} closes a loop in a 0.4 kV net; one end of it should stand open"
        yield _error("low-voltage-loop", "sections", name, "normally_open", text, "")
    for row in walk.doubled.tolist():
        name, busbar = county.transformers[["name", "lv_node"]].iloc[row]
        other = county.transformers["name"].iloc[_feeding(county, walk, busbar)]
        text = (
            f"transformers {other} and {name} feed one 0.4 kV net, at {busbar}; an area is solved "
            "below one transformer: split the busbar, so that each feeds sections of its own "
            "(a balanced study with the extra fast takes it as it is)"
        )
        yield _error("area-fed-twice", "transformers", name, "lv_node", text, busbar)


def _feeding(county: County, walk: AreaWalk, node: str) -> int:
    """Row of the transformer whose area holds a node."""
    position = np.flatnonzero((county.nodes["name"] == node).to_numpy()[walk.node])[0]
    return int(walk.transformer[np.searchsorted(walk.first, position, side="right") - 1])


def _names(county: County, walk: AreaWalk) -> Iterator[Finding]:
    sections = county.sections.iloc[np.sort(walk.section[walk.section >= 0])]
    known = {wire.name for wire in find_conductors()} | set(county.line_types["name"])
    no_phases = {text for text in pd.unique(sections["phases"]) if not _is_phases(text)}
    no_wires = {
        text for text in pd.unique(sections["neutral"]) if text and not _is_conductor(text, known)
    }
    wrong = sections["phases"].isin(no_phases) | sections["neutral"].isin(no_wires)
    columns = ["name", "phases", "neutral"]
    for name, phases, neutral in sections.loc[wrong, columns].itertuples(index=False):
        if phases in no_phases:
            text = f"section {name}: phases {phases!r}; expected letters of abcn, each once"
            yield _error("phases-unknown", "sections", name, "phases", text, phases)
        if neutral in no_wires:
            text = f"section {name}: the neutral conductor {neutral!r} is in no catalogue"
            yield _error("neutral-unknown", "sections", name, "neutral", text, neutral)
    consumers = county.consumers
    wrong = ~consumers["phases"].isin([*_SINGLE, "abc"])
    for name, phases in consumers.loc[wrong, ["name", "phases"]].itertuples(index=False):
        text = f"consumer {name}: phases {phases!r}; expected a, b, c or abc"
        yield _error("phases-unknown", "consumers", name, "phases", text, phases)


def _is_phases(text: str) -> bool:
    """Letters of abcn, each once."""
    return bool(text) and not set(text) - set(_WIRES) and len(set(text)) == len(text)


def _is_conductor(name: str, known: set[str]) -> bool:
    """A full name, or a short one that the catalogue resolves to its usual row."""
    from ruralgrid.equipment import get_conductor
    from ruralgrid.errors import UnknownNameError

    if name in known:
        return True
    try:
        get_conductor(name)
    except UnknownNameError:
        return False
    return True


def _arriving(walk: AreaWalk, masks: Ints) -> Ints:
    """Wires that reach each position all the way; at a busbar all of them."""
    is_busbar = walk.parent < 0
    arriving = masks[walk.section]
    above = np.where(is_busbar, np.arange(len(walk.parent)), walk.parent)
    while not is_busbar[above].all():  # each round looks twice as far up
        arriving &= arriving[above]
        above = above[above]
    return arriving


def _continuity(county: County, walk: AreaWalk, masks: Ints) -> Iterator[Finding]:
    names = county.sections["name"].to_numpy()
    above = np.where(walk.parent >= 0, walk.section[walk.parent], -1)
    missing = np.where(above >= 0, masks[walk.section] & ~masks[above], 0)
    for at in np.flatnonzero(missing).tolist():
        name, upper, letters = names[walk.section[at]], names[above[at]], _letters(missing[at])
        text = f"section {name} carries {letters!r}, which section {upper} above it does not"
        yield _error("phase-not-fed", "sections", name, "phases", text, letters)
    yield from _single_phase_units(county, walk, masks)


def single_phase_types(county: County) -> set[str]:
    """Types of single-phase transformers: the county's own of group Ii, and the catalogue's."""
    own = county.transformer_types
    listed = {kind.name for kind in list_transformers() if kind.phases == 1} - set(own["name"])
    return listed | set(own.loc[own["vector_group"].str.startswith("Ii"), "name"])


def zero_sequence_groups() -> set[str]:
    """Vector groups, without clock number, whose zero sequence is known."""
    table = files("ruralgrid.data") / "four_wire" / "zero_sequence.csv"
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return {row["vector_group"] for row in rows}


def _single_phase_units(county: County, walk: AreaWalk, masks: Ints) -> Iterator[Finding]:
    """A single-phase transformer feeds one phase: that of its sections and of its own customers."""
    units = county.transformers.iloc[walk.transformer]
    single = np.flatnonzero(units["type"].isin(single_phase_types(county)))
    if not len(single):
        return
    wires = np.where(walk.parent >= 0, masks[walk.section], 0)
    own = np.zeros(len(county.nodes), dtype=np.int64)
    at = node_rows(county, "consumers", "node")
    np.bitwise_or.at(own, at, wire_masks(county.consumers["phases"]))
    wires |= np.where(walk.parent < 0, own[walk.node], 0)
    asked = np.bitwise_or.reduceat(wires, walk.first[:-1]) & ~_NEUTRAL
    for area in single.tolist():
        phases = _letters(asked[area])
        if len(phases) > 1:
            name = units["name"].iloc[area]
            text = (
                f"the single-phase transformer {name} feeds one phase; its sections and "
                f"customers ask for {phases}"
            )
            yield _error("phase-not-fed", "transformers", name, "type", text, phases)


def is_between_phases(consumers: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether customers are motors on three phases: they draw between these, never to a neutral."""
    motors = consumers["kind"].isin(MOTOR_KINDS) & (consumers["phases"] == "abc")
    return motors.to_numpy(dtype=bool)


def _consumers(county: County, walk: AreaWalk, masks: Ints) -> Iterator[Finding]:
    consumers = county.consumers
    at_node = np.full(len(county.nodes), _NOT_FED, dtype=np.int64)
    at_node[walk.node] = _arriving(walk, masks)
    arriving = at_node[node_rows(county, "consumers", "node")]
    phases = wire_masks(consumers["phases"])
    lacks_phase = (phases & ~arriving) != 0
    lacks_neutral = ((arriving & _NEUTRAL) == 0) & ~is_between_phases(consumers)
    wrong = (arriving != _NOT_FED) & (lacks_phase | lacks_neutral)
    for row in np.flatnonzero(wrong).tolist():
        name, node, own = map(str, consumers[["name", "node", "phases"]].iloc[row])
        yield _unserved(name, node, own, _letters(arriving[row]), bool(lacks_phase[row]))


def _unserved(name: str, node: str, phases: str, wires: str, lacks_phase: bool) -> Finding:
    """A consumer whose phase, or else whose neutral, does not arrive."""
    here = wires or "no wire"
    shown = repr(wires) if wires else here
    if phases == "abc" and lacks_phase:
        text = f"three-phase consumer {name} at {node}, where {shown} arrives"
        return _error("three-phase-on-two-wires", "consumers", name, "phases", text, here)
    if phases == "abc":
        text = f"three-phase consumer {name} at {node} is no motor, and no neutral arrives"
        return _error("neutral-absent", "consumers", name, "phases", text, here)
    if lacks_phase:
        text = f"consumer {name} hangs on phase {phases!r} at {node}, where {shown} arrives"
        return _error("phase-absent", "consumers", name, "phases", text, phases)
    text = f"single-phase consumer {name} at {node}, where no neutral arrives ({shown})"
    return _error("neutral-absent", "consumers", name, "phases", text, here)
