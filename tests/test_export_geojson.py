"""GeoJSON for a GIS: RFC 7946, results beside the shapes, and GCJ-02 by published points."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_county import small_county, small_quick_study

from ruralgrid.county.datum import gcj02_to_wgs84, wgs84_to_gcj02
from ruralgrid.county.files import write_county
from ruralgrid.errors import InputError, UnknownNameError, WriteError
from ruralgrid.network.geojson import geojson_layers, write_geojson

# lat, lon of WGS-84 and of GCJ-02: the test points of eviltransform (github.com/googollee/
# eviltransform), in Shanghai, Shenzhen and Beijing
PUBLISHED = [
    (31.1774276, 121.5272106, 31.17530398364597, 121.531541859215),
    (22.543847, 113.912316, 22.540796131694766, 113.9171764808363),
    (39.911954, 116.377817, 39.91334545536069, 116.38404722455657),
]


@pytest.mark.parametrize(("lat", "lon", "gcj_lat", "gcj_lon"), PUBLISHED)
def test_published_points_both_ways(lat, lon, gcj_lat, gcj_lon):
    there = wgs84_to_gcj02(lon, lat)
    back = gcj02_to_wgs84(gcj_lon, gcj_lat)
    # printed to 1e-13 degree and more; 1e-9 degree is 0.1 mm
    assert there == (pytest.approx(gcj_lon, abs=1e-9), pytest.approx(gcj_lat, abs=1e-9))
    assert back == (pytest.approx(lon, abs=1e-9), pytest.approx(lat, abs=1e-9))


@given(st.floats(73, 135), st.floats(4, 53))
def test_there_and_back_within_a_tenth_of_a_millimetre(lon, lat):
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert back == (pytest.approx(lon, abs=1e-9), pytest.approx(lat, abs=1e-9))


@pytest.mark.parametrize(("lon", "lat"), [(48.85, 2.35), (-104.99, 39.74), (35.5, 107.9)])
def test_gcj02_is_defined_in_china_alone(lon, lat):
    """Paris with its axes exchanged, Denver, and Ningxian with its axes exchanged."""
    with pytest.raises(InputError, match="GCJ-02 is defined in China"):
        wgs84_to_gcj02([107.9, lon], [35.5, lat])


def test_a_coordinate_that_is_missing_stays_so():
    lon, lat = wgs84_to_gcj02([107.9, np.nan], [35.5, np.nan])
    assert np.isfinite(lon[0])
    assert np.isnan(lon[1])
    assert np.isnan(lat[1])


# layers ------------------------------------------------------------------------------------------


def read(path):
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_a_folder_of_three_layers(tmp_path):
    county = small_county()
    paths = write_geojson(county, tmp_path / "map")
    layers = {path.stem: read(path) for path in paths}
    assert set(layers) == {"nodes", "sections", "villages"}
    for name, layer in layers.items():
        # RFC 7946, section 4: no other reference system, so no member for one
        assert set(layer) == {"type", "features"}
        assert layer["type"] == "FeatureCollection"
        assert len(layer["features"]) == len(county.tables[name])
        for feature in layer["features"]:
            assert {"type", "id", "geometry", "properties"} == set(feature)


def test_what_else_lies_in_the_folder_is_left_alone(tmp_path):
    write_county(small_county(), tmp_path / "own")
    (tmp_path / "thesis.docx").write_text("three years")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    with pytest.raises(WriteError, match=r"thesis\.docx|'own' and 1 more"):
        write_geojson(small_county(), tmp_path)
    with pytest.raises(WriteError, match=r"'capacitors\.csv' and \d+ more, .* new or empty folder"):
        write_geojson(small_county(), tmp_path / "own")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_a_map_of_before_is_replaced(tmp_path):
    write_geojson(small_county(), tmp_path / "map")
    (tmp_path / "map" / "nodes.geojson").write_text("{}")
    write_geojson(small_county(), tmp_path / "map")
    assert len(read(tmp_path / "map" / "nodes.geojson")["features"]) == len(small_county().nodes)


def test_positions_are_longitude_then_latitude(tmp_path):
    county = small_county()
    node = county.nodes.iloc[5]
    layers = geojson_layers(county)
    (point,) = [f for f in layers["nodes"]["features"] if f["id"] == node["name"]]
    assert point["geometry"] == {
        "type": "Point",
        "coordinates": [node["lon_deg"], node["lat_deg"]],
    }
    section = county.sections.iloc[0]
    line = layers["sections"]["features"][0]["geometry"]
    ends = county.nodes.set_index("name").loc[[section["from_node"], section["to_node"]]]
    assert line == {
        "type": "LineString",
        "coordinates": ends[["lon_deg", "lat_deg"]].to_numpy().tolist(),
    }


def test_results_of_the_stage_and_of_all_stages():
    study = small_quick_study()
    layers = geojson_layers(study.county.at(1), study)
    villages = {f["id"]: f["properties"] for f in layers["villages"]["features"]}
    table = study.villages.set_index(["village", "stage"])
    low = table[table["status"] == "low"].index[0][0]
    for stage in (0, 1, 2):
        assert villages[low][f"status_{stage}"] == table.loc[(low, stage), "status"]
        assert villages[low][f"v_min_v_{stage}"] == pytest.approx(
            table.loc[(low, stage), "v_min_v"], abs=1e-8
        )
    nodes = {f["id"]: f["properties"] for f in layers["nodes"]["features"]}
    expected = study.nodes[study.nodes["stage"] == 1].set_index("name")["vm_min_pu"]
    assert nodes[expected.idxmin()]["vm_min_pu"] == pytest.approx(expected.min(), abs=1e-8)
    lines = {f["id"]: f["properties"] for f in layers["sections"]["features"]}
    loss = study.lines[study.lines["stage"] == 1].set_index("name")["loss_kwh"]
    assert lines[loss.idxmax()]["loss_kwh"] == pytest.approx(loss.max(), abs=1e-8)


def test_one_file_whose_features_carry_their_layer(tmp_path):
    (path,) = write_geojson(small_county(), tmp_path / "county.geojson", datum="gcj02")
    data = read(path)
    assert data["datum"] == "GCJ-02"
    assert {f["properties"]["layer"] for f in data["features"]} == {"nodes", "sections", "villages"}
    county = small_county()
    expected = wgs84_to_gcj02(county.nodes["lon_deg"], county.nodes["lat_deg"])
    # written to 1e-7 degree
    assert data["features"][0]["geometry"]["coordinates"] == pytest.approx(
        [expected[0][0], expected[1][0]], abs=1e-7
    )


def test_what_has_no_place_has_no_shape():
    county = small_county()
    nodes = county.nodes.copy()
    lost = county.sections["from_node"].iloc[3]
    nodes.loc[nodes["name"] == lost, ["lon_deg", "lat_deg"]] = np.nan
    layers = geojson_layers(county.with_tables(nodes=nodes))
    shapes = {f["id"]: f["geometry"] for f in layers["nodes"]["features"]}
    assert shapes[lost] is None
    assert layers["sections"]["features"][3]["geometry"] is None


def test_a_village_is_in_the_middle_of_its_service_points():
    county = small_county()
    served = county.nodes[county.nodes["kind"] == "service_point"]
    village = served["village"].iloc[0]
    expected = served.loc[served["village"] == village, ["lon_deg", "lat_deg"]].mean()
    shapes = {f["id"]: f["geometry"] for f in geojson_layers(county)["villages"]["features"]}
    assert shapes[village]["coordinates"] == pytest.approx(expected.tolist(), abs=1e-7)


@pytest.mark.parametrize(("lon", "lat"), [(35.9, 105.0), (1050.0, 36.0), (105.0, -91.0)])
def test_coordinates_off_the_earth_are_refused_with_their_node(tmp_path, lon, lat):
    county = small_county()
    nodes = county.nodes.copy()
    nodes.loc[7, ["lon_deg", "lat_deg"]] = lon, lat
    with pytest.raises(InputError, match=nodes.at[7, "name"]):
        write_geojson(county.with_tables(nodes=nodes), tmp_path / "map")
    assert list(tmp_path.iterdir()) == []


def test_a_county_without_places_and_an_unknown_datum():
    county = small_county()
    nodes = county.nodes.assign(lon_deg=np.nan)
    with pytest.raises(InputError, match="no node has coordinates"):
        geojson_layers(county.with_tables(nodes=nodes))
    with pytest.raises(UnknownNameError, match="nearest: gcj02"):
        geojson_layers(county, datum="gcj-02")


def test_a_study_of_another_stage_or_county_is_refused():
    study = small_quick_study()
    first = replace(study, **{
        name: getattr(study, name)[getattr(study, name)["stage"] == 0]
        for name in ("nodes", "lines", "villages")
    })  # fmt: skip
    assert geojson_layers(study.county, first)
    with pytest.raises(InputError, match=r"stands at stage 1; the study holds \[0\]"):
        geojson_layers(study.county.at(1), first)
    county = study.county
    fewer = county.with_tables(sections=county.sections.iloc[1:])
    with pytest.raises(InputError, match=f"{county.sections['name'].iloc[0]!r} at stage 0"):
        geojson_layers(fewer, study)
