"""How many slots a query needs, and what is said when they are not there."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from payments import payments
from scoring import Scorer

from riskloom.discovery import InstalledDomain
from riskloom.domain import Entity, WindowFeature
from riskloom.errors import JobError
from riskloom.stream import slots
from riskloom.stream.job import READERS, SHUFFLE_PARTITIONS, Mode


def by_country() -> InstalledDomain:
    """Payments with a window by their country, which is not their key."""
    one = payments()
    further = {
        "entities": (*one.domain.entities, Entity(name="country", field="country")),
        "window_features": (WindowFeature(name="n", aggregate="count", window="1hr", entity="country"),),
    }
    return InstalledDomain(one.domain.model_copy(update=further), one.distribution, one.version, one.entry_point)


def session(*free: int, local: bool = False) -> Any:
    """A session whose executors have, look by look, so many slots."""
    left: Iterator[int] = iter(free)
    context = SimpleNamespace(
        isLocal=lambda: local,
        master=lambda: "local[3]" if local else "spark://host:7077",
        maxNumConcurrentTasks=lambda profile: next(left),
        resourceProfileManager=lambda: SimpleNamespace(defaultResourceProfile=lambda: "default"),
    )
    return SimpleNamespace(sparkContext=SimpleNamespace(_jsc=SimpleNamespace(sc=lambda: context)))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_POLL_S", 0)


def test_real_time_mode_runs_every_task_of_every_operator_at_once() -> None:
    assert slots.tasks_of([payments()], 1, Mode.REALTIME) == 1 + SHUFFLE_PARTITIONS
    assert slots.tasks_of([by_country(), payments("refunds")], 12, Mode.REALTIME, 2) == READERS + 2 + 2


@pytest.mark.parametrize("mode", [Mode.MICRO_BATCH, Mode.AVAILABLE_NOW])
def test_tasks_take_turns_in_the_other_modes(mode: Mode) -> None:
    assert slots.tasks_of([payments()], 6, mode) == 1


def test_a_local_master_has_a_slot_for_every_task_and_two_to_spare() -> None:
    assert slots.local_master(Mode.REALTIME, 36) == "local[38]"
    assert slots.local_master(Mode.MICRO_BATCH, 1) == "local[*]"


def test_executors_are_waited_for() -> None:
    slots.wait_for_slots(session(0, 8, 36), 36, Event())


def test_a_user_who_wants_to_stop_is_not_kept_waiting() -> None:
    asked = Event()
    asked.set()
    slots.wait_for_slots(session(0), 36, asked)


def test_a_cluster_with_too_few_slots_is_refused_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_PATIENCE_S", 0)
    with pytest.raises(JobError, match=r"needs 36 slots at once.*spark://host:7077 has 8") as caught:
        slots.wait_for_slots(session(8), 36, Event())
    for choice in ("spark.executor.instances", "--without NAME", "--mode micro-batch"):
        assert choice in str(caught.value)


def test_a_cluster_without_any_executor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_PATIENCE_S", 0)
    with pytest.raises(JobError, match="no executor in 0 s"):
        slots.wait_for_slots(session(0), 1, Event())


def test_a_local_master_is_not_waited_for() -> None:
    with pytest.raises(JobError, match=r"local\[3\] has 3"):
        slots.wait_for_slots(session(3, local=True), 10, Event())


def test_spark_itself_tells_its_slots(scorer: Scorer) -> None:
    there = int(scorer.spark.sparkContext.defaultParallelism)
    slots.wait_for_slots(scorer.spark, there, Event())
    with pytest.raises(JobError, match=f"has {there}"):
        slots.wait_for_slots(scorer.spark, there + 1, Event())
