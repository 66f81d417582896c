from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from mock_kafka import MockKafka
from payments import SCHEMA, payments

from riskloom.errors import SettingsError
from riskloom.produce.producer import Past, mixed_shares, produce_events
from riskloom.produce.report import Progress

DOMAINS = (payments("payments", share=30.0), payments("refunds", share=10.0))
IDS = {"payments-topic": 5, "refunds-topic": 6}


def test_shares_are_the_declared_ones_unless_mixed_otherwise() -> None:
    assert mixed_shares(DOMAINS, None) == {"payments": 0.75, "refunds": 0.25}
    assert mixed_shares(DOMAINS, {"refunds": 1, "payments": 1}) == {"payments": 0.5, "refunds": 0.5}
    assert mixed_shares(DOMAINS, {"refunds": 3, "payments": 0}) == {"refunds": 1.0}


@pytest.mark.parametrize(
    ("mix", "problems"),
    [
        ({"refund": 1, "payments": -1}, ["'refund' is not among .*did you mean 'refunds'", "weight -1"]),
        ({"payments": math.inf}, ["weight inf"]),
        ({"payments": math.nan}, ["weight nan"]),
        ({"payments": 0}, ["no domain has a weight above 0"]),
        ({}, ["no domain has a weight above 0"]),
    ],
)
def test_a_mix_that_cannot_be_used(mix: Mapping[str, float], problems: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        mixed_shares(DOMAINS, mix)
    for problem in problems:
        caught.match(problem)


def produce(kafka: MockKafka, **changes: Any) -> Any:
    settings: dict[str, Any] = {"throughput": 400, "duration": 0.5, "schema_ids": IDS}
    return produce_events(kafka.settings, DOMAINS, **settings | changes)


def test_the_asked_rate_is_produced_by_all_domains(kafka: MockKafka) -> None:
    report = produce(kafka)
    # A machine too busy to hold the rate says so; what was sent is accounted for in any case.
    assert report.total.sent == 200 or report.limited_by
    assert report.total.sent == report.total.acknowledged == sum(d.sent for d in report.domains.values())
    assert (report.domains["payments"].asked_rate, report.total.asked_rate) == (300.0, 400)
    assert not report.interrupted
    assert report.complete
    sent = report.domains["payments"].sent
    records = kafka.decoded("payments-topic", sent, SCHEMA, schema_id=5)
    assert {record["payment_id"].node for record in records} == {int(f"{number}", 16) for number in range(sent)}
    assert len(kafka.decoded("refunds-topic", report.domains["refunds"].sent, SCHEMA, schema_id=6)) > 0


def test_without_a_rate_a_run_says_what_limits_it(kafka: MockKafka) -> None:
    report = produce(kafka, throughput=0, duration=0.3)
    assert report.total.sent == report.total.acknowledged > 16_384
    assert report.total.latency_ms is None
    assert report.limited_by in {"generator", "encoding", "enqueueing", "acknowledging", "librdkafka", "broker"}
    assert report.total.asked_rate is None
    shares = {name: delivery.sent / report.total.sent for name, delivery in report.domains.items()}
    assert shares["refunds"] == pytest.approx(0.25, abs=0.15)  # the run may end between two domains' blocks


def test_the_past_is_made_in_one_call_and_in_its_order(kafka: MockKafka) -> None:
    past = Past(begin_ms=86_400_000, end_ms=31 * 86_400_000, events=40_000)
    report = produce(kafka, throughput=0, duration=math.inf, past=past)
    assert (report.domains["payments"].sent, report.domains["refunds"].sent) == (30_000, 10_000)
    assert report.complete
    records = kafka.decoded("refunds-topic", 10_000, SCHEMA, schema_id=6)
    times = sorted(round(record["paid_at"].timestamp() * 1000) for record in records)
    assert times == [86_400_000 + 259_200 * number for number in range(10_000)]


def test_the_past_is_as_busy_as_the_populations_are(kafka: MockKafka) -> None:
    report = produce(kafka, throughput=1000, duration=math.inf, past=Past(0, 100_000))  # these make one a second
    assert {name: one.sent for name, one in report.domains.items()} == {"payments": 100, "refunds": 100}
    assert report.seconds >= 0.2


def test_a_domain_without_a_share_sends_nothing(kafka: MockKafka) -> None:
    report = produce(kafka, mix={"refunds": 1})
    assert report.domains.keys() == {"refunds"}


@pytest.mark.parametrize("throughput", [0, 1000])
def test_a_run_ends_when_it_is_told_to(kafka: MockKafka, throughput: float) -> None:
    stop, seen = threading.Event(), []

    def progress(now: Progress) -> None:
        seen.append(now)
        stop.set()

    report = produce(kafka, throughput=throughput, duration=math.inf, stop=stop, progress=progress)
    assert report.interrupted
    assert report.total.sent == report.total.acknowledged > 0
    assert seen[0].seconds > 0
    assert seen[0].sent.keys() == {"payments", "refunds"}
    assert 0 <= seen[0].acknowledged <= sum(seen[0].sent.values())
    assert (seen[0].failed, seen[0].rejected) == (0, 0)


def test_properties_reach_the_client(kafka: MockKafka) -> None:
    report = produce(kafka, properties={"message.max.bytes": "1000", "client.id": "x"}, duration=0.05)
    assert report.complete
    with pytest.raises(SettingsError):
        produce(kafka, properties={"no.such": "1"})
