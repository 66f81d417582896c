"""Events to bytes: Avro in the Confluent wire format, which is byte 0, the schema id in 4 bytes, and the Avro body.

Record batches are encoded by pyruhvro, in Rust, and framed by Arrow: no Python runs for each event. A schema that
holds a type which pyruhvro does not know is written by fastavro, about 20 times slower.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from riskloom.produce.columns import Encoded
from riskloom.produce.unions import members_to_branches

_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "string"})
_PART_EVENTS = 2048  # of some hundred bytes each: what was just encoded is in the processor's cache when it is sent
_LOGICAL = frozenset({None, "uuid", "date", "timestamp-millis", "timestamp-micros"})


def header(schema_id: int) -> bytes:
    """Make the 5 bytes that go before an Avro body."""
    return struct.pack(">bI", 0, schema_id)


def row_encoder(avro_schema: Mapping[str, Any], schema_id: int) -> Callable[[Mapping[str, Any]], bytes]:
    """Make the function that encodes one record at a time.

    Args:
        avro_schema: An Avro record schema.
        schema_id: The id that the registry gave to it.

    Returns:
        A function from a record to its framed bytes. It raises ValueError, TypeError or OverflowError for a record
        that does not fit the schema.
    """
    import fastavro

    parsed, start = fastavro.parse_schema(dict(avro_schema)), header(schema_id)

    def encode(row: Mapping[str, Any]) -> bytes:
        out = io.BytesIO()
        out.write(start)
        fastavro.schemaless_writer(out, parsed, row)
        return out.getvalue()

    return encode


class BatchEncoder:
    """Encodes record batches of one schema.

    Args:
        avro_schema: The Avro record schema of the events.
        schema_id: The id that the registry gave to it.
        key: The field that keys the records: a string, int or long.
    """

    def __init__(self, avro_schema: Mapping[str, Any], schema_id: int, key: str) -> None:
        self._names = [field["name"] for field in avro_schema["fields"]]
        self._key = key
        self._write: Callable[[pa.RecordBatch], Iterator[pa.Array]]
        if fits_pyruhvro(avro_schema):
            schema_json = json.dumps(_without_uuid(avro_schema))
            start, nothing = pa.scalar(header(schema_id), pa.binary()), pa.scalar(b"", pa.binary())
            self._write = lambda batch: _rust_values(batch, schema_json, start, nothing)
        else:
            from fastavro import parse_schema

            parsed: Any = parse_schema(dict(avro_schema))
            encode, convert = row_encoder(avro_schema, schema_id), members_to_branches(parsed)
            self._write = lambda batch: _python_values(batch, lambda row: encode(convert(row)))

    def encode(self, batch: pa.RecordBatch) -> Iterator[Encoded]:
        """Encode a batch of events, in parts: each is made when it is asked for.

        Args:
            batch: n rows whose columns are the fields of the schema, in their order.

        Raises:
            ValueError: If the columns are others, a required one holds a null, or a value does not fit.
        """
        all_keys, begin = batch.column(self._key).cast(pa.string()), 0
        for values in self.values(batch):
            yield Encoded(values, all_keys.slice(begin, len(values)))
            begin += len(values)

    def values(self, batch: pa.RecordBatch) -> Iterator[pa.Array]:
        """Encode a batch of events to framed bytes alone, in parts. Arguments and errors are those of `encode`."""
        if batch.schema.names != self._names:
            raise ValueError(f"columns {batch.schema.names} are not the fields of the schema, {self._names}")
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if column.null_count and not field.nullable:
                raise ValueError(f"column {field.name!r} holds {column.null_count} nulls and is not nullable")
        yield from self._write(batch)


def fits_pyruhvro(avro_schema: Mapping[str, Any]) -> bool:
    """Tell whether pyruhvro knows every type of a schema. It must not be tried: it panics where it does not."""
    return all(_known(field["type"]) for field in avro_schema["fields"])


def _known(avro: Any) -> bool:
    if isinstance(avro, str):
        return avro != "bytes"  # another name is a primitive, or a type that was walked where it was defined
    if isinstance(avro, list):
        return len(avro) == 2 and "null" in avro and all(_known(branch) for branch in avro)
    if avro.get("logicalType") not in _LOGICAL:
        return False
    match avro["type"]:
        case "record":
            return fits_pyruhvro(avro)
        case "array":
            return _known(avro["items"])
        case "map":
            return _known(avro["values"])
        case other:
            return other == "enum" or other in _PRIMITIVES


def _without_uuid(avro: Any) -> Any:
    """Drop the logical type uuid, which pyruhvro does not know; a uuid string is written like any string."""
    if isinstance(avro, Mapping):
        return {name: _without_uuid(part) for name, part in avro.items() if (name, part) != ("logicalType", "uuid")}
    return [_without_uuid(part) for part in avro] if isinstance(avro, list) else avro


def _rust_values(batch: pa.RecordBatch, schema_json: str, start: pa.Scalar, nothing: pa.Scalar) -> Iterator[pa.Array]:
    import pyarrow.compute as pc
    import pyruhvro

    parts = max(1, batch.num_rows // _PART_EVENTS)
    # pyruhvro panics where a struct in a struct is part of a larger array: such a batch is copied, and left whole.
    if nested := any(_is_nested(field.type) for field in batch.schema):
        parts = 1
    if nested or any(column.offset for column in batch.columns):
        batch = batch.take(pa.array(np.arange(batch.num_rows)))
    for part in pyruhvro.serialize_record_batch(batch, schema_json, parts):
        yield pc.binary_join_element_wise(start, part, nothing)


def _python_values(batch: pa.RecordBatch, encode: Callable[[Mapping[str, Any]], bytes]) -> Iterator[pa.Array]:
    for begin in range(0, batch.num_rows, _PART_EVENTS):
        rows = batch.slice(begin, _PART_EVENTS).to_pylist(maps_as_pydicts="lossy")
        yield pa.array([encode(row) for row in rows], type=pa.binary())


def _is_nested(kind: pa.DataType, *, inside: bool = False) -> bool:
    """Tell whether a type has a struct in a struct."""
    is_struct = pa.types.is_struct(kind)
    if is_struct and inside:
        return True
    return any(_is_nested(kind.field(n).type, inside=inside or is_struct) for n in range(kind.num_fields))
