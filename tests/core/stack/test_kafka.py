from __future__ import annotations

from pathlib import Path

import pytest
from servers import JAVA, any_free

from riskloom.errors import StackError
from riskloom.stack import kafka
from riskloom.stack.java import Java
from riskloom.stack.kafka import Kafka


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    monkeypatch.setattr(kafka, "kafka_jars", lambda report: [Path("/m2/kafka.jar"), Path("/m2/scala.jar")])
    server = Kafka(tmp_path)
    server.fetch(print)
    return server


def java(folder: Path, script: str) -> Java:
    executable = folder / "java"
    executable.write_text(f"#!/bin/sh\n{script}\n")
    executable.chmod(0o755)
    return Java(folder, executable, "17", "PATH")


def test_storage_is_formatted_once(server: Kafka, tmp_path: Path) -> None:
    script = f'echo "$@" >> {tmp_path}/calls; mkdir -p {server.folder}/log; touch {server.folder}/log/meta.properties'
    fake = java(tmp_path, script)
    command = server.command(19092, fake)
    assert server.command(19092, fake) == command
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert "kafka.tools.StorageTool format --cluster-id=" in call
    assert f"--config={server.folder}/server.properties" in call


def test_the_command_starts_the_broker(server: Kafka) -> None:
    (server.folder / "log").mkdir(parents=True)
    (server.folder / "log" / "meta.properties").touch()
    command = [str(part) for part in server.command(19092, JAVA)]
    assert command[0] == str(JAVA.executable)
    assert command[-4:] == ["-cp", "/m2/kafka.jar:/m2/scala.jar", "kafka.Kafka", f"{server.folder}/server.properties"]
    (logging,) = [part for part in command if part.startswith("-Dlog4j2.configurationFile=")]
    assert Path(logging.partition("=")[2]).is_file()


def test_a_failed_format_is_told(server: Kafka, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"(?s)cannot format its storage.*disk is on fire.*--delete-data"):
        server.command(19092, java(tmp_path, "echo disk is on fire >&2; exit 1"))


def test_listeners_are_on_the_loopback_interface(server: Kafka) -> None:
    written = dict(line.split("=", 1) for line in server.configure(19092).read_text().splitlines())
    assert written["listeners"].startswith("PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:")
    assert written["advertised.listeners"] == "PLAINTEXT://127.0.0.1:19092"
    assert written["log.dirs"] == str(server.folder / "log")
    assert server.address(19092) == "127.0.0.1:19092"


def test_a_broker_that_is_not_there_is_not_ready(server: Kafka) -> None:
    assert not server.is_ready(any_free())
