"""The load of a benchmark: the producer in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING

from riskloom.produce.producer import produce_events
from riskloom.produce.report import DeliveryReport, Progress

if TYPE_CHECKING:
    from riskloom.bench.worker import Line
    from riskloom.discovery import InstalledDomain
    from riskloom.settings import Settings


def load(
    line: Line, settings: Settings, domains: Sequence[InstalledDomain], rate: float, seconds: float, seed: int
) -> DeliveryReport:
    """Produce events of all domains at a steady rate. Tells `Progress` a few times a second.

    Args:
        line: To the process that started this one.
        settings: Where the servers are.
        domains: The domains to produce.
        rate: Events a second, of all domains together.
        seconds: For how long.
        seed: Of the generators.
    """
    stop = Event()

    def progress(now: Progress) -> None:
        line.tell(now)
        if line.asked_to_end:
            stop.set()

    return produce_events(settings, domains, throughput=rate, duration=seconds, seed=seed, stop=stop, progress=progress)
