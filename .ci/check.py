"""Every check of a change, in this environment: ``python .ci/check.py [--quick]``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

CHECKS = {
    "rules": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["mypy"],
    "tests": ["pytest", "-q", "-n", "auto", "--dist", "loadgroup"],
}
QUICK = {
    **CHECKS,
    "tests": [
        "pytest",
        "-q",
        "tests/test_architecture.py",
        "tests/test_public_api.py",
        "tests/test_sources.py",
        "tests/test_limits.py",
        "tests/test_plan_audit.py",
        "tests/test_flow_closed_forms.py",
        "tests/test_assess_published.py",
    ],
}
"""Each check by its name, as words after ``python -m``."""


def main() -> int:
    """Run every check, whether or not the one before failed; 1 if any did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    chosen = QUICK if parser.parse_args().quick else CHECKS
    failed = []
    for name, words in chosen.items():
        tell(f"== {name}: {' '.join(words)}")
        start = time.monotonic()
        if subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=False).returncode:
            failed.append(name)
        tell(f"   {time.monotonic() - start:.0f} s")
    tell(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def tell(text: str) -> None:
    """Write a line at once, between the lines of the checks."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
