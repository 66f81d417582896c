"""A field is one of two types, for which there is no column.

fails: schema_fits_its_snapshots: Give the field one type, or null and one type
fails: events_encode_and_decode: Give the field one type, or null and one type
"""

from sound_payments import declare, with_field

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(avro_schema=with_field("country", ["string", "int"]))
