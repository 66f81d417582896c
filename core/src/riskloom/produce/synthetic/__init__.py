"""Vectorised pieces that generators share. Nothing here holds or imitates personal data."""

from __future__ import annotations

from riskloom.produce.synthetic.bursts import Burst, BurstKind, Bursts, MixedBursts, share
from riskloom.produce.synthetic.columns import (
    Bools,
    Floats,
    Ints,
    choose,
    divided,
    lists,
    pick,
    rest,
    same,
    seeded,
    text,
    uuids,
)
from riskloom.produce.synthetic.episodes import Episode, Episodes, Turns
from riskloom.produce.synthetic.hashed import hashed, key_of
from riskloom.produce.synthetic.places import CITIES, City, Clock, homes
from riskloom.produce.synthetic.populations import COMPROMISED_USERS, USERS, members, population, trait

__all__ = [
    "CITIES",
    "COMPROMISED_USERS",
    "USERS",
    "Bools",
    "Burst",
    "BurstKind",
    "Bursts",
    "City",
    "Clock",
    "Episode",
    "Episodes",
    "Floats",
    "Ints",
    "MixedBursts",
    "Turns",
    "choose",
    "divided",
    "hashed",
    "homes",
    "key_of",
    "lists",
    "members",
    "pick",
    "population",
    "rest",
    "same",
    "seeded",
    "share",
    "text",
    "trait",
    "uuids",
]
