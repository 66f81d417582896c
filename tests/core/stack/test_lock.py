from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from riskloom.stack import lock


def put(repository: Path, name: str, dependencies: str = "") -> bytes:
    folder = repository / "org" / "example" / name / "1.0"
    folder.mkdir(parents=True)
    (folder / f"{name}-1.0.pom").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>"
        f"<artifactId>{name}</artifactId><version>1.0</version><dependencies>{dependencies}</dependencies></project>"
    )
    content = name.encode()
    (folder / f"{name}-1.0.jar").write_bytes(content)
    return content


def dependency(name: str, scope: str) -> str:
    return (
        f"<dependency><groupId>org.example</groupId><artifactId>{name}</artifactId>"
        f"<version>1.0</version><scope>{scope}</scope></dependency>"
    )


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("M2_REPO", str(tmp_path))
    put(
        tmp_path,
        "root",
        dependency("compiled", "compile") + dependency("ran", "runtime") + dependency("tested", "test"),
    )
    put(tmp_path, "compiled")
    put(tmp_path, "ran")
    return tmp_path


def test_roots_are_locked_with_what_they_need(repository: Path) -> None:
    found = lock.locked(["org.example:root:1.0"], transitive=True)
    assert list(found) == ["org.example:root:1.0", "org.example:compiled:1.0", "org.example:ran:1.0"]
    assert found["org.example:root:1.0"].sha256 == hashlib.sha256(b"root").hexdigest()
    assert found["org.example:root:1.0"].size == 4


def test_roots_alone(repository: Path) -> None:
    assert list(lock.locked(["org.example:root:1.0"], transitive=False)) == ["org.example:root:1.0"]


def test_the_file_is_rewritten_below_the_mark(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "versions.toml"
    head = '# said by hand\n[kafka]\ntransitive = false\nroots = ["org.example:ran:1.0"]\n'
    file.write_text(head)
    monkeypatch.setattr(lock, "_FILE", file)
    monkeypatch.setattr(lock, "versions", lambda: {"kafka": {"transitive": False, "roots": ["org.example:ran:1.0"]}})
    lock.main()
    once = file.read_text()
    lock.main()
    assert file.read_text() == once
    assert once.startswith(head)
    sha256 = hashlib.sha256(b"ran").hexdigest()
    assert once.endswith(f'[kafka.files]\n"org.example:ran:1.0" = {{ sha256 = "{sha256}", size = 3 }}\n')
