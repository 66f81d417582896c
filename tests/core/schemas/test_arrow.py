import io

import fastavro
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.schemas.arrow import arrow_schema, record_batch

_ENUM = {"type": "enum", "name": "Level", "symbols": ["low", "high"]}


def _schema(*types):
    fields = [{"name": f"f{number}", "type": avro} for number, avro in enumerate(types)]
    return {"type": "record", "name": "R", "fields": fields}


@pytest.mark.parametrize(
    ("avro", "arrow", "nullable"),
    [
        ("string", pa.string(), False),
        ({"type": "string", "logicalType": "uuid"}, pa.string(), False),
        (["null", "long"], pa.int64(), True),
        (["double", "null"], pa.float64(), True),
        ({"type": "long", "logicalType": "timestamp-millis"}, pa.timestamp("ms", "UTC"), False),
        ({"type": "long", "logicalType": "timestamp-micros"}, pa.timestamp("us", "UTC"), False),
        ({"type": "int", "logicalType": "date"}, pa.date32(), False),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, pa.decimal128(9, 2), False),
        (_ENUM, pa.string(), False),
        ({"type": "fixed", "name": "F", "size": 4}, pa.binary(4), False),
        ({"type": "array", "items": "string"}, pa.list_(pa.field("item", pa.string(), nullable=False)), False),
        (
            {"type": "map", "values": ["null", "double"]},
            pa.map_(pa.string(), pa.field("value", pa.float64(), nullable=True)),
            False,
        ),
        (
            {"type": "record", "name": "S", "fields": [{"name": "a", "type": "int"}]},
            pa.struct([pa.field("a", pa.int32(), nullable=False)]),
            False,
        ),
    ],
)
def test_a_type_has_its_arrow_counterpart(avro, arrow, nullable):
    field = arrow_schema(_schema(avro)).field("f0")
    assert field.type == arrow
    assert field.nullable is nullable


def test_a_named_type_can_be_used_again():
    assert arrow_schema(_schema(_ENUM, "Level", ["null", "Level"])).types == [pa.string()] * 3


def test_a_union_of_several_types_has_its_members_as_in_sql():
    members = pa.struct([pa.field("member0", pa.int32()), pa.field("member1", pa.string())])
    schema = arrow_schema(_schema(["int", "string"], ["int", "null", "string"]))
    assert schema.types == [members] * 2
    assert [field.nullable for field in schema] == [False, True]


def test_a_record_that_holds_itself_is_refused():
    with pytest.raises(ValueError, match="unknown, or a record that holds itself"):
        arrow_schema({"type": "record", "name": "R", "fields": [{"name": "a", "type": _schema("R") | {"name": "R"}}]})


def test_a_batch_has_the_schemas_order_whatever_that_of_the_columns():
    batch = record_batch(_schema("int", "string"), {"f1": ["a", "b"], "f0": np.array([1, 2])})
    assert batch.schema.names == ["f0", "f1"]
    assert batch.to_pylist() == [{"f0": 1, "f1": "a"}, {"f0": 2, "f1": "b"}]


def test_columns_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"missing \['f1'\], unknown \['g'\]"):
        record_batch(_schema("int", "string"), {"f0": [1], "g": [2]})
    with pytest.raises(ValueError, match="column 'f0'"):
        record_batch(_schema("int"), {"f0": ["a"]})


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**31), 2**31 - 1),
            st.none() | st.text(max_size=5),
            st.lists(st.floats(allow_nan=False), max_size=3),
            st.dictionaries(st.text(max_size=3), st.none() | st.integers(-5, 5), max_size=3),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_rows_of_a_batch_can_be_written_as_avro(rows):
    schema = _schema(
        "int", ["null", "string"], {"type": "array", "items": "double"}, {"type": "map", "values": ["null", "int"]}
    )
    columns = {f"f{number}": list(column) for number, column in enumerate(zip(*rows, strict=True))}
    columns["f3"] = [list(value.items()) for value in columns["f3"]]
    batch = record_batch(schema, columns)
    for row, expected in zip(batch.to_pylist(maps_as_pydicts="strict"), rows, strict=True):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, row)
        out.seek(0)
        assert tuple(fastavro.schemaless_reader(out, schema).values()) == expected


def test_schemas_that_differ_are_not_taken_for_each_other() -> None:
    for kind in ("int", "string"):
        schema = _schema(kind)  # may get the address of the one before it
        assert record_batch(schema, {"f0": pa.array([], pa.null())}).schema == arrow_schema(schema)
