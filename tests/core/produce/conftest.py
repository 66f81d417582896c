"""A broker in this process, whose topics come into being on first use."""

from __future__ import annotations

import pytest
from mock_kafka import MockKafka


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> MockKafka:
    """Answer a broker; it cannot be asked to create topics, so that is left out."""
    monkeypatch.setattr("riskloom.topics.ensure_topics", lambda settings, domains: [])
    return MockKafka()
