"""What workers of a benchmark do in tests: functions that another process can import."""

from __future__ import annotations

import os
import time

from riskloom.bench.worker import Line


def counting(line: Line, first: int) -> int:
    number = first
    while not line.asked_to_end:
        line.tell(number)
        number += 1
        time.sleep(0.01)
    return number


def failing(line: Line, error: Exception) -> None:
    raise error


def dying(line: Line) -> None:
    os._exit(9)
