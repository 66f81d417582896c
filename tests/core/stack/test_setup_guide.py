"""docs/kafka-setup.md names every setting, port, variable and command that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riskloom.settings import Settings
from riskloom.stack.local import KINDS

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "kafka-setup.md").read_text("utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`RISKLOOM_{name.upper()}`" in GUIDE


def test_every_variable_of_the_compose_file_is_documented() -> None:
    compose = (ROOT / "deploy" / "docker-compose.yml").read_text("utf-8")
    for name, default in re.findall(r"\$\{(\w+):-([^${}]*)", compose):
        row = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{name}`"))
        assert not default or default in row


def test_the_usual_ports_are_named() -> None:
    for kind in KINDS:
        assert str(kind.usual_port) in GUIDE
