"""The generator divides the times that it is given.

fails: identity_is_never_null: use the times that batch(times) is given, in milliseconds
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Seconds")
