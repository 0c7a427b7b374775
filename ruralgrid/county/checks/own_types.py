"""Types of one's own: taps, losses and impedances that a transformer or a line can have."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

import numpy as np

from ruralgrid.county.checks.view import Rule, View
from ruralgrid.findings import Finding

__all__ = ["check_own_types", "check_tap_changers"]

_SIDES: Final = ("hv", "lv")
_OTHER_WORDS: Final = {
    **dict.fromkeys(("hv", "h", "high", "primary", "高压", "高压侧", "高"), "hv"),
    **dict.fromkeys(("lv", "l", "low", "secondary", "低压", "低压侧", "低"), "lv"),
}

_MOST_NO_LOAD: Final = 0.1
"""No-load loss over rated power; the oldest small units have 0.01."""


def check_own_types(view: View) -> Iterator[Finding]:
    """Figures of own types that do not go together; those out of range are told as figures."""
    types = view["transformer_types"]
    side = types["tap_side"]
    message = "tap_side {value} is none of hv, lv; it is empty where there are no taps"
    rule = Rule("transformer-type", "transformer_types", "tap_side", message, "hv, lv or empty")
    unknown = ~side.isin([*_SIDES, ""]).to_numpy(dtype=bool)
    yield from view.found(rule, unknown, more=lambda word: _nearest_side(view, word))
    low, high = types["tap_min"].to_numpy(dtype=float), types["tap_max"].to_numpy(dtype=float)
    message = "taps from {value}; 0 is the middle one and lies between the lowest and the highest"
    rule = Rule("transformer-type", "transformer_types", "tap_min", message, "0 between them")
    ends = [f"{one:g} to {other:g}" for one, other in zip(low, high, strict=True)]
    tapped = (side != "").to_numpy(dtype=bool)
    yield from view.found(rule, tapped & ((low > 0) | (high < 0)), np.array(ends, dtype=object))
    whole = types["vk_percent"].to_numpy(dtype=float)
    part = types["vkr_percent"].to_numpy(dtype=float)
    message = "a resistive part of {value} %, more than the whole short-circuit voltage of "
    rule = Rule("transformer-type", "transformer_types", "vkr_percent", message, "vk_percent", "%")
    yield from view.found(
        rule, (part > whole) & (whole > 0), ends=[f"{each:g} %" for each in whole.tolist()]
    )
    rated = types["sn_kva"].to_numpy(dtype=float)
    lost = types["p0_kw"].to_numpy(dtype=float)
    message = "a no-load loss of {value} kW is over a tenth of the rated power (W for kW?)"
    rule = Rule(
        *("transformer-type", "transformer_types", "p0_kw", message, "a tenth of sn_kva", "kW"),
        "warning",
    )
    yield from view.found(rule, (lost > _MOST_NO_LOAD * rated) & (rated > 0))
    lines = view["line_types"]
    nothing = ((lines["r_ohm_per_km"] == 0) & (lines["x_ohm_per_km"] == 0)).to_numpy(dtype=bool)
    message = "neither resistance nor reactance: no load flow takes a line of no impedance"
    rule = Rule("line-type", "line_types", "r_ohm_per_km", message, "above 0", "ohm/km")
    yield from view.found(rule, nothing)


def _nearest_side(view: View, word: str) -> str:
    plain = unicodedata.normalize("NFKC", word).strip().casefold()
    if plain in _OTHER_WORDS:
        return f"; the nearest: {_OTHER_WORDS[plain]}"
    return view.hints.nearest(word, _SIDES)


def check_tap_changers(view: View) -> Iterator[Finding]:
    """A tap, or a voltage that is held, needs a type with taps; at 0.4 kV nothing is held."""
    units, types = view["transformers"], view["transformer_types"]
    step = types["tap_step_percent"].to_numpy(dtype=float)
    has_taps = (types["tap_side"] != "").to_numpy(dtype=bool) & (step > 0)
    without = units["type"].isin(set(types.loc[~has_taps, "name"])).to_numpy(dtype=bool)
    tap = units["tap"].to_numpy(dtype=float)
    message = "tap {value} of a type whose tap_side or tap_step_percent is empty"
    rule = Rule("tap-range", "transformers", "tap", message, "0, or a type with both")
    yield from view.found(rule, without & (tap != 0))
    held = units["held_pu"].notna().to_numpy(dtype=bool)
    message = "{value} pu is to be held by a type whose tap_side or tap_step_percent is empty"
    rule = Rule("voltage-held", "transformers", "held_pu", message, "empty, or a type with both")
    low = view.kv_at("transformers", "lv_node") < 1
    yield from view.found(rule, without & held & ~low)
    message = "{value} pu: a unit that feeds 0.4 kV holds no voltage; give it a tap"
    rule = Rule("voltage-held", "transformers", "held_pu", message, "empty", "pu")
    yield from view.found(rule, low & held)
