import json

import pytest
from avro_pairs import at, decimal, enum, fixed, of, record

from riskloom.schemas.compatibility import LEVELS, conflicts, incompatibilities
from riskloom.schemas.resolution import RULES

INNER = record(at("x", "int"), name="Inner")
INNER_MORE = record(at("x", "int"), at("y", "int"), name="Inner")
OTHER_TYPE = "can be a field of its own with a default"


@pytest.mark.parametrize(
    ("older", "newer", "path", "rule", "message", "fix"),
    [
        (
            record(),
            of("int"),
            "a",
            "READER_FIELD_MISSING_DEFAULT_VALUE",
            "field 'a' was added without a default",
            'give `a` a default, such as "default": 0',
        ),
        (
            record(at("chanel", "string")),
            record(at("channel", "string")),
            "channel",
            "READER_FIELD_MISSING_DEFAULT_VALUE",
            "field 'channel' was added without a default",
            'give `channel` a default, such as "default": ""; '
            'or, if it was `chanel` before, give it "aliases": ["chanel"]',
        ),
        (
            record(at("b", "int"), at("c", "int")),
            of("int", aliases=["b", "c"]),
            "a",
            "AMBIGUOUS_ALIAS",
            "field 'a' matches several fields of the older schema: 'b', 'c'",
            "leave all but one of 'b', 'c' out of its aliases",
        ),
        (of("long"), of("int"), "a", "TYPE_MISMATCH", "field 'a': its type was long and became int", "keep long; "),
        (
            of(["null", "int"]),
            of("int"),
            "a",
            "TYPE_MISMATCH",
            "field 'a': its type was null and became int",
            "keep null in a union with int",
        ),
        (
            of("string"),
            of(["null", "int"]),
            "a",
            "MISSING_UNION_BRANCH",
            "field 'a': its type was string and became null or int",
            "add string to its union",
        ),
        (
            of(enum("A", "B", "C")),
            of(enum("B")),
            "a",
            "MISSING_ENUM_SYMBOLS",
            "field 'a': the enum has lost A, C and has no default",
            'keep A, C, or give the enum a default, such as "default": "B"',
        ),
        (
            of(fixed(2)),
            of(fixed(3)),
            "a",
            "FIXED_SIZE_MISMATCH",
            "field 'a': its type was fixed F of 2 bytes and became fixed F of 3 bytes",
            "keep fixed F of 2 bytes; ",
        ),
        (
            of(decimal(9, 2)),
            of(decimal(9, 3)),
            "a",
            "DECIMAL_MISMATCH",
            "field 'a': it was decimal(9, 2) and became decimal(9, 3)",
            "keep decimal(9, 2); ",
        ),
        (
            of({"type": "array", "items": {"type": "map", "values": "long"}}),
            of({"type": "array", "items": {"type": "map", "values": "string"}}),
            "a[]{}",
            "TYPE_MISMATCH",
            "field 'a[]{}': its type was long and became string",
            "keep long; ",
        ),
        (
            of(["null", INNER]),
            of(["null", INNER_MORE]),
            "a.y",
            "READER_FIELD_MISSING_DEFAULT_VALUE",
            "field 'a.y' was added without a default",
            "give `y` a default",
        ),
        (
            of(["null", "string", INNER]),
            of(["null", "string", INNER_MORE]),
            "a<Inner>.y",
            "READER_FIELD_MISSING_DEFAULT_VALUE",
            "field 'a<Inner>.y' was added without a default",
            "give `y` a default",
        ),
        (
            record(name="A", namespace="n"),
            record(name="B", namespace="n"),
            "",
            "NAME_MISMATCH",
            "the schema: the record 'A' was renamed 'B' without an alias",
            "keep the name 'A', or give 'B' \"aliases\": [\"n.A\"]",
        ),
        ("string", "int", "", "TYPE_MISMATCH", "the schema: its type was string and became int", "keep string; "),
    ],
)
def test_what_the_newer_cannot_read_is_told_with_place_rule_and_fix(older, newer, path, rule, message, fix):
    (found,) = incompatibilities(older, newer, ["backward"])
    assert (found.direction, found.path, found.rule, found.message) == ("backward", path, rule, message)
    assert found.fix == fix or (fix[-1] in " t" and found.fix.startswith(fix))
    assert found.explanation == RULES[rule]


@pytest.mark.parametrize(
    ("older", "newer", "message", "fix"),
    [
        (
            of("int"),
            record(),
            "field 'a' was removed, and the older schema has no default for it",
            "keep `a`; to remove it, first give it a default in a version of its own",
        ),
        (
            of("int", aliases=["b", "c"]),
            record(at("b", "int"), at("c", "int")),
            "field 'a' matches several fields of the newer schema: 'b', 'c'",
            "have no more than one of the fields 'b', 'c'",
        ),
        (of("int"), of("long"), "field 'a': its type was int and became long", f"keep int; what is new {OTHER_TYPE}"),
        (
            of("int"),
            of(["null", "int"]),
            "field 'a': its type was int and became null",
            "leave null out: keep int",
        ),
        (
            of(["null", "int"]),
            of(["null", "string"]),
            "field 'a': its type was null or int and became string",
            "keep to null or int, or first add string to its union in a version of its own",
        ),
        (
            of(enum("A")),
            of(enum("A", "B")),
            "field 'a': the enum has got B, and in the older schema it has no default",
            "leave B out, or first give the enum a default in a version of its own",
        ),
        (
            record(name="A"),
            record(name="B", aliases=["A"]),
            "the schema: the record 'A' was renamed 'B'",
            "keep the name 'A'",
        ),
    ],
)
def test_what_the_older_cannot_read_is_told_with_a_fix_of_the_newer(older, newer, message, fix):
    assert [(one.message, one.fix) for one in incompatibilities(older, newer, ["forward"])] == [(message, fix)]


def test_every_fault_is_told_and_a_type_that_is_used_twice_once():
    older = record(at("a", "int"), at("b", INNER), at("c", "Inner"))
    newer = record(at("a", "string"), at("b", INNER_MORE), at("c", "Inner"), at("d", "int"))
    assert [one.path for one in incompatibilities(older, newer, ["backward"])] == ["a", "b.y", "d"]


def test_a_branch_that_does_not_fit_hides_no_fault_elsewhere():
    def versions_of(namespace, *more):
        return record(at("x", "int"), *more, name=f"{namespace}.Inner")

    older = record(at("a", versions_of("n")), at("b", "n.Inner"))
    newer = record(at("a", [versions_of("m", at("y", "int")), versions_of("n")]), at("b", "m.Inner"))
    assert [one.path for one in incompatibilities(older, newer, ["backward"])] == ["b.y"]


@pytest.mark.parametrize(
    "avro", ["null", "boolean", "int", "double", "string", "bytes", ["null", "int"], ["int", "null"]]
)
@pytest.mark.parametrize(
    "wrap", [lambda t: t, lambda t: {"type": "array", "items": t}, lambda t: record(at("x", t), name="N")]
)
def test_the_default_that_is_suggested_mends_it(avro, wrap):
    (found,) = incompatibilities(record(), of(wrap(avro)), ["backward"])
    default = json.loads(found.fix.partition('"default": ')[2])
    assert incompatibilities(record(), of(wrap(avro), default=default), ["backward"]) == []


V1, V2, V3 = record(), of("int", default=0), of("int")


@pytest.mark.parametrize(
    ("level", "broken"),
    [
        ("BACKWARD", []),
        ("BACKWARD_TRANSITIVE", [1]),
        ("FORWARD", []),
        ("FORWARD_TRANSITIVE", []),
        ("FULL", []),
        ("FULL_TRANSITIVE", [1]),
    ],
)
def test_a_transitive_level_looks_at_all_versions_and_others_at_the_last(level, broken):
    assert list(conflicts(V3, {1: V1, 2: V2}, level)) == broken


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_wants_its_directions(level):
    added, removed = bool(conflicts(V3, {1: V1}, level)), bool(conflicts(V1, {1: V3}, level))
    assert added is ("FORWARD" not in level)
    assert removed is ("BACKWARD" not in level)
    assert not conflicts(V1, {}, level)
