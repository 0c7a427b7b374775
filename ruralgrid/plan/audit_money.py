"""Rules of the audit on the money of the batches and on the claim.

The money of a batch is ``l10 p10 + l04 p04 + n pt``: lengths of 10 and 0.4 kV [km], transformers,
and the unit prices [10^4 yuan]. Where it is not, the prices are sought that make it so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise

from ruralgrid.findings import Finding
from ruralgrid.plan.facts import Batch, Plan
from ruralgrid.plan.figures import TOLERANCE, difference, number
from ruralgrid.units import HOURS_PER_YEAR, KILO, YUAN_PER_WAN

__all__ = ["claim", "money_against_prices", "price_order", "prices_that_fit"]

ROUND_PRICE_WAN = 0.5
"""A price that is a multiple of this [10^4 yuan] is one that a planner may have used."""


@dataclass(frozen=True, slots=True)
class _Priced:
    """A batch with its money, and the prices as printed."""

    batch: Batch
    money: float
    p10: float
    p04: float
    pt: float

    @property
    def cost(self) -> float:
        return self.cost_at(self.p10, self.p04)

    @property
    def lines_money(self) -> float:
        """What is left for lines once the transformers are paid as printed."""
        return self.money - self.pt * self.batch.transformers

    @property
    def differs(self) -> bool:
        return abs(self.cost - self.money) > TOLERANCE

    def cost_at(self, p10: float, p04: float) -> float:
        batch = self.batch
        lines = p10 * batch.length_10kv_km + p04 * batch.length_0_4kv_km
        return lines + self.pt * batch.transformers

    def meets(self, p10: float, p04: float) -> bool:
        return abs(self.cost_at(p10, p04) - self.money) <= TOLERANCE


def _priced(plan: Plan) -> list[_Priced]:
    prices = plan.unit_prices
    p10, p04 = prices.line_10kv_wan_per_km, prices.line_0_4kv_wan_per_km
    pt = prices.distribution_transformer_wan
    if p10 is None or p04 is None or pt is None:
        return []
    return [
        _Priced(batch, batch.money_wan, p10, p04, pt)
        for batch in plan.batches
        if batch.money_wan is not None
    ]


def money_against_prices(plan: Plan) -> Iterator[Finding]:
    """`money-differs`: money of each batch, and of all, against unit prices times quantities."""
    priced = _priced(plan)
    wrong = [item for item in priced if item.differs]
    for item in wrong:
        batch = item.batch
        yield Finding(
            code="money-differs",
            subject=f"batch {batch.year}",
            message=(
                f"{number(batch.length_10kv_km)} km of 10 kV at {number(item.p10)}, "
                f"{number(batch.length_0_4kv_km)} km of 0.4 kV at {number(item.p04)} and "
                f"{batch.transformers} transformers at {number(item.pt)} cost {number(item.cost)}, "
                f"stated are {number(item.money)}: {difference(item.money, item.cost)}."
            ),
            value=round(item.cost, 4),
            limit=item.money,
            unit="10^4 yuan",
            where=f"batch[{batch.year}].money",
        )
    if wrong and len(priced) == len(plan.batches) > 1:
        cost, money = sum(item.cost for item in priced), sum(item.money for item in priced)
        yield Finding(
            code="money-of-all-batches",
            subject="all batches",
            message=(
                f"At the unit prices all batches cost {number(cost)}, their money adds up to "
                f"{number(money)}: {difference(money, cost)}; the batches one by one are off by "
                f"{', '.join(f'{item.money - item.cost:+,.2f}' for item in priced)}."
            ),
            value=round(cost, 4),
            limit=round(money, 4),
            unit="10^4 yuan",
            severity="note",
            where="batch.money",
        )


def prices_that_fit(plan: Plan) -> Iterator[Finding]:
    """`prices-fit`, `prices-shared`, `prices-least-squares`: at which prices the money fits."""
    priced = _priced(plan)
    wrong = [item for item in priced if item.differs]
    for item in wrong:
        yield _fit_of_one(item)
    if wrong:
        yield from _shared(priced)
        yield from _least_squares(priced)


def _fit_of_one(item: _Priced) -> Finding:
    batch = item.batch
    l10, l04, count = batch.length_10kv_km, batch.length_0_4kv_km, batch.transformers
    gap = item.money - item.cost
    fits = [
        ("0.4 kV", "10^4 yuan/km", item.p04 + gap / l04 if l04 else None),
        ("10 kV", "10^4 yuan/km", item.p10 + gap / l10 if l10 else None),
        (
            "10 and 0.4 kV alike",
            "10^4 yuan/km",
            item.lines_money / (l10 + l04) if l10 + l04 else None,
        ),
        ("transformer", "10^4 yuan", item.pt + gap / count if count else None),
    ]
    weights = {"0.4 kV": l04, "10 kV": l10, "10 and 0.4 kV alike": l10 + l04, "transformer": count}
    words = [
        f"{name} at {price:.2f}{' (a round price)' if _is_round(price, weights[name]) else ''}"
        for name, _, price in fits
        if price is not None and price > 0
    ]
    never = [name for name, _, price in fits if price is not None and price <= 0]
    met = f"is met by {', or '.join(words)}" if words else "is met by no single price"
    text = f"The money {met}, the other prices as printed"
    text += f"; no price of {' or '.join(never)} alone can meet it." if never else "."
    rounds = [
        f"{name} {price:.2f}"
        for name, _, price in fits
        if price is not None and price > 0 and _is_round(price, weights[name])
    ]
    return Finding(
        code="prices-fit",
        subject=f"batch {batch.year}",
        message=text,
        value=rounds[0] if rounds else words[0] if words else None,
        limit=f"10 kV {number(item.p10)}, 0.4 kV {number(item.p04)}, transformer {number(item.pt)}",
        unit="10^4 yuan",
        severity="note",
        where=f"unit_prices, batch[{batch.year}].money",
    )


def _is_round(price: float, quantity: float) -> bool:
    near = _rounded(price)
    return near > 0 and abs(near - price) * quantity <= TOLERANCE


def _rounded(price: float) -> float:
    return round(price / ROUND_PRICE_WAN) * ROUND_PRICE_WAN


def _shared(priced: list[_Priced]) -> Iterator[Finding]:
    """Round prices of 10 and 0.4 kV that meet the money of two batches or more."""
    seen: set[tuple[float, float]] = set()
    for one, other in combinations(priced, 2):
        solved = _solve_two(
            (one.batch.length_10kv_km, one.batch.length_0_4kv_km, one.lines_money),
            (other.batch.length_10kv_km, other.batch.length_0_4kv_km, other.lines_money),
        )
        if solved is None:
            continue
        p10, p04 = _rounded(solved[0]), _rounded(solved[1])
        years = [item.batch.year for item in priced if item.meets(p10, p04)]
        if min(p10, p04) <= 0 or len(years) < 2 or (p10, p04) in seen:
            continue
        seen.add((p10, p04))
        if (p10, p04) == (one.p10, one.p04):
            continue
        yield Finding(
            code="prices-shared",
            subject=f"batches {', '.join(map(str, years))}",
            message=(
                f"The money of batches {' and '.join(map(str, years))} is exact at {number(p10)} "
                f"for 10 kV and {number(p04)} for 0.4 kV, printed are {number(one.p10)} and "
                f"{number(one.p04)}: these batches were priced by another list."
            ),
            value=f"10 kV {number(p10)}, 0.4 kV {number(p04)}",
            limit=f"10 kV {number(one.p10)}, 0.4 kV {number(one.p04)}",
            unit="10^4 yuan/km",
            severity="note",
            where="unit_prices, batch.money",
        )


def _least_squares(priced: list[_Priced]) -> Iterator[Finding]:
    """One pair of line prices over all batches: the least squares of the money's residuals."""
    rows = [(i.batch.length_10kv_km, i.batch.length_0_4kv_km, i.lines_money) for i in priced]
    solved = _solve_two(
        (
            sum(a * a for a, _, _ in rows),
            sum(a * b for a, b, _ in rows),
            sum(a * m for a, _, m in rows),
        ),
        (
            sum(a * b for a, b, _ in rows),
            sum(b * b for _, b, _ in rows),
            sum(b * m for _, b, m in rows),
        ),
    )
    if solved is None or len(rows) < 3:
        return
    p10, p04 = solved
    gaps = ", ".join(f"{item.money - item.cost_at(p10, p04):+,.0f}" for item in priced)
    first = priced[0]
    impossible = (
        " A negative price cannot be: no one pair explains the money." if min(solved) < 0 else ""
    )
    yield Finding(
        code="prices-least-squares",
        subject="all batches",
        message=(
            f"The pair of line prices nearest to the money of all batches is {p10:.2f} for 10 kV "
            f"and {p04:.2f} for 0.4 kV; it leaves {gaps}.{impossible}"
        ),
        value=f"10 kV {p10:.2f}, 0.4 kV {p04:.2f}",
        limit=f"10 kV {number(first.p10)}, 0.4 kV {number(first.p04)}",
        unit="10^4 yuan/km",
        severity="note",
        where="unit_prices, batch.money",
    )


def _solve_two(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float] | None:
    """x, y of ``a x + b y = c`` for two rows (a, b, c), by Cramer's rule; None where singular."""
    (a, b, c), (d, e, f) = one, other
    scale = abs(a * e) + abs(b * d)
    determinant = a * e - b * d
    if abs(determinant) <= 1e-9 * scale or not scale:
        return None
    return (c * e - b * f) / determinant, (a * f - c * d) / determinant


def price_order(plan: Plan) -> Iterator[Finding]:
    """`price-order`: a line that is no dearer than one of a lower voltage."""
    prices = plan.unit_prices
    levels = [
        kv for kv in (0.4, 10.0, 35.0, 110.0, 330.0) if prices.line_wan_per_km(kv) is not None
    ]
    for lower, upper in pairwise(levels):
        low, high = prices.line_wan_per_km(lower), prices.line_wan_per_km(upper)
        if low is None or high is None or high > low:
            continue
        yield Finding(
            code="price-order",
            subject=f"lines of {lower:g} and {upper:g} kV",
            message=(
                f"A km of {lower:g} kV is priced at {number(low)}, a km of {upper:g} kV at "
                f"{number(high)}: the higher voltage is not the dearer one."
            ),
            value=low,
            limit=high,
            unit="10^4 yuan/km",
            severity="note",
            where="unit_prices",
        )


def claim(plan: Plan) -> Iterator[Finding]:
    """`claim-tariff`, `claim-payback`, `claim-spread`: what the claimed saving implies."""
    kwh, relief = plan.claims.energy_saved_kwh_per_year, plan.claims.relief_yuan_per_year
    if kwh and relief:
        yield _note(
            "claim-tariff",
            f"{relief:,.0f} yuan for {kwh:,.0f} kWh a year is {relief / kwh:.3f} yuan/kWh.",
            round(relief / kwh, 4),
            "yuan/kWh",
        )
    batches = plan.sums.money_distribution_wan
    money_hv = plan.stated_totals.money_hv_wan
    scopes = [("the batches", batches)]
    if batches and money_hv:
        scopes.append(("the batches and the works of 35 kV and above", batches + money_hv))
    for scope, money in scopes:
        if money and relief:
            yuan = money * YUAN_PER_WAN
            saved = f", {kwh / yuan:.4f} kWh a year for each yuan" if kwh else ""
            yield _note(
                "claim-payback",
                f"At {relief:,.0f} yuan a year, the {number(money)} x 10^4 yuan of {scope} are "
                f"paid back in {yuan / relief:,.0f} years{saved}.",
                round(yuan / relief, 1),
                "years",
            )
    if kwh:
        yield from _spread(plan, kwh)


def _spread(plan: Plan, kwh: float) -> Iterator[Finding]:
    households, count = plan.sums.households, plan.sums.transformers
    if households:
        yield _note(
            "claim-spread",
            f"The claim is {kwh / households:,.1f} kWh a year for each of the {households:,} "
            "households of the batches.",
            round(kwh / households, 2),
            "kWh a year",
        )
    if count:
        watts = kwh / count / HOURS_PER_YEAR * KILO
        yield _note(
            "claim-spread",
            f"The claim is {kwh / count:,.0f} kWh a year, or {watts:,.0f} W at every hour, for "
            f"each of the {count:,} new transformers; their own no-load loss comes off first.",
            round(watts, 1),
            "W",
        )


def _note(code: str, text: str, value: float, unit: str) -> Finding:
    return Finding(code, "claim", text, value, None, unit, "note", "claims")
