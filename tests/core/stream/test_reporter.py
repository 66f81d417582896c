"""The numbers of a running query, with a query and a monitor that answer what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JNetworkError

from riskloom.errors import DeliveryError
from riskloom.stream import reporter as module
from riskloom.stream.metrics import DomainMetrics
from riskloom.stream.reporter import Reporter

PROGRESS = {
    "batchId": 7,
    "timestamp": "2026-01-02T03:04:05.000Z",
    "batchDuration": 2_500,
    "numInputRows": 40,
    "stateOperators": [
        {"numRowsTotal": 0, "memoryUsedBytes": 100, "customMetrics": {"rocksdbSstFileSize": 5}},
        {"numRowsTotal": 0, "memoryUsedBytes": 20, "customMetrics": {}},
    ],
}


class Job:
    """Stands in for query and monitor, and keeps what was told."""

    def __init__(self) -> None:
        self.lastProgress: Any = PROGRESS
        self.numbers = [
            {"iot": DomainMetrics(read=10, scored=8, positions={0: 110})},
            {"iot": DomainMetrics(read=30, scored=20, positions={0: 130})},
        ]
        self.failure: Exception | None = None
        self.settled = 0
        self.told: list[dict[str, Any]] = []
        self.twice = Event()

    def read(self) -> dict[str, DomainMetrics]:
        if self.failure:
            self.twice.set()
            raise self.failure
        return self.numbers.pop(0) if len(self.numbers) > 1 else self.numbers[0]

    def settle(self) -> None:
        self.settled += 1

    def tell(self, **parts: Any) -> None:
        self.told.append(parts)
        if len(self.told) == 2:
            self.twice.set()

    def reporter(self) -> Reporter:
        settings: Any = SimpleNamespace()
        query: Any = self
        return Reporter(query, query, settings, {"iot": "telemetry"}, {"telemetry": {0: 100, 1: 5}}, self.tell)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    ticks = iter(range(0, 10_000, 4))
    monkeypatch.setattr(module, "_EVERY_S", 0.001)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    monkeypatch.setattr(module, "end_offsets", lambda settings, topics: {"telemetry": {0: 140, 1: 9}})
    return Job()


def test_the_numbers_are_told_again_and_again(job: Job) -> None:
    with job.reporter():
        assert job.twice.wait(10)
    first, second = job.told[:2]
    assert first["domains"]["iot"].read == 10
    assert (first["rates"].read.since_start, second["rates"].read.since_start) == (2.5, 3.8)
    assert second["rates"].scored.last_10_s == 2.5
    # Nothing was read of the second partition: it stands where the query began.
    assert (first["lag"], second["lag"]) == ({"telemetry": 34}, {"telemetry": 14})
    assert second["window_state"].model_dump() == {"rows": None, "memory_bytes": 120, "disk_bytes": 5}
    assert (second["last_batch"].id, second["last_batch"].events) == (7, 40)
    assert second["last_batch"].ended.isoformat() == "2026-01-02T03:04:07.500000+00:00"
    assert job.settled == 1


def test_the_last_ten_seconds_have_a_rate_of_their_own(job: Job) -> None:
    reporter = job.reporter()
    job.numbers = [{"iot": DomainMetrics(read=n)} for n in (100, 200, 300, 300, 300, 300)]
    for _ in range(6):
        reporter._update()
    assert job.told[-1]["rates"].read.last_10_s == 0
    assert job.told[-1]["rates"].read.since_start == 12.5


def test_before_the_first_batch_has_ended_there_is_none(job: Job) -> None:
    job.lastProgress = None
    job.reporter()._update()
    assert job.told[0].keys() == {"domains", "rates", "lag"}


def test_a_kafka_that_does_not_answer_is_no_failure(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise DeliveryError("gone")

    monkeypatch.setattr(module, "end_offsets", fail)
    job.reporter()._update()
    assert job.told[0]["lag"] is None


def test_a_jvm_that_is_gone_is_no_failure_of_the_reporter(job: Job) -> None:
    job.failure = Py4JNetworkError("gone")
    reporter = job.reporter()
    reporter.__enter__()
    assert job.twice.wait(10)
    reporter.__exit__(OSError)
    assert job.told == []
    assert job.settled == 0
