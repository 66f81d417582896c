"""Generated events of all domains to Kafka, at an asked rate or as fast as it goes, with a report of the delivery."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from riskloom.errors import SettingsError
from riskloom.produce.client import Client
from riskloom.produce.generators import require_pattern_rate
from riskloom.produce.rate import TOLERANCE, Schedule, Stopwatch
from riskloom.produce.report import DeliveryReport, Progress
from riskloom.produce.run import Run
from riskloom.produce.stream import EventStream
from riskloom.suggest import did_you_mean, listed

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain
    from riskloom.settings import Settings

_TICK_S = 0.01
_LOOKAHEAD_S = 0.1
_PAST_BLOCK_EVENTS = 32_768  # a call of a generator has a cost of its own, as much as that of 5,000 events
_UNPACED_BLOCK_EVENTS = 131_072  # a third of a second's: here that cost is most of what can be saved


@dataclass(frozen=True)
class Past:
    """Events of a time that has passed, evenly spread over it.

    Attributes:
        begin_ms: Its beginning, milliseconds since the epoch, UTC.
        end_ms: Its end.
        events: How many, of all domains; None for as many as the generators' populations make by themselves.
    """

    begin_ms: int
    end_ms: int
    events: int | None = None


def produce_events(
    settings: Settings,
    domains: Sequence[InstalledDomain],
    *,
    throughput: float,
    duration: float,
    mix: Mapping[str, float] | None = None,
    seed: int = 0,
    pattern_rate: float | None = None,
    past: Past | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[Progress], None] | None = None,
    properties: Mapping[str, str] | None = None,
    schema_ids: Mapping[str, int] | None = None,
) -> DeliveryReport:
    """Generate events and publish them, keyed by entity, in the Confluent wire format.

    Topics that are missing are created. At an asked rate an event's time is the time at which it is
    due: a run that falls behind sends old events, so that the delay shows in whatever is measured from them.
    May be called from any thread; callbacks run in the thread that called.

    Args:
        settings: Where Kafka and the registry are.
        domains: The domains to produce.
        throughput: Events a second over all domains; 0 for as many as possible. Of the past, how fast it is sent.
        duration: Seconds; infinite for until `stop`.
        mix: Weights by domain; a domain that is not named sends nothing. Default: the domains' shares.
        seed: Same seed and same times, same events.
        pattern_rate: The share of events that belong to injected patterns. Default: the generators' own.
        past: Make the events of a time that has passed, and end with it; those of all domains meet in its order.
        stop: Set it to end the run early: what was sent is still waited for and reported.
        progress: Called a few times a second.
        properties: librdkafka properties that win over the settings'.
        schema_ids: The registry's ids by topic. Default: the schemas are registered.

    Raises:
        DeliveryError: If Kafka cannot be reached or refuses a topic.
        RegistryError: If the registry cannot be reached or refuses a schema.
        PluginError: If a generator fails.
        SettingsError: If the mix or a property cannot be used, or a generator takes no rate of patterns.
    """
    from riskloom.schemas.registry import register_all
    from riskloom.topics import ensure_topics

    shares = mixed_shares(domains, mix)
    chosen = [installed for installed in domains if shares.get(installed.name)]
    if pattern_rate is not None:
        require_pattern_rate(chosen)
    stopwatch = Stopwatch()
    with Client(settings, properties or {}, stopwatch, paced=throughput > 0) as client:
        ensure_topics(settings, chosen)
        if schema_ids is None:
            schema_ids = {topic: schema.schema_id for topic, schema in register_all(settings, chosen).items()}
        streams = {
            installed.name: EventStream(
                installed, schema_ids[installed.domain.topic.name], seed, client, stopwatch, pattern_rate
            )
            for installed in chosen
        }
        run = Run({name: stream.ledger for name, stream in streams.items()}, client, stopwatch, stop, progress)
        if past is not None:
            counts = _counts(streams, shares, past)
            _sent_in_time(run, streams, counts, past, throughput)
            return run.finish(dict.fromkeys(streams), throughput or None)
        if throughput > 0:
            rates = {name: throughput * shares[name] for name in streams}
            _paced(run, streams, rates, duration)
            return run.finish(rates, throughput)
        _unpaced(run, streams, shares, duration)
        return run.finish(dict.fromkeys(streams), None)


def mixed_shares(domains: Sequence[InstalledDomain], mix: Mapping[str, float] | None) -> dict[str, float]:
    """Turn weights into shares of the whole.

    Args:
        domains: The domains to produce.
        mix: Weights by domain, 0 or more. Default: the domains' declared shares.

    Returns:
        Shares that add up to 1, by domain; domains without weight are left out.

    Raises:
        SettingsError: If the mix names another domain, or no domain has a weight.
    """
    names = [installed.name for installed in domains]
    weights = {installed.name: installed.domain.share for installed in domains} if mix is None else dict(mix)
    problems = [
        f"  - {name!r} is not among the chosen domains, {listed(names)}{did_you_mean(name, names)}"
        for name in weights
        if name not in names
    ]
    problems += [
        f"  - {name!r} has weight {weight}, which is not a number of 0 or more"
        for name, weight in weights.items()
        if not (math.isfinite(weight) and weight >= 0)
    ]
    whole = sum(weights.values())
    if not problems and whole <= 0:
        problems = ["  - no domain has a weight above 0"]
    if problems:
        raise SettingsError("the mix cannot be used:\n" + "\n".join(problems))
    return {name: weight / whole for name, weight in weights.items() if weight > 0}


def _counts(streams: Mapping[str, EventStream], shares: Mapping[str, float], past: Past) -> dict[str, int]:
    seconds = (past.end_ms - past.begin_ms) / 1000
    if past.events is None:
        return {name: round(stream.pace * seconds) for name, stream in streams.items()}
    return {name: round(past.events * shares[name]) for name in streams}


def _sent_in_time(
    run: Run, streams: Mapping[str, EventStream], counts: Mapping[str, int], past: Past, throughput: float
) -> None:
    """Send the events of the past, a part of every domain's at a time."""
    parts = max(1, math.ceil(sum(counts.values()) / _PAST_BLOCK_EVENTS))
    for part in range(parts):
        for name, stream in streams.items():
            begin, end = (counts[name] * edge // parts for edge in (part, part + 1))
            gap_ms = (past.end_ms - past.begin_ms) / max(counts[name], 1)
            times = (past.begin_ms + np.arange(begin, end) * gap_ms).astype(np.int64)
            if len(times):
                stream.send_now(times, lambda: run.stopped)
        sent = sum(stream.ledger.sent for stream in streams.values())
        run.serve(until=sent / throughput if throughput > 0 else 0.0)
        if run.stopped:
            return


def _paced(run: Run, streams: Mapping[str, EventStream], rates: Mapping[str, float], duration: float) -> None:
    """Send each event when it is due; behind the schedule, as fast as it goes, up to 2 % beyond the duration."""
    start_ms = time.time() * 1000 - run.elapsed() * 1000
    schedules = {name: Schedule(rate, start_ms) for name, rate in rates.items()}
    last = {name: schedule.due(duration) if math.isfinite(duration) else 2**62 for name, schedule in schedules.items()}
    deadline = duration * (1 + TOLERANCE)

    def over() -> bool:
        return run.stopped or run.elapsed() >= deadline

    while not over():
        now = run.elapsed()
        for name, stream in streams.items():
            stream.send_due(min(schedules[name].due(now), last[name]), over)
        run.serve()
        if all(stream.ledger.sent >= last[name] for name, stream in streams.items()):
            return
        ready = {name: schedules[name].seconds(stream.made) for name, stream in streams.items()}
        short = [name for name in streams if ready[name] < now + _LOOKAHEAD_S and streams[name].made < last[name]]
        if short:
            name = min(short, key=lambda name: ready[name])
            streams[name].prepare(schedules[name], last[name])
        else:
            run.serve(until=now + _TICK_S)


def _unpaced(run: Run, streams: Mapping[str, EventStream], shares: Mapping[str, float], duration: float) -> None:
    """Send as fast as it goes; each event happens between the making of the events before it and its own."""

    def over() -> bool:
        return run.stopped or run.elapsed() >= duration

    before = {name: time.time() * 1000 for name in streams}
    while not over():
        for name, stream in streams.items():
            now = time.time() * 1000
            count = max(1, round(_UNPACED_BLOCK_EVENTS * shares[name]))
            stream.send_now(np.linspace(before[name], now, count).astype(np.int64), over)
            before[name] = now
            run.serve()
