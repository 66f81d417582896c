"""The contract: what a plugin declares about its event domain.

A declaration is one frozen `EventDomain`. Its parts refer to each other by name (a feature names a field, a rule names
a feature), so they are checked together, in `riskloom.validation`. Expressions are Spark SQL over the event's fields
and the features declared before them.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from importlib import resources
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["rolling", "tumbling", "hopping", "session"]
"""How events are put into windows: see `WindowFeature`."""

Aggregate = Literal[
    "count",
    "sum",
    "mean",
    "min",
    "max",
    "stddev",
    "first",
    "last",
    "ratio",
    "sum_of_products",
    "correlation",
    "distinct_count",
    "time_since_last",
    "ewm_mean",
    "ewm_variance",
    "run_length",
    "duration",
    "is_new",
]
"""What a window can be reduced to.

`stddev` is the sample standard deviation, null below two values. `first` and `last` go by event time. `ratio` is the
share of events for which `where` is true. `sum_of_products` adds up `value * other`; `correlation` is Pearson's of the
two, null below two pairs or where one does not vary. `distinct_count` is exact to 256 different values, then stays
there. `time_since_last` is in seconds, since the last event before this one. `ewm_mean` and `ewm_variance` weigh a
value of age a by 2^(-a / window): the window is the half-life. `run_length` counts the events in a row with the same
value; a silence longer than the window starts a new run. It and `distinct_count` take any value as it is, NaN too.
`duration` (seconds) and `is_new` (1 or 0) are of a session.
"""

_ROLLING: set[Aggregate] = {"time_since_last", "ewm_mean", "ewm_variance", "run_length"}
_SESSION: set[Aggregate] = {"duration", "is_new"}
_NOT_OF_SESSIONS: set[Aggregate] = {"correlation", "distinct_count", *_ROLLING}
_ALL: frozenset[Aggregate] = frozenset(get_args(Aggregate))
AGGREGATES_OF: dict[Kind, frozenset[Aggregate]] = {
    "rolling": _ALL - _SESSION,
    "tumbling": _ALL - _SESSION - _ROLLING,
    "hopping": _ALL - _SESSION - _ROLLING,
    "session": _ALL - _NOT_OF_SESSIONS,
}
"""The aggregates that each kind of window has."""

_ZERO_WHEN_EMPTY = {"count", "sum", "sum_of_products", "distinct_count", "run_length", "duration"}

_NAME = r"^[a-z][a-z0-9_]*$"
_WINDOW = re.compile(r"^(?P<count>[1-9][0-9]*)(?P<unit>s|min|hr|d)$")
_UNIT = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "hr": timedelta(hours=1),
    "d": timedelta(days=1),
}


def window_length(window: str) -> timedelta:
    """Read a window's length.

    Args:
        window: A number and a unit: `30s`, `1min`, `5min`, `1hr`, `24hr`, `7d`.

    Raises:
        ValueError: If the text is not a positive whole number and one of s, min, hr, d.
    """
    match = _WINDOW.match(window)
    if match is None:
        raise ValueError(f"window {window!r} is not a whole number and a unit of s, min, hr, d, such as 5min or 24hr")
    return int(match["count"]) * _UNIT[match["unit"]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


class Topic(_Part):
    """The Kafka topic that carries the domain's events."""

    name: str = Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    partitions: int = Field(default=6, ge=1)
    retention: timedelta = timedelta(days=7)


class Entity(_Part):
    """Something features are kept about: a user, a device, a merchant."""

    name: str = Field(pattern=_NAME)
    field: str
    """The event's field that identifies it."""
    description: str = ""


class WindowFeature(_Part):
    """An aggregate kept in the state of one of the event's entities and read for every event.

    A rolling window slides with each event and ends at it. It is kept as 60 tiles: its far edge is exact to
    window/60. A tumbling window begins at a whole multiple of its length, counted from 1970-01-01 UTC; a hopping one
    is as long as `window`, begins at a multiple of `slide`, and is the one that ends with the event's slide. A session
    ends with a silence longer than `window`.
    """

    name: str = Field(pattern=_NAME)
    aggregate: Aggregate
    window: str
    """A length such as `5min` or `24hr`; of a session, its gap."""
    kind: Kind = "rolling"
    slide: str | None = None
    """Of a hopping window: a length of which `window` is a multiple."""
    value: str | None = None
    """SQL over the source event's fields: what to aggregate. Nulls, NaN and infinities are left out."""
    other: str | None = None
    """SQL of the second value of `sum_of_products` and `correlation`."""
    where: str | None = None
    """SQL predicate over the source event's fields: events for which it is not true are left out."""
    source: str | None = None
    """The domain whose events are aggregated, for the same entity. Default: the declaring domain."""
    entity: str | None = None
    """The name of the domain's entity that the window is kept for. Default: that of its key."""
    include_event: bool = True
    """Whether the event itself counts. Without it, the value is that from before the event: a baseline."""
    default: float | None = None
    """The value of an empty window, or when the source domain is not installed. See `value_when_empty`."""
    description: str = ""

    @property
    def value_when_empty(self) -> float | None:
        """`default`; where there is none, 0 for what counts or adds up, else null."""
        return 0.0 if self.default is None and self.aggregate in _ZERO_WHEN_EMPTY else self.default


class DerivedFeature(_Part):
    """A feature computed from the event's fields and the features declared before it, in SQL, as a number."""

    name: str = Field(pattern=_NAME)
    sql: str
    description: str = ""


class Term(_Part):
    """One weighted reason of a rule. It adds `weight * value` to the score, with value cut to 0..1 and null as 0."""

    code: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    """The reason code that a score carries, such as `HIGH_VELOCITY`."""
    sql: str
    """SQL over fields and features: a number from 0 to 1, or a condition."""
    weight: float = Field(gt=0, le=1)
    description: str = ""


class Band(_Part):
    """A level of risk: the highest band whose `at_least` the score reaches."""

    level: str = Field(pattern=_NAME)
    at_least: float = Field(ge=0, le=1)


class ScoringRule(_Part):
    """The rule: the score is the sum of its terms, cut at 1; the reasons of a cut score are scaled to add up to it."""

    version: str = Field(min_length=1)
    terms: tuple[Term, ...] = Field(min_length=1)
    bands: tuple[Band, ...] = (
        Band(level="low", at_least=0.0),
        Band(level="medium", at_least=0.3),
        Band(level="high", at_least=0.6),
        Band(level="critical", at_least=0.8),
    )


@runtime_checkable
class EventGenerator(Protocol):
    """Makes synthetic events. Same seed and same times, same events.

    It may have a `pace`: the events a second at which its population is as busy as it should be.
    """

    def batch(self, times: Any) -> Any:
        """Make one event for each time.

        Args:
            times: NumPy int64 array of shape (n,): event times in milliseconds since the epoch, UTC, ascending.

        Returns:
            A `pyarrow.RecordBatch` of n rows whose columns are the fields of the domain's schema, in their order, as
            made by `riskloom.schemas.arrow.record_batch`.
        """


class EventDomain(_Part):
    """Everything riskloom needs to know of one kind of event."""

    name: str = Field(pattern=_NAME)
    description: str = ""
    topic: Topic
    avro_schema: dict[str, Any]
    """The Avro record schema of the event, the newest version: what records of every version are read as."""
    event_id: str
    """The field (string) that identifies an event. A score is identified by domain, event id and rule version."""
    event_time: str
    """The field (timestamp-millis or timestamp-micros, UTC) that says when the event happened."""
    key: str
    """The field that keys the Kafka record and the windows: the `field` of one of the entities."""
    entities: tuple[Entity, ...] = Field(min_length=1)
    generator: str = Field(pattern=r"^[\w.]+:\w+$")
    """`module:factory`, imported on use. The factory is called with `seed=` and, where it takes that, `pattern_rate=`:
    the share of events that belong to injected patterns. It answers an `EventGenerator`."""
    label: str | None = None
    """The field (nullable string) that names the injected pattern an event belongs to; null for an ordinary event."""
    outcomes: tuple[str, ...] = ()
    """Further fields that are known only afterwards, or are judgements of risk themselves. No feature and no rule, of
    this domain or another, may read them or the label: it would look perfect and find nothing in real events."""
    window_features: tuple[WindowFeature, ...] = ()
    derived_features: tuple[DerivedFeature, ...] = ()
    rule: ScoringRule
    late_tolerance: timedelta = timedelta(minutes=2)
    """How far behind its key's newest event of the domain an event may be before it is late, and how far ahead of
    Kafka's clock before it is a dead letter."""
    count_late: bool = True
    """Whether late events update the windows. They are scored, and flagged, in either case."""
    deduplicate: bool = True
    """Whether an event whose id the key has seen within the tolerance is left uncounted. It is scored, and flagged."""
    share: float = Field(default=10.0, gt=0)
    """The domain's weight in a mixed load, relative to the other domains'."""

    @property
    def key_entity(self) -> Entity:
        """The entity whose windows the domain's features read."""
        return next(entity for entity in self.entities if entity.field == self.key)

    def entity_of(self, feature: WindowFeature) -> Entity:
        """The entity that a window feature is about; the declaration must have it."""
        if feature.entity is None:
            return self.key_entity
        return next(entity for entity in self.entities if entity.name == feature.entity)

    @property
    def hindsight(self) -> frozenset[str]:
        """The fields that no expression may read: the label and the outcomes."""
        return frozenset(self.outcomes) | ({self.label} if self.label else set())

    @property
    def avro_json(self) -> str:
        """The Avro schema as compact JSON."""
        return json.dumps(self.avro_schema, separators=(",", ":"))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of all features, in the order in which they are computed."""
        return tuple(f.name for f in self.window_features) + tuple(f.name for f in self.derived_features)


def load_schema(package: str, resource: str = "schema.avsc") -> dict[str, Any]:
    """Read an Avro schema that a plugin ships as package data.

    Args:
        package: The plugin's package, usually `__package__`.
        resource: The file's name inside the package.
    """
    schema: dict[str, Any] = json.loads(resources.files(package).joinpath(resource).read_text("utf-8"))
    return schema
