"""The schema registry: Apicurio with its data in an H2 file, speaking the Confluent API."""

from __future__ import annotations

import json
import tarfile
import tempfile
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from riskloom.errors import StackError
from riskloom.stack.artifacts import Pin, Report, apicurio_archive, pins
from riskloom.stack.java import Java
from riskloom.stack.ports import HOST

_API = "/apis/ccompat/v7"
_TIMEOUT = 5.0
# It serves a few requests a minute: the first compiler is enough, and makes it start in half the time.
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


class Registry:
    """The schema registry of a home folder."""

    name = "registry"
    setting = "registry_url"
    usual_port = 8081

    def __init__(self, home: Path) -> None:
        self.folder = home / "data" / "registry"
        self._program = Path()

    def fetch(self, report: Report) -> None:
        """Get the registry's archive and unpack it, once for all home folders of the user."""
        self._program = program_folder()
        if self._program.is_dir():
            return
        archive = apicurio_archive(report)
        report("registry: unpacking")
        self._program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=self._program.parent) as part:
            with tarfile.open(archive) as packed:
                # Python before 3.11.4 knows no filter, and needs none: the archive is pinned by its content.
                packed.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                packed.extractall(Path(part) / "program")  # noqa: S202
            try:
                (Path(part) / "program").replace(self._program)
            except OSError:
                # Another process was quicker: the folder is there, and whole.
                if not self._program.is_dir():
                    raise

    def command(self, port: int, java: Java) -> list[str | Path]:
        """Answer the registry's command."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "quarkus.http.host": HOST,
            "quarkus.http.port": port,
            # With a delay, a kill could lose a registration that was acknowledged, and its id would be used again.
            "quarkus.datasource.jdbc.url": f"jdbc:h2:file:{self.folder / 'registry'};WRITE_DELAY=0",
            "quarkus.datasource.jdbc.initial-size": 2,
            "quarkus.datasource.jdbc.min-size": 2,
            "quarkus.datasource.jdbc.max-size": 20,
            # The default makes a warning of twenty lines at each start.
            "registry.apis.v2.date-format": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        }
        jar = next(self._program.glob("*-runner.jar"))
        return [java.executable, *_JVM, *(f"-D{name}={value}" for name, value in options.items()), "-jar", jar]

    def is_ready(self, port: int) -> bool:
        """Ask for the subjects."""
        try:
            return _request(port, "GET", "/subjects")[0] == 200
        except (OSError, HTTPException):
            return False

    def set_up(self, port: int) -> None:
        """Make BACKWARD the compatibility of subjects that have none of their own: a new registry checks nothing."""
        status, body = _request(port, "PUT", "/config", {"compatibility": "BACKWARD"})
        if status != 200:
            raise StackError(f"registry: cannot set its compatibility to BACKWARD: status {status}: {body}")

    def address(self, port: int) -> str:
        """Write the address of the Confluent API."""
        return f"http://{HOST}:{port}{_API}"


def archive_pin() -> Pin:
    """The archive that the registry comes in."""
    return pins("registry")[0]


def program_folder() -> Path:
    """Where the unpacked registry is, or would be: in jgo's cache, named after the archive's content."""
    from jgo.constants import default_jgo_cache

    pin = archive_pin()
    return Path(default_jgo_cache()) / "riskloom" / f"{pin.artifact}-{pin.version}-{pin.sha256[:8]}"


def _request(port: int, method: str, path: str, content: object = None) -> tuple[int, str]:
    connection = HTTPConnection(HOST, port, timeout=_TIMEOUT)
    try:
        body = None if content is None else json.dumps(content)
        connection.request(method, _API + path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()
