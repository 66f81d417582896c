"""The kit as a pytest class, in a project of its own: what is skipped, overridden or removed fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from riskloom.testing import DomainSuite
from riskloom.testing.checks import CHECKS
from riskloom.testing.subject import CheckFailure

LIGHT = "declared_without_problems or every_check or importing or of_my_own"


def run_suite(folder: Path, text: str, *options: str) -> tuple[int, str]:
    """Run the checks that need no Spark of a suite for claims, in a process of its own."""
    (folder / "test_domain.py").write_text(f"import pytest\nfrom riskloom.testing import DomainSuite\n{text}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", LIGHT, *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    return done.returncode, done.stdout + done.stderr


def test_there_is_a_test_for_each_check() -> None:
    tests = {name.removeprefix("test_") for name in dir(DomainSuite) if name.startswith("test_")}
    assert tests == {*CHECKS, "every_check_is_in_place"}


def test_three_lines_are_a_suite_and_tell_what_they_found(tmp_path: Path) -> None:
    status, out = run_suite(tmp_path, "class TestClaims(DomainSuite):\n    domain = 'claims'")
    assert status == 0, out
    assert "3 passed" in out
    assert re.search(r"claims: importing_is_light: \d+ ms of processor time", out)
    assert "claims: declared_without_problems: riskloom-claims 0.1.0" in out


OVERRIDE = "    def test_importing_is_light(self):\n        pass\n"
CLASSES = {
    "Overridden": OVERRIDE,
    "Removed": "    test_importing_is_light = None\n",
    "NoReason": f"    @pytest.mark.xfail\n{OVERRIDE}",
    "BlankReason": f"    @pytest.mark.xfail(reason=' ')\n{OVERRIDE}",
    "Skipped": f"    @pytest.mark.skip(reason='no')\n{OVERRIDE}",
    "AllSkipped": "    pytestmark = pytest.mark.skipif(True, reason='no')\n",
    "AllExpected": "    pytestmark = pytest.mark.xfail\n    def test_of_my_own(self):\n        assert False\n",
    "SkippedInside": "    @pytest.fixture(autouse=True)\n    def no(self):\n        pytest.skip('no')\n",
    "Nameless": "    domain = None\n",
    "Excused": (
        "    @pytest.mark.xfail(reason='the vendor imports pandas')\n    def test_importing_is_light(self):\n"
        "        super().test_importing_is_light()\n        assert False\n"
    ),
}
GUARD, LIGHT_TEST, LOADED = "every_check_is_in_place", "importing_is_light", "declared_without_problems"
FAILED = {
    *((name, GUARD) for name in ("Overridden", "Removed", "NoReason", "BlankReason", "Skipped")),
    *((name, test) for name in ("AllSkipped", "SkippedInside") for test in (GUARD, LIGHT_TEST, LOADED)),
    *(("Skipped", LIGHT_TEST), ("AllExpected", "of_my_own")),
    *(("Nameless", test) for test in (LIGHT_TEST, LOADED)),
}


def test_what_takes_a_check_away_fails(tmp_path: Path) -> None:
    text = "\n\n".join(
        f"class Test{name}(DomainSuite):\n    domain = 'claims'\n{body}" for name, body in CLASSES.items()
    )
    status, out = run_suite(tmp_path, text, "-rfEx")
    assert status == 1
    assert set(re.findall(r"^(?:FAILED|ERROR) .*::Test(\w+)::test_(\w+)", out, re.MULTILINE)) == FAILED, out
    assert "test_importing_is_light is overridden or removed: remove that, or mark it" in out
    assert "a check of the kit cannot be skipped. Mend the plugin" in out
    assert "xfail needs a reason" in out
    assert 'set domain = "NAME" in the class' in out
    assert re.search(r"XFAIL .*TestExcused::test_importing_is_light - the vendor imports pandas", out)


def test_the_guard_cannot_be_overridden() -> None:
    with pytest.raises(TypeError, match="overrides test_every_check_is_in_place, which guards all checks"):
        type("TestClaims", (DomainSuite,), {"test_every_check_is_in_place": lambda self: None})


def test_the_guard_sees_a_check_that_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = type("TestClaims", (DomainSuite,), {"domain": "claims"})
    suite().test_every_check_is_in_place()
    monkeypatch.delattr(DomainSuite, "test_importing_is_light")
    with pytest.raises(CheckFailure, match="TestClaims: test_importing_is_light is overridden or removed"):
        suite().test_every_check_is_in_place()
