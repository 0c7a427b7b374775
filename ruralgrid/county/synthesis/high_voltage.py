"""330, 110 and 35 kV: the source, the stations, their lines; the plan's projects as edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.geography import to_lon_lat, to_plane_km
from ruralgrid.county.synthesis.draft import exact_lengths
from ruralgrid.county.synthesis.stations import Line, town_named

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Draft
    from ruralgrid.county.synthesis.places import Land
    from ruralgrid.plan import Plan
    from ruralgrid.plan.facts import HvLine, HvProject

__all__ = ["HighVoltage", "NewStation"]

Floats = NDArray[np.float64]

_ARRANGEMENT = {330: "330kV-hor-2b", 110: "110kV-tri-tower", 35: "35kV-tri-pole"}
_CONDUCTOR_BY_MVA = ((25, "LGJ-240/30"), (12, "LGJ-185/25"), (6, "LGJ-150/20"), (0, "LGJ-120/20"))
_SOURCE_UNIT_MVA = 240
_SOURCE_TAP = 0
_TAP_110KV = 8


@dataclass(frozen=True)
class NewStation:
    """A station that a project builds: where, when, and its 10 kV busbars."""

    name: str
    stage: int
    place: Floats
    busbars: tuple[str, ...]


class HighVoltage:
    """Writes the network above 10 kV into a draft.

    Parameters
    ----------
    plan, land, assumptions, draft
        The plan, its plane, the assumptions and the rows so far.
    stations : pandas.DataFrame
        name, town, x, y, kva (tuple of ratings), tap; one row a station.
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
        self.source_name = f"{plan.existing.substation_330kv or plan.county.seat}330kV站"
        self.new_stations: list[NewStation] = []

    # existing --------------------------------------------------------------------------------

    def draw(self) -> None:
        """The source, its transformers, the stations and the 35 kV lines as they stand."""
        self._source()
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
        self._node(f"{self.source_name}330kV母线", 330, self.source, town)
        for roman in ("I", "II"):
            self._node(f"{self.source_name}110kV{roman}母", 110, self.source, town)
            self._node(self.source_35kv(roman), 35, self.source, town)
        self.draft.add(
            "transformers",
            name=[f"{self.source_name}1号主变", f"{self.source_name}2号主变"],
            type=f"OSFPSZ11-{_SOURCE_UNIT_MVA * 1000}/330",
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

    def source_35kv(self, roman: str) -> str:
        """Name of a 35 kV busbar of the 330 kV station."""
        return f"{self.source_name}35kV{roman}母"

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
                tap=station.tap,
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
        self.draft.add(
            "sections",
            name=[self._line_name(line) for line in self.lines],
            from_node=[
                self.source_35kv(roman[k])
                if line.from_station < 0
                else self.station_35kv(line.from_station)
                for k, line in enumerate(self.lines)
            ],
            to_node=[self.station_35kv(line.to_station) for line in self.lines],
            conductor=[
                next(c for mva, c in _CONDUCTOR_BY_MVA if max(kva / 1000, 0) >= mva)
                for kva in below
            ],
            arrangement=_ARRANGEMENT[35],
            phases="abc",
            length_km=length,
            span_m=150.0,
            normally_open=[line.normally_open for line in self.lines],
            grade="assumed",
            source="count and total length stated; ends, conductors and which line is open assumed",
        )

    def _line_name(self, line: Line) -> str:
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

    # projects --------------------------------------------------------------------------------

    def project_edits(self) -> None:
        """The plan's projects above 10 kV, each as edits of its stage."""
        for batch in self.plan.batches:
            for project in self.plan.projects_of(batch.year):
                self._project(project, batch.year)

    def _project(self, project: HvProject, stage: int) -> None:
        if project.substation_kv == 330:
            self._project_330kv(project, stage)
        elif project.substation_kv == 110:
            self._project_110kv(project, stage)
        elif project.substation_kv == 35:
            self._project_35kv(project, stage)
        else:
            self._project_line(project, stage)

    def _edit(
        self, project: HvProject, stage: int, table: str, rows: list[dict[str, Any]], action: str
    ) -> None:
        self.draft.edit(
            stage=stage,
            table=table,
            action=action,
            names=[row.pop("name") for row in rows],
            fields=rows,
            project=project.name,
            grade="stated" if action == "add" and table == "sections" else "assumed",
            source=f"plan, hv_project {project.name}; stage inferred from the money of the years",
        )

    def _new_node(self, name: str, kv: float, place: Floats) -> dict[str, Any]:
        lon, lat = to_lon_lat(place, self.land.origin)
        town = self.land.towns[int(self.land.town_of(place[None])[0])]
        return {
            "name": name,
            "kv": kv,
            "kind": "busbar",
            "lon_deg": float(lon),
            "lat_deg": float(lat),
            "town": town,
        }

    def _new_line(self, line: HvLine, start: str, end: str, open_: bool = False) -> dict[str, Any]:
        default = {330: "LGJ-300", 110: "LGJ-300", 35: "LGJ-150"}[int(line.kv)]
        return {
            "name": f"{line.kv:g}kV{line.from_place}-{line.to_place or '配套'}线",
            "from_node": start,
            "to_node": end,
            "conductor": line.conductor or default,
            "arrangement": _ARRANGEMENT[int(line.kv)],
            "phases": "abc",
            "length_km": line.length_km,
            "span_m": {330: 400.0, 110: 250.0, 35: 150.0}[int(line.kv)],
            "normally_open": open_,
        }

    def _place(self, name: str) -> Floats:
        town = town_named(self.plan, name)
        if town is not None:
            return self.land.seats[self.land.towns.index(town)]
        found = self.plan.place(name)
        return (
            self.source
            if found is None
            else to_plane_km(found.lon_deg, found.lat_deg, self.land.origin)
        )

    def _at(self, name: str, kv: int) -> str:
        """The busbar of level `kv` that a line of the plan starts from."""
        town = town_named(self.plan, name)
        if kv == 35 and town in list(self.stations["town"]):
            return self.station_35kv(list(self.stations["town"]).index(str(town)))
        return f"{self.source_name}330kV母线" if kv == 330 else f"{self.source_name}{kv}kVI母"

    def _project_line(self, project: HvProject, stage: int) -> None:
        rows = [
            self._new_line(
                line,
                self._at(line.from_place, int(line.kv)),
                self._at(line.to_place, int(line.kv)),
                True,
            )
            for line in project.lines
        ]
        self._edit(project, stage, "sections", rows, "add")

    def _project_35kv(self, project: HvProject, stage: int) -> None:
        line = project.lines[0]
        place, name = self._place(line.to_place), f"{line.to_place}站"
        bus = f"{name}35kV母线"
        busbars = tuple(f"{name}10kV{'I' * (k + 1)}母" for k in range(len(project.transformer_mva)))
        nodes = [self._new_node(bus, 35, place)]
        nodes += [self._new_node(busbar, 10, place) for busbar in busbars]
        self._edit(project, stage, "nodes", nodes, "add")
        start = self._at(line.from_place, 35)
        self._edit(project, stage, "sections", [self._new_line(line, start, bus)], "add")
        tap = self._tap_of(line.from_place)
        units = [
            {
                "name": f"{name}{k + 1}号主变",
                "type": f"SZ11-{mva * 1000:g}/35",
                "hv_node": bus,
                "lv_node": busbars[k],
                "tap": tap,
            }
            for k, mva in enumerate(project.transformer_mva)
        ]
        self._edit(project, stage, "transformers", units, "add")
        self.new_stations.append(NewStation(name, stage, place, busbars))

    def _tap_of(self, name: str) -> int:
        town = town_named(self.plan, name)
        own = self.stations["town"] == town
        return int(self.stations.loc[own, "tap"].iloc[0]) if own.any() else 0

    def _project_110kv(self, project: HvProject, stage: int) -> None:
        line = project.lines[0]
        place = self._place(line.to_place)
        name = f"{line.to_place.removesuffix('县城') or line.to_place}110kV站"
        hv = f"{name}110kV母线"
        medium = [f"{name}35kV{'I' * (k + 1)}母" for k in range(len(project.transformer_mva))]
        nodes = [self._new_node(hv, 110, place)]
        nodes += [self._new_node(bus, 35, place) for bus in medium]
        town = town_named(self.plan, line.to_place)
        if town in list(self.stations["town"]):  # it feeds the 35 kV busbar that stands there
            station = list(self.stations["town"]).index(str(town))
            nodes = [node for node in nodes if node["name"] != medium[0]]
            medium[0] = self.station_35kv(station)
            self._relieve(project, stage, station, medium[-1])
        units = []
        for k, mva in enumerate(project.transformer_mva):
            low = f"{name}10kV{'I' * (k + 1)}母"
            nodes.append(self._new_node(low, 10, place))
            units.append(
                {
                    "name": f"{name}{k + 1}号主变",
                    "type": f"SSZ11-{mva * 1000:g}/110",
                    "hv_node": hv,
                    "mv_node": medium[k],
                    "lv_node": low,
                    "tap": _TAP_110KV,
                }
            )
        self._edit(project, stage, "nodes", nodes, "add")
        start = self._at(line.from_place, 110)
        self._edit(project, stage, "sections", [self._new_line(line, start, hv)], "add")
        self._edit(project, stage, "transformers", units, "add")

    def _relieve(self, project: HvProject, stage: int, station: int, onward_bus: str) -> None:
        """Open the 35 kV line that fed a station; the lines beyond it start from `onward_bus`."""
        rows: list[dict[str, Any]] = []
        for line in self.lines:
            if line.normally_open:
                continue
            if line.to_station == station:
                rows.append({"name": self._line_name(line), "normally_open": True})
            elif line.from_station == station:
                rows.append({"name": self._line_name(line), "from_node": onward_bus})
        self._edit(project, stage, "sections", rows, "change")

    def _project_330kv(self, project: HvProject, stage: int) -> None:
        name = f"{project.lines[0].to_place}330kV站"
        place = self._place(project.lines[0].to_place)
        hv = f"{name}330kV母线"
        nodes, units = [self._new_node(hv, 330, place)], []
        for k, mva in enumerate(project.transformer_mva):
            roman = "I" * (k + 1)
            nodes += [
                self._new_node(f"{name}110kV{roman}母", 110, place),
                self._new_node(f"{name}35kV{roman}母", 35, place),
            ]
            units.append(
                {
                    "name": f"{name}{k + 1}号主变",
                    "type": f"OSFPSZ11-{mva * 1000:g}/330",
                    "hv_node": hv,
                    "mv_node": f"{name}110kV{roman}母",
                    "lv_node": f"{name}35kV{roman}母",
                    "tap": 0,
                }
            )
        rows = []
        for line in project.lines:
            if line.kv == 330:
                rows.append(self._new_line(line, self._at(line.from_place, 330), hv))
            else:
                end = f"{name}{line.kv:g}kV出线端"
                nodes.append(self._new_node(end, line.kv, place))
                rows.append(self._new_line(line, f"{name}{line.kv:g}kVI母", end))
        self._edit(project, stage, "nodes", nodes, "add")
        self._edit(project, stage, "sections", rows, "add")
        self._edit(project, stage, "transformers", units, "add")
