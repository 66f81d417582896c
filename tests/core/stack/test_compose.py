"""deploy/docker-compose.yml gives the same topology as the local stack."""

from __future__ import annotations

from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml

from riskloom.settings import Settings
from riskloom.stack.artifacts import pins
from riskloom.stack.kafka import Kafka
from riskloom.stack.local import KINDS

FILE = Path(__file__).parents[3] / "deploy" / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text("utf-8"))["services"]


def image(service: dict[str, Any]) -> tuple[str, str]:
    name, _, tag = service["image"].partition(":")
    return name, tag


def test_every_server_is_there(services: dict[str, Any]) -> None:
    assert {kind.name for kind in KINDS} | {"spark-master", "spark-worker"} <= set(services)


def test_images_are_of_the_pinned_versions(services: dict[str, Any]) -> None:
    (broker,) = [pin for pin in pins("kafka") if pin.artifact == "kafka_2.13"]
    (registry,) = pins("registry")
    pyspark = {line.partition(";")[0].strip() for line in requires("riskloom") or () if line.startswith("pyspark")}
    assert image(services["kafka"]) == ("apache/kafka", broker.version)
    assert image(services["registry"]) == ("apicurio/apicurio-registry-sql", registry.version)
    (pyspark_version,) = {requirement.partition("==")[2] for requirement in pyspark}
    for name in ("spark-master", "spark-worker"):
        assert image(services[name]) == ("apache/spark", pyspark_version)
    assert all(image(service)[1] not in ("", "latest") for service in services.values())


def test_ports_are_the_usual_ones_on_the_loopback_interface(services: dict[str, Any]) -> None:
    for kind in KINDS:
        (published,) = services[kind.name]["ports"]
        host, port, _ = published.split(":")
        assert (host, int(port)) == ("127.0.0.1", kind.usual_port)
        assert f"127.0.0.1:{port}" in str(Settings.model_fields[kind.setting].default)
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ()))


def test_kafka_is_configured_as_in_the_local_stack(services: dict[str, Any], tmp_path: Path) -> None:
    file = Kafka(tmp_path).configure(19092)
    local = dict(line.split("=", 1) for line in file.read_text("utf-8").splitlines())
    container = {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value
        for name, value in services["kafka"]["environment"].items()
    }
    own = {"listeners", "advertised.listeners", "listener.security.protocol.map", "controller.quorum.voters"}
    own |= {"log.dirs", "inter.broker.listener.name"}
    sized = {"num.network.threads", "num.io.threads", "background.threads", "log.cleaner.dedupe.buffer.size"}
    assert {name: value for name, value in container.items() if name not in own} == {
        name: value for name, value in local.items() if name not in own | sized
    }


def test_volumes_are_declared(services: dict[str, Any]) -> None:
    declared = yaml.safe_load(FILE.read_text("utf-8"))["volumes"]
    used = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert set(declared) == {name for name in used if not name.startswith("$")}
