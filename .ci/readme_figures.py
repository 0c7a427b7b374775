"""Hold the README's printed answer against a study: ``python .ci/readme_figures.py OUT``.

OUT is the folder that ``ruralgrid study ningxian --out OUT`` wrote. The report has to stay light.
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_REPORT_BYTES = 5 * 2**20


def main() -> int:
    """Name every figure that is another one now; 1 if there is any."""
    out = Path(sys.argv[1])
    wrong = faults(ROOT / "README.md", out)
    size = (out / "report.html").stat().st_size
    if size > MOST_REPORT_BYTES:
        wrong.append(f"report.html has {size:,} bytes, expected at most {MOST_REPORT_BYTES:,}")
    sys.stdout.writelines(f"{fault}\n" for fault in wrong)
    return 1 if wrong else 0


def faults(readme: Path, out: Path) -> list[str]:
    """Rows of the printed table of stages that are not those of the study.

    Another machine rounds otherwise: a household at its limit may fall on the other side.
    """
    text = readme.read_text(encoding="utf-8")
    printed = re.findall(r"(?m)^\d +(\d) +(\d+) +(\d+) +([\d.]+)$", text)
    with (out / "stages.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("stage", "villages_low", "households_low", "loss_percent")
    found = [[float(row[name]) for name in names] for row in rows]
    shown = [[float(figure) for figure in row] for row in printed]
    same = len(found) == len(shown) and all(
        mine[0] == other[0]
        and abs(mine[1] - other[1]) <= 1
        and abs(mine[2] - other[2]) <= max(10, 0.005 * other[2])
        and abs(mine[3] - other[3]) <= 0.006
        for mine, other in zip(shown, found, strict=True)
    )
    return [] if same else [f"{readme.name} prints {printed}, the study finds {found}"]


if __name__ == "__main__":
    sys.exit(main())
