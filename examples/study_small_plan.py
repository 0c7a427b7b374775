"""Study a plan of your own: read, audit, draw a county, study it, read the answer.

Run it as ``python examples/study_small_plan.py [PLAN]``; the plan is `small_plan` beside this file
by default, an invented county.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ruralgrid as rg


def main(plan_path: Path) -> None:
    """Print the stages, the verdict on the claim and the villages that stay low."""
    plan = rg.read_plan(plan_path)
    print(plan)
    for finding in rg.audit(plan).of_severity("warning"):
        print(f"  {finding.subject}: {finding.message}")

    county = rg.synthesise(plan, seed=1)
    print(county)

    study = rg.study(county, sensitivity_table=False)
    print(study.stages[["stage", "loss_percent", "villages_low", "households_low"]])
    if study.claim is not None:
        print(study.claim.verdict)
    print(f"Still low after the last batch: {len(study.still_low)} villages")
    for village in study.still_low.itertuples():
        print(f"  {village.village}: {village.v_min_v:.0f} V, at fault: {village.level_at_fault}")


if __name__ == "__main__":
    here = Path(__file__).parent
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else here / "small_plan")
