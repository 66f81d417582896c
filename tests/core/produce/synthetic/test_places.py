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


def test_months_are_those_of_the_calendar() -> None:
    times = np.arange("1969-12-30", "1973-03-02", np.timedelta64(7, "h"), dtype="datetime64[ms]")
    offset = np.timedelta64(CITIES[0].utc_offset, "h")
    clock = Clock.at(times.astype(np.int64)[::-1], np.zeros(len(times), dtype=np.int64))
    assert clock.month.tolist() == [time.item().month - 1 for time in (times + offset)[::-1]]
    assert clock.hour.tolist() == [time.item().hour for time in (times + offset)[::-1]]


def test_a_clock_of_no_events_shows_nothing() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert Clock.at(nothing, nothing).month.tolist() == []
