"""The answer in a few figures and sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ruralgrid.report.page.more_charts import low_limit_v
from ruralgrid.report.page.words import Pair, pair

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.assess import ClaimAnswer
    from ruralgrid.studies import Study

__all__ = ["Figure", "figures", "rests_on", "sentences"]

_MV_BELOW_KV: Final = 35.0
_WIRES: Final = ("four_wire", "balanced")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the top of the report.

    Parameters
    ----------
    label : (str, str)
        What it is.
    before, after : str
        The number before and after the works; `before` is empty where there is one only.
    unit : str
    notes : list of (str, str)
        Small print.
    """

    label: Pair
    before: str
    after: str
    unit: str
    notes: list[Pair]


def figures(study: Study) -> list[Figure]:
    """Households and villages low, loss, and the saving where there is a claim."""
    first, last = study.stages.iloc[0], study.stages.iloc[-1]
    villages = study.villages[study.villages["stage"] == first["stage"]]
    homes = f"{int(villages['households'].sum()):,}"
    shown = [
        _change("kpi.households", study.stages["households_low"], _of_count("households", homes)),
        _change(
            "kpi.villages",
            study.stages["villages_low"],
            _of_count("villages", f"{len(villages):,}"),
        ),
    ]
    all_levels = {"before": f"{first['loss_percent']:.2f}", "after": f"{last['loss_percent']:.2f}"}
    rates = [_mv_loss_percent(study, int(stage)) for stage in study.stages["stage"]]
    before = f"{rates[0]:.2f}" if len(rates) > 1 else ""
    notes = [pair("kpi.all_levels", all_levels)]
    shown.append(Figure(pair("kpi.loss"), before, f"{rates[-1]:.2f}", "%", notes))
    if study.claim is not None:
        low, net, high = study.claim.band_kwh()
        notes = [
            pair("kpi.claimed", {"claimed": f"{study.claim.claimed_kwh:,.0f}"}),
            _band(study.claim, {"low": _signed(low), "high": _signed(high)}),
        ]
        shown.append(Figure(pair("kpi.saving"), "", _signed(net), "", notes))
    return shown


def _band(claim: ClaimAnswer, ends: dict[str, str]) -> Pair:
    """The band, with the hours of its ends where these are others than its middle's."""
    if not claim.end_hours:
        return pair("kpi.band", ends)
    return pair("kpi.band_hours", {**ends, "hours": str(claim.end_hours)})


def _of_count(of: str, count: str) -> Pair:
    """How many there are in all."""
    return pair(f"kpi.of_{of}", {"count": count})


def _change(key: str, counts: pd.Series, note: Pair) -> Figure:
    first, last = f"{int(counts.iloc[0]):,}", f"{int(counts.iloc[-1]):,}"
    return Figure(pair(key), first if len(counts) > 1 else "", last, "", [note])


def _mv_loss_percent(study: Study, stage: int) -> float:
    """Loss at 10 kV and below of what is fed into 10 kV, or into the level below if there is none.

    The rate that the statistics of a rural utility speak of.
    """
    losses = study.losses[study.losses["stage"] == stage]
    below = losses[losses["level_kv"] < _MV_BELOW_KV].sort_values("level_kv", ascending=False)
    fed = float(below["fed_kwh"].iloc[0]) if len(below) else float("nan")
    return 100 * float(below["total_kwh"].sum()) / fed


def sentences(study: Study) -> dict[str, list[Pair]]:
    """``answer``: how many are low, and what low means; ``verdict``: on the claim."""
    first, last = study.stages.iloc[0], study.stages.iloc[-1]
    counts = {
        "before": f"{int(first['households_low']):,}",
        "villages_before": f"{int(first['villages_low']):,}",
        "after": f"{int(last['households_low']):,}",
        "villages_after": f"{int(last['villages_low']):,}",
    }
    one = {"count": counts["before"], "villages": counts["villages_before"]}
    several = len(study.stages) > 1
    key = "answer.low" if counts["after"] != "0" else "answer.low_none"
    said = [pair(key, counts) if several else pair("answer.low_one", one)]
    rule = study.limits.limit("low_voltage_hours")
    definition = {
        "volts": f"{low_limit_v(study):.0f}",
        "hours": f"{rule.value:g}",
        "clause": study.limits.band(0.4).clause,
    }
    return {"answer": [*said, pair("answer.definition", definition)], "verdict": _verdict(study)}


def _verdict(study: Study) -> list[Pair]:
    if study.claim is None:
        return [pair("answer.no_claim")]
    said = [(study.claim.verdict, study.claim.verdict_zh)]
    both = study.claim_with_projects
    if both is not None and both.net_kwh() != study.claim.net_kwh():
        every = both.net_kwh(scope="all levels")
        words = {"net": _signed(both.net_kwh()), "all": _signed(every)}
        said.append(pair("answer.with_projects", words))
    return said


def _signed(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−")


def rests_on(study: Study) -> list[Pair]:
    """What the answer would change with."""
    assumed = study.county.assumptions.set_index("parameter")["value"]
    said = []
    entry = {name: assumed.get(f"entry_voltage_{name}_v") for name in ("low", "middle", "high")}
    if study.claim is not None and all(value is not None for value in entry.values()):
        words = {name: f"{float(str(value)):g}" for name, value in entry.items()}
        said.append(pair("rests.calibration", words))
    if study.claim is not None:
        nets = study.claim.nets
        kwh = nets.loc[nets["calibration"] == "middle", "kwh_per_household"].iloc[0]
        said += [pair("rests.energy", {"kwh": f"{kwh:,.0f}"}), pair("rests.equal")]
    surcharge = assumed.get("unbalance_surcharge_percent")
    if len(study.phases):
        first = study.phases.iloc[0]
        words = {name: f"{int(first[f'households_low_{name}']):,}" for name in _WIRES}
        said.append(pair("rests.four_wire", words))
    elif surcharge is not None:
        said.append(pair("rests.unbalance", {"percent": f"{float(str(surcharge)):g}"}))
    return [*said, pair("rests.technical")]
