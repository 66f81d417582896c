from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from riskloom.errors import StackError
from riskloom.stack import artifacts
from riskloom.stack.artifacts import Pin, fetch, missing, pins, versions

CONTENT = b"a jar" * 50_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Repository(ThreadingHTTPServer):
    """A Maven repository on the loopback interface."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.broken = 0
        """How many of the next answers end in the middle."""

    def add(self, pin: Pin, content: bytes = CONTENT) -> Pin:
        name = f"{pin.artifact}-{pin.version}{'-' + pin.classifier if pin.classifier else ''}.{pin.packaging}"
        self.files[f"/{pin.group.replace('.', '/')}/{pin.artifact}/{pin.version}/{name}"] = content
        return pin


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.server.asked[self.path] += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.broken:
            self.server.broken -= 1
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Repository]:
    with Repository() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("M2_REPO", str(tmp_path))
        monkeypatch.setattr(
            "jgo.maven._core.DEFAULT_REMOTE_REPOS", {"test": f"http://127.0.0.1:{server.server_address[1]}"}
        )
        yield server
        server.shutdown()
        thread.join()


def pin(name: str = "tool", kind: str = "", sha256: str = SHA256) -> Pin:
    return Pin.parse(f"org.example:{name}:1.0{kind}", sha256, len(CONTENT))


@pytest.mark.parametrize(
    ("kind", "packaging", "classifier"), [("", "jar", ""), (":tar.gz", "tar.gz", ""), (":tar.gz:all", "tar.gz", "all")]
)
def test_a_coordinate_is_read_and_written(kind: str, packaging: str, classifier: str) -> None:
    read = pin(kind=kind)
    assert (read.group, read.artifact, read.version) == ("org.example", "tool", "1.0")
    assert (read.packaging, read.classifier) == (packaging, classifier)
    assert read.coordinate == f"org.example:tool:1.0{kind}"


def test_files_are_downloaded_once(repository: Repository, tmp_path: Path) -> None:
    wanted = [repository.add(pin("one")), repository.add(pin("two", ":tar.gz:all"))]
    said: list[str] = []
    paths = fetch(wanted, said.append)
    assert [path.name for path in paths] == ["one-1.0.jar", "two-1.0-all.tar.gz"]
    assert all(path.read_bytes() == CONTENT and path.is_relative_to(tmp_path) for path in paths)
    assert said[0] == "downloading 2 files, 0 MB, from Maven Central: 0 %"
    assert said[-1].endswith(": 100 %")
    said.clear()
    assert fetch(wanted, said.append) == paths
    assert said == []
    assert set(repository.asked.values()) == {1}
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


def test_what_is_not_the_pinned_file_is_refused_and_not_kept(repository: Repository, tmp_path: Path) -> None:
    wanted = [
        repository.add(pin("wrong"), b"x" * len(CONTENT)),
        repository.add(pin("short"), CONTENT[:-1]),
        pin("none"),
    ]
    with pytest.raises(StackError) as error:
        fetch(wanted)
    for name in ("wrong", "short", "none"):
        assert f"org.example:{name}:1.0: " in str(error.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_download_that_breaks_is_tried_again(repository: Repository) -> None:
    repository.broken = 1
    wanted = [repository.add(pin())]
    assert fetch(wanted)[0].read_bytes() == CONTENT
    assert set(repository.asked.values()) == {2}


@pytest.mark.parametrize("broken", [b"", CONTENT[:1000], b"x" * len(CONTENT)], ids=["empty", "partial", "other"])
def test_a_broken_file_in_the_cache_is_replaced(repository: Repository, broken: bytes) -> None:
    wanted = repository.add(pin())
    wanted.path().parent.mkdir(parents=True)
    wanted.path().write_bytes(broken)
    assert missing([wanted]) == [wanted]
    assert fetch([wanted])[0].read_bytes() == CONTENT
    assert missing([wanted]) == []


def test_many_may_fetch_the_same_file_at_the_same_time(repository: Repository) -> None:
    wanted = [repository.add(pin())]
    with ThreadPoolExecutor(8) as pool:
        for paths in pool.map(lambda _: fetch(wanted), range(8)):
            assert paths[0].read_bytes() == CONTENT


def test_an_interrupt_stops_the_downloads(repository: Repository, tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if not line.endswith(" 0 %"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([repository.add(pin(f"tool{number}")) for number in range(20)], interrupt)
    assert len(list(tmp_path.rglob("*.jar"))) < 20
    assert list(tmp_path.rglob(".part-*")) == []


@pytest.mark.parametrize("name", ["kafka", "registry", "spark"])
def test_every_set_is_pinned_whole(name: str) -> None:
    part = versions()[name]
    listed = pins(name)
    assert {pin.coordinate for pin in listed} >= set(part["roots"])
    assert all(len(pin.sha256) == 64 and pin.size > 0 for pin in listed)
    assert len({(pin.group, pin.artifact) for pin in listed}) == len(listed)
    if not part["transitive"]:
        assert len(listed) == len(part["roots"])


def test_kafka_s_own_jars_are_of_one_version() -> None:
    assert len({pin.version for pin in pins("kafka") if pin.group == "org.apache.kafka"}) == 1


def test_the_sets_are_fetched_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "fetch", lambda wanted, report: [Path(pin.artifact) for pin in wanted])
    assert Path("kafka_2.13") in artifacts.kafka_jars()
    assert artifacts.apicurio_archive() == Path("apicurio-registry-app")
    assert Path("spark-sql-kafka-0-10_2.13") in artifacts.spark_jars()
