"""Draw docs/images/claims.svg: the claims of each pattern among ordinary ones, in the two numbers that show it best.

Run: `uv run python docs/images/claims.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from riskloom.plots import figure
from riskloom_claims.generator import ClaimsGenerator

PICTURE = Path(__file__).with_name("claims.svg")
CLAIMS, SEED, RATE = 120_000, 4, 0.03
START_MS = 1_772_409_600_000  # 2026-03-02
TYPICAL = {"auto": 4_200, "property": 9_500, "health": 2_400, "life": 60_000}
SHOWN = {"": 1_500, "pattern": 300}  # dots in a panel: more would hide each other


def main() -> None:
    """Make two weeks of claims, and draw them."""
    generator = ClaimsGenerator(seed=SEED, pattern_rate=RATE)
    times = START_MS + (np.arange(CLAIMS) * 1000 / generator.pace).astype(np.int64)
    table = pa.Table.from_batches([generator.batch(part) for part in np.array_split(times, 10)])
    claim: dict[str, Any] = {name: table[name].to_numpy() for name in table.column_names}
    pattern = np.array([name or "" for name in claim["fraud_pattern"]])
    ratio = claim["claim_amount"] / np.array([TYPICAL[kind] for kind in claim["claim_type"]])
    proof = np.array([len(some) for some in claim["documents"]]) + claim["police_report_filed"]
    proof = proof + (claim["witness_count"] > 0) + np.array([one is not None for one in claim["provider_id"]])
    blur = np.random.default_rng(2).uniform(-0.35, 0.35, CLAIMS)  # apart what would lie on one line

    before = earlier(claim["user_id"])
    again = before >= 0
    seconds = np.where(again, (times - times[before]) / 1000, np.inf)
    minutes = claim["incident_time"].astype("datetime64[ms]").astype(np.int64) / 60_000
    apart, change = abs(minutes - minutes[before]), claim["claim_amount"] / claim["claim_amount"][before]
    row = np.ones(CLAIMS)
    for at in np.flatnonzero(seconds < 300):  # claims are in the order of their times
        row[at] = row[before[at]] + 1

    everything, storm = np.ones(CLAIMS, dtype=bool), claim["loss_cause"] == "storm_damage"
    young = claim["policy_age_days"] < 120
    with figure(PICTURE, 3, 2, sharey=False) as (above, below):
        *panels, empty = *above, *below
        empty.axis("off")
        for axes, (name, chosen, x, y, labels) in zip(
            panels,
            (
                ("inflated_amount", everything, ratio, proof + blur, ("amount / typical", "what proves the loss")),
                ("claim_burst", row > 1, seconds, row + blur, ("seconds since the claim before", "claims in a row")),
                (
                    "early_claim",
                    young,
                    claim["policy_age_days"],
                    ratio,
                    ("age of the policy, days", "amount / typical"),
                ),
                (
                    "duplicate_loss",
                    again,
                    apart + 0.3,
                    change,
                    ("minutes between the losses", "amount / the one before"),
                ),
                (
                    "staged_weather",
                    storm,
                    claim["weather_severity"],
                    ratio,
                    ("severity of the weather", "amount / typical"),
                ),
            ),
            strict=True,
        ):
            for label, colour, count in (("", "0.6", SHOWN[""]), (name, "tab:red", SHOWN["pattern"])):
                at = np.random.default_rng(1).permutation(np.flatnonzero(chosen & (pattern == label)))[:count]
                axes.scatter(
                    x[at], y[at], s=8, color=colour, alpha=0.6, linewidths=0, label=label or "ordinary", rasterized=True
                )
            axes.set(title=name, xlabel=labels[0], ylabel=labels[1])
            axes.legend(markerscale=2)
        for axes in (panels[0], panels[1], panels[3]):
            axes.set(xscale="log")
        for axes in panels[2:]:
            axes.set(yscale="log")


def earlier(user: Any) -> Any:
    """Find for each claim the one of the same user before it, or -1."""
    order = np.argsort(user, kind="stable")
    before = np.full(len(user), -1)
    before[order[1:]] = np.where(user[order[1:]] == user[order[:-1]], order[:-1], -1)
    return before


if __name__ == "__main__":
    main()
