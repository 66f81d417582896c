"""A plain Python reference of every window and aggregate: values in lists, summed afresh whenever they are read.

A series is what one window feature aggregates for one key. It takes measures with `add(time_ms, measure)` and answers
`read(time_ms)`: what an event of that time sees, or None where the feature has its default.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

from riskloom.domain import WindowFeature, window_length

ROLLING_TILES = 60
MOST_DISTINCT = 256
EXACT = 1e-9
"""How far a sum may be from the reference's, relative to what was summed."""
ROUNDING = 1e-12
"""The same of a deviation, relative to the numbers that deviate: they cancel."""
LEAST = 1e-300
"""Numbers below this have lost digits, and squares of numbers below its root."""


@dataclass(frozen=True)
class Value:
    """A feature's value, and how far a correct one may be from it; infinite where rounding decides the value."""

    number: float | None
    within: float = 0.0

    def agrees(self, found: float | None) -> bool:
        if self.number is None or found is None:
            return math.isinf(self.within) or self.number is found
        return math.isinf(self.within) or abs(found - self.number) <= self.within


class Sample(NamedTuple):
    """A measure and when its event happened. Lists of samples are in order of arrival."""

    time_ms: int
    measure: Any


class Series(Protocol):
    """What one window feature aggregates for one key."""

    def add(self, time_ms: int, measure: Any) -> None: ...

    def read(self, time_ms: int) -> Value | None: ...


def series_of(feature: WindowFeature, tolerance: timedelta) -> Series:
    """Make the empty series of a feature whose source domain has this tolerance."""
    window_ms, tolerance_ms = milliseconds(window_length(feature.window)), milliseconds(tolerance)
    match feature.kind, feature.aggregate:
        case "session", aggregate:
            return Sessions(aggregate, window_ms, tolerance_ms)
        case _, "ewm_mean" | "ewm_variance":
            return Weighted(feature.aggregate, window_ms)
        case _, "run_length":
            return Run(window_ms)
    if feature.kind == "hopping":
        assert feature.slide is not None
        tiles = Tiles(window_ms, window_ms // milliseconds(window_length(feature.slide)), tolerance_ms)
    else:
        tiles = Tiles(window_ms, {"rolling": ROLLING_TILES, "tumbling": 1}[feature.kind], tolerance_ms)
    return Distinct(tiles) if feature.aggregate == "distinct_count" else Tiled(feature.aggregate, tiles)


def milliseconds(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)


@dataclass(frozen=True)
class Tiles:
    """Time cut into pieces, of which `count` are a window."""

    window_ms: int
    count: int
    tolerance_ms: int

    def index(self, time_ms: int) -> int:
        return time_ms * self.count // self.window_ms

    @property
    def keep(self) -> int:
        return self.count - (-self.tolerance_ms * self.count // self.window_ms)


@dataclass
class Tiled:
    """A rolling, tumbling or hopping window."""

    aggregate: str
    tiles: Tiles
    samples: list[Sample] = field(default_factory=list)

    def add(self, time_ms: int, measure: Any) -> None:
        self.samples.append(Sample(time_ms, measure))
        oldest = max(self.tiles.index(sample.time_ms) for sample in self.samples) - self.tiles.keep
        self.samples = [sample for sample in self.samples if self.tiles.index(sample.time_ms) > oldest]

    def read(self, time_ms: int) -> Value | None:
        end = self.tiles.index(time_ms)
        seen = [sample for sample in self.samples if end - self.tiles.count < self.tiles.index(sample.time_ms) <= end]
        if not seen:
            return None
        if self.aggregate == "time_since_last":
            return seconds(max(0, time_ms - last(seen).time_ms))
        return reduced(self.aggregate, seen)


@dataclass
class Distinct:
    """The values of a window that differ, each with the newest tile that it was in; the first seen comes first."""

    tiles: Tiles
    newest: dict[Any, int] = field(default_factory=dict)

    def add(self, time_ms: int, measure: Any) -> None:
        index = self.tiles.index(time_ms)
        oldest = max([index, *self.newest.values()]) - self.tiles.keep
        if index > oldest:
            self.newest[measure] = max(index, self.newest.get(measure, index))
        self.newest = {value: tile for value, tile in self.newest.items() if tile > oldest}
        if len(self.newest) > MOST_DISTINCT:
            del self.newest[min(self.newest, key=lambda value: self.newest[value])]

    def read(self, time_ms: int) -> Value | None:
        begin = self.tiles.index(time_ms) - self.tiles.count
        found = sum(tile > begin for tile in self.newest.values())
        return Value(float(found)) if found else None


@dataclass
class Weighted:
    """All values there ever were, each with half the weight of one that is a half-life younger."""

    aggregate: str
    half_life_ms: int
    samples: list[Sample] = field(default_factory=list)

    def add(self, time_ms: int, measure: float) -> None:
        self.samples.append(Sample(time_ms, measure))

    def read(self, time_ms: int) -> Value | None:
        if not self.samples:
            return None
        newest = max(sample.time_ms for sample in self.samples)
        weights = [2.0 ** ((sample.time_ms - newest) / self.half_life_ms) for sample in self.samples]
        values = [sample.measure for sample in self.samples]
        total, size = math.fsum(weights), largest(values)
        mean = math.fsum(w * x for w, x in zip(weights, values, strict=True)) / total
        if self.aggregate == "ewm_mean":
            return Value(mean, EXACT * abs(mean) + ROUNDING * size + LEAST)
        if len(values) < 2:
            return Value(None)
        variance = math.fsum(w * (x - mean) ** 2 for w, x in zip(weights, values, strict=True)) / total
        spread = max(values) - min(values) + ROUNDING * size
        return Value(variance, EXACT * variance + ROUNDING * size * spread + LEAST)


@dataclass
class Run:
    """How often a value has stayed the same."""

    window_ms: int
    time_ms: int = 0
    value: Any = None
    length: int = 0

    def add(self, time_ms: int, measure: Any) -> None:
        if self.length and time_ms < self.time_ms:
            return
        same = self.length and measure == self.value and time_ms - self.time_ms <= self.window_ms
        self.time_ms, self.value, self.length = time_ms, measure, self.length + 1 if same else 1

    def read(self, time_ms: int) -> Value | None:
        return Value(float(self.length)) if self.length and time_ms - self.time_ms <= self.window_ms else None


@dataclass
class Sessions:
    """Samples between which there is no gap longer than this."""

    aggregate: str
    gap_ms: int
    tolerance_ms: int
    sessions: list[list[Sample]] = field(default_factory=list)

    def add(self, time_ms: int, measure: Any) -> None:
        if time_ms < self.oldest():
            return
        joined = [*self.around(time_ms)]
        others = [session for session in self.sessions if session not in joined]
        self.sessions = [*others, [*(sample for session in joined for sample in session), Sample(time_ms, measure)]]
        oldest = self.oldest()
        self.sessions = [session for session in self.sessions if last(session).time_ms >= oldest]

    def read(self, time_ms: int) -> Value | None:
        newest = max(self.around(time_ms), key=lambda session: last(session).time_ms, default=None)
        return reduced(self.aggregate, newest) if newest else None

    def oldest(self) -> float:
        newest = max((last(session).time_ms for session in self.sessions), default=-math.inf)
        return newest - self.tolerance_ms - self.gap_ms

    def around(self, time_ms: int) -> Iterator[list[Sample]]:
        for session in self.sessions:
            if first(session).time_ms - self.gap_ms <= time_ms <= last(session).time_ms + self.gap_ms:
                yield session


def first(samples: Sequence[Sample]) -> Sample:
    """Find the earliest; of equal times, the one that arrived first."""
    return min(samples, key=lambda sample: sample.time_ms)


def last(samples: Sequence[Sample]) -> Sample:
    """Find the latest; of equal times, the one that arrived last."""
    return max(reversed(samples), key=lambda sample: sample.time_ms)


def seconds(span_ms: int) -> Value:
    return Value(span_ms / 1000, EXACT * span_ms / 1000)


def largest(values: Iterable[float]) -> float:
    return max(map(abs, values))


def reduced(aggregate: str, samples: Sequence[Sample]) -> Value:
    """Reduce the samples of a window, of which there is at least one."""
    values = [sample.measure for sample in samples]
    match aggregate:
        case "count":
            return Value(float(len(values)))
        case "sum" | "sum_of_products":
            return Value(math.fsum(values), EXACT * math.fsum(map(abs, values)) + LEAST)
        case "mean" | "ratio":
            return Value(math.fsum(values) / len(values), EXACT * largest(values) + LEAST)
        case "min":
            return Value(min(values))
        case "max":
            return Value(max(values))
        case "first":
            return Value(first(samples).measure)
        case "last":
            return Value(last(samples).measure)
        case "duration":
            return seconds(last(samples).time_ms - first(samples).time_ms)
        case "is_new":
            return Value(float(len(samples) == 1))
        case "stddev":
            return sample_deviation(values)
        case "correlation":
            return correlation(*map(list, zip(*values, strict=True)))
    raise ValueError(aggregate)


def sample_deviation(values: Sequence[float]) -> Value:
    if len(values) < 2:
        return Value(None)
    deviation = math.sqrt(math.fsum(x * x for x in deviations(values)) / (len(values) - 1))
    return Value(deviation, EXACT * deviation + ROUNDING * largest(values) + math.sqrt(LEAST))


def deviations(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def correlation(x: Sequence[float], y: Sequence[float]) -> Value:
    """Compute Pearson's coefficient of pairs."""
    if len(set(x)) < 2 or len(set(y)) < 2:
        return Value(None)
    dx, dy = deviations(x), deviations(y)
    spread_x, spread_y = largest(dx), largest(dy)
    if min(spread_x, spread_y) < math.sqrt(LEAST):
        return Value(None, math.inf)
    blur = ROUNDING * (largest(x) / spread_x + largest(y) / spread_y)
    if blur > 0.01:
        return Value(None, math.inf)
    # Scaled, so that no product is too large or too small for a double.
    dx, dy = [d / spread_x for d in dx], [d / spread_y for d in dy]
    together = math.fsum(a * b for a, b in zip(dx, dy, strict=True))
    return Value(together / math.sqrt(math.fsum(d * d for d in dx) * math.fsum(d * d for d in dy)), EXACT + blur)
