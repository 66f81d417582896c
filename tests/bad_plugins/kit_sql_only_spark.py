"""A window counts values by a function that DuckDB does not have.

fails: sql_agrees_in_spark_and_duckdb: window feature 'buckets_1hr': value: DuckDB fails with
"""

from sound_payments import WINDOWS, declare

from riskloom.domain import WindowFeature
from riskloom.hookspecs import hookimpl

BUCKETS = WindowFeature(name="buckets_1hr", aggregate="mean", window="1hr", value="width_bucket(amount, 0, 100, 5)")


@hookimpl
def riskloom_event_domain():
    return declare(window_features=(*WINDOWS, BUCKETS))
