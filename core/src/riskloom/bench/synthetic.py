"""Made-up events of one domain whose keys, features and history a benchmark chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.discovery import InstalledDomain
from riskloom.domain import DerivedFeature, Entity, EventDomain, ScoringRule, Term, Topic, WindowFeature
from riskloom.schemas.arrow import record_batch

PARTITIONS = 4
KEY = "key"

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "BenchEvent",
    "namespace": "io.riskloom.bench",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "key", "type": "string"},
        {"name": "happened_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": "double"},
        {"name": "distance", "type": "double"},
        {"name": "category", "type": "string"},
    ],
}
"""Of every made-up event: `amount` and `distance` are uniform from 0 to 1, `category` is one of 100 words."""


def synthetic_domain(
    name: str, topic: str, features: Sequence[WindowFeature], *, deduplicate: bool = False
) -> InstalledDomain:
    """Declare a domain of made-up events.

    Args:
        name: The domain's.
        topic: Where its events are.
        features: Its window features, over the fields of `SCHEMA`.
        deduplicate: Whether ids are remembered, up to 256 a key, which is state of its own.
    """
    domain = EventDomain(
        name=name,
        topic=Topic(name=topic, partitions=PARTITIONS),
        avro_schema=SCHEMA,
        event_id="event_id",
        event_time="happened_at",
        key=KEY,
        entities=(Entity(name="key", field=KEY),),
        generator=f"{__name__}:Generator",
        window_features=tuple(features),
        derived_features=(DerivedFeature(name="share", sql="amount / (amount + distance)"),),
        rule=ScoringRule(version="1", terms=(Term(code="LARGE", sql="share", weight=1.0),)),
        deduplicate=deduplicate,
    )
    return InstalledDomain(domain, distribution="riskloom", version="0", entry_point=name)


class Generator:
    """Makes events of a number of keys.

    Args:
        seed: Same seed and same times, same events.
        keys: How many keys there are.
    """

    def __init__(self, seed: int, keys: int = 1_000) -> None:
        self._random = np.random.default_rng(seed)
        self._keys, self._made = keys, 0

    def batch(self, times: Any) -> Any:
        """Make one event for each time, as `riskloom.domain.EventGenerator` says. Each key is as likely."""
        return self.of_keys(times, self._random.integers(0, self._keys, len(times)))

    def of_keys(self, times: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> Any:
        """Make one event for each time and key number, both of shape (n,)."""
        n = len(times)
        numbers = np.arange(self._made, self._made + n)
        self._made += n
        return record_batch(
            SCHEMA,
            {
                "event_id": numbers.astype(str),
                "key": keys.astype(str),
                "happened_at": times,
                "amount": self._random.random(n),
                "distance": self._random.random(n),
                "category": self._random.integers(0, 100, n).astype(str),
            },
        )
