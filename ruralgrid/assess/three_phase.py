"""What three-phase power is for: the load that each village can take, and whether its mill starts.

::

    station ──10 kV, z──◎ z_T ──0.4 kV, z──● the village's worst service point with four wires
    V0 is its voltage at the worst hour, without the new load; p and q are asked for
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from ruralgrid.assess.access import four_wire_nodes
from ruralgrid.assess.tables import by_name, looked_up
from ruralgrid.county.area_walk import LOW_VOLTAGE_KV, AreaWalk, walk_areas
from ruralgrid.equipment import DEFAULT_TEMPERATURE_C
from ruralgrid.errors import InputError
from ruralgrid.network.own_types import line_values, transformer_reader
from ruralgrid.units import KILO, LV_PHASE_BASE_V

if TYPE_CHECKING:
    from ruralgrid.county import County
    from ruralgrid.limits import LimitSet

__all__ = ["LIMITED_BY", "MILL", "Motor", "capacity_between", "three_phase_capacity"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

LIMITED_BY: Final = ("not judged", "no four wires", "already low", "transformer", "voltage")
"""What keeps a village from more three-phase load; the first that applies."""

_MEDIUM_BELOW_KV: Final = 35.0
_LV_NET_KV: Final = 0.4
_NOMINAL_V: Final = 220.0
_RATED: Final = ("sn_mva", "vn_lv_kv", "vk_percent", "vkr_percent")


@dataclass(frozen=True, slots=True)
class Motor:
    """A three-phase motor, started directly at the line.

    Parameters
    ----------
    shaft_kw : float
        Rated power at the shaft [kW].
    efficiency, power_factor : float
        At rated load.
    start_current_ratio, start_power_factor : float
        Current at standstill and nominal voltage over the rated one, and its power factor.

    Notes
    -----
    The defaults are those of a cage motor of 7.5 kW with four poles (Y132M-4; recalled, grade
    unverified; its catalogue start current of 7 is taken as 6).
    """

    shaft_kw: float = 7.5
    efficiency: float = 0.87
    power_factor: float = 0.85
    start_current_ratio: float = 6.0
    start_power_factor: float = 0.35

    def __post_init__(self) -> None:
        shares = (self.efficiency, self.power_factor, self.start_power_factor)
        if not all(0 < share <= 1 for share in shares):
            raise InputError(
                f"efficiency and power factors lie above 0, to 1; got {shares}", "motor"
            )
        if self.shaft_kw <= 0 or self.start_current_ratio < 1:
            raise InputError(
                f"shaft_kw above 0 and start_current_ratio from 1 on are expected, got "
                f"{self.shaft_kw:g} and {self.start_current_ratio:g}",
                "motor",
            )

    @property
    def input_kw(self) -> float:
        """Electric power at rated load [kW]."""
        return self.shaft_kw / self.efficiency

    @property
    def standstill_ohm(self) -> complex:
        """Impedance per phase while it starts [ohm]."""
        rated_va = self.input_kw * KILO / self.power_factor / 3
        z = _NOMINAL_V**2 / rated_va / self.start_current_ratio
        cosine = self.start_power_factor
        return z * complex(cosine, math.sqrt(1 - cosine**2))


MILL: Final = Motor()
"""The yardstick: a village's mill of 7.5 kW."""


def three_phase_capacity(
    county: County,
    villages: pd.DataFrame,
    transformers: pd.DataFrame,
    limits: LimitSet,
    *,
    phases: pd.DataFrame | None = None,
    motor: Motor = MILL,
    least_start_percent: float = 85.0,
    temperature_c: float = DEFAULT_TEMPERATURE_C,
) -> pd.DataFrame:
    """The three-phase load that each village can take at its worst four-wire service point.

    The drop along the path of impedance R + jX from the station's busbar (10 kV sections and
    transformer seen from the low voltage, and 0.4 kV sections, positive sequence) is, per phase,

        V0^2 = (V1 + (R p + X q) / V1)^2 + ((X p - R q) / V1)^2,    q = p tan(phi),

    and p is solved for the V1 of the limit. With a = |z|^2 (1 + tan^2) / V1^2 and
    b = 2 (R + X tan) it is p = 2 (V0^2 - V1^2) / (b + sqrt(b^2 + 4 a (V0^2 - V1^2))). Two limits
    are held: the three-phase band for the new load, the single-phase one for the others at that
    node. The load of all others is taken as constant currents that keep their angle, and the
    station's busbar as held: a full load flow gives 1 to 3 % less.

    A motor at standstill of impedance z_s lets the voltage fall to V0 |z_s / (z_s + z)|.

    Parameters
    ----------
    county : County
        At its stage.
    villages : pandas.DataFrame
        Of `village_voltages` at this stage: `village, v_min_v, worst_node`.
    transformers : pandas.DataFrame
        Of the solution: `name, loading_max_percent`.
    limits : LimitSet
        Its bands of 0.4 kV.
    phases : pandas.DataFrame, optional
        `phases` of a four-wire solution. The three-phase limit and the start are then judged by the
        mean of the node's phases, each at its lowest, and not by its worst phase.
    motor : Motor
        Its power factor is that of the load; the yardstick of `motors` and the start.
    least_start_percent : float
        Voltage while the motor starts [% of 220 V]. 85 %: seldom started, lamps on the same line
        (GB 50055, 2.2.2, recalled, unverified).
    temperature_c : float
        Conductor temperature [degC].

    Returns
    -------
    pandas.DataFrame
        A row per village of `villages`: `village, node, transformer, r_ohm, x_ohm` (of the path),
        `v_before_v`; `capacity_voltage_kw`, `capacity_transformer_kw` (rated power less the highest
        load of the year, at the power factor), `capacity_kw` (the smaller one), `limited_by` (one
        of `LIMITED_BY`), `motors` (whole ones); `v_start_v`, `dip_percent` (of 220 V), `can_start`
        (one motor). The node is the worst node; where it lacks a wire, the four-wire service point
        of the village that lies furthest in ohms stands for it at the same voltage, on the safe
        side. Without any the capacity is 0; without a voltage, or outside every path, it is NaN
        and `motors` and `can_start` are NA.

    Raises
    ------
    InputError, UnknownNameError
        If a column is missing, or a village or transformer unknown.
    """
    by_name(villages.rename(columns={"village": "name"}), "villages", ("v_min_v", "worst_node"))
    names = pd.Series(county.villages["name"].to_numpy(), index=county.villages["name"])
    looked_up(villages["village"], names, "village", "villages, village")
    paths = _paths(county, transformers, temperature_c)
    points = _chosen(county, villages, paths)
    table = (
        villages[["village"]]
        .reset_index(drop=True)
        .join(paths.reindex(points).rename_axis("node").reset_index())
    )
    lowest_v = villages["v_min_v"].to_numpy(dtype=float)
    motor_v = lowest_v if phases is None else _mean_of_phases(table["node"], phases, lowest_v)
    return _judged(table, lowest_v, motor_v, limits, motor, least_start_percent)


def _mean_of_phases(nodes: pd.Series, phases: pd.DataFrame, otherwise_v: Floats) -> Floats:
    """Mean of the lowest voltages of the three phases at each node [V]."""
    columns = [f"v_{letter}_min_pu" for letter in "abc"]
    mean = by_name(phases, "phases", columns)[columns].mean(axis=1, skipna=False)
    volts = nodes.map(mean).to_numpy(dtype=float) * LV_PHASE_BASE_V
    return np.where(np.isnan(volts), otherwise_v, volts)


def _judged(
    table: pd.DataFrame,
    lowest_v: Floats,
    motor_v: Floats,
    limits: LimitSet,
    motor: Motor,
    least_start_percent: float,
) -> pd.DataFrame:
    has_node = table["node"].notna().to_numpy()
    z = np.where(has_node, table.pop("z_ohm").to_numpy(dtype=complex), complex(np.nan, np.nan))
    tangent = math.tan(math.acos(motor.power_factor))
    of_limits = [
        _load_kw(v, limits.low_pu(_LV_NET_KV, single_phase=single) * LV_PHASE_BASE_V, z, tangent)
        for v, single in ((motor_v, False), (lowest_v, True))
    ]
    by_voltage = np.where(has_node, np.minimum(*of_limits), 0.0)
    spare = table.pop("spare_kva").to_numpy(dtype=float) * motor.power_factor
    by_unit = np.where(has_node, np.maximum(spare, 0.0), 0.0)
    capacity = np.minimum(np.maximum(by_voltage, 0.0), by_unit)
    unknown = np.isnan(lowest_v) | np.isnan(motor_v) | (has_node & np.isnan(capacity))
    cases = [unknown, ~has_node, by_voltage < 0, by_unit <= by_voltage]
    known = np.where(unknown, np.nan, capacity)
    start_v = motor_v / np.abs(1 + z / motor.standstill_ohm)
    starts = pd.Series(start_v >= least_start_percent / 100 * _NOMINAL_V, dtype="boolean")
    starts[unknown] = pd.NA
    return table.assign(
        node=table["node"].fillna(""),
        transformer=table["transformer"].fillna(""),
        r_ohm=z.real,
        x_ohm=z.imag,
        v_before_v=motor_v,
        capacity_voltage_kw=np.where(unknown, np.nan, np.maximum(by_voltage, 0.0)),
        capacity_transformer_kw=np.where(unknown, np.nan, by_unit),
        capacity_kw=known,
        limited_by=np.select(cases, LIMITED_BY[:-1], default=LIMITED_BY[-1]),
        motors=pd.array(np.floor(known / motor.input_kw), dtype="Float64").astype("Int64"),
        v_start_v=start_v,
        dip_percent=100 * (motor_v - start_v) / _NOMINAL_V,
        can_start=starts.array,
    )


def _load_kw(v0: Floats, v1: float, z: Complexes, tangent: float) -> Floats:
    """Three-phase load that pulls each voltage down to `v1` [kW]; negative where it lies lower."""
    spare = v0**2 - v1**2
    a = np.abs(z) ** 2 * (1 + tangent**2) / v1**2
    b = 2 * (z.real + z.imag * tangent)
    root = np.sqrt(np.maximum(b**2 + 4 * a * spare, 0))
    return 3 * 2 * spare / (b + root) / KILO


def _chosen(county: County, villages: pd.DataFrame, paths: pd.DataFrame) -> list[str | None]:
    """The node of each village; None where no service point has four wires."""
    consumers = county.consumers[county.consumers["node"].isin(paths.index)]
    points = consumers[["village", "node"]].drop_duplicates().join(paths["z_ohm"].abs(), on="node")
    furthest = points.sort_values("z_ohm", kind="stable").groupby("village")["node"].last()
    worst = villages["worst_node"].where(villages["worst_node"].isin(paths.index))
    chosen = worst.where(worst.notna(), villages["village"].map(furthest))
    return [None if pd.isna(node) else str(node) for node in chosen]


def _paths(county: County, transformers: pd.DataFrame, temperature_c: float) -> pd.DataFrame:
    """Four-wire nodes: `z_ohm` from the station, their transformer and its `spare_kva`."""
    walk = walk_areas(county)
    values = line_values(county, temperature_c)[["r_ohm_per_km", "x_ohm_per_km"]]
    per_km = values["r_ohm_per_km"].to_numpy() + 1j * values["x_ohm_per_km"].to_numpy()
    section_ohm = per_km * county.sections["length_km"].to_numpy(dtype=float)
    units = _units(county, walk, transformers)
    to_unit = _ohm_to_station(county, section_ohm).reindex(units["hv_node"]).to_numpy(dtype=complex)
    z = np.zeros(len(walk.node), dtype=complex)
    z[walk.first[:-1]] = units["z_ohm"] + to_unit * units["ratio"].to_numpy() ** 2
    for position, parent in enumerate(walk.parent.tolist()):
        if parent >= 0:
            z[position] = z[parent] + section_ohm[walk.section[position]]
    is_whole = four_wire_nodes(county, walk)
    area = np.repeat(np.arange(len(units)), np.diff(walk.first))
    table = units[["transformer", "spare_kva"]].iloc[area].set_axis(is_whole.index)
    return table.assign(z_ohm=z)[is_whole.to_numpy()]


def _units(county: County, walk: AreaWalk, transformers: pd.DataFrame) -> pd.DataFrame:
    """The transformer of each area: ohms seen from the low voltage, ratio, spare rating."""
    units = county.transformers.iloc[walk.transformer].reset_index(drop=True)
    kv = county.nodes.set_index("name")["kv"]
    reader = transformer_reader(county.transformer_types)
    of_kind = pd.DataFrame({kind: reader(kind) for kind in pd.unique(units["type"])}).T
    rated = of_kind.reindex(columns=list(_RATED)).loc[units["type"]].astype(float)
    sn_mva, vn_lv_kv, vk, vkr = (rated[name].to_numpy() for name in _RATED)
    reactive = np.sqrt(np.maximum(vk**2 - vkr**2, 0))
    loading = by_name(transformers, "transformers", ("loading_max_percent",))["loading_max_percent"]
    used = looked_up(units["name"], loading, "transformer of the solution", "transformers")
    return pd.DataFrame(
        {
            "transformer": units["name"],
            "hv_node": units["hv_node"],
            "z_ohm": (vkr + 1j * reactive) / 100 * vn_lv_kv**2 / sn_mva,
            "ratio": units["lv_node"].map(kv) / units["hv_node"].map(kv),
            "spare_kva": sn_mva * KILO * (1 - used / 100),
        }
    )


def _ohm_to_station(county: County, section_ohm: Complexes) -> pd.Series:
    """Ohms of the closed path of 1 to 35 kV from the station to each node, by name.

    A path begins where a transformer of 35 kV and above feeds it, or a source. Nodes that none
    reaches are NaN.
    """
    nodes, units = county.nodes, county.transformers
    row = pd.Series(np.arange(len(nodes)), index=nodes["name"])
    kv = pd.Series(nodes["kv"].to_numpy(), index=nodes["name"])
    fed = units[(units["hv_node"].map(kv) >= _MEDIUM_BELOW_KV)]
    begins = pd.concat([fed["lv_node"], fed["mv_node"], fed["hv_node"], county.sources["node"]])
    begins = begins[(begins != "")].drop_duplicates()
    is_medium = kv.between(LOW_VOLTAGE_KV, _MEDIUM_BELOW_KV, inclusive="left")
    # a unit from 35 kV to 0.4 kV in one step has its own busbar above it
    begins = begins[is_medium.loc[begins].to_numpy() | begins.isin(fed["hv_node"])]
    ends = [county.sections[end] for end in ("from_node", "to_node")]
    closed = ~county.sections["normally_open"].to_numpy(dtype=bool)
    closed &= is_medium.loc[ends[0]].to_numpy() & is_medium.loc[ends[1]].to_numpy()
    a, b = (row.loc[end[closed]].to_numpy() for end in ends)
    top, roots = len(nodes), row.loc[begins].to_numpy()  # one more node above all stations
    start = np.concatenate([a, np.full(len(roots), top)])
    end = np.concatenate([b, roots])
    ohm = _ohm_of_pairs(a, b, section_ohm[closed])
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(top + 1, top + 1)).tocsr()
    order, above = breadth_first_order(graph, top, directed=False)
    z = np.full(top + 1, np.nan, dtype=complex)
    z[top] = 0.0
    for node in order[1:].tolist():
        parent = int(above[node])
        z[node] = z[parent] + ohm.get((min(parent, node), max(parent, node)), 0.0)
    return pd.Series(z[:top], index=nodes["name"])


def _ohm_of_pairs(
    a: NDArray[np.int64], b: NDArray[np.int64], section_ohm: Complexes
) -> dict[tuple[int, int], complex]:
    """Ohms between two nodes, the lower row first: sections side by side add their admittances."""
    ohm: dict[tuple[int, int], complex] = {}
    for one, other, z in zip(a.tolist(), b.tolist(), section_ohm.tolist(), strict=True):
        pair = (min(one, other), max(one, other))
        beside = ohm.get(pair)
        if beside is not None and z + beside != 0:
            z = z * beside / (z + beside)
        ohm[pair] = z
    return ohm


def capacity_between(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The three-phase load of every village before and after works.

    Parameters
    ----------
    before, after : pandas.DataFrame
        Of `three_phase_capacity` at two stages.

    Returns
    -------
    pandas.DataFrame
        `village`; `capacity_kw`, `limited_by`, `motors`, `can_start`, each with `_before` and
        `_after`; `gain_kw`.

    Raises
    ------
    InputError
        If the two speak of different villages.
    """
    columns = ["capacity_kw", "limited_by", "motors", "can_start"]
    if set(before["village"]) != set(after["village"]):
        raise InputError("both tables are to hold the same villages", "before, after")
    both = before[["village", *columns]].merge(
        after[["village", *columns]], on="village", suffixes=("_before", "_after"), validate="1:1"
    )
    return both.assign(gain_kw=both["capacity_kw_after"] - both["capacity_kw_before"])
