"""Importing the plugin asks another program for its version.

fails: importing_is_light: importing the plugin starts a process
"""

import subprocess
import sys

from sound_payments import declare

from riskloom.hookspecs import hookimpl

VERSION = subprocess.run([sys.executable, "-S", "-c", "print(1)"], check=True, capture_output=True).stdout


@hookimpl
def riskloom_event_domain():
    return declare()
