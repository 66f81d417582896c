"""What the reports of a query that drained a backlog are summed up to."""

from __future__ import annotations

from riskloom.bench.drain import speeds


def reports(*batches: tuple[int, int]) -> list[dict[str, int]]:
    return [{"numInputRows": rows, "batchDuration": ms} for rows, ms in batches]


def test_the_steady_speed_is_that_of_the_second_half_of_the_batches() -> None:
    found = speeds(reports((100, 8_000), (100, 1_000), (100, 500), (50, 250), (0, 10)), 10.0)
    assert found["seconds"] == 10.0
    assert found["events_per_s"] == 35
    assert found["steady_events_per_s"] == 200
    assert found["batches"][-1] == {"events": 50, "seconds": 0.25}
    assert len(found["batches"]) == 4


def test_a_single_batch_is_all_there_is() -> None:
    assert speeds(reports((100, 500)), 1.0)["steady_events_per_s"] == 200


def test_nothing_drained_has_no_steady_speed() -> None:
    assert speeds([], 1.0) == {"seconds": 1.0, "events_per_s": 0, "steady_events_per_s": None, "batches": []}
