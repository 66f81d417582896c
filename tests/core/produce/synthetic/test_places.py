"""Places and their clocks."""

from __future__ import annotations

import numpy as np

from riskloom.produce.synthetic import CITIES, Clock, homes


def test_homes_follow_the_weights_of_the_cities() -> None:
    counts = np.bincount(homes("users", 50_000), minlength=len(CITIES))
    assert counts.min() > 0
    assert counts.argmax() == np.argmax([city.weight for city in CITIES])


def test_a_clock_shows_local_time() -> None:
    new_year_utc = np.array([0, 0])
    places = [city.name for city in CITIES]
    clock = Clock.at(new_year_utc, np.array([places.index("New York, NY"), places.index("Los Angeles, CA")]))
    assert clock.hour.tolist() == [19, 16]
    assert clock.month.tolist() == [11, 11]
