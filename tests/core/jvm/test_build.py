from __future__ import annotations

import importlib.util
import shutil
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

BUILD = Path(__file__).parents[3] / "core" / "jvm" / "build.py"


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kernel_build", BUILD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_jar_was_built_from_the_sources(build: ModuleType) -> None:
    with zipfile.ZipFile(build.JAR) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF").decode().replace("\r\n ", "")
    assert f"{build.DIGEST}: {build.sources_digest()}" in manifest, (
        "the jar is not of these sources: run `uv run python core/jvm/build.py` and commit the jar"
    )


@pytest.mark.skipif(shutil.which("javac") is None, reason="compiling the kernel needs a JDK")
def test_the_sources_compile_to_the_shipped_classes(build: ModuleType, tmp_path: Path) -> None:
    build.build(tmp_path / "kernel.jar")
    with zipfile.ZipFile(tmp_path / "kernel.jar") as fresh, zipfile.ZipFile(build.JAR) as shipped:
        assert sorted(fresh.namelist()) == sorted(shipped.namelist())
