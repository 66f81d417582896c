"""A field was added to the schema without a default.

fails: schema_fits_its_snapshots: field 'channel' was added without a default
"""

from sound_payments import declare, with_field

from riskloom.hookspecs import hookimpl

SCHEMA = with_field("channel", "string")


@hookimpl
def riskloom_event_domain():
    return declare(avro_schema=SCHEMA, generator="payment_generators:WithChannel")
