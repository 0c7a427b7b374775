"""Places: degrees within the earth, within the county's own cloud, in the right order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ruralgrid.county.checks.view import Rule, View
from ruralgrid.county.geography import distance_km
from ruralgrid.findings import Finding

__all__ = ["check_places"]

_FAR_KM: Final = 100.0
"""A county is seldom wider; a node so far from the middle, and from most others, is misplaced."""

_TIMES: Final = 4.0

Floats = NDArray[np.float64]


def check_places(view: View) -> Iterator[Finding]:
    """Longitude and latitude are both there, in range, not swapped and near the other nodes."""
    nodes = view["nodes"]
    lon, lat = nodes["lon_deg"].to_numpy(dtype=float), nodes["lat_deg"].to_numpy(dtype=float)
    message = "one of longitude and latitude is missing"
    rule = Rule("coordinate-half", "nodes", "lon_deg", message, "both", "deg", "warning")
    yield from view.found(rule, np.isnan(lon) != np.isnan(lat))
    for column, values, most in (("lon_deg", lon, 180.0), ("lat_deg", lat, 90.0)):
        outside = (np.abs(values) > most) & np.isfinite(values)
        message = "{value} is out of range: degrees of WGS-84 are expected, no metres of a map"
        message += " (longitude and latitude swapped?)" if column == "lat_deg" else ""
        limit = f"-{most:g} to {most:g}"
        yield from view.found(Rule("coordinate-range", "nodes", column, message, limit), outside)
    usable = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    if usable.sum() >= 3:
        yield from _strays(view, lon, lat, usable)


def _strays(view: View, lon: Floats, lat: Floats, usable: NDArray[np.bool_]) -> Iterator[Finding]:
    """Nodes far from all others; those that would be near with their two figures swapped."""
    middle = (float(np.median(lon[usable])), float(np.median(lat[usable])))
    away = np.full(len(lon), np.nan)
    away[usable] = distance_km(lon[usable], lat[usable], *middle)
    most = max(_FAR_KM, _TIMES * float(np.quantile(away[usable], 0.75)))
    stray = away > most
    swapped = np.zeros(len(lon), dtype=bool)
    fits = stray & (np.abs(lon) <= 90)
    swapped[fits] = distance_km(lat[fits], lon[fits], *middle) <= most
    rule = Rule(
        *("coordinate-swapped", "nodes", "lon_deg"),
        *("longitude {value} and its latitude are swapped: the other way the node is near", ""),
        *("deg", "warning"),
    )
    yield from view.found(rule, swapped)
    rule = Rule(
        *("coordinate-far", "nodes", "lon_deg", "{value} km away from the middle of the county"),
        *(round(most, 1), "km", "warning"),
    )
    yield from view.found(rule, stray & ~swapped, np.round(away, 1))
