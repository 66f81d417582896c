"""Checks of the schema and the generator: what the events are, before anything is computed from them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from riskloom.domain import EventDomain
from riskloom.errors import SettingsError
from riskloom.produce.encode import BatchEncoder
from riskloom.schemas.arrow import arrow_schema
from riskloom.schemas.compatibility import conflicts
from riskloom.schemas.snapshots import FOLDER, read_snapshots
from riskloom.testing.events import digest, event_times
from riskloom.testing.subject import SAMPLE, SEED, CheckFailure, Subject, failures

_MEMBER = re.compile(r"member\d+")
"""The fields of a union of several types, as a column."""
_TOLERANCE = 1e-6  # of a float field, which Avro keeps in 32 bits


def schema_fits_its_snapshots(subject: Subject) -> str:
    """The schema is valid, and reads what every snapshot of it wrote."""
    domain = subject.domain
    _columns(domain)
    try:
        snapshots = read_snapshots(FOLDER, domain.name)
    except SettingsError as error:
        raise CheckFailure(str(error)) from None
    failures(
        [
            f"records of {FOLDER / domain.name / f'v{number}.avsc'} cannot be read with the schema: {one}"
            for number, found in conflicts(domain.avro_schema, snapshots, "BACKWARD_TRANSITIVE").items()
            for one in found
        ]
    )
    return f"{len(snapshots)} snapshots in {FOLDER / domain.name}" if snapshots else f"no snapshots in {FOLDER}/"


def same_seed_same_events(subject: Subject) -> str:
    """The same seed makes the same events, in another process too; another seed makes others."""
    name = subject.domain.event_id
    advice = "Draw everything from one source made from the seed: riskloom.produce.synthetic.seeded(name, seed)."
    first, again = subject.generate(SEED, SAMPLE), subject.generate(SEED, SAMPLE)
    if not first.equals(again):
        differ = [column for column in first.column_names if not first[column].equals(again[column])]
        raise CheckFailure(f"two generators with seed {SEED} made different events, in {', '.join(differ)}. {advice}")
    if subject.probe["error"]:
        raise CheckFailure(f"the generator fails in a process of its own: {subject.probe['error']}")
    if subject.probe["digest"] != digest(first):
        raise CheckFailure(
            f"seed {SEED} makes other events in another process. {advice} hash() and the order of a set differ "
            "from one process to the next."
        )
    other = subject.generate(SEED + 1, SAMPLE)
    if set(first[name].to_pylist()) & set(other[name].to_pylist()):
        raise CheckFailure(f"seeds {SEED} and {SEED + 1} make events with the same {name}. {advice}")
    return ""


def events_encode_and_decode(subject: Subject) -> str:
    """Generated events have the schema's columns, and are the same after Avro."""
    import fastavro

    domain, events = subject.domain, subject.events.slice(0, SAMPLE).combine_chunks()
    failures(list(_column_problems(events.schema, _columns(domain))))
    parsed = fastavro.parse_schema(dict(domain.avro_schema))
    rows = events.to_pylist(maps_as_pydicts="lossy")
    try:
        parts = BatchEncoder(domain.avro_schema, 1, domain.key).encode(events.to_batches()[0])
        values = [value for part in parts for value in part.values.to_pylist()]
        decoded = [fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed) for value in values]
    except Exception as error:
        raise CheckFailure(f"events cannot be written as Avro and read again: {error}") from error
    for row, back in zip(rows, decoded, strict=True):
        for name, value in row.items():
            if not _same(value, back[name]):  # type: ignore[index]
                raise CheckFailure(
                    f"field {name!r} is {value!r} in the event and {back[name]!r} after Avro: "  # type: ignore[index]
                    "make values that its type can hold"
                )
    return f"{len(rows)} events"


def _columns(domain: EventDomain) -> pa.Schema:
    try:
        return arrow_schema(domain.avro_schema)
    except ValueError as error:
        raise CheckFailure(f"avro_schema: {error}. Generators make columns: flatten the field.") from None


def _column_problems(found: pa.Schema, expected: pa.Schema) -> Iterator[str]:
    if found.names != expected.names:
        yield f"the generator's columns {found.names} are not the fields of the schema, {expected.names}"
        yield "Return riskloom.schemas.arrow.record_batch(schema, columns), which puts them in order."
        return
    for one, wanted in zip(found, expected, strict=True):
        if one.type != wanted.type:
            yield f"column {one.name!r} is {one.type}, and the schema's type is {wanted.type}: see record_batch"


def _same(value: Any, back: Any) -> bool:
    if isinstance(value, Mapping) and value and all(map(_MEMBER.fullmatch, value)):
        return _same(next((one for one in value.values() if one is not None), None), back)
    if isinstance(value, float) and isinstance(back, (int, float)):
        return value == back or abs(value - back) <= _TOLERANCE * abs(value) or (value != value and back != back)
    if isinstance(value, Mapping) and isinstance(back, Mapping):
        return value.keys() == back.keys() and all(_same(value[name], back[name]) for name in value)
    if isinstance(value, list) and isinstance(back, list):
        return len(value) == len(back) and all(map(_same, value, back))
    if isinstance(value, datetime) and isinstance(back, datetime):
        # Avro's local times have no zone.
        return value.replace(tzinfo=None) - back.replace(tzinfo=None) == timedelta(0)
    if isinstance(value, (date, bytes, int)) or value is None:
        return bool(value == back)
    return str(value) == str(back)


def identity_is_never_null(subject: Subject) -> str:
    """Key, time and identifier are never null; identifiers differ; an event has the time it was made for."""
    domain, events = subject.domain, subject.events
    problems = [
        f"{setting}: field {name!r} is null in {events[name].null_count} of {events.num_rows} generated events; "
        "every event needs one"
        for setting, name in (("key", domain.key), ("event_time", domain.event_time), ("event_id", domain.event_id))
        if events[name].null_count
    ]
    twice = events.num_rows - pc.count_distinct(events[domain.event_id]).as_py()
    if twice:
        problems.append(
            f"event_id: {twice} of {events.num_rows} generated events have a {domain.event_id!r} that another has: "
            "make one for each with riskloom.produce.synthetic.uuids(rng, n)"
        )
    times = events[domain.event_time].cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()).to_numpy()
    wrong = times != event_times(len(times))
    if not problems and wrong.any():
        at = int(wrong.argmax())
        problems.append(
            f"event_time: {domain.event_time!r} of event {at} is {times[at]} ms, and it was to happen at "
            f"{event_times(len(times))[at]}: use the times that batch(times) is given, in milliseconds"
        )
    failures(problems)
    return f"{events.num_rows} events"
