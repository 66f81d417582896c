"""The same events in every mode, and with the job killed: the same scores, those of the reference and of a replay."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from command import riskloom
from consume import OUTPUTS, Written, written_since
from installed import environment, install
from job import jvm_of, running_job, wait_for, wait_for_scores
from kinds import DOMAINS, MINUTE, ORDERS, START_MS, Event, history, plugin_files
from replay import (
    Identity,
    Score,
    by_customer,
    by_store,
    disagreements,
    expectations,
    identities,
    identity,
    kept_for_customer,
    kept_for_store,
    last_scores,
    replayed,
    send,
)
from scoring import Scorer

from riskloom.errors import JobError
from riskloom.features.layouts import layout_of
from riskloom.features.offline import OfflineStore, offline_schema
from riskloom.offsets import end_offsets
from riskloom.schemas.registry import RegisteredSchema, register_all
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

EVENTS = history(seed=7, count=2_400)
BY_ID = {event.identity: event for event in EVENTS}
SCORED = identities(EVENTS)
HOUR_MS = 60 * MINUTE
RUNS = ("killed", "realtime", "micro-batch", "available-now")


class Job:
    """The job, with a checkpoint of its own for each run, and the servers and topics that it works on."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder
        self.python = environment(folder / "environment")
        install(self.python, folder / "riskloom-kinds", plugin_files())
        ensure_topics(settings, list(DOMAINS.values()))
        self.schemas: dict[str, RegisteredSchema] = dict(register_all(settings, list(DOMAINS.values())))

    def arguments(self, run: str) -> list[str]:
        return [*(f"--only={name}" for name in DOMAINS), f"--checkpoint={self.folder / run}"]

    def send(self, events: Sequence[Event]) -> None:
        send(self.settings, self.schemas, events)

    def killed(self) -> None:
        """Real-Time Mode while events are sent: some before the state is saved, some after, some after the kill."""
        begin = end_offsets(self.settings, OUTPUTS)
        first, second, third = EVENTS[:800], EVENTS[800:1_600], EVENTS[1_600:]
        arguments = [*self.arguments("killed"), "--batch=10 seconds", "--materialize-every=3 seconds"]
        with running_job(self.settings, self.python, *arguments) as job:
            self.send(first)
            wait_for_scores(self.settings, begin, _all_of(identities(first)))
            saved = self.saved("killed")
            wait_for(lambda: self.saved("killed") > saved, "the state was not saved")
            self.send(second)
            wait_for_scores(self.settings, begin, lambda scores: len(scores) > len(first) + len(second) // 4)
            jvm_of(job).kill()
            assert job.wait(60) == JobError.exit_code
        with running_job(self.settings, self.python, *arguments) as job:
            self.send(third)
            wait_for_scores(self.settings, begin, _all_of(SCORED))
            wait_for(lambda: self.stored() == len(BY_ID), "rows are missing in the offline store")
            job.send_signal(signal.SIGTERM)
            assert job.wait(60) == 0

    def stored(self) -> int:
        """How many events have rows in the offline store."""
        store = OfflineStore(self.settings.offline_store_root)
        rows = (store.read(name, offline_schema(one.domain), columns=["event_id"]) for name, one in DOMAINS.items())
        return sum(of_domain.num_rows for of_domain in rows)

    def compared(self) -> dict[str, Any]:
        """Compute what was served once more, from the topics."""
        span = [f"--from={_text(START_MS - HOUR_MS)}", f"--to={_text(START_MS + 12 * HOUR_MS)}"]
        chosen = [f"--only={name}" for name in DOMAINS]
        done = riskloom(self.settings, "features", "skew", "--json", *span, *chosen, python=self.python)
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def trained(self) -> list[dict[str, Any]]:
        """Make a training set of customers at random times."""
        chance, times = random.Random(5), [event.fields["ts"] for event in EVENTS]
        customers = sorted({event.fields["customer"] for event in EVENTS})
        entities, out = self.folder / "entities.csv", self.folder / "training.parquet"
        rows = [
            f"{chance.choice(customers)},{_text(chance.randrange(min(times), max(times) + 2 * MINUTE))}"
            for _ in range(1_000)
        ]
        entities.write_text("customer_id,event_timestamp\n" + "\n".join(rows) + "\n")
        command = ["features", "training-set", f"--entities={entities}", "--service=orders", f"--out={out}", "--json"]
        report = json.loads(riskloom(self.settings, *command, python=self.python).stdout)
        assert (report["rows"], report["leaks"]) == (1_000, 0)
        found: list[dict[str, Any]] = pq.read_table(out).to_pylist()
        return found

    def saved(self, run: str) -> int:
        """How many batches are complete."""
        return len(list((self.folder / run).glob("*/commits/[0-9]*")))

    def until_scored(self, run: str, *more: str) -> None:
        """Run the job over what was sent, until all of it is scored."""
        begin = end_offsets(self.settings, OUTPUTS)
        with running_job(self.settings, self.python, *self.arguments(run), *more) as job:
            wait_for_scores(self.settings, begin, _all_of(SCORED))
            job.send_signal(signal.SIGTERM)
            assert job.wait(60) == 0

    def drained(self) -> None:
        available_now = [
            "run",
            "--mode=available-now",
            "--max-batch-events=300",
            "--materialize-every=off",
            *self.arguments("available-now"),
        ]
        riskloom(self.settings, *available_now, python=self.python)


def _all_of(wanted: set[Identity]) -> Callable[[list[Score]], bool]:
    return lambda scores: last_scores(scores).keys() >= wanted


def _text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    home = tmp_path_factory.mktemp("modes")
    with LocalStack(home).running() as addresses:
        yield Job(Settings(home=home, **addresses), tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def killed(job: Job) -> Written:
    """What was written while the job was killed; it sends the events that the other runs find."""
    begin = end_offsets(job.settings, OUTPUTS)
    job.killed()
    return written_since(job.settings, begin)


@pytest.fixture(scope="module")
def compared(job: Job, killed: Written) -> dict[str, Any]:
    return job.compared()


@pytest.fixture(scope="module")
def trained(job: Job, killed: Written) -> list[dict[str, Any]]:
    return job.trained()


@pytest.fixture(scope="module")
def written(job: Job, killed: Written, compared: dict[str, Any], trained: list[dict[str, Any]]) -> dict[str, Written]:
    """What each run wrote, by its name. The feature store is looked at before there are scores of more than one."""
    ways: dict[str, Callable[[], None]] = {
        "realtime": lambda: job.until_scored("realtime"),
        "micro-batch": lambda: job.until_scored("micro-batch", "--mode=micro-batch", "--max-batch-events=700"),
        "available-now": job.drained,
    }
    found = {"killed": killed}
    for name, run in ways.items():
        begin = end_offsets(job.settings, OUTPUTS)
        run()
        found[name] = written_since(job.settings, begin)
    return found


@pytest.fixture(params=RUNS)
def scores(request: pytest.FixtureRequest, written: dict[str, Written]) -> dict[Identity, Score]:
    return last_scores(written[request.param].scores)


def test_what_was_served_is_what_history_says(compared: dict[str, Any]) -> None:
    assert (compared["different"], compared["missing"], compared["gone"]) == (0, 0, 0), compared
    assert compared["matched"] == len(BY_ID)
    assert compared["history"]["in_served_order"] == compared["history"]["events"] == len(EVENTS)


def _place(score: Score) -> tuple[datetime, datetime, int]:
    return score["event_time"], score["scored_at"], score["sequence"]


def test_a_training_set_is_the_recount_as_of_then(killed: Written, trained: list[dict[str, Any]]) -> None:
    last = last_scores(killed.scores)
    expected = expectations(by_customer(last.values()), BY_ID, "customer")
    orders = [score for score in last.values() if score["domain"] == "orders"]
    lived = layout_of(ORDERS.domain, datetime.now(UTC)).reach("customer") + timedelta(minutes=1)
    found = 0
    for row in trained:
        known = [
            score
            for score in orders
            if score["entity_id"] == row["customer_id"] and score["event_time"] <= row["event_timestamp"]
        ]
        newest = max(map(_place, known), default=None)
        if newest is None or row["event_timestamp"] - newest[0] > lived:
            assert row["orders_10min"] is None
            continue
        found += 1
        # A repeat that was scored in the same millisecond has the same place.
        assert any(
            all(repr(row[name]) == repr(value) for name, value in score["features"].items())
            and all(value.agrees(row[name]) for name, value in expected[identity(score)].features.items())
            for score in known
            if _place(score) == newest
        ), row
    assert found > 300


@pytest.mark.parametrize("run", RUNS)
def test_every_event_is_scored_once(written: dict[str, Written], run: str) -> None:
    assert written[run].dead_letters == []
    assert last_scores(written[run].scores).keys() == SCORED
    repeated = len(written[run].scores) - len(SCORED)
    assert repeated == 0 or run == "killed"


def test_events_of_one_topic_are_scored_alike_in_every_mode(written: dict[str, Written]) -> None:
    # At the other customers events of several topics meet, in the order in which they happen to arrive.
    of_run = {
        run: {
            identity: kept_for_customer(score)
            for identity, score in last_scores(written[run].scores).items()
            if not score["entity_id"].startswith("all")
        }
        for run in RUNS
    }
    assert len(of_run["killed"]) > len(EVENTS) / 2
    for run in RUNS[1:]:
        assert of_run[run] == of_run["killed"]


def test_what_can_go_wrong_is_among_the_events(scores: dict[Identity, Score]) -> None:
    assert sum(score["late"] for score in scores.values()) > 30
    assert sum(score["duplicate"] for score in scores.values()) > 30


def test_every_feature_is_that_of_the_reference(scores: dict[Identity, Score]) -> None:
    assert list(disagreements(by_customer(scores.values()), BY_ID, "customer")) == []
    assert list(disagreements(by_store(scores.values(), BY_ID), BY_ID, "store")) == []


def test_a_replay_in_the_order_of_the_sequence_gives_the_same_bits(
    scores: dict[Identity, Score], scorer: Scorer
) -> None:
    in_order = by_customer(scores.values())
    again = replayed(scorer, in_order, BY_ID)
    assert sorted(map(kept_for_customer, again), key=repr) == sorted(map(kept_for_customer, in_order), key=repr)
    in_order = by_store(scores.values(), BY_ID)
    # What is a repeat is each entity's to say, and in this order a customer may see one first.
    again = replayed(scorer, in_order, BY_ID)
    assert sorted(map(kept_for_store, again), key=repr) == sorted(map(kept_for_store, in_order), key=repr)
