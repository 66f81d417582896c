"""The schemas of riskloom's own topics: what a score and a dead letter look like.

The Spark job writes both record by record in the fields' order: a new field goes at the end, with a default.
"""

from __future__ import annotations

from typing import Any

from riskloom.domain import load_schema

RISK_SCORE_SCHEMA: dict[str, Any] = load_schema(__package__, "avsc/risk-score.avsc")
"""One record for each scored event, on the topic `risk-scores`."""

DEAD_LETTER_SCHEMA: dict[str, Any] = load_schema(__package__, "avsc/dead-letter.avsc")
"""One record for each record that failed, on the topic `dead-letters`."""
