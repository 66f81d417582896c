import json

import pytest
from avro_pairs import PAIRS, at, decimal, enum, fixed, of, record
from avro_schemas import schemas
from fastavro.schema import parse_schema
from hypothesis import given, settings

from riskloom.errors import SettingsError
from riskloom.schemas.model import Record, Union
from riskloom.schemas.parse import NotAvro, load_file, load_files, parse


def field_types(schema):
    return [field.type for field in parse(schema).fields]


def test_names_are_resolved_in_their_namespaces():
    schema = record(
        at("a", record(at("e", enum("X")), at("again", "E"), name="Inner")),
        at("b", "Inner"),
        at("c", "n.Inner"),
        at("other", record(at("back", ["null", "n.Outer"]), name="m.Other")),
        name="Outer",
        namespace="n",
        aliases=["Old", "k.Older"],
    )
    outer = parse(schema)
    assert (outer.full_name, outer.name, outer.aliases) == ("n.Outer", "Outer", ("n.Old", "k.Older"))
    inner, by_name, by_full_name, other = (field.type for field in outer.fields)
    assert inner is by_name is by_full_name
    assert inner.full_name == "n.Inner"
    assert [field.type.full_name for field in inner.fields] == ["n.E", "n.E"]
    assert isinstance(other, Record)
    assert isinstance(other.fields[0].type, Union)
    assert other.fields[0].type.branches[1] is outer


@pytest.mark.parametrize(
    ("avro", "label"),
    [
        ("int", "int"),
        ({"type": "string", "logicalType": "uuid"}, "string (uuid)"),
        ({"type": "int"}, "int"),
        ({"type": {"type": "int", "logicalType": "date"}}, "int (date)"),
        (decimal(10, 2), "bytes (decimal(10, 2))"),
        (decimal(2, 10), "bytes"),
        ({"type": "long", "logicalType": "decimal", "precision": 3}, "long"),
        (fixed(2, logicalType="decimal", precision=4), "fixed F of 2 bytes (decimal(4, 0))"),
        (fixed(2, logicalType="decimal", precision=5), "fixed F of 2 bytes"),
        (["null", {"type": "array", "items": "string"}], "null or array of string"),
        ({"type": "map", "values": ["null", "double"]}, "map of null or double"),
        (enum("A"), "enum E"),
        (record(name="n.X"), "record X"),
    ],
)
def test_types_are_named_in_words(avro, label):
    assert parse(avro).label == label


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (3, "the schema is 3, which is no type: it must be a name, a list or an object"),
        ({}, "the schema has no `type`"),
        (
            "strin",
            "the schema has the type 'strin', which is neither Avro's nor defined before it; did you mean 'string'?",
        ),
        ("record", "the schema is the bare word 'record': write it as an object, with its `type` and the rest"),
        (of("Later"), "'a' has the type 'Later', which is neither Avro's nor defined before it"),
        ([], "the schema is a union of nothing"),
        (["int", ["string"]], "the schema is a union that holds a union"),
        (["int", "int"], "the schema is a union that holds 'int' twice"),
        (of(["null", enum("A"), "E"]), "'a' is a union that holds 'E' twice"),
        ({"type": "array"}, "the schema is array without `items`"),
        (of({"type": "map"}), "'a' is map without `values`"),
        ({"type": "record", "fields": []}, "the schema is record without a `name`"),
        ({"type": "record", "name": "R"}, "the schema is record without a list of `fields`"),
        (record(3), "the schema has a field, number 1, that is not an object with a `name`"),
        (record({"name": "a"}), "'a' has no `type`"),
        (record(at("a", "int"), at("a", "int")), "the schema has the field 'a' twice"),
        (record(at("a-b", "int")), "'a-b' has a name with something other than letters, digits and _"),
        (record(name="1R"), "the schema has the name '1R': letters, digits and _ are allowed, and no digit first"),
        (record(name="int"), "the schema is called 'int'"),
        (of(record(name="R")), "'a' defines 'R' a second time"),
        (record(aliases="x"), "the schema has `aliases` that are not a list of names"),
        ({"type": "enum", "name": "E"}, "the schema is enum without `symbols`"),
        (enum("A", "A"), "the schema has the symbol 'A' twice"),
        (enum("A b"), "the schema has the symbol 'A b': letters, digits and _ are allowed"),
        (enum("A", default="B"), 'the schema has the default "B", which is none of its symbols'),
        ({"type": "fixed", "name": "F"}, "the schema is fixed with the `size` null: it must be a whole number"),
        (of("int", default="1"), "'a' has a default that does not fit its type: \"1\" is not int"),
        (of("int", default=2**31), "'a' has a default that does not fit its type: 2147483648 is not int"),
        (of(enum("A"), default="B"), "'a' has a default that does not fit its type: \"B\" is not enum E"),
        (of({"type": "array", "items": "int"}, default=[None]), "null is not int"),
        (of(fixed(2), default="x"), '"x" is not fixed F of 2 bytes'),
        (of(record(at("x", "int"), name="I"), default={}), "{} has no 'x'"),
        (of(["null", "int"], default="x"), '"x" is not null or int'),
        (of(record(at("x", "strin"), name="I")), "'a.x' has the type 'strin'"),
        (of({"type": "array", "items": {"type": "map", "values": "strin"}}), "'a[]{}' has the type 'strin'"),
    ],
)
def test_what_is_no_schema_is_told_with_its_place(schema, problem):
    with pytest.raises(NotAvro) as caught:
        parse(schema)
    (told,) = caught.value.problems
    assert problem in told


def test_all_problems_are_told():
    with pytest.raises(NotAvro) as caught:
        parse(record(at("a", "strin"), at("b", ["int", "int"]), {"name": "c"}))
    assert [problem.split()[0] for problem in caught.value.problems] == ["'a'", "'b'", "'c'"]


@pytest.mark.parametrize(
    "schema",
    [
        of("double", default=1),
        of(["null", "int"], default=1),
        of("bytes", default="\xff"),
        of(record(at("x", "int", default=1), name="I"), default={}),
        of({"type": "map", "values": "long"}, default={"k": 1}),
        of(enum("A"), default="A"),
    ],
)
def test_defaults_that_fit_are_no_problem(schema):
    assert parse(schema).fields[0].has_default


@settings(max_examples=60, deadline=None)
@given(schema=schemas())
def test_what_fastavro_takes_is_taken(schema):
    parse_schema(schema)
    assert [field.name for field in parse(schema).fields] == [field["name"] for field in schema["fields"]]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_table_holds_schemas(pair):
    parse(pair.older)
    parse(pair.newer)


def test_a_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "a.avsc"
    path.write_text(json.dumps(of("int")))
    assert load_file(path) == of("int")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1, column 1 is not JSON"),
        (b'{"type": }', "line 1, column 10 is not JSON"),
        (b"\xff", "it is not text in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"12", "no type"),
    ],
)
def test_a_file_that_is_no_schema_is_told_by_its_name(tmp_path, content, reason):
    path = tmp_path / "a.avsc"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_file(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


def test_all_files_at_fault_are_told(tmp_path):
    with pytest.raises(SettingsError, match=r"one.avsc cannot be read: No such file.*\n.*two.avsc cannot be read"):
        load_files(tmp_path / "one.avsc", tmp_path / "two.avsc")
