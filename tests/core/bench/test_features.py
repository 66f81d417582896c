"""The features that are measured: sound declarations, of every kind and aggregate, that share nothing."""

from __future__ import annotations

import pytest

from riskloom.bench.features import COPIES, copies
from riskloom.bench.state import feature_set
from riskloom.bench.synthetic import SCHEMA, Generator, synthetic_domain
from riskloom.domain import AGGREGATES_OF, Aggregate, Kind
from riskloom.stream.plan import kept_series
from riskloom.validation import problems_of

SORTS = [(kind, aggregate) for kind, aggregates in AGGREGATES_OF.items() for aggregate in sorted(aggregates)]


@pytest.mark.parametrize(("kind", "aggregate"), SORTS)
def test_copies_of_a_feature_are_sound_and_share_no_series(kind: Kind, aggregate: Aggregate) -> None:
    domain = synthetic_domain("bench", "bench-topic", copies(kind, aggregate)).domain
    assert problems_of(domain) == []
    assert len(kept_series([domain])["bench"]) == COPIES


@pytest.mark.parametrize(("count", "series"), [(0, 0), (5, 5), (30, 5), (31, 6), (150, 25)])
def test_a_set_of_features_shares_its_series_between_aggregates(count: int, series: int) -> None:
    domain = synthetic_domain("bench", "bench-topic", feature_set(count)).domain
    assert problems_of(domain) == []
    assert len(domain.window_features) == count
    assert len(kept_series([domain])["bench"]) == series


def test_made_up_events_fit_their_schema_and_have_ids_of_their_own() -> None:
    generator = Generator(seed=1, keys=3)
    batches = [generator.batch([1_000, 2_000]), generator.batch([3_000])]
    assert batches[0].schema.names == [field["name"] for field in SCHEMA["fields"]]
    ids = [name for batch in batches for name in batch.column("event_id").to_pylist()]
    assert ids == ["0", "1", "2"]
    assert {key for batch in batches for key in batch.column("key").to_pylist()} <= {"0", "1", "2"}
