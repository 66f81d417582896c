"""Members that report in turns, and stretches of one member's reports that go another way, such as a drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskloom.produce.synthetic.bursts import share
from riskloom.produce.synthetic.columns import Bools, Ints, divided
from riskloom.produce.synthetic.hashed import hashed


class Turns:
    """Let the members of a population report one after the other, each as often as its weight, evenly spread.

    With few events each member still has a history of its own, which events about members at random would not give.

    Args:
        rng: The source of randomness: where in the round it begins, and in which order.
        weights: How often each member reports in a round, at least once, shape (members,).
    """

    def __init__(self, rng: np.random.Generator, weights: Ints) -> None:
        member = np.repeat(np.arange(len(weights)), weights)
        first = np.cumsum(weights) - weights
        rank = np.arange(len(member)) - first[member]
        due = (rank + rng.random(len(weights))[member]) / weights[member]
        order = np.argsort(due, kind="stable")
        self._member, self._rank, self._weights = member[order], rank[order], weights
        self._taken = 0

    def take(self, n: int) -> tuple[Ints, Ints]:
        """Say who reports next.

        Args:
            n: How many reports.

        Returns:
            The member of each report, and how many reports of the same member came before it.
        """
        turn = self._taken + np.arange(n)
        self._taken += n
        rounds, place = divided(turn, len(self._member))
        member = self._member[place]
        return member, rounds * self._weights[member] + self._rank[place]


@dataclass(frozen=True)
class Episode:
    """For each report whether it belongs to an episode, and where in it.

    Attributes:
        inside: Whether it belongs to one, shape (n,).
        step: How many reports of the episode came before it; without meaning outside.
        length: How many reports the episode has; without meaning outside.
        block: The number of the part of the member's history: with the member it identifies the episode.
    """

    inside: Bools
    step: Ints
    length: Ints
    block: Ints


class Episodes:
    """Put episodes into the histories of members, as stretches of consecutive reports.

    A history is cut into blocks, twice as long as the longest episode; a block holds an episode or none, at a place
    of its own. All of it is looked up (`hashed`), so batches may be cut anywhere.

    Args:
        key: Which episodes: see `key_of`.
        rate: The share of all reports that belong to one: a quarter is always possible, as there must be room between.
        length: The fewest and the most reports of an episode.
    """

    def __init__(self, key: int, *, rate: float, length: tuple[int, int]) -> None:
        self._key, (self._least, self._most) = key, length
        self._size = 2 * self._most
        self._chance = share(rate) * self._size / ((self._least + self._most) / 2)
        if self._chance > 1:
            raise ValueError(f"a rate of {rate} leaves no room between episodes of up to {self._most} reports")

    def at(self, member: Ints, report: Ints) -> Episode:
        """Look up reports.

        Args:
            member: Whose reports, shape (n,).
            report: Which of theirs: how many came before it, shape (n,).
        """
        shifted = report + (hashed(self._key, member, -1) * self._size).astype(np.int64)  # blocks begin at other times
        block, place = divided(shifted, self._size)
        where = hashed(self._key, member, block)
        there = where < self._chance
        # What is left of the number within its part of [0, chance) is uniform again; its digits say where and how long.
        left = np.where(there, where / max(self._chance, 1e-12), 0.0)
        spread = left * (self._most - self._least + 1)
        more = spread.astype(np.int64)
        length = self._least + more
        start = ((spread - more) * (self._size - length + 1)).astype(np.int64)
        step = place - start
        return Episode(inside=there & (step >= 0) & (step < length), step=step, length=length, block=block)
