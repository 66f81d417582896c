"""Draw docs/images/transactions.svg: one example of each pattern of payments, beside an honest look-alike.

Run: `uv run python docs/images/transactions.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskloom.plots import figure
from riskloom_transactions.generator import TransactionsGenerator
from riskloom_transactions.patterns import PATTERNS

PICTURE = Path(__file__).with_name("transactions.svg")
PAYMENTS, DAYS = 260_000, 3
HOURS_SHOWN = {"card_testing": 0.1, "account_takeover": 3, "synthetic_identity": 30, "velocity_abuse": 2}
FIELDS = ("user_id", "merchant_id", "timestamp", "amount", "card_present", "fraud_pattern")


def main() -> None:
    """Make three days of payments, and draw what a user or merchant has around the largest burst of each pattern."""
    times = 1_772_000_000_000 + np.arange(PAYMENTS, dtype=np.int64) * (DAYS * 86_400_000 // PAYMENTS)
    payments = pa.Table.from_batches([TransactionsGenerator(seed=1).batch(times)]).select(FIELDS)
    with figure(PICTURE, 5, 2, sharey="all") as (fraud, honest):
        for pattern, above, below in zip(PATTERNS, fraud, honest, strict=True):
            key = "merchant_id" if pattern == "merchant_fraud" else "user_id"
            hours = HOURS_SHOWN.get(pattern, 2)
            own = payments.filter(pc.equal(payments["fraud_pattern"], pattern))
            draw(above, payments, key, *busiest(own, key, hours), hours)
            above.set(title=f"{pattern}: one {key.removesuffix('_id')}")
            clean = payments.filter(pc.is_null(payments["fraud_pattern"]))
            draw(below, clean, key, *busiest(clean, key, hours), hours)
            below.set(title=f"the busiest honest {key.removesuffix('_id')}", xlabel="hours")
        for row in (fraud, honest):
            row[0].set(ylabel="amount", yscale="log")
        fraud[0].legend()


def busiest(payments: pa.Table, key: str, hours: float) -> tuple[str, int]:
    """Find who has most payments in a stretch of so many hours, and when it begins."""
    length = round(hours * 3_600_000)
    stretch = pc.cast(pc.divide(payments["timestamp"].cast(pa.int64()), length), pa.int64())
    counted = (
        pa.table({"key": payments[key], "stretch": stretch}).group_by(["key", "stretch"]).aggregate([([], "count_all")])
    )
    most = counted.sort_by([("count_all", "descending"), ("key", "ascending")]).slice(0, 1).to_pylist()[0]
    return most["key"], most["stretch"] * length


def draw(axes: Any, payments: pa.Table, key: str, who: str, begin_ms: int, hours: float) -> None:
    """Draw the payments of one user or merchant by time and amount."""
    own = payments.filter(pc.equal(payments[key], who))
    since = (own["timestamp"].cast(pa.int64()).to_numpy() - begin_ms) / 3_600_000
    shown = (since > -0.5 * hours) & (since < 1.5 * hours)
    amount, bad = own["amount"].to_numpy(), own["fraud_pattern"].is_valid().to_numpy()
    there = own["card_present"].to_numpy()
    for chosen, colour, marker, name in (
        (shown & ~bad & there, "tab:blue", "o", "ordinary, with the card"),
        (shown & ~bad & ~there, "tab:blue", "x", "ordinary, without it"),
        (shown & bad & there, "tab:red", "o", "pattern, with the card"),
        (shown & bad & ~there, "tab:red", "x", "pattern, without it"),
    ):
        axes.scatter(since[chosen], amount[chosen], color=colour, marker=marker, label=name, s=18)
    axes.set(xlim=(-0.5 * hours, 1.5 * hours))


if __name__ == "__main__":
    main()
