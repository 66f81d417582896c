import io

import fastavro
import pytest

from riskloom.schemas.arrow import arrow_schema
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA

_SCORE = {
    "event_id": "e",
    "domain": "claims",
    "entity": "user",
    "entity_id": "u",
    "event_time": 1,
    "scored_at": 2,
    "score": 0.5,
    "level": "medium",
    "reasons": [{"code": "A", "weight": 0.5, "description": "a"}],
    "features": {"a": 1.0, "b": None},
    "rule_version": "1",
    "schema_id": 3,
    "late": True,
    "sequence": 4,
    "duplicate": False,
    "entity_sequences": {"merchant": 5},
    "entity_ids": {"merchant": "m"},
    "feature_version": "0a1b2c3d",
}
_LETTER = {
    "failed_at": 1,
    "stage": "decode",
    "domain": None,
    "reason": "unknown_schema",
    "detail": "",
    "source": "insurance-claims",
    "partition": 0,
    "offset": 7,
    "schema_id": 9,
    "key": None,
    "value": b"\x00",
}


@pytest.mark.parametrize(
    ("schema", "record"), [(RISK_SCORE_SCHEMA, _SCORE), (DEAD_LETTER_SCHEMA, _LETTER)], ids=["score", "dead letter"]
)
class TestSchema:
    def test_the_order_of_the_fields_is_the_one_the_job_writes(self, schema, record):
        assert [field["name"] for field in schema["fields"]] == list(record)

    def test_a_record_is_the_same_after_writing_and_reading(self, schema, record):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, record, strict=True)
        out.seek(0)
        read = fastavro.schemaless_reader(out, schema)
        times = {"failed_at", "event_time", "scored_at"}
        assert {name: value for name, value in read.items() if name not in times} == {
            name: value for name, value in record.items() if name not in times
        }

    def test_every_field_is_documented(self, schema, record):
        assert all(field["doc"].endswith(".") for field in schema["fields"])
        assert schema["namespace"] == "riskloom"

    def test_it_has_an_arrow_counterpart(self, schema, record):
        assert arrow_schema(schema).names == list(record)
