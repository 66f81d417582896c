"""Events of a seed that no rule was made with, after a history that fills the windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from riskloom.discovery import InstalledDomain
from riskloom.domain import window_length
from riskloom.errors import SettingsError
from riskloom.evaluate.labels import Labels
from riskloom.produce.generators import broken, make_generator, pace_of

HELD_OUT_SEED = 20_260
"""Not among the seeds that the shipped rules were fitted with."""

START = datetime(2026, 3, 2, tzinfo=UTC)
"""When the events that count begin: a Monday."""

_DAY_MS = 86_400_000
_BLOCK = 16_384
_HISTORY = 2.0  # as long as what is counted, at most: the windows of those who have many events are full by then


@dataclass(frozen=True)
class Span:
    """Which events of a domain are made, and which of them count.

    Attributes:
        first_ms: When the history begins, milliseconds since the epoch, UTC.
        counts_ms: When counting begins.
        last_ms: When the events end.
        history: How many events of history there are.
        counted: How many events count.
    """

    first_ms: int
    counts_ms: int
    last_ms: int
    history: int
    counted: int

    @property
    def events(self) -> int:
        """How many events there are."""
        return self.history + self.counted


def span_of(installed: InstalledDomain, events: int, days: float | None, warm_up_days: float | None) -> Span:
    """Work out when events happen.

    Args:
        installed: The domain.
        events: How many count.
        days: The days over which they are spread. Default: as many as the generator's population takes for them at its
            own `pace`.
        warm_up_days: The days of history before. Default: the longest window, at most twice `days`.
    """
    if days is None:
        days = events / pace_of(make_generator(installed, 0)) / 86_400
    if warm_up_days is None:
        windows = [window_length(feature.window).total_seconds() for feature in installed.domain.window_features]
        warm_up_days = min(max(windows, default=0.0) / 86_400, _HISTORY * days)
    counts = int(START.timestamp() * 1000)
    return Span(
        first_ms=counts - int(warm_up_days * _DAY_MS),
        counts_ms=counts,
        last_ms=counts + max(1, int(days * _DAY_MS)),
        history=round(events * warm_up_days / days),
        counted=events,
    )


def source_span(source: InstalledDomain, span: Span) -> Span:
    """Work out the events of a domain whose windows the evaluated one reads: at its pace, but no more than its."""
    seconds = (span.last_ms - span.first_ms) / 1000
    own = int(pace_of(make_generator(source, 0)) * seconds)
    return Span(span.first_ms, span.last_ms, span.last_ms, min(own, span.events), 0)


def generate(
    installed: InstalledDomain, span: Span, seed: int, pattern_rate: float | None, labels: Labels | None = None
) -> Iterator[pa.RecordBatch]:
    """Make events.

    Args:
        installed: The domain.
        span: Which.
        seed: The run's seed.
        pattern_rate: The share of events in patterns. Default: the generator's own.
        labels: Where their labels are added.

    Raises:
        PluginError: If the generator fails.
    """
    generator, domain = make_generator(installed, seed, pattern_rate), installed.domain
    times = np.concatenate(
        [
            np.linspace(span.first_ms, span.counts_ms, span.history, endpoint=False),
            np.linspace(span.counts_ms, span.last_ms, span.counted, endpoint=False),
        ]
    ).astype(np.int64)
    for begin in range(0, span.events, _BLOCK):
        block = times[begin : begin + _BLOCK]
        try:
            batch = generator.batch(block)
        except Exception as error:
            raise broken(installed, error) from error
        if labels is not None:
            labels.add(batch.column(domain.event_id), batch.column(domain.label), block >= span.counts_ms)
        yield batch


def require_label(installed: InstalledDomain) -> None:
    """Refuse a domain whose generated events have no label.

    Raises:
        SettingsError: If it declares none.
    """
    if installed.domain.label is None:
        raise SettingsError(
            f"domain {installed.name!r} declares no label: nothing says which generated events are patterns\n"
            "Declare EventDomain.label in the plugin, or evaluate labelled events: --input FILE --label FIELD."
        )
