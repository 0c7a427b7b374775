"""Do the sections of a county obey the rules of overhead lines? A pure function of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from ruralgrid.equipment.catalogue import get_conductor, list_conductors, list_pole_heads
from ruralgrid.equipment.line_rules import DEFAULT_ZONE, WeatherZone
from ruralgrid.equipment.records import Conductor, PoleHead
from ruralgrid.equipment.supports import SpanRule, span_rules
from ruralgrid.errors import InputError, UnknownNameError, nearest_names
from ruralgrid.findings import Finding, Findings, Severity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_line_sections", "check_span"]

_CODES: Final[dict[str, tuple[str, Severity]]] = {
    "span by kind of wire": ("span-over-limit", "warning"),
    "pole head": ("pole-head-span", "note"),
    "spacing table": ("spacing-too-small", "warning"),
    "spacing formula": ("spacing-too-small", "warning"),
    "ground clearance": ("clearance-missed", "warning"),
    "strength at the support": ("support-overloaded", "warning"),
}
"""What a span beyond a rule's longest is called."""


def check_line_sections(
    sections: pd.DataFrame,
    kv: pd.Series[float] | pd.DataFrame,
    *,
    zone: str | WeatherZone = DEFAULT_ZONE,
    terrain: str = "non-residential",
    heads: Iterable[PoleHead] = (),
) -> Findings:
    """Findings on the sections of a county's lines.

    Parameters
    ----------
    sections : pandas.DataFrame
        Columns name, conductor, arrangement, phases and, where known, span_m [m]; `from_node` where
        `kv` is the table of nodes.
    kv : pandas.Series or pandas.DataFrame
        Nominal voltage of each section [kV], aligned with it; or the nodes, with columns name and
        kv.
    zone, terrain : str
        Design weather and ground, as in `supports.span_rules`.
    heads : iterable of PoleHead
        Pole heads beside those of the catalogue.

    Returns
    -------
    Findings
        conductor-unknown, arrangement-unknown, phases-not-carried (errors); arrangement-level,
        insulation-class-low, neutral-missing, neutral-above-phase, span-over-limit,
        spacing-too-small, clearance-missed, support-overloaded (warnings); pole-head-span
        (a note). A section without a span gets no finding on its span.
    """
    levels = _levels_kv(sections, kv)
    table = sections.assign(_kv=levels.to_numpy())
    known_heads = {head.name: head for head in (*list_pole_heads(), *heads)}
    found: list[Finding] = []
    kinds = ["conductor", "arrangement", "phases", "_kv"]
    for key, rows in table.groupby(kinds, dropna=False):
        conductor, arrangement, phases, level = (str(part) for part in key)
        names = [str(name) for name in rows["name"]]
        unknown = list(_unknown_kinds(conductor, arrangement, known_heads))
        if unknown:
            found += [_on(name, *fault) for name in names for fault in unknown]
            continue
        wire, head = get_conductor(conductor), known_heads[arrangement]
        faults = list(_kind_faults(wire, head, phases, float(level)))
        found += [_on(name, *fault) for name in names for fault in faults]
        if "span_m" in rows and rows["span_m"].notna().any():
            rules = span_rules(wire, head, zone=zone, terrain=terrain)
            for name, span in zip(names, rows["span_m"], strict=True):
                where = f"sections, row {name!r}, span_m"
                found += check_span(name, float(span), wire, head, rules, where)
    return Findings(found)


_Fault = tuple[str, str, float | str | None, float | str | None, Severity]


def _on(
    name: str,
    code: str,
    message: str,
    value: float | str | None,
    limit: float | str | None,
    severity: Severity,
) -> Finding:
    where = f"sections, row {name!r}"
    return Finding(code, name, message, value=value, limit=limit, severity=severity, where=where)


def _levels_kv(sections: pd.DataFrame, kv: pd.Series[float] | pd.DataFrame) -> pd.Series[float]:
    """Voltage of each section: as given, or that of its first node."""
    import pandas as pd

    if isinstance(kv, pd.DataFrame):
        levels: pd.Series[float] = sections["from_node"].map(kv.set_index("name")["kv"])
        missing = sections.loc[levels.isna(), "from_node"]
        if len(missing):
            known = [str(name) for name in kv["name"]]
            raise UnknownNameError("node", missing.iloc[0], known, "sections, from_node")
        return levels
    if len(kv) != len(sections):
        raise InputError(f"kv has {len(kv)} rows for {len(sections)} sections; expected one each")
    return kv


def _unknown_kinds(
    conductor: str, arrangement: str, heads: dict[str, PoleHead]
) -> Iterator[_Fault]:
    try:
        get_conductor(conductor)
    except UnknownNameError as error:
        nearest = ", ".join(error.nearest) or list_conductors()[0].name
        message = f"no conductor is named {conductor!r}; the nearest: {nearest}"
        yield "conductor-unknown", message, conductor, nearest, "error"
    if arrangement not in heads:
        nearest = ", ".join(nearest_names(arrangement, heads)) or next(iter(heads))
        message = f"no pole head is named {arrangement!r}; the nearest: {nearest}"
        yield "arrangement-unknown", message, arrangement, nearest, "error"


def _kind_faults(
    conductor: Conductor, head: PoleHead, phases: str, level_kv: float
) -> Iterator[_Fault]:
    """Faults that do not depend on the span."""
    try:
        head.wires_of(phases)
    except InputError as error:
        yield "phases-not-carried", str(error), phases, head.phases, "error"
    if head.kv != level_kv:
        message = f"pole head {head.name} is built for {head.kv:g} kV and stands at {level_kv:g} kV"
        yield "arrangement-level", message, level_kv, head.kv, "warning"
    if conductor.kv is not None and conductor.kv < level_kv:
        message = f"{conductor.name}, insulated for {conductor.kv:g} kV, hangs at {level_kv:g} kV"
        yield "insulation-class-low", message, conductor.kv, level_kv, "warning"
    if level_kv <= 1.0 and "n" not in phases:
        message = f"a line of {level_kv:g} kV carries {phases} and no neutral"
        yield "neutral-missing", message, phases, f"{phases}n", "warning"
    if head.neutral is not None and "n" in phases:
        lowest = min(wire.y_m for wire in head.phase_wires)
        if head.neutral.y_m > lowest:
            message = f"the neutral of {head.name} hangs above a phase wire"
            yield "neutral-above-phase", message, head.neutral.y_m, lowest, "warning"


def check_span(
    subject: str,
    span_m: float,
    conductor: Conductor,
    head: PoleHead,
    rules: Iterable[SpanRule],
    where: str,
) -> list[Finding]:
    """A finding for each rule of `span_rules` that a span [m] breaks; none of a span of NaN."""
    found = []
    for rule in rules:
        if span_m > rule.span_m + 1e-6 and not rule.advisory:
            code, severity = _CODES[rule.rule]
            found.append(
                Finding(
                    code,
                    subject,
                    f"span of {span_m:.1f} m with {conductor.name} on {head.name}; "
                    f"{rule.rule} allows {rule.span_m:g} m: {rule.basis}",
                    value=span_m,
                    limit=rule.span_m,
                    unit="m",
                    severity=severity,
                    where=where,
                    clause=rule.source,
                )
            )
    return found
