"""Real events of one domain from a file to Kafka: good rows to the domain's topic, bad ones to `dead-letters`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from riskloom.produce.client import Client
from riskloom.produce.coerce import UnfitError, row_coercer
from riskloom.produce.columns import Encoded
from riskloom.produce.deadletters import dead_letters
from riskloom.produce.encode import row_encoder
from riskloom.produce.files import EventFile, Row, event_file
from riskloom.produce.rate import Stopwatch
from riskloom.produce.report import DeliveryReport, Ledger, Progress
from riskloom.produce.run import Run
from riskloom.suggest import did_you_mean

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain
    from riskloom.settings import Settings

_BATCH_ROWS = 500
_BATCH_S = 0.02  # of a paced run: rows are sent in the rhythm of their rate, not in heaps
_LISTED_COLUMNS = 100  # a file could invent a new name in each row

_log = logging.getLogger(__name__)


def publish_file(
    settings: Settings,
    installed: InstalledDomain,
    path: Path,
    *,
    throughput: float = 0.0,
    stop: threading.Event | None = None,
    progress: Callable[[Progress], None] | None = None,
    properties: Mapping[str, str] | None = None,
    schema_ids: Mapping[str, int] | None = None,
) -> DeliveryReport:
    """Publish the events of a file, which keep their own times.

    Every row is brought to the domain's schema (`riskloom.produce.coerce`). One that does not fit goes to
    `dead-letters` with its line number, the reason and its raw bytes. Columns that the schema does not have are named
    in a logged warning and left out.

    Args:
        settings: Where Kafka and the registry are.
        installed: The domain.
        path: JSON lines, CSV or an Avro container file, also compressed by gzip.
        throughput: Rows a second; 0 for as many as possible.
        stop: Set it to end the run early: what was sent is still waited for and reported.
        progress: Called a few times a second.
        properties: librdkafka properties that win over the settings'.
        schema_ids: The registry's ids by topic. Default: the schemas are registered.

    Raises:
        SettingsError: If the file cannot be read or a property cannot be used.
        DeliveryError: If Kafka cannot be reached or refuses a topic.
        RegistryError: If the registry cannot be reached or refuses a schema.
    """
    from riskloom.schemas.registry import register_all
    from riskloom.topics import DEAD_LETTERS_TOPIC, ensure_topics

    file = event_file(path)
    stopwatch = Stopwatch()
    with Client(settings, properties or {}, stopwatch) as client:
        ensure_topics(settings, [installed])
        if schema_ids is None:
            schema_ids = {topic: schema.schema_id for topic, schema in register_all(settings, [installed]).items()}
        sorter = _Sorter(installed, file, schema_ids[installed.domain.topic.name], schema_ids[DEAD_LETTERS_TOPIC])
        ledger, letters = Ledger(), Ledger()
        run = Run({installed.name: ledger}, client, stopwatch, stop, progress)

        def send() -> None:
            for topic, rows, counted in (
                (installed.domain.topic.name, sorter.good, ledger),
                (DEAD_LETTERS_TOPIC, sorter.bad, letters),
            ):
                block = Encoded.of(rows)
                rows.clear()
                sent = client.send(topic, block, counted, lambda: run.stopped)
                counted.bytes += block.part(0, sent).size
            ledger.rejected = letters.sent
            run.serve()

        batch = max(1, min(_BATCH_ROWS, int(throughput * _BATCH_S))) if throughput > 0 else _BATCH_ROWS
        for number, row in enumerate(stopwatch.timed("read", file.rows()), start=1):
            with stopwatch.stage("encode"):
                sorter.take(row)
            if number % batch == 0:
                send()
                if throughput > 0:
                    run.serve(until=number / throughput)
                if run.stopped:
                    break
        send()
        asked = throughput if throughput > 0 else None
        return sorter.completed(run.finish({installed.name: asked}, asked), letters)


class _Sorter:
    """Sorts rows into messages for the domain's topic and for `dead-letters`.

    Args:
        installed: The domain.
        file: The file they come from.
        schema_id: The registry's id of the domain's schema.
        letter_id: The registry's id of the dead letters' schema.
    """

    def __init__(self, installed: InstalledDomain, file: EventFile, schema_id: int, letter_id: int) -> None:
        domain = installed.domain
        self.good: list[tuple[bytes, str | None]] = []
        self.bad: list[tuple[bytes, str | None]] = []
        self._file = file
        self._coerce = row_coercer(domain.avro_schema)
        self._encode = row_encoder(domain.avro_schema, schema_id)
        self._letter = dead_letters(domain.name, file.path, letter_id)
        self._key = domain.key
        self._fields = {field["name"] for field in domain.avro_schema["fields"]}
        self._unknown: list[str] = []

    def take(self, row: Row) -> None:
        """Add a row to the good or the bad ones."""
        if row.values is None:
            self.bad.append(self._letter(row, row.reason, row.detail))
            return
        if not row.values.keys() <= self._fields:
            self._warn(row.line, row.values)
        try:
            record = self._coerce(row.values, self._file.is_text)
            key = record[self._key]
            self.good.append((self._encode(record), None if key is None else str(key)))
        except UnfitError as error:
            self.bad.append(self._letter(row, "invalid_row", str(error)))
        except (ValueError, TypeError, OverflowError) as error:  # text that is not Unicode, say
            self.bad.append(self._letter(row, "invalid_row", f"{type(error).__name__}: {error}"))

    def completed(self, report: DeliveryReport, letters: Ledger) -> DeliveryReport:
        """Add what the run itself does not know: unknown columns, and dead letters that failed in their turn."""
        lost = {f"dead-letters: {reason}": count for reason, count in letters.failed.items()}
        total = report.total.model_copy(update={"failed": report.total.failed | lost})
        return report.model_copy(update={"total": total, "unknown_columns": tuple(self._unknown)})

    def _warn(self, line: int, columns: Iterable[str]) -> None:
        new = sorted(set(columns) - self._fields - set(self._unknown))
        if not new or len(self._unknown) >= _LISTED_COLUMNS:
            return
        self._unknown += new
        named = ", ".join(f"{name!r}{did_you_mean(name, self._fields)}" for name in new)
        _log.warning("%s, line %d: columns not in the schema are left out: %s", self._file.path, line, named)
