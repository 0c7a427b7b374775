"""Run the command as `python -m ruralgrid`."""

from ruralgrid.cli import main

main()
