"""Jars and archives from Maven Central, pinned by content in `versions.toml`, kept in Maven's local repository.

A file is downloaded into a folder of its own beside the repository, checked, and only then moved into place: nobody
ever sees a broken or interrupted download, and processes that download at the same time do each other no harm.
"""

from __future__ import annotations

import hashlib
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from riskloom.errors import StackError

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

Report = Callable[[str], None]
"""Is told, in one line, what is going on."""

_TIMEOUT = 60
"""Seconds without a byte before a download is given up."""
_THREADS = 8
_ATTEMPTS = 3
"""One hiccup of the network should not cost the user a second command."""


class CancelledError(Exception):
    """The work was given up because another part failed or the user interrupted."""


@dataclass(frozen=True)
class Pin:
    """One file of a Maven repository, and what it must contain."""

    group: str
    artifact: str
    version: str
    packaging: str
    classifier: str
    sha256: str
    size: int
    """In bytes."""

    @classmethod
    def parse(cls, coordinate: str, sha256: str = "", size: int = 0) -> Pin:
        """Read `group:artifact:version[:packaging[:classifier]]`."""
        group, artifact, version, *kind = coordinate.split(":")
        packaging, classifier = (*kind, *("jar", "")[len(kind) :])
        return cls(group, artifact, version, packaging, classifier, sha256, size)

    @property
    def coordinate(self) -> str:
        """`group:artifact:version[:packaging[:classifier]]`."""
        kind = [] if (self.packaging, self.classifier) == ("jar", "") else [self.packaging, self.classifier]
        return ":".join(filter(None, [self.group, self.artifact, self.version, *kind]))

    def artifact_in(self, context: MavenContext) -> Artifact:
        """Find the file in a Maven context."""
        component = context.project(self.group, self.artifact).at_version(self.version)
        return component.artifact(self.classifier, self.packaging)

    def path(self) -> Path:
        """Where the file is, or would be, in Maven's local repository."""
        from jgo.maven import MavenContext

        context = MavenContext()
        artifact = self.artifact_in(context)
        return context.repo_cache / artifact.component.path_prefix / artifact.filename

    def is_whole(self, path: Path) -> bool:
        """Say whether a file holds what is pinned."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def versions() -> dict[str, Any]:
    """Read `versions.toml`: for each set of files its `roots`, and its `files` with their `sha256` and `size`."""
    return tomllib.loads(resources.files(__package__).joinpath("versions.toml").read_text("utf-8"))


def pins(name: str) -> tuple[Pin, ...]:
    """List the files of a set: `kafka`, `registry` or `spark`."""
    return tuple(Pin.parse(coordinate, **pin) for coordinate, pin in versions()[name]["files"].items())


def spark_jars(report: Report | None = None) -> list[Path]:
    """Fetch the jars that let Spark read and write Kafka.

    Raises:
        StackError: If a file cannot be had.
    """
    return fetch(pins("spark"), report)


def kafka_jars(report: Report | None = None) -> list[Path]:
    """Fetch the Kafka broker and everything it needs.

    Raises:
        StackError: If a file cannot be had.
    """
    return fetch(pins("kafka"), report)


def apicurio_archive(report: Report | None = None) -> Path:
    """Fetch the schema registry's archive.

    Raises:
        StackError: If it cannot be had.
    """
    return fetch(pins("registry"), report)[0]


def missing(wanted: Sequence[Pin]) -> list[Pin]:
    """Say which files are not in Maven's local repository, or are not whole there."""
    with ThreadPoolExecutor(_THREADS, "check") as pool:
        whole = pool.map(lambda pin: pin.is_whole(pin.path()), wanted)
        return [pin for pin, there in zip(wanted, whole, strict=True) if not there]


def fetch(wanted: Sequence[Pin], report: Report | None = None) -> list[Path]:
    """Find files in Maven's local repository, and download those that are not there or not whole.

    Args:
        wanted: The files.
        report: Is told of progress, in steps of a tenth.

    Returns:
        Their paths, in the order asked for.

    Raises:
        StackError: If files cannot be had; it names each of them and why.
    """
    absent = missing(wanted)
    if absent:
        _download_all(absent, report)
    return [pin.path() for pin in wanted]


def _download_all(absent: Sequence[Pin], report: Report | None) -> None:
    progress = _Progress(absent, report)
    with ThreadPoolExecutor(_THREADS, "fetch") as pool:
        try:
            failures = list(filter(None, pool.map(lambda pin: _download(pin, progress), absent)))
        except BaseException:
            progress.cancelled.set()
            raise
    if failures:
        raise StackError(
            "cannot download from Maven Central:\n"
            + "\n".join(f"  - {failure}" for failure in failures)
            + "\nCheck the network and run the command again, or copy the files into Maven's local repository."
        )


def _download(pin: Pin, progress: _Progress) -> str | None:
    """Bring one file into the local repository; answer the reason if that fails."""
    from jgo.maven import MavenContext, PythonResolver

    target, reason = pin.path(), ""
    target.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(_ATTEMPTS):
        if progress.cancelled.wait(attempt):
            raise CancelledError
        with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as staging:
            context = MavenContext(
                PythonResolver(progress_callback=progress.of_file), repo_cache=Path(staging), timeout=_TIMEOUT
            )
            try:
                got = Path(pin.artifact_in(context).resolve())
            except CancelledError:
                raise
            except Exception as error:  # jgo passes on whatever requests, urllib3 and the file system raise
                reason = f"{pin.coordinate}: {error}"
                continue
            if pin.is_whole(got):
                got.replace(target)
                return None
            reason = f"{pin.coordinate}: what came is not the pinned file (its sha256 differs)"
    return reason


class _Progress:
    """Adds up the bytes of all downloads and stops them when cancelled."""

    def __init__(self, wanted: Sequence[Pin], report: Report | None) -> None:
        self._files, self._total = len(wanted), sum(pin.size for pin in wanted)
        self._report, self._lock = report, Lock()
        self.cancelled = Event()
        self._done, self._tenths = 0, -1
        self._add(0)

    @contextmanager
    def of_file(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Follow one file, as jgo's `progress_callback` wants it."""
        yield self._add

    def _add(self, count: int) -> None:
        if self.cancelled.is_set():
            raise CancelledError
        with self._lock:
            self._done += count
            tenths = min(10, 10 * self._done // max(1, self._total))
            if self._report is None or tenths == self._tenths:
                return
            self._tenths = tenths
        files = f"{self._files} file{'s' if self._files != 1 else ''}, {self._total / 1e6:.0f} MB"
        self._report(f"downloading {files}, from Maven Central: {10 * tenths} %")
