"""The same events in every mode, and with the job killed: the same scores, those of the reference and of a replay."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from command import riskloom
from consume import OUTPUTS, Written, written_since
from installed import environment, install
from job import jvm_of, running_job, wait_for, wait_for_scores
from kinds import DOMAINS, Event, history, plugin_files
from replay import (
    Identity,
    Score,
    by_customer,
    by_store,
    disagreements,
    identities,
    kept_for_customer,
    kept_for_store,
    last_scores,
    replayed,
    send,
)
from scoring import Scorer

from riskloom.errors import JobError
from riskloom.offsets import end_offsets
from riskloom.schemas.registry import RegisteredSchema, register_all
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

EVENTS = history(seed=7, count=2_400)
BY_ID = {event.identity: event for event in EVENTS}
SCORED = identities(EVENTS)
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
        arguments = [*self.arguments("killed"), "--batch=10 seconds"]
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
            job.send_signal(signal.SIGTERM)
            assert job.wait(60) == 0

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


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Written]]:
    """What each run wrote, by its name."""
    home = tmp_path_factory.mktemp("modes")
    with LocalStack(home).running() as addresses:
        settings = Settings(home=home, **addresses)
        job = Job(settings, tmp_path_factory.mktemp("job"))
        ways: dict[str, Callable[[], None]] = {
            "killed": job.killed,  # it sends the events that the others find
            "realtime": lambda: job.until_scored("realtime"),
            "micro-batch": lambda: job.until_scored("micro-batch", "--mode=micro-batch", "--max-batch-events=700"),
            "available-now": job.drained,
        }
        found = {}
        for name in RUNS:
            begin = end_offsets(settings, OUTPUTS)
            ways[name]()
            found[name] = written_since(settings, begin)
        yield found


@pytest.fixture(params=RUNS)
def scores(request: pytest.FixtureRequest, written: dict[str, Written]) -> dict[Identity, Score]:
    return last_scores(written[request.param].scores)


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
