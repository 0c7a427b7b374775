"""WGS-84 and GCJ-02: Chinese web maps are drawn in coordinates that are shifted by some 500 m.

GCJ-02 is published by no standard that one can read; the formula is the one that open-source
converters agree on (eviltransform and its kin), held to their published test points within 1e-6
degree (0.1 m). The way back is found by iteration and returns within 1e-9 degree; it is as good
as the formula is. The offset itself reaches 0.9 km within China.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ruralgrid.errors import InputError

__all__ = ["gcj02_to_wgs84", "wgs84_to_gcj02"]

Floats = NDArray[np.float64]

_AXIS_M: Final = 6378245.0
"""Semi-major axis of the Krasovsky 1940 ellipsoid [m]."""
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_LON_RANGE: Final = (72.004, 137.8347)
_LAT_RANGE: Final = (0.8293, 55.8271)
_ROUNDS: Final = 30
_NEAR_DEG: Final = 1e-11


def wgs84_to_gcj02(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[Floats, Floats]:
    """Longitude and latitude of GCJ-02 for points of WGS-84 [deg]; NaN stays NaN.

    Raises
    ------
    InputError
        If a point lies outside 72.004-137.8347 E, 0.8293-55.8271 N, where GCJ-02 is not defined.
    """
    lon, lat = _checked(lon_deg, lat_deg)
    east, north = _offset(lon, lat)
    return lon + east, lat + north


def gcj02_to_wgs84(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[Floats, Floats]:
    """Longitude and latitude of WGS-84 for points of GCJ-02 [deg]; NaN stays NaN.

    A fixed point: the offset is that of the point sought, and changes by less than 1 % of the way
    moved, so that each round gains digits.

    Raises
    ------
    InputError
        As `wgs84_to_gcj02`.
    """
    lon, lat = _checked(lon_deg, lat_deg)
    x, y = lon.copy(), lat.copy()
    for _ in range(_ROUNDS):
        east, north = _offset(x, y)
        moved = np.fmax(np.abs(lon - east - x), np.abs(lat - north - y))
        x, y = lon - east, lat - north
        if not np.any(moved > _NEAR_DEG):
            break
    return x, y


def _checked(lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[Floats, Floats]:
    lon, lat = np.broadcast_arrays(
        np.asarray(lon_deg, dtype=float), np.asarray(lat_deg, dtype=float)
    )
    outside = (lon < _LON_RANGE[0]) | (lon > _LON_RANGE[1])
    outside |= (lat < _LAT_RANGE[0]) | (lat > _LAT_RANGE[1])
    if outside.any():
        first = np.unravel_index(np.argmax(outside), outside.shape) if outside.ndim else ()
        raise InputError(
            f"longitude {lon[first]:g}, latitude {lat[first]:g}: GCJ-02 is defined in China, "
            f"{_LON_RANGE[0]:g} to {_LON_RANGE[1]:g} east and {_LAT_RANGE[0]:g} to "
            f"{_LAT_RANGE[1]:g} north",
            "coordinates",
        )
    return lon, lat


def _offset(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """East and north [deg] by which GCJ-02 is shifted at a point of WGS-84."""
    x, y = lon - 105.0, lat - 35.0
    waves = 20.0 * (np.sin(6.0 * np.pi * x) + np.sin(2.0 * np.pi * x))
    root = np.sqrt(np.abs(x))
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * root
    north_m += 2.0 / 3.0 * (waves + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0))
    north_m += 2.0 / 3.0 * (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0))
    east_m = 300.0 + x + 2.0 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * root
    east_m += 2.0 / 3.0 * (waves + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0))
    east_m += 2.0 / 3.0 * (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0))
    phi = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    meridian_m = _AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / (magic * np.sqrt(magic))
    parallel_m = _AXIS_M / np.sqrt(magic) * np.cos(phi)
    return np.degrees(east_m / parallel_m), np.degrees(north_m / meridian_m)
