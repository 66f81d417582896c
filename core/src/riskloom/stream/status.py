"""What a job tells of itself: a file under the home folder, replaced every few seconds, and a lock while it lives."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from riskloom.errors import JobError
from riskloom.stream.metrics import DomainMetrics

State = Literal["starting", "running", "stopping", "stopped", "failed", "killed"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Rate(_Record):
    """Records a second."""

    last_10_s: float
    since_start: float


class Rates(_Record):
    """How fast the job is."""

    read: Rate
    scored: Rate


class WindowState(_Record):
    """The size of what is kept, as of the last batch."""

    rows: int | None
    """Entries of the state store; None where they are not counted."""
    memory_bytes: int
    disk_bytes: int


class Batch(_Record):
    """The last batch that ended."""

    id: int
    events: int
    seconds: float
    ended: datetime


class Materialization(_Record):
    """How the scores get into the feature store."""

    state: Literal["running", "failing", "stopped", "off"]
    detail: str = ""
    """Why it fails, and what happens next; or why it is off."""
    every: str | None = None
    batches: int = 0
    """Since the job's start, as are the other counts."""
    rows: int = 0
    """Scores written to the offline store."""
    stored: int = 0
    """Rows of entities that the online store took."""
    unknown: int = 0
    """Records that were left out: they are no scores, or of features that nobody has written down."""
    failures: int = 0
    last_ended: datetime | None = None
    last_rows: int = 0
    last_seconds: float = 0.0
    freshness_p95_s: float | None = None
    """Of the last batch's entities: the time from the event until its features could be read online."""


class JobStatus(_Record):
    """A job at a moment. Times are UTC."""

    state: State
    pid: int = Field(default_factory=os.getpid)
    since: datetime
    """When the job was started."""
    updated: datetime = Field(default_factory=lambda: datetime.now(UTC))
    mode: str
    master: str | None = None
    checkpoint: str
    restarts: int | None = None
    """How often a job had been started on this checkpoint before."""
    domains: Mapping[str, DomainMetrics] = {}
    """What became of the records read since the start."""
    rates: Rates | None = None
    lag: Mapping[str, int] | None = None
    """Records that are not read yet, by topic; None while Kafka does not answer."""
    window_state: WindowState | None = None
    last_batch: Batch | None = None
    features: Materialization | None = None
    """What becomes of the scores; None while nothing is known."""
    error: str | None = None
    """Why a job failed."""

    @property
    def runs(self) -> bool:
        """Whether its process is alive."""
        return self.state in ("starting", "running", "stopping")


class StatusFile:
    """The status of the jobs on one checkpoint, one after the other.

    Args:
        home: The home folder.
        checkpoint: The checkpoint's folder, as the user names it.
    """

    def __init__(self, home: Path, checkpoint: str) -> None:
        name = hashlib.sha256(checkpoint.encode()).hexdigest()[:12]
        self._file = _folder(home) / f"{name}.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only job on the checkpoint; ends with the process, however that ends.

        Raises:
            JobError: If another one runs.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with _lock(self._file).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JobError(
                    "a job is running on this checkpoint already: `riskloom run --status` shows it.\n"
                    "Stop it first, or give this one another --checkpoint."
                ) from None
            yield

    def write(self, status: JobStatus) -> None:
        """Replace the status in one step."""
        folder, name = self._file.parent, self._file.name
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=f".{name}-", delete=False) as file:
            file.write(status.model_dump_json(indent=2))
        Path(file.name).replace(self._file)


def read_jobs(home: Path) -> list[JobStatus]:
    """Read the status of every job that runs; if none does, that of the one which ended last."""
    found = []
    for file in sorted(_folder(home).glob("*.json")):
        status = JobStatus.model_validate_json(file.read_text("utf-8"))
        if status.runs and not _is_held(file):
            status = status.model_copy(update={"state": "killed"})
        found.append(status)
    running = [status for status in found if status.runs]
    return running or sorted(found, key=lambda status: status.updated)[-1:]


def _folder(home: Path) -> Path:
    return home / "jobs"


def _lock(file: Path) -> Path:
    return file.with_suffix(".lock")


def _is_held(file: Path) -> bool:
    with _lock(file).open("a") as lock:
        try:
            # Shared: it disturbs no other reader, and a job that starts at this very moment sees it for microseconds.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
