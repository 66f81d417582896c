from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from scoring import framed

from riskloom.dlq.payload import Viewer

SCHEMA = {
    "type": "record",
    "name": "Paid",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "raw", "type": "bytes"},
    ],
}
EVENT = {"id": "e", "at": datetime(2024, 5, 6, tzinfo=UTC), "price": "1.50", "raw": b"\1\xff"}


@pytest.fixture
def good() -> bytes:
    from decimal import Decimal

    return framed(SCHEMA, 7, EVENT | {"price": Decimal("1.50")})


def view(value: bytes | None) -> Any:
    return Viewer({7: SCHEMA}.get)(value)


def test_a_record_is_decoded_by_the_schema_that_it_names(good: bytes) -> None:
    shown = {"id": "e", "at": "2024-05-06T00:00:00+00:00", "price": "1.50", "raw": "01ff"}
    assert view(good) == {"decoded": shown}


def test_what_cannot_be_decoded_is_shown_as_it_is(good: bytes) -> None:
    assert view(None) is None
    assert view(b"") == {"hex": ""}
    assert view(b'{"id": 1}\n') == {"text": '{"id": 1}\n'}
    assert view(b"caf\xc3\xa9") == {"text": "café"}
    for spoilt in (good[:-1], good + b"\0", b"\0\0\0\0\x08" + good[5:], b"\xff\xfe"):
        assert view(spoilt) == {"hex": spoilt.hex()}


def test_a_schema_that_is_none_shows_bytes(good: bytes) -> None:
    assert Viewer({7: {"type": "nonsense"}}.get)(good) == {"hex": good.hex()}
