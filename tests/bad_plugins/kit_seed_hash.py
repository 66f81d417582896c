"""The generator uses hash(), which differs from one process to the next.

fails: same_seed_same_events: seed 11 makes other events in another process
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Hashed")
