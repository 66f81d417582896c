import json

import pytest
from click.testing import CliRunner

from riskloom.cli.domains import domains
from riskloom.testing import checks
from riskloom.testing.checks import CHECKS


@pytest.fixture
def light(monkeypatch):
    """Leave out the checks that make events."""
    for name in [name for name in CHECKS if name not in {"declared_without_problems", "schema_fits_its_snapshots"}]:
        monkeypatch.delitem(checks.CHECKS, name)


def test_check_reports_each_check_of_every_domain(install, light, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    install("acme-payments", "sound_plugin", name="payments")
    result = CliRunner().invoke(domains, ["check"])
    assert result.exit_code == 0, result.exception
    lines = [" ".join(line.split()) for line in result.stdout.splitlines() if line]
    assert lines == [
        "payments: all checks passed",
        "ok declared_without_problems acme-payments 1.0",
        "ok schema_fits_its_snapshots no snapshots in schemas/",
    ]
    assert "payments 2/2 passed: schema fits its snapshots" in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_check_exits_with_1_when_one_fails(install, light, options):
    install("acme-payments", "kit_declaration", name="acme")
    result = CliRunner().invoke(domains, ["check", "payments", *options])
    assert result.exit_code == 1
    told = "rule: term MANY: unknown column 'count_5m'; did you mean 'count_5min'?"
    if not options:
        assert "payments: 1 of 2 checks failed" in result.stdout
        assert told in result.stdout
        return
    answer = json.loads(result.stdout)
    assert answer["passed"] is False
    (only,) = answer["domains"]["payments"]
    assert (only["check"], only["passed"]) == ("declared_without_problems", False)
    assert told in only["text"]


def test_check_of_an_unknown_name_is_a_failed_check(install, light):
    install("acme-payments", "sound_plugin", name="payments")
    result = CliRunner().invoke(domains, ["check", "paymnets"])
    assert result.exit_code == 1
    assert "did you mean 'payments'?" in result.stdout
