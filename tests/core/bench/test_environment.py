"""What is told of the machine, the versions and the commit."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from servers import JAVA

from riskloom.bench import environment as module
from riskloom.bench.environment import environment
from riskloom.settings import Settings


@pytest.fixture(autouse=True)
def java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_java", lambda home: JAVA)


def test_machine_and_versions_are_told(tmp_path: Path) -> None:
    found = environment(Settings(home=tmp_path))
    assert found["machine"]["cpu"]
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["memory_gib"] > 0
    assert found["versions"]["riskloom"] == version("riskloom")
    assert found["versions"]["java"] == JAVA.version
    assert found["versions"]["kafka"].split(".")[0] == "4"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_is_that_of_the_sources_and_tells_of_changes(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "__init__.py")
    git(tmp_path, "commit", "--quiet", "--message=first")
    commit = git(tmp_path, "rev-parse", "HEAD")[:12]
    assert module._commit(tmp_path) == commit
    (tmp_path / "__init__.py").write_text("changed = True\n")
    assert module._commit(tmp_path) == f"{commit}-dirty"


def test_an_installed_package_has_no_commit_whatever_project_it_is_installed_in(tmp_path: Path) -> None:
    package = tmp_path / "venv" / "riskloom"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=first")
    assert module._commit(package) is None
