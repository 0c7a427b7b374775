"""Judgements: pure functions of a county's tables, a solution's frames and a set of limits."""

from ruralgrid.assess.access import (
    access_by_stage,
    access_findings,
    four_wire_access,
    four_wire_nodes,
)
from ruralgrid.assess.balancing import area_balance, balanced, best_moves, phase_moves
from ruralgrid.assess.buses import voltage_findings, voltage_summary
from ruralgrid.assess.claim import ClaimAnswer, ClaimCase, answer_claim
from ruralgrid.assess.gains import gain_between, gains
from ruralgrid.assess.loading import loading_findings, loading_table
from ruralgrid.assess.losses import (
    Levels,
    energy_balance,
    levels_of,
    loss_scopes,
    loss_table,
    savings,
    unbalance_factor,
)
from ruralgrid.assess.pass_rate import composite_pass_rate, pass_rates, point_classes
from ruralgrid.assess.quick_methods import equivalent_resistance_ohm, loss_hours, quick_methods
from ruralgrid.assess.radius import (
    chain_nodes,
    chain_voltages,
    radius_findings,
    supply_paths,
    supply_radius_areas,
    supply_radius_feeders,
)
from ruralgrid.assess.three_phase import (
    LIMITED_BY,
    MILL,
    Motor,
    capacity_between,
    three_phase_capacity,
)
from ruralgrid.assess.unbalance import unbalance_findings, unbalance_summary
from ruralgrid.assess.violations import (
    VIOLATION_COLUMNS,
    VIOLATION_KEY,
    VIOLATION_KINDS,
    compared_violations,
    voltage_violations,
    worst_first,
)
from ruralgrid.assess.voltage import drop_shares, village_findings, village_voltages

__all__ = [
    "LIMITED_BY",
    "MILL",
    "VIOLATION_COLUMNS",
    "VIOLATION_KEY",
    "VIOLATION_KINDS",
    "ClaimAnswer",
    "ClaimCase",
    "Levels",
    "Motor",
    "access_by_stage",
    "access_findings",
    "answer_claim",
    "area_balance",
    "balanced",
    "best_moves",
    "capacity_between",
    "chain_nodes",
    "chain_voltages",
    "compared_violations",
    "composite_pass_rate",
    "drop_shares",
    "energy_balance",
    "equivalent_resistance_ohm",
    "four_wire_access",
    "four_wire_nodes",
    "gain_between",
    "gains",
    "levels_of",
    "loading_findings",
    "loading_table",
    "loss_hours",
    "loss_scopes",
    "loss_table",
    "pass_rates",
    "phase_moves",
    "point_classes",
    "quick_methods",
    "radius_findings",
    "savings",
    "supply_paths",
    "supply_radius_areas",
    "supply_radius_feeders",
    "three_phase_capacity",
    "unbalance_factor",
    "unbalance_findings",
    "unbalance_summary",
    "village_findings",
    "village_voltages",
    "voltage_findings",
    "voltage_summary",
    "voltage_violations",
    "worst_first",
]
