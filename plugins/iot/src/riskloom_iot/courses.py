"""What readings go through: the patterns, and honest episodes that look like them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskloom.produce.synthetic import Bools, Episodes, Floats, Ints, divided, hashed, share

PATTERNS = ("drift", "spike", "flatline", "correlation_break")
"""The labels.

- `drift`: 25 to 45 readings that leave the device's own level bit by bit, by 3 to 7 tolerances at the end.
- `spike`: 1 to 4 readings that jump by 1.5 to 6 tolerances, up and down a little.
- `flatline`: 12 to 40 readings that are all the same: the sensor hangs.
- `correlation_break`: 20 to 45 readings that no longer follow the machine's load, within their usual range.
"""
DRIFT, SPIKE, FLATLINE, BREAK = range(len(PATTERNS))
NORMAL = -1

_SHARES = (0.3, 0.15, 0.25, 0.3)  # of the patterns, by their readings
_LENGTHS = ((25, 45), (1, 4), (12, 40), (20, 45))
_CALM_RATE, _CALM_LENGTH = 0.03, (8, 25)
_CHANGE_RATE, _CHANGE_LENGTH = 0.06, (20, 60)
_RESTART_EVERY = 300  # readings
_COLD = 0.55  # what is left of a cold start's error after each reading


@dataclass(frozen=True)
class Course:
    """What some readings go through, each array of shape (n,).

    Attributes:
        label: An index into `PATTERNS`, or `NORMAL`.
        moved: By how many tolerances the reading is moved by drift, spike, a change of product, a cold start.
        level: Two random numbers that stay the same during a pattern, shape (2, n).
        calm: Whether the machine runs steadily or stands still: its readings hardly change.
        steady: The share of its load at which it then does, 0 to 1; 0 where it stands still.
        uptime: How many readings ago the device last started.
    """

    label: Ints
    moved: Floats
    level: Floats
    calm: Bools
    steady: Floats
    uptime: Floats


class Courses:
    """Decide what every reading of every device goes through.

    Args:
        key: Which courses, see `key_of`.
        pattern_rate: The share of readings that belong to one of `PATTERNS`, 0 to below 1.
    """

    def __init__(self, key: int, pattern_rate: float) -> None:
        self._key = key
        self._patterns = [
            Episodes(key + i, rate=share(pattern_rate) * part, length=length)
            for i, (part, length) in enumerate(zip(_SHARES, _LENGTHS, strict=True))
        ]
        self._calm = Episodes(key + 10, rate=_CALM_RATE, length=_CALM_LENGTH)
        self._change = Episodes(key + 11, rate=_CHANGE_RATE, length=_CHANGE_LENGTH)

    def at(self, device: Ints, reading: Ints, since_service: Floats) -> Course:
        """Look up what some readings go through.

        Args:
            device: Whose they are, shape (n,).
            reading: Which of the device's: how many came before it.
            since_service: How many readings ago the device was maintained, and started anew.
        """
        n, key = len(device), self._key
        label, moved, level = np.full(n, NORMAL), np.zeros(n), np.zeros((2, n))

        change = self._change.at(device, reading)
        size = 1.5 * (hashed(key + 11, device, change.block, 1) - 0.5)
        moved += np.where(change.inside, size, 0.0)
        pause = self._calm.at(device, reading)
        calm, steady = pause.inside, np.maximum(2 * hashed(key + 10, device, pause.block, 1) - 1, 0)

        block, into = divided(reading, _RESTART_EVERY)
        start = [(hashed(key + 12, device, block - i) * _RESTART_EVERY).astype(np.int64) for i in (0, 1)]
        uptime = np.where(into >= start[0], into - start[0], into + _RESTART_EVERY - start[1])
        uptime = np.minimum(uptime, since_service)
        cold = np.flatnonzero(uptime < 8)
        jump = 8 * (hashed(key + 13, device[cold], block[cold]) - 0.5)
        moved[cold] += jump * _COLD ** uptime[cold]

        for kind, episodes in reversed(list(enumerate(self._patterns))):
            episode = episodes.at(device, reading)
            here = np.flatnonzero(episode.inside)
            drawn = [hashed(key + kind, device[here], episode.block[here], part) for part in (1, 2, 3)]
            away = np.where(drawn[0] < 0.5, -1.0, 1.0)
            gone = (episode.step[here] + 1) / episode.length[here]
            calm[here] &= kind == DRIFT
            label[here], level[:, here] = kind, drawn[1:]
            if kind == DRIFT:
                moved[here] += away * (3.0 + 4.0 * drawn[1]) * gone
            if kind == SPIKE:
                moved[here] += (
                    away * (1.5 + 4.5 * drawn[1]) * (0.8 + 0.4 * hashed(key + 14, device[here], reading[here]))
                )
        return Course(label, moved, level, calm, steady, uptime)
