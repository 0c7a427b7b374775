"""The data of the county's map: places on a plane, lines, villages stage by stage."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ruralgrid.county.geography import to_plane_km

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.report.staged import StagedStudy
    from ruralgrid.studies import Study

__all__ = ["map_data", "village_data"]

_UNIT_KM: Final = 0.01
"""A unit of the map is 10 m: finer than the places are known."""
_LV_BELOW_KV: Final = 1.0
_STATION_KV: Final = 35.0
_STATION_NAME: Final = re.compile(r"^(.*?\d*站)")

_BLANK: Final = {"ok": 0, "low": 1, "unsupplied": 2, "failed": 3}


class _Plane:
    """Longitude and latitude to whole units, east to the right, north up."""

    def __init__(self, nodes: pd.DataFrame) -> None:
        known = nodes[nodes["lon_deg"].notna() & nodes["lat_deg"].notna()]
        self.has_places = len(known) > 1
        if not self.has_places:
            return
        self._origin = (float(known["lon_deg"].mean()), float(known["lat_deg"].mean()))
        points = self._units(known["lon_deg"], known["lat_deg"])
        self._west, self._north = points.min(axis=0) - 100  # a margin of 1 km
        east, south = points.max(axis=0) + 100
        self.size = int(east - self._west), int(south - self._north)

    def _units(self, lon: pd.Series, lat: pd.Series) -> np.ndarray[Any, Any]:
        km = to_plane_km(lon.to_numpy(), lat.to_numpy(), self._origin)
        return km / _UNIT_KM * (1, -1)

    def places(self, table: pd.DataFrame) -> pd.DataFrame:
        """`x, y` of each row, NaN where it has no place."""
        points = self._units(table["lon_deg"], table["lat_deg"])
        moved = np.round(points - (self._west, self._north))
        return pd.DataFrame(moved, columns=["x", "y"], index=table.index)


def map_data(staged: StagedStudy) -> dict[str, Any] | None:
    """Size, lines of 10 kV and above, stations and towns; None where nodes have no places."""
    counties = [staged.county(stage) for stage in staged.stages]
    every = pd.concat([county.nodes for county in counties]).drop_duplicates("name")
    plane = _Plane(every)
    if not plane.has_places:
        return None
    every = every.join(plane.places(every))
    return {
        "width": plane.size[0],
        "height": plane.size[1],
        "unit_km": _UNIT_KM,
        "lines": _lines(counties, every.set_index("name")),
        "stations": _stations(counties, every),
        "towns": _towns(staged.study.county, plane, every),
        "places": _village_places(every),
    }


def _lines(counties: list[County], nodes: pd.DataFrame) -> list[dict[str, Any]]:
    """Sections that stand at the same stages, as one path for each kind.

    ``new`` is the position of the first stage at which the section is there or has another
    conductor than before; -1 where it always was as it is.
    """
    kv, x, y = (nodes[column].to_dict() for column in ("kv", "x", "y"))
    seen: dict[tuple[str, str, str], list[str]] = {}
    for k, county in enumerate(counties):
        table = county.sections[~county.sections["normally_open"].astype(bool)]
        columns = (table["name"], table["from_node"], table["to_node"], table["conductor"])
        for name, one, other, conductor in zip(*columns, strict=True):
            if kv[one] >= _LV_BELOW_KV:
                known = seen.setdefault((name, one, other), [""] * len(counties))
                known[k] = conductor
    groups: defaultdict[tuple[float, int, int, int], list[str]] = defaultdict(list)
    for (_, one, other), conductors in seen.items():
        if np.isfinite([x[one], y[one], x[other], y[other]]).all():
            at = [k for k, conductor in enumerate(conductors) if conductor]
            key = (float(kv[one]), at[0], at[-1], _renewed(conductors, at))
            step = int(x[other] - x[one]), int(y[other] - y[one])
            groups[key].append(f"M{int(x[one])} {int(y[one])}l{step[0]} {step[1]}")
    return [
        {"kv": level, "from": first, "to": last, "new": new, "d": "".join(pieces)}
        for (level, first, last, new), pieces in sorted(groups.items())
    ]


def _renewed(conductors: list[str], at: list[int]) -> int:
    if at[0] > 0:
        return at[0]
    changes = [k for k in at[1:] if conductors[k] != conductors[k - 1]]
    return changes[0] if changes else -1


def _stations(counties: list[County], nodes: pd.DataFrame) -> list[dict[str, Any]]:
    """Busbars of 35 kV and above that share a place, as one station; when it comes."""
    of_node = nodes.set_index("name")
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for k, county in enumerate(counties):
        high = county.nodes[
            (county.nodes["kv"] >= _STATION_KV) & (county.nodes["kind"] == "busbar")
        ]
        for name, kv in zip(high["name"], high["kv"], strict=True):
            x, y = of_node.at[name, "x"], of_node.at[name, "y"]
            if np.isfinite([x, y]).all():
                own = _STATION_NAME.match(name)
                blank = {"name": own[1] if own else name, "kv": 0.0, "x": int(x), "y": int(y)}
                station = found.setdefault((int(x), int(y)), {**blank, "from": k})
                station["kv"] = max(station["kv"], float(kv))
    return list(found.values())


def _towns(county: County, plane: _Plane, nodes: pd.DataFrame) -> list[dict[str, Any]]:
    """The seats that the plan states, or the middle of each town's villages."""
    if county.origin is not None:
        plan = county.origin.plan
        seats = pd.DataFrame(
            [(town.name, town.lon_deg, town.lat_deg) for town in plan.townships],
            columns=["name", "lon_deg", "lat_deg"],
        )
        seats = seats.join(plane.places(seats))
    else:
        placed = nodes[nodes["town"] != ""]
        seats = placed.groupby("town", sort=False)[["x", "y"]].median().rename_axis("name")
        seats = seats.reset_index()
    seats = seats[seats[["x", "y"]].notna().all(axis=1)]
    return [
        {"name": name, "x": int(x), "y": int(y)}
        for name, x, y in zip(seats["name"], seats["x"], seats["y"], strict=True)
    ]


def _village_places(nodes: pd.DataFrame) -> dict[str, list[int]]:
    """The middle of each village's own nodes."""
    own = nodes[(nodes["village"] != "") & nodes["x"].notna()]
    middle = own.groupby("village", sort=False)[["x", "y"]].median().round().astype(int)
    return {name: [x, y] for name, x, y in middle.itertuples(name=None)}


def village_data(study: Study, places: dict[str, list[int]]) -> dict[str, Any]:
    """Every village: what it is, where it lies, and a list of values for each stage.

    Words are numbers that stand for places in ``status_words`` and ``fault_words``.
    """
    stages = [int(stage) for stage in study.stages["stage"]]
    tables = {k: study.villages[study.villages["stage"] == k] for k in stages}
    first = next(iter(tables.values()))
    names = list(first["village"])
    tables = {k: table.set_index("village").reindex(names) for k, table in tables.items()}
    faults = sorted({str(v) for v in study.villages["level_at_fault"].dropna().unique()} - {""})
    return {
        "name": names,
        "town": list(first["town"]),
        "admin": list(first["admin_village"]),
        "households": [int(n) for n in first["households"]],
        "batch": [int(n) for n in first["batch"]],
        "plan_class": list(first["plan_class"]),
        "place": [places.get(name) for name in names],
        "fault_words": ["", *faults],
        "status_words": list(_BLANK),
        "v": [_rounded(tables[k]["v_min_v"], 1) for k in stages],
        "hours": [_rounded(tables[k]["hours_low"], 0) for k in stages],
        "low": [[int(n) for n in tables[k]["households_low"]] for k in stages],
        "status": [[_BLANK.get(str(s), 3) for s in tables[k]["status"]] for k in stages],
        "fault": [
            [faults.index(f) + 1 if f in faults else 0 for f in tables[k]["level_at_fault"]]
            for k in stages
        ],
    }


def _rounded(values: pd.Series, digits: int) -> list[float | int | None]:
    rounded = values.astype(float).round(digits)
    if digits:
        return [None if v != v else v for v in rounded.tolist()]
    return [None if v != v else int(v) for v in rounded.tolist()]
