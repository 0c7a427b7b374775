"""Random radial nets: pandapower's solution, closed balance, and no dependence on arrangement."""

from __future__ import annotations

import numpy as np
import pandapower as pp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nets import empty_net
from test_flow_pandapower import VOLTAGE_PU, solved_by_pandapower

from ruralgrid.flow.profiles import LoadProfiles
from ruralgrid.flow.year import solve_year

QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@st.composite
def radial_nets(draw):
    """A 10 kV tree, some 0.4 kV trees below transformers with taps, loads of every kind."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    net = empty_net(sn_mva=draw(st.sampled_from([0.1, 1.0, 100.0])))
    mv = pp.create_buses(net, draw(st.integers(1, 12)), 10.0)
    pp.create_ext_grid(net, mv[0], vm_pu=draw(st.floats(0.95, 1.08)))
    _tree(net, rng, mv, (0.3, 0.35, 280.0), (0.2, 3.0))
    for _ in range(draw(st.integers(0, 3))):
        lv = pp.create_buses(net, draw(st.integers(1, 10)), 0.4)
        pp.create_transformer_from_parameters(
            net, rng.choice(mv), lv[0], 0.2, 10.0, 0.4, 1.4, 4.0, 0.4, 1.0, shift_degree=330,
            tap_side=rng.choice(["hv", "lv"]), tap_pos=int(rng.integers(-2, 3)), tap_neutral=0,
            tap_step_percent=2.5, tap_changer_type="Ratio",
        )  # fmt: skip
        _tree(net, rng, lv, (0.45, 0.3, 200.0), (0.02, 0.15))
    _loads(net, rng, draw(st.floats(0.0, 1.5)))
    return net


def _tree(net, rng, bus, per_km, length_km):
    lines = [
        (bus[rng.integers(0, child)], bus[child], rng.uniform(*length_km), int(rng.integers(1, 3)))
        for child in range(1, len(bus))
    ]
    if lines:
        start, end, km, parallel = zip(*lines, strict=True)
        pp.create_lines_from_parameters(
            net, start, end, np.array(km), *per_km, 0.25, parallel=parallel
        )


def _loads(net, rng, strength):
    count = len(net.bus)
    largest_mw = np.where(net.bus.vn_kv > 1, 0.1, 0.008)
    p_mw = strength * rng.choice([0.0, 1.0, 1.0], count) * largest_mw
    share = rng.uniform(0, 50, (4, count))
    pp.create_loads(
        net, net.bus.index, p_mw, p_mw * rng.uniform(-0.5, 0.8, count),
        const_z_p_percent=share[0], const_i_p_percent=share[1],
        const_z_q_percent=share[2], const_i_q_percent=share[3],
    )  # fmt: skip
    if rng.random() < 0.5:
        pp.create_sgen(net, rng.choice(net.bus.index), 0.05, 0.01)
    if rng.random() < 0.5:
        pp.create_shunt(net, rng.choice(net.bus.index), q_mvar=-0.02, p_mw=0.001)


@QUICK
@given(net=radial_nets())
def test_every_voltage_is_pandapowers(net):
    year = solve_year(net, LoadProfiles.constant(net), record_buses="all").require_solved()
    reference = solved_by_pandapower(net)
    np.testing.assert_allclose(
        year.recorded.loc[0], reference.res_bus.vm_pu, rtol=0, atol=VOLTAGE_PU
    )


@QUICK
@given(net=radial_nets(), seed=st.integers(0, 1000))
def test_the_energy_balance_closes_and_nothing_has_negative_loss(net, seed):
    rng = np.random.default_rng(seed)
    profiles = LoadProfiles(rng.uniform(0, 1.2, (3, 50)), rng.integers(0, 3, len(net.load)))
    year = solve_year(net, profiles).require_solved()
    turned_over = year.balance.drop("residual_kwh").abs().max()
    assert abs(year.balance.residual_kwh) <= 1e-9 * turned_over
    assert (year.lines.loss_kwh >= -1e-9 * turned_over).all()
    assert (year.transformers.load_kwh >= -1e-9 * turned_over).all()
    assert (year.transformers.no_load_kwh > 0).all()


def _numbers(year):
    frames = (year.buses, year.lines, year.transformers, year.loads, year.sources)
    return [frame.sort_index().select_dtypes("number").astype(float) for frame in frames]


@QUICK
@given(net=radial_nets(), seed=st.integers(0, 1000))
def test_threads_and_row_order_change_no_bit(net, seed):
    rng = np.random.default_rng(seed)
    profiles = LoadProfiles(rng.uniform(0, 1.2, (3, 100)), rng.integers(0, 3, len(net.load)))
    one = solve_year(net, profiles, n_threads=1)
    two = solve_year(net, profiles, n_threads=3)
    order = rng.permutation(len(net.load))
    shuffled = pp.pandapowerNet(net)
    shuffled["load"] = net.load.iloc[order]
    for table in ("bus", "line", "trafo"):
        shuffled[table] = net[table].sample(frac=1.0, random_state=seed)
    moved = solve_year(shuffled, LoadProfiles(profiles.values, profiles.of_load[order]))
    for first, second, third in zip(_numbers(one), _numbers(two), _numbers(moved), strict=True):
        assert first.equals(second)
        assert first.equals(third)
