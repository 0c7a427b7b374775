"""The county's customers: households at their service points, the others on busbars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.kinds import get_kind
from ruralgrid.county.synthesis.energy import rating_above
from ruralgrid.county.synthesis.existing import ASSUMED
from ruralgrid.county.synthesis.names import medium_node
from ruralgrid.county.synthesis.phases import meter_boxes, phases_before

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.existing import Existing

__all__ = ["Consumers"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Consumers:
    """Writes the customers of an existing network into its draft."""

    existing: Existing

    def draw(self) -> None:
        """Every kind of customer."""
        self._households()
        self._village_customers()
        self._large_customers()

    def _consumers(self, kind: str, names: list[str], nodes: list[str], **columns: object) -> None:
        self.existing.draft.add(
            "consumers",
            name=names,
            node=nodes,
            kind=kind,
            power_factor=get_kind(kind).power_factor,
            grade="assumed",
            source="energy and shares by kind: assumptions",
            **columns,
        )

    def _households(self) -> None:
        villages, hubs, points = (
            self.existing.sites.villages,
            self.existing.areas.hubs,
            self.existing.areas.points,
        )
        boxes = meter_boxes(points)
        row = hubs["village"].to_numpy()[points["hub"].to_numpy()[boxes["point"]]]
        existing = self.existing
        phases = phases_before(
            villages, hubs, points, boxes, existing.assumptions, existing.streams
        )
        self._consumers(
            "household",
            list(boxes["name"]),
            list(points["name"].to_numpy()[boxes["point"]]),
            village=list(villages["name"].to_numpy()[row]),
            count=boxes["count"].to_numpy(),
            kwh_per_year=boxes["count"].to_numpy() * villages["kwh_each"].to_numpy()[row],
            phases=list(phases),
        )

    def _village_customers(self) -> None:
        """Mills, farms, schools and clinics: on the low-voltage busbars of ordinary villages."""
        villages, hubs, kwh = (
            self.existing.sites.villages,
            self.existing.areas.hubs,
            self.existing.sites.demand.kwh,
        )
        ordinary = villages[villages["plan_class"] == ""]
        bus = hubs[hubs["number"] == 1].set_index("village")["name"]
        farms = ordinary.iloc[2::5] if len(ordinary) > 2 else ordinary
        schools = ordinary.drop_duplicates("of_admin")
        for kind, word, hosts in (
            ("three_phase_user", "动力", ordinary),
            ("farm", "养殖", farms),
            ("public", "公用", schools),
        ):
            self._consumers(
                kind,
                [f"{name}{word}" for name in hosts["name"]],
                list(bus.loc[hosts.index]),
                village=list(hosts["name"]),
                count=1,
                kwh_per_year=np.full(len(hosts), kwh[kind] / len(hosts)),
                phases="abc",
            )

    def _large_customers(self) -> None:
        """Pumps, shops, industry and street lights behind transformers of their own."""
        fed, kwh = self.existing.fed, self.existing.sites.demand.kwh
        assumed = self.existing.assumptions
        ordinary = fed[fed["plan_class"] == ""]
        heads = ordinary.drop_duplicates("of_admin")
        seats = heads.drop_duplicates("town")
        weight = seats["town"].map(fed.groupby("town")["population"].sum()).to_numpy(dtype=float)
        weight[seats["town"].to_numpy() == self._seat_town()] *= assumed["seat_weight"]
        pumps = heads.iloc[::3]
        for kind, word, hosts, share in (
            ("irrigation", "提灌站", pumps, np.ones(len(pumps))),
            ("commerce", "商业", seats, weight),
            ("industry", "工业", seats, weight),
        ):
            energy = kwh[kind] * share / share.sum()
            drawn = get_kind(kind)
            kva = energy / drawn.hours_of_use_h / drawn.power_factor / assumed["large_unit_loading"]
            units = np.maximum(np.ceil(kva / assumed["large_unit_most_kva"]), 1).astype(np.int64)
            self._dedicated(kind, word, hosts, energy, kva / units, units)
        self._consumers(
            "lighting",
            [f"{town}路灯" for town in seats["town"]],
            [f"{name}商业1号变0.4kV母线" for name in seats["name"]],
            village="",
            count=1,
            kwh_per_year=kwh["lighting"] * weight / weight.sum(),
            phases="abc",
        )

    def _seat_town(self) -> str:
        return self.existing.high.plan.county.seat

    def _dedicated(
        self,
        kind: str,
        word: str,
        hosts: pd.DataFrame,
        energy: Floats,
        kva: Floats,
        units: NDArray[np.int64],
    ) -> None:
        rows = hosts.iloc[np.repeat(np.arange(len(hosts)), units)]
        number = np.concatenate([np.arange(n) + 1 for n in units])
        labels = [f"{name}{word}{n}号变" for name, n in zip(rows["name"], number, strict=True)]
        buses = [f"{label}0.4kV母线" for label in labels]
        self.existing.add_nodes(
            buses, rows[["x", "y"]].to_numpy(), 0.4, "busbar", rows.assign(name="")
        )
        types = [f"S9-{r}/10" for r in np.repeat(rating_above(kva), units)]
        self.existing.draft.add(
            "transformers",
            name=labels,
            type=types,
            hv_node=[medium_node(name) for name in rows["name"]],
            lv_node=buses,
            tap=self.existing.tap(self.existing.voltage_10kv_pu()[rows.index], types),
            **ASSUMED,
        )
        self._consumers(
            kind,
            [f"{label}用户" for label in labels],
            buses,
            village="",
            count=1,
            kwh_per_year=np.repeat(energy / units, units),
            phases="abc",
        )
