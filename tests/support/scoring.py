"""Run events through the real kernel in a Spark batch, with a schema registry of a few lines."""

from __future__ import annotations

import io
import json
import struct
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fastavro

from riskloom.domain import EventDomain
from riskloom.schemas.registry import RegisteredSchema
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings
from riskloom.stream.job import scored
from riskloom.stream.plan import job_plan
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

_OUTPUTS = {
    SCORES_TOPIC: fastavro.parse_schema(RISK_SCORE_SCHEMA),
    DEAD_LETTERS_TOPIC: fastavro.parse_schema(DEAD_LETTER_SCHEMA),
}
_SCHEMAS = {
    SCORES_TOPIC: RegisteredSchema(f"{SCORES_TOPIC}-value", 1001, 1),
    DEAD_LETTERS_TOPIC: RegisteredSchema(f"{DEAD_LETTERS_TOPIC}-value", 1002, 1),
}


@dataclass
class Registry:
    """Answers schemas by id, as a registry's Confluent interface does."""

    schemas: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)
    url: str = ""

    def add(self, schema: Mapping[str, Any]) -> int:
        schema_id = len(self.schemas) + 1
        self.schemas[schema_id] = schema
        return schema_id

    def serve(self) -> ThreadingHTTPServer:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                schema_id = int(self.path.rsplit("/", 1)[1])
                registry.requests.append(schema_id)
                schema = registry.schemas.get(schema_id)
                body = json.dumps({"schema": json.dumps(schema)} if schema else {"error_code": 40403}).encode()
                self.send_response(200 if schema else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def framed(schema: Mapping[str, Any], schema_id: int, event: Mapping[str, Any]) -> bytes:
    """Encode an event in the Confluent wire format."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(dict(schema)), event)
    return struct.pack(">bi", 0, schema_id) + body.getvalue()


def read(topic: str, value: bytes) -> dict[str, Any]:
    """Decode a score or a dead letter."""
    magic, schema_id = struct.unpack(">bi", value[:5])
    assert (magic, schema_id) == (0, _SCHEMAS[topic].schema_id)
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, _OUTPUTS[topic])
    assert not body.read(), "bytes are left over"
    return record  # type: ignore[return-value]


@dataclass(frozen=True)
class Outcome:
    """What came of some records."""

    scores: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]


class Scorer:
    """Scores records in the order given."""

    def __init__(self, spark: Any, registry: Registry, settings: Settings) -> None:
        self.spark, self.registry, self.settings = spark, registry, settings

    def __call__(
        self,
        domains: Sequence[EventDomain],
        records: Iterable[tuple[str, bytes | None]],
        written: datetime | None = None,
        *,
        in_batches: bool = True,
    ) -> Outcome:
        """Score (topic, value) pairs; offsets are their positions.

        Args:
            domains: The domains of the job.
            records: The records in the order of their arrival.
            written: The timestamp that Kafka gave the records; without it they have none.
            in_batches: Whether events of a key are put together on their way.
        """
        rows = [
            (None, None if value is None else bytearray(value), topic, 0, offset, written)
            for offset, (topic, value) in enumerate(records)
        ]
        frame = self.spark.createDataFrame(
            rows, "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"
        ).coalesce(1)
        # Not the ids that the records carry: those are the registry's to answer.
        own = {d.topic.name: RegisteredSchema(d.topic.name, 2001 + i, 1) for i, d in enumerate(domains)}
        plan = job_plan(self.settings, domains, own | _SCHEMAS)
        out = scored(frame, plan, in_batches=in_batches).collect()
        decoded = {name: [read(name, bytes(row.value)) for row in out if row.topic == name] for name in _OUTPUTS}
        return Outcome(decoded[SCORES_TOPIC], decoded[DEAD_LETTERS_TOPIC])

    def events(
        self, domain: EventDomain, events: Iterable[Mapping[str, Any]], written: datetime | None = None
    ) -> Outcome:
        """Score one domain's events, written with its own schema."""
        schema_id = self.registry.add(domain.avro_schema)
        records = [(domain.topic.name, framed(domain.avro_schema, schema_id, event)) for event in events]
        return self([domain], records, written)
