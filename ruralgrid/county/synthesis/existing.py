"""The county as it stands: 10 kV and 0.4 kV as rows of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ruralgrid.county.geography import to_lon_lat
from ruralgrid.county.synthesis import energy
from ruralgrid.county.synthesis.areas import Areas, old_conductors
from ruralgrid.county.synthesis.names import (
    link_name,
    low_section_name,
    medium_node,
    section_name,
    tail_name,
)
from ruralgrid.county.synthesis.phases import circuit_wires
from ruralgrid.county.synthesis.settlement import LOW_VOLTAGE, THREE_PHASE
from ruralgrid.county.synthesis.sites import FOUR_WIRE_OLD
from ruralgrid.equipment import get_conductor, get_transformer, line_parameters

if TYPE_CHECKING:
    from ruralgrid.county.synthesis.assumptions import Assumptions
    from ruralgrid.county.synthesis.draft import Draft, Streams
    from ruralgrid.county.synthesis.high_voltage import HighVoltage
    from ruralgrid.county.synthesis.places import Land
    from ruralgrid.county.synthesis.sites import Sites

__all__ = ["ASSUMED", "MEDIUM_HEAD", "Existing", "distribution_tap"]

Floats = NDArray[np.float64]

MEDIUM_HEAD = "10kV-tri-bare-80"
TWO_WIRE = "0.4kV-hor2-50"
ASSUMED = {"grade": "assumed", "source": "synthesised; the plan gives totals, no topology"}


@dataclass(frozen=True)
class Existing:
    """Writes the 10 kV and 0.4 kV networks and the villages into a draft."""

    sites: Sites
    areas: Areas
    land: Land
    assumptions: Assumptions
    streams: Streams
    draft: Draft
    high: HighVoltage

    def draw(self) -> None:
        """Lines, transformers and villages below the stations, as they stand before the works."""
        self._medium()
        self._low()
        self._transformers()
        self._villages()

    # 10 kV -----------------------------------------------------------------------------------

    @property
    def fed(self) -> pd.DataFrame:
        """The villages with a 10 kV node of their own."""
        return self.sites.villages.iloc[: len(self.sites.trees.parent)]

    def add_nodes(
        self, names: list[str], place: Floats, kv: float, kind: str, of: pd.DataFrame
    ) -> None:
        """Append nodes of one level at places [km], in the village and town of each row of `of`."""
        lon, lat = to_lon_lat(place, self.land.origin)
        self.draft.add(
            "nodes",
            name=names,
            kv=kv,
            kind=kind,
            lon_deg=lon,
            lat_deg=lat,
            town=list(of["town"]),
            village=list(of["name"]),
            **ASSUMED,
        )

    def feeder_bus(self) -> list[str]:
        """The busbar that each village's feeder leaves from."""
        fed = self.fed
        admin = self.sites.admin
        index = {name: k for k, name in enumerate(self.sites.stations["name"])}
        station = [index[name] for name in admin["station"]]
        busbar = [self.high.busbars(s)[b] for s, b in zip(station, admin["busbar"], strict=True)]
        return [busbar[k] for k in fed["of_admin"]]

    def _medium(self) -> None:
        fed, trees = self.fed, self.sites.trees
        names = [medium_node(name) for name in fed["name"]]
        self.add_nodes(names, fed[["x", "y"]].to_numpy(), 10.0, "junction", fed)
        busbar = self.feeder_bus()
        below = trees.below(fed["households"].to_numpy(dtype=float))
        wires = self.assumptions.ladder("feeder_conductors")
        self.draft.add(
            "sections",
            name=[section_name(name) for name in fed["name"]],
            from_node=[busbar[k] if up < 0 else names[up] for k, up in enumerate(trees.parent)],
            to_node=names,
            conductor=[wires.at(n) for n in below],
            arrangement=MEDIUM_HEAD,
            phases="abc",
            length_km=self.sites.section_km,
            span_m=self.assumptions["span_10kv_m"],
            grade="assumed",
            source="total length stated; route, ends and conductor synthesised",
        )

    def voltage_10kv_pu(self) -> Floats:
        """Rough 10 kV voltage at each fed village at two thirds of the peak, to choose its tap."""
        fed, trees = self.fed, self.sites.trees
        ladder = self.assumptions.ladder("feeder_conductors")
        wires = {c: line_parameters(get_conductor(c), MEDIUM_HEAD) for c in ladder.choices}
        below = trees.below(fed["households"].to_numpy(dtype=float))
        kw_each = self.sites.demand.peak_mw * 1000 * 2 / 3 / self.sites.villages["households"].sum()
        conductor = [ladder.at(n) for n in below]
        ohm = np.array([wires[c].r_ohm_per_km + 0.45 * wires[c].x_ohm_per_km for c in conductor])
        drop = trees.along(below * kw_each * ohm * self.sites.section_km / 1000 / 100)
        return self.assumptions["held_10kv_pu"] - drop

    def tap(self, voltage_10kv_pu: Floats, types: list[str]) -> NDArray[np.int64]:
        """Taps of distribution transformers; see `distribution_tap`."""
        wanted = self.assumptions["low_voltage_no_load_pu"]
        return distribution_tap(voltage_10kv_pu, types, wanted)

    # 0.4 kV ----------------------------------------------------------------------------------

    def _low(self) -> None:
        villages, hubs, points = self.sites.villages, self.areas.hubs, self.areas.points
        of_hub = villages.iloc[hubs["village"]]
        self.add_nodes(list(hubs["name"]), hubs[["x", "y"]].to_numpy(), 0.4, "busbar", of_hub)
        row = hubs["village"].to_numpy()[points["hub"]]
        place = points[["x", "y"]].to_numpy()
        self.add_nodes(list(points["name"]), place, 0.4, "service_point", villages.iloc[row])
        phases = circuit_wires(villages, hubs, points)
        span = self.assumptions["span_0_4kv_m"]
        self.draft.add(
            "sections",
            name=[low_section_name(name) for name in points["name"]],
            from_node=list(points["parent"]),
            to_node=list(points["name"]),
            conductor=old_conductors(villages, hubs, points, self.assumptions, self.streams),
            arrangement=list(np.where(phases == "abcn", FOUR_WIRE_OLD, TWO_WIRE)),
            phases=list(phases),
            length_km=points["length_km"].to_numpy(),
            span_m=span,
            grade="assumed",
            source="total length stated; route, ends and conductor synthesised",
        )
        self._links(span)
        self._tails(span)

    def _links(self, span_m: float) -> None:
        villages, hubs = self.sites.villages, self.areas.hubs
        further = hubs[hubs["number"] > 1]
        if further.empty:
            return
        of_village = villages.iloc[further["village"]]
        two_wire = (of_village["plan_class"] == THREE_PHASE).to_numpy()
        phase = np.array(["an", "bn", "cn"])[(further["number"].to_numpy() - 1) % 3]
        first = hubs[hubs["number"] == 1].set_index("village")["name"]
        self.draft.add(
            "sections",
            name=[link_name(name) for name in further["name"]],
            from_node=list(first.loc[further["village"]]),
            to_node=list(further["name"]),
            conductor=list(
                np.where(
                    two_wire,
                    self.assumptions.text("link_conductor_three_phase"),
                    self.assumptions.text("link_conductor"),
                )
            ),
            arrangement=list(np.where(two_wire, TWO_WIRE, FOUR_WIRE_OLD)),
            phases=list(np.where(two_wire, phase, "abcn")),
            length_km=further["link_km"].to_numpy(),
            span_m=span_m,
            **ASSUMED,
        )

    def _tails(self, span_m: float) -> None:
        villages, hubs = self.sites.villages, self.areas.hubs
        low = villages[villages["plan_class"] == LOW_VOLTAGE]
        if low.empty:
            return
        first = hubs[hubs["number"] == 1].set_index("village")["name"]
        self.draft.add(
            "sections",
            name=[tail_name(name) for name in low["name"]],
            from_node=list(first.loc[low["host"]]),
            to_node=list(first.loc[low.index]),
            conductor=list(low["tail_conductor"]),
            arrangement=FOUR_WIRE_OLD,
            phases="abcn",
            length_km=low["tail_km"].to_numpy(),
            span_m=span_m,
            grade="assumed",
            source="a low-voltage village of the plan hangs on a tail; its length is calibrated",
        )

    def _transformers(self) -> None:
        fed, hubs = self.fed, self.areas.hubs
        assumed, rng = self.assumptions, self.streams("transformers")
        luck, series = rng.random(len(fed)), rng.random(len(fed))
        households = fed["households"].to_numpy(dtype=float)
        carried = households.copy()
        low = self.sites.villages[self.sites.villages["plan_class"] == LOW_VOLTAGE]
        np.add.at(carried, low["host"].to_numpy(), low["households"].to_numpy(dtype=float))
        peak = energy.peak_kw(carried, fed["kwh_each"].to_numpy(), assumed)
        wanted = np.maximum(
            households
            * assumed["kva_per_household"]
            * (1 + assumed["kva_spread"] * (2 * luck - 1)),
            assumed["kva_over_peak"] * peak,
        )
        s7, s11 = assumed["share_s7"], assumed["share_s11"]
        of_series = np.select([series < s7, series > 1 - s11], ["S7", "S11"], default="S9")
        types = [
            f"{s}-{kva}/10" for s, kva in zip(of_series, energy.rating_above(wanted), strict=True)
        ]
        first = hubs[hubs["number"] == 1].set_index("village")["name"]
        self.draft.add(
            "transformers",
            name=[f"{name}1号变" for name in fed["name"]],
            type=types,
            hv_node=[medium_node(name) for name in fed["name"]],
            lv_node=list(first.loc[fed.index]),
            tap=self.tap(self.voltage_10kv_pu(), types),
            **ASSUMED,
        )

    def _villages(self) -> None:
        villages = self.sites.villages
        treated = (villages["batch"] > 0).to_numpy()
        self.draft.add(
            "villages",
            **{
                name: villages[name].to_numpy()
                for name in (
                    "name",
                    "town",
                    "admin_village",
                    "households",
                    "population",
                    "batch",
                    "plan_class",
                )
            },
            grade="assumed",
            source=np.where(
                treated,
                "households and villages of the batch stated; which village is drawn",
                "people of the county stated; where they live is drawn",
            ),
        )


def distribution_tap(
    voltage_10kv_pu: Floats, types: list[str], wanted_pu: float
) -> NDArray[np.int64]:
    """Tap position of each transformer that brings its low voltage at no load nearest to a wanted.

    Parameters
    ----------
    voltage_10kv_pu : array
        Voltage at the high side [pu of 10 kV].
    types : list of str
        Types of the catalogue; the ratio of each gives 0.4 kV at 10 kV on the middle tap.
    wanted_pu : float
        Wanted low voltage at no load [pu of 0.4 kV].
    """
    taps = []
    for voltage, kind in zip(voltage_10kv_pu, types, strict=True):
        unit = get_transformer(kind)
        positions = np.arange(unit.tap_min, unit.tap_max + 1)
        ratio = voltage / (1 + unit.tap_step_percent / 100 * positions)
        taps.append(int(positions[np.argmin(np.abs(ratio - wanted_pu))]))
    return np.array(taps, dtype=np.int64)
