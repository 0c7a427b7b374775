"""The account of a published case: Baran and Wu's 33 buses, 202.7 kW lost, 0.9131 pu at the end."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest
from nets import case33bw

from ruralgrid.assess import Levels, energy_balance, loss_table, voltage_findings, voltage_summary
from ruralgrid.limits import get_limits
from ruralgrid.units import KILO

LIMITS = get_limits("GBT12325_2008")
UNITS = ["name", "no_load_kwh", "load_kwh", "status"]


@dataclass
class Hour:
    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    transformers3w: pd.DataFrame
    loads: pd.DataFrame
    sources: pd.DataFrame
    static_generators: pd.DataFrame
    balance: pd.Series


@pytest.fixture(scope="module")
def hour() -> Hour:
    import pandapower as pp

    net = case33bw()
    pp.runpp(net, numba=False, tolerance_mva=1e-10)
    lines = net.line.index.map(lambda i: f"l{i}")
    return Hour(
        buses=pd.DataFrame(
            {
                "name": net.bus.index.map(lambda i: f"b{i}"),
                "vn_kv": net.bus["vn_kv"],
                "status": "solved",
                "vm_min_pu": net.res_bus["vm_pu"],
                "vm_max_pu": net.res_bus["vm_pu"],
            }
        ),
        lines=pd.DataFrame(
            {
                "name": lines,
                "loss_kwh": net.res_line["pl_mw"] * KILO,
                "status": ["solved" if on else "out_of_service" for on in net.line["in_service"]],
            }
        ),
        transformers=pd.DataFrame(columns=UNITS),
        transformers3w=pd.DataFrame(columns=UNITS),
        loads=pd.DataFrame(
            {
                "name": net.load.index.map(lambda i: f"d{i}"),
                "served_kwh": net.res_load["p_mw"] * KILO,
                "status": "solved",
            }
        ),
        sources=pd.DataFrame({"name": ["grid"], "fed_kwh": net.res_ext_grid["p_mw"] * KILO}),
        static_generators=pd.DataFrame(columns=["name", "kwh", "status"]),
        balance=pd.Series({"shunt_kwh": 0.0}),
    )


def test_the_loss_is_the_published_one(hour: Hour) -> None:
    levels = Levels(
        lines=pd.Series(12.66, index=hour.lines["name"]),
        transformers=pd.Series(dtype=float),
        loads=pd.Series(12.66, index=hour.loads["name"]),
    )
    table = loss_table(hour, levels)
    assert table["level_kv"].tolist() == [12.66]
    # printed with one decimal
    assert table.loc[0, "total_kwh"] == pytest.approx(202.7, abs=0.05)
    assert table.loc[0, "line_kwh"] == table.loc[0, "total_kwh"]
    # 3715 kW of load is printed too
    assert table.loc[0, "fed_kwh"] == pytest.approx(3715 + 202.7, abs=0.05)
    assert table.loc[0, "percent_of_total"] == 100.0


def test_its_balance_closes(hour: Hour) -> None:
    assert energy_balance(hour)["served_kwh"] == pytest.approx(3715.0)


def test_its_lowest_voltage_and_the_buses_below_seven_percent(hour: Hour) -> None:
    summary = voltage_summary(hour, LIMITS)
    # printed with four decimals
    assert summary.loc[0, "v_min_pu"] == pytest.approx(0.9131, abs=5e-5)
    low = {finding.subject for finding in voltage_findings(hour, LIMITS)}
    # published voltages below 0.93: buses 11-18 of the feeder's trunk and 29-33 of its branch
    # (counted from 1; bus 10 has 0.9292 as well, bus 28 0.9335)
    assert low == {f"b{i - 1}" for i in (*range(10, 19), *range(29, 34))}
    assert summary.loc[0, "low"] == len(low)
