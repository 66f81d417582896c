"""From generators or files to Kafka: Arrow record batches, Avro in the Confluent wire format, rate control."""
