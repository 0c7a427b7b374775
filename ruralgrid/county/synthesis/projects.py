"""The plan's projects of 35 kV and above, each as edits of its stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ruralgrid.county.geography import to_lon_lat, to_plane_km
from ruralgrid.county.synthesis.high_voltage import ARRANGEMENT, HighVoltage
from ruralgrid.county.synthesis.stations import town_named
from ruralgrid.errors import InputError

if TYPE_CHECKING:
    from ruralgrid.plan.facts import HvLine, HvProject

__all__ = ["NewStation", "Projects"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NewStation:
    """A station that a project builds: where, when, and its 10 kV busbars."""

    name: str
    stage: int
    place: Floats
    busbars: tuple[str, ...]


@dataclass
class Projects:
    """Writes the plan's projects above 10 kV into the draft of an existing network.

    `new_stations` then holds the 35 kV stations that they build, for the 10 kV works to connect.
    """

    high: HighVoltage
    new_stations: list[NewStation] = field(default_factory=list)

    def draw(self) -> None:
        """The plan's projects above 10 kV, each as edits of its stage."""
        for batch in self.high.plan.batches:
            for project in self.high.plan.projects_of(batch.year):
                self._project(project, batch.year)

    def _project(self, project: HvProject, stage: int) -> None:
        self._check(project)
        if project.substation_kv == 330:
            self._project_330kv(project, stage)
        elif project.substation_kv == 110:
            self._project_110kv(project, stage)
        elif project.substation_kv == 35:
            self._project_35kv(project, stage)
        else:
            self._project_line(project, stage)

    def _check(self, project: HvProject) -> None:
        """What is modelled: stations of 330, 110 and 35 kV with a line, and lines alone."""
        where = f"hv_project {project.name}"
        if project.substation_kv not in (None, *ARRANGEMENT):
            raise InputError(
                f"a station of {project.substation_kv:g} kV; 330, 110 or 35 kV is expected, or a "
                "line alone",
                where,
            )
        if not project.lines:
            raise InputError("a project of at least one line is expected, it has none", where)
        if project.substation_kv in (35, 110) and len(project.lines) > 1:
            raise InputError(
                f"a station of {project.substation_kv:g} kV with {len(project.lines)} lines; one "
                "is expected, further lines as projects of their own",
                where,
            )
        for line in project.lines:
            if line.kv not in ARRANGEMENT:
                raise InputError(f"a line of {line.kv:g} kV; 330, 110 or 35 kV is expected", where)

    def _edit(
        self, project: HvProject, stage: int, table: str, rows: list[dict[str, Any]], action: str
    ) -> None:
        self.high.draft.edit(
            stage=stage,
            table=table,
            action=action,
            names=[row.pop("name") for row in rows],
            fields=rows,
            project=project.name,
            grade="inferred" if action == "add" and table == "sections" else "assumed",
            source=f"plan, hv_project {project.name}: lengths, ratings stated; ends, types, "
            "pole heads and routes assumed; the stage as in hv_schedule",
        )

    def _new_node(self, name: str, kv: float, place: Floats) -> dict[str, Any]:
        lon, lat = to_lon_lat(place, self.high.land.origin)
        town = self.high.land.towns[int(self.high.land.town_of(place[None])[0])]
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
            "arrangement": ARRANGEMENT[int(line.kv)],
            "phases": "abc",
            "length_km": line.length_km,
            "span_m": {330: 400.0, 110: 250.0, 35: 150.0}[int(line.kv)],
            "normally_open": open_,
        }

    def _place(self, name: str) -> Floats:
        town = town_named(self.high.plan, name)
        if town is not None:
            return self.high.land.seats[self.high.land.towns.index(town)]
        found = self.high.plan.place(name)
        return (
            self.high.source
            if found is None
            else to_plane_km(found.lon_deg, found.lat_deg, self.high.land.origin)
        )

    def _at(self, name: str, kv: int) -> str:
        """The busbar of level `kv` that a line of the plan starts from."""
        town = town_named(self.high.plan, name)
        if kv == 35 and town in list(self.high.stations["town"]):
            return self.high.station_35kv(list(self.high.stations["town"]).index(str(town)))
        if kv == 35:
            return self.high.source_35kv("I")
        if not self.high.plan.existing.substation_330kv:
            raise InputError(
                f"a line of {kv} kV from {name!r}, but the plan names no 330 kV station",
                "existing, substation_330kv",
            )
        return (
            f"{self.high.source_name}330kV母线"
            if kv == 330
            else f"{self.high.source_name}{kv}kVI母"
        )

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
        units = [
            {
                "name": f"{name}{k + 1}号主变",
                "type": f"SZ11-{mva * 1000:g}/35",
                "hv_node": bus,
                "lv_node": busbars[k],
                "tap": 0,
                "held_pu": self.high.assumptions["held_10kv_pu"],
            }
            for k, mva in enumerate(project.transformer_mva)
        ]
        self._edit(project, stage, "transformers", units, "add")
        self.new_stations.append(NewStation(name, stage, place, busbars))

    def _project_110kv(self, project: HvProject, stage: int) -> None:
        line = project.lines[0]
        place = self._place(line.to_place)
        name = f"{line.to_place.removesuffix('县城') or line.to_place}110kV站"
        hv = f"{name}110kV母线"
        medium = [f"{name}35kV{'I' * (k + 1)}母" for k in range(len(project.transformer_mva))]
        nodes = [self._new_node(hv, 110, place)]
        nodes += [self._new_node(bus, 35, place) for bus in medium]
        town = town_named(self.high.plan, line.to_place)
        if town in list(self.high.stations["town"]):  # it feeds the 35 kV busbar that stands there
            station = list(self.high.stations["town"]).index(str(town))
            nodes = [node for node in nodes if node["name"] != medium[0]]
            medium[0] = self.high.station_35kv(station)
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
                    "tap": int(self.high.assumptions["tap_110kv"]),
                }
            )
        self._edit(project, stage, "nodes", nodes, "add")
        start = self._at(line.from_place, 110)
        self._edit(project, stage, "sections", [self._new_line(line, start, hv)], "add")
        self._edit(project, stage, "transformers", units, "add")

    def _relieve(self, project: HvProject, stage: int, station: int, onward_bus: str) -> None:
        """Open the 35 kV line that fed a station; the lines beyond it start from `onward_bus`."""
        rows: list[dict[str, Any]] = []
        for line in self.high.lines:
            if line.normally_open:
                continue
            if line.to_station == station:
                rows.append({"name": self.high.line_name(line), "normally_open": True})
            elif line.from_station == station:
                rows.append({"name": self.high.line_name(line), "from_node": onward_bus})
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
