"""Dead letters on the real servers: counted, shown, and sent again at most once, whatever happens to the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from job import wait_for
from letters import FAR, committed, letter, write_letters
from scoring import framed
from shop import event, shop

from riskloom.cli.dlq import dlq
from riskloom.dlq.letters import Reading, Wanted
from riskloom.dlq.replay import ORIGIN_HEADER, TRANSACTIONAL_ID, replay
from riskloom.errors import DeliveryError
from riskloom.offsets import end_offsets, total
from riskloom.schemas.registry import register_all
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC, ensure_topics

pytestmark = pytest.mark.e2e


class Letters:
    """A domain of a test's own, so that it can tell its dead letters from the others', and the command."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.settings, self.name = settings, name
        self.orders = shop(name)
        self.topic = self.orders.domain.topic.name
        ensure_topics(settings, [self.orders])
        self.ids = {topic: one.schema_id for topic, one in register_all(settings, [self.orders]).items()}
        self.wanted = Wanted(domains=frozenset({name}))

    def letter(self, offset: int, **parts: Any) -> dict[str, Any]:
        return letter(offset, **{"domain": self.name, "source": self.topic} | parts)

    def many(self, count: int) -> list[dict[str, Any]]:
        return [self.letter(FAR + i, key=f"key-{i}".encode(), value=f"value-{i}".encode()) for i in range(count)]

    def write(self, *letters: dict[str, Any]) -> None:
        write_letters(self.settings, self.ids[DEAD_LETTERS_TOPIC], letters)

    def send(self, values: list[bytes]) -> None:
        producer = Producer(self.settings.kafka(acks="all"))
        for value in values:
            producer.produce(self.topic, value, b"u", partition=0)
        assert producer.flush(30) == 0

    def run(self, *arguments: str, exits: int = 0) -> dict[str, Any]:
        settings = self.settings
        servers = [f"--bootstrap-servers={settings.bootstrap_servers}", f"--registry-url={settings.registry_url}"]
        whose = ["--domain", self.name, "--json", *servers]
        done = CliRunner().invoke(dlq, [*arguments, *whose], catch_exceptions=False)
        assert done.exit_code == exits, done.output
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def values(self) -> Counter[bytes]:
        return Counter(record.value() for record in committed(self.settings, self.topic))

    def end(self) -> int:
        return total(end_offsets(self.settings, [self.topic])[self.topic])

    def expect(self, count: int) -> None:
        """Wait until each of so many records is there, once: the end of a transaction takes a moment to be seen."""
        expected = Counter({f"value-{i}".encode(): 1 for i in range(count)})
        deadline = time.monotonic() + 20
        while (found := self.values()) != expected:
            assert time.monotonic() < deadline, (len(found), found.most_common(3))
            time.sleep(0.2)


@pytest.fixture
def letters(settings: Settings, request: pytest.FixtureRequest) -> Letters:
    return Letters(settings, f"dlq{abs(hash(request.node.name)) % 10**9}")


def ago(now: datetime | None = None, **length: float) -> int:
    return int(((now or datetime.now(UTC)) - timedelta(**length)).timestamp() * 1000)


def test_without_dead_letters_there_is_nothing_to_tell(letters: Letters) -> None:
    assert letters.run("list")["dead_letters"] == []
    assert letters.run("show") == {"dead_letters": []}
    assert letters.run("replay")["matched"] == 0


def test_letters_are_counted_by_what_went_wrong(letters: Letters) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    letters.write(
        *(letters.letter(i, failed_at=ago(now, hours=5 - i)) for i in range(4)),
        letters.letter(3, failed_at=ago(now, hours=2)),  # the same record once more, as after a crash
        letters.letter(7, reason="bad_magic", detail="the first byte is 9", failed_at=ago(now, minutes=5)),
    )
    producer = Producer(letters.settings.kafka())
    producer.produce(DEAD_LETTERS_TOPIC, b"no letter")
    producer.flush(10)
    answer = letters.run("list")
    assert answer["unreadable"] >= 1
    first, other = answer["dead_letters"]
    kind = (first["domain"], first["stage"], first["reason"], first["count"])
    assert kind == (letters.name, "decode", "malformed_body", 4)
    assert datetime.fromisoformat(first["first"]) == now - timedelta(hours=5)
    assert datetime.fromisoformat(first["last"]) == now - timedelta(hours=2)
    assert first["example"] == {"detail": "EOFException", "place": f"{letters.topic}/0/3"}
    assert (other["reason"], other["count"]) == ("bad_magic", 1)
    recent = letters.run("list", "--since", "1hr")["dead_letters"]
    assert [(group["reason"], group["count"]) for group in recent] == [("bad_magic", 1)]
    assert letters.run("list", "--since", "2999-01-01")["dead_letters"] == []
    servers = [
        "--bootstrap-servers",
        letters.settings.bootstrap_servers,
        "--registry-url",
        letters.settings.registry_url,
    ]
    told = CliRunner().invoke(dlq, ["list", "--reason", "bad_magik", "--domain", letters.name, *servers])
    assert "none has the reason 'bad_magik'; did you mean 'bad_magic'?" in told.output
    chosen = letters.run("list", "--reason", "bad_magic")["dead_letters"]
    assert [group["count"] for group in chosen] == [1]


def test_a_letter_is_shown_with_its_record(letters: Letters) -> None:
    schema, own = letters.orders.domain.avro_schema, letters.ids[letters.topic]
    good = framed(schema, own, event(1, "ann", 1_700_000_000_000, 12.5))
    letters.send([good])
    letters.write(
        letters.letter(5, reason="bad_magic", value=b'{"id": 1}', failed_at=ago(minutes=3)),
        letters.letter(6, reason="malformed_body", value=b"\0\0\0\0\1\xff", failed_at=ago(minutes=2)),
        letters.letter(0, stage="score", reason="rule_failed", value=None, schema_id=own, failed_at=ago(minutes=-1)),
    )
    shown = letters.run("show")["dead_letters"]
    assert [one["place"] for one in shown] == [f"{letters.topic}/0/{i}" for i in (5, 6, 0)]
    assert [one["payload"] for one in shown[:2]] == [{"text": '{"id": 1}'}, {"hex": "0000000001ff"}]
    assert shown[2]["payload"]["decoded"]["amount"] == 12.5
    assert shown[2]["payload"]["decoded"]["ts"] == "2023-11-14T22:13:20+00:00"
    assert (shown[0]["partition"], shown[0]["offset"], shown[0]["key"]) == (0, 5, "key-5")
    assert [one["offset"] for one in letters.run("show", "--limit", "2")["dead_letters"]] == [6, 0]


def test_each_record_is_sent_once_with_its_own_bytes(letters: Letters) -> None:
    letters.write(*letters.many(1_200), *letters.many(1_200)[::7])
    rehearsed = letters.run("replay", "--dry-run")
    assert rehearsed["sent"] == {letters.topic: 1_200}
    assert letters.values() == Counter()
    first = letters.run("replay")
    assert (first["matched"], first["sent"], first["complete"]) == (1_200, {letters.topic: 1_200}, True)
    again = letters.run("replay")
    assert (again["sent"], again["replayed_before"]) == ({}, 1_200)
    letters.expect(1_200)
    for record in committed(letters.settings, letters.topic):
        number = record.value().decode().removeprefix("value-")
        assert record.key() == f"key-{number}".encode()
        assert record.headers() == [(ORIGIN_HEADER, f"{letters.topic}/0/{FAR + int(number)}".encode())]
    (group,) = letters.run("list")["dead_letters"]
    assert (group["count"], group["replayed"]) == (1_200, 1_200)


def test_what_fails_again_is_sent_again_only_when_asked(letters: Letters) -> None:
    letters.write(letters.letter(FAR, value=b"value-1000"))
    letters.run("replay")
    wait_for(lambda: len(letters.values()) == 1, "nothing was sent")
    (record,) = committed(letters.settings, letters.topic)
    letters.write(letters.letter(record.offset(), partition=record.partition(), value=record.value()))
    second = letters.run("replay")
    assert (second["sent"], second["replayed_before"], second["failed_again"]) == ({}, 1, 1)
    assert letters.run("list")["dead_letters"][0]["failed_again"] == 1
    assert letters.run("replay", "--again")["sent"] == {letters.topic: 1}
    assert letters.run("replay", "--again")["sent"] == {}
    wait_for(lambda: letters.values() == {b"value-1000": 2}, "it was not sent again")


def test_records_are_read_from_their_places_and_those_that_are_gone_are_told(letters: Letters) -> None:
    own = letters.ids[letters.topic]
    values = [framed(letters.orders.domain.avro_schema, own, event(i, "ann", 1_700_000_000_000)) for i in range(5_000)]
    letters.send(values)
    admin = AdminClient(letters.settings.kafka())
    for done in admin.delete_records([TopicPartition(letters.topic, 0, 100)]).values():
        done.result()
    scored = {"stage": "score", "reason": "rule_failed", "value": None, "schema_id": own}
    letters.write(
        *(letters.letter(i, **scored, failed_at=ago(minutes=-1)) for i in (3, 150, 151, 4_500, 99_999)),
        letters.letter(200, **scored | {"schema_id": own + 50}, failed_at=ago(minutes=-1)),  # another record
        letters.letter(300, **scored, failed_at=ago(days=2)),
        letters.letter(1, stage="produce", reason="invalid_row", source="/data/rows.csv", partition=None, value=b"a,b"),
        letters.letter(2, reason="empty_value", value=None),
        letters.letter(4, source="no-such-topic"),
    )
    report = letters.run("replay", exits=6)
    assert report["sent"] == {letters.topic: 3}
    assert report["expired"] == 4
    assert report["not_replayable"] == {"file": 1, "empty": 1, "topic_gone": 1}
    lost = [f"{letters.topic}/0/{i}" for i in (200, 3, 300, 99_999)]
    assert sorted(report["lost"]) == sorted(["no-such-topic/0/4", *lost])
    wait_for(lambda: sum(letters.values().values()) == 4_903, "not all were sent")
    copies = [record for record in committed(letters.settings, letters.topic) if record.headers()]
    assert sorted(values.index(record.value()) for record in copies) == [150, 151, 4_500]


def test_two_replays_side_by_side_send_each_record_once(letters: Letters) -> None:
    letters.write(*letters.many(6_000))
    outcomes: list[Any] = []

    def work() -> None:
        try:
            outcomes.append(replay(letters.settings, letters.wanted).total_sent)
        except DeliveryError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.4)
    for thread in threads:
        thread.join()
    assert letters.run("replay")["complete"]
    letters.expect(6_000)
    assert all(isinstance(outcome, int) or "another replay has begun" in outcome for outcome in outcomes), outcomes


def test_a_replay_that_is_killed_or_stopped_goes_on_where_it_was(letters: Letters) -> None:
    count = 12_000
    letters.write(*letters.many(count))
    environment = os.environ | {
        "RISKLOOM_BOOTSTRAP_SERVERS": letters.settings.bootstrap_servers,
        "RISKLOOM_REGISTRY_URL": letters.settings.registry_url,
    }
    ended = []
    for number in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        before = letters.end()
        argv = [sys.executable, "-m", "riskloom", "dlq", "replay", "--json", "--domain", letters.name]
        process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while letters.end() == before and process.poll() is None:
            assert time.monotonic() < deadline
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
        ended.append((process.returncode, json.loads(out) if out else None))
    assert [code for code, _ in ended] == [-signal.SIGKILL, 130, -signal.SIGKILL], ended
    assert ended[1][1]["interrupted"]
    reading = Reading()
    last = replay(letters.settings, letters.wanted, reading=reading)
    assert reading.read >= count
    assert 0 < last.total_sent < count
    assert last.replayed_before + last.total_sent == count
    letters.expect(count)


def test_what_an_unfinished_transaction_sent_is_sent_by_the_next_replay_and_seen_once(letters: Letters) -> None:
    letters.write(*letters.many(10))
    dead = Producer(letters.settings.kafka(transactional_id=TRANSACTIONAL_ID, transaction_timeout_ms=60_000))
    dead.init_transactions(30)
    dead.begin_transaction()
    for i in range(5):
        dead.produce(letters.topic, f"value-{i}".encode())
    dead.flush(10)
    assert letters.run("replay")["sent"] == {letters.topic: 10}
    letters.expect(10)
