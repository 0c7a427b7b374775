"""Names of what is drawn: a row is found again by the village, the hub or the point it is of."""

from __future__ import annotations

__all__ = ["link_name", "low_section_name", "medium_node", "section_name", "tail_name"]


def medium_node(village: str, hub: int = 1) -> str:
    """Name of the 10 kV node of a village's hub."""
    return f"{village}{hub}台区10kV"


def section_name(village: str) -> str:
    """Name of the 10 kV section that feeds a village."""
    return f"{village}10kV线段"


def low_section_name(point: str) -> str:
    """Name of the 0.4 kV section that ends at a service point."""
    return f"{point}线段"


def link_name(hub: str) -> str:
    """Name of the section that links a further hub to the first one."""
    return f"{hub}联络线"


def tail_name(village: str) -> str:
    """Name of the tail that a low-voltage village hangs on."""
    return f"{village}长尾线"
