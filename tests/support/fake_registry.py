"""A schema registry in this process: the part of the Confluent API that riskloom uses."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

INCOMPATIBLE = "Incompatible artifact: something at /fields/1"


class FakeRegistry(ThreadingHTTPServer):
    """Keeps subjects; refuses what it is told to refuse."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.schemas: list[str] = []
        self.subjects: dict[str, list[int]] = {}
        self.levels: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.races = 0
        """How many registrations answer that the subject already exists."""
        self.level_races = 0
        """How many settings of a level answer that it already has one."""
        self.incompatible = False
        self.status = 0
        """When set, every answer has this status."""

    @property
    def url(self) -> str:
        """The address, as a setting."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeRegistry

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def _handle(self) -> None:
        registry = self.server
        address = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        registry.requests.append((self.command, address.path))
        registry.headers = dict(self.headers.items())
        if registry.status:
            return self._answer(registry.status, {"error_code": registry.status, "message": "no"})
        answer = self._route(unquote(address.path).strip("/").split("/"), body, parse_qs(address.query))
        return self._answer(*answer)

    do_GET = do_POST = do_PUT = _handle

    def _route(self, path: list[str], body: Any, query: Any) -> tuple[int, Any]:
        registry = self.server
        match self.command, path:
            case "GET", ["subjects"]:
                return 200, list(registry.subjects)
            case "GET", ["config", subject]:
                if subject in registry.levels:
                    return 200, {"compatibilityLevel": registry.levels[subject]}
                return 404, {"error_code": 40401, "message": "no such subject"}
            case "PUT", ["config", subject] if registry.level_races:
                registry.level_races -= 1
                return 409, {"error_code": 409, "message": "A rule named 'COMPATIBILITY' already exists."}
            case "PUT", ["config", subject]:
                registry.levels[subject] = body["compatibility"]
                return 200, body
            case "GET", ["subjects", subject, "versions"] if subject not in registry.subjects:
                return 404, {"error_code": 40401, "message": "no such subject"}
            case "GET", ["subjects", subject, "versions"]:
                return 200, list(range(1, len(registry.subjects[subject]) + 1))
            case "POST", ["compatibility", "subjects", subject, "versions", "latest"]:
                if subject not in registry.subjects:
                    return 404, {"error_code": 40402, "message": "no such version"}
                return 200, {"is_compatible": not registry.incompatible}
            case "GET", ["subjects", subject, "versions", version]:
                ids = registry.subjects.get(subject, [])
                number = len(ids) if version == "latest" else int(version)
                if not 0 < number <= len(ids):
                    return 404, {"error_code": 40402, "message": "no such version"}
                return 200, self._registered(subject, number)
            case "GET", ["schemas", "ids", schema_id]:
                return 200, {"schema": registry.schemas[int(schema_id) - 1]}
            case "POST", ["subjects", subject]:
                for number, schema_id in enumerate(registry.subjects.get(subject, []), 1):
                    if registry.schemas[schema_id - 1] == body["schema"]:
                        return 200, self._registered(subject, number)
                return 404, {"error_code": 40403, "message": "no such schema"}
            case "POST", ["subjects", subject, "versions"]:
                return self._register(subject, body["schema"], query)
        return 404, {"error_code": 404, "message": f"no resource {path}"}

    def _register(self, subject: str, schema: str, query: Any) -> tuple[int, Any]:
        registry = self.server
        if query.get("normalize") != ["True"]:
            return 422, {"error_code": 42201, "message": "not normalised"}
        if registry.races:
            registry.races -= 1
            return 409, {"error_code": 409, "message": f"An artifact with ID '{subject}' already exists."}
        if registry.incompatible:
            return 409, {"error_code": 409, "message": INCOMPATIBLE}
        if schema not in registry.schemas:
            registry.schemas.append(schema)
        schema_id = registry.schemas.index(schema) + 1
        registry.subjects.setdefault(subject, []).append(schema_id)
        return 200, {"id": schema_id}

    def _registered(self, subject: str, number: int) -> dict[str, Any]:
        schema_id = self.server.subjects[subject][number - 1]
        schema = self.server.schemas[schema_id - 1]
        return {"subject": subject, "version": number, "id": schema_id, "schema": schema}

    def _answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    """Run a registry until the block ends."""
    with FakeRegistry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
