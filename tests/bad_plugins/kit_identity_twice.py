"""Several events share an identifier.

fails: identity_is_never_null: generated events have a 'payment_id' that another has
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Twice")
