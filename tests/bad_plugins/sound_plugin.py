"""The sound domain of `sound_payments` as a plugin."""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare()
