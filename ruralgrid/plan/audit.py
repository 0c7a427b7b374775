"""Where a plan contradicts itself: general rules over any plan, each a small pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ruralgrid.errors import require_kind
from ruralgrid.findings import Finding, Findings
from ruralgrid.plan import audit_hv, audit_money, audit_page, audit_sums
from ruralgrid.plan.facts import Plan

__all__ = ["audit"]

_RULES: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    audit_sums.sums_against_totals,
    audit_sums.totals_of_classes,
    audit_sums.batch_households,
    audit_sums.county_counts,
    audit_money.money_against_prices,
    audit_money.prices_that_fit,
    audit_money.price_order,
    audit_hv.prices_missing,
    audit_hv.stated_twice,
    audit_hv.hv_money_against_prices,
    audit_hv.hv_projects_that_fit,
    audit_hv.stations_named,
    audit_hv.station_price_per_mva,
    audit_page.lengths_against_distances,
    audit_page.conductor_classes,
    audit_page.transformer_ratings,
    audit_money.claim,
    audit_page.towns_of_batches,
    audit_page.page_notes,
)


def audit(plan: Plan) -> Findings:
    """Hold every figure of a plan against every other that speaks of the same thing.

    Parameters
    ----------
    plan : Plan
        As read by `read_plan`; it is not changed.

    Returns
    -------
    Findings
        A ``warning`` where two statements of the plan cannot both hold, a ``note`` where a figure
        is damaged, hidden or left open, and for what the figures imply (the prices that fit, the
        tariff and payback of the claim). `value` is what the parts give, `limit` what is stated,
        `where` the table and field, places counted from 1. A plan that agrees with itself gets no
        warning.

    Notes
    -----
    Money is held to half of its last printed digit, 0.005 x 10^4 yuan. A line's length is expected
    within 1.0 to 1.5 times the great-circle distance of its ends; what the stated accuracy of the
    positions can explain is a note.
    """
    require_kind(plan, Plan, "plan", "read_plan")
    return Findings(finding for rule in _RULES for finding in rule(plan))
