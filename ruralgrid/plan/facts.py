"""What a plan states, as frozen records.

Names follow the plan's own tables; a field's unit stands in its name (`money_wan` is 10^4 yuan).
Which key of the TOML fills which field, with type, unit, limits and meaning, is data:
`ruralgrid/data/plans/fields.csv`. Nothing here is corrected, and sums are computed, never stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.plan.figures import number

__all__ = [
    "AdminVillage",
    "Batch",
    "Claims",
    "CountyFacts",
    "Damaged",
    "Document",
    "Existing",
    "Goals",
    "HvLine",
    "HvProject",
    "HvSchedule",
    "LineDesign",
    "Place",
    "Plan",
    "Totals",
    "Township",
    "UnitPrices",
    "Works",
    "match_town",
    "short_town",
]

TOWN_SUFFIXES = ("镇", "乡", "街道")
"""What a plan drops from the name of a town when it is short of room."""


@dataclass(frozen=True, slots=True)
class Document:
    """The page itself: what it is, what it hides (`masked`) and leaves open (`open_lists`)."""

    title: str = ""
    county: str = ""
    schedule: str = ""
    masked: tuple[str, ...] = ()
    open_lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CountyFacts:
    """The county in figures."""

    area_km2: float
    population: int
    townships: int | None = None
    administrative_villages: int | None = None
    farmland_mu: float | None = None
    seat: str = ""


@dataclass(frozen=True, slots=True)
class Existing:
    """The grid before the works."""

    substations_35kv: int
    transformers_35kv: int
    transformer_capacity_35kv_kva: float
    lines_35kv: int
    length_35kv_km: float
    length_10kv_km: float
    length_0_4kv_km: float
    substation_330kv: str = ""
    substations_110kv: int | None = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """A figure that the page damages: as it is `printed`, and its `reading` with the reason."""

    printed: str
    reading: str


@dataclass(frozen=True, slots=True)
class HvLine:
    """A line of a project; an empty `to_place` is an end that the plan does not state."""

    kv: float
    from_place: str
    to_place: str
    length_km: float
    length_in_goals_km: float | None = None
    conductor: str = ""

    @property
    def name(self) -> str:
        """Ends and voltage: "盘克-湘乐 35 kV"."""
        return f"{self.from_place}-{self.to_place or '?'} {self.kv:g} kV"


@dataclass(frozen=True, slots=True)
class HvProject:
    """One project of 35 kV and above: a station, lines, or both."""

    name: str
    purpose: str = ""
    substation_kv: float | None = None
    transformers: Damaged | None = None
    transformer_mva: tuple[float, ...] = ()
    lines: tuple[HvLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Works:
    """Households and natural villages of one kind of works."""

    households: int
    villages: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The works of one year on 10 kV and below; `towns` as short as the plan writes them."""

    year: int
    towns: tuple[str, ...]
    length_10kv_km: float
    length_0_4kv_km: float
    transformers: int
    households: int
    low_voltage: Works
    three_phase: Works = Works(0, 0)
    money_wan: float | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of all batches together: as the plan states them, or as they add up."""

    length_10kv_km: float | None = None
    length_0_4kv_km: float | None = None
    transformers: int | None = None
    households: int | None = None
    three_phase: Works | None = None
    low_voltage: Works | None = None
    money_distribution_wan: float | None = None
    money_hv_wan: float | None = None
    money_hv_by_year_wan: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """Prices [10^4 yuan], of lines [10^4 yuan/km]; None where the plan states none."""

    substation_330kv_wan: float | None = None
    substation_110kv_wan: float | None = None
    substation_35kv_wan: float | None = None
    line_330kv_wan_per_km: float | None = None
    line_110kv_wan_per_km: float | None = None
    line_35kv_wan_per_km: float | None = None
    line_10kv_wan_per_km: float | None = None
    line_0_4kv_wan_per_km: float | None = None
    distribution_transformer_wan: float | None = None

    def substation_wan(self, kv: float) -> float | None:
        """Price of a station of voltage `kv` [kV], None where there is none."""
        return getattr(self, f"substation_{kv:g}kv_wan", None)

    def line_wan_per_km(self, kv: float) -> float | None:
        """Price of a line of voltage `kv` [kV], None where there is none."""
        return getattr(self, f"line_{kv:g}kv_wan_per_km".replace(".", "_"), None)


@dataclass(frozen=True, slots=True)
class Claims:
    """What the works are said to bring."""

    energy_saved_kwh_per_year: float | None = None
    relief_yuan_per_year: float | None = None


@dataclass(frozen=True, slots=True)
class Goals:
    """What the works are to reach, in the plan's words."""

    three_phase_power: tuple[str, ...] = ()
    low_voltage: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineDesign:
    """Conductors and pole heads; `*_printed` where the page differs from the reading."""

    span_max_m: float | None = None
    conductors_10kv: tuple[str, ...] = ()
    conductors_10kv_printed: tuple[str, ...] = ()
    conductors_0_4kv: tuple[str, ...] = ()
    conductors_0_4kv_printed: tuple[str, ...] = ()
    arrangement_10kv: str = ""
    arrangement_0_4kv: str = ""
    missing_tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HvSchedule:
    """Names of the projects of each year, the first year first; `grade` is stated or inferred."""

    years: tuple[tuple[str, ...], ...]
    grade: str = "stated"


@dataclass(frozen=True, slots=True)
class Place:
    """A point with a name that is no township of the county."""

    name: str
    lat_deg: float
    lon_deg: float
    position_accuracy_km: float = 0.0
    pinyin: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Township(Place):
    """A town or township, its position that of its seat."""

    administrative_villages: int = 0
    population: int | None = None
    population_grade: str = ""


@dataclass(frozen=True, slots=True)
class AdminVillage:
    """An administrative village of a town."""

    town: str
    name: str
    code: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """Every figure of a county's plan, as stated.

    `batches` stand in the order of their years; `path` is the file that the plan was read from:
    other files of the county may stand beside it. It differs between machines.
    """

    county: CountyFacts
    existing: Existing
    batches: tuple[Batch, ...]
    townships: tuple[Township, ...]
    path: str
    document: Document = field(default_factory=Document)
    hv_projects: tuple[HvProject, ...] = ()
    stated_totals: Totals = field(default_factory=Totals)
    unit_prices: UnitPrices = field(default_factory=UnitPrices)
    claims: Claims = field(default_factory=Claims)
    goals: Goals = field(default_factory=Goals)
    line_design: LineDesign = field(default_factory=LineDesign)
    hv_schedule: HvSchedule | None = None
    places: tuple[Place, ...] = ()
    villages: tuple[AdminVillage, ...] = ()

    @property
    def sums(self) -> Totals:
        """The figures of the batches added up, and the money by year of 35 kV and above."""
        by_year = self.stated_totals.money_hv_by_year_wan
        return Totals(
            length_10kv_km=_exact_sum(batch.length_10kv_km for batch in self.batches),
            length_0_4kv_km=_exact_sum(batch.length_0_4kv_km for batch in self.batches),
            transformers=sum(batch.transformers for batch in self.batches),
            households=sum(batch.households for batch in self.batches),
            three_phase=_sum_of([batch.three_phase for batch in self.batches]),
            low_voltage=_sum_of([batch.low_voltage for batch in self.batches]),
            money_distribution_wan=_sum_if_all([batch.money_wan for batch in self.batches]),
            money_hv_wan=_exact_sum(by_year) if by_year else None,
            money_hv_by_year_wan=by_year,
        )

    def batch(self, year: int) -> Batch:
        """The batch of one year, counted from 1; InputError where there is none."""
        for batch in self.batches:
            if batch.year == year:
                return batch
        years = ", ".join(str(batch.year) for batch in self.batches)
        raise InputError(f"there is no batch {year!r}; the plan has {years}", self.path)

    def project(self, name: str) -> HvProject:
        """The project of 35 kV and above of that name; UnknownNameError where there is none."""
        for project in self.hv_projects:
            if project.name == name:
                return project
        known = [project.name for project in self.hv_projects]
        raise UnknownNameError("hv_project", name, known, self.path)

    def projects_of(self, year: int) -> tuple[HvProject, ...]:
        """The projects that come with the batch of `year`; unscheduled ones with the last."""
        years = self.hv_schedule.years if self.hv_schedule else ()
        names = years[year - 1] if 1 <= year <= len(years) else ()
        scheduled = {name for each in years for name in each}
        last = year == len(self.batches)
        unscheduled = tuple(p for p in self.hv_projects if last and p.name not in scheduled)
        return tuple(self.project(name) for name in names) + unscheduled

    def town(self, name: str) -> Township:
        """The township of that name, with or without its suffix; else UnknownNameError."""
        known = {town.name: town for town in self.townships}
        full = match_town(name, known)
        if full is None:
            raise UnknownNameError("township", name, known, self.path)
        return known[full]

    def towns_of(self, batch: Batch) -> tuple[str, ...]:
        """Full names of the townships that a batch names, in its order."""
        return tuple(self.town(name).name for name in batch.towns)

    def place(self, name: str) -> Place | None:
        """Where a name lies: a place, a township, or the seat for the county's own name."""
        for place in self.places:
            if place.name == name:
                return place
        county = self.document.county
        if county and name in (county, f"{county}县城", f"{county}城") and self.county.seat:
            name = self.county.seat
        towns = {town.name: town for town in self.townships}
        return towns.get(match_town(name, towns) or "")

    def __repr__(self) -> str:
        name = self.document.county or self.path
        return (
            f"<Plan {name}: {len(self.townships)} townships, {len(self.villages)} administrative "
            f"villages, {len(self.batches)} batches, {len(self.hv_projects)} HV projects>"
        )

    def _repr_html_(self) -> str:
        sums = self.sums
        low = sums.low_voltage or Works(0, 0)
        money = sums.money_distribution_wan
        grid = self.existing
        lengths = (grid.length_35kv_km, grid.length_10kv_km, grid.length_0_4kv_km)
        rows = [
            ("People", f"{self.county.population:,}"),
            ("Townships, administrative villages", f"{len(self.townships)}, {len(self.villages)}"),
            (
                "Lines of 35 / 10 / 0.4 kV [km]",
                " / ".join(map(number, lengths)),
            ),
            ("Batches", f"{len(self.batches)}"),
            ("New 10 kV, 0.4 kV [km]", f"{sums.length_10kv_km:,.2f}, {sums.length_0_4kv_km:,.2f}"),
            ("New transformers", f"{sums.transformers:,}"),
            ("Low-voltage households, villages", f"{low.households:,}, {low.villages:,}"),
            ("Money of the batches [10⁴ yuan]", "not stated" if money is None else number(money)),
        ]
        body = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
        title = escape(self.document.title or self.document.county or self.path)
        return f"<table><caption>{title}</caption>{body}</table>"


def match_town(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that is `name`, with a suffix or without; None for none or several."""
    names = list(names)
    if name in names:
        return name
    found = [name + suffix for suffix in TOWN_SUFFIXES if name + suffix in names]
    return found[0] if len(found) == 1 else None


def short_town(name: str) -> str:
    """The name of a town without its suffix."""
    for suffix in TOWN_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix) + 1:
            return name.removesuffix(suffix)
    return name


def _sum_of(works: list[Works]) -> Works:
    return Works(sum(w.households for w in works), sum(w.villages for w in works))


def _exact_sum(figures: Iterable[float]) -> float:
    """The sum of decimal figures: without the binary dust of 9259.880000000001."""
    return round(math.fsum(figures), 6)


def _sum_if_all(figures: list[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return _exact_sum(known) if len(known) == len(figures) else None
