"""A plain Python reference of what is kept for an entity: which events count, in which order, and what each one sees.

The SQL of features is given once more as Python functions of an event's fields, by its text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from window_oracle import Series, Value, milliseconds, series_of

from riskloom.domain import EventDomain, WindowFeature

REMEMBERED_IDS = 256
OF_ANY_VALUE = {"distinct_count", "run_length"}
"""What tells values apart and takes them as they are; every other aggregate leaves out what is not finite."""
ZERO_WHEN_EMPTY = {"count", "sum", "sum_of_products", "distinct_count", "run_length", "duration"}

Fields = Mapping[str, Any]
Python = Mapping[str, Callable[[Fields], Any]]
"""What a text of SQL means; None is null. A predicate answers True, False or None."""


@dataclass(frozen=True)
class Expected:
    """What the score of an event must say."""

    features: Mapping[str, Value]
    late: bool
    duplicate: bool
    sequence: int


class Oracle:
    """Expects scores of events, given in order of arrival."""

    def __init__(self, domains: Sequence[EventDomain], python: Python) -> None:
        self.domains, self.python = {domain.name: domain for domain in domains}, python
        self.states: dict[tuple[str, Any], State] = {}

    def score(self, name: str, event: Fields) -> Expected:
        """Count an event of a domain in the states of all its entities; answer what its score must say.

        Flags and sequence are those of the key's state.
        """
        entities = [entity.name for entity in self.domains[name].entities]
        by_entity = {entity: self.at(entity, name, event) for entity in entities}
        own = by_entity[self.domains[name].key_entity.name]
        assert own is not None
        features = {k: v for expected in by_entity.values() if expected for k, v in expected.features.items()}
        return Expected(defaults(self.domains[name]) | features, own.late, own.duplicate, own.sequence)

    def at(self, entity: str, name: str, event: Fields) -> Expected | None:
        """Count an event in the state of one entity; answer what is seen there, or None where it names none."""
        key = event[next(e.field for e in self.domains[name].entities if e.name == entity)]
        if key is None:
            return None
        if (entity, key) not in self.states:
            self.states[entity, key] = State(self.domains, entity, self.python)
        return self.states[entity, key].score(self.domains[name], event)


def defaults(domain: EventDomain) -> dict[str, Value]:
    """List the values of a domain's window features where nothing was counted."""
    return {feature.name: Value(default_of(feature)) for feature in domain.window_features}


def default_of(feature: WindowFeature) -> float | None:
    return 0.0 if feature.default is None and feature.aggregate in ZERO_WHEN_EMPTY else feature.default


@dataclass
class Arrivals:
    """A domain's events at a key: the newest time, and the ids by which a duplicate is known, with their times."""

    newest: float = -math.inf
    ids: dict[str, int] = field(default_factory=dict)

    def count(self, event_id: str, time_ms: int, tolerance_ms: int) -> None:
        self.newest = max(self.newest, time_ms)
        counted = [(i, t) for i, t in [*self.ids.items(), (event_id, time_ms)] if t >= self.newest - tolerance_ms]
        self.ids = dict(counted[-REMEMBERED_IDS:])


@dataclass(frozen=True)
class Kept:
    """A feature of a domain at one key, and its series; None when its source is not there."""

    owner: str
    feature: WindowFeature
    source: str
    series: Series | None

    def read(self, time_ms: int) -> Value:
        seen = self.series.read(time_ms) if self.series else None
        return seen or Value(default_of(self.feature))

    @property
    def read_first(self) -> bool:
        return not self.feature.include_event or self.feature.aggregate == "time_since_last"


class State:
    """All that is kept for one key of an entity."""

    def __init__(self, domains: Mapping[str, EventDomain], entity: str, python: Python) -> None:
        self.python, self.sequence = python, 0
        self.arrivals = {name: Arrivals() for name in domains}
        self.kept = [
            Kept(name, feature, source, series)
            for name, domain in domains.items()
            for feature in domain.window_features
            if (feature.entity or domain.key_entity.name) == entity
            for source in [feature.source or name]
            for series in [series_of(feature, domains[source].late_tolerance) if source in domains else None]
        ]

    def score(self, domain: EventDomain, event: Fields) -> Expected:
        time_ms, event_id = event[domain.event_time], event[domain.event_id]
        arrivals, tolerance_ms = self.arrivals[domain.name], milliseconds(domain.late_tolerance)
        oldest = arrivals.newest - tolerance_ms
        duplicate = domain.deduplicate and arrivals.ids.get(event_id, -math.inf) >= oldest > -math.inf
        late = time_ms < oldest
        self.sequence += not duplicate

        own = [kept for kept in self.kept if kept.owner == domain.name]
        features = {kept.feature.name: kept.read(time_ms) for kept in own if kept.read_first}
        if not duplicate and (domain.count_late or not late):
            self.count(domain, event, time_ms)
            arrivals.count(event_id, time_ms, tolerance_ms)
        features |= {kept.feature.name: kept.read(time_ms) for kept in own if not kept.read_first}
        return Expected(features, late, duplicate, self.sequence)

    def count(self, domain: EventDomain, event: Fields, time_ms: int) -> None:
        for kept in self.kept:
            if kept.source == domain.name and kept.series:
                measure = measure_of(kept.feature, self.python, event)
                if measure is not None:
                    kept.series.add(time_ms, measure)


def measure_of(feature: WindowFeature, python: Python, event: Fields) -> Any:
    """Compute what an event adds to a feature's series, or None when it is left out."""
    holds = python[feature.where](event) is True if feature.where else True
    if feature.aggregate == "ratio":
        return 1.0 if holds else 0.0
    measure = python[feature.value](event) if feature.value else 1.0
    if feature.other and measure is not None:
        other = python[feature.other](event)
        pair = None if other is None else (float(measure), float(other))
        measure = pair if pair is None or feature.aggregate == "correlation" else math.prod(pair)
    if not holds or measure is None:
        return None
    if feature.aggregate in OF_ANY_VALUE:
        return "not a number" if measure != measure else measure
    return measure if all(map(math.isfinite, measure if isinstance(measure, tuple) else (measure,))) else None
