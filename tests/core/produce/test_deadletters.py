from __future__ import annotations

import io
import time
from pathlib import Path

import fastavro

from riskloom.produce.deadletters import dead_letters
from riskloom.produce.files import Row
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA


def test_a_dead_letter_tells_where_and_why() -> None:
    before = time.time()
    value, key = dead_letters("payments", Path("in/a.csv"), 9)(Row(7, b"1,\xff", None), "invalid_encoding", "not UTF-8")
    assert key is None
    assert value[:5] == b"\0\0\0\0\x09"
    letter = fastavro.schemaless_reader(io.BytesIO(value[5:]), fastavro.parse_schema(DEAD_LETTER_SCHEMA), None)
    assert before - 1 <= letter.pop("failed_at").timestamp() <= time.time()  # type: ignore[union-attr]
    assert letter == {
        "stage": "produce",
        "domain": "payments",
        "reason": "invalid_encoding",
        "detail": "not UTF-8",
        "source": "in/a.csv",
        "partition": None,
        "offset": 7,
        "schema_id": None,
        "key": None,
        "value": b"1,\xff",
    }
