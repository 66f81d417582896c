"""The examples of docs/data-generators.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from riskloom.domain import EventDomain
from riskloom.produce import synthetic
from riskloom_claims import patterns as claims
from riskloom_iot import courses as iot
from riskloom_transactions import patterns as transactions

GUIDE = (Path(__file__).parents[2] / "docs" / "data-generators.md").read_text("utf-8")
OFFER = GUIDE.partition("What `riskloom.produce.synthetic` offers")[2]
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def run(example: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(example, "docs/data-generators.md", "exec"), names)
    return names


def test_the_example_of_repeating_events_runs() -> None:
    names = run(EXAMPLES[0])
    assert names["claims"].num_rows == 10_000
    assert names["claims"]["fraud_pattern"].null_count < 10_000


def test_the_example_generator_makes_events_with_its_pattern() -> None:
    generator = run(EXAMPLES[1])["LoginGenerator"](seed=1)
    events = generator.batch(1_760_000_000_000 + np.arange(20_000) * 10)
    assert 0.003 < 1 - events["attack"].null_count / 20_000 < 0.02


def test_the_guide_names_what_there_is(domains: dict[str, EventDomain]) -> None:
    for name in re.findall(r"^\| `(\w+)", OFFER, re.MULTILINE):
        assert hasattr(synthetic, name), name
    assert f"{synthetic.USERS:,} users" in GUIDE
    assert f"{synthetic.COMPROMISED_USERS:,} identities" in GUIDE
    for name, domain in domains.items():
        assert f"{name} ({len(domain.avro_schema['fields'])} fields)" in GUIDE


def test_the_guide_tells_of_every_pattern() -> None:
    for name in (*claims.PATTERNS, *transactions.PATTERNS, *iot.PATTERNS):
        assert f"| `{name}` |" in GUIDE, name
