"""CPU time by process: it shows what limits a benchmark."""

from __future__ import annotations

from collections.abc import Mapping

import psutil


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Ask how much CPU time processes have used, in seconds by name; one that is gone is left out."""
    found = {}
    for name, pid in pids.items():
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        found[name] = times.user + times.system
    return found


def spent(begin: Mapping[str, float], end: Mapping[str, float]) -> dict[str, float]:
    """Tell the CPU time between two answers of `cpu_seconds`, of the processes that are in both."""
    return {name: round(end[name] - seconds, 1) for name, seconds in begin.items() if name in end}
