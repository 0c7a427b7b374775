"""The same seed is the same county, byte for byte, in another process; another seed is another."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest

from ruralgrid.county import County
from ruralgrid.county.synthesis import assumptions_for, draw_county, read_assumptions
from ruralgrid.county.synthesis.draft import Streams, exact_lengths, exact_shares
from ruralgrid.errors import InputError, UnknownNameError

# what the other process runs: the tables of a county as CSV, and their checksum
CHECKSUM = """
    import hashlib
    from ruralgrid.county.synthesis import draw_county
    from ruralgrid.plan import read_plan

    county = draw_county(read_plan("ningxian"), 1)
    sums = hashlib.sha256()
    for name, table in county.tables.items():
        sums.update(name.encode() + table.to_csv(index=False).encode())
    print(sums.hexdigest())
"""


def checksum(county: County) -> str:
    sums = hashlib.sha256()
    for name, table in county.tables.items():
        sums.update(name.encode() + table.to_csv(index=False).encode())
    return sums.hexdigest()


def test_a_new_process_draws_the_same_bytes(county):
    """Another hash seed shuffles sets and dictionaries of strings, were any iterated over."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHECKSUM)],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == checksum(county)


def test_another_seed_is_another_county(draw):
    one, other = draw(1).county, draw(2).county
    assert checksum(one) != checksum(other)
    assert not one.villages["households"].equals(other.villages["households"])
    # what the plan states stays: the stations and their ratings
    high = [c.transformers[c.transformers["type"].str.endswith("/35")] for c in (one, other)]
    assert sorted(high[0]["type"]) == sorted(high[1]["type"])


def test_the_assumptions_stand_with_the_county(county, plan):
    pd.testing.assert_frame_equal(county.assumptions, assumptions_for(plan).to_frame())
    stations = county.assumptions.set_index("parameter").loc["stations_35kv"]
    assert stations["value"] == "早胜 和盛 平子"  # from the file beside the plan


# what may be asked of the assumptions -----------------------------------------------------------


def test_a_replaced_assumption_says_who_set_it():
    changed = read_assumptions().replace({"tail_relative_moment": 0.7})
    assert changed["tail_relative_moment"] == 0.7
    assert changed.items["tail_relative_moment"].source == "set by the caller"
    assert read_assumptions()["tail_relative_moment"] != 0.7


def test_unknown_assumption_names_the_nearest():
    with pytest.raises(UnknownNameError, match="tail_relative_moment"):
        read_assumptions().replace({"tail_relativ_moment": 0.7})
    with pytest.raises(UnknownNameError, match="spur_share"):
        read_assumptions()["spur_shar"]


def test_a_text_is_not_a_number():
    with pytest.raises(InputError, match="rebuilt_10kv_conductor"):
        read_assumptions()["rebuilt_10kv_conductor"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tail_moment]\nvalue = 1\nunit = ''\ngrade = ''\nsource = ''\n", "tail_moment_spread"),
        ("[spur_share]\nvalue = 1\n", "value, unit, grade and source are expected"),
        ("[spur_share\n", "own.toml"),
        (
            "[capacity_load_ratio]\nvalue = 4\nunit = 'MVA'\ngrade = 'assumed'\nsource = ''\n",
            r"\[capacity_load_ratio\] unit: received 'MVA'; 'kVA/kVA' is expected",
        ),
        (
            "[capacity_load_ratio]\nvalue = 4\nunit = 'kVA/kVA'\ngrade = 'mesured'\nsource = ''\n",
            r"grade: received 'mesured'; one of stated, inferred, .*; the nearest: measured",
        ),
    ],
    ids=["unknown name", "fields missing", "no TOML", "another unit", "no grade"],
)
def test_a_faulty_file_of_assumptions_is_one_message(tmp_path, text, message):
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_assumptions(file)
    assert "own.toml" in str(caught.value)


def test_a_longer_scale_makes_longer_tails_and_the_totals_stay(plan, county):
    """Twice the relative moment, twice the kilometres of tail, the same stated 2,604.2 km."""
    assumed = assumptions_for(plan).replace({"tail_relative_moment": 0.5})
    before = assumed.to_frame()
    half = draw_county(plan, 1, assumed)
    pd.testing.assert_frame_equal(before, assumed.to_frame())  # drawing changes nothing of it
    assert half.origin is not None
    assert (half.origin.plan, half.origin.seed, half.origin.assumptions) == (plan, 1, assumed)
    tails = [c.sections[c.sections["name"].str.endswith("长尾线")] for c in (county, half)]
    ratio = tails[0]["length_km"].to_numpy() / tails[1]["length_km"].to_numpy()
    np.testing.assert_allclose(ratio, 2.0, rtol=1e-3)  # lengths are rounded to 0.1 m
    assert list(tails[0]["name"]) == list(tails[1]["name"])
    kv = half.nodes.set_index("name")["kv"]
    low = half.sections["from_node"].map(kv) < 1
    assert half.sections.loc[low, "length_km"].sum() == pytest.approx(2604.2, abs=1e-6)


# exact shares and seeded streams -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [
        # largest remainder by hand: 10 * (5, 3, 1)/9 = 5.56, 3.33, 1.11; the one left goes first
        ([5, 3, 1], 10, [6, 3, 1]),
        ([1, 1, 1], 10, [4, 3, 3]),  # equal remainders: the first
        ([2.5], 7, [7]),
        ([], 0, []),
        ([0, 1], 3, [0, 3]),
    ],
)
def test_exact_shares(weights, total, expected):
    assert exact_shares(weights, total).tolist() == expected


def test_exact_lengths_add_up_and_are_tenths_of_a_metre():
    lengths = exact_lengths([1, 2, 4], 1.0)
    np.testing.assert_allclose(lengths, [0.1429, 0.2857, 0.5714], atol=1e-12)
    assert lengths.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_stream_is_the_same_for_its_purpose_and_its_seed_alone():
    one = Streams(1)("tails").random(3)
    np.testing.assert_array_equal(one, Streams(1)("tails").random(3))
    assert not np.array_equal(one, Streams(1)("hubs").random(3))
    assert not np.array_equal(one, Streams(2)("tails").random(3))
