"""Have the JVM compile the job's code before the first event: a cold one is seconds behind for half a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from riskloom.discovery import InstalledDomain
from riskloom.produce.encode import BatchEncoder
from riskloom.produce.generators import make_generator
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.stream.job import scored
from riskloom.stream.plan import job_plan
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_log = logging.getLogger(__name__)

_EVENTS = 4_000
"""Of each domain: the size of a round, not a limit of time."""
_ROUNDS = 3


def warm_up(spark: SparkSession, settings: Settings, domains: Sequence[InstalledDomain]) -> None:
    """Score generated events in memory, by the code of Real-Time Mode. No server is needed, and nothing is written.

    A domain whose generator fails is left out, with a logged warning.

    Args:
        spark: The session of the job.
        settings: The job's.
        domains: The domains of the job.
    """
    topics = [*(one.domain.topic.name for one in domains), SCORES_TOPIC, DEAD_LETTERS_TOPIC]
    # The ids are of no registry: the plan brings the schemas along.
    schemas = {topic: RegisteredSchema(topic, i, 1) for i, topic in enumerate(topics)}
    plan = job_plan(settings, [one.domain for one in domains], schemas)
    tables = []
    for one in domains:
        try:
            tables.append(_records(one, schemas[one.domain.topic.name].schema_id))
        except Exception as error:  # scoring needs no generator, so a broken one must not keep the job from starting
            _log.warning("%s: its generator failed, so its code is compiled with its first events: %s", one.name, error)
    if not tables:
        return
    records = spark.createDataFrame(pa.concat_tables(tables)).repartition(2, "offset")
    scores = scored(records, plan, in_batches=False)
    for _ in range(_ROUNDS):
        scores.write.format("noop").mode("overwrite").save()


def _records(installed: InstalledDomain, schema_id: int) -> pa.Table:
    domain = installed.domain
    now = time.time_ns() // 1_000_000
    events = make_generator(installed, seed=0).batch(np.arange(now - _EVENTS, now, dtype=np.int64))
    encoder = BatchEncoder(domain.avro_schema, schema_id, domain.key)
    parts = list(encoder.encode(events))
    return pa.table(
        {
            "key": pa.concat_arrays([part.keys for part in parts]).cast(pa.binary()),
            "value": pa.concat_arrays([part.values for part in parts]),
            "topic": pa.array([domain.topic.name] * _EVENTS),
            "partition": pa.array(np.zeros(_EVENTS, dtype=np.int32)),
            "offset": pa.array(np.arange(_EVENTS)),
            "timestamp": pa.array(np.full(_EVENTS, now), pa.timestamp("ms", "UTC")),
        }
    )
