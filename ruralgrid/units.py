"""The only factors of 1000 and of the square root of three in ruralgrid."""

from __future__ import annotations

import math
from typing import Final

__all__ = [
    "HOURS_PER_YEAR",
    "KILO",
    "LV_PHASE_BASE_V",
    "SQRT3",
    "YUAN_PER_WAN",
]

KILO: Final = 1000.0
"""kW per MW, W per kW, V per kV, m per km."""

SQRT3: Final = math.sqrt(3.0)
"""Line-to-line over phase-to-neutral voltage of a balanced three-phase net."""

HOURS_PER_YEAR: Final = 8760
"""Hours of a common year: 365 days, no leap day."""

YUAN_PER_WAN: Final = 10_000.0
"""Yuan in one 万元, the unit of the plan's money."""

LV_PHASE_BASE_V: Final = 400.0 / SQRT3
"""Phase voltage base of a 0.4 kV net: 230.94 V, not 220 V."""
