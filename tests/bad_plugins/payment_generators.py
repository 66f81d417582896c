"""Generators of payments: a sound one, and some that are each wrong in one way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sound_payments import SCHEMA, with_field

from riskloom.produce.synthetic import Bursts, choose, members, same, seeded, text, uuids
from riskloom.schemas.arrow import record_batch

ACCOUNTS = 500


class Payments:
    """Makes payments; now and then one account pays often and much."""

    schema = SCHEMA

    def __init__(self, *, seed: Any, pattern_rate: float = 0.05) -> None:
        self.rng = seeded("payments", seed)
        self.bursts = Bursts(self.rng, rate=pattern_rate, subjects=ACCOUNTS, length=(6, 12), gap_ms=2_000)

    def columns(self, times: Any) -> dict[str, Any]:
        n = len(times)
        burst = self.bursts.take(times)
        fraud = np.zeros(n, dtype=bool)
        fraud[burst.slot] = True
        account = self.rng.integers(0, ACCOUNTS, n)
        account[burst.slot] = burst.subject
        return {
            "payment_id": uuids(self.rng, n),
            "account_id": members("accounts", ACCOUNTS, account),
            "paid_at": times,
            "amount": self.rng.lognormal(3, 0.5, n) * np.where(fraud, 8, 1),
            "items": self.rng.integers(1, 9, n),
            "method": choose(self.rng, ("card", "cash"), n),
            "country": text(("SE", "NO"), self.rng.integers(0, 2, n), null=self.rng.random(n) < 0.1),
            "tags": [["new"] if new else [] for new in self.rng.random(n) < 0.2],
            "fraud_pattern": text(("spree",), np.zeros(n, dtype=int), null=~fraud),
        }

    def batch(self, times: Any) -> Any:
        return record_batch(self.schema, self.columns(times))


class Short(Payments):
    """The generator leaves a field out."""

    def batch(self, times: Any) -> Any:
        return super().batch(times).drop_columns(["tags"])


class Cheques(Payments):
    """The generator makes a value that the enum does not have."""

    def columns(self, times: Any) -> Any:
        return super().columns(times) | {"method": same("cheque", len(times))}


class Anonymous(Payments):
    """Some events have no key."""

    schema = with_field("account_id", ["null", "string"], default=None)

    def columns(self, times: Any) -> Any:
        columns = super().columns(times)
        return columns | {
            "account_id": pc.if_else(pa.array(np.arange(len(times)) % 50 > 0), columns["account_id"], None)
        }


class Twice(Payments):
    """Several events share an identifier."""

    def columns(self, times: Any) -> Any:
        some = uuids(self.rng, len(times) - 5).to_pylist()
        return super().columns(times) | {"payment_id": [*some, *some[:5]]}


class Unlabelled(Payments):
    """The generator labels nothing."""

    def columns(self, times: Any) -> Any:
        return super().columns(times) | {"fraud_pattern": [None] * len(times)}


class WithChannel(Payments):
    """A field was added to the schema without a default."""

    schema = with_field("channel", "string")

    def columns(self, times: Any) -> Any:
        return super().columns(times) | {"channel": same("web", len(times))}


class Hashed(Payments):
    """The generator uses hash(), which differs from one process to the next."""

    def columns(self, times: Any) -> Any:
        return super().columns(times) | {"items": [hash("items") % 1_000_000] * len(times)}


class Unseeded(Payments):
    """The generator draws from a source without the seed."""

    def columns(self, times: Any) -> Any:
        columns = super().columns(times)
        return columns | {"amount": columns["amount"] * np.random.default_rng().uniform(0.99, 1.01)}


class Numbered(Payments):
    """The identifiers do not follow the seed."""

    made = 0

    def columns(self, times: Any) -> Any:
        numbers = range(self.made, self.made + len(times))
        self.made += len(times)
        return super().columns(times) | {"payment_id": [f"00000000-0000-4000-8000-{n:012d}" for n in numbers]}


class Seconds(Payments):
    """The generator divides the times that it is given."""

    def columns(self, times: Any) -> Any:
        return super().columns(times) | {"paid_at": times // 1000}
