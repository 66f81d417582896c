"""A worker's news, result, failure and end."""

from __future__ import annotations

import os
import time

import psutil
import pytest
from bench_work import counting, dying, failing

from riskloom.bench.worker import Worker
from riskloom.errors import DeliveryError, RiskloomError


def test_news_come_until_the_worker_is_asked_for_its_result() -> None:
    with Worker(counting, 5) as worker:
        while (news := worker.news) is None or news < 8:
            time.sleep(0.01)
        assert not worker.ended
        assert worker.result(ask=True) > 8
        assert worker.ended


def test_it_is_a_process_of_its_own_and_ends_with_its_context() -> None:
    with Worker(counting, 0) as worker:
        process = psutil.Process(worker.pid)
        assert process.ppid() == os.getpid()
    assert not process.is_running()


@pytest.mark.parametrize(
    ("error", "text"), [(DeliveryError("no broker"), "^no broker$"), (KeyError("amount"), "failing: KeyError")]
)
def test_a_failure_is_told(error: Exception, text: str) -> None:
    with Worker(failing, error) as worker, pytest.raises(RiskloomError, match=text):
        worker.result()


def test_a_worker_that_dies_is_noticed() -> None:
    with Worker(dying) as worker, pytest.raises(RiskloomError, match="'dying' ended with status 9"):
        worker.result()
