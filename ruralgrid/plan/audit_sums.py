"""Rules of the audit on sums and counts: what the parts give against the stated whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from ruralgrid.findings import Finding
from ruralgrid.plan.facts import Batch, Plan, Totals, Works
from ruralgrid.plan.figures import TOLERANCE, difference, number

__all__ = ["batch_households", "county_counts", "sums_against_totals", "totals_of_classes"]

POPULATION_TOLERANCE_PERCENT = 1.0
"""People of the townships are counted at other dates than the county's."""


@dataclass(frozen=True, slots=True)
class _Figure:
    """One figure of all batches: stated, added up, and batch by batch."""

    subject: str
    where: str
    unit: str
    stated: float
    total: float
    parts: tuple[float, ...]
    years: tuple[int, ...]

    @property
    def fits(self) -> bool:
        return abs(self.stated - self.total) <= TOLERANCE


def sums_against_totals(plan: Plan) -> Iterator[Finding]:
    """`sum-differs`, `totals-swapped`, `total-is-one-batch`: batches against stated totals."""
    wrong = [figure for figure in _figures(plan) if not figure.fits]
    swapped: set[str] = set()
    for one, other in combinations(wrong, 2):
        if (
            one.unit == other.unit
            and _are_swapped(one, other)
            and not swapped & {one.where, other.where}
        ):
            swapped |= {one.where, other.where}
            yield _swapped(one, other)
    for figure in wrong:
        if figure.where not in swapped:
            yield _differs(figure)


def _are_swapped(one: _Figure, other: _Figure) -> bool:
    return abs(one.stated - other.total) <= TOLERANCE and abs(other.stated - one.total) <= TOLERANCE


def _swapped(one: _Figure, other: _Figure) -> Finding:
    return Finding(
        code="totals-swapped",
        subject=f"{one.subject} and {other.subject}",
        message=(
            f"The stated totals {number(one.stated)} and {number(other.stated)} fit if they are "
            f"exchanged: the batches add up to {number(one.total)} {one.subject} and "
            f"{number(other.total)} {other.subject}."
        ),
        value=one.total,
        limit=one.stated,
        unit=one.unit,
        where=f"{one.where}, {other.where}",
    )


def _differs(figure: _Figure) -> Finding:
    text = (
        f"The batches add up to {number(figure.total)} {figure.unit}, stated are "
        f"{number(figure.stated)}: {difference(figure.stated, figure.total)}."
    )
    years = [
        year
        for year, part in zip(figure.years, figure.parts, strict=True)
        if part and abs(part - figure.stated) <= TOLERANCE
    ]
    if len(years) == 1:
        text += f" The stated total is the figure of batch {years[0]} alone."
    return Finding(
        code="total-is-one-batch" if len(years) == 1 else "sum-differs",
        subject=figure.subject,
        message=text,
        value=figure.total,
        limit=figure.stated,
        unit=figure.unit,
        where=figure.where,
    )


def _figures(plan: Plan) -> Iterator[_Figure]:
    stated, sums = plan.stated_totals, plan.sums
    years = tuple(batch.year for batch in plan.batches)
    rows = [
        ("length of 10 kV", "length_10kv_km", "km"),
        ("length of 0.4 kV", "length_0_4kv_km", "km"),
        ("transformers", "transformers", ""),
        ("households", "households", ""),
        ("money of the batches", "money_wan", "10^4 yuan"),
    ]
    for subject, field, unit in rows:
        total_field = "money_distribution_wan" if field == "money_wan" else field
        parts = tuple(float(getattr(batch, field) or 0) for batch in plan.batches)
        yield from _figure(subject, total_field, unit, stated, sums, parts, years)
    for kind, words in (("three_phase", "three-phase"), ("low_voltage", "low-voltage")):
        for item in ("households", "villages"):
            whole: Works | None = getattr(stated, kind)
            if whole is not None:
                parts = tuple(float(getattr(getattr(b, kind), item)) for b in plan.batches)
                where = f"stated_totals.{kind}.{item}"
                total = float(getattr(getattr(sums, kind), item))
                yield _Figure(
                    f"{words} {item}", where, item, getattr(whole, item), total, parts, years
                )
    by_year = stated.money_hv_by_year_wan
    if by_year:
        numbers = tuple(range(1, len(by_year) + 1))
        unit = "10^4 yuan"
        yield from _figure(
            "money of 35 kV and above", "money_hv_wan", unit, stated, sums, by_year, numbers
        )


def _figure(
    subject: str,
    field: str,
    unit: str,
    stated: Totals,
    sums: Totals,
    parts: tuple[float, ...],
    years: tuple[int, ...],
) -> Iterator[_Figure]:
    whole, total = getattr(stated, field), getattr(sums, field)
    if whole is not None and total is not None:
        key = field.removesuffix("_wan")
        yield _Figure(subject, f"stated_totals.{key}", unit, whole, total, parts, years)


def batch_households(plan: Plan) -> Iterator[Finding]:
    """`households-differ`: households of a batch against those of its two classes."""
    for batch in plan.batches:
        if batch.three_phase != Works(0, 0):
            yield from _classes(
                batch, batch.three_phase, batch.low_voltage, f"batch {batch.year}", "batch"
            )


def totals_of_classes(plan: Plan) -> Iterator[Finding]:
    """`households-differ`: the stated total of households against those of the two classes."""
    stated = plan.stated_totals
    if stated.households is not None and stated.three_phase and stated.low_voltage:
        yield from _classes(
            stated, stated.three_phase, stated.low_voltage, "stated totals", "stated_totals"
        )


def _classes(
    whole: Batch | Totals, three: Works, low: Works, subject: str, table: str
) -> Iterator[Finding]:
    both = three.households + low.households
    stated = whole.households
    if stated is None or both == stated:
        return
    place = f"{table}[{whole.year}]" if isinstance(whole, Batch) else table
    yield Finding(
        code="households-differ",
        subject=subject,
        message=(
            f"{three.households:,} three-phase and {low.households:,} low-voltage households make "
            f"{both:,}, stated are {stated:,}: {difference(stated, both)}."
        ),
        value=both,
        limit=stated,
        unit="households",
        where=f"{place}.households",
    )


def county_counts(plan: Plan) -> Iterator[Finding]:
    """`count-differs`, `population-differs`: lists of towns and villages against the figures."""
    county, towns = plan.county, plan.townships
    listed = Counter(village.town for village in plan.villages)
    yield from _count("townships", len(towns), county.townships, "county.townships")
    stated = county.administrative_villages
    where = "county.administrative_villages"
    if plan.villages:
        yield from _count("administrative villages listed", len(plan.villages), stated, where)
    by_town = sum(town.administrative_villages for town in towns)
    yield from _count("administrative villages by town", by_town, stated, where)
    for town in towns:
        if plan.villages:
            count = town.administrative_villages
            subject = f"villages of {town.name}"
            yield from _count(subject, listed[town.name], count, f"townships.{town.name}")
    yield from _population(plan)


def _count(subject: str, found: int, stated: int | None, where: str) -> Iterator[Finding]:
    if stated is not None and found != stated:
        yield Finding(
            code="count-differs",
            subject=subject,
            message=f"Listed are {found:,}, stated are {stated:,}: {difference(stated, found)}.",
            value=found,
            limit=stated,
            where=where,
        )


def _population(plan: Plan) -> Iterator[Finding]:
    known = [town.population for town in plan.townships if town.population is not None]
    stated, total = plan.county.population, sum(known)
    close = abs(total - stated) <= stated * POPULATION_TOLERANCE_PERCENT / 100
    if len(known) < len(plan.townships) or close:
        return
    yield Finding(
        code="population-differs",
        subject="population",
        message=(
            f"The townships hold {total:,} people together, the county is stated at {stated:,}: "
            f"{difference(stated, total)}."
        ),
        value=total,
        limit=stated,
        unit="people",
        where="county.population",
    )
