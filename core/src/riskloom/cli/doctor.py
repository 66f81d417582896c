"""The command `doctor`: what riskloom needs on this machine, checked part by part, with the fix for each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import click

from riskloom.cli.options import json_option, server_options
from riskloom.errors import RiskloomError, StackError
from riskloom.settings import Settings, load_settings

_PYSPARK = "4.3"
"""The first release whose Real-Time Mode takes the job's stateful operator."""
_GB = 1e9
_DISK_LEAST, _DISK_GOOD = 1 * _GB, 5 * _GB
_MEMORY_LEAST, _MEMORY_GOOD = 1.5 * _GB, 4 * _GB
"""The servers take 0.5 GB together at rest and 1 GB at most, the job's JVM up to 3 GB."""
_VARIABLES = {
    "kafka": "RISKLOOM_BOOTSTRAP_SERVERS and RISKLOOM_KAFKA_CLIENT",
    "registry": "RISKLOOM_REGISTRY_URL and RISKLOOM_REGISTRY_CLIENT",
    "redis": "RISKLOOM_REDIS_URL",
}
"""Where a server's address and its client's options come from."""
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    level: Literal["ok", "warn", "fail"]
    """`warn`: works, or will once the fix is done, but the user should know."""
    text: str
    fix: str = ""
    """The next command; empty when all is well."""


@click.command()
@server_options
@json_option
def doctor(bootstrap_servers: str | None, registry_url: str | None, home: Path | None, as_json: bool) -> None:
    """Check Java, jars, servers, ports, domains, disk and memory, with the fix for each.

    The exit status is 1 when a check fails.

    \b
    Examples:
      riskloom doctor
      riskloom doctor --bootstrap-servers kafka.example.com:9093
      riskloom doctor --json | jq -r '.checks[] | select(.level == "fail") | .fix'
    """
    settings = load_settings(home=home, bootstrap_servers=bootstrap_servers, registry_url=registry_url)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            _print(finding)
    healthy = all(finding.level != "fail" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": healthy, "checks": [asdict(finding) for finding in findings]}, indent=2))
    if not healthy:
        raise click.exceptions.Exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Make all checks, one after the other.

    Args:
        settings: Where the servers are, and the home folder.

    Yields:
        One or more findings for each check.
    """
    checks = (_java, _jars, _redis, _pyspark, _servers, _domains, _disk, _memory)
    for check in checks:
        name = check.__name__.strip("_")
        try:
            yield from check(settings)
        except ModuleNotFoundError as error:
            text = f"cannot be checked, and will not work, without the package {error.name}"
            yield Finding(name, "fail", text, "pip install 'riskloom[all]'")
        except RiskloomError as error:
            text, _, fix = str(error).rpartition("\n")
            yield Finding(name, "fail", text or fix, fix if text else "")


def _java(settings: Settings) -> Iterator[Finding]:
    from riskloom.stack.java import find_java

    java = find_java(settings.home_dir)
    yield Finding("java", "ok", f"{java.version} from {java.source}, {java.home}")


def _jars(settings: Settings) -> Iterator[Finding]:
    from riskloom.stack.artifacts import missing, pins
    from riskloom.stack.registry import program_folder
    from riskloom.stream.session import kernel_jar

    sets = ["kafka", "spark", *(() if program_folder().is_dir() else ("registry",))]
    absent = missing([pin for name in sets for pin in pins(name)])
    size = sum(pin.size for pin in absent)
    if absent:
        text = f"{len(absent)} files of {size / 1e6:.0f} MB are not downloaded yet"
        yield Finding("jars", "warn", text, "they come with the first: riskloom up, riskloom run")
    else:
        yield Finding("jars", "ok", "Kafka, the schema registry and Spark's Kafka connector are downloaded")
    if kernel_jar().is_file():
        yield Finding("kernel", "ok", str(kernel_jar()))
    else:
        yield Finding("kernel", "fail", f"{kernel_jar()} is missing", "pip install --force-reinstall riskloom")


def _redis(settings: Settings) -> Iterator[Finding]:
    from riskloom.stack.redis import find_redis

    try:
        yield Finding("redis", "ok", str(find_redis()))
    except StackError as error:
        text, _, fix = str(error).rpartition("\n")
        # Somebody else's Redis needs no program here.
        own = settings.redis_url == Settings.model_fields["redis_url"].default
        yield Finding("redis", "fail" if own else "warn", text, fix)


def _pyspark(settings: Settings) -> Iterator[Finding]:
    install = "pip install 'riskloom[spark]'"
    try:
        found = version("pyspark")
    except PackageNotFoundError:
        yield Finding("pyspark", "fail", "not installed", install)
        return
    if found.startswith(f"{_PYSPARK}."):
        yield Finding("pyspark", "ok", found)
    else:
        yield Finding("pyspark", "warn", f"{found}, while the job is made for {_PYSPARK}", install)


def _servers(settings: Settings) -> Iterator[Finding]:
    from riskloom.stack.local import KINDS, LocalStack

    local = {server.name: server for server in LocalStack(settings.home_dir).status()}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    for kind in KINDS:
        address, server = str(getattr(settings, kind.setting)), local[kind.name]
        name = f"server {kind.name}"
        if server.address == address:
            if server.state == "running":
                yield Finding(name, "ok", f"running on {address}, {server.memory / 1e6:.0f} MB")
            else:
                yield Finding(name, "fail", f"does not answer on {address}; log: {server.log}", "riskloom up")
        elif (reason := _PROBES[kind.name](settings)) is None:
            yield Finding(name, "ok", f"answers on {address}")
        elif address == defaults[kind.setting]:
            yield from _not_started(name, kind.usual_port)
        else:
            yield Finding(name, "fail", f"cannot use {address}: {reason}", f"check {_VARIABLES[kind.name]}")


def _not_started(name: str, port: int) -> Iterator[Finding]:
    from riskloom.stack import ports

    if ports.is_free(port):
        yield Finding(name, "warn", f"not running; its port {port} is free", "riskloom up")
    else:
        text = f"not running; port {port} is taken by {ports.holder(port)}, another one will be used"
        yield Finding(name, "warn", text, "riskloom up")


def _probe_kafka(settings: Settings) -> str | None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        AdminClient({"log_level": 0, **settings.kafka()}).list_topics(timeout=5)
    except KafkaException as error:
        return str(error.args[0].str())
    return None


def _probe_registry(settings: Settings) -> str | None:
    from riskloom.schemas.registry import registry_client

    try:
        registry_client(settings).get_subjects()
    except Exception as error:  # whatever the client's HTTP library raises: each is a reason why it cannot be used
        return str(error)
    return None


def _probe_redis(settings: Settings) -> str | None:
    import redis

    with redis.Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            return str(error)
    return None


_PROBES: dict[str, Callable[[Settings], str | None]] = {
    "kafka": _probe_kafka,
    "registry": _probe_registry,
    "redis": _probe_redis,
}


def _domains(settings: Settings) -> Iterator[Finding]:
    from riskloom.discovery import survey

    found = survey()
    for domain in found.domains:
        yield Finding("domain", "ok", f"{domain.name} ({domain.distribution} {domain.version})")
    for problem in found.problems:
        yield Finding("domain", "fail", problem, found.hint)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = next(
        parent for parent in (settings.home_dir.resolve(), *settings.home_dir.resolve().parents) if parent.exists()
    )
    free = shutil.disk_usage(folder).free
    level = _level(free, _DISK_LEAST, _DISK_GOOD)
    fix = (
        ""
        if level == "ok"
        else "make room, or choose another folder: RISKLOOM_HOME; delete data: riskloom down --delete-data"
    )
    yield Finding("disk", level, f"{free / _GB:.1f} GB free for {settings.home_dir}", fix)


def _memory(settings: Settings) -> Iterator[Finding]:
    import psutil

    available = psutil.virtual_memory().available
    level = _level(available, _MEMORY_LEAST, _MEMORY_GOOD)
    fix = "" if level == "ok" else "close other programs: the servers and the job take up to 4 GB"
    yield Finding("memory", level, f"{available / _GB:.1f} GB available", fix)


def _level(value: float, least: float, good: float) -> Literal["ok", "warn", "fail"]:
    return "fail" if value < least else "warn" if value < good else "ok"


def _print(finding: Finding) -> None:
    mark = click.style(f"{finding.level:<4}", fg=_COLOURS[finding.level], bold=True)
    click.echo(f"{mark}  {finding.name:<15}  {finding.text}")
    if finding.fix:
        click.echo(f"{'':4}  {'':15}  -> {finding.fix}")
