"""A radial pandapower net as arrays: any net whose lines and transformers form trees.

::

    net ── conversion ──▶ Branches ── tree ──▶ Tree ── demand ──▶ Demand
           pandapower's own          parents before            loads by node
           per-unit model            children, taps taken out  and profile

In a tree every transformer ratio can be taken out of the equations: with :math:`T_k` the product
of the ratios from the source to node :math:`k`, the scaled voltage :math:`U_k = V_k / T_k` and
the scaled current :math:`J_k = T_k^* I_k` obey :math:`U_k = U_p - z_k J_k` with one series
impedance per node, and carry the same power. Phase shifts drop out with the ratios: they turn
angles and change no magnitude. A transformer whose tap moves by the hour (`tap_changers`) keeps
the difference from the ratio taken out: :math:`U_k = a U_p - z_k J_k`.
"""

from ruralgrid.flow.radial.conversion import Branches, convert_net
from ruralgrid.flow.radial.demand import Demand, read_demand
from ruralgrid.flow.radial.tap_changers import TapChangers, read_tap_changers
from ruralgrid.flow.radial.tree import Tree, build_mesh, build_tree, has_loops

__all__ = [
    "Branches",
    "Demand",
    "TapChangers",
    "Tree",
    "build_mesh",
    "build_tree",
    "convert_net",
    "has_loops",
    "read_demand",
    "read_tap_changers",
]
