"""From the county's tables to its 0.4 kV nets with every wire: what the four-wire flow solves.

One area is what hangs on one 10/0.4 kV transformer. Wires stand in the order a, b, c, n throughout.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.area_walk import AreaWalk, node_rows, walk_areas
from ruralgrid.county.phases import is_between_phases, phases_along, wire_masks
from ruralgrid.equipment import DEFAULT_TEMPERATURE_C, get_conductor, get_pole_head
from ruralgrid.equipment.impedance import DEFAULT_AIR_C, primitive_impedance
from ruralgrid.errors import InputError, TopologyError
from ruralgrid.network.own_types import line_values, transformer_reader
from ruralgrid.units import KILO, SQRT3

if TYPE_CHECKING:
    from ruralgrid.county import County

__all__ = ["WIRES", "FourWireAreas", "build_four_wire"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Complexes = NDArray[np.complex128]

WIRES: Final = "abcn"
"""Order of the wires in every matrix and mask; wire i is bit ``1 << i`` of a mask."""

_PHASES: Final = 0b0111
_NEUTRAL: Final = 0b1000


@dataclass(frozen=True, eq=False)
class FourWireAreas:
    """The 0.4 kV nets of a county as arrays; rows are those of the county's tables.

    Attributes
    ----------
    name : str
        The county's.
    first : int array (areas + 1,)
        Positions of area i are ``first[i]:first[i + 1]``, parents first; its first is the busbar.
    transformer_row, hv_node_row : int arrays (areas,)
        Rows of the transformer and of its high-voltage node.
    transformer_name, consumer_name : tuples of str
        Names of the transformers and of the consumers.
    node_name, section_name : tuples of str
        Names by position: of the node, and of the section above it ("" at a busbar).
    base_v : array (areas,)
        Phase-to-neutral voltage [V] that is one per unit.
    no_load_v : array (areas,)
        Phase-to-neutral voltage [V] of the unloaded unit at 1.0 pu of its high-voltage node, but
        for the drop of the magnetising current.
    series_ohm, zero_sequence_ohm : complex arrays (areas,)
        Short-circuit impedance, seen from the low voltage [ohm per phase]; of a single-phase unit
        both are that of its one winding.
    magnetising_s : complex array (areas,)
        Admittance of the magnetising branch in the middle of the series impedance [S per phase].
    phases : int array (areas,)
        Mask of the phases that the transformer feeds: 7, or one bit of a single-phase unit.
    rated_a, rated_hv_a : arrays (areas,)
        Rated current of the low-voltage winding [A], and that of the high-voltage winding as seen
        from the low voltage.
    star_earthing_ohm : array (areas,)
        Earthing resistance of the neutral at the transformer.
    node_row, section_row, parent : int arrays (positions,)
        Rows of the node and of the section above it (-1 at a busbar), position of its parent (-1).
    wires : int array (positions,)
        Mask of the wires of the section above; at a busbar, of those that begin there.
    impedance_ohm : complex array (positions, 4, 4)
        Matrix of the section with earth return [ohm]; zero where it has no such wire.
    ampacity_a, neutral_ampacity_a : arrays (positions,)
        Continuous currents of the wires [A]; NaN at a busbar.
    earthing_ohm : array (positions,)
        Electrode at the neutral; NaN: none. That of a busbar stands in `star_earthing_ohm`.
    consumer_row, consumer_position, consumer_phases : int arrays
        Consumers of the areas: row, position, and mask of the phases that they draw from alike.
    consumer_between : bool array (consumers,)
        Whether one draws between three phases, as motors do, and not to the neutral.
    """

    name: str
    first: Ints
    transformer_row: Ints
    transformer_name: tuple[str, ...]
    consumer_name: tuple[str, ...]
    node_name: tuple[str, ...]
    section_name: tuple[str, ...]
    hv_node_row: Ints
    base_v: Floats
    no_load_v: Floats
    series_ohm: Complexes
    zero_sequence_ohm: Complexes
    magnetising_s: Complexes
    phases: Ints
    rated_a: Floats
    rated_hv_a: Floats
    star_earthing_ohm: Floats
    node_row: Ints
    section_row: Ints
    parent: Ints
    wires: Ints
    impedance_ohm: Complexes
    ampacity_a: Floats
    neutral_ampacity_a: Floats
    earthing_ohm: Floats
    consumer_row: Ints
    consumer_position: Ints
    consumer_phases: Ints
    consumer_between: Bools

    @property
    def area_of(self) -> Ints:
        """Area of each position."""
        return np.repeat(np.arange(len(self.transformer_row)), np.diff(self.first))

    def __repr__(self) -> str:
        return (
            f"<FourWireAreas {self.name!r}: {len(self.transformer_row)} areas, "
            f"{len(self.node_row)} nodes, {len(self.consumer_row)} consumers>"
        )


def build_four_wire(
    county: County, *, temperature_c: float = DEFAULT_TEMPERATURE_C
) -> FourWireAreas:
    """The 0.4 kV nets of a county at its stage, with every wire.

    Parameters
    ----------
    county : County
        At its stage. Phases of sections and consumers, `sections.neutral` and `nodes.earthing_ohm`
        are what a balanced net leaves out.
    temperature_c : float
        Conductor temperature of the line resistances [degC], as in `build`.

    Notes
    -----
    The charging current of 0.4 kV lines is left out (a village line charges with some ten var). A
    section of a type of the county's own is taken as transposed, with a neutral that gives its zero
    sequence, or with one like its phase wires where that is not known. A transformer's zero
    sequence follows from its vector group (`data/four_wire/zero_sequence.csv`).

    Raises
    ------
    InputError
        If `check_phases` finds an error; an electrode is not above 0 ohm; or a low-voltage
        transformer is to hold a voltage.
    TopologyError
        If a section closes a loop, or two transformers feed one area.
    """
    walk = walk_areas(county)
    _refuse(county, walk)
    sections = _sections(county, walk, temperature_c)
    units = _units(county, walk)
    consumers = _consumers(county, walk)
    wires = sections["wires"]
    busbars = walk.first[:-1]
    at_busbar = np.zeros(len(walk.node), dtype=np.int64)
    below = walk.parent >= 0
    np.bitwise_or.at(at_busbar, walk.parent[below], wires[below])
    np.bitwise_or.at(at_busbar, consumers["position"], consumers["phases"])
    single = units.pop("single")
    phases = np.where(single, _lowest_bit(at_busbar[busbars] & _PHASES), _PHASES)
    wires[busbars] = phases | _NEUTRAL
    earthing = county.nodes["earthing_ohm"].to_numpy(dtype=float)[walk.node]
    own = earthing[busbars]
    units["star_earthing_ohm"] = np.where(np.isfinite(own), own, units["star_earthing_ohm"])
    earthing[busbars] = np.nan
    return FourWireAreas(
        name=county.name,
        first=walk.first,
        phases=phases,
        node_name=tuple(county.nodes["name"].to_numpy()[walk.node]),
        section_name=tuple(np.append(county.sections["name"].to_numpy(), "")[walk.section]),
        node_row=walk.node,
        section_row=walk.section,
        parent=walk.parent,
        earthing_ohm=earthing,
        consumer_row=consumers["row"],
        consumer_name=tuple(county.consumers["name"].to_numpy()[consumers["row"]]),
        consumer_position=consumers["position"],
        consumer_phases=consumers["phases"],
        consumer_between=is_between_phases(county.consumers.iloc[consumers["row"]]),
        **sections,
        **units,
    )


def _refuse(county: County, walk: AreaWalk) -> None:
    if len(walk.loops):
        name = county.sections["name"].iloc[walk.loops[0]]
        raise TopologyError(f"section {name!r} closes a loop in a 0.4 kV net; open one end of it")
    if len(walk.doubled):
        name = county.transformers["name"].iloc[walk.doubled[0]]
        raise TopologyError(f"transformer {name!r} feeds an area that another one feeds already")
    errors = phases_along(county, walk).of_severity("error")
    if len(errors):
        more = f" (and {len(errors) - 1} more; see check_phases)" if len(errors) > 1 else ""
        raise InputError(errors[0].message + more, errors[0].where)
    ohm = county.nodes["earthing_ohm"].to_numpy(dtype=float)
    if np.any(ohm <= 0):
        row = int(np.argmax(ohm <= 0))
        where = f"nodes, {county.nodes['name'].iloc[row]}, earthing_ohm"
        raise InputError(f"{ohm[row]:g} ohm is out of range: above 0, or none (empty)", where)
    held = county.transformers["held_pu"].to_numpy(dtype=float)[walk.transformer]
    if np.isfinite(held).any():
        name = county.transformers["name"].iloc[walk.transformer[np.isfinite(held)][0]]
        raise InputError("a 0.4 kV transformer holds no voltage", f"transformers, {name}, held_pu")


def _lowest_bit(mask: Ints) -> Ints:
    """The first phase of each mask; phase a where there is none."""
    return np.where(mask > 0, mask & -mask, 1)


def _mask(letters: str) -> int:
    return sum(1 << WIRES.index(letter) for letter in letters)


def _sections(county: County, walk: AreaWalk, temperature_c: float) -> dict[str, Any]:
    """Wires, matrices and ampacities of the sections above each position."""
    size = len(walk.node)
    wires = np.zeros(size, dtype=np.int64)
    impedance = np.zeros((size, 4, 4), dtype=complex)
    ampacity, neutral = np.full((2, size), np.nan)
    below = np.flatnonzero(walk.section >= 0)
    rows = county.sections.iloc[walk.section[below]]
    keys = ["conductor", "neutral", "arrangement", "phases"]
    kinds = list(rows.groupby(keys, sort=False, dropna=False).indices.items())
    firsts = rows.iloc[[at[0] for _, at in kinds]]  # in the order of `kinds`
    values = line_values(county.with_tables(sections=firsts), temperature_c)
    own = set(county.line_types["name"])
    for number, ((conductor, neutral_kind, head, phases), at) in enumerate(kinds):
        here = below[at]
        if conductor in own:
            per_km, amps = _own_matrix(values.iloc[number], phases)
        else:
            per_km, amps = _matrix(conductor, neutral_kind, head, phases, temperature_c)
        wires[here] = _mask(phases)
        impedance[here] = per_km * rows["length_km"].to_numpy()[at, None, None]
        ampacity[here], neutral[here] = amps
    return {
        "wires": wires,
        "impedance_ohm": impedance,
        "ampacity_a": ampacity,
        "neutral_ampacity_a": neutral,
    }


def _matrix(
    conductor: str, neutral: str, head: str, phases: str, temperature_c: float
) -> tuple[Complexes, tuple[float, float]]:
    """Matrix [ohm/km] and ampacities [A] of a wire of the catalogue on its pole head."""
    wire = get_conductor(conductor)
    other = get_conductor(neutral) if neutral else wire
    z = primitive_impedance(
        wire, get_pole_head(head), phases=phases, neutral=other, temperature_c=temperature_c
    )
    at = [WIRES.index(letter) for letter in phases]
    full = np.zeros((4, 4), dtype=complex)
    full[np.ix_(at, at)] = z
    return full, (wire.ampacity_at(DEFAULT_AIR_C), other.ampacity_at(DEFAULT_AIR_C))


def _own_matrix(values: pd.Series, phases: str) -> tuple[Complexes, tuple[float, float]]:
    """Matrix [ohm/km] and ampacities [A] of a type of the county's own.

    Wires without mutual impedance, the neutral a third of what the zero sequence has more: that
    gives back both sequences, phase to neutral.
    """
    z1 = complex(values["r_ohm_per_km"], values["x_ohm_per_km"])
    z0 = complex(values["r0_ohm_per_km"], values["x0_ohm_per_km"])
    neutral = (z0 - z1) / 3 if math.isfinite(abs(z0)) else z1
    diagonal = np.array([z1, z1, z1, neutral])
    diagonal[[letter not in phases for letter in WIRES]] = 0.0
    amps = float(values["max_i_ka"]) * KILO
    return np.diag(diagonal), (amps, amps)


def _units(county: County, walk: AreaWalk) -> dict[str, Any]:
    """Equivalent circuits of the transformers, seen from the low voltage."""
    units = county.transformers.iloc[walk.transformer]
    kv = county.nodes.set_index("name")["kv"]
    reader = transformer_reader(county.transformer_types)
    of = {kind: reader(kind) for kind in pd.unique(units["type"])}
    columns = ["sn_mva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw",
               "i0_percent", "tap_side", "tap_step_percent", "vector_group"]  # fmt: skip
    table = pd.DataFrame([[of[kind][name] for name in columns] for kind in units["type"]],
                         columns=columns)  # fmt: skip
    group = [str(text or "") for text in table["vector_group"]]
    single = np.array([text.startswith("Ii") for text in group], dtype=bool)
    step = 1 + units["tap"].to_numpy() * table["tap_step_percent"].fillna(0).to_numpy() / 100
    vn_hv, vn_lv = (
        table[f"vn_{side}_kv"].to_numpy() * np.where(table["tap_side"] == side, step, 1.0)
        for side in ("hv", "lv")
    )
    hv_kv, lv_kv = units["hv_node"].map(kv).to_numpy(), units["lv_node"].map(kv).to_numpy()
    rated_mva = table["sn_mva"].to_numpy()
    full_mva = np.where(single, 3 * rated_mva, rated_mva)  # of three such windings
    per_unit_ohm = vn_lv**2 / full_mva
    vkr, vk = table["vkr_percent"].to_numpy() / 100, table["vk_percent"].to_numpy() / 100
    _refuse_short_circuit(units, vk, vkr)
    relative = vkr + 1j * np.sqrt(vk**2 - vkr**2)
    iron = table["pfe_kw"].to_numpy() / KILO / rated_mva
    whole = table["i0_percent"].to_numpy() / 100
    magnetising = iron - 1j * np.sqrt(np.maximum(whole**2 - iron**2, 0))
    return {
        "transformer_row": walk.transformer,
        "transformer_name": tuple(units["name"]),
        "hv_node_row": _rows(county, units["hv_node"]),
        "base_v": lv_kv * KILO / SQRT3,
        "no_load_v": hv_kv / vn_hv * vn_lv * KILO / SQRT3,
        "series_ohm": relative * per_unit_ohm,
        "zero_sequence_ohm": _zero_sequence(group, relative) * per_unit_ohm,
        "magnetising_s": magnetising / per_unit_ohm,
        "rated_a": full_mva / (SQRT3 * table["vn_lv_kv"].to_numpy()) * KILO,
        "rated_hv_a": full_mva / (SQRT3 * table["vn_hv_kv"].to_numpy()) * vn_hv / vn_lv * KILO,
        "star_earthing_ohm": _star_earthing(rated_mva * KILO),
        "single": single,
    }


def _refuse_short_circuit(units: pd.DataFrame, vk: Floats, vkr: Floats) -> None:
    """No winding has more resistance than impedance."""
    wrong = np.flatnonzero(~((vkr >= 0) & (vk > 0) & (vk >= vkr)))
    if len(wrong):
        row = units.iloc[wrong[0]]
        raise InputError(
            f"type {row['type']!r} has vk_percent {100 * vk[wrong[0]]:g} and vkr_percent "
            f"{100 * vkr[wrong[0]]:g}; expected 0 <= vkr <= vk, vk above 0",
            f"transformers, {row['name']}, type",
        )


def _rows(county: County, names: pd.Series) -> Ints:
    return pd.Index(county.nodes["name"]).get_indexer(names).astype(np.int64)


def _zero_sequence(groups: list[str], relative: Complexes) -> Complexes:
    """Zero-sequence impedance on the rating; a group that is not listed has its short circuit."""
    known = _zero_sequence_table()
    out = relative.copy()
    for number, group in enumerate(groups):
        of, r, x = known.get(group.rstrip("0123456789"), ("short_circuit", 1.0, 1.0))
        z = relative[number]
        out[number] = complex(r * z.real, x * z.imag) if of == "short_circuit" else complex(r, x)
    return out


def _star_earthing(rated_kva: Floats) -> Floats:
    limits = np.array([float(row["up_to_kva"]) for row in _rows_of("earthing.csv")])
    ohms = np.array([float(row["earthing_ohm"]) for row in _rows_of("earthing.csv")])
    return ohms[np.searchsorted(limits, rated_kva)]


@cache
def _rows_of(file: str) -> tuple[dict[str, str], ...]:
    text = (files("ruralgrid.data") / "four_wire" / file).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _zero_sequence_table() -> dict[str, tuple[str, float, float]]:
    return {
        row["vector_group"]: (row["of"], float(row["r_ratio"]), float(row["x_ratio"]))
        for row in _rows_of("zero_sequence.csv")
    }


def _consumers(county: County, walk: AreaWalk) -> dict[str, Ints]:
    """Consumers at nodes of an area, in the order of positions."""
    position = np.full(len(county.nodes), -1, dtype=np.int64)
    position[walk.node] = np.arange(len(walk.node))
    at = position[node_rows(county, "consumers", "node")]
    rows = np.flatnonzero(at >= 0)
    rows = rows[np.argsort(at[rows], kind="stable")]
    phases = wire_masks(county.consumers["phases"].iloc[rows]) & _PHASES
    return {"row": rows, "position": at[rows], "phases": phases}
