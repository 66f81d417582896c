"""The identifiers do not follow the seed.

fails: same_seed_same_events: make events with the same payment_id
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Numbered")
