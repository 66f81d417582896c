"""The kit on plugins that are each wrong in one way: it fails each for that, and says what to change."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from riskloom.testing.checks import CHECKS, run
from riskloom.testing.subject import UNSCORED, CheckFailure, Subject

BAD_PLUGINS = Path(__file__).parents[2] / "bad_plugins"
BAD = sorted(path.stem for path in BAD_PLUGINS.glob("kit_*.py"))
# What fails a check of the events is not run through those of Spark, which could only follow from it.
NAMES = list(CHECKS)
FIRST, THEN = NAMES[: (at := NAMES.index("no_python_in_the_plan"))], NAMES[at:]


def expected(name: str) -> dict[str, str]:
    """Read from a bad plugin's docstring which checks fail, and what each says."""
    text = ast.get_docstring(ast.parse((BAD_PLUGINS / f"{name}.py").read_text())) or ""
    lines = [line.removeprefix("fails: ") for line in text.splitlines() if line.startswith("fails: ")]
    return {check: message for check, _, message in (line.partition(": ") for line in lines)}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, with a snapshot of the sound schema."""
    folder = tmp_path / "project"
    snapshots = folder / "schemas" / "payments"
    snapshots.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(BAD_PLUGINS))
    from sound_payments import SCHEMA

    (snapshots / "v1.avsc").write_text(json.dumps(SCHEMA))
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plugin_fails_for_the_right_reason(name: str, install: Any, project: Path, spark: Any) -> None:
    install("acme-payments", name, name="payments")
    wanted = expected(name)
    subject, failed = Subject("payments"), {}
    for check in FIRST if wanted.keys() <= set(FIRST) else THEN:
        try:
            CHECKS[check](subject)
        except CheckFailure as failure:
            if not str(failure).startswith(UNSCORED):  # a consequence of what the checks before told
                failed[check] = str(failure)
            if check == "declared_without_problems":
                break
    assert failed.keys() == wanted.keys(), failed
    for check, message in wanted.items():
        assert message in failed[check]


def test_every_check_catches_a_bad_plugin() -> None:
    # By itself, and not only as a consequence of what another check caught.
    assert {next(iter(expected(name))) for name in BAD} == set(CHECKS)


def test_a_sound_plugin_passes(install: Any, project: Path, spark: Any) -> None:
    install("acme-payments", "sound_plugin", name="payments")
    results = {result.check: result for result in run(Subject("payments"))}
    assert [result for result in results.values() if not result.passed] == []
    assert list(results) == list(CHECKS)
    assert re.match(r"AUC 0\.[89]\d\d, 4\d\d of 6000 events labelled", results["labelled_patterns_score_higher"].text)
    assert results["schema_fits_its_snapshots"].text == "1 snapshots in schemas/payments"


def test_a_domain_that_is_not_installed_is_told_with_the_close_match(install: Any) -> None:
    install("acme-payments", "sound_plugin", name="payments")
    (result,) = run(Subject("paymnets"))
    assert "no installed domain is called 'paymnets'; did you mean 'payments'?" in result.text
