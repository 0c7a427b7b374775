"""The pytest plugin: assertions that fail with village, phase, volts, limit and hour."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tomllib
from functools import cache, partial

import pandapower as pp
import pytest
from nets import empty_net
from small_county import FOLDER, ROOT, small_county

from ruralgrid.county.files import write_county
from ruralgrid.errors import InputError, UnknownNameError
from ruralgrid.flow import solve_snapshot, solve_year
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.network import build
from ruralgrid.report.guard import write_baseline
from ruralgrid.studies import VoltageCheck, check_voltages
from ruralgrid.testing import assert_losses, assert_no_new_violations, assert_voltages

SUITE = """
from ruralgrid.testing import assert_losses, assert_no_new_violations, assert_voltages


def test_the_peak(solve_snapshot):
    net = solve_snapshot(FOLDER, stage=2, hour="peak")
    assert net.res_bus.vm_pu.min() > 0.8
    assert_losses(net, at_most_percent=20)


def test_a_year_is_too_low(solve_year):
    assert_voltages(solve_year(TABLES, hours="peak", phases="balanced"))


def test_losses_are_too_high(solve_year):
    assert_losses(solve_year(TABLES, hours="peak", phases="balanced"), at_most_percent=0.1)


def test_nothing_is_new(solve_year, tmp_path):
    from ruralgrid.report.guard import write_baseline

    year = solve_year(TABLES, hours="peak", phases="balanced")
    assert_no_new_violations(year, write_baseline(year, tmp_path / "b.json"))
"""


def pytest_run(folder, *words, plugin=True):
    """A test run of its own, with our plugin and no other."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(["-p", "ruralgrid.testing"] if plugin else []),
         "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", folder, *words],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )  # fmt: skip


def test_a_suite_that_uses_it(tmp_path):
    """A plan once, the county drawn from it otherwise."""
    write_county(small_county(), tmp_path / "tables")
    suite = f"FOLDER, TABLES = {str(FOLDER)!r}, {str(tmp_path / 'tables')!r}\n{SUITE}"
    (tmp_path / "test_county.py").write_text(suite, encoding="utf-8")
    done = pytest_run(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 2 passed" in done.stdout
    assert "points of supply outside their band, worst first:" in done.stdout
    assert "(GB/T 12325-2008 4.3), 1 h, first in hour" in done.stdout
    assert "at most 0.1 % are allowed" in done.stdout


def test_it_costs_nothing_until_a_test_asks(tmp_path):
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_light():\n"
        "    assert 'ruralgrid.testing' in sys.modules\n"
        "    assert not {'numpy', 'pandas', 'pandapower', 'numba'} & set(sys.modules)\n"
    )
    done = pytest_run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_entry_point_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"ruralgrid": "ruralgrid.testing"}


# the assertions ----------------------------------------------------------------------------------


@cache
def peak() -> VoltageCheck:
    return check_voltages(small_county(), hours="peak", phases="balanced")


def failure(function, *args, **options):
    with pytest.raises(AssertionError) as failing:
        function(*args, **options)
    return str(failing.value).splitlines()


def test_a_failure_names_village_phase_volts_limit_and_hour_worst_first():
    head, *lines = failure(assert_voltages, peak())
    worst = peak().violations.iloc[0]
    assert head.startswith(f"{len(peak().violations)} points of supply")
    assert lines[0].strip().startswith(f"{worst['village']} {worst['node']} (phase ")
    assert f"{worst['value']:.1f} V, below 198.0 V (GB/T 12325-2008 4.3)" in lines[0]
    assert lines[0].endswith(f"worst in hour {worst['worst_hour']}")
    assert lines[-1].strip() == f"and {len(peak().violations) - 15} more"


def test_villages_that_are_excepted():
    low = sorted(set(peak().violations["village"]))
    assert_voltages(peak(), except_villages=low)
    told = "\n".join(failure(assert_voltages, peak(), except_villages=low[1:]))
    assert low[0] in told
    assert low[1] not in told
    with pytest.raises(UnknownNameError, match=f"nearest: .*{low[0]}"):
        assert_voltages(peak(), except_villages=[low[0] + "x"])


def test_a_solved_net_and_a_bare_solution_are_judged_too():
    net = solve_snapshot(build(small_county()))
    lines = failure(assert_voltages, net)
    worst = peak().violations.iloc[0]
    assert f"{worst['village']} {worst['node']}" in lines[1]
    year = solve_year(net, LoadProfiles.constant(net), progress=False)
    assert f"{worst['node']}" in failure(assert_voltages, year)[1]


def good_net():
    net = empty_net()
    one, two = pp.create_buses(net, 2, 0.4, name=["a", "b"])
    pp.create_ext_grid(net, one)
    pp.create_line_from_parameters(net, one, two, 0.1, 0.3, 0.3, 0.0, 0.2)
    pp.create_load(net, two, 0.02, 0.01)
    return solve_snapshot(net)


def test_what_is_inside_passes():
    assert_voltages(good_net())
    assert_voltages(check_voltages(good_net()), except_villages=[])


def test_losses_by_hand():
    """One line: I = S / (sqrt 3 U); 3 I^2 R, and the load of 20 kW comes from the source."""
    net = good_net()
    volts = net.res_bus["vm_pu"].iloc[1] * 400
    loss_kw = (22.360680e3 / volts) ** 2 * 0.03 / 1e3  # S = 22.36 kVA, R = 0.03 ohm
    percent = 100 * loss_kw / (20 + loss_kw)
    assert_losses(net, at_most_percent=percent * 1.0001, at_most_kwh=loss_kw * 1.0001)
    (told,) = failure(assert_losses, net, at_most_percent=percent * 0.9999)
    assert f"losses are {percent:.2f} % of" in told
    (told,) = failure(assert_losses, net, at_most_kwh=loss_kw * 0.9999)
    assert "lines" in told
    with pytest.raises(InputError, match="is expected"):
        assert_losses(net)


def exporting_net():
    """A generator of 50 kW behind a thin line, a load of 1 kW at the grid: the rest goes out."""
    net = empty_net()
    one, two = pp.create_buses(net, 2, 0.4, name=["a", "b"])
    pp.create_ext_grid(net, one)
    pp.create_line_from_parameters(net, one, two, 0.1, 1.2, 0.3, 0.0, 0.2)
    pp.create_sgen(net, two, 0.05)
    pp.create_load(net, one, 0.001)
    return solve_snapshot(net)


def test_all_that_is_fed_in_counts_where_a_net_exports():
    """50 kW over 0.12 ohm: 72 A, 3 I^2 R = 1.9 kW, some 3.5 % of what is generated."""
    net = exporting_net()
    assert net.res_ext_grid["p_mw"].sum() < 0
    percent = 100 * net.res_line["pl_mw"].sum() / 0.05
    assert percent > 3
    (told,) = failure(assert_losses, net, at_most_percent=percent * 0.99)
    assert f"{percent:.2f} % of 50 kWh fed" in told
    assert_losses(net, at_most_percent=percent * 1.01)
    year = solve_year(net, LoadProfiles.constant(net), progress=False)
    (told,) = failure(assert_losses, year, at_most_percent=percent * 0.99)
    assert f"{percent:.2f} % of 50 kWh fed" in told


@pytest.mark.parametrize("bound", [math.nan, math.inf, 0.0, -1, "5", True])
@pytest.mark.parametrize("name", ["at_most_percent", "at_most_kwh"])
def test_a_bound_that_holds_nothing_is_refused(name, bound):
    with pytest.raises(InputError, match=f"{name}: a finite number above 0 is expected, got"):
        assert_losses(good_net(), **{name: bound})


def test_a_net_that_is_not_solved_is_refused():
    for net in (build(small_county()), empty_net()):
        for judge in (assert_voltages, partial(assert_losses, at_most_percent=5)):
            with pytest.raises(InputError, match="not solved; see solve_snapshot"):
                judge(net)
    idle = good_net()
    idle.load["p_mw"] = idle.load["q_mvar"] = 0.0
    with pytest.raises(InputError, match="0 kWh are fed in"):
        assert_losses(solve_snapshot(idle), at_most_percent=5)


@pytest.mark.parametrize("judge", [assert_voltages, partial(assert_losses, at_most_percent=5)])
@pytest.mark.parametrize("subject", [small_county, lambda: "exf", lambda: None])
def test_what_is_no_solution_is_told_what_is(judge, subject):
    with pytest.raises(InputError, match=r"solution: received .* VoltageCheck \(the fixture"):
        judge(subject())


def test_a_net_has_no_baseline_and_limits_have_a_name(tmp_path):
    with pytest.raises(InputError, match=r"received pandapowerNet.* a VoltageCheck is expected"):
        assert_no_new_violations(good_net(), tmp_path / "b.json")
    with pytest.raises(InputError, match="limits: received dict"):
        assert_voltages(good_net(), {"low": 0.9})
    with pytest.raises(InputError, match=r"RURAL_PRACTICE: it has no voltage bands; .*GBT12325"):
        assert_voltages(good_net(), "RURAL_PRACTICE")


def test_the_fixtures_take_a_county_at_its_own_stage(solve_year, solve_snapshot):
    later = small_county().at(1)
    year = solve_year(later, hours="peak", phases="balanced")
    assert year.stage == 1
    assert len(solve_snapshot(later).bus) == len(later.nodes)


def test_losses_of_a_year_by_kind():
    (told,) = failure(assert_losses, peak(), at_most_percent=0.01)
    for kind in ("lines", "transformers at no load", "transformers under load"):
        assert kind in told


def test_a_baseline_that_lacks_one(tmp_path):
    path = write_baseline(peak(), tmp_path / "b.json")
    assert_no_new_violations(peak(), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    node = peak().violations["node"].iloc[0]
    kept = [line for line in lines if f'"{node}"' not in line]
    path.write_text("\n".join(kept), encoding="utf-8")
    told = failure(assert_no_new_violations, peak(), path)
    assert told[0] == "1 violations that b.json lacks, worst first:"
    assert node in told[1]
