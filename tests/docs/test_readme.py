"""The README's example domain, built from its code blocks, is sound and makes events."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
FILE = re.compile(r"^`(riskloom-logins/[^`]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Install the example, as pip would, into a folder that is put before the installed packages."""
    folder = tmp_path_factory.mktemp("readme")
    files = FILE.findall(README)
    assert len(files) == 4
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    packages = folder / "packages"
    options = ["--no-deps", "--no-build-isolation", "--python", sys.executable, "--target", packages]
    command = [os.environ.get("UV", "uv"), "pip", "install", *options, folder / "riskloom-logins"]
    subprocess.run(command, check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": str(packages)}


def run(environment, *command):
    result = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_example_is_discovered_without_problems(environment):
    listed = json.loads(run(environment, "-m", "riskloom", "domains", "list", "--json"))
    assert listed["problems"] == []
    logins = next(domain for domain in listed["domains"] if domain["name"] == "logins")
    assert logins["distribution"] == "riskloom-logins"
    assert (logins["fields"], logins["features"]) == (5, 3)


def test_the_example_makes_events(environment):
    make = (
        "import numpy\nfrom riskloom_logins.generator import LoginGenerator\n"
        "events = LoginGenerator(seed=1).batch(1_760_000_000_000 + numpy.arange(20_000) * 10)\n"
        "print(events.num_rows, sum(not value for value in events['succeeded'].to_pylist()))"
    )
    count, failures = map(int, run(environment, "-c", make).split())
    assert count == 20_000
    assert 600 < failures < 1_200
