package io.riskloom.kernel;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/** Avro values in the Confluent wire format: a zero byte, the schema id in four, the body. One thread each. */
final class ConfluentAvro {
  static final byte MAGIC = 0;
  static final int HEADER = 5;

  private final byte[] header;
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
  private final BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);

  ConfluentAvro(int schemaId) {
    header = ByteBuffer.allocate(HEADER).put(MAGIC).putInt(schemaId).array();
  }

  /** Writes a body's fields in their schema's order. */
  interface Body {
    void write(BinaryEncoder out) throws IOException;
  }

  byte[] encode(Body body) {
    try {
      bytes.reset();
      bytes.write(header);
      body.write(encoder);
      encoder.flush();
      return bytes.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
