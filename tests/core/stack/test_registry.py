from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from servers import JAVA, any_free

from riskloom.errors import StackError
from riskloom.stack import registry
from riskloom.stack.registry import Registry, program_folder

JAR = "apicurio-registry-app-9-runner.jar"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "all.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name in (JAR, "lib/other.jar"):
            member = tarfile.TarInfo(name)
            member.size = 3
            packed.addfile(member, BytesIO(b"jar"))
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "apicurio_archive", lambda report: path)
    return path


@pytest.fixture
def serve() -> Iterator[Callable[[int], tuple[int, list[Any]]]]:
    """Serve one answer to every request; answer the port and the list of what was asked."""
    servers = []

    def serve(status: int) -> tuple[int, list[Any]]:
        asked: list[Any] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                asked.append((self.command, self.path, body))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"the reason")

            do_PUT = do_GET

            def log_message(self, *arguments: object) -> None:
                return

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server.server_address[1], asked

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_program_is_unpacked_once_for_all_homes(archive: Path, tmp_path: Path) -> None:
    said: list[str] = []
    first, second = Registry(tmp_path / "a"), Registry(tmp_path / "b")
    first.fetch(said.append)
    second.fetch(said.append)
    assert said == ["registry: unpacking"]
    assert (program_folder() / JAR).read_bytes() == b"jar"
    assert [path.name for path in program_folder().parent.iterdir()] == [program_folder().name]
    assert first.command(1, JAVA)[-1] == program_folder() / JAR


def test_an_interrupted_unpacking_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(EOFError):
        Registry(tmp_path).fetch(print)
    assert list(program_folder().parent.iterdir()) == []


def test_another_process_may_unpack_first(archive: Path, tmp_path: Path) -> None:
    def other_was_quicker(line: str) -> None:
        program_folder().mkdir(parents=True)
        (program_folder() / JAR).touch()

    Registry(tmp_path).fetch(other_was_quicker)
    assert (program_folder() / JAR).read_bytes() == b""


def test_the_command_keeps_data_in_the_home_folder(archive: Path, tmp_path: Path) -> None:
    server = Registry(tmp_path)
    server.fetch(lambda line: None)
    command = [str(part) for part in server.command(18081, JAVA)]
    assert "-Dquarkus.http.host=127.0.0.1" in command
    assert "-Dquarkus.http.port=18081" in command
    assert f"-Dquarkus.datasource.jdbc.url=jdbc:h2:file:{tmp_path}/data/registry/registry;WRITE_DELAY=0" in command
    assert server.address(18081) == "http://127.0.0.1:18081/apis/ccompat/v7"


def test_readiness(serve: Callable[[int], tuple[int, list[Any]]], tmp_path: Path) -> None:
    port, asked = serve(200)
    assert Registry(tmp_path).is_ready(port)
    assert asked == [("GET", "/apis/ccompat/v7/subjects", None)]
    assert not Registry(tmp_path).is_ready(serve(500)[0])
    assert not Registry(tmp_path).is_ready(any_free())


def test_it_is_set_up_backward_compatible(serve: Callable[[int], tuple[int, list[Any]]], tmp_path: Path) -> None:
    port, asked = serve(200)
    Registry(tmp_path).set_up(port)
    assert asked == [("PUT", "/apis/ccompat/v7/config", {"compatibility": "BACKWARD"})]
    with pytest.raises(StackError, match="status 500: the reason"):
        Registry(tmp_path).set_up(serve(500)[0])
