"""Every row of the catalogue against physics, and the lookups against their promises."""

import itertools
import math

import pytest

from ruralgrid.equipment import (
    find_conductors,
    find_pole_heads,
    find_transformers,
    get_conductor,
    get_pole_head,
    get_three_winding_transformer,
    get_transformer,
    line_parameters,
    list_conductors,
    list_pole_heads,
    list_three_winding_transformers,
    list_transformers,
)
from ruralgrid.equipment.catalogue import read_equipment_rows
from ruralgrid.errors import InputError, UnknownNameError

CONDUCTORS = list_conductors()
BARE = [conductor for conductor in CONDUCTORS if not conductor.insulated]
INSULATED = [conductor for conductor in CONDUCTORS if conductor.insulated]
STRANDED = [conductor for conductor in CONDUCTORS if conductor.construction == "stranded"]
COMPACTED = [conductor for conductor in CONDUCTORS if conductor.construction == "compacted"]
GRADES = {"published", "derived", "unverified"}


def by_name(record):
    return record.name


def each(records):
    return pytest.mark.parametrize("row", records, ids=by_name)


# --- conductors: nameplate against physics -----------------------------------------------


@each(CONDUCTORS)
def test_resistance_is_that_of_hard_drawn_aluminium_and_its_lay(row):
    # IEC 60889: 28.264 ohm mm2/km at 20 degrees. Strands are longer than the wire by their lay:
    # 1.3 % for one layer, up to 2.4 % for three, 2.5 % for compacted wires (IEC 61089 factors
    # 1.0131 ... 1.0241). A resistance copied from the reactance column would be off by tens of %.
    lay = row.r20_ohm_per_km * row.al_area_mm2 / 28.264
    assert 1.012 < lay < 1.028


@each(STRANDED)
def test_areas_are_those_of_the_strands(row):
    # printed diameters have two decimals: 0.005 mm in 1.67 mm is 0.3 %, twice that in the area
    aluminium = row.al_strands * math.pi / 4 * row.al_strand_d_mm**2
    steel = row.steel_strands * math.pi / 4 * row.steel_strand_d_mm**2
    assert row.al_area_mm2 == pytest.approx(aluminium, rel=6e-3)
    assert row.steel_area_mm2 == pytest.approx(steel, rel=6e-3)


@each(STRANDED)
def test_diameter_is_that_of_whole_layers(row):
    core = {0: row.al_strand_d_mm, 1: row.steel_strand_d_mm}.get(
        row.steel_strands, (3 if row.steel_strands == 7 else 5) * row.steel_strand_d_mm
    )
    layers = (row.conductor_d_mm - core) / (2 * row.al_strand_d_mm)
    assert layers == pytest.approx(round(layers), abs=0.02)


@each(COMPACTED)
def test_a_compacted_wire_fills_its_circle_by_its_area(row):
    # strands alone fill 0.75-0.78 of their circle, a rod all of it; compaction reaches 0.82-0.92
    assert 0.82 < row.al_area_mm2 / (math.pi / 4 * row.conductor_d_mm**2) < 0.92


@each(COMPACTED)
def test_a_compacted_wire_has_the_largest_resistance_that_iec_60228_allows(row):
    # class 2 aluminium, published
    limit = {16: 1.91, 25: 1.20, 35: 0.868, 50: 0.641, 70: 0.443, 95: 0.320, 120: 0.253}
    limit |= {150: 0.206, 185: 0.164, 240: 0.125}
    assert row.r20_ohm_per_km == limit[row.nominal_mm2]


@each(BARE)
def test_mass_of_a_bare_wire_follows_from_its_areas(row):
    # aluminium 2.703, steel 7.78 g/cm3; the lay adds up to 2.5 %: within 3 % as the issue asks
    mass = 2.703 * row.al_area_mm2 + 7.78 * row.steel_area_mm2
    assert row.mass_kg_per_km == pytest.approx(mass, rel=0.03)


@each(INSULATED)
def test_mass_of_an_insulated_wire_follows_from_its_rings(row):
    # polyethylene 0.93, semiconducting shield 1.1 g/cm3; 3 % for the lay and the rounding to 1 kg
    metal = row.conductor_d_mm / 2
    shield, outer = metal + row.shield_mm, metal + row.shield_mm + row.insulation_mm
    rings = 0.93 * (outer**2 - shield**2) + 1.1 * (shield**2 - metal**2)
    mass = 2.703 * row.al_area_mm2 + 7.78 * row.steel_area_mm2 + math.pi * rings
    assert row.mass_kg_per_km == pytest.approx(mass, rel=0.03)
    assert row.outer_d_mm == pytest.approx(2 * outer, abs=0.11)  # printed with one decimal


@each(CONDUCTORS)
def test_strength_is_that_of_its_aluminium_and_steel(row):
    # hard-drawn aluminium 150-190 MPa, steel at 1 % elongation 1100-1250 MPa, a stranding loss of
    # 5 %, and 5 % more off insulated wires: the sum of the middle values is met within 20 %
    assert row.rts_n is not None
    assert row.rts_n == pytest.approx(160 * row.al_area_mm2 + 1170 * row.steel_area_mm2, rel=0.2)


@each(STRANDED)
def test_modulus_and_expansion_mix_those_of_aluminium_and_steel(row):
    # 59 GPa and 23e-6, 190 GPa and 11.5e-6, each by its area (and stiffness); the tables round to
    # 3 GPa and by construction, not by row: 8 % and 1e-6
    stiffness = 59000 * row.al_area_mm2 + 190000 * row.steel_area_mm2
    expansion = (23 * 59000 * row.al_area_mm2 + 11.5 * 190000 * row.steel_area_mm2) / stiffness
    assert row.e_mpa == pytest.approx(stiffness / row.total_area_mm2, rel=0.08)
    assert row.expansion_1e6_per_k == pytest.approx(expansion, abs=1.0)


@pytest.mark.parametrize("series", ["LGJ", "JL/G1A", "LJ", "JKLYJ", "JKLGYJ"])
@pytest.mark.parametrize("kv", [None, 1.0, 10.0])
def test_more_aluminium_has_less_resistance_and_carries_more(series, kv):
    rows = [row for row in find_conductors(series=series) if row.kv == kv]
    for small, large in itertools.pairwise(sorted(rows, key=lambda row: row.al_area_mm2)):
        assert large.r20_ohm_per_km <= small.r20_ohm_per_km
        if large.nominal_mm2 > small.nominal_mm2:
            assert large.ampacity_a > small.ampacity_a
            assert large.mass_kg_per_km > small.mass_kg_per_km or large.steel_cored


@pytest.mark.parametrize(
    ("head", "kv"), [("0.4kV-hor4-50", 0.4), ("10kV-tri-bare-80", 10.0), ("35kV-tri-pole", 35.0)]
)
def test_no_resistance_is_a_reactance(head, kv):
    # The fault of two public catalogues: every R equal to the X beside it. Here no row comes within
    # 0.5 %, and along a series R/X falls by more than ten while X moves by less than half.
    for row in find_conductors(kv=kv):
        x = line_parameters(row, head).x_ohm_per_km
        assert abs(row.r20_ohm_per_km / x - 1) > 0.005, row.name
    lines = [line_parameters(row, head) for row in find_conductors(kv=kv, series="LGJ")]
    ratios = [line.r_ohm_per_km / line.x_ohm_per_km for line in lines]
    assert max(ratios) / min(ratios) > 10
    assert max(line.x_ohm_per_km for line in lines) < 1.5 * min(line.x_ohm_per_km for line in lines)


@each([row for row in CONDUCTORS if row.series == "JKLGYJ"])
def test_a_steel_cored_insulated_wire_is_its_lgj_inside(row):
    core = get_conductor(f"LGJ-{row.nominal_mm2:g}")
    assert (row.r20_ohm_per_km, row.al_area_mm2) == (core.r20_ohm_per_km, core.al_area_mm2)
    assert row.gmr_mm == core.gmr_mm
    plain = get_conductor(f"JKLYJ-{row.kv:g}/{row.nominal_mm2:g}")
    # 5-7 % below as a rule; LGJ-120/20 and 150/20 hold 115.7 and 145.7 mm2 and come nearer
    assert 0.92 < row.r20_ohm_per_km / plain.r20_ohm_per_km < 0.99


# --- conductors: what is computed --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ratio"),
    [  # published ratios GMR / radius: Chinese handbooks and Kersting, appendix A
        ("LJ-35", 0.726),
        ("LJ-150", 0.758),
        ("LJ-300", 0.768),
        ("LGJ-240/30", 0.803),
        ("LGJ-240/40", 0.812),
        ("LGJ-240/55", 0.826),
        ("LGJ-300/25", 0.799),
        ("LGJ-400/50", 0.810),
        ("LGJ-70/10", 0.768),
    ],
)
def test_gmr_from_the_strands_meets_the_published_ratio(name, ratio):
    row = get_conductor(name)
    assert row.gmr_mm / (row.conductor_d_mm / 2) == pytest.approx(ratio, abs=0.001)


@pytest.mark.parametrize(
    ("name", "at_40"), [("LGJ-70/10", 223), ("LGJ-240/30", 494), ("LJ-25", 109), ("LJ-185", 405)]
)
def test_ampacity_at_40_degrees_meets_the_handbook_column(name, at_40):
    # the handbooks multiply by 0.81 and round to 1 A; sqrt(30/45) is 0.8165: 1.3 % apart
    assert get_conductor(name).ampacity_at(40.0) == pytest.approx(at_40, rel=0.013)


def test_ampacity_is_the_nameplate_at_its_own_temperatures():
    for row in CONDUCTORS:
        assert row.ampacity_at(row.ampacity_air_c) == pytest.approx(row.ampacity_a, rel=1e-12)


def test_insulation_raises_the_capacitance_by_four_to_ten_per_cent():
    for row in INSULATED:
        head = "10kV-tri-bare-80" if row.kv == 10.0 else "0.4kV-hor4-50"
        insulated = line_parameters(row, head).c_nf_per_km
        gmd = get_pole_head(head).gmd_m
        bare = 55.6325 / math.log(gmd / (row.conductor_d_mm / 2000))
        # thick insulation on a thin wire at 10 kV makes most: ln(D/r) of 5.5 loses 0.7 ln(r_o/r_c)
        assert 1.04 < insulated / bare < 1.10, row.name


@pytest.mark.parametrize("air_c", [70.0, 90.0, -80.0, math.nan])
def test_an_ampacity_without_a_temperature_rise_is_refused(air_c):
    with pytest.raises(InputError, match="expected -60 <= air < conductor"):
        get_conductor("LGJ-70").ampacity_at(air_c)


# --- pole heads --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "gmd_m", "spacing_m"),
    [  # the shared table's own columns, computed there from the same positions
        ("10kV-tri-bare-80", 1.1929, 1.101),
        ("10kV-tri-ins-50", 0.8481, 0.781),
        ("10kV-hor-80", 1.1339, 0.9),
        ("10kV-hor-asym-80", 1.1925, 0.85),
        ("0.4kV-hor4-50", 0.7764, 0.4),
        ("0.4kV-hor4-80", 0.9086, 0.5),
        ("0.4kV-hor2-50", 0.5, 0.5),
        ("35kV-tri-pole", 3.1943, 3.052),
        ("35kV-hor-hpole", 3.7798, 3.0),
        ("110kV-tri-tower", 5.2968, 4.561),
        ("330kV-hor-2b", 10.0794, 8.0),
    ],
)
def test_mean_and_smallest_distance_of_a_pole_head(name, gmd_m, spacing_m):
    head = get_pole_head(name)
    assert head.gmd_m == pytest.approx(gmd_m, abs=6e-5)
    assert head.min_spacing_m == pytest.approx(spacing_m, abs=6e-4)


def test_a_neutral_stands_next_to_the_pole_and_not_above_its_phases():
    for head in list_pole_heads():
        if head.neutral is not None:
            assert abs(head.neutral.x_m) <= min(abs(wire.x_m) for wire in head.phase_wires)
            assert head.neutral.y_m <= min(wire.y_m for wire in head.phase_wires)


def test_a_two_wire_head_carries_any_phase_and_a_three_wire_head_no_neutral():
    head = get_pole_head("0.4kV-hor2-50")
    assert head.wires_of("cn") == head.wires_of("an")
    for arrangement, phases in [
        ("10kV-hor-80", "abcn"),
        ("0.4kV-hor2-50", "abn"),
        ("35kV-tri-pole", ""),
    ]:
        with pytest.raises(InputError, match=arrangement):
            get_pole_head(arrangement).wires_of(phases)


def test_pole_heads_are_found_by_level_and_wires():
    assert {head.name for head in find_pole_heads(kv=0.4, phases="abcn")} == {
        "0.4kV-hor4-50",
        "0.4kV-hor4-80",
    }
    assert find_pole_heads(kv=20.0) == ()
    with pytest.raises(UnknownNameError, match="triangle"):
        find_pole_heads(arrangement="triangel")


# --- transformers ------------------------------------------------------------------------

FAMILIES = [
    [row for row in list_transformers() if (row.series, row.vn_hv_kv, row.vector_group) == key]
    for key in sorted({(row.series, row.vn_hv_kv, row.vector_group) for row in list_transformers()})
]


@pytest.mark.parametrize("rows", FAMILIES, ids=lambda rows: f"{rows[0].name} and larger")
def test_losses_rise_with_rating_but_less_than_in_proportion(rows):
    for small, large in itertools.pairwise(sorted(rows, key=lambda row: row.sn_kva)):
        assert large.p0_kw > small.p0_kw
        assert large.pk_kw > small.pk_kw
        # rounding to 5 W leaves one pair equal; SBH15 steps up by 6 % at 630 kVA, where the series
        # changes from 4 to 4.5 % impedance (320 W in the standard as in two public tables)
        step = 1.06 if large.vk_percent > small.vk_percent else 1 + 1e-9
        assert large.p0_kw / large.sn_kva <= small.p0_kw / small.sn_kva * step
        assert large.pk_kw / large.sn_kva <= small.pk_kw / small.sn_kva * (1 + 1e-9)
        assert large.i0_percent <= small.i0_percent


@each(list_transformers())
def test_short_circuit_resistance_is_less_than_impedance_and_iron_less_than_copper(row):
    assert 0 < row.vkr_percent < row.vk_percent
    assert row.p0_kw < row.pk_kw
    # no-load power is at least the iron loss: i0 >= P0 / Sn
    assert row.i0_percent > 100 * row.p0_kw / row.sn_kva


@pytest.mark.parametrize("sn_kva", [30, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630])
def test_each_generation_loses_less_at_no_load_than_the_one_before(sn_kva):
    names = [f"{series}-{sn_kva}/10" for series in ("S7", "S9", "S11", "S13", "SBH15")]
    losses = [get_transformer(name).p0_kw for name in names]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 5
    copper = [get_transformer(f"{name} Yyn0").pk_kw for name in names[2:]]
    assert copper == [get_transformer(f"S9-{sn_kva}/10").pk_kw] * 3


@pytest.mark.parametrize(
    ("sn_kva", "p0_kw", "pk_kw"),
    [  # GB 20052-2024 table 4 grade 3 as transcribed in adgo07/EquipEffi: 0.80 and 0.95 of SZ11
        (3150, 2.6, 24.0),
        (4000, 3.1, 28.0),
        (5000, 3.7, 32.0),
        (6300, 4.5, 35.0),
        (8000, 6.3, 39.0),
        (10000, 7.4, 46.0),
        (12500, 8.7, 54.0),
        (16000, 10.5, 67.0),
        (20000, 12.4, 79.0),
    ],
)
def test_sz11_at_35_kv_meets_the_efficiency_standard_by_its_ratio(sn_kva, p0_kw, pk_kw):
    row = get_transformer(f"SZ11-{sn_kva}/35")
    # the standard rounds to 0.1 kW and to 1 kW: 2 % of the smallest figures
    assert row.p0_kw * 0.80 == pytest.approx(p0_kw, rel=0.02)
    assert row.pk_kw * 0.95 == pytest.approx(pk_kw, rel=0.025)


def test_the_stock_of_35_kv_transformers_of_the_plan_exists_in_both_series():
    # 2 x (8 + 6.3 + 6.3 + 4 + 4 + 2 + 2) MVA = 65,200 kVA, the plan's stated capacity
    sizes = [8000, 6300, 6300, 4000, 4000, 2000, 2000]
    assert 2 * sum(sizes) == 65_200
    for series, sn_kva in itertools.product(("SZ9", "SZ11"), sizes):
        assert get_transformer(f"{series}-{sn_kva}/35").vn_lv_kv == 10.5


@each(list_three_winding_transformers())
def test_three_short_circuit_voltages_add_up_as_windings_side_by_side_do(row):
    # The outer pair spans the two gaps between the windings and the middle winding itself: a little
    # more than the sum. That holds only where all three stand on one rating, as assumed.
    assert 1.0 <= row.vk_hl_percent / (row.vk_hm_percent + row.vk_ml_percent) < 1.06
    assert row.vkr_percent < min(row.vk_hm_percent, row.vk_ml_percent)


# --- lookups and sources -----------------------------------------------------------------


def test_a_plain_size_means_its_usual_row():
    assert get_conductor("LGJ-300").name == "LGJ-300/25"
    assert get_conductor("LGJ-240").name == "LGJ-240/30"
    assert get_conductor("LGJ-150").name == "LGJ-150/20"
    for series, size in {(row.series, row.nominal_mm2) for row in BARE}:
        usual = [row for row in find_conductors(size, series=series) if row.preferred]
        assert len(usual) == (1 if series != "LJ" else len(usual)), (series, size)


def test_every_conductor_that_the_issue_names_is_there():
    sizes = {row.nominal_mm2 for row in find_conductors(series="LGJ")}
    assert sizes == {16, 25, 35, 50, 70, 95, 120, 150, 185, 240, 300, 400}
    assert {row.nominal_mm2 for row in find_conductors(series="JL/G1A")} == sizes
    assert sizes >= {row.nominal_mm2 for row in find_conductors(series="LJ")} >= {16, 240}
    for name in ("JKLGYJ-10/70", "JKLGYJ-10/95", "JKLGYJ-1/50", "JKLYJ-1/16", "JKLYJ-10/240"):
        assert get_conductor(name).name == name


def test_find_selects_by_area_level_and_series():
    found = {row.name for row in find_conductors(area_mm2=70, kv=10)}
    assert {"LGJ-70/10", "LJ-70", "JKLGYJ-10/70", "JKLYJ-10/70"} <= found
    assert not {"JKLGYJ-1/70", "JKLYJ-1/70"} & found
    assert all(row.kv in (None, 1.0) for row in find_conductors(kv=0.4))
    assert all(row.kv is None for row in find_conductors(kv=35))
    assert find_conductors(area_mm2=71) == ()
    assert [row.name for row in find_transformers(100, series="S11")] == [
        "S11-100/10",
        "S11-100/10 Yyn0",
    ]
    assert {row.series for row in find_transformers(phases=1)} == {"D10", "D11"}


@pytest.mark.parametrize(
    ("get", "name", "nearest"),
    [
        (get_conductor, "JKLGYJ-10-70", "JKLGYJ-10/70"),
        (get_conductor, "lgj-70/10", "LGJ-70/10"),
        (get_conductor, "LGJ-241", "LGJ-240"),
        (get_pole_head, "10kV-tri-bare", "10kV-tri-bare-80"),
        (get_transformer, "S11-100", "S11-100/10"),
        (get_three_winding_transformer, "SSZ11-20000", "SSZ11-20000/110"),
    ],
)
def test_a_miss_names_the_nearest(get, name, nearest):
    with pytest.raises(UnknownNameError, match=nearest):
        get(name)
    with pytest.raises(UnknownNameError, match="LGJ"):
        find_conductors(series="LGI")


def test_every_record_has_a_source_and_a_grade():
    records = (*CONDUCTORS, *list_pole_heads(), *list_transformers())
    for record in (*records, *list_three_winding_transformers()):
        assert len(record.source) > 10, record.name
        assert record.grade in GRADES, record.name
        assert ("recalled" in record.source) or record.grade != "unverified", record.name
    assert {row.grade for row in CONDUCTORS if row.series == "JKLGYJ"} == {"derived"}


def test_every_source_is_used():
    used = set()
    records = ("conductors", "pole_heads", "transformers", "transformers_three_winding")
    rules = ("weather_zones", "line_spacing", "ground_clearance", "line_limits")
    for table in (*records, *rules):
        used |= {row["source"] for row in read_equipment_rows(f"{table}.csv")}
    assert {row["text"] for row in read_equipment_rows("sources.csv")} == used
