"""Runs of events about one subject, spread over event time and over batches."""

from __future__ import annotations

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
    """

    slot: Ints
    subject: Ints
    step: Ints
    left: Ints


class Bursts:
    """Spread runs of events about one subject over time: the shape of card testing, repeated claims, sensor spikes.

    A burst may reach over several batches; its events then follow in the batches to come.

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
        if not 0 <= rate < 1:
            raise ValueError(f"a rate of {rate} is not a share from 0 to below 1")
        self._rng, self._subjects, self._length, self._gap_ms = rng, subjects, length, gap_ms
        self._start = rate / ((length[0] + length[1]) / 2)
        self._waiting = np.empty((0, 4), dtype=np.int64)  # due time, subject, step, left

    def take(self, times: Ints) -> Burst:
        """Say which events of a batch belong to bursts.

        Args:
            times: The event times of the batch, milliseconds since the epoch, ascending.
        """
        starts = np.flatnonzero(self._rng.random(len(times)) < self._start)
        lengths = self._rng.integers(self._length[0], self._length[1] + 1, len(starts))
        burst = np.repeat(np.arange(len(starts)), lengths)
        step = np.arange(len(burst)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        gaps = np.where(step == 0, 0.0, self._rng.exponential(self._gap_ms, len(burst)))
        upto = np.cumsum(gaps)
        since_start = upto - upto[np.arange(len(burst)) - step] if len(burst) else upto
        subject = self._rng.integers(0, self._subjects, len(starts))[burst]
        due = times[starts][burst] + since_start.astype(np.int64)
        new = np.stack([due, subject, step, lengths[burst] - 1 - step], axis=1)
        waiting = np.concatenate([self._waiting, new])
        waiting = waiting[np.argsort(waiting[:, 0], kind="stable")]

        # The first free slot at or after each due time: slots must rise by one at least.
        order = np.arange(len(waiting))
        slot = np.maximum.accumulate(np.searchsorted(times, waiting[:, 0]) - order) + order
        now = slot < len(times)
        self._waiting = waiting[~now]
        _, subject, step, left = waiting[now].T
        return Burst(slot=slot[now], subject=subject, step=step, left=left)
