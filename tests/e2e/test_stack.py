"""The local stack with the real servers: what it keeps, what it takes with it, what it says when it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from redis import Redis

from riskloom.errors import StackError
from riskloom.stack.local import NAMES, LocalStack
from riskloom.stack.ports import any_free

pytestmark = pytest.mark.e2e
RECORDS = [b"one", b"two", b"three"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home folder whose servers are stopped at the end, whatever the test did."""
    home = tmp_path / "home"
    yield home
    LocalStack(home).stop()
    assert processes_of(home) == []


@pytest.fixture
def free_ports() -> dict[str, int]:
    return {name: any_free() for name in NAMES}


def processes_of(home: Path) -> list[psutil.Process]:
    """All processes of the machine that have to do with a home folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(str(home) in part for part in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def riskloom(*arguments: str, home: Path) -> list[str]:
    return [sys.executable, "-m", "riskloom", *arguments, "--home", str(home)]


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(riskloom(*arguments, home=home), capture_output=True, text=True)


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill_all(stack: LocalStack) -> None:
    processes = [psutil.Process(server.pid) for server in stack.status() if server.pid]
    assert len(processes) == len(NAMES)
    for process in processes:
        process.kill()
    wait_until(lambda: all(server.state == "stopped" for server in stack.status()))


def schema(*fields: str) -> Schema:
    listed = [{"name": name, "type": "int", "default": 0} for name in fields]
    return Schema(json.dumps({"type": "record", "name": "Sample", "fields": listed}), "AVRO")


def fill(addresses: dict[str, str]) -> int:
    """Put something into each server; answer the schema's id."""
    admin = AdminClient({"bootstrap.servers": addresses["bootstrap_servers"]})
    admin.create_topics([NewTopic("sample", 2, 1)])["sample"].result()
    producer = Producer({"bootstrap.servers": addresses["bootstrap_servers"], "acks": "all"})
    for record in RECORDS:
        producer.produce("sample", record, partition=1)
    assert producer.flush(30) == 0
    with Redis.from_url(addresses["redis_url"]) as redis:
        redis.set("sample", "kept")
    with SchemaRegistryClient({"url": addresses["registry_url"]}) as registry:
        return registry.register_schema("sample-value", schema("a"))


def records(addresses: dict[str, str]) -> list[bytes]:
    consumer = Consumer(
        {"bootstrap.servers": addresses["bootstrap_servers"], "group.id": "test", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["sample"])
    found: list[bytes] = []
    wait_until(lambda: found.extend(m.value() for m in consumer.consume(10, 0.5)) or len(found) >= len(RECORDS))
    consumer.close()
    return found


def test_data_ids_and_ports_survive_a_kill_of_every_server(home: Path, free_ports: dict[str, int]) -> None:
    addresses = LocalStack(home, free_ports).start()
    assert addresses["bootstrap_servers"] == f"127.0.0.1:{free_ports['kafka']}"
    schema_id = fill(addresses)
    kill_all(LocalStack(home))

    assert LocalStack(home).start() == addresses
    assert records(addresses) == RECORDS
    with Redis.from_url(addresses["redis_url"]) as redis:
        assert redis.get("sample") == b"kept"
    with SchemaRegistryClient({"url": addresses["registry_url"]}) as registry:
        assert registry.get_latest_version("sample-value").schema_id == schema_id
        assert registry.register_schema("sample-value", schema("a", "b")) > schema_id
        assert registry.get_compatibility() == "BACKWARD"
    assert list(
        AdminClient({"bootstrap.servers": addresses["bootstrap_servers"]}).list_topics().topics["sample"].partitions
    ) == [0, 1]


def test_commands(home: Path, free_ports: dict[str, int]) -> None:
    options = [part for name, port in free_ports.items() for part in ("--port", f"{name}={port}")]
    first = run("up", "--json", *options, home=home)
    assert first.returncode == 0, first.stderr
    written = json.loads((home / "stack.json").read_text("utf-8"))
    assert json.loads(first.stdout)["addresses"] == written["addresses"]

    second = run("up", home=home)
    assert second.returncode == 0
    assert "running already" in second.stderr
    assert json.loads((home / "stack.json").read_text("utf-8")) == written
    assert run("status", home=home).returncode == 0

    psutil.Process(written["servers"]["redis"]["pid"]).kill()
    wait_until(lambda: LocalStack(home).status()[2].state == "stopped")
    assert run("status", home=home).returncode == 3
    assert run("up", home=home).returncode == 0
    mended = json.loads((home / "stack.json").read_text("utf-8"))
    assert mended["servers"]["kafka"] == written["servers"]["kafka"]
    assert mended["addresses"] == written["addresses"]

    down = run("down", "--delete-data", home=home)
    assert down.returncode == 0, down.stderr
    assert processes_of(home) == []
    assert not (home / "stack.json").exists()
    assert not (home / "data").exists()


def test_servers_listen_on_the_loopback_interface_only(home: Path, free_ports: dict[str, int]) -> None:
    stack = LocalStack(home, free_ports)
    with stack.running():
        for server in stack.status():
            for connection in psutil.Process(server.pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    assert connection.laddr.ip.removeprefix("::ffff:") == "127.0.0.1"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_an_interrupted_up_leaves_nothing(home: Path, free_ports: dict[str, int], end: signal.Signals) -> None:
    options = [part for name, port in free_ports.items() for part in ("--port", f"{name}={port}")]
    up = subprocess.Popen(riskloom("up", *options, home=home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: (home / "stack.json").exists())
    up.send_signal(end)
    assert up.wait() == (130 if end == signal.SIGINT else -end)
    wait_until(lambda: not processes_of(home))
    assert not (home / "stack.json").exists()


PROGRAM = """
import sys, time
from pathlib import Path
from riskloom.stack.local import LocalStack
with LocalStack(Path(sys.argv[1])).running():
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_killed_program_takes_its_servers_with_it(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(home)], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        assert [server.state for server in LocalStack(home).status()] == ["running"] * 3
        program.kill()
    wait_until(lambda: not processes_of(home))
    assert not (home / "stack.json").exists()


def test_a_taken_port_is_refused_by_name_of_its_holder(home: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        refused = run("up", "--port", f"kafka={port}", home=home)
    assert refused.returncode == 4
    assert f"{port} is taken by process {os.getpid()}" in refused.stderr
    assert processes_of(home) == []


def test_a_server_that_does_not_start_is_explained_and_the_others_are_stopped(
    home: Path, free_ports: dict[str, int]
) -> None:
    log = home / "data" / "kafka" / "log"
    log.mkdir(parents=True)
    (log / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=other\n", "utf-8")
    with pytest.raises(StackError, match=r"(?s)kafka ended while it was starting.*kafka\.log.*node") as error:
        LocalStack(home, free_ports).start()
    assert "Error" in str(error.value) or "Exception" in str(error.value)
    assert processes_of(home) == []
    assert not (home / "stack.json").exists()
