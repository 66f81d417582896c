from __future__ import annotations

import ctypes
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.produce.columns import Encoded

VALUES = st.none() | st.binary(max_size=40)
KEYS = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
EVENTS = st.lists(st.tuples(VALUES, KEYS), max_size=12)
KINDS = st.sampled_from([(pa.binary(), pa.string()), (pa.large_binary(), pa.large_string())])


def pointed_at(events: Encoded) -> list[tuple[bytes | None, str | None]]:
    """Read what messages point to, as C does."""

    def read(place: int, length: int) -> bytes | None:
        assert place or not length
        return ctypes.string_at(place, length) if place else None

    found = [
        (read(one["payload"], one["len"]), read(one["key"], one["key_len"]))
        for one in (dict(zip(row.dtype.names, row.tolist(), strict=True)) for row in events.messages())
    ]
    return [(value, None if key is None else key.decode()) for value, key in found]


@settings(deadline=None)
@given(EVENTS, KINDS, st.integers(0, 12), st.integers(0, 12))
def test_messages_point_to_each_value_and_key(
    pairs: list[tuple[bytes | None, str | None]], kinds: tuple[pa.DataType, pa.DataType], begin: int, count: int
) -> None:
    events = Encoded(*(pa.array([pair[n] for pair in pairs], kind) for n, kind in enumerate(kinds)))
    assert pointed_at(events) == pairs
    begin = min(begin, len(pairs))
    part = events.part(begin, begin + count)
    wanted = pairs[begin : begin + count]
    assert (len(part), pointed_at(part)) == (len(wanted), wanted)
    assert part.size == sum(len(value) for value, _ in wanted if value is not None)


def test_what_is_under_a_null_is_not_sent() -> None:
    offsets, data = pa.py_buffer(bytes([0, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0])), pa.py_buffer(b"abcd")
    values = pa.Array.from_buffers(pa.binary(), 2, [pa.py_buffer(b"\x02"), offsets, data])
    assert pointed_at(Encoded(values, pa.array(["k", "l"]))) == [(None, "k"), (b"cd", "l")]


def test_an_empty_value_is_no_null_even_without_any_bytes() -> None:
    values = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(bytes(8)), pa.py_buffer(b"")])
    assert pointed_at(Encoded(values, pa.array([""]))) == [(b"", "")]


def test_pairs_become_columns() -> None:
    pairs: list[Any] = [(b"a", "k"), (b"", None)]
    events = Encoded.of(pairs)
    assert (pointed_at(events), len(events), events.size) == (pairs, 2, 1)
    assert (len(Encoded.of([])), Encoded.of([]).size) == (0, 0)


def test_other_columns_are_refused() -> None:
    with pytest.raises(KeyError):
        Encoded(pa.array([1]), pa.array(["a"])).messages()
