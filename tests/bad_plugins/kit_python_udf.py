"""A feature calls a Python function that the plugin registers with Spark.

fails: no_python_in_the_plan: derived feature 'hardness': it calls a Python function: hardness_of(amount)
"""

from sound_payments import DERIVED, declare

from riskloom.domain import DerivedFeature
from riskloom.hookspecs import hookimpl

HARD = DerivedFeature(name="hardness", sql="hardness_of(amount)")


def _register():
    from pyspark.sql import SparkSession

    if spark := SparkSession.getActiveSession():
        spark.udf.register("hardness_of", lambda amount: amount * 2.0, "double")


@hookimpl
def riskloom_event_domain():
    _register()
    return declare(derived_features=(*DERIVED, HARD))
