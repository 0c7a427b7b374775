"""Plots: what is drawn is what the study says; every sign is drawn; nothing global changes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from small_county import small_study

from ruralgrid.assess import supply_paths
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.flow import solve_year
from ruralgrid.report import plots
from ruralgrid.report.plots import lettering as letters
from ruralgrid.studies import Study
from ruralgrid.studies.stage import prepare


def low_village() -> str:
    found = small_study().targets
    return str(found.loc[found["judged"] == "found", "village"].iloc[0])


PLOTS: dict[str, Callable[..., Axes]] = {
    "profile": lambda **kw: small_study().plot_profile(low_village(), **kw),
    "map before": lambda **kw: small_study().plot_map(**kw),
    "map after": lambda **kw: small_study().plot_map(2, **kw),
    "losses": lambda **kw: small_study().plot_losses(**kw),
    "losses below": lambda **kw: small_study().plot_losses(highest_kv=10, **kw),
    "gains": lambda **kw: small_study().plot_gains(**kw),
    "claim": lambda **kw: small_study().plot_claim(**kw),
    "duration": lambda **kw: small_study().plot_duration(low_village(), stages=[0], **kw),
    "load sorted": lambda **kw: small_study().plot_load(**kw),
    "load days": lambda **kw: small_study().plot_load("days", **kw),
    "sag": lambda **kw: plots.plot_sag("JKLGYJ-10/70", "10kV-tri-bare-80", **kw),
    "ampacity": lambda **kw: plots.plot_ampacity(["LGJ-70", "JKLGYJ-10/70"], **kw),
    "reactance": lambda **kw: plots.plot_reactance(["LGJ-70"], **kw),
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    plt.close("all")  # of another file, such as an example's
    yield
    plt.close("all")


def pixels(ax: Axes) -> np.ndarray:
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())[..., :3]


# --- of every plot --------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_drawn_where_it_is_asked_for(name: str, lang: str) -> None:
    """Into the Axes given, without a warning (a sign that the font lacks is one), with ink."""
    figure, axes = plt.subplots(1, 2, figsize=(12, 5))
    settings = dict(mpl.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = PLOTS[name](lang=lang, ax=axes[0])
        image = pixels(drawn)
    assert drawn is axes[0]
    assert not axes[1].has_data()
    assert plt.get_fignums() == [figure.number]
    assert dict(mpl.rcParams) == settings
    assert (image < 250).any(axis=-1).mean() > 0.01
    assert axes[0].get_title()


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_makes_a_figure_where_none_is_given(name: str) -> None:
    assert plt.get_fignums() == []
    ax = PLOTS[name]()
    assert plt.get_fignums() == [ax.figure.number]


@pytest.mark.parametrize("name", PLOTS)
def test_chinese_labels_are_chinese(name: str) -> None:
    ax = PLOTS[name](lang="zh")
    labels = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel()]
    assert all(any("一" <= sign <= "鿿" for sign in text) for text in labels if text)


def test_nothing_of_a_plot_changes_the_study() -> None:
    study = small_study()
    before = {name: table.copy() for name, table in study.tables.items()}
    for draw in PLOTS.values():
        draw()
    for name, table in study.tables.items():
        pd.testing.assert_frame_equal(table, before[name])


# --- what is drawn is what the study says ---------------------------------------------------------


def test_a_profile_ends_at_the_villages_lowest_voltage() -> None:
    """Its end is the table's voltage; its length that of another search (`supply_paths`)."""
    study, village = small_study(), low_village()
    for stage in (0, 2):
        way = plots.supply_profile(study, village, stage)
        of = study.villages[(study.villages["village"] == village)]
        row = of[of["stage"] == stage].iloc[0]
        assert way["of_nominal_percent"].iloc[-1] == pytest.approx(100 * row["v_min_v"] / 220)
        path = supply_paths(study.county.at(stage)).set_index("node").loc[row["worst_node"]]
        length = path["length_lv_km"] + path["length_mv_km"]
        assert way["distance_km"].iloc[-1] == pytest.approx(length)
        assert way["distance_km"].is_monotonic_increasing
        assert way["node"].iloc[0] == path["station_node"]
        assert way["kv"].tolist() == sorted(way["kv"], reverse=True)


def test_a_profile_draws_both_levels_and_their_limits() -> None:
    """GB/T 12325-2008: 10 kV plus and minus 7 %, 220 V plus 7 and minus 10 %."""
    ax = plots.plot_profile(small_study(), low_village())
    limits = [c for c in ax.collections if isinstance(c, LineCollection)]
    heights = sorted(round(float(c.get_segments()[0][0][1]), 6) for c in limits)
    assert heights == [90.0, 93.0, 107.0, 107.0]
    labels = ax.get_legend_handles_labels()[1]
    ways = {k: plots.supply_profile(small_study(), low_village(), k) for k in (0, 2)}
    phases = {k: way["phase"].iloc[-1] for k, way in ways.items()}
    reach = {k: way.loc[way["kv"] < 1, "other_1_percent"].notna().any() for k, way in ways.items()}
    others = {k: " (-- other phases)" if there else "" for k, there in reach.items()}
    assert labels == [
        "before the works, 10 kV",
        f"before the works, 0.4 kV, phase {phases[0]}{others[0]}",
        "after batch 2, 10 kV",
        f"after batch 2, 0.4 kV, phase {phases[2]}{others[2]}",
        "limit",
    ]


def test_the_map_shows_every_village_once() -> None:
    study = small_study()
    for stage in (0, 2):
        ax = plots.plot_map(study, stage)
        dots = [c for c in ax.collections if isinstance(c, PathCollection)]
        at_stage = study.villages[study.villages["stage"] == stage]
        assert sum(len(c.get_offsets()) for c in dots) == len(at_stage)
        low = [c for c in dots if c.get_label().startswith("low")]
        assert sum(len(c.get_offsets()) for c in low) == (at_stage["status"] == "low").sum()


def test_low_villages_have_a_shape_of_their_own() -> None:
    """Colour alone would not tell them to everyone."""
    ax = plots.plot_map(small_study(), 0)
    dots = [c for c in ax.collections if isinstance(c, PathCollection)]
    sides = {c.get_label().startswith("low"): len(c.get_paths()[0].vertices) for c in dots}
    assert sides[True] != sides[False]


def test_the_scale_bar_is_as_long_as_it_says() -> None:
    """Against the distance on the sphere (haversine, 6371 km)."""
    ax = plots.plot_map(small_study())
    bar = ax.lines[-1]
    (lon_a, lon_b), lat = np.radians(bar.get_xdata()), math.radians(bar.get_ydata()[0])
    h = math.cos(lat) ** 2 * math.sin((lon_b - lon_a) / 2) ** 2
    km = 2 * 6371 * math.asin(math.sqrt(h))
    label = next(text.get_text() for text in ax.texts if text.get_text().endswith(" km"))
    # the bar is drawn for the middle of the county, some tenths of a degree north of itself
    assert km == pytest.approx(float(label.removesuffix(" km")), rel=0.005)


def test_the_map_is_not_stretched() -> None:
    """A degree of longitude is cos(latitude) of one of latitude."""
    ax = plots.plot_map(small_study())
    lat = small_study().county.nodes["lat_deg"].mean()
    assert ax.get_aspect() == pytest.approx(1 / math.cos(math.radians(lat)), rel=0.01)


def test_bars_of_loss_add_up_to_the_table() -> None:
    study = small_study()
    for highest in (1000, 10):
        ax = plots.plot_losses(study, highest_kv=highest)
        table = study.losses[study.losses["level_kv"] <= highest]
        drawn = sum(bar.get_height() for bar in ax.patches)
        assert drawn == pytest.approx(table["total_kwh"].sum() / 1000)
        parts = table.filter(like="_kwh").drop(columns=["total_kwh", "fed_kwh"])
        assert len(ax.patches) == len(table) * parts.any().sum()
        assert ax.get_ylim()[1] > table["total_kwh"].max() / 1000


def test_gains_show_each_treated_village_before_and_after_its_batch() -> None:
    study = small_study()
    ax = plots.plot_gains(study)
    villages = study.villages
    treated = villages[(villages["batch"] > 0) & (villages["stage"] == villages["batch"])]
    before = villages[(villages["stage"] == 0) & villages["village"].isin(treated["village"])]
    marks = [line for line in ax.lines if line.get_marker() in "os"]
    drawn = np.sort(np.concatenate([line.get_ydata() for line in marks]))
    expected = np.sort([*before["v_min_v"], *treated["v_min_v"]])
    assert drawn == pytest.approx(expected)
    assert len(treated) == 9


def test_the_waterfall_goes_from_the_parts_to_the_net() -> None:
    """Each bar begins where the one before it ended; the last is the answer's own figure."""
    study = small_study()
    assert study.claim is not None
    ax = plots.plot_claim(study)
    bars = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in ax.patches]
    lines, copper, gross, new, others, net = bars
    assert net[1] == pytest.approx(study.claim.net_kwh() / 1000)
    assert lines[0] == gross[0] == net[0] == 0
    for one, following in ((lines, copper), (gross, new), (new, others)):
        assert following[0] == pytest.approx(one[1])
    assert gross[1] == pytest.approx(copper[1])
    assert net[1] == pytest.approx(others[1])
    added = study.claim.parts.query(
        "calibration == 'middle' and basis == 'equal energy' and scope == '10 kV and below'"
        " and part == 'no-load, new transformers'"
    )["kwh"].sum()
    assert new[1] - new[0] == pytest.approx(added / 1000)
    claim = [line for line in ax.lines if line.get_label() == "claimed: 30"]
    assert claim[0].get_ydata()[0] == pytest.approx(study.claim.claimed_kwh / 1000)


def test_the_waterfall_takes_the_answer_too() -> None:
    answer = small_study().claim
    assert answer is not None
    one, other = plots.plot_claim(answer), plots.plot_claim(small_study())
    assert [b.get_height() for b in one.patches] == [b.get_height() for b in other.patches]


def test_the_duration_curve_is_the_tally_of_the_year() -> None:
    """Lowest voltage and hours below 198 V are those that the year engine counts on its way."""
    study, village = small_study(), low_village()
    ax = plots.plot_duration(study, village)
    before = study.villages[study.villages["stage"] == 0].set_index("village")
    for line, stage in zip(ax.lines, (0, 2), strict=False):
        case = prepare(study.county.at(stage), phases="balanced")
        limit = {"limit": 198 / (400 / math.sqrt(3))}
        year = solve_year(case.net, case.profiles, low_limits_pu=limit, progress=False)
        bus = year.buses.set_index("name").loc[before.loc[village, "worst_node"]]
        volts = line.get_ydata()
        assert len(volts) == 8760
        assert (np.diff(volts) <= 0).all()
        assert volts[-1] == pytest.approx(bus["vm_min_pu"] * 400 / math.sqrt(3))
        assert (volts < 198).sum() == bus["hours_below_limit"]


def test_the_load_curve_holds_the_customers_energy() -> None:
    study = small_study()
    energy_mwh = study.county.consumers["kwh_per_year"].sum() / 1000
    curve = plots.plot_load(study).lines[0].get_ydata()
    assert curve.sum() == pytest.approx(energy_mwh)
    days = plots.plot_load(study.county, "days").lines
    assert [len(line.get_ydata()) for line in days] == [24] * 5
    assert max(days[-1].get_ydata()) == pytest.approx(curve[0])


# --- names, fonts, wrong calls --------------------------------------------------------------------


def test_without_a_chinese_font_labels_are_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "chinese_font_file", lambda: None)
    with pytest.warns(UserWarning, match=r"ruralgrid\[fonts\]"):
        ax = plots.plot_map(small_study(), lang="zh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a sign that cannot be drawn warns
        pixels(ax)
    assert ax.get_title() == "county, before the works"


def test_without_a_chinese_font_english_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "chinese_font_file", lambda: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw in PLOTS.values():
            pixels(draw())


def test_a_dollar_sign_in_a_name_is_no_formula() -> None:
    study = replace(small_study(), county=replace(small_study().county, name=r"$\frac{$"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels(plots.plot_load(study))


def test_wrong_calls_say_what_was_expected() -> None:
    study = small_study()
    with pytest.raises(UnknownNameError, match="village"):
        study.plot_profile("nowhere")
    with pytest.raises(UnknownNameError, match="village"):
        study.plot_duration("nowhere")
    with pytest.raises(UnknownNameError, match="language"):
        study.plot_map(lang="fr")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="kind of plot"):
        study.plot_load("weeks")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="stage 7 was not studied"):
        study.plot_map(7)
    with pytest.raises(InputError, match="stage 7 was not studied"):
        study.plot_profile(low_village(), stages=[7])
    with pytest.raises(InputError, match="stage 7 was not studied"):
        study.plot_duration(low_village(), stages=[7])
    with pytest.raises(InputError, match="one to 4 stages"):
        study.plot_profile(low_village(), stages=[])
    with pytest.raises(InputError, match="no level"):
        study.plot_losses(highest_kv=0.1)


def test_what_a_study_does_not_hold_is_told() -> None:
    bare: Study = replace(small_study(), claim=None, gains=pd.DataFrame())
    with pytest.raises(InputError, match="answers no claim"):
        bare.plot_claim()
    with pytest.raises(InputError, match="no village is treated"):
        bare.plot_gains()
