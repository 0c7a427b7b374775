"""What the catalogue holds: one frozen record a conductor, a pole head, a transformer.

A record carries nameplate figures with their source and grade; what follows from them (the
geometric mean radius, an ampacity at another temperature, the short-circuit resistance) is computed
on demand.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from ruralgrid.errors import InputError

__all__ = ["Conductor", "PoleHead", "ThreeWindingTransformer", "Transformer", "Wire"]

_COMPACTED_GMR_RATIO = 0.77
"""GMR over radius of a compacted conductor: between 19 strands (0.758) and a solid rod (0.7788)."""

_XLPE_PERMITTIVITY = 2.3
"""Relative permittivity of cross-linked polyethylene."""


@dataclass(frozen=True, slots=True)
class Conductor:
    """One overhead conductor, bare or insulated.

    Parameters
    ----------
    name, series : str
        Type designation ("LGJ-70/10") and series ("LGJ", "JL/G1A", "LJ", "JKLYJ", "JKLGYJ").
    kv : float or None
        Voltage class of the insulation [kV]: 1 or 10; None for a bare wire.
    nominal_mm2 : float
        Nominal aluminium area [mm2].
    construction : str
        "stranded", or "compacted" (strands pressed to a nearly solid round).
    al_strands, steel_strands : int
        Number of strands; `al_strands` is 0 where the strands are not known (compacted).
    al_strand_d_mm, steel_strand_d_mm : float
        Strand diameters [mm].
    al_area_mm2, steel_area_mm2 : float
        True areas [mm2].
    conductor_d_mm, shield_mm, insulation_mm, outer_d_mm : float
        Diameter of the metal, thickness of shield and insulation, overall diameter [mm].
    r20_ohm_per_km, alpha_per_k : float
        DC resistance at 20 °C [ohm/km] and its temperature coefficient [1/K].
    mass_kg_per_km, rts_n, e_mpa, expansion_1e6_per_k : float
        Mass [kg/km], rated tensile strength [N], final modulus [MPa], expansion [1e-6/K].
    ampacity_a, ampacity_air_c, max_conductor_c : float
        Continuous current [A] at that air temperature [°C] and that conductor temperature [°C].
    preferred : bool
        The usual row of its size: a plain "LGJ-300" means this one.
    standard, source, grade : str
        Standard of the type, where the figures come from, and how far they are checked.
    """

    name: str
    series: str
    kv: float | None
    nominal_mm2: float
    construction: str
    al_strands: int
    al_strand_d_mm: float
    steel_strands: int
    steel_strand_d_mm: float
    al_area_mm2: float
    steel_area_mm2: float
    conductor_d_mm: float
    shield_mm: float
    insulation_mm: float
    outer_d_mm: float
    r20_ohm_per_km: float
    alpha_per_k: float
    mass_kg_per_km: float
    rts_n: float | None
    e_mpa: float
    expansion_1e6_per_k: float
    ampacity_a: float
    ampacity_air_c: float
    max_conductor_c: float
    preferred: bool
    standard: str
    source: str
    grade: str

    @property
    def insulated(self) -> bool:
        """Whether the wire carries insulation."""
        return self.kv is not None

    @property
    def steel_cored(self) -> bool:
        """Whether steel strands carry part of the tension."""
        return self.steel_strands > 0

    @property
    def total_area_mm2(self) -> float:
        """Aluminium and steel together [mm2]: the area that carries the tension."""
        return self.al_area_mm2 + self.steel_area_mm2

    @property
    def gmr_mm(self) -> float:
        """Geometric mean radius [mm] with the current in the aluminium alone.

        Every strand is at its place: GMR = exp(sum of ln d_ij / n^2) over all pairs of aluminium
        strands, with d_ii = exp(-1/4) of the strand radius. A single-layer steel core that the
        current magnetises (LGJ up to 70 mm2 near full load) raises the reactance beyond this by up
        to 0.05 ohm/km; a lightly loaded rural line is far from it.
        """
        if self.construction == "compacted":
            return _COMPACTED_GMR_RATIO * self.conductor_d_mm / 2.0
        return _strand_gmr_mm(self)

    @property
    def electric_radius_mm(self) -> float:
        """Radius [mm] of the bare wire that has the same capacitance.

        An insulation of permittivity 2.3 counts as ln(r_e) = ln(r_o) - ln(r_o/r_c)/2.3.
        """
        inner = self.conductor_d_mm / 2.0 + self.shield_mm
        outer = inner + self.insulation_mm
        return outer * (inner / outer) ** (1.0 / _XLPE_PERMITTIVITY)

    def ampacity_at(self, air_c: float, conductor_c: float | None = None) -> float:
        """Continuous current [A] at another air or conductor temperature [°C].

        The heat given off is taken as proportional to the temperature rise, the usual correction
        of the handbooks: I = I_n sqrt((t_c - t_a) / (t_cn - t_an) * R(t_cn) / R(t_c)).

        Raises
        ------
        InputError
            If the air is as warm as the conductor, or either leaves -60 to 150 °C.
        """
        hot = self.max_conductor_c if conductor_c is None else conductor_c
        if not -60.0 <= air_c < hot <= 150.0:
            raise InputError(
                f"{self.name}: air at {air_c:g} °C and conductor at {hot:g} °C; "
                "expected -60 <= air < conductor <= 150"
            )
        rise = (hot - air_c) / (self.max_conductor_c - self.ampacity_air_c)
        resistance = self.dc_ohm_per_km(hot) / self.dc_ohm_per_km(self.max_conductor_c)
        return self.ampacity_a * math.sqrt(rise / resistance)

    def dc_ohm_per_km(self, temperature_c: float) -> float:
        """DC resistance [ohm/km] at `temperature_c` [°C]: R20 (1 + alpha (t - 20))."""
        return self.r20_ohm_per_km * (1.0 + self.alpha_per_k * (temperature_c - 20.0))


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire of a pole head: label a, b, c or n; metres beside the pole, above `height_m`."""

    label: str
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class PoleHead:
    """Where the wires hang on a pole: the arrangement of a line section.

    Parameters
    ----------
    name : str
        Its name in the county's tables: "10kV-tri-bare-80".
    kv : float
        Nominal line-to-line voltage of the net it is built for [kV].
    arrangement : str
        "triangle", "horizontal" or "two-wire".
    wires : tuple of Wire
        Wires in the order of the phases, the neutral where it stands on the crossarm.
    height_m : float
        Height of the crossarm above ground [m].
    bundle_count : int
        Wires of one phase.
    bundle_spacing_m : float
        Distance between them [m].
    span_max_m : float or None
        Span for which the head is made [m], where its design says so.
    use, source, grade : str
        What it is for, where the figures come from, how far they are checked.
    """

    name: str
    kv: float
    arrangement: str
    wires: tuple[Wire, ...]
    height_m: float
    bundle_count: int
    bundle_spacing_m: float
    span_max_m: float | None
    use: str
    source: str
    grade: str

    @property
    def phases(self) -> str:
        """All its wires in standard order: "abc", "abcn", "an"."""
        return "".join(sorted(wire.label for wire in self.wires))

    @property
    def phase_wires(self) -> tuple[Wire, ...]:
        """The wires that are no neutral."""
        return tuple(wire for wire in self.wires if wire.label != "n")

    @property
    def neutral(self) -> Wire | None:
        """The neutral, if the head carries one."""
        return next((wire for wire in self.wires if wire.label == "n"), None)

    @property
    def gmd_m(self) -> float:
        """Geometric mean distance of the phase wires [m]; of wire and neutral on two wires."""
        wires = self.phase_wires if len(self.phase_wires) > 1 else self.wires
        distances = [_distance_m(a, b) for a, b in itertools.combinations(wires, 2)]
        return math.prod(distances) ** (1.0 / len(distances))

    @property
    def min_spacing_m(self) -> float:
        """Smallest distance between any two wires, the neutral included [m]."""
        return min(_distance_m(a, b) for a, b in itertools.combinations(self.wires, 2))

    def wires_of(self, phases: str) -> tuple[Wire, ...]:
        """The wires that carry `phases`, in that order.

        A head with one phase wire carries whichever phase it is given.

        Raises
        ------
        InputError
            If `phases` is empty, repeats a letter, or asks for a wire that the head does not have.
        """
        single = self.phase_wires[0] if len(self.phase_wires) == 1 else None
        by_label = {wire.label: wire for wire in self.wires}
        wires = [by_label.get(letter, single if letter in "abc" else None) for letter in phases]
        if not phases or len(set(wires)) < len(wires) or None in wires:
            raise InputError(
                f"pole head {self.name} carries {self.phases}; it was given phases {phases!r}"
            )
        return tuple(wire for wire in wires if wire is not None)


@dataclass(frozen=True, slots=True)
class Transformer:
    """A two-winding transformer, three-phase or single-phase; losses at rated voltage and 75 °C.

    Single-phase units (`phases` = 1) stand between two phases of the high-voltage line; their
    `vn_lv_kv` is the voltage between the two wires that they feed.
    """

    name: str
    series: str
    phases: int
    sn_kva: float
    vn_hv_kv: float
    vn_lv_kv: float
    p0_kw: float
    pk_kw: float
    i0_percent: float
    vk_percent: float
    vector_group: str
    tap_side: str
    tap_min: int
    tap_max: int
    tap_step_percent: float
    standard: str
    source: str
    grade: str

    @property
    def vkr_percent(self) -> float:
        """Resistive part of the short-circuit voltage [%]: 100 Pk / Sn."""
        return 100.0 * self.pk_kw / self.sn_kva


@dataclass(frozen=True, slots=True)
class ThreeWindingTransformer:
    """A three-winding transformer.

    The short-circuit voltages stand on the rated power of the high-voltage winding for every pair,
    as on a Chinese nameplate; `pk_kw` is that of the two full-size windings.
    """

    name: str
    series: str
    auto: bool
    sn_hv_kva: float
    sn_mv_kva: float
    sn_lv_kva: float
    vn_hv_kv: float
    vn_mv_kv: float
    vn_lv_kv: float
    p0_kw: float
    pk_kw: float
    i0_percent: float
    vk_hm_percent: float
    vk_hl_percent: float
    vk_ml_percent: float
    vector_group: str
    tap_side: str
    tap_min: int
    tap_max: int
    tap_step_percent: float
    standard: str
    source: str
    grade: str

    @property
    def vkr_percent(self) -> float:
        """Resistive part [%] on `sn_hv_kva`, taken alike for every pair: 100 Pk / Sn."""
        return 100.0 * self.pk_kw / self.sn_hv_kva


def _distance_m(a: Wire, b: Wire) -> float:
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m)


def _strand_gmr_mm(conductor: Conductor) -> float:
    """GMR [mm] of the aluminium strands, each at its place."""
    centres = _strand_centres(conductor)
    own = len(centres) * math.log(math.exp(-0.25) * conductor.al_strand_d_mm / 2.0)
    pairs = sum(2.0 * math.log(math.dist(a, b)) for a, b in itertools.combinations(centres, 2))
    return math.exp((own + pairs) / len(centres) ** 2)


def _strand_centres(conductor: Conductor) -> list[tuple[float, float]]:
    """Centres of the aluminium strands [mm]; each ring holds six more than the one inside it."""
    strand_d, left = conductor.al_strand_d_mm, conductor.al_strands
    centres: list[tuple[float, float]] = []
    if conductor.steel_cored:
        core_d = conductor.steel_strand_d_mm * {1: 1, 7: 3, 19: 5}[conductor.steel_strands]
    else:  # all aluminium: the middle strand is the core
        centres.append((0.0, 0.0))
        core_d, left = strand_d, left - 1
    rings = round((conductor.conductor_d_mm - core_d) / (2.0 * strand_d))
    first = (left - 3 * rings * (rings - 1)) // rings
    for ring in range(rings):
        count, radius = first + 6 * ring, core_d / 2.0 + (ring + 0.5) * strand_d
        angles = (2.0 * math.pi * index / count for index in range(count))
        centres += [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]
    return centres
