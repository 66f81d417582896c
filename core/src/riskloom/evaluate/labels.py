"""What is known of each event that was sent to be scored: its label, and whether it counts or only fills windows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from riskloom.evaluate.metrics import Bools

_NO = {"", "0", "false", "no", "none", "null"}
_NUMBERS = re.compile(r"^([01])\.0*$")  # 1.0 of a spreadsheet
_YES = {"1", "true", "yes"}


def pattern_of(value: Any, field: str) -> str | None:
    """Read a label of any sort.

    Args:
        value: True or false, 0 or 1, as a value or a text; or the name of a pattern. Nothing is no.
        field: The label's name, which an unnamed pattern has.

    Returns:
        The pattern's name, None for an ordinary event.
    """
    text = "" if value is None else str(value).strip()
    text = _NUMBERS.sub(r"\1", text)
    if text.lower() in _NO:
        return None
    return field if text.lower() in _YES else text


class Labels:
    """Labels by event id, added in pieces."""

    def __init__(self) -> None:
        self._ids: list[pa.Array] = []
        self._patterns: list[pa.Array] = []
        self._counted: list[Bools] = []

    def add(self, ids: pa.Array, patterns: pa.Array, counted: Bools) -> None:
        """Add some events.

        Args:
            ids: Their identifiers, text.
            patterns: The names of their patterns, null for ordinary events.
            counted: Whether each counts.
        """
        self._ids.append(ids)
        self._patterns.append(patterns.dictionary_encode())
        self._counted.append(counted)

    @property
    def counted(self) -> int:
        """How many events count."""
        return int(sum(part.sum() for part in self._counted))

    def look_up(self, ids: pa.ChunkedArray) -> tuple[pa.Array, Bools]:
        """Find the labels of events.

        Args:
            ids: The identifiers of n events, all of them added before.

        Returns:
            The names of their patterns, null for ordinary events; and whether each counts.
        """
        at = pc.index_in(ids, pa.chunked_array(self._ids, pa.string()).combine_chunks())
        patterns = pa.chunked_array(self._patterns, pa.dictionary(pa.int32(), pa.string())).cast(pa.string())
        counted = np.concatenate([*self._counted, np.zeros(0, dtype=bool)])
        return patterns.combine_chunks().take(at.combine_chunks()), counted[at.to_numpy()]
