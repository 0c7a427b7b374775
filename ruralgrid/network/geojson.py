"""A county as GeoJSON (RFC 7946) for QGIS and its kin: nodes, sections, villages with results.

Coordinates are longitude and latitude in this order, without a `crs` member, as the standard says:
WGS-84. Chinese web maps need GCJ-02; such a file says so in its `datum`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

import numpy as np
import pandas as pd

from ruralgrid.county import County
from ruralgrid.county.datum import wgs84_to_gcj02
from ruralgrid.errors import InputError, UnknownNameError, require_kind
from ruralgrid.files import require_only, write_folder, write_text

__all__ = ["Datum", "StudyTables", "geojson_layers", "write_geojson"]

Datum = Literal["wgs84", "gcj02"]

_DIGITS: Final = 7
"""Digits behind the point: 1e-7 degree is 1 cm."""

_NODE_RESULTS: Final = ("status", "vm_min_pu", "vm_min_hour", "vm_max_pu", "hours_below_limit")
_LINE_RESULTS: Final = ("loss_kwh", "loading_max_percent", "i_max_ka", "status")
_VILLAGE_RESULTS: Final = (
    "status", "v_min_v", "worst_hour", "hours_low", "households_low", "households_unsupplied",
)  # fmt: skip


class StudyTables(Protocol):
    """The frames of a `Study` that a map shows: a row per element and stage."""

    @property
    def nodes(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def lines(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def villages(self) -> pd.DataFrame: ...  # noqa: D102


def write_geojson(
    county: County,
    path: str | Path,
    study: StudyTables | None = None,
    *,
    datum: Datum = "wgs84",
) -> list[Path]:
    """Write the county's nodes, sections and villages for a geographic information system.

    Parameters
    ----------
    county : County
        At the stage whose net is drawn.
    path : str or Path
        A name that ends in ``.geojson``: one file, whose features carry their `layer`. Else a
        folder of ``nodes.geojson``, ``sections.geojson`` and ``villages.geojson``; it is replaced
        whole, and may hold nothing else.
    study : Study, optional
        Adds the results of the county's stage to nodes and sections, and those of every stage to
        the villages, the stage at the end of the name: `v_min_v_0`, `v_min_v_1`, ...
    datum : {"wgs84", "gcj02"}
        GCJ-02 for Chinese web maps (see `ruralgrid.county.datum`). It breaks RFC 7946, which knows
        WGS-84 alone.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        A coordinate lies off the earth (or, for GCJ-02, outside China), or no node has any; the
        study lacks the county's stage, or is of another county.
    WriteError
        The folder holds other files, or the disk refuses; nothing is touched.
    """
    require_kind(county, County, "county", "synthesise and read_county")
    layers = geojson_layers(county, study, datum=datum)
    target = Path(path)
    if target.suffix.lower() in (".geojson", ".json"):
        features = [
            {**feature, "properties": {"layer": layer, **feature["properties"]}}
            for layer, collection in layers.items()
            for feature in collection["features"]
        ]
        write_text(target, _text({**_head(datum), "features": features}))
        return [target]
    files = {f"{name}.geojson": _text(layer).encode() for name, layer in layers.items()}
    require_only(target, files, "a folder of GeoJSON layers")
    return write_folder(target, files)


def geojson_layers(
    county: County, study: StudyTables | None = None, *, datum: Datum = "wgs84"
) -> dict[str, dict[str, Any]]:
    """The three layers as GeoJSON feature collections: nodes, sections, villages.

    What has no coordinates has a null geometry. A section is a straight line between its nodes, a
    village the middle of its service points, else of its nodes.
    """
    if datum not in get_args(Datum):
        raise UnknownNameError("datum", datum, get_args(Datum))
    place = _places(county, datum)
    stage = county.stage
    if study is not None:
        _check_study(county, study)
    nodes = _with_results(county.nodes, study.nodes if study else None, stage, _NODE_RESULTS)
    lines = _with_results(county.sections, study.lines if study else None, stage, _LINE_RESULTS)
    villages = _with_stages(county.villages, study.villages if study else None)
    points = {name: _point(place[name]) for name in place}
    layers = {
        "nodes": _features(nodes.drop(columns=["lon_deg", "lat_deg"]), points),
        "sections": _features(lines, _lines(county, place)),
        "villages": _features(villages, _middles(county, place)),
    }
    return {name: {**_head(datum), "features": list(rows)} for name, rows in layers.items()}


def _head(datum: Datum) -> dict[str, Any]:
    """RFC 7946 knows no datum but WGS-84, and needs no word of it."""
    return {"type": "FeatureCollection", **({"datum": "GCJ-02"} if datum == "gcj02" else {})}


def _places(county: County, datum: Datum) -> dict[str, tuple[float, float]]:
    """Longitude and latitude of every node that has them."""
    nodes = county.nodes
    lon, lat = nodes["lon_deg"].to_numpy(), nodes["lat_deg"].to_numpy()
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        raise InputError("no node has coordinates; a map needs lon_deg and lat_deg", "nodes")
    outside = known & ((np.abs(lon) > 180) | (np.abs(lat) > 90))
    if outside.any():
        row = nodes[outside].iloc[0]
        raise InputError(
            f"longitude {row['lon_deg']:g}, latitude {row['lat_deg']:g} lie off the earth; degrees "
            "of WGS-84 are expected, longitude first",
            f"nodes, {row['name']}",
        )
    lon, lat = lon[known], lat[known]
    if datum == "gcj02":
        lon, lat = wgs84_to_gcj02(lon, lat)
    pairs = zip(lon.round(_DIGITS).tolist(), lat.round(_DIGITS).tolist(), strict=True)
    return dict(zip(nodes["name"][known], pairs, strict=True))


def _point(place: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Point", "coordinates": list(place)}


def _lines(county: County, place: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, Any]]:
    ends = county.sections[["name", "from_node", "to_node"]].itertuples(index=False)
    return {
        name: {"type": "LineString", "coordinates": [list(place[start]), list(place[end])]}
        for name, start, end in ends
        if start in place and end in place
    }


def _middles(county: County, place: Mapping[str, tuple[float, float]]) -> dict[str, dict[str, Any]]:
    nodes = county.nodes[(county.nodes["village"] != "") & county.nodes["name"].isin(place)]
    middles = {}
    for village, of_village in nodes.groupby("village"):
        served = of_village[of_village["kind"] == "service_point"]
        names = (served if len(served) else of_village)["name"]
        lon, lat = np.mean([place[name] for name in names], axis=0).round(_DIGITS).tolist()
        middles[str(village)] = _point((lon, lat))
    return middles


def _check_study(county: County, study: StudyTables) -> None:
    """Raise where the results would join to nothing: another stage, or another county."""
    stages = sorted({int(stage) for stage in study.nodes["stage"]})
    if county.stage not in stages:
        raise InputError(
            f"the county stands at stage {county.stage}; the study holds {stages}", "study"
        )
    for layer, table, results, key in (
        ("nodes", county.nodes, study.nodes, "name"),
        ("sections", county.sections, study.lines, "name"),
        ("villages", county.villages, study.villages, "village"),
    ):
        of_stage = results.loc[results["stage"] == county.stage, key]
        strange = of_stage[~of_stage.isin(table["name"])]
        if len(strange):
            raise InputError(
                f"the study has {strange.iloc[0]!r} at stage {county.stage}, which the {layer} of "
                f"{county.name} do not: it is of another county",
                "study",
            )


def _with_results(
    table: pd.DataFrame, results: pd.DataFrame | None, stage: int, columns: tuple[str, ...]
) -> pd.DataFrame:
    if results is None:
        return table
    known = [name for name in columns if name in results]
    at_stage = results[results["stage"] == stage].set_index("name")[known]
    return table.join(at_stage, on="name", rsuffix="_result")


def _with_stages(table: pd.DataFrame, results: pd.DataFrame | None) -> pd.DataFrame:
    if results is None:
        return table
    known = [name for name in _VILLAGE_RESULTS if name in results]
    for stage, of_stage in results.groupby("stage"):
        table = table.join(of_stage.set_index("village")[known].add_suffix(f"_{stage}"), on="name")
    return table


def _features(
    table: pd.DataFrame, geometries: Mapping[str, dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for row in table.to_dict("records"):
        yield {
            "type": "Feature",
            "id": row["name"],
            "geometry": geometries.get(row["name"]),
            "properties": {str(key): _plain(value) for key, value in row.items()},
        }


def _plain(value: Any) -> Any:
    """What JSON can hold: a missing or infinite number is null."""
    if value is pd.NA or value is None:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else None
    return value


def _text(collection: dict[str, Any]) -> str:
    """One feature a line, so that a change of the file can be read."""
    head = json.dumps({k: v for k, v in collection.items() if k != "features"})
    lines = ",\n".join(
        json.dumps(feature, ensure_ascii=False, allow_nan=False)
        for feature in collection["features"]
    )
    return f'{head[:-1]}, "features": [\n{lines}\n]}}\n'
