"""The local stack: Kafka, a schema registry and Redis as child processes, without containers."""
