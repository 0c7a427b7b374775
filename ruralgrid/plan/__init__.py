"""A county's plan: its facts as records, read and checked at the door, and audited against itself.

>>> from ruralgrid.plan import audit, read_plan
>>> findings = audit(read_plan("ningxian"))
"""

from __future__ import annotations

from ruralgrid.plan.audit import audit
from ruralgrid.plan.facts import Batch, Place, Plan, Township, Works
from ruralgrid.plan.read import list_plans, read_plan

__all__ = ["Batch", "Place", "Plan", "Township", "Works", "audit", "list_plans", "read_plan"]
