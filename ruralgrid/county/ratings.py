"""Rated power of a county's transformers, by their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ruralgrid.equipment import list_three_winding_transformers, list_transformers

if TYPE_CHECKING:
    import pandas as pd

    from ruralgrid.county.tables import County

__all__ = ["rated_kva"]


def rated_kva(county: County, types: pd.Series) -> NDArray[np.float64]:
    """Rated power of each type [kVA], of three windings the largest; NaN where it is not known."""
    rated = {each.name: each.sn_kva for each in list_transformers()}
    rated |= {each.name: each.sn_hv_kva for each in list_three_winding_transformers()}
    own = county.transformer_types
    rated |= dict(zip(own["name"], own["sn_kva"], strict=True))
    return types.map(rated).to_numpy(dtype=float)
