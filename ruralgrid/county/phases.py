"""Whether every load finds its phase and its neutral: what a four-wire flow asks of the tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ruralgrid.county.area_walk import AreaWalk, walk_areas
from ruralgrid.equipment import find_conductors, list_transformers
from ruralgrid.findings import Finding, Findings

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.county.tables import County

__all__ = ["check_phases", "is_between_phases", "single_phase_types", "zero_sequence_groups"]

Ints = NDArray[np.int64]

MOTOR_KINDS: Final = frozenset({"three_phase_user", "irrigation", "industry"})
"""Kinds of consumers whose three-phase load is taken for motors."""

_WIRES: Final = "abcn"
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
    walk = walk_areas(county)
    letters = _texts(county)
    findings = [*_shape(county, walk), *_names(county, walk)]
    if findings:
        return Findings(findings)
    return Findings([*_continuity(county, walk, letters), *_consumers(county, walk, letters)])


def _texts(county: County) -> list[frozenset[str]]:
    """Wires of each section."""
    return [frozenset(text) for text in county.sections["phases"]]


def _error(code: str, table: str, name: str, field: str, message: str, value: str) -> Finding:
    where = f"{table}, {name}, {field}"
    return Finding(code, name, message, value, severity="error", where=where)


def _shape(county: County, walk: AreaWalk) -> Iterator[Finding]:
    for row in walk.loops.tolist():
        name = county.sections["name"].iloc[row]
        text = f"section {name} closes a loop in a 0.4 kV net; one end of it should stand open"
        yield _error("low-voltage-loop", "sections", name, "normally_open", text, "")
    for row in walk.doubled.tolist():
        name = county.transformers["name"].iloc[row]
        text = f"transformer {name} feeds an area that another transformer feeds already"
        yield _error("area-fed-twice", "transformers", name, "lv_node", text, "")


def _names(county: County, walk: AreaWalk) -> Iterator[Finding]:
    sections = county.sections.iloc[np.sort(walk.section[walk.section >= 0])]
    known = {wire.name for wire in find_conductors()} | set(county.line_types["name"])
    for name, phases, neutral in sections[["name", "phases", "neutral"]].itertuples(index=False):
        if not phases or set(phases) - set(_WIRES) or len(set(phases)) < len(phases):
            text = f"section {name}: phases {phases!r}; expected letters of abcn, each once"
            yield _error("phases-unknown", "sections", name, "phases", text, phases)
        if neutral and not _is_conductor(neutral, known):
            text = f"section {name}: the neutral conductor {neutral!r} is in no catalogue"
            yield _error("neutral-unknown", "sections", name, "neutral", text, neutral)
    consumers = county.consumers
    wrong = ~consumers["phases"].isin([*_SINGLE, "abc"])
    for name, phases in consumers.loc[wrong, ["name", "phases"]].itertuples(index=False):
        text = f"consumer {name}: phases {phases!r}; expected a, b, c or abc"
        yield _error("phases-unknown", "consumers", name, "phases", text, phases)


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


def _arriving(walk: AreaWalk, letters: list[frozenset[str]]) -> list[frozenset[str]]:
    """Wires that reach each position all the way; at a busbar all of them."""
    arriving: list[frozenset[str]] = []
    for section, parent in zip(walk.section.tolist(), walk.parent.tolist(), strict=True):
        whole = frozenset(_WIRES)
        arriving.append(whole if parent < 0 else letters[section] & arriving[parent])
    return arriving


def _continuity(county: County, walk: AreaWalk, letters: list[frozenset[str]]) -> Iterator[Finding]:
    names = county.sections["name"].to_numpy()
    for section, parent in zip(walk.section.tolist(), walk.parent.tolist(), strict=True):
        if parent < 0 or walk.section[parent] < 0:
            continue
        above = int(walk.section[parent])
        missing = "".join(sorted(letters[section] - letters[above]))
        if missing:
            text = (
                f"section {names[section]} carries {missing}, which section {names[above]} "
                "above it does not"
            )
            yield _error("phase-not-fed", "sections", names[section], "phases", text, missing)
    yield from _single_phase_units(county, walk, letters)


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


def _single_phase_units(
    county: County, walk: AreaWalk, letters: list[frozenset[str]]
) -> Iterator[Finding]:
    """A single-phase transformer feeds one phase: that of its sections and of its own customers."""
    single = single_phase_types(county)
    at_node: dict[str, set[str]] = {}
    for node, phases in county.consumers[["node", "phases"]].itertuples(index=False):
        at_node.setdefault(node, set()).update(phases)
    nodes = county.nodes["name"].to_numpy()
    types = county.transformers["type"].to_numpy()[walk.transformer]
    names = county.transformers["name"].to_numpy()[walk.transformer]
    for area in [number for number, kind in enumerate(types) if kind in single]:
        inside = range(int(walk.first[area]) + 1, int(walk.first[area + 1]))
        own = at_node.get(nodes[walk.node[walk.first[area]]], set())
        phases = frozenset(own).union(*(letters[walk.section[at]] for at in inside)) - {"n"}
        if len(phases) > 1:
            text = (
                f"the single-phase transformer {names[area]} feeds one phase; its sections and "
                f"customers ask for {''.join(sorted(phases))}"
            )
            value = "".join(sorted(phases))
            yield _error("phase-not-fed", "transformers", names[area], "type", text, value)


def is_between_phases(consumers: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether customers are motors on three phases: they draw between these, never to a neutral."""
    motors = consumers["kind"].isin(MOTOR_KINDS) & (consumers["phases"] == "abc")
    return motors.to_numpy(dtype=bool)


def _consumers(county: County, walk: AreaWalk, letters: list[frozenset[str]]) -> Iterator[Finding]:
    arriving = dict(zip(walk.node.tolist(), _arriving(walk, letters), strict=True))
    row = {name: number for number, name in enumerate(county.nodes["name"])}
    columns = [county.consumers[column] for column in ("name", "node", "phases")]
    motors = is_between_phases(county.consumers)
    for name, node, phases, motor in zip(*columns, motors, strict=True):
        wires = arriving.get(row[node])
        if wires is None:
            continue
        here = "".join(sorted(wires)) or "no wire"
        if phases == "abc":
            if not wires >= {"a", "b", "c"}:
                text = f"three-phase consumer {name} at {node}, where {here} arrives"
                code = "three-phase-on-two-wires"
                yield _error(code, "consumers", name, "phases", text, here)
            elif not motor and "n" not in wires:
                text = f"three-phase consumer {name} at {node} is no motor, and no neutral arrives"
                yield _error("neutral-absent", "consumers", name, "phases", text, here)
        elif phases not in wires:
            text = f"consumer {name} hangs on phase {phases} at {node}, where {here} arrives"
            yield _error("phase-absent", "consumers", name, "phases", text, phases)
        elif "n" not in wires:
            text = f"single-phase consumer {name} at {node}, where no neutral arrives ({here})"
            yield _error("neutral-absent", "consumers", name, "phases", text, here)
