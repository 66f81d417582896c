"""A job reads what a newer version of its schema wrote, where that version says how it came from the job's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from scoring import Scorer, framed

from riskloom.domain import DerivedFeature, ScoringRule, Term

START = datetime(2024, 5, 6, 7, 8, 9, 123000, UTC)
NOTHING = ScoringRule(version="1", terms=(Term(code="NOTHING", sql="0", weight=1.0),))


def _logical(kind: Any, name: str, **more: Any) -> dict[str, Any]:
    return (kind if isinstance(kind, dict) else {"type": kind}) | {"logicalType": name} | more


def _enum(name: str, *symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": name, "symbols": list(symbols)} | more


def _money(scale: int, precision: int = 9) -> dict[str, Any]:
    return _logical("bytes", "decimal", precision=precision, scale=scale)


def _fixed_money(scale: int, name: str = "Money") -> dict[str, Any]:
    return _logical({"type": "fixed", "name": name, "size": 5}, "decimal", precision=9, scale=scale)


def _inner(kind: Any, name: str = "Inner", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": "n", "type": kind}]} | more


MILLIS, MICROS = _logical("long", "timestamp-millis"), _logical("long", "timestamp-micros")
MOMENT = START.replace(microsecond=123456)
NOON = time(12, 0, 0, 5000)
AB, ABC = _enum("Letter", "A", "B"), _enum("Letter", "A", "B", "C")
LETTER = "CASE f WHEN 'A' THEN 1 WHEN 'B' THEN 2 ELSE 9 END"

# The job's type, the newer writer's, the value written, the SQL over field f, and the number it makes; a text is a part
# of the dead letter's detail.
READ: dict[str, tuple[Any, Any, Any, str, float | str | None]] = {
    "int became long": ("int", "long", 41, "f", 41.0),
    "int became long, too large": ("int", "long", 2**31, "f", 'field f: 2147483648 does not fit the domain\'s "int"'),
    "int became double": ("int", "double", -3.0, "f", -3.0),
    "int became double, no whole number": ("int", "double", 2.5, "f", "2.5 does not fit"),
    "long became double": ("long", "double", 2.0**52, "f", 2.0**52),
    "long became double, too large": ("long", "double", 2.0**63, "f", "does not fit"),
    "long became float": ("long", "float", 16.0, "f", 16.0),
    "float became double": ("float", "double", 0.1, "f", pytest.approx(0.1, rel=1e-7)),
    "float became double, too large": ("float", "double", 1e300, "f", "does not fit"),
    "nullable int became nullable long": (["null", "int"], ["null", "long"], 7, "f", 7.0),
    "nullable int became nullable long, null": (["null", "int"], ["null", "long"], None, "coalesce(f, -1)", -1.0),
    "int became int or long": ("int", ["int", "long"], 7, "f", 7.0),
    "a union that has the wider type": (["int", "double"], "long", 7, "f.member1", 7.0),
    "a union that has only a narrower type": (["null", "int", "string"], "long", 7, "f.member0", 7.0),
    "in a list": (
        {"type": "array", "items": "int"},
        {"type": "array", "items": "long"},
        [1, 2],
        "f[0] * 10 + f[1]",
        12.0,
    ),
    "in a map": ({"type": "map", "values": "int"}, {"type": "map", "values": "long"}, {"k": 5}, "f['k']", 5.0),
    "in a record": (_inner("int"), _inner("long"), {"n": 5}, "f.n", 5.0),
    "in a record, too large": (_inner("int"), _inner("long"), {"n": 2**40}, "f.n", "field f: field n: 1099511627776"),
    "in a record that was renamed": (_inner("int"), _inner("long", "Outer", aliases=["Inner"]), {"n": 5}, "f.n", 5.0),
    "a symbol was added": (AB, ABC, "B", LETTER, 2.0),
    "a symbol was added, and written": (AB, ABC, "C", LETTER, "No match for C"),
    "a symbol was added with a default": (AB, ABC | {"default": "A"}, "C", LETTER, 1.0),
    "a symbol was added with itself as default": (AB, ABC | {"default": "C"}, "C", LETTER, "No match for C"),
    "the job's own default wins": (AB | {"default": "B"}, ABC | {"default": "A"}, "C", LETTER, 2.0),
    "an enum was renamed": (AB, _enum("Sign", "A", "B", aliases=["Letter"]), "B", LETTER, 2.0),
    "an enum was renamed without an alias": (AB, _enum("Sign", "A", "B"), "B", LETTER, "expecting test.Letter"),
    "an enum moved to another namespace": (AB, _enum("other.Letter", "A", "B"), "B", LETTER, 2.0),
    "a nullable enum got a default": (["null", AB], ["null", ABC | {"default": "A"}], "C", LETTER, 1.0),
    "millis became micros": (MILLIS, MICROS, MOMENT, "unix_micros(f) % 1000000", 123456.0),
    "micros became millis": (MICROS, MILLIS, START, "unix_micros(f) % 1000000", 123000.0),
    "nullable millis became micros": (["null", MILLIS], ["null", MICROS], MOMENT, "unix_micros(f) % 1000000", 123456.0),
    "a long became a time": ("long", MILLIS, START, "f", START.timestamp() * 1000),
    "a date became a time": (_logical("int", "date"), MILLIS, START, "unix_date(f)", "the writer's is a timestamp"),
    "a date became a long": (_logical("int", "date"), "long", 19_849, "unix_date(f)", 19_849.0),
    "a day's time became micros": (
        _logical("int", "time-millis"),
        _logical("long", "time-micros"),
        NOON,
        "f",
        43_200_005.0,
    ),
    "a day's time became millis": (
        _logical("long", "time-micros"),
        _logical("int", "time-millis"),
        NOON,
        "f",
        43_200_005e3,
    ),
    "a decimal got digits": (_money(2), _money(4), Decimal("12.3400"), "f", 12.34),
    "a decimal got digits that are used": (_money(2), _money(4), Decimal("12.3456"), "f", "12.3456 does not fit"),
    "a decimal lost digits": (_money(4), _money(2), Decimal("12.34"), "f", 12.34),
    "a decimal got larger": (_money(2, 4), _money(2, 9), Decimal("123456.78"), "f", "123456.78 does not fit"),
    "a fixed decimal got digits": (_fixed_money(2), _fixed_money(4), Decimal("12.3400"), "f", 12.34),
    "a fixed was renamed": (
        _fixed_money(2),
        _fixed_money(2, "Price") | {"aliases": ["Money"]},
        Decimal("12.34"),
        "f",
        12.34,
    ),
    "it became nullable": ("long", ["null", "long"], 5, "f", 5.0),
    "it became nullable, and is null": ("long", ["null", "long"], None, "f", "field f: "),
    "it became something else": ("long", "string", "5", "f", "expecting long"),
}


def _record(*fields: Mapping[str, Any]) -> dict[str, Any]:
    base = [{"name": "id", "type": "string"}, {"name": "user", "type": "string"}, {"name": "ts", "type": MILLIS}]
    return {"type": "record", "name": "Payment", "namespace": "test", "fields": [*base, *fields]}


def test_newer_types_are_read_as_the_jobs_own(scorer: Scorer, payment: Any) -> None:
    domains, records = [], []
    for i, (own, written, value, sql, _) in enumerate(READ.values()):
        domain = payment(
            name=f"case{i}",
            topic=payment().topic.model_copy(update={"name": f"topic{i}"}),
            avro_schema=_record({"name": "f", "type": own}),
            derived_features=(DerivedFeature(name="g", sql=sql),),
            rule=NOTHING,
        )
        newer = _record({"name": "f", "type": written}, {"name": "new", "type": ["null", "int"], "default": None})
        event = {"id": "e", "user": f"u{i}", "ts": START, "f": value}
        domains.append(domain)
        records.append((f"topic{i}", framed(newer, scorer.registry.add(newer), event)))
    outcome = scorer(domains, records)
    scored = {score["domain"]: score["features"]["g"] for score in outcome.scores}
    refused = {letter["domain"]: letter for letter in outcome.dead_letters}
    for i, (case, (*_, expected)) in enumerate(READ.items()):
        name = f"case{i}"
        if isinstance(expected, str):
            assert name in refused, (case, scored.get(name))
            assert refused[name]["reason"] == "incompatible_schema", case
            assert expected in refused[name]["detail"], (case, refused[name]["detail"])
        else:
            assert name in scored, (case, refused.get(name))
            assert scored[name] == expected, case


def test_a_field_that_was_renamed_is_found_by_the_alias_of_the_newer_schema(scorer: Scorer, payment: Any) -> None:
    own = _record({"name": "amount", "type": "int"}, {"name": "kind", "type": "string"})
    newer = _record({"name": "price", "type": "long", "aliases": ["amount"]}, {"name": "kind", "type": "string"})
    domain = payment(
        avro_schema=own,
        derived_features=(DerivedFeature(name="amount_seen", sql="amount"),),
        rule=NOTHING,
    )
    ids = [scorer.registry.add(schema) for schema in (own, newer)]
    event = {"id": "e", "user": "u", "ts": START, "kind": "card"}
    records = [
        ("payments", framed(own, ids[0], event | {"amount": 3})),
        ("payments", framed(newer, ids[1], event | {"price": 4, "id": "f"})),
    ]
    outcome = scorer([domain], records)
    assert outcome.dead_letters == []
    assert [score["features"]["amount_seen"] for score in outcome.scores] == [3.0, 4.0]


def test_a_field_that_is_gone_is_told_by_its_name(scorer: Scorer, payment: Any) -> None:
    own, newer = _record({"name": "amount", "type": "long"}), _record()
    domain = payment(avro_schema=own, rule=payment().rule)
    value = framed(newer, scorer.registry.add(newer), {"id": "e", "user": "u", "ts": START})
    (letter,) = scorer([domain], [("payments", value)]).dead_letters
    assert letter["reason"] == "incompatible_schema"
    assert "missing required field amount" in letter["detail"]
