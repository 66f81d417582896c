"""Every Avro type decodes: what the kernel reads is what fastavro reads."""

from __future__ import annotations

import io
import json
import re
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from every_type import SCHEMA, START, TYPES, in_sql, records
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring import Scorer, framed

from riskloom.domain import EventDomain, WindowFeature

_FORMATS = {
    "ignoreNullFields": "false",
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
_OPTIONS = ", ".join(f'"{name}", "{value}"' for name, value in _FORMATS.items())
# A float is shown as the shortest decimal that is the same float, which is another double.
_FIELDS = ", ".join(f"'{n}', {f'CAST({n} AS DOUBLE)' if kind == 'float' else n}" for n, kind in TYPES.items())
SHOW = f"CAST(raise_error(to_json(named_struct({_FIELDS}), map({_OPTIONS}))) AS DOUBLE)"
"""Fails with all that was decoded in its message, which a dead letter then tells."""


@pytest.fixture(scope="module")
def everything(payment: Any) -> EventDomain:
    domain: EventDomain = payment(
        avro_schema=SCHEMA,
        window_features=(WindowFeature(name="shown", aggregate="sum", window="1hr", value=SHOW),),
        rule=payment().rule.model_copy(update={"terms": (payment().rule.terms[0].model_copy(update={"sql": "0"}),)}),
    )
    return domain


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=st.lists(records, min_size=5, max_size=5))
def test_what_the_kernel_reads_is_what_fastavro_reads(
    scorer: Scorer, everything: EventDomain, events: list[dict[str, Any]]
) -> None:
    own = scorer.registry.add(SCHEMA)
    written = [framed(SCHEMA, own, event) for event in events]
    outcome = scorer([everything], [("payments", value) for value in written])
    assert outcome.scores == []
    assert [letter["reason"] for letter in outcome.dead_letters] == ["expression_failed"] * len(events)
    parsed = fastavro.parse_schema(SCHEMA)
    for letter in outcome.dead_letters:
        read: Any = fastavro.schemaless_reader(io.BytesIO(written[letter["offset"]][5:]), parsed, None)
        assert read["ts"] == START
        shown = re.fullmatch(r"SparkRuntimeException: \[USER_RAISED_EXCEPTION\] (.*?) SQLSTATE: \w+", letter["detail"])
        assert shown, letter["detail"]
        found = json.loads(shown[1], parse_float=Decimal)
        for name, kind in TYPES.items():
            expected = in_sql(read[name], kind)
            assert _same(found[name], expected), (name, found[name], expected)


def _same(found: Any, expected: Any) -> bool:
    match expected:
        case dict():
            return found.keys() == expected.keys() and all(_same(found[key], expected[key]) for key in expected)
        case list():
            return len(found) == len(expected) and all(_same(*pair) for pair in zip(found, expected, strict=True))
        case float():
            return float(found) == expected
    return bool(found == expected)
