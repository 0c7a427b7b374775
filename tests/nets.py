"""Nets of pandapower that many tests begin with: each built once in a process, then copied.

pandapower takes a tenth of a second for an empty net and a second for a village, row by row; a copy
is made in hundredths.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec

import pandapower as pp
import pandapower.networks as networks
from pandapower.auxiliary import pandapowerNet

P = ParamSpec("P")


def built_once(make: Callable[P, pandapowerNet]) -> Callable[P, pandapowerNet]:
    """`make`, whose result is kept for each choice of arguments and given as a copy."""
    known = cache(make)

    @wraps(make)
    def copied(*args: P.args, **options: P.kwargs) -> pandapowerNet:
        return copy.deepcopy(known(*args, **options))

    return copied


empty_net = built_once(pp.create_empty_network)
case33bw = built_once(networks.case33bw)
cigre_mv = built_once(networks.create_cigre_network_mv)
cigre_lv = built_once(networks.create_cigre_network_lv)
kerber_dorfnetz = built_once(networks.create_kerber_dorfnetz)
kerber_landnetz = built_once(networks.create_kerber_landnetz_freileitung_1)
