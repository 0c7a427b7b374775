"""Rules of the audit on the works of 35 kV and above: their money, and figures stated twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

from ruralgrid.findings import Finding
from ruralgrid.plan.facts import HvLine, HvProject, Plan
from ruralgrid.plan.figures import TOLERANCE, difference, number

__all__ = [
    "hv_money_against_prices",
    "hv_projects_that_fit",
    "prices_missing",
    "project_cost_wan",
    "stated_twice",
    "station_price_per_mva",
    "stations_named",
]

MOST_PROJECTS = 14
"""Combinations of more projects than this are not searched: 2^14 is 16,384."""

PRICE_SPREAD = 5.0
"""Prices per MVA at two voltages that lie further apart than this factor are worth a look."""


def project_cost_wan(plan: Plan, project: HvProject) -> float | None:
    """Station and lines at the unit prices [10^4 yuan]; None where a price is not stated."""
    return _cost(plan, project, project.lines, goals=False)


def _cost(
    plan: Plan, project: HvProject, lines: tuple[HvLine, ...], *, goals: bool
) -> float | None:
    cost = 0.0
    if project.substation_kv is not None:
        station = plan.unit_prices.substation_wan(project.substation_kv)
        if station is None:
            return None
        cost += station
    for line in lines:
        price = plan.unit_prices.line_wan_per_km(line.kv)
        if price is None:
            return None
        second = line.length_in_goals_km if goals else None
        cost += price * (line.length_km if second is None else second)
    return cost


def _variants(plan: Plan, project: HvProject) -> dict[str, float]:
    """Costs of a project, and as read otherwise: its second lengths, no lines of unstated end."""
    ended = tuple(line for line in project.lines if line.to_place and line.from_place)
    costs = {"": project_cost_wan(plan, project)}
    if any(line.length_in_goals_km is not None for line in project.lines):
        costs["with its second length"] = _cost(plan, project, project.lines, goals=True)
    if len(ended) < len(project.lines):
        costs["without its lines of unstated end"] = _cost(plan, project, ended, goals=False)
    return {words: cost for words, cost in costs.items() if cost is not None}


def hv_money_against_prices(plan: Plan) -> Iterator[Finding]:
    """`hv-money-differs`: money by year against the schedule's projects, and of all of them."""
    by_year = plan.stated_totals.money_hv_by_year_wan
    if plan.hv_schedule is not None:
        last = max(len(by_year), len(plan.hv_schedule.years))
        for year in range(1, last + 1) if by_year else ():
            stated = by_year[year - 1] if year <= len(by_year) else 0.0
            grade = "inferred " if plan.hv_schedule.grade == "inferred" else ""
            projects = plan.projects_of(year)
            where = f"stated_totals.money_hv_by_year[{year}], hv_schedule.year_{year}"
            words = f"the {grade}schedule's projects"
            yield from _against(plan, projects, stated, f"year {year}", words, where)
    total = plan.stated_totals.money_hv_wan
    if total is not None and plan.hv_projects:
        where = "stated_totals.money_hv"
        yield from _against(plan, plan.hv_projects, total, "all years", "all projects", where)


def _against(
    plan: Plan,
    projects: tuple[HvProject, ...],
    stated: float,
    subject: str,
    words: str,
    where: str,
) -> Iterator[Finding]:
    costs = [project_cost_wan(plan, project) for project in projects]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs) or abs(sum(known) - stated) <= TOLERANCE:
        return
    terms = " + ".join(
        f"{project.name} {number(cost)}" for project, cost in zip(projects, known, strict=True)
    )
    yield Finding(
        code="hv-money-differs",
        subject=subject,
        message=(
            f"At the unit prices {words} cost {number(sum(known))} ({terms or 'none'}), stated are "
            f"{number(stated)}: {difference(stated, sum(known))}."
            f"{_other_reading(plan, projects, stated)}"
        ),
        value=sum(known),
        limit=stated,
        unit="10^4 yuan",
        where=where,
    )


def _other_reading(plan: Plan, projects: tuple[HvProject, ...], stated: float) -> str:
    """The reading of these projects that comes nearest, where it is not the plain one."""
    if len(projects) > MOST_PROJECTS:
        return ""
    readings = list(product(*(_variants(plan, project).items() for project in projects)))
    best = min(readings, key=lambda r: abs(sum(cost for _, cost in r) - stated), default=())
    changed = [
        f"{project.name} {words}"
        for project, (words, _) in zip(projects, best, strict=False)
        if words
    ]
    cost = sum(cost for _, cost in best)
    if not changed:
        return ""
    return f" With {' and '.join(changed)} they cost {number(cost)}: {difference(stated, cost)}."


def hv_projects_that_fit(plan: Plan) -> Iterator[Finding]:
    """`hv-money-fits`, `hv-money-unexplained`: which projects make the money of a year exactly."""
    costs = {p.name: project_cost_wan(plan, p) for p in plan.hv_projects}
    known = {name: cost for name, cost in costs.items() if cost is not None}
    if not known or len(known) < len(costs) or len(known) > MOST_PROJECTS:
        return
    sets = [names for size in range(1, len(known) + 1) for names in combinations(known, size)]
    for year, stated in enumerate(plan.stated_totals.money_hv_by_year_wan, start=1):
        if stated == 0:
            continue
        fits = [names for names in sets if abs(_sum(known, names) - stated) <= TOLERANCE]
        nearest = min(sets, key=lambda names: abs(_sum(known, names) - stated))
        cost = _sum(known, nearest)
        if fits:
            words = ", or of ".join(" + ".join(names) for names in fits)
            tried = f"{len(fits)} of {len(sets)} combinations fit"
            text = f"{number(stated)} is exactly the cost of {words} ({tried})."
        else:
            text = (
                f"None of the {len(sets)} combinations of projects costs {number(stated)}; the "
                f"nearest, {' + '.join(nearest)}, costs {number(cost)}: {difference(stated, cost)}."
            )
        yield Finding(
            code="hv-money-fits" if fits else "hv-money-unexplained",
            subject=f"year {year}",
            message=text,
            value=cost,
            limit=stated,
            unit="10^4 yuan",
            severity="note" if fits else "warning",
            where=f"stated_totals.money_hv_by_year[{year}]",
        )


def _sum(costs: dict[str, float], names: tuple[str, ...]) -> float:
    return sum(costs[name] for name in names)


def prices_missing(plan: Plan) -> Iterator[Finding]:
    """`price-missing`: works that no unit price is stated for, so that no money is held to them."""
    prices = plan.unit_prices
    needed: dict[str, float | None] = {}
    if any(batch.money_wan is not None for batch in plan.batches):
        needed["10 kV line"] = prices.line_10kv_wan_per_km
        needed["0.4 kV line"] = prices.line_0_4kv_wan_per_km
        needed["distribution transformer"] = prices.distribution_transformer_wan
    for project in plan.hv_projects if plan.stated_totals.money_hv_wan is not None else ():
        for line in project.lines:
            needed[f"{line.kv:g} kV line"] = prices.line_wan_per_km(line.kv)
        if project.substation_kv is not None:
            station = prices.substation_wan(project.substation_kv)
            needed[f"{project.substation_kv:g} kV station"] = station
    for item, price in needed.items():
        if price is None:
            text = "No unit price is stated: the money of works with it is not checked."
            yield Finding("price-missing", item, text, severity="note", where="unit_prices")


def stated_twice(plan: Plan) -> Iterator[Finding]:
    """`stated-twice`: a length that the plan states twice, and not alike."""
    for project in plan.hv_projects:
        for index, line in enumerate(project.lines, start=1):
            second = line.length_in_goals_km
            if second is not None and abs(second - line.length_km) > TOLERANCE:
                yield Finding(
                    code="stated-twice",
                    subject=line.name,
                    message=(
                        f"The length is stated as {number(line.length_km)} km among the projects "
                        f"and as {number(second)} km among the goals: "
                        f"{number(abs(second - line.length_km))} km apart."
                    ),
                    value=line.length_km,
                    limit=second,
                    unit="km",
                    where=f"hv_project {project.name}, lines[{index}].length_km",
                )


def stations_named(plan: Plan) -> Iterator[Finding]:
    """`station-unnamed`: a line above 35 kV that starts where no such station is named."""
    existing = plan.existing
    if not existing.substation_330kv or existing.substations_110kv:
        return  # stations of 110 kV without a name: nothing to hold a start against
    for project in plan.hv_projects:
        for index, line in enumerate(project.lines, start=1):
            start = line.from_place
            built = any(start and p.name.startswith(start) for p in plan.hv_projects)
            if line.kv > 35 and start and not built and start != existing.substation_330kv:
                yield Finding(
                    code="station-unnamed",
                    subject=line.name,
                    message=(
                        f"The line starts at {start}; the only station above 35 kV that the plan "
                        f"names is {existing.substation_330kv}."
                    ),
                    value=start,
                    limit=existing.substation_330kv,
                    where=f"hv_project {project.name}, lines[{index}].from",
                )


def station_price_per_mva(plan: Plan) -> Iterator[Finding]:
    """`price-per-mva`: stations of two voltages whose price per MVA lies far apart."""
    each: dict[float, float] = {}
    for project in plan.hv_projects:
        if project.substation_kv is not None and project.transformer_mva:
            price = plan.unit_prices.substation_wan(project.substation_kv)
            if price:
                each[project.substation_kv] = price / sum(project.transformer_mva)
    if not each or max(each.values()) <= PRICE_SPREAD * min(each.values()):
        return
    words = ", ".join(f"{value:.1f} at {kv:g} kV" for kv, value in sorted(each.items()))
    yield Finding(
        code="price-per-mva",
        subject="stations",
        message=(
            f"For each MVA a station costs {words}: a factor of "
            f"{max(each.values()) / min(each.values()):.0f} between them."
        ),
        value=round(min(each.values()), 3),
        limit=round(max(each.values()), 3),
        unit="10^4 yuan/MVA",
        severity="note",
        where="unit_prices, hv_project.transformer_mva",
    )
