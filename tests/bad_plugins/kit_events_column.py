"""The generator leaves a field out.

fails: events_encode_and_decode: are not the fields of the schema
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Short")
