"""The online store on a real Redis: the newest row stays, whatever comes after it, and Feast reads the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from riskloom.features.layouts import Layouts
from riskloom.features.objects import CREATED, feast_objects, view_name
from riskloom.features.offline import OfflineStore
from riskloom.features.online import OnlineFeatures
from riskloom.features.range import materialize_range
from riskloom.features.repository import open_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("event_timestamp", pa.timestamp("us", "UTC")),
        ("created_timestamp", pa.timestamp("us", "UTC")),
        ("sequence", pa.int64()),
        ("payment_count_1hr", pa.float64()),
        ("mean_amount_24hr", pa.float64()),
    ]
)


class Stores:
    def __init__(self, settings, domain):
        self.settings, self.offline = settings, OfflineStore(settings.offline_store_root)
        self.layouts = Layouts(self.offline, [domain]).record()
        self.feast = open_store(settings)
        self.feast.apply(feast_objects(self.offline, self.layouts))
        self.online = OnlineFeatures(self.feast, self.offline, self.layouts)

    def write(self, *rows, created=0):
        moment = NOON + timedelta(hours=1, milliseconds=created)
        made = [
            {
                "account_id": account,
                "event_timestamp": NOON + timedelta(milliseconds=ms),
                "created_timestamp": moment,
                "sequence": sequence,
                "payment_count_1hr": count,
                "mean_amount_24hr": mean,
            }
            for account, ms, sequence, count, mean in rows
        ]
        return self.online.write(self.layouts[0], "account", pa.Table.from_pylist(made, SCHEMA))

    def empty(self):
        import redis

        with redis.Redis.from_url(self.settings.redis_url) as client:
            client.flushall()

    def read(self, *accounts):
        return [row[0].values if row else None for row in self.online.read("account", accounts)]


@pytest.fixture
def stores(settings, domain):
    return Stores(settings, domain)


def test_what_is_written_is_read(stores):
    assert stores.write(("a", 0, 1, 3.0, 0.0), ("b", 5, 1, 1.0, None)) == [0, 1]
    (a,), (b,), nobody = stores.online.read("account", ["a", "b", "c"])
    assert a.values == {"payment_count_1hr": 3.0, "mean_amount_24hr": 0.0}
    assert b.values == {"payment_count_1hr": 1.0, "mean_amount_24hr": None}
    assert (a.event_time, b.event_time) == (NOON, NOON + timedelta(milliseconds=5))
    assert nobody == []


def test_feast_reads_the_same(stores):
    stores.write(("a", 0, 1, 3.0, None))
    service = stores.feast.get_feature_service("payments")
    rows = [{"account_id": "a", "branch_id": "1"}, {"account_id": "c", "branch_id": "1"}]
    assert stores.feast.get_online_features(service, rows).to_dict() == {
        "account_id": ["a", "c"],
        "branch_id": ["1", "1"],
        "payment_count_1hr": [3.0, None],
        "mean_amount_24hr": [None, None],
        "branch_count_1hr": [None, None],
    }


# Several writers' worth of rows, in any order: times that repeat, then moments of scoring, then sequence numbers.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(
            st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(1, 3)), max_size=4, unique_by=lambda r: r[0]
        ),
    ),
    max_size=8,
)


@given(batches=ROWS)
@hypothesis(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_older_row_takes_the_place_of_a_newer_one(stores, batches):
    stores.empty()
    newest = {}
    for created, batch in batches:
        # A client of its own for each, as after a restart.
        stores.online = OnlineFeatures(open_store(stores.settings), stores.offline, stores.layouts)
        rows = [(account, ms, sequence, 100.0 * ms + 10 * created + sequence, None) for account, ms, sequence in batch]
        stores.write(*rows, created=created)
        for account, ms, sequence in batch:
            newest[account] = max(newest.get(account, (0, 0, 0)), (ms, created, sequence))
    values = {account: 100.0 * ms + 10 * created + sequence for account, (ms, created, sequence) in newest.items()}
    assert [row and row["payment_count_1hr"] for row in stores.read("a", "b")] == [values.get(one) for one in "ab"]


def test_an_event_that_is_scored_again_takes_the_place_of_its_first_time(stores):
    stores.write(("a", 0, 6, 6.0, None))
    assert stores.write(("a", 0, 5, 5.0, None), created=9_000) == [0]
    assert stores.write(("a", 0, 6, 6.0, None)) == []
    assert [row["payment_count_1hr"] for row in stores.read("a")] == [5.0]


def test_a_row_of_an_earlier_riskloom_gives_way_to_one_of_the_same_event_time(stores, monkeypatch):
    written = stores.online._provider.online_write_batch

    def without(config, view, data, progress):
        bare = [(key, {n: v for n, v in values.items() if n != CREATED}, *times) for key, values, *times in data]
        written(config, view, bare, progress)

    monkeypatch.setattr(stores.online._provider, "online_write_batch", without)
    stores.write(("a", 5, 6, 6.0, None))
    monkeypatch.undo()
    assert stores.write(("a", 4, 7, 7.0, None), created=9_000) == []
    assert stores.write(("a", 5, 5, 5.0, None)) == [0]
    assert [row["payment_count_1hr"] for row in stores.read("a")] == [5.0]


def test_many_rows_go_in_parts(stores):
    assert len(stores.write(*((f"a{i}", i, 1, float(i), None) for i in range(2_500)))) == 2_500
    assert [row["payment_count_1hr"] for row in stores.read("a0", "a999", "a1000", "a2499")] == [0, 999, 1000, 2499]


def test_only_the_domains_asked_for_are_read(stores):
    stores.write(("a", 0, 1, 3.0, None))
    assert stores.online.read("account", ["a"], ["refunds"]) == [[]]
    assert stores.online.entities == ("account", "branch")


def test_rows_that_feast_brought_over_are_compared_like_others(stores):
    moment = NOON + timedelta(hours=1, milliseconds=500)
    row = {
        "event_id": "e1",
        "account_id": "a",
        "event_timestamp": NOON,
        "created_timestamp": moment,
        "sequence": 2,
        "feature_version": stores.layouts[0].feature_version,
        "origin": "stream",
        "payment_count_1hr": 2.0,
    }
    stores.offline.write("payments", pa.Table.from_pylist([row], stores.layouts[0].schema))
    view = view_name(stores.layouts[0], "account")
    stores.feast.materialize(NOON - timedelta(hours=1), NOON + timedelta(hours=1), [view])
    assert stores.write(("a", 0, 2, 2.0, None), created=500) == []
    assert stores.write(("a", 0, 3, 3.0, None), created=499) == []
    assert stores.write(("a", 0, 1, 1.0, None), created=501) == [0]


def test_a_span_of_time_is_brought_over_from_the_offline_store(stores):
    def row(account, minutes, sequence, origin="stream"):
        return {
            "event_id": f"{account}{minutes}{origin}",
            "account_id": account,
            "branch_id": "7" if account == "a" else None,
            "event_timestamp": NOON + timedelta(minutes=minutes),
            "created_timestamp": NOON,
            "sequence": sequence,
            "rule_version": "1",
            "feature_version": stores.layouts[0].feature_version,
            "origin": origin,
            "payment_count_1hr": float(minutes),
            "branch_count_1hr": 100.0 + minutes,
        }

    rows = [row("a", 1, 1), row("a", 9, 2), row("a", 70, 3), row("b", 2, 1), row("b", 4, 2), row("b", 5, 3, "backfill")]
    stores.offline.write("payments", pa.Table.from_pylist(rows, stores.layouts[0].schema))
    stores.write(("b", 3 * 60_000, 9, 33.0, None))

    def bring(minutes):
        done = materialize_range(
            stores.settings,
            stores.offline,
            stores.online,
            stores.layouts,
            NOON,
            NOON + timedelta(minutes=minutes),
            report=lambda line: None,
        )
        return {one["entity"]: (one["entities"], one["stored"]) for one in done}

    assert bring(3) == {"account": (2, 1), "branch": (1, 1)}
    assert [row["payment_count_1hr"] for row in stores.read("a", "b")] == [1.0, 33.0]
    assert bring(60) == {"account": (2, 2), "branch": (1, 1)}
    assert bring(60)["account"] == (2, 0)
    assert [row["payment_count_1hr"] for row in stores.read("a", "b")] == [9.0, 4.0]
    ((branch,),) = stores.online.read("branch", ["7"])
    assert branch.values == {"branch_count_1hr": 109.0}
