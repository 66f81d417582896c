"""Dead letters of the producer: rows that cannot be published, with their place and the reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from riskloom.produce.encode import row_encoder
from riskloom.produce.files import Row


def dead_letters(domain: str, path: Path, schema_id: int) -> Callable[[Row, str, str], tuple[bytes, None]]:
    """Make the function that turns bad rows into messages for the topic `dead-letters`.

    Args:
        domain: The domain that the rows were meant for.
        path: The file.
        schema_id: The registry's id of the dead letters' schema.

    Returns:
        A function of a row, a reason code and the reason in words. It makes a value and no key.
    """
    from riskloom.schemas.topics import DEAD_LETTER_SCHEMA

    encode = row_encoder(DEAD_LETTER_SCHEMA, schema_id)

    def dead_letter(row: Row, reason: str, detail: str) -> tuple[bytes, None]:
        letter = {
            "failed_at": time.time_ns() // 1_000_000,
            "stage": "produce",
            "domain": domain,
            "reason": reason,
            "detail": detail,
            "source": str(path),
            "partition": None,
            "offset": row.line,
            "schema_id": None,
            "key": None,
            "value": row.raw,
        }
        return encode(letter), None

    return dead_letter
