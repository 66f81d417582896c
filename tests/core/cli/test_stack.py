from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from servers import JAVA, Failing, Fake, Other, any_free

from riskloom.cli.stack import down, status, up
from riskloom.errors import SettingsError, StackError
from riskloom.stack import local
from riskloom.stack.local import LocalStack


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Use quick servers, in a home folder of the test."""
    monkeypatch.setattr(local, "KINDS", (Fake, Other))
    monkeypatch.setattr(local, "find_java", lambda home: JAVA)
    monkeypatch.setenv("RISKLOOM_HOME", str(tmp_path))
    yield tmp_path
    LocalStack(tmp_path).stop()


def call(command: click.Command, *arguments: str) -> Result:
    result = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_up_shows_the_servers_and_says_what_it_does() -> None:
    result = call(up)
    assert "alpha: ready on 127.0.0.1:" in result.stderr
    header, alpha, beta = result.stdout.splitlines()[:3]
    assert header.split() == ["server", "state", "address", "pid", "memory", "log"]
    assert alpha.split()[:2] == ["alpha", "running"]
    assert beta.split()[:2] == ["beta", "running"]
    assert "riskloom down" in result.stdout
    assert "RISKLOOM_HOME" not in result.stdout
    again = call(up)
    assert again.return_value is None
    assert "all servers are running already" in again.stderr


def test_up_elsewhere_says_how_to_find_it(tmp_path: Path) -> None:
    other = tmp_path / "other"
    result = call(up, "--home", str(other))
    assert f"export RISKLOOM_HOME={other}" in result.stdout
    LocalStack(other).stop()


def test_up_as_json_is_one_object(home: Path) -> None:
    port = any_free()
    result = call(up, "--port", f"alpha={port}", "--json")
    content = json.loads(result.stdout)
    assert result.stderr == ""
    assert content["home"] == str(home)
    assert content["addresses"]["bootstrap_servers"] == f"127.0.0.1:{port}"
    assert [server["state"] for server in content["servers"]] == ["running", "running"]


@pytest.mark.parametrize("text", ["alpha", "alpha=", "alpha=x", "alpha=0", "alpha=65536", "=x"])
def test_a_port_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not NAME=NUMBER"):
        call(up, "--port", text)


def test_an_unknown_server_is_refused() -> None:
    with pytest.raises(SettingsError, match="no server 'alhpa'"):
        call(up, "--port", "alhpa=1024")


def test_a_failure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "KINDS", (Fake, Failing))
    with pytest.raises(StackError, match="no luck today"):
        call(up)


def test_status_says_whether_all_is_running() -> None:
    assert call(status).return_value == 3
    assert "Start what is not running with: riskloom up" in call(status).stdout
    call(up)
    assert call(status).return_value is None
    assert [server["state"] for server in json.loads(call(status, "--json").stdout)["servers"]] == ["running"] * 2
    call(down)
    stopped = call(status, "--json")
    assert stopped.return_value == 3
    assert [server["pid"] for server in json.loads(stopped.stdout)["servers"]] == [None, None]


def test_down_keeps_the_data_unless_told(home: Path) -> None:
    call(up)
    assert call(down).stdout.startswith("stopped ")
    assert call(down).stdout == "nothing was running\n"
    assert (home / "data" / "alpha").is_dir()
    call(up)
    result = json.loads(call(down, "--delete-data", "--json").stdout)
    assert sorted(result["stopped"]) == ["alpha", "beta"]
    assert result["data_deleted"] is True
    assert not (home / "data").exists()
    assert not (home / "logs").exists()


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "riskloom.stack.local", None)
    with pytest.raises(StackError, match=r"pip install 'riskloom\[local\]'"):
        call(status)
