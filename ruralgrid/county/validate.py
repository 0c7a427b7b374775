"""Everything that is wrong with a county's tables, at once, before any load flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from ruralgrid.county.checks.figures import (
    check_energy,
    check_figures,
    check_lengths,
    check_voltage_levels,
)
from ruralgrid.county.checks.loops import NEEDS_FAST, check_loops
from ruralgrid.county.checks.names import (
    check_names,
    check_references,
    check_texts,
    check_words,
)
from ruralgrid.county.checks.own_types import check_own_types, check_tap_changers
from ruralgrid.county.checks.places import check_places
from ruralgrid.county.checks.supply import check_areas, check_connections, check_villages
from ruralgrid.county.checks.types import (
    check_line_types,
    check_transformer_types,
    check_windings,
)
from ruralgrid.county.checks.view import View
from ruralgrid.county.checks.wiring import check_islands, check_sources, wiring_of
from ruralgrid.county.checks.works import check_edits
from ruralgrid.county.phases import check_phases
from ruralgrid.county.tables import County
from ruralgrid.errors import InputError, require_kind
from ruralgrid.findings import Finding, Findings

__all__ = ["validate"]


def validate(county: County) -> Findings:
    """Every fault of a county, at its own stage and after each of its batches.

    Names and references, words and types, figures and their sizes, voltages along the wires, loops,
    islands, villages without supply, transformers below their households, service points too far,
    places, edits that do not fit. `docs/your_own_county.md` lists the codes.

    Parameters
    ----------
    county : County

    Returns
    -------
    Findings
        Each with table, row (as a spreadsheet shows it) and column in `where`, the value found and
        what is expected in `limit`. Those of severity "error" keep a study from being made, those
        of severity "warning" belong into its report. What a batch brings is told with its stage;
        a stage is looked at only where all edits up to it fit.

    Raises
    ------
    InputError
        `county` is none: a path is read by `read_county` first.

    Notes
    -----
    Pure: tables in, findings out. No load flow is run.
    """
    require_kind(county, County, "county", "synthesise and read_county")
    view = View(county)
    found = list(_of_stage(view))
    edits = [] if county.edits.empty else list(check_edits(view))
    seen = {_key(each) for each in found}
    found += edits
    if not any(each.code in _UNFIT and each.severity == "error" for each in found):
        for later in _later(county, found):
            after = View(later, False, view.hints, _brought(county, later.stage))
            new = [each for each in _of_stage(after) if _key(each) not in seen]
            seen |= {_key(each) for each in new}
            found += new
    return Findings(_together(found))


_TOLD_ONCE = ("voltage-unusual",)
"""Findings that one habit makes of every row: the first is told, and how many there are."""


def _together(found: list[Finding]) -> Iterator[Finding]:
    """Those that say the same of many rows as one."""
    alike = Counter((each.code, each.message) for each in found if each.code in _TOLD_ONCE)
    for each in found:
        count = alike.pop((each.code, each.message), 0) if each.code in _TOLD_ONCE else 1
        if count > 1:
            yield replace(each, message=f"{each.message}; likewise in {count - 1} more rows")
        elif count:
            yield each


_UNFIT = ("name-missing", "name-twice", "edit-table", "edit-action", "edit-stage")
"""Findings with which a batch cannot be applied."""


def _later(county: County, found: list[Finding]) -> Iterator[County]:
    """The county after each batch, as far as the edits fit."""
    if any(each.code.startswith("edit-") and each.severity == "error" for each in found):
        return
    before = county
    for stage in county.stages[1:]:
        try:
            before = before.at(stage)
        except InputError as error:
            where = f"stage {stage}, edits"
            found.append(Finding("edit-unfit", "edits", str(error), severity="error", where=where))
            return
        yield before


def _brought(county: County, stage: int) -> dict[tuple[str, str], str]:
    """Sheet and row of what a batch's own sheets say, by table and name."""
    edits = county.edits
    rows = zip(edits["stage"], edits["table"], edits["name"], county.edit_places, strict=False)
    return {(table, name): place for k, table, name, place in rows if k == stage and place}


def _key(each: Finding) -> tuple[object, ...]:
    """The same fault at another stage has the same key."""
    return each.code, each.subject, each.message, each.where.rpartition(", ")[2]


def _of_stage(view: View) -> Iterator[Finding]:
    errors = 0
    for each in _checked(view):
        errors += each.severity == "error" and each.code != NEEDS_FAST
        yield each
    if not errors:  # it walks along wires that must be whole
        yield from (_placed(view, each) for each in check_phases(view.county))


def _placed(view: View, each: Finding) -> Finding:
    """A finding of the four-wire net with its row or its stage."""
    table, column = each.where.partition(", ")[0], each.where.rpartition(", ")[2]
    names = view[table]["name"]
    row = int((names == each.subject).to_numpy().argmax())
    return replace(each, where=view.where(table, row, each.subject, column))


def _checked(view: View) -> Iterator[Finding]:
    yield from check_names(view)
    yield from check_references(view)
    yield from check_texts(view)
    yield from check_words(view)
    yield from check_figures(view)
    yield from check_voltage_levels(view)
    yield from check_lengths(view)
    yield from check_energy(view)
    yield from check_line_types(view)
    yield from check_transformer_types(view)
    yield from check_own_types(view)
    yield from check_tap_changers(view)
    yield from check_windings(view)
    yield from check_places(view)
    yield from check_connections(view)
    wiring = wiring_of(view)
    yield from check_loops(view, wiring)
    yield from check_islands(view, wiring)
    yield from check_sources(view, wiring)
    yield from check_villages(view, wiring)
    yield from check_areas(view)
