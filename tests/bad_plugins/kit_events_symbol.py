"""The generator makes a value that the enum does not have.

fails: events_encode_and_decode: cannot be written as Avro and read again
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Cheques")
