"""The yearly batches as edits: spurs, transformers, rebuilt 0.4 kV, trunk, ties, and what goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.geography import to_lon_lat
from ruralgrid.county.synthesis.draft import METRES, exact_lengths
from ruralgrid.county.synthesis.energy import peak_kw, rating_above
from ruralgrid.county.synthesis.existing import MEDIUM_HEAD, Existing
from ruralgrid.county.synthesis.names import (
    link_name,
    low_section_name,
    medium_node,
    section_name,
    tail_name,
)
from ruralgrid.county.synthesis.phases import meter_boxes, phases_after
from ruralgrid.county.synthesis.settlement import LOW_VOLTAGE
from ruralgrid.county.synthesis.works import TrunkWorks, plan_trunk

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.projects import NewStation
    from ruralgrid.plan import Batch, Plan

__all__ = ["Batches"]

Floats = NDArray[np.float64]

_NEW_LOW_HEAD = "0.4kV-hor4-80"


@dataclass
class Batches:
    """Writes the edits of all batches into the draft of an existing county."""

    plan: Plan
    existing: Existing
    new_stations: list[NewStation]
    rebuilt: set[int] = field(default_factory=set)
    tied: set[frozenset[int]] = field(default_factory=set)
    cut: set[int] = field(default_factory=set)
    voltage_pu: Floats = field(init=False)
    units: pd.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        """10 kV voltages, and name, type, tap and 10 kV node (`fed`) of the transformers there."""
        self.voltage_pu = self.existing.voltage_10kv_pu()
        row = {medium_node(name): k for k, name in enumerate(self.existing.fed["name"])}
        units = self.existing.draft.table("transformers").assign(
            fed=lambda t: t["hv_node"].map(row)
        )
        units = units.dropna(subset="fed").astype({"fed": np.int64})
        self.units = units[["name", "type", "tap", "fed"]].reset_index(drop=True)

    def draw(self) -> None:
        """Every batch in the order of its stage."""
        for batch in self.plan.batches:
            stations = [s for s in self.new_stations if s.stage == batch.year]
            outlets_km = sum(self._connect(batch, station) for station in stations)
            spurs_km = self._transformers(batch)
            self._low_voltage(batch)
            self._trunk(batch, batch.length_10kv_km - spurs_km - outlets_km)

    def _edit(
        self, batch: Batch, table: str, action: str, rows: list[dict[str, Any]], project: str
    ) -> None:
        self.existing.draft.edit(
            stage=batch.year,
            table=table,
            action=action,
            names=[row["name"] for row in rows],
            fields=[{k: v for k, v in row.items() if k != "name"} for row in rows]
            if action != "remove"
            else None,
            project=project,
            grade="assumed",
            source=f"batch {batch.year}: quantities stated, places assumed",
        )

    # new transformers and their spurs ----------------------------------------------------------

    def _transformers(self, batch: Batch) -> float:
        """New transformers of a batch; the length of their spurs [km]."""
        villages, hubs = self.existing.sites.villages, self.existing.areas.hubs
        of_village = villages.iloc[hubs["village"]].reset_index(drop=True)
        new = (
            (of_village["batch"] == batch.year)
            & (of_village["new_transformers"] > 0)
            & ((of_village["plan_class"] == LOW_VOLTAGE) | (hubs["number"] > 1))
        )
        rows, owners = hubs[new.to_numpy()], of_village[new.to_numpy()]
        project = f"batch {batch.year} transformers"
        names = [
            medium_node(name, number)
            for name, number in zip(owners["name"], rows["number"], strict=True)
        ]
        self._edit(batch, "nodes", "add", self._new_nodes(names, rows, owners), project)
        length = self._spurs(batch, rows, owners, names)
        series = self.existing.assumptions.text("new_transformer_series")
        types = [f"{series}-{kva}/10" for kva in self._ratings(rows, owners)]
        new = [f"{name.removesuffix('10kV')}新变" for name in names]
        at = self._fed_of(owners)
        tap = self.existing.tap(self.voltage_pu[at], types).tolist()
        built = pd.DataFrame({"name": new, "type": types, "tap": tap, "fed": at})
        self.units = pd.concat([self.units, built], ignore_index=True)
        self._edit(
            batch,
            "transformers",
            "add",
            [
                {"name": unit, "type": kind, "hv_node": name, "lv_node": hub, "tap": position}
                for unit, kind, name, hub, position in zip(
                    new, types, names, rows["name"], tap, strict=True
                )
            ],
            project,
        )
        return length

    def _new_nodes(
        self, names: list[str], rows: pd.DataFrame, owners: pd.DataFrame
    ) -> list[dict[str, Any]]:
        lon, lat = to_lon_lat(rows[["x", "y"]].to_numpy(), self.existing.land.origin)
        placed = zip(names, lon, lat, owners["town"], owners["name"], strict=True)
        return [
            {
                "name": name,
                "kv": 10.0,
                "kind": "junction",
                "lon_deg": x,
                "lat_deg": y,
                "town": town,
                "village": village,
            }
            for name, x, y, town, village in placed
        ]

    def _spurs(
        self, batch: Batch, rows: pd.DataFrame, owners: pd.DataFrame, names: list[str]
    ) -> float:
        villages = self.existing.sites.villages
        host = villages["name"].to_numpy()[owners["host"].to_numpy()]
        first = rows["number"].to_numpy() == 1
        start = [
            medium_node(h) if one else medium_node(own)
            for h, one, own in zip(host, first, owners["name"], strict=True)
        ]
        share = self.existing.assumptions["spur_share"]
        length = np.where(first, owners["tail_km"] * share, rows["link_km"])
        length = np.round(length / METRES) * METRES
        lines = [
            self._line(f"{name}支线", begin, name, km, "spur_10kv_conductor")
            for name, begin, km in zip(names, start, length, strict=True)
        ]
        self._edit(batch, "sections", "add", lines, f"batch {batch.year} spurs")
        return float(length.sum())

    def _line(
        self, name: str, start: str, end: str, km: float, conductor: str, open_: bool = False
    ) -> dict[str, Any]:
        """A new 10 kV section; `conductor` names the assumption that says its type."""
        return {
            "name": name,
            "from_node": start,
            "to_node": end,
            "conductor": self.existing.assumptions.text(conductor),
            "arrangement": MEDIUM_HEAD,
            "phases": "abc",
            "length_km": km,
            "span_m": self.existing.assumptions["span_10kv_m"],
            "normally_open": open_,
        }

    def _fed_of(self, owners: pd.DataFrame) -> NDArray[np.int64]:
        """The fed village whose 10 kV voltage holds: the owner's own, or its host's."""
        names = pd.Index(self.existing.sites.villages["name"])
        hosts = owners["host"].to_numpy()
        return np.where(hosts >= 0, hosts, names.get_indexer(owners["name"]))

    def _ratings(self, rows: pd.DataFrame, owners: pd.DataFrame) -> list[int]:
        assumptions = self.existing.assumptions
        households = rows["households"].to_numpy(dtype=float)
        wanted = households * assumptions["new_transformer_kva_per_household"]
        peak = peak_kw(np.maximum(households, 1), owners["kwh_each"].to_numpy(), assumptions)
        return [
            int(kva)
            for kva in rating_above(np.maximum(wanted, assumptions["kva_over_peak"] * peak))
        ]

    # 0.4 kV ------------------------------------------------------------------------------------

    def _low_voltage(self, batch: Batch) -> None:
        """Rebuild the villages' own lines with four wires; take tails and links down."""
        villages, hubs = self.existing.sites.villages, self.existing.areas.hubs
        points, assumptions = self.existing.areas.points, self.existing.assumptions
        village = hubs["village"].to_numpy()[points["hub"]]
        own = points[villages["batch"].to_numpy()[village] == batch.year]
        main = assumptions.text("rebuilt_0_4kv_main_conductor")
        branch = assumptions.text("rebuilt_0_4kv_branch_conductor")
        project = f"batch {batch.year} 0.4 kV"
        self._edit(
            batch,
            "sections",
            "change",
            [
                {
                    "name": low_section_name(name),
                    "conductor": main if below >= assumptions["main_least_households"] else branch,
                    "arrangement": _NEW_LOW_HEAD,
                    "phases": "abcn",
                    "span_m": assumptions["new_span_0_4kv_m"],
                }
                for name, below in zip(own["name"], own["below"], strict=True)
            ],
            project,
        )
        self._reconnect_households(batch, own, project)
        treated = villages[(villages["batch"] == batch.year) & (villages["new_transformers"] > 0)]
        low = treated[treated["plan_class"] == LOW_VOLTAGE]
        links = hubs[hubs["village"].isin(treated.index) & (hubs["number"] > 1)]
        gone = [tail_name(n) for n in low["name"]] + [link_name(n) for n in links["name"]]
        self._edit(batch, "sections", "remove", [{"name": name} for name in gone], project)

    def _reconnect_households(self, batch: Batch, points: pd.DataFrame, project: str) -> None:
        """Deal the meter boxes over the phases in turn once four wires are new."""
        before = self.existing.draft.table("consumers").set_index("name")["phases"]
        boxes = meter_boxes(points)
        after = pd.Series(phases_after(points, boxes), index=boxes["name"])
        moved = after[before.loc[after.index].to_numpy() != after.to_numpy()]
        rows = [{"name": name, "phases": phase} for name, phase in moved.items()]
        self._edit(batch, "consumers", "change", rows, project)

    # 10 kV trunk and ties ------------------------------------------------------------------------

    def _trunk(self, batch: Batch, budget_km: float) -> None:
        sites, assumptions = self.existing.sites, self.existing.assumptions
        fed = self.existing.fed
        works = plan_trunk(
            batch,
            budget_km,
            fed,
            sites.trees,
            sites.section_km,
            self.rebuilt,
            self.tied,
            self.cut,
            assumptions,
            list(self.plan.towns_of(batch)),
        )
        self._edit(
            batch,
            "sections",
            "change",
            [
                {
                    "name": section_name(fed["name"].iloc[k]),
                    "conductor": assumptions.text("rebuilt_10kv_conductor"),
                }
                for k in works.rebuilt
            ],
            f"batch {batch.year} trunk",
        )
        self._ties(batch, works, budget_km - float(sites.section_km[works.rebuilt].sum()))

    def _ties(self, batch: Batch, works: TrunkWorks, total_km: float) -> None:
        fed = self.existing.fed
        length = exact_lengths(works.tie_km, total_km)
        name = fed["name"].to_numpy()
        lines = [
            self._line(
                f"{name[a]}-{name[b]}10kV联络线",
                medium_node(name[a]),
                medium_node(name[b]),
                km,
                "rebuilt_10kv_conductor",
                open_=True,
            )
            for (a, b), km in zip(works.ties, length, strict=True)
        ]
        self._edit(batch, "sections", "add", lines, f"batch {batch.year} ties")

    # new stations ----------------------------------------------------------------------------

    def _connect(self, batch: Batch, station: NewStation) -> float:
        """Outlets of a new 35 kV station: it takes over what hangs behind the nearest villages.

        The nearest fed village and, for a second busbar, the largest branch behind it are cut from
        their feeder (the old section stays, normally open) and fed by an outlet of their own.
        """
        sites, fed = self.existing.sites, self.existing.fed
        points = fed[["x", "y"]].to_numpy()
        nearest = int(np.argmin(np.hypot(*(points - station.place).T)))
        below = sites.trees.below(fed["households"].to_numpy(dtype=float))
        children = np.flatnonzero(sites.trees.parent == nearest)
        heads = [nearest]
        if len(children) and len(station.busbars) > 1:
            heads.append(int(children[np.argmax(below[children])]))
        straight = np.hypot(*(points[heads] - station.place).T)
        detour = self.existing.assumptions["detour_10kv"]
        length = np.maximum(np.ceil(straight * detour / METRES) * METRES, 0.05)
        project = f"outlets of {station.name}"
        self._edit(
            batch,
            "sections",
            "change",
            [{"name": section_name(fed["name"].iloc[k]), "normally_open": True} for k in heads],
            project,
        )
        self.cut.update(heads)
        lines = [
            self._line(
                f"{bus}出线", bus, medium_node(fed["name"].iloc[head]), km, "rebuilt_10kv_conductor"
            )
            for bus, head, km in zip(station.busbars, heads, length, strict=False)
        ]
        self._edit(batch, "sections", "add", lines, project)
        self._set_taps_anew(batch, heads, project)
        return float(length.sum())

    def _set_taps_anew(self, batch: Batch, heads: list[int], project: str) -> None:
        """Taps of what a new station takes over: its busbar is near, the old one was far away."""
        trees = self.existing.sites.trees
        head_of = np.full(len(trees.parent), -1)
        for k in trees.order:
            up = trees.parent[k]
            head_of[k] = k if k in heads else head_of[up] if up >= 0 else -1
        own = head_of >= 0
        beyond = self.voltage_pu[own] - self.voltage_pu[head_of[own]]
        self.voltage_pu[own] = self.existing.assumptions["held_10kv_pu"] + beyond
        units = self.units[own[self.units["fed"].to_numpy()]]
        taps = self.existing.tap(self.voltage_pu[units["fed"]], list(units["type"]))
        rows = [
            {"name": name, "tap": int(tap)}
            for name, tap, before in zip(units["name"], taps, units["tap"], strict=True)
            if tap != before
        ]
        self.units.loc[units.index, "tap"] = taps
        self._edit(batch, "transformers", "change", rows, project)
