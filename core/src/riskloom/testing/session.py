"""The Spark session of the kit: started once in a process, and shared with whoever has one already."""

from __future__ import annotations

import atexit
from functools import cache
from typing import TYPE_CHECKING

from riskloom.settings import load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def shared() -> SparkSession:
    """Answer the session of this process; start one where there is none, which ends with the process.

    Raises:
        JobError: As `riskloom.stream.session.spark_session` does.
    """
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        return _started()  # which says what to install
    return SparkSession.getActiveSession() or _started()


@cache
def _started() -> SparkSession:
    from riskloom.stream.session import spark_session
    from riskloom.stream.supervise import stop

    spark = spark_session(load_settings(), "local[2]", shuffle_partitions=2, short_lived=True)
    atexit.register(stop, spark)
    return spark
