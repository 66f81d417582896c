"""What pytest must know of the plugin kit: a check is never skipped, and what it found is told at the end.

pytest loads this module wherever riskloom is installed, so it imports nothing: where there is no kit among the tests it
does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from riskloom.testing.suite import DomainSuite

_KIT = "riskloom.testing.suite"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped check a failed one, and an expected failure without a reason too."""
    report = yield
    suite = _suite(item)
    if suite is None:
        return report
    expected = getattr(report, "wasxfail", None)
    if report.skipped and expected is None:
        report.outcome = "failed"
        report.longrepr = (
            f"{item.name}: a check of the kit cannot be skipped. Mend the plugin, or override the check with "
            '@pytest.mark.xfail(reason="why it cannot pass yet").'
        )
    elif report.skipped and not str(expected).removeprefix("reason: ").strip():
        report.outcome = "failed"
        report.longrepr = f"{item.name}: xfail needs a reason: say why the check cannot pass yet."
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what the checks that passed have to tell: counts, the time of the import, the AUC."""
    kit = sys.modules.get(_KIT)
    if kit is None or not kit.NOTES:
        return
    terminalreporter.section("riskloom kit")
    for (domain, check), note in kit.NOTES.items():
        terminalreporter.write_line(f"{domain}: {check}: {note}")


def _suite(item: pytest.Item) -> type[DomainSuite] | None:
    kit = sys.modules.get(_KIT)
    cls = getattr(item, "cls", None)
    return cls if kit is not None and isinstance(cls, type) and issubclass(cls, kit.DomainSuite) else None
