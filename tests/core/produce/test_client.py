from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mock_kafka import MockKafka

from riskloom.errors import SettingsError
from riskloom.produce.client import DEFAULTS, UNPACED, Client
from riskloom.produce.columns import Encoded
from riskloom.produce.rate import Stopwatch
from riskloom.produce.report import Ledger
from riskloom.settings import Settings


def never() -> bool:
    return False


def nothing() -> None:
    return


def values(count: int, size: int = 20) -> list[bytes]:
    return [b"%010d" % n + b"x" * size for n in range(count)]


def events(*parts: list[bytes]) -> Encoded:
    return Encoded.of([(value, "the same") for part in parts for value in part])


def client(settings: Settings, **properties: str) -> Client:
    return Client(settings, {name.replace("_", "."): value for name, value in properties.items()}, Stopwatch())


def test_what_is_sent_arrives_and_is_counted(kafka: MockKafka) -> None:
    ledger, sender = Ledger(), client(kafka.settings)
    assert sender.send("t", events(values(100)), ledger, never) == 100
    sender.drain(nothing)
    assert (ledger.sent, ledger.acknowledged, ledger.failed) == (100, 100, {})
    assert len(ledger.latencies) == 100
    records = kafka.records("t", 100)
    assert [record.value() for record in records] == values(100)
    assert {record.key() for record in records} == {b"the same"}


def test_as_fast_as_it_goes_only_failures_are_reported(kafka: MockKafka) -> None:
    ledger = Ledger()
    sender = Client(kafka.settings, {"message.max.bytes": "1000"}, Stopwatch(), paced=False)
    assert sender.send("t", events(values(100), values(1, size=5000)), ledger, never) == 101
    assert 0 <= sender.waiting <= 100
    sender.drain(nothing)
    assert sender.waiting == 0
    assert (ledger.sent, ledger.acknowledged, ledger.failed) == (101, 100, {"MSG_SIZE_TOO_LARGE": 1})
    assert ledger.latencies == []
    assert len(kafka.records("t", 100)) == 100


def test_a_full_queue_is_waited_for_in_order(kafka: MockKafka) -> None:
    ledger, stopwatch = Ledger(), Stopwatch()
    sender = Client(kafka.settings, {"queue.buffering.max.messages": "100"}, stopwatch)
    assert sender.send("t", events(values(1000)), ledger, never) == 1000
    sender.drain(nothing)
    assert (ledger.sent, ledger.acknowledged) == (1000, 1000)
    assert stopwatch.seconds["queue_full"] > 0
    assert [record.value() for record in kafka.records("t", 1000)] == values(1000)


def test_waiting_for_a_full_queue_can_be_given_up(kafka: MockKafka) -> None:
    ledger, sender = Ledger(), client(kafka.settings, queue_buffering_max_messages="100")
    assert sender.send("t", events(values(1000)), ledger, lambda: True) == 100
    sender.drain(nothing)
    assert (ledger.sent, ledger.acknowledged) == (100, 100)


def test_a_message_that_can_never_be_sent_fails_alone(kafka: MockKafka) -> None:
    ledger, sender = Ledger(), client(kafka.settings, message_max_bytes="1000")
    mixed = events(values(3), values(1, size=5000), values(3))
    assert sender.send("t", mixed, ledger, never) == 7
    sender.drain(nothing)
    assert (ledger.sent, ledger.acknowledged, ledger.failed) == (7, 6, {"MSG_SIZE_TOO_LARGE": 1})


@pytest.mark.parametrize("paced", [True, False])
def test_what_kafka_never_acknowledges_is_given_up(monkeypatch: pytest.MonkeyPatch, paced: bool) -> None:
    monkeypatch.setattr("riskloom.produce.client._DRAIN_PATIENCE_S", 0.2)
    ledger, told = Ledger(), []
    sender = Client(Settings(bootstrap_servers="127.0.0.1:1"), {}, Stopwatch(), paced=paced)
    assert sender.send("t", events(values(5)), ledger, never) == 5
    sender.drain(lambda: told.append(1))
    assert (ledger.acknowledged, ledger.failed) == (0, {"_PURGE_QUEUE": 5})
    assert told


def test_an_unknown_property_is_a_setting_that_cannot_be_used() -> None:
    with pytest.raises(SettingsError, match=r'"foo.bar".*\n.*--set'):
        client(Settings(), foo_bar="1")
    with pytest.raises(SettingsError, match=r'"queue.buffering.max.ms".*\n.*--set'):
        client(Settings(), linger_ms="soon")
    with pytest.raises(SettingsError, match=r"Failed to create producer: .*\n.*--set"):
        client(Settings(), security_protocol="ssl", ssl_ca_location="/no/such/file")


def test_properties_win_over_settings_and_those_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr("riskloom.produce.client.NativeProducer", lambda properties, listeners: seen.update(properties))
    kafka_client = {"linger.ms": "20", "acks": "all", "security.protocol": "SSL"}
    client(Settings(kafka_client=kafka_client), acks="0", max_in_flight="1")
    assert seen["bootstrap.servers"] == "127.0.0.1:9092"
    assert seen["security.protocol"] == "SSL"
    assert (seen["linger.ms"], seen["acks"], seen["max.in.flight"]) == ("20", "0", "1")
    assert seen["batch.size"] == DEFAULTS["batch.size"] == 65536
    Client(Settings(kafka_client=kafka_client), {}, Stopwatch(), paced=False)
    assert seen["batch.size"] == UNPACED["batch.size"] > 65536
    Client(Settings(kafka_client={"batch.size": "9"}), {}, Stopwatch(), paced=False)
    assert seen["batch.size"] == "9"


def test_the_defaults_are_those_of_the_product() -> None:
    expected = {
        "batch.size": 65536,
        "linger.ms": 10,
        "compression.type": "snappy",
        "acks": 1,
        "max.in.flight": 5,
        "queue.buffering.max.kbytes": 65536,
    }
    assert {name: DEFAULTS[name] for name in expected} == expected


@pytest.fixture
def statistics() -> Callable[[int], str]:
    def made(waiting: int) -> str:
        broker = {"nodeid": 1, "waitresp_cnt": waiting, "req": {"Produce": 9}}
        bootstrap = {"nodeid": -1, "waitresp_cnt": 9, "req": {"Produce": 0}}
        return json.dumps({"brokers": {"a": broker, "b": bootstrap}})

    return made


@pytest.mark.parametrize(("waiting", "busy"), [([0, 1, 2], False), ([5, 4, 5], True), ([], False)])
def test_requests_in_flight_tell_a_slow_broker(
    statistics: Callable[[int], str], waiting: list[int], busy: bool
) -> None:
    sender = client(Settings())
    for count in waiting:
        sender._on_statistics(statistics(count))
    assert sender.broker_is_busy is busy
