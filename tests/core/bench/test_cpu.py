"""What CPU time is told of."""

from __future__ import annotations

import os

from riskloom.bench.cpu import cpu_seconds, spent


def test_a_process_that_is_gone_is_left_out() -> None:
    found = cpu_seconds({"this": os.getpid(), "none": 2**22 + 1})
    assert found.keys() == {"this"}
    assert found["this"] > 0


def test_what_was_spent_is_told_of_processes_that_were_there_all_the_time() -> None:
    assert spent({"job": 1.0, "gone": 2.0}, {"job": 3.25, "new": 1.0}) == {"job": 2.2}
