"""The state that a start begins with, with a checkpoint in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from shop import COUNT, SUM, shop

from riskloom.domain import EventDomain
from riskloom.errors import JobError
from riskloom.stream import generations
from riskloom.stream.generations import MANIFEST, Start, StateChoice, prepare

ORDERS, REFUNDS = shop().domain, shop("refunds").domain
CHANGED = shop("orders", [COUNT, SUM]).domain
BY_SHOP = shop("orders", [COUNT.model_copy(update={"name": "by_shop", "entity": "shop"})]).domain
KEEP, NEW, BACKFILL = StateChoice
NEWER = '{"version": 9, "state_partitions": 1, "entities": [], "domains": {}}'


class Store:
    """The files of a checkpoint, and the session's settings."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.settings = {"spark.sql.shuffle.partitions": "2"}
        self.conf: Any = self

    def get(self, name: str) -> str:
        return self.settings[name]

    def set(self, name: str, value: str) -> None:
        self.settings[name] = value

    def commit(self, offsets: Mapping[str, Mapping[int, int]]) -> None:
        """End the query's first batch here."""
        folder = f"/c/{self.manifest['generation']}"
        self.files |= {f"{folder}/offsets/0": f"v1\n{{}}\n{json.dumps(offsets)}", f"{folder}/commits/0": "v1"}

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads(self.files[f"/c/{MANIFEST}"])  # type: ignore[no-any-return]

    def start(
        self, *domains: EventDomain, choice: StateChoice | None = None, beginning: Mapping[str, Any] | None = None
    ) -> Start:
        first = {domain.topic.name: {0: 0, 1: 10} for domain in domains}
        spark: Any = self
        return prepare(spark, "/c", domains, beginning or first, choice)


class Folder:
    """As riskloom.stream.checkpoint.Folder, over a dictionary."""

    def __init__(self, store: Store, address: str) -> None:
        self.store, self.address = store, address

    def folder(self, name: str) -> Folder:
        return Folder(self.store, f"{self.address}/{name}")

    def names(self) -> Sequence[str]:
        start = f"{self.address}/"
        return sorted({name.removeprefix(start).split("/")[0] for name in self.store.files if name.startswith(start)})

    def read(self, name: str) -> str | None:
        return self.store.files.get(f"{self.address}/{name}")

    def write(self, name: str, text: str) -> None:
        self.store.files[f"{self.address}/{name}"] = text

    def delete(self, name: str) -> None:
        del self.store.files[f"{self.address}/{name}"]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(generations, "Folder", Folder)
    return Store()


def test_a_first_start_reads_from_the_beginning(store: Store) -> None:
    start = store.start(ORDERS)
    assert start == Start("/c/1", None, {}, (), 2, {"orders-topic": {0: 0, 1: 10}}, 0, ())
    assert store.manifest["starts"] == 1


def test_the_same_goes_on_in_silence(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5, 1: 12}})
    before = dict(store.files)
    start = store.start(ORDERS)
    assert start == Start("/c/1", None, {}, (), 2, {"orders-topic": {0: 5, 1: 12}}, 1, ())
    assert {name: text for name, text in store.files.items() if name != f"/c/{MANIFEST}"} == {
        name: text for name, text in before.items() if name != f"/c/{MANIFEST}"
    }


def test_before_anything_was_committed_every_change_fits(store: Store) -> None:
    store.start(ORDERS)
    start = store.start(BY_SHOP, REFUNDS)
    assert (start.checkpoint, start.entities) == ("/c/2", ("shop",))
    assert start.starting_offsets == {"orders-topic": {0: 0, 1: 10}, "refunds-topic": {0: 0, 1: 10}}


def test_a_change_needs_a_choice(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5}})
    before = dict(store.files)
    with pytest.raises(JobError, match="sum_1hr was added"):
        store.start(CHANGED)
    assert store.files == before, "a refusal leaves everything as it was"


def test_keep_goes_on_with_the_generation(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5, 1: 12}})
    start = store.start(CHANGED, choice=KEEP)
    assert (start.checkpoint, start.positions) == ("/c/1", {"orders-topic": {0: 5, 1: 12}})
    assert start.notes == ("the state is kept: orders: window feature sum_1hr was added",)
    assert store.start(CHANGED).notes == ()


def test_new_goes_on_from_the_offsets_in_another_generation(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5}})
    start = store.start(CHANGED, choice=NEW)
    # The second partition is one that the topic got since.
    assert (start.checkpoint, start.starting_offsets) == ("/c/2", {"orders-topic": {0: 5, 1: 10}})
    assert start.emit_from == {}
    assert start.positions == start.starting_offsets


def test_backfill_reads_again_what_was_scored(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5, 1: 12}})
    start = store.start(CHANGED, REFUNDS, choice=BACKFILL)
    everything = {"orders-topic": {0: 0, 1: 10}, "refunds-topic": {0: 0, 1: 10}}
    assert (start.checkpoint, start.starting_offsets) == ("/c/2", everything)
    assert start.emit_from == {"orders-topic": {0: 5, 1: 12}, "refunds-topic": {}}
    # A backfill that has not come far is done once more: what was scored before it stays scored.
    store.commit({"orders-topic": {0: 2, 1: 15}, "refunds-topic": {0: 1}})
    again = store.start(CHANGED, REFUNDS, choice=BACKFILL)
    assert again.emit_from == {"orders-topic": {0: 5, 1: 15}, "refunds-topic": {0: 1}}
    assert again.checkpoint == "/c/3"


def test_a_restart_of_a_backfill_is_still_one(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5}})
    begun = store.start(ORDERS, choice=BACKFILL)
    again = store.start(ORDERS)
    assert (again.checkpoint, again.starting_offsets, again.emit_from) == (
        begun.checkpoint,
        begun.starting_offsets,
        begun.emit_from,
    )


def test_a_domain_that_comes_is_read_from_the_beginning(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5}})
    start = store.start(ORDERS, REFUNDS)
    assert start.positions == {"orders-topic": {0: 5}, "refunds-topic": {0: 0, 1: 10}}
    assert json.loads(store.files["/c/1/offsets/0"].splitlines()[2]) == {
        "orders-topic": {"0": 5},
        "refunds-topic": {"0": 0, "1": 10},
    }


def test_a_domain_that_went_is_remembered_where_it_was_left(store: Store) -> None:
    store.start(ORDERS, REFUNDS)
    store.commit({"orders-topic": {0: 5}, "refunds-topic": {0: 30, 1: 31}})
    assert store.start(ORDERS).positions == {"orders-topic": {0: 5}}
    assert store.start(ORDERS).notes == ()
    # What was deleted from the topic meanwhile cannot be read.
    beginning = {"orders-topic": {0: 0}, "refunds-topic": {0: 0, 1: 40}}
    start = store.start(ORDERS, REFUNDS, beginning=beginning)
    assert start.positions == {"orders-topic": {0: 5}, "refunds-topic": {0: 30, 1: 40}}
    assert store.start(ORDERS, REFUNDS).notes == ()
    assert store.manifest["left"] == {}


def test_a_start_that_was_cut_short_is_repeated(store: Store) -> None:
    store.start(ORDERS, REFUNDS)
    store.commit({"orders-topic": {0: 5}, "refunds-topic": {0: 30}})
    log = store.files["/c/1/offsets/0"]
    store.start(ORDERS)
    store.files["/c/1/offsets/0"] = log  # the manifest was written, the log was not
    assert store.start(ORDERS).positions == {"orders-topic": {0: 5}}
    assert store.start(ORDERS, REFUNDS).positions["refunds-topic"] == {0: 30, 1: 10}


def test_a_further_entity_needs_a_new_state(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5}})
    for choice in (None, KEEP):
        with pytest.raises(JobError, match="windows of the entity shop were added") as caught:
            store.start(BY_SHOP, choice=choice)
        assert "--state keep" not in str(caught.value)
    assert store.start(BY_SHOP, choice=NEW).entities == ("shop",)
    store.commit({"orders-topic": {0: 6}})
    assert store.start(ORDERS, choice=KEEP).entities == ("shop",), "its operator stays"


def test_the_state_keeps_its_partitions(store: Store) -> None:
    store.start(ORDERS)
    store.commit({"orders-topic": {0: 5}})
    store.settings["spark.sql.shuffle.partitions"] = "8"
    start = store.start(ORDERS)
    assert (start.state_partitions, store.settings["spark.sql.shuffle.partitions"]) == (2, "2")
    assert start.notes == ("the state has 2 partitions, not 8, until there is a new one",)
    store.settings["spark.sql.shuffle.partitions"] = "8"
    assert store.start(ORDERS, choice=NEW).state_partitions == 8


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"/c/offsets/0": "v1"}, "neither empty nor a checkpoint"),
        ({f"/c/{MANIFEST}": "{"}, "cannot be read"),
        (
            {f"/c/{MANIFEST}": '{"version": 9, "state_partitions": 1, "entities": [], "domains": {}}'},
            "another riskloom",
        ),
    ],
)
def test_a_folder_of_something_else_is_refused(store: Store, files: dict[str, str], text: str) -> None:
    store.files |= files
    with pytest.raises(JobError, match=text) as caught:
        store.start(ORDERS)
    assert "--checkpoint" in str(caught.value)
