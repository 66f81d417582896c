"""Plugins made for a test, installed as distributions with real entry points; and a registry in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest
from fake_registry import FakeRegistry, fake_registry

BAD_PLUGINS = Path(__file__).parents[1] / "bad_plugins"

_PLUGIN = """
from sound_domain import declare
from riskloom.domain import *
from riskloom.hookspecs import hookimpl

@hookimpl
def riskloom_event_domain():
    return declare({changes})
"""


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Answer the function that makes a sound declaration, with some settings changed."""
    monkeypatch.syspath_prepend(str(BAD_PLUGINS))
    return import_module("sound_domain").declare  # type: ignore[no-any-return]


class Installer:
    """Writes distributions into a folder of packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, distribution: str, entry: str, name: str | None = None, version: str = "1.0") -> str:
        """Install a distribution with one entry point, which is named after its module unless a name is given."""
        name = name or entry.partition(":")[0]
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[riskloom]\n{name} = {entry}\n")
        return name

    def domain(self, distribution: str, changes: str = "", name: str | None = None, version: str = "1.0") -> str:
        """Install a distribution that declares payments, with some settings changed: Python source of arguments."""
        module = distribution.replace("-", "_")
        (self.folder / f"{module}.py").write_text(_PLUGIN.format(changes=changes))
        return self(distribution, module, name, version)

    def loaded(self) -> set[str]:
        """Name the modules of the installed plugins that were imported."""
        return {name for name, module in sys.modules.items() if self._is_plugin(module)}

    def _is_plugin(self, module: Any) -> bool:
        file = getattr(module, "__file__", None)
        return file is not None and Path(file).parent in {self.folder, BAD_PLUGINS}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installer]:
    """Answer an installer whose distributions are the only ones found, and forget its modules afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(BAD_PLUGINS))
    monkeypatch.syspath_prepend(str(folder))

    def entry_points(group: str) -> list[metadata.EntryPoint]:
        found = sorted(metadata.distributions(path=[str(folder)]), key=lambda distribution: distribution.name)
        return [entry for distribution in found for entry in distribution.entry_points if entry.group == group]

    monkeypatch.setattr("riskloom.discovery.entry_points", entry_points)
    installer = Installer(folder)
    yield installer
    for name in installer.loaded():
        del sys.modules[name]


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """Run a schema registry for one test."""
    with fake_registry() as server:
        yield server
