from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

import fastavro
import pytest
from mock_kafka import MockKafka
from payments import SCHEMA, payments

from riskloom.produce.publish import publish_file
from riskloom.produce.report import DeliveryReport
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA

PAYMENTS = payments()
IDS = {"payments-topic": 5, "dead-letters": 6}


def payment(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "payment_id": f"00000000-0000-4000-8000-{number:012d}",
        "account": number % 3,
        "paid_at": "2026-01-02T03:04:05.678Z",
        "amount": 1.5,
    }
    return row | changes


def publish(kafka: MockKafka, path: Path, **changes: Any) -> DeliveryReport:
    return publish_file(kafka.settings, PAYMENTS, path, schema_ids=IDS, **changes)


def json_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_good_rows_are_sent_and_bad_ones_are_dead_letters(kafka: MockKafka, tmp_path: Path) -> None:
    rows = [payment(1), "{", payment(2, amount="x", account=None), payment(3), payment(4, country="\ud800")]
    path = json_lines(tmp_path / "a.jsonl", rows)
    report = publish(kafka, path)
    assert (report.total.sent, report.total.acknowledged, report.total.rejected) == (2, 2, 3)
    assert (report.domains["payments"].rejected, report.total.failed, report.complete) == (3, {}, False)
    events = kafka.decoded("payments-topic", 2, SCHEMA, 5)
    assert {event["account"] for event in events} == {0, 1}
    assert {event["kind"] for event in events} == {"card"}
    assert {event["paid_at"].isoformat() for event in events} == {"2026-01-02T03:04:05.678000+00:00"}
    assert {record.key() for record in kafka.records("payments-topic", 2)} == {b"0", b"1"}
    letters = sorted(kafka.decoded("dead-letters", 3, DEAD_LETTER_SCHEMA, 6), key=lambda letter: letter["offset"])
    assert [(letter["offset"], letter["reason"]) for letter in letters] == [
        (2, "invalid_json"),
        (3, "invalid_row"),
        (5, "invalid_row"),
    ]
    lines = path.read_bytes().splitlines()
    assert [letter["value"] for letter in letters] == [lines[1], lines[2], lines[4]]
    assert letters[1]["detail"] == ("account: expected a whole number, not None; amount: expected a number, not 'x'")
    assert {letter["source"] for letter in letters} == {str(path)}
    assert {letter["domain"] for letter in letters} == {"payments"}


def test_csv_and_avro_files_send_the_same_events(kafka: MockKafka, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text(
        "payment_id,account,paid_at,amount,country,kind\n"
        "00000000-0000-4000-8000-000000000001,1,2026-01-02T03:04:05.678Z,1.5,,cash\n"
    )
    container = tmp_path / "a.avro"
    written = {**payment(1), "paid_at": 1_767_323_045_678, "country": None, "kind": "cash"}
    with container.open("wb") as file:
        fastavro.writer(file, SCHEMA, [written])
    assert publish(kafka, table).complete
    assert publish(kafka, container).complete
    first, second = kafka.records("payments-topic", 2)
    assert first.value() == second.value()


def test_unknown_columns_are_named_once(kafka: MockKafka, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [payment(1), payment(2, amonut=1, bogus=2), payment(3, bogus=3), payment(4, other=1)]
    path = json_lines(tmp_path / "a.jsonl", rows)
    with caplog.at_level(logging.WARNING):
        report = publish(kafka, path)
    assert report.complete
    assert report.unknown_columns == ("amonut", "bogus", "other")
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}, line 2: columns not in the schema are left out: 'amonut'; did you mean 'amount'?, 'bogus'",
        f"{path}, line 4: columns not in the schema are left out: 'other'",
    ]


def test_many_rows_are_sent_in_order(kafka: MockKafka, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [payment(number, account=1) for number in range(2345)])
    report = publish(kafka, path)
    assert report.total.acknowledged == 2345
    assert report.total.bytes == sum(len(record.value()) for record in kafka.records("payments-topic", 2345))
    assert report.stage_seconds.keys() >= {"read", "encode", "enqueue"}
    events = kafka.decoded("payments-topic", 2345, SCHEMA, 5)
    assert [event["payment_id"].node for event in events] == [int(str(number), 16) for number in range(2345)]


def test_the_asked_rate_is_kept(kafka: MockKafka, tmp_path: Path) -> None:
    report = publish(kafka, json_lines(tmp_path / "a.jsonl", [payment(n) for n in range(100)]), throughput=500)
    assert report.seconds >= 0.2  # open-loop: never faster than asked
    assert (report.total.asked_rate, report.total.acknowledged) == (500, 100)


def test_a_file_can_be_stopped(kafka: MockKafka, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    report = publish(kafka, json_lines(tmp_path / "a.jsonl", [payment(n) for n in range(2000)]), stop=stop)
    assert report.interrupted
    assert report.total.sent == report.total.acknowledged < 2000


def test_a_dead_letter_that_is_not_delivered_is_a_failure(kafka: MockKafka, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [payment(1), "x" * 3000])
    report = publish(kafka, path, properties={"message.max.bytes": "2000"})
    assert (report.total.acknowledged, report.total.rejected) == (1, 1)
    assert report.total.failed == {"dead-letters: MSG_SIZE_TOO_LARGE": 1}


def test_an_empty_file_sends_nothing(kafka: MockKafka, tmp_path: Path) -> None:
    report = publish(kafka, json_lines(tmp_path / "a.jsonl", []))
    assert (report.total.sent, report.complete) == (0, True)
