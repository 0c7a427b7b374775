"""A year of a simbench net by its own profiles: ``simbench_year.py [CODE]``; needs simbench.

The customers' voltage is held against Chinese limits; the day of the lowest one is printed.
"""

from __future__ import annotations

import sys

from ruralgrid import solve_year
from ruralgrid.studies import check_voltages
from ruralgrid.studies.net_profiles import net_with_profiles


def main(code: str) -> None:
    """Solve 8,784 hours (2016), print losses, violations and a day."""
    try:
        import simbench
    except ModuleNotFoundError:
        sys.exit("simbench is not installed, and has the net: pip install simbench")
    net = simbench.get_simbench_net(code)
    year = check_voltages(net)
    print(year.solution)
    balance = year.solution.balance
    print(f"fed {balance['fed_kwh']:,.0f} kWh, served {balance['served_kwh']:,.0f} kWh; lost:")
    for name in ("line_loss_kwh", "no_load_kwh", "load_loss_kwh"):
        print(f"  {name:14} {balance[name]:9,.0f} kWh")
    print(year)
    print(year.violations.head(5)[["node", "kind", "value", "limit", "hours", "worst_hour"]])

    own, profiles = net_with_profiles(net)
    lowest = year.solution.buses.loc[own.load["bus"].unique()].nsmallest(1, "vm_min_pu")
    bus, hour = lowest.index[0], int(lowest["vm_min_hour"].iloc[0])
    day = range(hour // 24 * 24, hour // 24 * 24 + 24)
    volts = solve_year(own, profiles, hours=list(day), record_buses=[bus], progress=False).recorded
    print(f"day {hour // 24} at {lowest['name'].iloc[0]}, the lowest voltage of a customer [V]:")
    print(
        "  " + " ".join(f"{v * own.bus.at[bus, 'vn_kv'] * 1000 / 3**0.5:.0f}" for v in volts[bus])
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "1-LV-rural1--0-sw")
