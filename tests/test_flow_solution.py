"""What a `YearSolution` holds, keeps and gives back."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from nets import kerber_landnetz

from ruralgrid.errors import InputError, WriteError
from ruralgrid.flow.arrays import Records
from ruralgrid.flow.blocks import BlockPlan, solve_blocks
from ruralgrid.flow.gauges import no_gauges
from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.radial import build_tree, convert_net, read_demand
from ruralgrid.flow.year import read_year, solve_year


@pytest.fixture(scope="module")
def net():
    return kerber_landnetz()


@pytest.fixture(scope="module")
def profiles(net):
    rng = np.random.default_rng(3)
    return LoadProfiles(rng.uniform(0.1, 1, (5, 200)), rng.integers(0, 5, len(net.load)))


def test_it_says_what_is_in_it(net, profiles):
    year = solve_year(net, profiles)
    assert repr(year).startswith(f"YearSolution(200 hours, {len(net.bus)} buses: ")
    assert "solved; lowest voltage 0.9" in repr(year)


def test_what_was_written_is_read_back(net, profiles, tmp_path):
    year = solve_year(net, profiles, low_limits_pu={"a": 0.95}, record_buses=[2, 4])
    assert read_year(year.write(tmp_path / "year")).balance.equals(year.balance)
    year.write(tmp_path / "year")  # over the older one
    again = read_year(tmp_path / "year")
    for name in ("buses", "lines", "transformers", "loads", "sources", "feeders", "recorded"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(year, name))
    assert again.hours.tolist() == year.hours.tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["year"]


def test_what_is_no_solution_is_neither_overwritten_nor_read(net, profiles, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(WriteError, match="not a solution"):
        solve_year(net, profiles, hours=[0]).write(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "irreplaceable"
    with pytest.raises(InputError, match="not a solution"):
        read_year(tmp_path / "mine")


def test_names_of_two_kinds_cannot_be_written(net, profiles, tmp_path):
    other = copy.deepcopy(net)
    other.bus["name"] = other.bus["name"].astype(object)
    other.bus.loc[0, "name"] = 7
    with pytest.raises(WriteError, match="could not be written"):
        solve_year(other, profiles, hours=[0]).write(tmp_path / "year")
    assert not list(tmp_path.iterdir())


def test_a_bus_asked_for_twice_is_recorded_once(net, profiles, tmp_path):
    year = solve_year(net, profiles, hours=[0], record_buses=[4, 1, 4])
    assert year.recorded.columns.tolist() == [4, 1]
    assert read_year(year.write(tmp_path / "year")).recorded.equals(year.recorded)


def test_hours_in_parts_add_up_to_the_whole(net, profiles):
    whole = solve_year(net, profiles)
    parts = [solve_year(net, profiles, hours=part) for part in (range(70), range(70, 200))]
    # the iteration ends elsewhere; 1e-7 pu of voltage is 1e-8 of an energy here
    for name in ("fed_kwh", "served_kwh", "line_loss_kwh", "load_loss_kwh", "no_load_kwh"):
        assert sum(part.balance[name] for part in parts) == pytest.approx(
            whole.balance[name], rel=1e-7
        )
    lowest = np.minimum(parts[0].buses.vm_min_pu, parts[1].buses.vm_min_pu)
    np.testing.assert_allclose(lowest, whole.buses.vm_min_pu, rtol=0, atol=1e-8)


@pytest.mark.parametrize("block_hours", [1, 5, 24])
def test_the_size_of_blocks_does_not_matter(net, profiles, block_hours):
    branches = convert_net(net)
    tree = build_tree(net, branches)
    demand = read_demand(net, branches, tree, profiles)
    records = Records(np.zeros((0, 60)), np.zeros((0, 60), dtype=np.int8))

    def solve(size):
        plan = BlockPlan(tolerance_pu=1e-11, block_hours=size, progress=False)
        return solve_blocks(tree, demand, no_gauges(tree), profiles, np.arange(60), records, plan)

    one, other = solve(24), solve(block_hours)
    # with the iteration driven to its end, only the order of sums is left
    np.testing.assert_allclose(one.v2_min, other.v2_min, rtol=1e-12)
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-8, atol=1e-15)
    np.testing.assert_allclose(one.served, other.served, rtol=1e-12)


def test_the_highest_hour_may_be_the_last_of_a_block_that_is_not_full(net):
    rising = np.concatenate([np.full(24, 0.9), [0.2, 0.3, 1.0]])[np.newaxis]
    year = solve_year(net, LoadProfiles(rising, np.zeros(len(net.load), dtype=int)))
    assert (year.buses.vm_min_hour.iloc[2:] == 26).all()
    assert (year.lines.loading_max_hour == 26).all()
    assert (year.transformers.loading_max_hour == 26).all()


def test_a_folder_that_lacks_a_table_is_told(net, profiles, tmp_path):
    folder = solve_year(net, profiles, hours=range(3), progress=False).write(tmp_path / "year")
    (folder / "loads.parquet").unlink()
    with pytest.raises(InputError, match=r"YearSolution.write wrote: loads.parquet is not there"):
        read_year(folder)
    with pytest.raises(InputError, match=r"wrote: solution.json is not there"):
        read_year(tmp_path / "nothing")
    with pytest.raises(InputError, match="expected the path of a folder, got 5"):
        read_year(5)


def test_single_precision_profiles_and_memory_maps(net, profiles, tmp_path):
    path = tmp_path / "profiles.npy"
    np.save(path, profiles.values.astype(np.float32))
    mapped = LoadProfiles(np.load(path, mmap_mode="r"), profiles.of_load)
    single = LoadProfiles(profiles.values.astype(np.float32), profiles.of_load)
    assert solve_year(net, mapped).balance.equals(solve_year(net, single).balance)


def test_scaling_loads_is_as_good_as_scaling_the_net(net, profiles):
    scale = np.linspace(0.5, 1.5, len(net.load))
    other = copy.deepcopy(net)
    other.load["scaling"] *= scale
    scaled = solve_year(net, profiles, load_scale=scale)
    assert scaled.balance.fed_kwh == pytest.approx(solve_year(other, profiles).balance.fed_kwh)


def test_progress_is_shown_on_request_only(net, profiles, capsys):
    solve_year(net, profiles, progress=False)
    assert capsys.readouterr() == ("", "")
    solve_year(net, profiles, progress=True)
    assert "year" in capsys.readouterr().err
