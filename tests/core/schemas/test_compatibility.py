import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.schemas.compatibility import unreadable


def _record(*fields, name="R", **more):
    return {"type": "record", "name": name, "fields": list(fields), **more}


def _field(name, avro, **more):
    return {"name": name, "type": avro, **more}


def _enum(*symbols, **more):
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


_INNER = _record(_field("x", "int"), name="Inner")
_INNER_WITH_Y = _record(_field("x", "int"), _field("y", "int"), name="Inner")


@pytest.mark.parametrize(
    ("written", "read", "problem"),
    [
        (_record(), _record(_field("a", "int")), "field 'a' was added without a default"),
        (_record(_field("a", "long")), _record(_field("a", "int")), "field 'a': its type was long and became int"),
        (
            _record(_field("a", ["null", "int"])),
            _record(_field("a", "int")),
            "field 'a': its type was null and became int",
        ),
        (
            _record(_field("a", "string")),
            _record(_field("a", ["null", "int"])),
            "field 'a': its type was string and became null or int",
        ),
        (
            _record(_field("a", _enum("A", "B", "C"))),
            _record(_field("a", _enum("B"))),
            "field 'a': the enum has lost A, C and has no default",
        ),
        (
            _record(_field("a", {"type": "fixed", "name": "F", "size": 2})),
            _record(_field("a", {"type": "fixed", "name": "F", "size": 3})),
            "field 'a': fixed of 2 bytes became one of 3",
        ),
        (
            _record(_field("a", {"type": "array", "items": "long"})),
            _record(_field("a", {"type": "array", "items": "string"})),
            "field 'a[]': its type was long and became string",
        ),
        (
            _record(_field("a", {"type": "map", "values": "long"})),
            _record(_field("a", {"type": "map", "values": "string"})),
            "field 'a{}': its type was long and became string",
        ),
        (
            _record(_field("a", _INNER)),
            _record(_field("a", _INNER_WITH_Y)),
            "field 'a.y' was added without a default",
        ),
        (
            _record(_field("a", ["null", _INNER])),
            _record(_field("a", ["null", _INNER_WITH_Y])),
            "field 'a.y' was added without a default",
        ),
        (_record(name="A"), _record(name="B"), "the record: the record 'A' was renamed 'B' without an alias"),
    ],
)
def test_the_field_at_fault_is_told(written, read, problem):
    assert unreadable(written, read) == [problem]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (_record(_field("a", "int")), _record()),
        (_record(), _record(_field("a", "int", default=1))),
        (_record(_field("a", "int")), _record(_field("a", "double"))),
        (_record(_field("a", "int")), _record(_field("a", ["null", "long"]))),
        (_record(_field("a", "int")), _record(_field("b", "int", aliases=["a"]))),
        (_record(_field("a", _enum("A", "B"))), _record(_field("a", _enum("A", default="A")))),
        (_record(_field("a", "string")), _record(_field("a", {"type": "string", "logicalType": "uuid"}))),
        (_record(name="A"), _record(name="B", aliases=["A"])),
        (_record(name="A", namespace="n"), _record(name="n.A")),
        (
            _record(_field("a", _INNER), _field("b", "Inner")),
            _record(_field("b", _INNER), _field("a", "Inner")),
        ),
    ],
)
def test_what_can_be_read_is_no_problem(written, read):
    assert unreadable(written, read) == []


def test_every_field_at_fault_is_told():
    assert len(unreadable(_record(_field("a", "int")), _record(_field("a", "string"), _field("b", "int")))) == 2


def test_a_record_that_holds_itself_is_compared():
    node = _record(_field("value", "int"), _field("next", ["null", "Node"]), name="Node", namespace="n")
    changed = _record(_field("value", "string"), _field("next", ["null", "n.Node"]), name="Node", namespace="n")
    assert unreadable(node, node) == []
    assert unreadable(node, changed) == ["field 'value': its type was int and became string"]


_VALUES = {
    "null": None,
    "boolean": True,
    "int": 1,
    "long": 2,
    "float": 3.0,
    "double": 4.0,
    "string": "s",
    "bytes": b"b",
}
_types = st.recursive(
    st.sampled_from(sorted(_VALUES)),
    lambda inner: (
        inner.map(lambda t: {"type": "array", "items": t}) | inner.map(lambda t: {"type": "map", "values": t})
    ),
    max_leaves=2,
)


def _value(avro):
    if isinstance(avro, str):
        return _VALUES[avro]
    return [_value(avro["items"])] if avro["type"] == "array" else {"k": _value(avro["values"])}


@given(written=_types, read=_types)
def test_what_is_told_is_what_an_avro_reader_cannot_read(written, read):
    old, new = _record(_field("a", written)), _record(_field("a", read))
    out = io.BytesIO()
    fastavro.schemaless_writer(out, old, {"a": _value(written)})
    out.seek(0)
    try:
        fastavro.schemaless_reader(out, old, new)
        readable = True
    except fastavro.read.SchemaResolutionError:
        readable = False
    assert (unreadable(old, new) == []) is readable
