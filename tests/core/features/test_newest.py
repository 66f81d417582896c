"""From the topic of scores to the online store, while job and writer are killed: a plain model says what stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from riskloom.features.layouts import Layouts
from riskloom.features.newest import newest_rows
from riskloom.features.objects import feast_objects
from riskloom.features.offline import OfflineStore
from riskloom.features.online import OnlineFeatures
from riskloom.features.repository import open_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = {"account": "payment_count_1hr", "branch": "branch_count_1hr"}


class Stores:
    def __init__(self, settings, domain):
        import redis

        with redis.Redis.from_url(settings.redis_url) as client:
            client.flushall()
        self.offline = OfflineStore(settings.home_dir / uuid4().hex)
        layouts = Layouts(self.offline, [domain]).record()
        feast = open_store(settings)
        feast.apply(feast_objects(self.offline, layouts))
        self.online, self.layout = OnlineFeatures(feast, self.offline, layouts), layouts[0]

    def write(self, name, scores):
        """Write a batch of scores as the cold path does, in place of an earlier attempt at it."""
        rows = pa.Table.from_pylist([self.row(*score) for score in scores], self.layout.schema)
        self.bring(self.offline.write("payments", rows, name))

    def bring(self, paths):
        parts = [part for part in self.offline.parts("payments") if part.path in paths]
        for entity, rows in newest_rows(self.offline, self.layout, parts):
            self.online.write(self.layout, entity, rows)

    def row(self, number, event, created, sequence, value):
        account, ms = event[1:3]
        return {
            "event_id": event[0],
            "account_id": account,
            "branch_id": "7",
            "event_timestamp": NOON + timedelta(milliseconds=ms),
            "created_timestamp": NOON + timedelta(hours=1, milliseconds=created),
            "sequence": sequence,
            "rule_version": "1",
            "feature_version": self.layout.feature_version,
            "origin": "stream",
        } | dict.fromkeys(COLUMNS.values(), float(value))

    def read(self, entity, ids):
        found = self.online.read(entity, ids)
        return [rows[0].values[COLUMNS[entity]] if rows else None for rows in found]


def scored(events, runs, ticks):
    """Score events as jobs do of which all but the last are killed.

    Args:
        events: Their ids, accounts and times; the same one twice is a duplicate.
        runs: For each job how many events it commits, how many it scores beyond, and the order of those.
        ticks: How many milliseconds pass before each score.

    Returns:
        The topic's records: number, event, moment of scoring, sequence number, a value that no other record has.
    """
    topic, committed, clock = [], [], 0
    for steps, beyond, chance in [*runs, (len(events), 0, None)]:
        ahead = events[len(committed) :]
        if chance is not None:
            chance.shuffle(ahead)
        seen = list(committed)
        for event in ahead[: steps + beyond]:
            again = event in seen
            # Nothing else tells a duplicate from its event.
            clock += max(next(ticks, 0), again)
            sequence = len({one for one in seen if one[1] == event[1]} | {event})
            seen.append(event)
            topic.append((len(topic), event, clock, sequence, len(topic)))
        committed = seen[: len(committed) + steps]
        events = [*committed, *_without(events, committed)]
        clock += 1  # a job does not start in the millisecond in which another one was killed
    return topic


def _without(events, taken):
    left = list(events)
    for one in taken:
        left.remove(one)
    return left


EVENTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.integers(0, 2)), min_size=1, max_size=8)
RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.randoms(use_true_random=False)), max_size=3)


@given(
    events=EVENTS,
    runs=RUNS,
    ticks=st.lists(st.integers(0, 1), max_size=30),
    cuts=st.lists(st.integers(1, 6), max_size=6),
    again=st.lists(st.integers(0, 40), max_size=3),
)
@hypothesis(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_stays_is_the_last_scoring_of_the_newest_event(settings, domain, events, runs, ticks, cuts, again):
    # An id says whose event it is, and when.
    events = [(f"{number}{account}{ms}", account, ms) for number, account, ms in events]
    topic = scored(events, runs, iter(ticks))
    last = {event: (event[2], number, value) for number, event, _, _, value in topic}
    expected = {
        account: max((of for event, of in last.items() if event[1] == account), default=(0, 0, None))[2]
        for account in "ab"
    }
    stores, begin, written = Stores(settings, domain), 0, []
    for cut in [*cuts, len(topic)]:
        written.append(topic[begin : begin + cut])
        stores.write(f"batch-{len(written)}", written[-1])
        begin += cut
    # A writer that was killed does batches again, and one that lost its place reads from an earlier one.
    for number in again:
        place = number % len(written)
        stores.write(f"batch-{place + 1}", written[place])
        stores.write(f"again-{number}", topic[number % len(topic) :])
    assert stores.read("account", ["a", "b"]) == [expected["a"], expected["b"]]
    (branch,) = stores.read("branch", ["7"])
    newest = max(ms for _, _, ms in events)
    assert branch in {value for ms, _, value in last.values() if ms == newest}
    # The offline store says the same: a span of it that is brought over changes nothing.
    stores.offline.compact("payments", {stores.layout.feature_version: stores.layout.schema})
    stores.bring({part.path for part in stores.offline.parts("payments")})
    assert stores.read("account", ["a", "b"]) == [expected["a"], expected["b"]]
    rows = stores.offline.read("payments", stores.layout.schema).to_pylist()
    assert {row["event_id"]: row["payment_count_1hr"] for row in rows} == {one[0]: of[2] for one, of in last.items()}


@pytest.mark.parametrize("together", [True, False])
def test_an_event_that_moved_forward_in_its_second_scoring_gives_way(settings, domain, together):
    stores = Stores(settings, domain)
    first, second = ("e1", "a", 0), ("e2", "a", 0)
    # Both in the same millisecond; the second job saw them the other way round.
    topic = [(0, first, 0, 1, 10), (1, second, 0, 2, 20), (2, second, 9, 1, 30), (3, first, 9, 2, 40)]
    for number, batch in enumerate([topic] if together else [topic[:2], topic[2:]]):
        stores.write(f"batch-{number}", batch)
    assert stores.read("account", ["a"]) == [40]
