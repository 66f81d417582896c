from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import click
import pytest
from click.testing import CliRunner

from riskloom.cli.dlq import _moment, dlq
from riskloom.errors import DeliveryError


def test_since_is_a_moment_or_a_length() -> None:
    assert _moment("2026-05-01T12:00") == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert _moment("2026-05-01") == datetime(2026, 5, 1, tzinfo=UTC)
    assert _moment("2026-05-01T12:00+02:00") == datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert abs(datetime.now(UTC) - timedelta(hours=24) - _moment("24hr")) < timedelta(seconds=5)


def test_any_other_since_is_refused_with_an_example() -> None:
    with pytest.raises(click.BadParameter, match="24hr, 7d"):
        _moment("yesterday")
    result = CliRunner().invoke(dlq, ["list", "--since", "yesterday"])
    assert result.exit_code == 2
    assert "--since" in result.output


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_kafka_that_is_not_there_is_told(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskloom.topics._TIMEOUT_S", 0.5)
    monkeypatch.setattr("riskloom.offsets._TIMEOUT_S", 0.5)
    result = CliRunner().invoke(dlq, [command, "--bootstrap-servers", "127.0.0.1:1"])
    assert isinstance(result.exception, DeliveryError)
    assert "127.0.0.1:1 cannot be re" in str(result.exception)
