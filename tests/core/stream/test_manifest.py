"""What is kept for a declaration, and which changes of it do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import COUNT, SUM, shop

from riskloom.domain import Entity, EventDomain, WindowFeature
from riskloom.stream.manifest import LeftDomain, Manifest, changes, described

ORDERS, REFUNDS = shop().domain, shop("refunds").domain
MEAN = WindowFeature(name="mean_1hr", aggregate="mean", value="amount", window="1hr")
OTHERS = WindowFeature(name="refunds_1hr", aggregate="count", window="1hr", source="refunds")


def kept(domains: Sequence[EventDomain], left: Sequence[EventDomain] = ()) -> Manifest:
    gone = {name: LeftDomain(state=state, offsets={0: 1}) for name, state in described(left).items()}
    manifest = Manifest(state_partitions=2, entities=(), domains=described(domains), left=gone)
    return Manifest.model_validate_json(manifest.model_dump_json())


def orders(*features: WindowFeature, **parts: object) -> EventDomain:
    return shop("orders", features, **parts).domain


FITTING = {
    "the same": ([ORDERS, REFUNDS], [ORDERS, REFUNDS]),
    "a domain more": ([ORDERS], [ORDERS, REFUNDS]),
    "a domain less": ([ORDERS, REFUNDS], [ORDERS]),
    "a feature less": ([orders(COUNT, SUM)], [orders(SUM)]),
    "another aggregate": ([orders(SUM)], [orders(SUM, MEAN)]),
    "another name": ([orders(SUM)], [orders(SUM.model_copy(update={"name": "total"}))]),
    "another description": ([orders(SUM)], [orders(SUM.model_copy(update={"description": "all", "default": 1.0}))]),
    "windows of a domain that comes": ([orders(OTHERS)], [orders(OTHERS), REFUNDS]),
}


@pytest.mark.parametrize("case", FITTING)
def test_it_fits(case: str) -> None:
    before, now = FITTING[case]
    assert changes(kept(before), described(now)) == []


CHANGED = {
    "orders: window feature sum_1hr was added": ([ORDERS], [orders(COUNT, SUM)]),
    "orders: window feature count_1hr changed: window 1:00:00 → 1 day, 0:00:00": (
        [ORDERS],
        [orders(COUNT.model_copy(update={"window": "24hr"}))],
    ),
    "orders: window feature sum_1hr changed: columns sum → squares": (
        [orders(SUM)],
        [orders(SUM.model_copy(update={"aggregate": "stddev"}))],
    ),
    "orders: window feature count_1hr changed: entity none → shop": (
        [ORDERS],
        [orders(COUNT.model_copy(update={"entity": "shop"}))],
    ),
    "orders: window feature refunds_1hr was added": (
        [ORDERS, shop("refunds", [SUM]).domain],
        [orders(COUNT, OTHERS), shop("refunds", [SUM]).domain],
    ),
}


@pytest.mark.parametrize("text", CHANGED)
def test_it_does_not_fit(text: str) -> None:
    before, now = CHANGED[text]
    assert text in changes(kept(before), described(now))


def test_a_changed_key_entity_and_tolerance_are_named() -> None:
    entities = (Entity(name="buyer", field="shop"), Entity(name="user", field="user"))
    now = orders(COUNT, key="shop", entities=entities, late_tolerance=timedelta(minutes=5))
    assert changes(kept([ORDERS]), described([now])) == [
        "orders: the key changed: user → shop",
        "orders: the key's entity changed: user → buyer",
        "orders: the late tolerance changed: 120 s → 300 s",
        "orders: window feature count_1hr changed: late_tolerance 0:02:00 → 0:05:00",
    ]


def test_a_domain_that_is_back_is_compared_with_what_it_was() -> None:
    before = kept([ORDERS], left=[REFUNDS])
    assert changes(before, described([ORDERS, REFUNDS])) == []
    assert changes(before, described([ORDERS, shop("refunds", [SUM]).domain])) == [
        "refunds: window feature sum_1hr was added"
    ]


POOL = [COUNT, SUM, MEAN, *(COUNT.model_copy(update={"name": f"count_{w}", "window": w}) for w in ("5min", "24hr"))]


@given(st.lists(st.sampled_from(POOL), unique=True), st.lists(st.sampled_from(POOL), unique=True))
def test_what_does_not_fit_is_what_the_state_has_no_series_for(
    before: list[WindowFeature], now: list[WindowFeature]
) -> None:
    def series(features: list[WindowFeature]) -> list[dict[str, object]]:
        return [dict(window) for window in described([orders(*features)])["orders"].windows.values()]

    found = changes(kept([orders(*before)]), described([orders(*now)]))
    assert len(found) == sum(one not in series(before) for one in series(now))
