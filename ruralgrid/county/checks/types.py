"""Types: conductors, pole heads and transformers that there are, on their own voltage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.checks.view import Rule, View
from ruralgrid.county.phases import single_phase_types, zero_sequence_groups
from ruralgrid.equipment import (
    Conductor,
    PoleHead,
    get_conductor,
    list_conductors,
    list_pole_heads,
    list_three_winding_transformers,
    list_transformers,
)
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.findings import Finding

__all__ = ["check_line_types", "check_transformer_types", "check_windings"]

_OFF: Final = 1.25
"""A winding's rated voltage may be that much above or below its node's: 121 at 110, 38.5 at 35."""

Floats = NDArray[np.float64]


def _conductors(names: pd.Series) -> dict[str, Conductor]:
    """The conductor of each name that there is; a plan's short names ("LGJ-70") are some."""
    records = {}
    for name in names.unique().tolist():
        try:
            records[name] = get_conductor(name)
        except UnknownNameError:
            continue
    return records


def check_line_types(view: View) -> Iterator[Finding]:
    """Conductors and pole heads are in the catalogue and fit phases and voltage of the section.

    A conductor of the county's own `line_types` brings its figures along, whatever the pole head.
    """
    sections = view["sections"]
    own = set(view["line_types"]["name"])
    by_hand = sections["conductor"].isin(own).to_numpy(dtype=bool)
    wires = _conductors(sections["conductor"])
    listed = [*sorted(own), *(each.name for each in list_conductors())]
    unknown = ~sections["conductor"].isin([*wires, *own]).to_numpy(dtype=bool)
    yield from _unknown(view, "conductor", unknown, listed)
    neutrals = _conductors(sections.loc[sections["neutral"] != "", "neutral"])
    unknown = ~sections["neutral"].isin([*neutrals, *own, ""]).to_numpy(dtype=bool)
    yield from _unknown(view, "neutral", unknown, listed)
    heads = {each.name: each for each in list_pole_heads()}
    unknown = ~sections["arrangement"].isin(heads).to_numpy(dtype=bool) & ~by_hand
    yield from _unknown(view, "arrangement", unknown, [each.name for each in list_pole_heads()])
    yield from _phases_on_heads(view, heads, by_hand)
    kv = view.kv_at("sections", "from_node")
    of_head = sections["arrangement"].map({name: head.kv for name, head in heads.items()})
    message = "the pole head {value} is made for a lower voltage"
    rule = Rule(
        "arrangement-voltage", "sections", "arrangement", message, severity="warning", unit="kV"
    )
    yield from view.found(rule, kv > 1.25 * of_head.to_numpy(dtype=float))
    insulation = {name: wire.kv or np.inf for name, wire in wires.items()}
    most = sections["conductor"].map(insulation).to_numpy(dtype=float)
    message = "the insulation of {value} is made for a lower voltage"
    rule = Rule("insulation-low", "sections", "conductor", message, severity="warning", unit="kV")
    yield from view.found(rule, (kv > 1.25 * most) & ~by_hand)


def _unknown(view: View, column: str, rows: Any, listed: Sequence[str]) -> list[Finding]:
    noun = "pole head" if column == "arrangement" else "conductor"
    rule = Rule(
        *(f"{column}-unknown", "sections", column),
        *(f"no {noun} of the catalogue is named {{value}}", f"a {noun} of the catalogue"),
    )
    return view.found(rule, rows, more=lambda name: view.hints.nearest(name, listed))


def _phases_on_heads(view: View, heads: dict[str, PoleHead], by_hand: Any) -> list[Finding]:
    """Phases are such, and the pole head carries them."""
    sections = view["sections"]
    pairs = sections[["arrangement", "phases"]]
    wrong = {
        pair: message
        for pair in pairs.drop_duplicates().itertuples(index=False, name=None)
        if (message := _phases_fault(heads.get(pair[0]), pair[1]))
    }
    messages = [wrong.get(pair, "") for pair in pairs.itertuples(index=False, name=None)]
    rows = np.array([bool(message) for message in messages], dtype=bool)
    if by_hand.any():  # the head of an own type need not carry anything
        rows &= ~by_hand
    rule = Rule("phases-unknown", "sections", "phases", "phases {value}", "abc, abcn, abn, an, ...")
    return view.found(rule, rows, ends=messages)


def _phases_fault(head: PoleHead | None, phases: str) -> str:
    letters = set(phases)
    lone = len(letters - {"n"}) < 3 and "n" not in letters
    if letters - set("abcn") or len(letters) < len(phases) or letters <= {"n"} or lone:
        return ": abc, or one to three of a, b, c with n, are expected"
    if head is not None:
        try:
            head.wires_of(phases)
        except InputError:
            return f": the pole head {head.name} carries {head.phases}"
    return ""


def check_transformer_types(view: View) -> Iterator[Finding]:
    """Types are known, of as many windings as there are nodes, and the tap is one of theirs."""
    units = view["transformers"]
    three = (units["mv_node"] != "").to_numpy(dtype=bool)
    own = view["transformer_types"]
    two_wound = {each.name: each for each in list_transformers()}
    three_wound = {each.name: each for each in list_three_winding_transformers()}
    kind = units["type"]
    has_two = kind.isin([*two_wound, *own["name"]]).to_numpy(dtype=bool)
    has_three = kind.isin(three_wound).to_numpy(dtype=bool)
    listed = [
        *own["name"],
        *(each.name for each in list_transformers()),
        *(each.name for each in list_three_winding_transformers()),
    ]
    rule = Rule(
        *("transformer-unknown", "transformers", "type"),
        *("no transformer of the catalogue is named {value}", "a type of the catalogue"),
    )
    yield from view.found(
        rule, ~has_two & ~has_three, more=lambda name: view.hints.nearest(name, listed)
    )
    message = "{value} has three windings, and no mv_node is given"
    rule = Rule("windings-number", "transformers", "type", message, "a node in mv_node")
    yield from view.found(rule, has_three & ~three & ~has_two)
    message = "{value} has two windings, and an mv_node is given"
    rule = Rule("windings-number", "transformers", "type", message, "an empty mv_node")
    yield from view.found(rule, has_two & three & ~has_three)
    yield from _vector_groups(view)
    yield from _taps(view)


def _vector_groups(view: View) -> Iterator[Finding]:
    """A unit that feeds 0.4 kV needs a group whose zero sequence is known."""
    message = "the zero sequence of group {value} is not known; that of Dyn is taken at 0.4 kV"
    rule = Rule(
        "vector-group-unknown", "transformer_types", "vector_group", message, "Dyn, Yyn or Ii",
        severity="warning",
    )  # fmt: skip
    own = view["transformer_types"]
    group = own["vector_group"].str.rstrip("0123456789")
    known = group.isin(zero_sequence_groups()) | group.str.startswith("Ii")
    unknown = (own["vn_lv_kv"] < 1) & ~known
    named = own["vector_group"].replace("", "(none given)").tolist()
    yield from view.found(rule, unknown.to_numpy(dtype=bool), named)


def _taps(view: View) -> list[Finding]:
    units, own = view["transformers"], view["transformer_types"]
    ranges = {each.name: (each.tap_min, each.tap_max) for each in list_three_winding_transformers()}
    ranges |= {each.name: (each.tap_min, each.tap_max) for each in list_transformers()}
    tapped = own[own["tap_side"] != ""]
    ends = zip(tapped["tap_min"], tapped["tap_max"], strict=True)
    ranges |= dict(zip(tapped["name"], ends, strict=True))
    low, high = (
        units["type"].map({name: ends[end] for name, ends in ranges.items()}).to_numpy(dtype=float)
        for end in (0, 1)
    )
    tap = units["tap"].to_numpy(dtype=float)
    message = "the type has no tap {value}"
    rule = Rule("tap-range", "transformers", "tap", message, "a tap of the type")
    return view.found(rule, (tap < low) | (tap > high))


def check_windings(view: View) -> Iterator[Finding]:
    """Each winding lies at a node of its voltage; a section joins two nodes of one voltage."""
    one, other = view.kv_at("sections", "from_node"), view.kv_at("sections", "to_node")
    rule = Rule(
        *("voltage-across", "sections", "to_node"),
        *("the section joins two voltages: {value} kV", "the voltage of from_node", "kV"),
    )
    across = np.flatnonzero((one != other) & ~np.isnan(one) & ~np.isnan(other))
    pairs = np.full(len(one), "", dtype=object)
    pairs[across] = [f"{one[row]:g} and {other[row]:g}" for row in across.tolist()]
    yield from view.found(rule, across, pairs)
    rated = _rated(view)
    is_single = view["transformers"]["type"].isin(single_phase_types(view.county)).to_numpy()
    for column, winding in (
        ("hv_node", "vn_hv_kv"),
        ("mv_node", "vn_mv_kv"),
        ("lv_node", "vn_lv_kv"),
    ):
        kv, of_type = view.kv_at("transformers", column), rated[winding]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = kv / of_type
        message = "the node has {value} kV, the winding of the type "
        rule = Rule("voltage-winding", "transformers", column, message, "that of the type", "kV")
        single = (kv < 1) & is_single & (of_type < 0.25)  # between phase and neutral
        wrong = ((ratio > _OFF) | (ratio < 1 / _OFF)) & ~single
        yield from view.found(rule, wrong, kv, ends=[f"{each:g} kV" for each in of_type.tolist()])


def _rated(view: View) -> dict[str, Floats]:
    """Rated voltages of each transformer's type [kV], NaN where they are not known."""
    kind = view["transformers"]["type"]
    records: dict[str, Any] = {each.name: each for each in list_three_winding_transformers()}
    records |= {each.name: each for each in list_transformers()}
    own = view["transformer_types"].drop_duplicates("name").set_index("name")
    rated = {}
    for column in ("vn_hv_kv", "vn_mv_kv", "vn_lv_kv"):
        values = {name: getattr(each, column, np.nan) for name, each in records.items()}
        if column in own:
            values |= own[column].to_dict()
        rated[column] = kind.map(values).to_numpy(dtype=float)
    return rated
