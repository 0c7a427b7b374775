"""The claimed saving held against the load flow, in parts that add up.

::

    net = copper saved in lines + surcharge for unbalance saved + copper saved in transformers
          - no-load loss of new transformers + no-load saved in the others

Every part is loss before less loss after, so what is added counts negative. A part belongs to the
level at which the loss falls (a transformer's to its high side), whichever project causes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, Literal

import numpy as np
import pandas as pd

from ruralgrid.assess.losses import LOSS_PARTS, SCOPES, loss_difference
from ruralgrid.assess.tables import by_name
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.units import HOURS_PER_YEAR

__all__ = ["BASES", "CALIBRATIONS", "CLAIM_PARTS", "ClaimAnswer", "ClaimCase", "answer_claim"]

BASES: Final = ("as run", "equal energy")
"""As the stages were run; and at the energy that was served before the works."""

CALIBRATIONS: Final = ("low", "middle", "high")

CLAIM_PARTS: Final = {
    "lines": "line_kwh",
    "unbalance surcharge": "unbalance_surcharge_kwh",
    "transformer copper": "transformer_load_kwh",
    "no-load, new transformers": "transformer_no_load_kwh",
    "no-load, other transformers": "transformer_no_load_kwh",
}
"""The parts of the answer, and the kind of loss that each is taken from."""

_GROWS_WITH_LOAD: Final = ("lines", "unbalance surcharge", "transformer copper")
_NEW: Final = "no-load, new transformers"


@dataclass(frozen=True, eq=False)
class ClaimCase:
    """The losses before and after the works under one calibration.

    Parameters
    ----------
    calibration : {"low", "middle", "high"}
        Which calibration of the county this is.
    before, after : pandas.DataFrame
        `loss_table` of the first and the last stage, as run.
    after_equal : pandas.DataFrame
        `loss_table` of the last stage with its loads scaled so that it serves what was served
        before.
    new_no_load_kwh : mapping of float to float
        No-load loss of the transformers that the works add, by level [kV] of their high side
        [kWh a year, 0 or more].
    kwh_per_household : float
        Mean energy of a household under this calibration [kWh a year].
    before_equal : pandas.DataFrame, optional
        The first stage at the energy that both are compared at, if that is not its own.
    hours : int
        How many hours were solved; the energies are those of a year.
    """

    calibration: Literal["low", "middle", "high"]
    before: pd.DataFrame
    after: pd.DataFrame
    after_equal: pd.DataFrame
    new_no_load_kwh: Mapping[float, float]
    kwh_per_household: float
    before_equal: pd.DataFrame | None = None
    hours: int = HOURS_PER_YEAR


@dataclass(frozen=True, eq=False)
class ClaimAnswer:
    """What the load flow makes of a claimed saving.

    Parameters
    ----------
    claimed_kwh : float
        The claim [kWh a year].
    parts : pandas.DataFrame
        `calibration, basis, scope, part, level_kv, kwh`: positive is saved.
    nets : pandas.DataFrame
        `calibration, basis, scope, copper_kwh` (what grows with load), `no_load_kwh, net_kwh`
        (their sum), `share_of_claim` (net / claimed); what would have to be true for the claim:
        `scale_same_network` and `scale_same_voltage` (of the load; NaN where no load does it),
        `kwh_per_household, kwh_per_household_same_network, kwh_per_household_same_voltage`; and
        `hours`, by how many the calibration was solved.
    """

    claimed_kwh: float
    parts: pd.DataFrame = field(repr=False)
    nets: pd.DataFrame = field(repr=False)

    def net_kwh(
        self,
        calibration: str = "middle",
        *,
        basis: str = "equal energy",
        scope: str = "10 kV and below",
    ) -> float:
        """The net saving of one combination [kWh a year]."""
        return float(self._row(calibration, basis, scope)["net_kwh"])

    def band_kwh(
        self, *, basis: str = "equal energy", scope: str = "10 kV and below"
    ) -> tuple[float, float, float]:
        """Lowest net of the calibrations, the middle calibration's, highest [kWh a year].

        The low calibration need not save the least, so the ends are sorted.
        """
        rows = self.nets[(self.nets["basis"] == basis) & (self.nets["scope"] == scope)]
        middle = self.net_kwh("middle", basis=basis, scope=scope)
        return float(rows["net_kwh"].min()), middle, float(rows["net_kwh"].max())

    @property
    def finding(self) -> Literal["within the band", "above the band", "below the band"]:
        """Where the claim lies against the headline band (both ends closed)."""
        low, _, high = self.band_kwh()
        if self.claimed_kwh > high:
            return "above the band"
        return "below the band" if self.claimed_kwh < low else "within the band"

    @property
    def verdict(self) -> str:
        """One sentence with its figures: 10 kV and below, at equal energy served."""
        low, middle, high = self.band_kwh()
        lines, copper, new, others = self._headline()
        judged = {
            "within the band": "the claim lies within the band",
            "above the band": "the claim is more than the works can save",
            "below the band": "the claim is less than the works save",
        }[self.finding]
        return (
            f"Of the {self.claimed_kwh:,.0f} kWh a year claimed, the load flow finds {middle:,.0f} "
            f"kWh a year ({low:,.0f} to {high:,.0f}{self._ends()}) at 10 kV and below and equal "
            f"energy served: copper loss in lines {lines:+,.0f}, copper loss in transformers "
            f"{copper:+,.0f}, "
            f"no-load loss of new transformers {new:+,.0f}, of the others {others:+,.0f} "
            f"(+ saved, - added); {judged}{self._condition()}."
        )

    @property
    def verdict_zh(self) -> str:
        """`verdict` in Chinese."""
        low, middle, high = self.band_kwh()
        lines, copper, new, others = self._headline()
        judged = {
            "within the band": "声称值在计算范围之内",
            "above the band": "声称值高于工程所能节约的电量",
            "below the band": "声称值低于工程所节约的电量",
        }[self.finding]
        return (
            f"声称年节电 {self.claimed_kwh:,.0f} 千瓦时；潮流计算在 10 千伏及以下、相同供电量条件下"
            f"得 {middle:,.0f} 千瓦时（{low:,.0f} 至 {high:,.0f}{self._ends_zh()}），"
            f"其中线路铜损 {lines:+,.0f}，"
            f"变压器铜损 {copper:+,.0f}，新增变压器空载损耗 {new:+,.0f}，"
            f"其余变压器空载损耗 {others:+,.0f}（正为减少，负为增加）；"
            f"{judged}{self._condition_zh()}。"
        )

    def to_frame(self) -> pd.DataFrame:
        """The parts, and after those of each combination a row `net` that is their sum."""
        net = self.nets[["calibration", "basis", "scope", "net_kwh"]]
        net = net.rename(columns={"net_kwh": "kwh"}).assign(part="net", level_kv=np.nan)
        table = pd.concat([self.parts, net[self.parts.columns]], ignore_index=True)
        keys = ["calibration", "basis", "scope"]
        order = table[keys].apply(lambda column: column.map(_ORDER[str(column.name)]))
        return table.loc[order.sort_values(keys, kind="stable").index].reset_index(drop=True)

    def __repr__(self) -> str:
        return f"<ClaimAnswer: {self.verdict}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.verdict)}</p>"

    def _row(self, calibration: str, basis: str, scope: str) -> pd.Series:
        wanted = {"calibration": calibration, "basis": basis, "scope": scope}
        chosen = self.nets
        for key, value in wanted.items():
            if value not in set(chosen[key]):
                raise UnknownNameError(key, value, chosen[key].unique())
            chosen = chosen[chosen[key] == value]
        return chosen.iloc[0]

    def _headline(self) -> tuple[float, float, float, float]:
        """Lines with their surcharge, transformer copper, no-load of new and of other units."""
        headline = self.parts[
            (self.parts["calibration"] == "middle")
            & (self.parts["basis"] == "equal energy")
            & (self.parts["scope"] == "10 kV and below")
        ]
        kwh = headline.groupby("part")["kwh"].sum()
        lines, surcharge, copper, new, others = (float(kwh[part]) for part in CLAIM_PARTS)
        return lines + surcharge, copper, new, others

    @property
    def end_hours(self) -> int:
        """Hours that the ends of the band were solved by, where these are not those of its middle.

        0 where all calibrations were solved by the same hours.
        """
        hours = self.nets.drop_duplicates("calibration").set_index("calibration")["hours"]
        fewest = int(hours.min())
        return fewest if fewest < int(hours["middle"]) else 0

    def _ends(self) -> str:
        return f", the ends by {self.end_hours} hours" if self.end_hours else ""

    def _ends_zh(self) -> str:
        return f"，上下限按 {self.end_hours} 小时推算" if self.end_hours else ""

    def _condition(self) -> str:
        row = self._row("middle", "equal energy", "10 kV and below")
        scale, kwh = row["scale_same_network"], row["kwh_per_household_same_network"]
        if np.isnan(scale):
            return ", and no level of the load would make it true"
        return f", and would be met at {scale:.2f} times the load ({kwh:,.0f} kWh per household)"

    def _condition_zh(self) -> str:
        row = self._row("middle", "equal energy", "10 kV and below")
        scale, kwh = row["scale_same_network"], row["kwh_per_household_same_network"]
        if np.isnan(scale):
            return "，任何负荷水平下均不能与之相符"
        return f"，负荷为 {scale:.2f} 倍（每户 {kwh:,.0f} 千瓦时）时与之相符"


_ORDER: Final = {
    "calibration": {name: i for i, name in enumerate(CALIBRATIONS)},
    "basis": {name: i for i, name in enumerate(BASES)},
    "scope": {name: i for i, name in enumerate(SCOPES)},
}


def answer_claim(claimed_kwh: float, cases: Sequence[ClaimCase]) -> ClaimAnswer:
    """Hold a claimed saving against the losses before and after the works.

    What would have to be true for the claim C, by two readings of the scale s of the load, with a
    the copper parts and -b the no-load parts of the net saving:

    - the same network, more load: a s^2 - b = C, for copper loss grows with the square of the load;
    - the same voltages, more load (a network calibrated on its voltages has the less resistance the
      more load it carries): a s - b = C.

    Parameters
    ----------
    claimed_kwh : float
        The claim [kWh a year], above 0.
    cases : sequence of ClaimCase
        Each calibration once; `middle` is required, `low` and `high` make the band.

    Raises
    ------
    InputError
        If the claim is not above 0, a calibration is missing, unknown or given twice, or a figure
        is NaN.
    """
    if not claimed_kwh > 0:
        raise InputError(f"above 0 kWh is expected, got {claimed_kwh!r}", "claimed_kwh")
    names = [case.calibration for case in cases]
    for name in names:
        if name not in CALIBRATIONS:
            raise UnknownNameError("calibration", name, CALIBRATIONS, where="cases")
        if names.count(name) > 1:
            raise InputError(f"calibration {name!r} is given twice", "cases")
    if "middle" not in names:
        raise InputError(f"calibration 'middle' is required, got {names}", "cases")
    parts = pd.concat([_case_parts(case) for case in cases], ignore_index=True)
    if parts["kwh"].isna().any():
        row = parts[parts["kwh"].isna()].iloc[0]
        raise InputError(f"{row['part']} at {row['level_kv']:g} kV is NaN", row["calibration"])
    per_household = {str(case.calibration): case.kwh_per_household for case in cases}
    nets = _nets(parts, float(claimed_kwh), per_household)
    nets["hours"] = nets["calibration"].map({str(case.calibration): case.hours for case in cases})
    return ClaimAnswer(float(claimed_kwh), parts, nets)


def _case_parts(case: ClaimCase) -> pd.DataFrame:
    before_equal = case.before if case.before_equal is None else case.before_equal
    pieces = []
    for basis, before, after in (
        ("as run", case.before, case.after),
        ("equal energy", before_equal, case.after_equal),
    ):
        by_level = _parts_by_level(before, after, case.new_no_load_kwh, case.calibration)
        for scope, highest_kv in SCOPES.items():
            inside = by_level[by_level["level_kv"] <= highest_kv]
            labels = {"calibration": case.calibration, "basis": basis, "scope": scope}
            pieces.append(inside.assign(**labels))
    columns = ["calibration", "basis", "scope", "part", "level_kv", "kwh"]
    return pd.concat(pieces, ignore_index=True)[columns]


def _parts_by_level(
    before: pd.DataFrame, after: pd.DataFrame, new_no_load_kwh: Mapping[float, float], where: str
) -> pd.DataFrame:
    """`part, level_kv, kwh` of one pair of loss tables, highest level first."""
    old, new = (
        by_name(table.rename(columns={"level_kv": "name"}), f"losses, {where}", LOSS_PARTS)
        for table in (before, after)
    )
    saved = loss_difference(old, new, LOSS_PARTS)
    added = pd.Series(dict(new_no_load_kwh), dtype=float)
    stray = added.index.difference(saved.index)
    if len(stray):
        raise InputError(f"new transformers at {stray[0]:g} kV, a level without losses", where)
    if not (added >= 0).all():
        raise InputError(f"no-load energy of 0 or more is expected, got {added.min()!r}", where)
    added = added.reindex(saved.index).fillna(0.0)
    parts = {part: saved[column] for part, column in CLAIM_PARTS.items()}
    parts[_NEW] = -added
    parts["no-load, other transformers"] = saved["transformer_no_load_kwh"] + added
    table = pd.concat(parts, names=["part", "level_kv"]).rename("kwh")
    return table.reset_index()


def _nets(
    parts: pd.DataFrame, claimed_kwh: float, per_household: Mapping[str, float]
) -> pd.DataFrame:
    keys = ["calibration", "basis", "scope"]
    grows = parts["part"].isin(_GROWS_WITH_LOAD)
    by_case = parts.assign(
        copper_kwh=parts["kwh"].where(grows, 0.0), no_load_kwh=parts["kwh"].where(~grows, 0.0)
    ).groupby(keys, sort=False)
    nets = by_case[["copper_kwh", "no_load_kwh"]].sum().reset_index()
    nets["net_kwh"] = nets["copper_kwh"] + nets["no_load_kwh"]
    nets["share_of_claim"] = nets["net_kwh"] / claimed_kwh
    # C = a s^n - b has a solution only where copper is saved and C + b is not below 0
    needed = (claimed_kwh - nets["no_load_kwh"]) / nets["copper_kwh"].where(nets["copper_kwh"] > 0)
    needed = needed.where(needed >= 0)
    nets["scale_same_network"] = np.sqrt(needed)
    nets["scale_same_voltage"] = needed
    nets["kwh_per_household"] = nets["calibration"].map(dict(per_household))
    for reading in ("same_network", "same_voltage"):
        scale = nets[f"scale_{reading}"]
        nets[f"kwh_per_household_{reading}"] = nets["kwh_per_household"] * scale
    return nets
