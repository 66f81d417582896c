"""Vectorised pieces that generators share. Nothing here holds or imitates personal data."""

from __future__ import annotations

from riskloom.produce.synthetic.bursts import Burst, Bursts
from riskloom.produce.synthetic.columns import (
    Bools,
    Floats,
    Ints,
    choose,
    lists,
    pick,
    same,
    seeded,
    text,
    uuids,
)
from riskloom.produce.synthetic.places import CITIES, City, Clock, homes
from riskloom.produce.synthetic.populations import COMPROMISED_USERS, USERS, members, population, trait

__all__ = [
    "CITIES",
    "COMPROMISED_USERS",
    "USERS",
    "Bools",
    "Burst",
    "Bursts",
    "City",
    "Clock",
    "Floats",
    "Ints",
    "choose",
    "homes",
    "lists",
    "members",
    "pick",
    "population",
    "same",
    "seeded",
    "text",
    "trait",
    "uuids",
]
