"""The generator draws from a source without the seed.

fails: same_seed_same_events: made different events, in amount
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Unseeded")
