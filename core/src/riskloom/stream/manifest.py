"""What a checkpoint's windows are kept for, written beside it: so that a start can tell what has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from riskloom.domain import EventDomain
from riskloom.offsets import Offsets
from riskloom.stream.plan import read_series
from riskloom.stream.series import Series

VERSION = 2


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class DomainState(_Record):
    """What is kept for one domain."""

    topic: str
    key: str
    entity: str
    late_tolerance_s: float
    windows: Mapping[str, Mapping[str, Any]]
    """By window feature: what its series is made of. Features of sources that are not installed have none."""


class LeftDomain(_Record):
    """A domain that the job no longer runs, and where its topic had been read to."""

    state: DomainState
    offsets: Mapping[int, int]


class Manifest(_Record):
    """The manifest of a checkpoint folder, `riskloom.json` in it."""

    version: int = VERSION
    generation: int = 1
    """The folder in it that holds the query's checkpoint."""
    starts: int = 0
    """How often a job was started on it."""
    state_partitions: int
    entities: tuple[str, ...]
    """The entities that have an operator before that of the keys, in this order."""
    domains: Mapping[str, DomainState]
    left: Mapping[str, LeftDomain] = {}
    starting_offsets: Offsets | None = None
    """Where the generation began to read; without them at the beginning."""
    emit_from: Offsets = {}
    """Records below these offsets update the windows and are not scored: they were, by an earlier generation."""


def described(domains: Sequence[EventDomain]) -> dict[str, DomainState]:
    """Describe what the state keeps for each domain."""
    return {
        domain.name: DomainState(
            topic=domain.topic.name,
            key=domain.key,
            entity=domain.key_entity.name,
            late_tolerance_s=domain.late_tolerance.total_seconds(),
            windows={name: _window(series) for name, series in read_series(domain, domains).items()},
        )
        for domain in domains
    }


def _window(series: Series) -> dict[str, Any]:
    """Write a series in JSON's types, field by field."""
    return {field.name: _plain(getattr(series, field.name)) for field in fields(series)}


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return str(value)
    return sorted(value) if isinstance(value, frozenset) else value


def changes(before: Manifest, now: Mapping[str, DomainState]) -> list[str]:
    """List what no longer fits the state: one line for each window feature, key, entity or tolerance.

    A domain that the state has never seen is no change, nor is a feature that can be read from what is kept already.

    Args:
        before: The manifest as it was written.
        now: What is declared now.
    """
    known = {name: left.state for name, left in before.left.items()} | dict(before.domains)
    return [
        f"{name}: {change}"
        for name in now
        if name in known
        for change in _domain_changes(known[name], now[name], known)
    ]


def _domain_changes(before: DomainState, now: DomainState, known: Mapping[str, DomainState]) -> Iterator[str]:
    if before.key != now.key:
        yield f"the key changed: {before.key} → {now.key}"
    if before.entity != now.entity:
        yield f"the key's entity changed: {before.entity} → {now.entity}"
    if before.late_tolerance_s != now.late_tolerance_s:
        yield f"the late tolerance changed: {before.late_tolerance_s:g} s → {now.late_tolerance_s:g} s"
    kept = [window for state in known.values() for window in state.windows.values()]
    for feature, window in now.windows.items():
        if window in kept:
            continue
        was = before.windows.get(feature)
        if was is not None:
            parts = (
                f"{part} {_shown(was.get(part))} → {_shown(new)}"
                for part, new in window.items()
                if new != was.get(part)
            )
            yield f"window feature {feature} changed: {', '.join(parts)}"
        elif window["source"] in known:
            yield f"window feature {feature} was added"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(value) or "count"
    return "none" if value is None else str(value)
