"""What is declared changes between two runs on one checkpoint: the windows that are kept, and the choices there are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from consume import OUTPUTS, written_since
from shop import COUNT, SUM, event, send, shop

from riskloom.discovery import InstalledDomain
from riskloom.domain import WindowFeature
from riskloom.errors import JobError
from riskloom.offsets import end_offsets, first_offsets
from riskloom.schemas.registry import RegisteredSchema, register_all
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack
from riskloom.stream.generations import StateChoice, prepare
from riskloom.stream.job import Mode, start_query
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

NOW_MS = int(time.time() * 1000)
OLDER = [f"u{i}" for i in range(6)]


class Job:
    """Runs the job in this process, on servers of its own."""

    def __init__(self, settings: Settings, spark: Any) -> None:
        self.settings, self.spark = settings, spark
        self.sent = 0
        self.notes: tuple[str, ...] = ()

    def schemas(self, domains: Sequence[InstalledDomain]) -> Mapping[str, RegisteredSchema]:
        ensure_topics(self.settings, domains)
        return register_all(self.settings, domains)

    def send(self, installed: InstalledDomain, users: Sequence[str], amount: float) -> list[str]:
        """Send an event of each user; answer their ids."""
        events = [event(self.sent + i, user, NOW_MS + self.sent + i, amount) for i, user in enumerate(users)]
        self.sent += len(events)
        send(self.settings, installed, self.schemas([installed]), events)
        return [one["id"] for one in events]

    def __call__(
        self,
        folder: Path,
        *domains: InstalledDomain,
        choice: StateChoice | None = None,
        mode: Mode = Mode.AVAILABLE_NOW,
        until: int | None = None,
    ) -> dict[tuple[str, str], dict[str, Any]]:
        """Score what there is; answer the scores by domain and event id, each of which must be the only one.

        Args:
            folder: The checkpoint.
            domains: What is declared.
            choice: What to do with a state that does not fit.
            mode: Of the run.
            until: In a mode that does not end, stop once so many scores are written and saved.
        """
        schemas = self.schemas(domains)
        begin = end_offsets(self.settings, OUTPUTS)
        beginning = first_offsets(self.settings, [one.domain.topic.name for one in domains])
        start = prepare(self.spark, str(folder), [one.domain for one in domains], beginning, choice)
        self.notes = start.notes
        query = start_query(
            self.spark,
            self.settings,
            domains,
            schemas,
            checkpoint=start.checkpoint,
            mode=mode,
            batch="5 seconds",
            max_batch_events=7,
            starting_offsets=start.starting_offsets,
            emit_from=start.emit_from,
            entities=start.entities,
        )
        if until is None:
            query.awaitTermination()
        else:
            deadline = time.monotonic() + 120
            while sum(progress["numInputRows"] for progress in query.recentProgress) < until:
                assert query.isActive, query.exception()
                assert time.monotonic() < deadline
                time.sleep(0.2)
            query.stop()
        written = written_since(self.settings, begin)
        assert written.dead_letters == []
        found = {(score["domain"], score["event_id"]): score for score in written.scores}
        assert len(found) == len(written.scores), "a score was written twice"
        return found


def features(scores: Mapping[tuple[str, str], Mapping[str, Any]], name: str) -> dict[str, set[float]]:
    """The values of a feature, by user."""
    found: dict[str, set[float]] = {}
    for score in scores.values():
        found.setdefault(score["entity_id"], set()).add(score["features"][name])
    return found


@pytest.fixture(scope="module")
def job(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    home = tmp_path_factory.mktemp("state")
    with LocalStack(home, short_lived=True).running() as addresses:
        yield Job(Settings(home=home, **addresses), spark)


def test_a_changed_window_is_refused_by_name(job: Job, tmp_path: Path) -> None:
    job.send(shop(), OLDER * 2, 10.0)
    assert features(job(tmp_path, shop()), "count_1hr") == {user: {1, 2} for user in OLDER}
    longer = WindowFeature(name="count_1hr", aggregate="count", window="2hr")
    with pytest.raises(JobError) as caught:
        job(tmp_path, shop(features=[longer, SUM]))
    text = str(caught.value)
    assert "orders: window feature count_1hr changed: window 1:00:00 → 2:00:00" in text
    assert "orders: window feature sum_1hr was added" in text
    assert all(f"--state {choice}" in text for choice in StateChoice)


@pytest.mark.parametrize(
    ("choice", "count", "total"),
    [(StateChoice.KEEP, 3, 7.0), (StateChoice.NEW, 1, 7.0), (StateChoice.BACKFILL, 3, 27.0)],
)
def test_each_choice_gives_its_windows(job: Job, tmp_path: Path, choice: StateChoice, count: int, total: float) -> None:
    orders = shop(f"orders-{choice}".replace("-", "_"))
    job.send(orders, OLDER * 2, 10.0)
    assert len(job(tmp_path, orders)) == 2 * len(OLDER)
    changed = shop(orders.name, features=[COUNT, SUM])
    ids = job.send(changed, OLDER, 7.0)
    scores = job(tmp_path, changed, choice=choice)
    assert {identity for _, identity in scores} == set(ids), "each event is scored once, in either run"
    assert features(scores, "sum_1hr") == {user: {total} for user in OLDER}
    assert features(scores, "count_1hr") == {user: {count} for user in OLDER}
    # Once is enough: the next start needs no choice.
    job.send(changed, OLDER[:1], 1.0)
    assert features(job(tmp_path, changed), "sum_1hr") == {OLDER[0]: {total + 1}}


def test_another_aggregate_of_what_is_kept_is_no_change(job: Job, tmp_path: Path) -> None:
    orders = shop("means", features=[SUM])
    job.send(orders, ["u"], 10.0)
    job(tmp_path, orders)
    mean = WindowFeature(name="mean_1hr", aggregate="mean", value="amount", window="1hr")
    job.send(orders, ["u"], 20.0)
    assert features(job(tmp_path, shop("means", features=[mean])), "mean_1hr") == {"u": {15.0}}


def test_a_domain_that_comes_and_goes_leaves_the_others_windows(job: Job, tmp_path: Path) -> None:
    orders, refunds = shop("kept"), shop("coming")
    job.send(orders, ["u"], 1.0)
    job(tmp_path, orders)
    job.send(orders, ["u"], 1.0)
    job.send(refunds, ["u"], 1.0)
    both = job(tmp_path, orders, refunds)
    assert job.notes == ("joined since the last start: coming",)
    assert {domain: score["features"]["count_1hr"] for (domain, _), score in both.items()} == {"kept": 2, "coming": 1}
    job.send(orders, ["u"], 1.0)
    missed = job.send(refunds, ["u"], 1.0)
    alone = job(tmp_path, orders)
    assert "gone since the last start: coming" in job.notes[0]
    assert [score["features"]["count_1hr"] for score in alone.values()] == [3]
    # Back again: it goes on where it was left, and counts no event twice.
    again = job(tmp_path, orders, refunds)
    assert {identity: score["features"]["count_1hr"] for (_, identity), score in again.items()} == {missed[0]: 2}


def test_windows_of_another_entity_need_a_new_state(job: Job, tmp_path: Path) -> None:
    orders = shop("local")
    job.send(orders, ["u"], 1.0)
    job(tmp_path, orders)
    by_shop = WindowFeature(name="shop_count_1hr", aggregate="count", window="1hr", entity="shop")
    changed = shop("local", features=[COUNT, by_shop])
    with pytest.raises(JobError, match="windows of the entity shop were added") as caught:
        job(tmp_path, changed, choice=StateChoice.KEEP)
    assert "--state keep" not in str(caught.value)
    job.send(orders, ["v"], 1.0)
    scores = job(tmp_path, changed, choice=StateChoice.BACKFILL)
    assert [score["features"] for score in scores.values()] == [{"count_1hr": 1, "shop_count_1hr": 2}]
    # And without them again, the operator stays: the other windows with it.
    job.send(orders, ["v"], 1.0)
    assert features(job(tmp_path, orders), "count_1hr") == {"v": {2.0}}


def test_the_modes_share_a_checkpoint(job: Job, tmp_path: Path) -> None:
    orders = shop("moving")
    modes = [Mode.REALTIME, Mode.MICRO_BATCH, Mode.REALTIME, Mode.AVAILABLE_NOW]
    for count, mode in enumerate(modes, 1):
        job.send(orders, OLDER, 1.0)
        until = None if mode is Mode.AVAILABLE_NOW else len(OLDER)
        assert features(job(tmp_path, orders, mode=mode, until=until), "count_1hr") == {u: {count} for u in OLDER}


def test_a_foreign_folder_is_refused(job: Job, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(JobError, match="neither empty nor a checkpoint"):
        job(tmp_path, shop())
