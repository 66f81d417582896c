"""Event domains with a feature of every kind of window and aggregate, and histories with all that can go wrong.

Orders, refunds and visits meet at the customer; visits have windows of their stores as well.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from riskloom.discovery import InstalledDomain
from riskloom.domain import (
    AGGREGATES_OF,
    Aggregate,
    DerivedFeature,
    Entity,
    EventDomain,
    Kind,
    ScoringRule,
    Term,
    Topic,
    WindowFeature,
)
from riskloom.schemas.arrow import record_batch

SECOND, MINUTE = 1_000, 60_000
START_MS = 1_760_000_000_000
TOLERANCE = timedelta(minutes=1)

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "customer", "type": "string"},
        {"name": "store", "type": ["null", "string"], "default": None},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": ["null", "double"], "default": None},
        {"name": "weight", "type": "double"},
        {"name": "method", "type": "string"},
    ],
}

PYTHON = {
    "amount": lambda event: event["amount"],
    "weight": lambda event: event["weight"],
    "method": lambda event: event["method"],
    "method = 'card'": lambda event: event["method"] == "card",
}
"""The SQL of the features, as `state_oracle` takes it."""

_VALUES: dict[Aggregate, dict[str, str]] = {
    "count": {},
    "ratio": {"where": "method = 'card'"},
    "time_since_last": {"where": "method = 'card'"},
    "sum_of_products": {"value": "amount", "other": "weight"},
    "correlation": {"value": "amount", "other": "weight"},
    "distinct_count": {"value": "method"},
    "run_length": {"value": "method"},
    "duration": {},
    "is_new": {},
}
_LENGTHS: dict[Kind, dict[str, str]] = {
    "rolling": {"window": "5min"},
    "tumbling": {"window": "5min"},
    "hopping": {"window": "5min", "slide": "1min"},
    "session": {"window": "40s"},
}


def _every_kind() -> tuple[WindowFeature, ...]:
    return tuple(
        WindowFeature(
            name=f"{kind}_{aggregate}",
            kind=kind,
            aggregate=aggregate,
            **_LENGTHS[kind],
            **_VALUES.get(aggregate, {"value": "amount"}),
        )
        for kind, aggregates in AGGREGATES_OF.items()
        for aggregate in sorted(aggregates)
    )


def _domain(name: str, partitions: int, features: tuple[WindowFeature, ...], **parts: Any) -> InstalledDomain:
    domain = EventDomain(
        name=name,
        topic=Topic(name=name, partitions=partitions),
        avro_schema={**SCHEMA, "name": name.title()},
        event_id="id",
        event_time="ts",
        key="customer",
        generator=f"{__name__}:Generator",
        window_features=features,
        rule=ScoringRule(
            version="1",
            terms=(
                Term(code="MANY", sql="orders_10min / 20", weight=0.6),
                Term(code="UNUSUAL", sql="abs(unusual) / 3", weight=0.4),
            ),
        ),
        late_tolerance=TOLERANCE,
        **parts,
    )
    return InstalledDomain(domain, distribution="riskloom-kinds", version="1.0", entry_point=name)


_CUSTOMER, _STORE = Entity(name="customer", field="customer"), Entity(name="store", field="store")

ORDERS = _domain(
    "orders",
    2,
    (
        *_every_kind(),
        WindowFeature(name="orders_10min", aggregate="count", window="10min"),
        WindowFeature(name="usual", aggregate="mean", value="amount", window="10min", include_event=False),
        WindowFeature(name="deviation", aggregate="stddev", value="amount", window="10min", include_event=False),
        WindowFeature(name="refunded", aggregate="sum", value="amount", window="10min", source="refunds"),
    ),
    entities=(_CUSTOMER,),
    derived_features=(DerivedFeature(name="unusual", sql="(amount - usual) / nullif(deviation, 0)"),),
)
REFUNDS = _domain(
    "refunds",
    1,
    (
        WindowFeature(name="orders_10min", aggregate="count", window="10min", source="orders"),
        WindowFeature(name="bought", aggregate="ewm_mean", value="amount", window="1min", source="orders"),
        WindowFeature(name="refunds_10min", aggregate="sum", value="amount", window="10min"),
    ),
    entities=(_CUSTOMER,),
    derived_features=(DerivedFeature(name="unusual", sql="amount / nullif(bought, 0)"),),
    count_late=False,
)
VISITS = _domain(
    "visits",
    1,
    (
        WindowFeature(name="orders_10min", aggregate="count", window="10min", source="orders"),
        WindowFeature(name="usual", aggregate="mean", value="amount", window="10min"),
        WindowFeature(name="store_count", aggregate="count", window="5min", entity="store"),
        WindowFeature(name="store_last", aggregate="last", value="amount", window="5min", entity="store"),
        WindowFeature(name="store_gap", aggregate="time_since_last", window="5min", entity="store", default=-1.0),
    ),
    entities=(_CUSTOMER, _STORE),
    # Of customers alone: what is kept for them and for stores is compared by itself.
    derived_features=(DerivedFeature(name="unusual", sql="amount / nullif(usual, 0)"),),
    deduplicate=False,
)
DOMAINS = {installed.name: installed for installed in (ORDERS, REFUNDS, VISITS)}


class Generator:
    """Makes events of any of the domains for the job's warm-up."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def batch(self, times: Any) -> Any:
        n = len(times)
        return record_batch(
            SCHEMA,
            {
                "id": [f"w{time}-{i}" for i, time in enumerate(times)],
                "customer": [f"w{i % 50}" for i in range(n)],
                "store": [f"w{i % 9}" for i in range(n)],
                "ts": times,
                "amount": self._rng.uniform(1, 100, n),
                "weight": self._rng.uniform(1, 5, n),
                "method": ["card" if one else "cash" for one in self._rng.random(n) < 0.5],
            },
        )


class Event(NamedTuple):
    """An event of a domain."""

    domain: str
    fields: Mapping[str, Any]

    @property
    def identity(self) -> tuple[str, str]:
        return self.domain, self.fields["id"]


CUSTOMERS = {"orders": 10, "refunds": 4, "all": 8}
"""How many customers have events of one domain alone, or of all."""


def history(seed: int, count: int) -> list[Event]:
    """Make events in the order of sending: some at the same time, out of order, late, sent twice, without a value."""
    chance = random.Random(seed)
    customers = [(f"{of}-{i}", of) for of, n in CUSTOMERS.items() for i in range(n)]
    events: list[Event] = []
    now = START_MS
    while len(events) < count:
        now += chance.choice([0, 0, 1, SECOND, 3 * SECOND])
        customer, of = chance.choice(customers)
        domain = chance.choice(list(DOMAINS)) if of == "all" else of
        behind = [0, chance.randrange(45 * SECOND), chance.randrange(3 * MINUTE, 12 * MINUTE)]
        fields = {
            "id": f"{seed}-{len(events)}",
            "customer": customer,
            "store": chance.choice([None, "s0", "s1", "s2", "s3", "s4"]),
            "ts": now - chance.choices(behind, [80, 16, 4])[0],
            "amount": chance.choice([None, float("nan"), 5.0, *(round(chance.uniform(1, 200), 2) for _ in range(20))]),
            "weight": round(chance.uniform(0.1, 9), 3),
            "method": chance.choice(["card", "card", "cash", "voucher"]),
        }
        # A late event is not known again, and a score has no other name than its event's.
        known_again = fields["ts"] > now - MINUTE and DOMAINS[domain].domain.deduplicate
        events += [Event(domain, fields)] * (2 if known_again and chance.random() < 0.04 else 1)
    return events[:count]


def plugin_files() -> dict[str, str]:
    """Write a distribution that installs both domains, whose declarations are this very file."""
    module = Path(__file__).read_text("utf-8")
    hook = (
        "from riskloom.hookspecs import hookimpl\nfrom riskloom_kinds.kinds import {}\n\n\n"
        "@hookimpl\ndef riskloom_event_domain():\n    return {}.domain\n"
    )
    points = "\n".join(f'{name} = "riskloom_kinds.{name}"' for name in DOMAINS)
    return {
        "pyproject.toml": (
            '[project]\nname = "riskloom-kinds"\nversion = "1.0"\ndependencies = ["riskloom", "numpy"]\n\n'
            f"[project.entry-points.riskloom]\n{points}\n\n"
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        ),
        "riskloom_kinds/__init__.py": "",
        "riskloom_kinds/kinds.py": module,
        **{f"riskloom_kinds/{name}.py": hook.format(name.upper(), name.upper()) for name in DOMAINS},
    }
