"""A backlog to drain: events of all domains, spread over a span of time that ends now, sent as fast as it goes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from riskloom.errors import DeliveryError
from riskloom.produce.client import Client
from riskloom.produce.producer import mixed_shares
from riskloom.produce.rate import Stopwatch
from riskloom.produce.report import Ledger
from riskloom.produce.stream import EventStream

if TYPE_CHECKING:
    from riskloom.bench.worker import Line
    from riskloom.discovery import InstalledDomain
    from riskloom.settings import Settings

_BLOCK_EVENTS = 16_384


def backlog(
    line: Line,
    settings: Settings,
    domains: Sequence[InstalledDomain],
    schema_ids: Mapping[str, int],
    events: int,
    span: float,
    seed: int,
) -> int:
    """Send events in the order of their times. Tells how many were sent, block by block.

    Args:
        line: To the process that started this one.
        settings: Where Kafka is; the topics must exist.
        domains: The domains, mixed by their shares.
        schema_ids: The registry's ids of their schemas, by topic.
        events: How many, of all domains together.
        span: Seconds over which their times are spread evenly.
        seed: Of the generators.

    Returns:
        How many Kafka acknowledged: all of them.

    Raises:
        DeliveryError: If Kafka did not take some.
    """
    stopwatch = Stopwatch()
    with Client(settings, {}, stopwatch, paced=False) as client:
        streams = {
            one.name: EventStream(one, schema_ids[one.domain.topic.name], seed, client, stopwatch) for one in domains
        }
        end_ms = time.time() * 1000
        blocks = max(1, round(events / _BLOCK_EVENTS))
        edges = np.linspace(end_ms - span * 1000, end_ms, blocks + 1)
        parts = {
            name: np.linspace(0, round(events * share), blocks + 1).astype(int)
            for name, share in mixed_shares(domains, None).items()
        }
        for n in range(blocks):
            for name, stream in streams.items():
                count = parts[name][n + 1] - parts[name][n]
                if count:
                    stream.send_now(np.linspace(edges[n], edges[n + 1], count).astype(np.int64), lambda: False)
            line.tell(sum(stream.ledger.sent for stream in streams.values()))
        client.drain(lambda: None)
        ledger = Ledger.merged({name: stream.ledger for name, stream in streams.items()})
    if ledger.acknowledged < ledger.sent:
        raise DeliveryError(
            f"Kafka took {ledger.acknowledged:,} of the {ledger.sent:,} events of the backlog; see its log"
        )
    return ledger.acknowledged
