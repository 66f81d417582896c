"""Importing the plugin imports Spark.

fails: importing_is_light: importing the plugin imports pyspark: import it inside the function that uses it
"""

import pyspark  # noqa: F401
from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare()
