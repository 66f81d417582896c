"""Check a whole declaration: its parts refer to each other by name, and every problem is told at once."""

from __future__ import annotations

from collections.abc import Iterable

from riskloom.domain import EventDomain


def problems_of(domain: EventDomain) -> list[str]:
    """Check later."""
    return []


def problems_between(domain: EventDomain, installed: Iterable[EventDomain]) -> list[str]:
    """Check later."""
    return []
