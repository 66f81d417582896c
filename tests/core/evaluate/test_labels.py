from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from riskloom.evaluate.labels import Labels, pattern_of


@pytest.mark.parametrize("value", [None, "", " ", False, 0, 0.0, "0", "0.0", "false", "No", "null"])
def test_an_ordinary_event_has_no_pattern(value: Any) -> None:
    assert pattern_of(value, "fraud") is None


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        *((value, "fraud") for value in (True, 1, 1.0, "1", "1.000", "TRUE", "yes")),
        ("card_testing", "card_testing"),
        ("2", "2"),
        ("0.5", "0.5"),
    ],
)
def test_a_bad_one_has_the_name_of_its_pattern_or_of_the_field(value: Any, pattern: str) -> None:
    assert pattern_of(value, "fraud") == pattern


def test_labels_are_found_by_id_whatever_the_order() -> None:
    labels = Labels()
    labels.add(pa.array(["a", "b"]), pa.array(["x", None]), np.array([False, True]))
    labels.add(pa.array(["c"]), pa.array([None], pa.string()), np.array([True]))
    labels.add(pa.array(["d"]), pa.array(["y"]), np.array([True]))
    patterns, counted = labels.look_up(pa.chunked_array([["d", "a"], ["c", "b"]]))
    assert patterns.to_pylist() == ["y", "x", None, None]
    assert counted.tolist() == [True, False, True, True]


def test_no_events_have_no_labels() -> None:
    patterns, counted = Labels().look_up(pa.chunked_array([], pa.string()))
    assert (len(patterns), len(counted)) == (0, 0)
