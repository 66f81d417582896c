"""Importing the plugin computes for more than a second.

fails: importing_is_light: s of processor time, more than 0.2 s
"""

import time

from sound_payments import declare

from riskloom.hookspecs import hookimpl

_begin = time.process_time()
while time.process_time() - _begin < 1.2:
    pass


@hookimpl
def riskloom_event_domain():
    return declare()
