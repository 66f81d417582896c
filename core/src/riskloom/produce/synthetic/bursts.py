"""Runs of events about one subject, spread over event time and over batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riskloom.produce.synthetic.columns import Ints


@dataclass(frozen=True)
class Burst:
    """The events of one batch that belong to bursts, k of them.

    Attributes:
        slot: Their positions in the batch, ascending.
        subject: Who or what each is about: an index into the population.
        step: How many events of its burst came before it.
        left: How many events of its burst are still to come; 0 for its last.
        kind: Which of the kinds of bursts it is: an index.
        number: Its burst's number: with `hashed` it gives all events of a burst something in common.
        began: When its burst began, milliseconds since the epoch.
    """

    slot: Ints
    subject: Ints
    step: Ints
    left: Ints
    kind: Ints
    number: Ints
    began: Ints


@dataclass(frozen=True)
class BurstKind:
    """One kind of bursts.

    Attributes:
        rate: The share of all events that belong to bursts of the kind, 0 to below 1.
        subjects: How many subjects there are to draw from, evenly.
        length: The fewest and the most events of a burst.
        gap_ms: The mean time between two events of a burst, milliseconds.
    """

    rate: float
    subjects: int
    length: tuple[int, int]
    gap_ms: float


class MixedBursts:
    """Spread runs of events about one subject over time, of several kinds that do not get in each other's way.

    A burst may reach over several batches; its events then follow in the batches to come.

    Args:
        rng: The source of randomness.
        kinds: One or more kinds; their rates add up to less than 1.
    """

    def __init__(self, rng: np.random.Generator, kinds: Sequence[BurstKind]) -> None:
        self._rng, self._started = rng, 0
        least, most = (np.array([kind.length[end] for kind in kinds]) for end in (0, 1))
        self._least, self._most = least, most
        self._subjects = np.array([kind.subjects for kind in kinds])
        self._gap_ms = np.array([kind.gap_ms for kind in kinds])
        starts = np.array([share(kind.rate) for kind in kinds]) / ((least + most) / 2)
        share(sum(kind.rate for kind in kinds))
        self._upto = starts.cumsum()
        self._waiting = np.empty((0, 7), dtype=np.int64)  # due time, subject, step, left, kind, number, began

    def take(self, times: Ints) -> Burst:
        """Say which events of a batch belong to bursts.

        Args:
            times: The event times of the batch, milliseconds since the epoch, ascending.
        """
        drawn = self._rng.random(len(times))
        starts = np.flatnonzero(drawn < self._upto[-1])
        kinds = np.searchsorted(self._upto, drawn[starts], side="right")
        lengths = self._rng.integers(self._least[kinds], self._most[kinds] + 1)
        burst = np.repeat(np.arange(len(starts)), lengths)
        step = np.arange(len(burst)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        gaps = np.where(step == 0, 0.0, self._rng.exponential(self._gap_ms[kinds][burst]))
        upto = np.cumsum(gaps)
        since_start = upto - upto[np.arange(len(burst)) - step] if len(burst) else upto
        subject = self._rng.integers(0, self._subjects[kinds])[burst]
        began = times[starts][burst]
        due = began + since_start.astype(np.int64)
        left = lengths[burst] - 1 - step
        new = np.stack([due, subject, step, left, kinds[burst], self._started + burst, began], axis=1)
        self._started += len(starts)
        waiting = np.concatenate([self._waiting, new])
        waiting = waiting[np.argsort(waiting[:, 0], kind="stable")]

        # The first free slot at or after each due time: slots must rise by one at least.
        order = np.arange(len(waiting))
        slot = np.maximum.accumulate(np.searchsorted(times, waiting[:, 0]) - order) + order
        now = slot < len(times)
        self._waiting = waiting[~now]
        _, subject, step, left, kind, number, began = waiting[now].T
        return Burst(slot[now], subject, step, left, kind, number, began)


class Bursts(MixedBursts):
    """Spread runs of events about one subject over time: the shape of card testing, repeated claims, sensor spikes.

    Args:
        rng: The source of randomness.
        rate: The share of all events that belong to bursts, 0 to below 1.
        subjects: How many subjects there are to draw from, evenly.
        length: The fewest and the most events of a burst.
        gap_ms: The mean time between two events of a burst, milliseconds.
    """

    def __init__(
        self, rng: np.random.Generator, *, rate: float, subjects: int, length: tuple[int, int], gap_ms: float
    ) -> None:
        super().__init__(rng, [BurstKind(rate=rate, subjects=subjects, length=length, gap_ms=gap_ms)])


def share(rate: float) -> float:
    """Take a rate as a share of events.

    Args:
        rate: The rate.

    Raises:
        ValueError: If it is not from 0 to below 1.
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a rate of {rate} is not a share from 0 to below 1")
    return rate
