"""What the kernel makes of records: every dead letter, every writer version, every Avro type."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from scoring import Scorer, framed

from riskloom.domain import DerivedFeature, EventDomain, ScoringRule, Term, WindowFeature

START = datetime(2024, 5, 6, 7, 8, 9, 123000, UTC)
ID = {"name": "id", "type": "string"}
USER = {"name": "user", "type": ["null", "string"]}
TS = {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}}
AMOUNT = {"name": "amount", "type": ["null", "double"], "default": None}
KIND = {"name": "kind", "type": "string", "default": "card"}
TAGS = {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}
EVENT = {"id": "e", "user": "u", "ts": START, "amount": 1.0, "kind": "card", "tags": ["a", "b"]}


def record(*fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Payment", "namespace": "test", "fields": list(fields)}


SCHEMA = record(ID, USER, TS, AMOUNT, KIND, TAGS)


def number(value: int) -> bytes:
    """Avro's variable-length long."""
    left = (value << 1) ^ (value >> 63)
    out = bytearray()
    while left > 127:
        out.append(left & 127 | 128)
        left >>= 7
    return bytes([*out, left])


def header(schema_id: int) -> bytes:
    return struct.pack(">bi", 0, schema_id)


@pytest.fixture
def domain(payment: Any) -> EventDomain:
    """A domain whose measure fails for one kind, and whose rule fails for another."""
    measure = "CASE WHEN kind = 'immeasurable' THEN CAST(raise_error('no measure') AS DOUBLE) ELSE amount END"
    term = "CASE WHEN kind = 'unruly' THEN CAST(raise_error('no rule') AS DOUBLE) ELSE 0.25 END"
    domain: EventDomain = payment(
        deduplicate=False,
        avro_schema=SCHEMA,
        window_features=(WindowFeature(name="total", aggregate="sum", window="1hr", value=measure),),
        derived_features=(DerivedFeature(name="tag_count", sql="size(tags)"),),
        rule=ScoringRule(version="1", terms=(Term(code="RULE", sql=term, weight=1.0),)),
    )
    return domain


def test_every_refused_record_is_a_dead_letter_that_tells_why(scorer: Scorer, domain: EventDomain) -> None:
    registry = scorer.registry
    own = registry.add(SCHEMA)
    other = registry.add({"type": "record", "name": "Claim", "fields": [{"name": "claim", "type": "string"}]})
    no_id = registry.add(record(USER, TS, AMOUNT))
    text_amount = registry.add(record(ID, USER, TS, {"name": "amount", "type": "string"}))
    no_avro = registry.add({"type": "nonsense"})
    unknown = 900_001

    def event(**changes: Any) -> bytes:
        return framed(SCHEMA, own, EVENT | changes)

    good = event()
    body = good[5:]
    up_to_tags = framed(record(ID, USER, TS, AMOUNT, KIND), own, EVENT)
    # The value, the reason, the schema id that is told, and a part of the detail; no reason where it is scored.
    cases: list[tuple[bytes | None, str, int | None, str]] = [
        (good, "", None, ""),
        (None, "empty_value", None, "the record has no value"),
        (b"", "too_short", None, "0 bytes cannot hold a schema id"),
        (b"\0\0\0\0", "too_short", None, "4 bytes cannot hold a schema id"),
        (b'{"id": "e", "user": "u"}', "bad_magic", None, "the first byte is 123, Confluent Avro starts with 0"),
        (b"\xff" + good[1:], "bad_magic", None, "the first byte is 255"),
        (header(unknown) + body, "unknown_schema_id", unknown, f"no Avro schema with id {unknown}"),
        (event(amount=2.0), "", None, ""),
        (header(unknown) + body, "unknown_schema_id", unknown, f"no Avro schema with id {unknown}"),
        (header(0) + body, "unknown_schema_id", 0, "no Avro schema with id 0"),
        (header(-7) + body, "unknown_schema_id", -7, "no Avro schema with id -7"),
        (header(no_avro) + body, "unknown_schema_id", no_avro, f"no Avro schema with id {no_avro}"),
        (header(other) + b"\2c", "incompatible_schema", other, "Found Claim, expecting test.Payment"),
        (framed(record(USER, TS, AMOUNT), no_id, EVENT), "incompatible_schema", no_id, "missing required field id"),
        (header(text_amount) + b"\2e\2\2u\0\2x", "incompatible_schema", text_amount, "Found string, expecting"),
        (header(own), "malformed_body", own, "EOFException"),
        (good[:-1], "malformed_body", own, "EOFException"),
        (good + b"\0", "malformed_body", own, "bytes are left over after the record"),
        (header(own) + number(-5) + body, "malformed_body", own, "Length is negative"),
        (header(own) + number((16 << 20) + 1) + body, "malformed_body", own, "SystemLimitException"),
        (up_to_tags + number((1 << 20) + 1) + b"\0" * 64, "malformed_body", own, "SystemLimitException"),
        (header(own) + b"\2e" + number(9) + body, "malformed_body", own, "IndexOutOfBounds"),
        (header(own) + b"\2e\2\2u" + number(2**62), "malformed_body", own, "long overflow"),
        (event(user=None), "missing_field", own, "field user of payment is null"),
        (event(kind="immeasurable"), "expression_failed", own, "no measure"),
        (event(kind="unruly"), "rule_failed", own, "no rule"),
        (header(unknown) + body, "unknown_schema_id", unknown, f"no Avro schema with id {unknown}"),
        (event(amount=3.0), "", None, ""),
    ]
    registry.requests.clear()
    outcome = scorer([domain], [("payments", value) for value, *_ in cases])

    letters = {letter["offset"]: letter for letter in outcome.dead_letters}
    assert sorted(letters) == [offset for offset, (_, reason, *_) in enumerate(cases) if reason]
    for offset, letter in letters.items():
        value, reason, schema_id, detail = cases[offset]
        assert (letter["reason"], letter["schema_id"]) == (reason, schema_id), (offset, letter)
        assert detail in letter["detail"], (offset, letter)
        assert "\n" not in letter["detail"]
        assert (letter["source"], letter["partition"], letter["domain"]) == ("payments", 0, "payment")
        if reason == "rule_failed":
            # It was decoded: the record itself is where the dead letter says.
            assert (letter["stage"], letter["key"], letter["value"]) == ("score", b"u", None)
        else:
            assert (letter["stage"], letter["key"], letter["value"]) == ("decode", None, value)
    # An event whose rule failed has happened all the same: it counts in the windows of those after it.
    assert [(s["sequence"], s["features"]["total"]) for s in outcome.scores] == [(1, 1.0), (2, 3.0), (4, 7.0)]
    assert all(s["schema_id"] == own and s["score"] == 0.25 for s in outcome.scores)
    assert sorted(registry.requests) == sorted([own, other, no_id, text_amount, no_avro, unknown])


@pytest.mark.parametrize(
    "case",
    [
        "string of 2 GB",
        "array of 2^40 items",
        "decimal of no bytes",
        "id that is no UTF-8",
    ],
)
def test_a_corrupt_body_does_not_stop_the_others(scorer: Scorer, domain: EventDomain, payment: Any, case: str) -> None:
    schema = SCHEMA
    if case.startswith("decimal"):
        price = {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}
        schema = record(ID, USER, TS, price)
        terms = (Term(code="PRICE", sql="price / 100", weight=1.0),)
        domain = payment(avro_schema=schema, rule=ScoringRule(version="1", terms=terms))
    own = scorer.registry.add(schema)
    good = framed(schema, own, EVENT | {"price": Decimal("25.00")})
    corrupt = {
        "string of 2 GB": header(own) + number(2**31 - 1) + b"e" * 64,
        "array of 2^40 items": framed(record(ID, USER, TS, AMOUNT, KIND), own, EVENT) + number(2**40) + b"\0" * 64,
        "decimal of no bytes": framed(record(ID, USER, TS), own, EVENT) + b"\0",
        "id that is no UTF-8": header(own) + b"\2\xff" + good[7:],
    }[case]
    domain = domain.model_copy(update={"deduplicate": False})
    outcome = scorer([domain], [("payments", good), ("payments", corrupt), ("payments", good)])
    assert [(s["sequence"], s["score"]) for s in outcome.scores] == [(1, 0.25), (2, 0.25)]
    assert [(d["offset"], d["reason"], d["value"]) for d in outcome.dead_letters] == [(1, "malformed_body", corrupt)]


def test_an_array_that_could_claim_items_without_end_is_refused(scorer: Scorer, payment: Any) -> None:
    # Nothing reads the field, so it would be skipped item by item.
    void = {"name": "void", "type": "record", "fields": [{"name": "nothing", "type": "null"}]}
    schema = record(ID, USER, TS, AMOUNT, {"name": "voids", "type": {"type": "array", "items": void}})
    own = scorer.registry.add(schema)
    event = framed(record(ID, USER, TS, AMOUNT), own, EVENT) + number(2**33) + b"\0"
    (letter,) = scorer([payment()], [("payments", event)]).dead_letters
    assert letter["reason"] == "incompatible_schema"
    assert "an array whose items take no bytes" in letter["detail"]


@pytest.mark.parametrize("ts", [-(10**15), 9 * 10**15, 253402300800000])
def test_a_time_that_no_calendar_holds_is_a_dead_letter(scorer: Scorer, payment: Any, ts: int) -> None:
    (letter,) = scorer.events(payment(), [{"id": "e", "user": "u", "ts": ts, "amount": 1.0}]).dead_letters
    assert letter["reason"] == "event_time_out_of_range"


def test_every_writer_version_is_read_in_one_run(scorer: Scorer, payment: Any) -> None:
    level = {"type": "enum", "name": "Level", "symbols": ["low", "high", "other"], "default": "other"}
    reader = record(
        ID,
        USER,
        TS,
        AMOUNT,
        KIND,
        {"name": "items", "aliases": ["n"], "type": "long", "default": -1},
        {"name": "level", "type": level, "default": "low"},
        {"name": "note", "type": ["null", "string"], "default": None},
    )
    domain = payment(
        avro_schema=reader,
        derived_features=(
            DerivedFeature(name="f_amount", sql="amount"),
            DerivedFeature(name="f_kind", sql="length(kind)"),
            DerivedFeature(name="f_items", sql="items"),
            DerivedFeature(
                name="f_level", sql="CASE level WHEN 'low' THEN 1 WHEN 'high' THEN 2 WHEN 'other' THEN 3 END"
            ),
            DerivedFeature(name="f_note", sql="length(note)"),
        ),
    )
    old_level = {"type": "enum", "name": "Level", "symbols": ["extreme", "high"]}

    def typed(name: str, kind: Any) -> dict[str, Any]:
        return {"name": name, "type": kind}

    # Writer, what it wrote beside id, user and ts, and the features as they are read: amount, kind, items, level, note.
    absent: tuple[float | None, ...] = (None, 4.0, -1.0, 1.0, None)
    versions: list[tuple[dict[str, Any], dict[str, Any], tuple[float | None, ...]]] = [
        (record(ID, USER, TS), {}, absent),
        (record(ID, USER, TS, typed("amount", "int")), {"amount": -3}, (-3.0, *absent[1:])),
        (record(ID, USER, TS, typed("amount", "long")), {"amount": 2**40}, (2.0**40, *absent[1:])),
        (record(ID, USER, TS, typed("amount", "float")), {"amount": 0.5}, (0.5, *absent[1:])),
        (record(ID, USER, TS, typed("amount", "double")), {"amount": 0.1}, (0.1, *absent[1:])),
        (record(ID, USER, TS, AMOUNT), {"amount": None}, absent),
        (record(ID, USER, TS, AMOUNT), {"amount": 7.5}, (7.5, *absent[1:])),
        (
            record(typed("legacy", "string"), AMOUNT, TS, typed("gone", {"type": "map", "values": "long"}), USER, ID),
            {"legacy": "x" * 100, "gone": {"a": 1, "b": 2}, "amount": 4.0},
            (4.0, *absent[1:]),
        ),
        (record(ID, USER, TS, typed("n", "int")), {"n": 12}, (None, 4.0, 12.0, 1.0, None)),
        (record(ID, USER, TS, typed("items", "long")), {"items": 2**33}, (None, 4.0, 2.0**33, 1.0, None)),
        (record(ID, USER, TS, typed("level", old_level)), {"level": "high"}, (None, 4.0, -1.0, 2.0, None)),
        (record(ID, USER, TS, typed("level", old_level)), {"level": "extreme"}, (None, 4.0, -1.0, 3.0, None)),
        (record(ID, USER, TS, typed("note", "string")), {"note": "hello"}, (None, 4.0, -1.0, 1.0, 5.0)),
        (record(ID, USER, TS, typed("kind", ["string", "null"])), {"kind": "cheque"}, (None, 6.0, -1.0, 1.0, None)),
        # The kind is nullable for this writer and not for the reader.
        (record(ID, USER, TS, typed("kind", ["string", "null"])), {"kind": None}, ()),
    ]
    records = []
    ids = []
    for i, (writer, values, _) in enumerate(versions):
        ids.append(scorer.registry.add(writer))
        event = {"id": str(i), "user": "u", "ts": START} | values
        records.append(("payments", framed(writer, ids[-1], event)))
    outcome = scorer([domain], records * 2)
    found = {int(s["event_id"]): (tuple(s["features"].values()), s["schema_id"]) for s in outcome.scores}
    assert found == {i: (expected, ids[i]) for i, (_, _, expected) in enumerate(versions) if expected}
    assert len(outcome.scores) == 2 * len(found)
    unreadable = [(letter["schema_id"], letter["reason"]) for letter in outcome.dead_letters]
    assert unreadable == [(ids[-1], "incompatible_schema")] * 2


def test_every_avro_type_has_its_value_in_sql(scorer: Scorer, payment: Any) -> None:
    def logical(kind: Any, name: str, **more: Any) -> dict[str, Any]:
        return (kind if isinstance(kind, dict) else {"type": kind}) | {"logicalType": name} | more

    inner = {"type": "record", "name": "Inner", "fields": [{"name": "depth", "type": ["null", "int"]}]}
    place = {
        "type": "record",
        "name": "Place",
        "fields": [{"name": "at", "type": inner}, {"name": "twin", "type": "Inner"}],
    }
    fixed_decimal = {"type": "fixed", "name": "Money", "size": 6}
    noon, moment = datetime(2024, 5, 6, 12), START.replace(microsecond=123456)
    # The Avro type, the value written, the SQL over field f, and the number it makes.
    cases: list[tuple[Any, Any, str, float | None]] = [
        ("boolean", True, "f", 1.0),
        ("int", -(2**31), "f", -(2.0**31)),
        ("long", 2**53, "f", 2.0**53),
        ("float", 0.5, "f", 0.5),
        ("double", -1e300, "f", -1e300),
        ("string", "grüße", "length(f)", 5.0),
        ("bytes", b"\0\xff\x10", "CASE hex(f) WHEN '00FF10' THEN 1 END", 1.0),
        ({"type": "fixed", "name": "Three", "size": 3}, b"\1\2\3", "CASE hex(f) WHEN '010203' THEN 1 END", 1.0),
        ({"type": "enum", "name": "Letter", "symbols": ["A", "B"]}, "B", "CASE f WHEN 'B' THEN 2 ELSE 0 END", 2.0),
        ({"type": "array", "items": "int"}, [4, 5, 6], "f[1] * 10 + size(f)", 53.0),
        ({"type": "array", "items": ["null", "int"]}, [None, 5], "coalesce(f[0], 9) * 10 + f[1]", 95.0),
        ({"type": "array", "items": "string"}, [], "size(f)", 0.0),
        ({"type": "map", "values": "double"}, {"x": 1.5, "y": 2.5}, "f['y']", 2.5),
        ({"type": "map", "values": "double"}, {"x": 1.5}, "f['y']", None),
        ({"type": "map", "values": {"type": "array", "items": "long"}}, {"k": [7, 8]}, "f['k'][1]", 8.0),
        (place, {"at": {"depth": 3}, "twin": {"depth": None}}, "f.at.depth * 10 + coalesce(f.twin.depth, 1)", 31.0),
        (logical("bytes", "decimal", precision=9, scale=2), Decimal("-1234.56"), "f", -1234.56),
        (logical(fixed_decimal, "decimal", precision=12, scale=3), Decimal("98765.432"), "f", 98765.432),
        (logical("int", "date"), date(2024, 5, 6), "unix_date(f)", float((date(2024, 5, 6) - date(1970, 1, 1)).days)),
        (logical("int", "time-millis"), 43_200_000, "f", 43_200_000.0),
        (logical("long", "timestamp-millis"), START, "unix_micros(f)", START.timestamp() * 1e6),
        (logical("long", "timestamp-micros"), moment, "unix_micros(f)", moment.timestamp() * 1e6),
        (logical("long", "local-timestamp-millis"), noon, "hour(f) * 100 + day(f)", 1206.0),
        (logical("long", "local-timestamp-micros"), noon, "hour(f) * 100 + day(f)", 1206.0),
        (logical("string", "uuid"), "00000000-0000-4000-8000-000000000001", "length(f)", 36.0),
        (["null", "long"], None, "f", None),
        (["long", "null"], 5, "f", 5.0),
        (["null", "string", "long"], "abc", "length(f.member0) * 10 + coalesce(f.member1, 1)", 31.0),
        (["null", "string", "long"], 42, "CASE WHEN f.member0 IS NULL THEN f.member1 END", 42.0),
        (["null", "string", "long"], None, "CASE WHEN f IS NULL THEN 1 ELSE 0 END", 1.0),
        (["long", "string"], 6, "f.member0", 6.0),
    ]
    fields, features, values = [], [], {}
    for i, (kind, value, sql, _) in enumerate(cases):
        named = kind | {"name": f"{kind['name']}{i}"} if isinstance(kind, dict) and "name" in kind else kind
        fields.append({"name": f"f{i}", "type": named})
        features.append(DerivedFeature(name=f"g{i}", sql=re.sub(r"\bf\b", f"f{i}", sql)))
        values[f"f{i}"] = value
    schema = record(ID, USER, TS, *fields)
    domain = payment(
        avro_schema=schema,
        derived_features=tuple(features),
        rule=ScoringRule(version="1", terms=(Term(code="NONE", sql="0", weight=1.0),)),
    )
    outcome = scorer.events(domain, [{"id": "e", "user": "u", "ts": START} | values])
    assert outcome.dead_letters == []
    (score,) = outcome.scores
    assert score["event_time"] == START
    for i, (kind, value, sql, expected) in enumerate(cases):
        wanted = expected if expected is None else pytest.approx(expected, rel=1e-12)
        assert score["features"][f"g{i}"] == wanted, (kind, value, sql)
