"""The C interface of librdkafka, as far as a producer needs it: the stable functions of `rdkafka.h`, by ctypes.

The library is the one that confluent-kafka brings along.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p
from functools import cache
from types import SimpleNamespace
from typing import Any

PRODUCER = 0
MSG_F_COPY = 2
PARTITION_UA = -1
PURGE_F_QUEUE, PURGE_F_INFLIGHT = 1, 2
EVENT_DR, EVENT_ERROR, EVENT_STATS = 0x1, 0x8, 0x40
ERR__QUEUE_FULL = -184


class Message(ctypes.Structure):
    """`rd_kafka_message_t`, with its pointers as numbers."""

    _fields_ = (
        ("err", c_int),
        ("rkt", c_size_t),
        ("partition", c_int32),
        ("payload", c_size_t),
        ("len", c_size_t),
        ("key", c_size_t),
        ("key_len", c_size_t),
        ("offset", c_int64),
        ("private", c_size_t),
    )


# The type of what a function answers, and those of its arguments.
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "conf_new": (c_void_p,),
    "conf_set": (c_int, c_void_p, c_char_p, c_char_p, c_char_p, c_size_t),
    "conf_set_events": (None, c_void_p, c_int),
    "conf_destroy": (None, c_void_p),
    "new": (c_void_p, c_int, c_void_p, c_char_p, c_size_t),
    "destroy": (None, c_void_p),
    "topic_new": (c_void_p, c_void_p, c_char_p, c_void_p),
    "topic_destroy": (None, c_void_p),
    "produce_batch": (c_int, c_void_p, c_int32, c_int, c_void_p, c_int),
    "outq_len": (c_int, c_void_p),
    "flush": (c_int, c_void_p, c_int),
    "purge": (c_int, c_void_p, c_int),
    "queue_get_main": (c_void_p, c_void_p),
    "queue_poll": (c_void_p, c_void_p, c_int),
    "queue_destroy": (None, c_void_p),
    "event_type": (c_int, c_void_p),
    "event_message_count": (c_size_t, c_void_p),
    "event_message_array": (c_size_t, c_void_p, c_void_p, c_size_t),
    "event_error": (c_int, c_void_p),
    "event_error_string": (c_char_p, c_void_p),
    "event_stats": (c_char_p, c_void_p),
    "event_destroy": (None, c_void_p),
    "message_latency": (c_int64, c_void_p),
    "last_error": (c_int,),
    "err2str": (c_char_p, c_int),
    "err2name": (c_char_p, c_int),
}


@cache
def functions() -> SimpleNamespace:
    """Load the library.

    Returns:
        Its functions, without the `rd_kafka_` of their names. While one runs, other threads may run Python.
    """
    from confluent_kafka import cimpl

    library, found = ctypes.CDLL(cimpl.__file__), SimpleNamespace()
    for name, (answer, *arguments) in _FUNCTIONS.items():
        function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = answer, arguments
        setattr(found, name, function)
    return found


def error_name(code: int) -> str:
    """Name an error, as in `MSG_SIZE_TOO_LARGE`."""
    name: bytes = functions().err2name(code)
    return name.decode()
