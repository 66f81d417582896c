"""From nothing to a scored new domain: the commands of the guide, word for word, on the real servers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from consume import OUTPUTS, written_since
from installed import environment

from riskloom.offsets import end_offsets
from riskloom.settings import Settings
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

GUIDE = (Path(__file__).parents[2] / "docs" / "writing-a-plugin.md").read_text("utf-8")
SECTION = GUIDE.partition("## From nothing to a score\n")[2].partition("\n## ")[0]
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"^```console\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
# What is installed comes from this environment: no network is needed.
OFFLINE = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def test_the_commands_of_the_guide_lead_to_scores(settings: Settings, tmp_path: Path) -> None:
    assert [command.split()[0] for command in COMMANDS].count("riskloom") >= 5
    ensure_topics(settings, [])
    begin = end_offsets(settings, OUTPUTS)
    python = environment(tmp_path / "environment")
    for name in ("pip", "pytest", "riskloom"):
        script = python.with_name(name)
        script.write_text(f'#!/bin/sh\nexec "{python}" -m {name} "$@"\n')
        script.chmod(0o755)
    addresses = {name: str(getattr(settings, name)) for name in ("bootstrap_servers", "registry_url", "redis_url")}
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("RISKLOOM_", "PYTEST_"))}
    variables |= {
        f"RISKLOOM_{name.upper()}": value for name, value in {"home": str(settings.home), **addresses}.items()
    }
    variables |= OFFLINE | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    for command in COMMANDS:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    scores = [score for score in written_since(settings, begin).scores if score["domain"] == "payments"]
    assert len(scores) == 5_000
    assert max(score["score"] for score in scores) > 0.5
