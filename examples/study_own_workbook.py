"""Study your own workbook: ``study_own_workbook.py [WORKBOOK]``; without one, the filled example.

The example (two invented feeders) is written first, as ``ruralgrid template`` writes it: open it in
a spreadsheet, put your own county in its place, and run this again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ruralgrid as rg
from ruralgrid.county.files import read_county
from ruralgrid.county.template import write_template
from ruralgrid.county.validate import validate


def main(workbook: Path) -> None:
    """Read, validate, study, and write the results beside the workbook."""
    if not workbook.exists():
        write_template(workbook, example=True)
        print(f"the example is in {workbook}")
    county = read_county(workbook)
    print(county)

    findings = validate(county)
    for finding in findings:
        print(f"  {finding.severity}: {finding.subject}: {finding.message}")
    if findings.of_severity("error"):
        sys.exit("correct the errors first")

    study = rg.study(county, progress=False)
    print(study.stages[["stage", "loss_percent", "villages_low", "households_low"]].round(2))
    for village in study.villages[study.villages["status"] == "low"].itertuples():
        print(f"  stage {village.stage}: {village.village}: {village.v_min_v:.0f} V")
    written = study.write(workbook.with_suffix(""))
    print(f"{len(written)} files written into {workbook.with_suffix('')}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("my_county.xlsx"))
