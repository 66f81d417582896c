"""What a stored value says at the moment when it is read: windows move on while nothing happens.

The online store holds each feature as of its entity's last event. A window that has wholly passed since then is empty;
one in which nothing can have passed still holds; between the two, what has left the window is not known, and the value
is that of the last event, marked as ageing: of a count it is the most that it can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from riskloom.features.layouts import LaidFeature, LaidWindow

_MS = timedelta(milliseconds=1)
_UNIX = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class State(StrEnum):
    """How a value that is read relates to the moment."""

    CURRENT = "current"
    """It is what an event at this moment would find, were nothing missing but the event itself."""
    AGEING = "ageing"
    """It is that of the last event; a part of its window has passed since."""
    PASSED = "passed"
    """All of its window has passed: it is that of an empty window, or null for what was computed from one."""


class Served(NamedTuple):
    """A value as of the read."""

    value: float | None
    state: State


def served(
    features: tuple[LaidFeature, ...], domain: str, values: Mapping[str, float | None], event: datetime, read: datetime
) -> dict[str, Served]:
    """Say what values of an event say later.

    Args:
        features: Of one entity.
        domain: Theirs.
        values: By name, as of the event.
        event: When it happened, UTC.
        read: The moment, UTC.

    Returns:
        By name, in the order of the features.
    """
    event_ms, read_ms = (event - _UNIX) // _MS, max((read - _UNIX) // _MS, (event - _UNIX) // _MS)
    found: dict[str, Served] = {}
    for feature in features:
        value = values.get(feature.name)
        if feature.window is not None:
            found[feature.name] = _of_window(feature.window, domain, value, event_ms, read_ms)
        else:
            states = {found[name].state for name in feature.reads if name in found}
            if State.PASSED in states:
                found[feature.name] = Served(None, State.PASSED)
            else:
                found[feature.name] = Served(value, State.AGEING if State.AGEING in states else State.CURRENT)
    return found


def _of_window(window: LaidWindow, domain: str, value: float | None, event_ms: int, read_ms: int) -> Served:
    age_ms = read_ms - event_ms
    # Of another domain's events, or of those before this one, something may be missing even at once.
    whole = window.include_event and window.source == domain
    match window.kind, window.aggregate:
        case _, "ewm_mean" | "ewm_variance":
            passed, moved = False, False
        case ("session", _) | (_, "run_length"):
            # It ends with a silence, which began earlier if this event was left out.
            passed, moved = age_ms > window.length_ms, window.selects and age_ms > 0
        case _:
            tiles = _tile(window, read_ms) - _tile(window, event_ms)
            passed, moved = tiles >= window.tiles, tiles > 0
    if passed:
        return Served(window.empty, State.PASSED)
    if window.aggregate == "time_since_last":
        if whole and not window.selects:
            return Served(age_ms / 1000, State.CURRENT)
        return Served(None if value is None else value + age_ms / 1000, State.AGEING)
    return Served(value, State.CURRENT if whole and not moved else State.AGEING)


def _tile(window: LaidWindow, time_ms: int) -> int:
    return time_ms * window.tiles // window.length_ms
