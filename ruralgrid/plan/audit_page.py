"""Rules of the audit on the page, the places and the equipment that it names."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from ruralgrid.findings import Finding
from ruralgrid.plan.facts import HvLine, Place, Plan
from ruralgrid.plan.fields import STANDARD_MVA
from ruralgrid.plan.figures import number
from ruralgrid.units import KILO

__all__ = [
    "conductor_classes",
    "distance_between_km",
    "lengths_against_distances",
    "page_notes",
    "towns_of_batches",
    "transformer_ratings",
]

LEAST_DETOUR, MOST_DETOUR = 1.0, 1.5
"""A line is no shorter than the straight one, and an overhead line seldom half as long again."""

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""

MOST_TRANSFORMERS = 20
"""Of more transformers than this standard ratings make nearly any capacity: nothing to find."""

_STATION_MVA = (0.5, 31.5)
"""Ratings [MVA] that occur in a rural 35 kV station."""

_INSULATED = re.compile(r"^JK\w*?-(\d+(?:\.\d+)?)/\d+")
"""Insulated overhead wire: the class [kV] stands between dash and stroke."""


def page_notes(plan: Plan) -> Iterator[Finding]:
    """Notes on what the page damages, hides, leaves open or refers to."""
    for project in plan.hv_projects:
        if project.transformers is not None:
            damaged, where = project.transformers, f"hv_project {project.name}, transformers"
            text = f'The page prints "{damaged.printed}"; read as {damaged.reading}.'
            yield _note("figure-damaged", project.name, text, where)
        for index, line in enumerate(project.lines, start=1):
            if not (line.from_place and line.to_place):
                where = f"hv_project {project.name}, lines[{index}]"
                text = (
                    f"{number(line.length_km)} km of {line.kv:g} kV have an end that is not stated."
                )
                yield _note("end-unstated", line.name, text, where)
    yield from _printed_conductors(plan)
    for path in plan.document.masked:
        yield _note("figure-masked", path, "The page hides these figures.", path)
    for path in plan.document.open_lists:
        yield _note(
            "list-open", path, "The page leaves this list open: it names some of them.", path
        )
    for table in plan.line_design.missing_tables:
        text = "The plan refers to this table and does not show it."
        yield _note("table-missing", table, text, "line_design.missing_tables")


def _printed_conductors(plan: Plan) -> Iterator[Finding]:
    design = plan.line_design
    for key, read, printed in (
        ("conductors_10kv", design.conductors_10kv, design.conductors_10kv_printed),
        ("conductors_0_4kv", design.conductors_0_4kv, design.conductors_0_4kv_printed),
    ):
        for index, (name, on_page) in enumerate(zip(read, printed, strict=False), start=1):
            if name != on_page:
                text = f'The page prints "{on_page}"; read as {name}.'
                yield _note("figure-damaged", name, text, f"line_design.{key}_printed[{index}]")


def towns_of_batches(plan: Plan) -> Iterator[Finding]:
    """`town-repeated`, `towns-unnamed`: towns named by several batches, and by none."""
    named = Counter(town for batch in plan.batches for town in plan.towns_of(batch))
    for town, count in named.items():
        if count > 1:
            years = [str(b.year) for b in plan.batches if town in plan.towns_of(b)]
            text = f"The town is named by batches {' and '.join(years)}."
            yield _note("town-repeated", town, text, "batch.towns")
    missing = [town.name for town in plan.townships if town.name not in named]
    if missing and named:
        text = (
            f"{len(missing)} of {len(plan.townships)} townships are named by no batch: "
            f"{', '.join(missing)}."
        )
        yield _note("towns-unnamed", "batches", text, "batch.towns")


def conductor_classes(plan: Plan) -> Iterator[Finding]:
    """`conductor-class`: an insulated wire of another class than the line it is printed for."""
    design = plan.line_design
    levels = [
        ("conductors_10kv", 10.0, design.conductors_10kv, design.conductors_10kv_printed),
        ("conductors_0_4kv", 1.0, design.conductors_0_4kv, design.conductors_0_4kv_printed),
    ]
    for key, wanted_kv, read, printed in levels:
        field = f"{key}_printed" if printed else key
        for index, name in enumerate(printed or read, start=1):
            match = _INSULATED.match(name)
            if match is None or float(match[1]) == wanted_kv:
                continue
            taken = read[index - 1] if printed and index <= len(read) else ""
            reading = f"; read as {taken}" if taken and taken != name else ""
            yield Finding(
                code="conductor-class",
                subject=name,
                message=(
                    f"A wire of the {match[1]} kV class is printed for lines of "
                    f"{'10' if wanted_kv == 10 else '0.4'} kV, which take the {wanted_kv:g} kV "
                    f"class{reading}."
                ),
                value=float(match[1]),
                limit=wanted_kv,
                unit="kV",
                where=f"line_design.{field}[{index}]",
            )


def transformer_ratings(plan: Plan) -> Iterator[Finding]:
    """`ratings-fit`, `ratings-impossible`: can standard ratings make the stated capacity?"""
    kva, count = plan.existing.transformer_capacity_35kv_kva, plan.existing.transformers_35kv
    low, high = _STATION_MVA
    ratings = tuple(round(mva * KILO) for mva in STANDARD_MVA if low <= mva <= high and mva != 30)
    if not 0 < count <= MOST_TRANSFORMERS:
        return
    pairs = count == 2 * plan.existing.substations_35kv and kva % 2 == 0
    sets = _count_sets(ratings, count, round(kva)) if kva == round(kva) else 0
    where = "existing.transformer_capacity_35kv_kva"
    mean = f"{kva / count:,.0f} kVA on average"
    if not sets:
        yield Finding(
            code="ratings-impossible",
            subject="transformers of 35 kV",
            message=(
                f"No {count} transformers of standard ratings from {low * KILO:,.0f} to "
                f"{high * KILO:,.0f} kVA make {number(kva)} kVA ({mean})."
            ),
            value=kva,
            limit=count,
            unit="kVA",
            where=where,
        )
        return
    text = (
        f"{count} transformers of standard ratings can make {number(kva)} kVA ({mean}): "
        f"{sets:,} sets do"
    )
    alike = _count_sets(ratings, count // 2, round(kva) // 2) if pairs else 0
    if pairs:
        text += f", {alike:,} of them with two alike in each of the {count // 2} stations"
    yield Finding(
        code="ratings-fit",
        subject="transformers of 35 kV",
        message=f"{text}.",
        value=kva,
        limit=None,
        unit="kVA",
        severity="note",
        where=where,
    )


@cache
def _count_sets(ratings: tuple[int, ...], count: int, total: int) -> int:
    """In how many ways `count` ratings, in any order, add up to `total`."""
    ways = {(0, 0): 1}
    for rating, larger in zip(ratings, (*ratings[1:], math.inf), strict=True):
        grown: dict[tuple[int, int], int] = {}
        for (used, made), number_of_ways in ways.items():
            most = min(count - used, (total - made) // rating)
            for more in range(most + 1):
                key = (used + more, made + more * rating)
                left, lacking = count - key[0], total - key[1]
                # what is left has to be made of larger ratings, none above the largest
                if (left * larger if left else 0) <= lacking <= left * ratings[-1]:
                    grown[key] = grown.get(key, 0) + number_of_ways
        ways = grown
    return ways.get((count, total), 0)


def lengths_against_distances(plan: Plan) -> Iterator[Finding]:
    """`length-implausible`: a stated length outside 1.0 to 1.5 times the straight distance."""
    for project in plan.hv_projects:
        for index, line in enumerate(project.lines, start=1):
            start, end = plan.place(line.from_place), plan.place(line.to_place)
            where = f"hv_project {project.name}, lines[{index}]"
            if start is None or end is None:
                for name, place in ((line.from_place, start), (line.to_place, end)):
                    if name and place is None:
                        text = f"{name} has no known position: the length is not checked."
                        yield _note("position-unknown", line.name, text, where)
                continue
            stated = {"length_km": line.length_km, "length_in_goals_km": line.length_in_goals_km}
            for field, length in stated.items():
                if length is not None:
                    yield from _against_distance(line, length, (start, end), f"{where}.{field}")


def _against_distance(
    line: HvLine, length_km: float, ends: tuple[Place, Place], where: str
) -> Iterator[Finding]:
    distance = distance_between_km(*ends)
    slack = ends[0].position_accuracy_km + ends[1].position_accuracy_km
    if LEAST_DETOUR * distance <= length_km <= MOST_DETOUR * distance:
        return
    least, most = max(distance - slack, 0.0), distance + slack
    explained = LEAST_DETOUR * least <= length_km <= MOST_DETOUR * most
    ratio = f"{length_km / distance:.2f} times" if distance else "not comparable with"
    short = length_km < distance
    yield Finding(
        code="length-implausible",
        subject=line.name,
        message=(
            f"{number(length_km)} km are stated, {ratio} the straight distance of {distance:.1f} "
            f"km: {'shorter than a straight line' if short else 'a long detour'}. The positions' "
            f"accuracy, {slack:g} km together, {'can' if explained else 'cannot'} explain it."
        ),
        value=length_km,
        limit=round((LEAST_DETOUR if short else MOST_DETOUR) * distance, 2),
        unit="km",
        severity="note" if explained else "warning",
        where=where,
    )


def distance_between_km(one: Place, other: Place) -> float:
    """Great-circle distance [km] by the haversine formula."""
    lat_a, lat_b = math.radians(one.lat_deg), math.radians(other.lat_deg)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(other.lon_deg - one.lon_deg) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))


def _note(code: str, subject: str, text: str, where: str) -> Finding:
    return Finding(code, subject, text, severity="note", where=where)
