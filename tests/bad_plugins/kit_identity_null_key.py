"""Some events have no key.

fails: identity_is_never_null: key: field 'account_id' is null in
"""

from sound_payments import declare, with_field

from riskloom.hookspecs import hookimpl

SCHEMA = with_field("account_id", ["null", "string"], default=None)


@hookimpl
def riskloom_event_domain():
    return declare(avro_schema=SCHEMA, generator="payment_generators:Anonymous")
