"""Scores and dead letters of a batch, read from its files piece by piece."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from riskloom.produce.encode import header
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

_HEADER = len(header(0))
_BATCH_ROWS = 8_192
_SCORE_JSON = json.dumps(RISK_SCORE_SCHEMA)


class Scores:
    """What came of a batch. Valid until the block of `score_events` or `score_records` ends.

    Args:
        folder: Parquet files of topic and value, as for Kafka.
        features: The names of each domain's features, in their order.
    """

    def __init__(self, folder: Path, features: Mapping[str, Sequence[str]]) -> None:
        self._folder, self._features = folder, features

    def batches(self, domain: str) -> Iterator[pa.RecordBatch]:
        """Read a domain's scores, in no order.

        Args:
            domain: Its name.

        Yields:
            Batches with the fields of a risk score. `features` is a struct of one double (or null) for each feature, in
            the order of declaration; times are in milliseconds, UTC.
        """
        import pyruhvro

        for values in self._values(SCORES_TOPIC):
            bodies = [value[_HEADER:] for value in values.to_pylist()]  # pyarrow's binary_slice fails on sliced arrays
            batch = pyruhvro.deserialize_array(bodies, _SCORE_JSON)
            batch = batch.filter(pc.equal(batch.column("domain"), domain))
            if batch.num_rows:
                yield self._flat(batch, self._features[domain])

    def table(self, domain: str) -> pa.Table:
        """Read all of a domain's scores, in no order. `batches` needs less memory."""
        return pa.Table.from_batches(self.batches(domain), schema=self.schema(domain))

    def schema(self, domain: str) -> pa.Schema:
        """Answer the schema of `batches` and `table`."""
        import pyruhvro

        empty = pyruhvro.deserialize_array([], _SCORE_JSON)
        return self._flat(empty, self._features[domain]).schema

    def dead_letters(self) -> Iterator[dict[str, Any]]:
        """Read the dead letters, in no order, as records of the dead-letter schema."""
        import fastavro

        schema = fastavro.parse_schema(DEAD_LETTER_SCHEMA)
        for values in self._values(DEAD_LETTERS_TOPIC):
            for value in values:
                letter: Any = fastavro.schemaless_reader(io.BytesIO(value.as_py()[_HEADER:]), schema)
                yield letter

    def _values(self, topic: str) -> Iterator[pa.Array]:
        for path in sorted(self._folder.glob("*.parquet")):
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    chosen = batch.filter(pc.equal(batch.column("topic"), topic))
                    if chosen.num_rows:
                        yield chosen.column("value")

    @staticmethod
    def _flat(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
        """Turn the map of features, which always has all of them in their order, into a struct."""
        at = batch.schema.get_field_index("features")
        values = batch.column("features").items
        step = len(names)
        columns = [values.take(pa.array(range(i, batch.num_rows * step, step), pa.int64())) for i in range(step)]
        kinds = [pa.field(name, pa.float64()) for name in names]
        if names:
            features = pa.StructArray.from_arrays(columns, fields=kinds)
        else:  # its length cannot be told from columns
            features = pa.array([{}] * batch.num_rows, pa.struct([]))
        out = batch.set_column(at, pa.field("features", features.type, nullable=False), features)
        for name in ("event_time", "scored_at"):
            at = out.schema.get_field_index(name)
            kind = pa.timestamp("ms", "UTC")
            out = out.set_column(at, pa.field(name, kind, nullable=False), out.column(name).cast(kind))
        return out
