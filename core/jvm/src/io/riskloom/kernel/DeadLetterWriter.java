package io.riskloom.kernel;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Writes dead letters as Confluent Avro, in the order of fields of riskloom's dead-letter.avsc. */
final class DeadLetterWriter {
  private final ConfluentAvro avro;

  DeadLetterWriter(int schemaId) {
    avro = new ConfluentAvro(schemaId);
  }

  /** Where a record stood in Kafka. */
  record Origin(String topic, int partition, long offset) {}

  /**
   * Write one.
   *
   * @param stage decode or score
   * @param domain the domain whose topic it came from, or null
   * @param reason a code
   * @param schemaId the writer's schema id, or null where none could be read
   * @param value the record as it came, or null where it can be read again from its origin
   */
  byte[] write(String stage, String domain, String reason, String detail, Origin origin, Integer schemaId, byte[] key, byte[] value) {
    return avro.encode(
        out -> {
          out.writeLong(System.currentTimeMillis());
          out.writeString(stage);
          if (optional(out, domain != null)) out.writeString(domain);
          out.writeString(reason);
          out.writeString(detail);
          out.writeString(origin.topic());
          if (optional(out, true)) out.writeInt(origin.partition());
          out.writeLong(origin.offset());
          if (optional(out, schemaId != null)) out.writeInt(schemaId);
          if (optional(out, key != null)) out.writeBytes(ByteBuffer.wrap(key));
          if (optional(out, value != null)) out.writeBytes(ByteBuffer.wrap(value));
        });
  }

  private static boolean optional(org.apache.avro.io.Encoder out, boolean present) throws IOException {
    out.writeIndex(present ? 1 : 0);
    if (!present) out.writeNull();
    return present;
  }

  /** A text for a person: the failure's message, or its kind where it has none, without a trace. */
  static String describe(Throwable failure) {
    String text = failure.getMessage();
    String kind = failure.getClass().getSimpleName();
    return text == null || text.isBlank() ? kind : kind + ": " + text.lines().findFirst().orElse("").strip();
  }
}
