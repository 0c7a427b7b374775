"""330, 110 and 35 kV as they stand: the source, the stations and the lines between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.geography import to_lon_lat
from ruralgrid.county.synthesis.draft import exact_lengths
from ruralgrid.county.synthesis.stations import Line

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Draft
    from ruralgrid.county.synthesis.places import Land
    from ruralgrid.plan import Plan

__all__ = ["ARRANGEMENT", "HighVoltage"]

Floats = NDArray[np.float64]

ARRANGEMENT = {330: "330kV-hor-2b", 110: "110kV-tri-tower", 35: "35kV-tri-pole"}
_SOURCE_TAP = 0
_NO_STATION = "上级电网"


class HighVoltage:
    """Writes the network above 10 kV into a draft.

    Parameters
    ----------
    plan, land, assumptions, draft
        The plan, its plane, the assumptions and the rows so far.
    stations : pandas.DataFrame
        name, town, x, y, kva (tuple of ratings); one row a station.
    lines : list of Line
        The 35 kV lines between them.
    source : array, shape (2,)
        Where the 330 kV station stands [km].
    """

    def __init__(
        self,
        plan: Plan,
        land: Land,
        assumptions: Assumptions,
        draft: Draft,
        stations: pd.DataFrame,
        lines: list[Line],
        source: Floats,
    ) -> None:
        self.plan, self.land, self.assumptions, self.draft = plan, land, assumptions, draft
        self.stations, self.lines, self.source = stations, lines, source
        named = plan.existing.substation_330kv
        self.source_name = f"{named}330kV站" if named else _NO_STATION

    def draw(self) -> None:
        """The source, its transformers, the stations and the 35 kV lines as they stand."""
        if self.plan.existing.substation_330kv:
            self._source()
        else:
            self._source_35kv()
        self._stations()
        self._lines_35kv()

    def _node(self, name: str, kv: float, place: Floats, town: str, kind: str = "busbar") -> None:
        lon, lat = to_lon_lat(place, self.land.origin)
        self.draft.add(
            "nodes",
            name=name,
            kv=float(kv),
            kind=kind,
            lon_deg=float(lon),
            lat_deg=float(lat),
            town=town,
            grade="assumed",
            source="place of the station: its town's seat, or the line's end",
        )

    def _source(self) -> None:
        town = self.land.towns[int(self.land.town_of(self.source[None])[0])]
        unit_mva = self.assumptions["source_unit_mva"]
        self._node(f"{self.source_name}330kV母线", 330, self.source, town)
        for roman in ("I", "II"):
            self._node(f"{self.source_name}110kV{roman}母", 110, self.source, town)
            self._node(self.source_35kv(roman), 35, self.source, town)
        self.draft.add(
            "transformers",
            name=[f"{self.source_name}1号主变", f"{self.source_name}2号主变"],
            type=f"OSFPSZ11-{unit_mva * 1000:g}/330",
            hv_node=f"{self.source_name}330kV母线",
            mv_node=[f"{self.source_name}110kV{roman}母" for roman in ("I", "II")],
            lv_node=[self.source_35kv(roman) for roman in ("I", "II")],
            tap=_SOURCE_TAP,
            grade="assumed",
            source="the plan states one 330 kV station, not its capacity",
        )
        self.draft.add(
            "sources",
            name="330kV电网",
            node=f"{self.source_name}330kV母线",
            vm_pu=self.assumptions["source_vm_pu"],
            short_circuit_mva=self.assumptions["source_short_circuit_mva"],
            grade="assumed",
            source="assumptions source_vm_pu, source_short_circuit_mva",
        )

    def _source_35kv(self) -> None:
        """The grid beyond as a 35 kV busbar: the plan names no station above."""
        town = self.land.towns[int(self.land.town_of(self.source[None])[0])]
        self._node(self.source_35kv("I"), 35, self.source, town)
        self.draft.add(
            "sources",
            name="上级35kV电网",
            node=self.source_35kv("I"),
            vm_pu=self.assumptions["source_35kv_vm_pu"],
            short_circuit_mva=self.assumptions["source_35kv_short_circuit_mva"],
            grade="assumed",
            source="the plan names no 330 kV station; source_35kv_* of the assumptions",
        )

    def source_35kv(self, roman: str) -> str:
        """Name of a 35 kV busbar of the source; without a 330 kV station there is but one."""
        bus = "" if self.source_name == _NO_STATION else roman
        return f"{self.source_name}35kV{bus}母"

    def station_35kv(self, station: int) -> str:
        """Name of the 35 kV busbar of a station."""
        return f"{self.stations['name'].iloc[station]}35kV母线"

    def busbars(self, station: int) -> tuple[str, ...]:
        """Names of the 10 kV busbars of a station, one for each transformer."""
        name, kva = self.stations["name"].iloc[station], self.stations["kva"].iloc[station]
        return tuple(f"{name}10kV{'I' * (k + 1)}母" for k in range(len(kva)))

    def _stations(self) -> None:
        for index, station in enumerate(self.stations.itertuples()):
            place = np.array([station.x, station.y])
            self._node(self.station_35kv(index), 35, place, station.town)
            for busbar in self.busbars(index):
                self._node(busbar, 10, place, station.town)
            self.draft.add(
                "transformers",
                name=[f"{station.name}{k + 1}号主变" for k in range(len(station.kva))],
                type=[f"SZ9-{kva}/35" for kva in station.kva],
                hv_node=self.station_35kv(index),
                lv_node=list(self.busbars(index)),
                tap=0,
                held_pu=self.assumptions["held_10kv_pu"],
                grade="inferred",
                source="standard ratings that make the stated count and capacity; type assumed",
            )
            share = self.assumptions["capacitor_share_percent"] / 100
            self.draft.add(
                "capacitors",
                name=[f"{busbar}电容器" for busbar in self.busbars(index)],
                node=list(self.busbars(index)),
                kvar=np.array(station.kva) * share,
                grade="assumed",
                source="assumption capacitor_share_percent; fixed, not switched",
            )

    def below_kva(self) -> Floats:
        """Capacity [kVA] of the stations behind each line in service; 0 for an open one."""
        own = {k: float(sum(kva)) for k, kva in enumerate(self.stations["kva"])}
        closed = {line.to_station: line for line in self.lines if not line.normally_open}
        total = dict(own)
        for station, kva in own.items():
            at = closed[station].from_station
            while at >= 0:
                total[at] += kva
                at = closed[at].from_station
        return np.array(
            [0.0 if line.normally_open else total[line.to_station] for line in self.lines]
        )

    def _lines_35kv(self) -> None:
        length = exact_lengths(
            [line.straight_km for line in self.lines], self.plan.existing.length_35kv_km
        )
        below = self.below_kva()
        roman = self._romans(below)
        wires = self.assumptions.ladder("line_35kv_conductors")
        self.draft.add(
            "sections",
            name=[self.line_name(line) for line in self.lines],
            from_node=[
                self.source_35kv(roman[k])
                if line.from_station < 0
                else self.station_35kv(line.from_station)
                for k, line in enumerate(self.lines)
            ],
            to_node=[self.station_35kv(line.to_station) for line in self.lines],
            conductor=[wires.at(kva / 1000) for kva in below],
            arrangement=ARRANGEMENT[35],
            phases="abc",
            length_km=length,
            span_m=150.0,
            normally_open=[line.normally_open for line in self.lines],
            grade="assumed",
            source="count and total length stated; ends, conductors and which line is open assumed",
        )

    def line_name(self, line: Line) -> str:
        """Name of a 35 kV line: its ends, and which circuit it is."""
        ends = [
            self.source_name.removesuffix("330kV站")
            if k < 0
            else self.stations["name"].iloc[k].removesuffix("站")
            for k in (line.from_station, line.to_station)
        ]
        return f"35kV{ends[0]}-{ends[1]}{'II' if line.number == 2 else 'I'}线"

    def _romans(self, below: Floats) -> dict[int, str]:
        """The busbar of the 330 kV station that each of its lines leaves from: loads balanced."""
        roman, load = {}, {"I": 0.0, "II": 0.0}
        own = [k for k, line in enumerate(self.lines) if line.from_station < 0]
        for k in sorted(own, key=lambda k: -below[k]):
            roman[k] = min(load, key=lambda name: load[name])
            load[roman[k]] += below[k]
        return roman
