"""The job's JVM is killed in the middle of a batch: the same command goes on, no event is lost, no window is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from consume import OUTPUTS, decoded, records_since, written_since
from state_oracle import Oracle

from riskloom.discovery import InstalledDomain, discover
from riskloom.domain import EventDomain
from riskloom.errors import JobError
from riskloom.offsets import end_offsets
from riskloom.produce.producer import produce_events
from riskloom.schemas.registry import register_all
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

RATE, SECONDS = 400, 30
DEADLINE_S = 180


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers with no events but this test's."""
    home = tmp_path_factory.mktemp("restart")
    with LocalStack(home, short_lived=True).running() as addresses:
        yield Settings(home=home, **addresses)


@contextmanager
def running_job(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """`riskloom run`, with state saved every ten seconds, from when it is scoring until this context ends."""
    said = Path(settings.home) / "run.err"
    environment = os.environ | {
        "RISKLOOM_HOME": str(settings.home),
        "RISKLOOM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "RISKLOOM_REGISTRY_URL": settings.registry_url,
    }
    with said.open("wb") as errors:
        job = subprocess.Popen(
            [sys.executable, "-m", "riskloom", "run", "--batch", "10 seconds", "--materialize-every=off"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + DEADLINE_S
            while b"scoring claims, iot, transactions" not in said.read_bytes():
                assert job.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.2)
            yield job
        finally:
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)
            job.wait()


def jvm_of(job: subprocess.Popen[bytes]) -> psutil.Process:
    return next(p for p in psutil.Process(job.pid).children(recursive=True) if "java" in p.name())


def scored_ids(settings: Settings, begin: Any) -> set[tuple[str, str]]:
    return {(score["domain"], score["event_id"]) for score in written_since(settings, begin).scores}


def wait_for_scores(settings: Settings, begin: Any, wanted: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while (found := len(scored_ids(settings, begin))) < wanted:
        assert time.monotonic() < deadline, f"{found} of {wanted} events were scored"
        time.sleep(1)


def test_a_killed_jvm_loses_no_event_and_miscounts_no_window(own: Settings) -> None:
    domains = discover()
    ensure_topics(own, domains)
    register_all(own, domains)
    topics = [installed.domain.topic.name for installed in domains]
    begin = end_offsets(own, [*topics, *OUTPUTS])

    with ThreadPoolExecutor(1) as pool:
        with running_job(own) as job:
            delivery = pool.submit(produce_events, own, domains, throughput=RATE, duration=SECONDS, seed=3)
            # Two batches are saved by then, and a third is under way with scores already out.
            wait_for_scores(own, begin, RATE * SECONDS // 2)
            jvm_of(job).kill()
            assert job.wait(60) == JobError.exit_code
            assert b"Start the same command again" in (Path(own.home) / "run.err").read_bytes()
        assert len(scored_ids(own, begin)) < RATE * SECONDS, "the kill came too late to show anything"
        with running_job(own) as job:
            delivered = delivery.result(DEADLINE_S)
            assert not delivered.total.failed
            wait_for_scores(own, begin, delivered.total.sent)
            job.send_signal(signal.SIGTERM)
            assert job.wait(60) == 0

    written = written_since(own, begin)
    assert written.dead_letters == []
    assert scored_ids(own, begin) == published(own, domains, begin), "each event published was scored, and no other"
    recount(domains, written.scores)


def published(settings: Settings, domains: tuple[InstalledDomain, ...], begin: Any) -> set[tuple[str, str]]:
    found = set()
    by_topic = {installed.domain.topic.name: installed.domain for installed in domains}
    for record in records_since(settings, {topic: begin[topic] for topic in by_topic}):
        domain = by_topic[record.topic()]
        found.add((domain.name, str(decoded(domain.avro_schema, record.value())[domain.event_id])))
    return found


def recount(domains: tuple[InstalledDomain, ...], scores: list[dict[str, Any]]) -> None:
    """Compare every plain count with a recount of the key's events in the order in which its state saw them."""
    last = {(score["domain"], score["event_id"]): score for score in scores}  # a replayed batch is scored once more
    by_key = defaultdict(list)
    for score in last.values():
        by_key[score["entity"], score["entity_id"]].append(score)
    counting = {installed.name: plain_counts(installed.domain) for installed in domains}
    assert all(domain.window_features for domain in counting.values())
    oracle, compared = Oracle(list(counting.values()), {}), 0
    for seen in by_key.values():
        seen.sort(key=lambda score: score["sequence"])
        assert [score["sequence"] for score in seen] == list(range(1, len(seen) + 1))
        for score in seen:
            domain = counting[score["domain"]]
            event = {
                domain.event_id: score["event_id"],
                domain.event_time: round(score["event_time"].timestamp() * 1000),
                domain.key: score["entity_id"],
            }
            expected = oracle.at(score["entity"], domain.name, event)
            assert expected is not None
            for name, value in expected.features.items():
                assert value.agrees(score["features"][name]), (score["event_id"], name)
                compared += score["sequence"] > 1
    assert compared > 100, "too few keys had a past to count"


def plain_counts(domain: EventDomain) -> EventDomain:
    """Leave a domain the counts of its key's events."""
    features = [
        feature
        for feature in domain.window_features
        if feature.aggregate == "count"
        and (feature.value, feature.where, feature.source, feature.entity) == (None,) * 4
    ]
    return domain.model_copy(update={"window_features": tuple(features)})
