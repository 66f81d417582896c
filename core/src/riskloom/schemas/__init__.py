"""Avro schemas: Arrow types, the registry, and the schemas of the topics that riskloom itself writes."""
