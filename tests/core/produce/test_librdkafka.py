from __future__ import annotations

import ctypes

from confluent_kafka import KafkaError

from riskloom.produce.librdkafka import ERR__QUEUE_FULL, Message, error_name, functions


def test_every_function_is_there() -> None:
    assert functions() is functions()
    assert functions().outq_len.argtypes == [ctypes.c_void_p]


def test_a_message_is_laid_out_as_in_c() -> None:
    assert ctypes.sizeof(ctypes.c_void_p) == 8, "the places below are those of a machine with 64 bits"
    places = {name: getattr(Message, name).offset for name, _ in Message._fields_}
    assert places == {
        "err": 0,
        "rkt": 8,
        "partition": 16,
        "payload": 24,
        "len": 32,
        "key": 40,
        "key_len": 48,
        "offset": 56,
        "private": 64,
    }
    assert ctypes.sizeof(Message) == 72


def test_errors_are_named_as_confluent_kafka_does() -> None:
    assert KafkaError._QUEUE_FULL == ERR__QUEUE_FULL
    for code in (ERR__QUEUE_FULL, KafkaError.MSG_SIZE_TOO_LARGE, KafkaError._PURGE_QUEUE):
        assert error_name(code) == KafkaError(code).name()
