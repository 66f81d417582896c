"""Columns to librdkafka's messages: NumPy writes where each value and key is, and nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskloom.produce.librdkafka import Message

_OFFSETS = {pa.binary(): np.int32, pa.string(): np.int32, pa.large_binary(): np.int64, pa.large_string(): np.int64}
_MESSAGE = np.dtype(Message)


@dataclass(frozen=True)
class Encoded:
    """Some n events as Kafka takes them."""

    values: pa.Array
    """n values: binary."""
    keys: pa.Array
    """n keys: text."""

    @classmethod
    def of(cls, events: Sequence[tuple[bytes, str | None]]) -> Encoded:
        """Make columns of pairs of a value and a key."""
        values, keys = ([pair[n] for pair in events] for n in (0, 1))
        return cls(pa.array(values, pa.binary()), pa.array(keys, pa.string()))

    def __len__(self) -> int:
        return len(self.values)

    def part(self, begin: int, end: int) -> Encoded:
        """Take the events `begin` to `end`, the last left out, without copying them."""
        return Encoded(self.values.slice(begin, end - begin), self.keys.slice(begin, end - begin))

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return int(self.values.total_values_length)

    def messages(self) -> npt.NDArray[np.void]:
        """Point to the values and keys, a null by no address.

        Returns:
            n times `rd_kafka_message_t`, good as long as this object lives.
        """
        made = np.zeros(len(self), dtype=_MESSAGE)
        if not len(self):
            return made
        for column, place, length in ((self.values, "payload", "len"), (self.keys, "key", "key_len")):
            made[place], made[length] = _places(column)
        return made


def _places(column: pa.Array) -> tuple[npt.NDArray[np.uintp], npt.NDArray[np.uintp]]:
    """Tell the addresses and lengths of a column's items."""
    kind = np.dtype(_OFFSETS[column.type])
    _, offsets, data = column.buffers()
    edges = np.frombuffer(offsets, kind, len(column) + 1, column.offset * kind.itemsize)
    # A column of nothing but empty items may have no bytes at all, and an empty item must not look like a null.
    first = data.address if data else offsets.address
    places, lengths = edges[:-1].astype(np.uintp) + np.uintp(first), np.diff(edges).astype(np.uintp)
    if column.null_count:
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        places[nulls] = lengths[nulls] = 0
    return places, lengths
