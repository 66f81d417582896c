"""Who is paid: invented merchants by category, what they sell for, and when people go there."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskloom.produce.synthetic import Floats

CATEGORIES = (
    *("grocery", "restaurant", "fuel", "retail", "electronics"),
    *("travel", "entertainment", "utilities", "healthcare", "gift_cards"),
)
GROCERY, RESTAURANT, FUEL, RETAIL, ELECTRONICS, TRAVEL, ENTERTAINMENT, UTILITIES, HEALTHCARE, GIFT_CARDS = range(10)
CODES = ("5411", "5812", "5541", "5311", "5732", "4722", "7832", "4900", "8099", "5815")
MEDIAN = np.array([48.0, 27.0, 41.0, 55.0, 140.0, 320.0, 24.0, 95.0, 80.0, 40.0])
SPREAD = np.array([0.6, 0.55, 0.35, 0.7, 0.8, 0.8, 0.5, 0.5, 0.8, 0.4])  # of the logarithm of the amount
ONLINE = np.array([0.12, 0.18, 0.0, 0.45, 0.6, 0.85, 0.6, 0.1, 0.1, 0.9])  # share bought without the card present

PER_CATEGORY = 200
MERCHANTS = len(CATEGORIES) * PER_CATEGORY
_FIRST = ("Harbor", "Maple", "Summit", "Cedar", "Bluebird", "Union", "Lakeside", "Copper", "Prairie", "Beacon")
_SECOND = ("Lane", "Square", "Point", "Hill", "Corner", "Bridge", "Grove", "Park", "Row", "Field")
_TRADES = (
    *(("Market", "Foods"), ("Kitchen", "Grill"), ("Fuel", "Service Station"), ("Outfitters", "Goods")),
    *(("Electronics", "Digital"), ("Travel", "Air"), ("Cinema", "Games"), ("Power", "Water")),
    *(("Clinic", "Pharmacy"), ("Gift Cards", "Vouchers")),
)
NAMES = pa.array([f"{a} {b} {trade}" for trades in _TRADES for a in _FIRST for b in _SECOND for trade in trades])


def _rhythm(peaks: tuple[int, ...], floor: float) -> Floats:
    hours = np.arange(24)
    near = [np.exp(-(np.minimum(abs(hours - peak), 24 - abs(hours - peak)) ** 2) / 6.0) for peak in peaks]
    rhythm: Floats = floor + np.max(near, axis=0)
    return rhythm


# What is bought when, by the local hour: meals at noon and in the evening, fuel on the way to work and back.
_WORKDAY = np.stack(
    [
        24 * _rhythm((11, 18), 0.15),
        20 * _rhythm((8, 12, 19), 0.08),
        12 * _rhythm((7, 17), 0.2),
        16 * _rhythm((13, 16), 0.08),
        6 * _rhythm((14, 20), 0.15),
        4 * _rhythm((10, 21), 0.3),
        8 * _rhythm((20, 22), 0.12),
        6 * _rhythm((6,), 0.4),
        5 * _rhythm((10, 15), 0.1),
        2 * _rhythm((18,), 0.4),
    ],
    axis=1,
)
# No way to work, no doctor, more shops, meals out and going out.
_WEEKEND = _WORKDAY * np.array([1.2, 1.4, 0.6, 1.5, 1.3, 1.0, 1.8, 0.3, 0.3, 1.2])
# Before Christmas, people buy presents.
_GIFTS = np.array([1.1, 1.1, 1.0, 1.7, 1.6, 1.2, 1.1, 1.0, 0.9, 2.5])
BY_HOUR = np.concatenate([_WORKDAY, _WEEKEND, _WORKDAY * _GIFTS, _WEEKEND * _GIFTS])
"""Weights of the categories: 24 rows for the hours of a working day, then of the weekend, then both for December."""
