"""How many dead letters there are, of which kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from riskloom.dlq.letters import Letter, Reading, Wanted, no_letters_yet, read_letters
from riskloom.dlq.places import Place, Places
from riskloom.dlq.replays import read_replays
from riskloom.errors import DeliveryError
from riskloom.settings import Settings


class Kind(NamedTuple):
    """What dead letters are counted by."""

    domain: str | None
    stage: str
    reason: str


@dataclass
class Group:
    """The dead letters of one kind; each record counts once."""

    kind: Kind
    count: int
    first: datetime
    last: datetime
    example: str
    """The newest one's failure in words."""
    place: Place
    """Where the newest one's record is."""
    replayed: int = 0
    failed_again: int = 0
    """Of those, sent by a replay, and dead letters once more."""


def summarise(settings: Settings, wanted: Wanted, reading: Reading) -> list[Group]:
    """Count dead letters by domain, stage and reason, the most frequent first.

    Args:
        settings: Where Kafka and the registry are.
        wanted: Which dead letters.
        reading: Is kept up to date.

    Raises:
        DeliveryError: If Kafka cannot be reached.
        RegistryError: If the registry cannot be reached.
    """
    groups: dict[Kind, Group] = {}
    with Places() as seen, read_replays(settings) as replays:
        try:
            for letter in read_letters(settings, wanted, reading):
                if not seen.add(letter.place):
                    continue
                group = _group(groups, letter)
                group.replayed += letter.place in replays.sent
                group.failed_again += letter.place in replays.results
        except DeliveryError as error:
            if not no_letters_yet(error):
                raise
    return sorted(groups.values(), key=lambda group: (-group.count, group.kind[1:]))


def _group(groups: dict[Kind, Group], letter: Letter) -> Group:
    kind, time = Kind(letter.domain, letter.stage, letter.reason), letter.failed_at
    group = groups.setdefault(kind, Group(kind, 0, time, time, letter.detail, letter.place))
    group.count += 1
    group.first = min(group.first, time)
    if time >= group.last:
        group.last, group.example, group.place = time, letter.detail, letter.place
    return group
