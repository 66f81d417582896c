package io.riskloom.kernel;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * What travels from the decoder to the keyed state as one binary column: an event reduced to what its score needs, or a
 * finished dead letter.
 *
 * <p>Event: kind 0 (1 byte), domain (2), schema id (4), partition (4), offset (8), time in ms (8), then key, id and the
 * row of measures and columns, each after its length (4). Dead letter: kind 1, then the record's value.
 */
record Frame(
    int domain, int schemaId, int partition, long offset, long timeMs, byte[] key, byte[] id, UnsafeRow row) {
  private static final byte EVENT = 0;
  private static final byte DEAD_LETTER = 1;
  private static final int FIXED = 1 + 2 + 4 + 4 + 8 + 8;

  static boolean isDeadLetter(byte[] frame) {
    return frame[0] == DEAD_LETTER;
  }

  static byte[] deadLetter(byte[] value) {
    return ByteBuffer.allocate(1 + value.length).put(DEAD_LETTER).put(value).array();
  }

  static byte[] deadLetterValue(byte[] frame) {
    return java.util.Arrays.copyOfRange(frame, 1, frame.length);
  }

  byte[] encode() {
    byte[] columns = row.getBytes();
    return ByteBuffer.allocate(FIXED + 12 + key.length + id.length + columns.length)
        .put(EVENT)
        .putShort((short) domain)
        .putInt(schemaId)
        .putInt(partition)
        .putLong(offset)
        .putLong(timeMs)
        .putInt(key.length)
        .put(key)
        .putInt(id.length)
        .put(id)
        .putInt(columns.length)
        .put(columns)
        .array();
  }

  /** Decode an event; {@code row} is filled and is valid until the next call with it. */
  static Frame decode(byte[] frame, UnsafeRow[] rowOfDomain) {
    ByteBuffer in = ByteBuffer.wrap(frame, 1, frame.length - 1);
    int domain = in.getShort();
    int schemaId = in.getInt();
    int partition = in.getInt();
    long offset = in.getLong();
    long timeMs = in.getLong();
    byte[] key = part(in);
    byte[] id = part(in);
    UnsafeRow row = rowOfDomain[domain];
    byte[] columns = part(in);
    row.pointTo(columns, columns.length);
    return new Frame(domain, schemaId, partition, offset, timeMs, key, id, row);
  }

  /**
   * The key of the state that an event belongs to: its entity's name and value. Dead letters have no state: they are
   * spread over a few keys that no entity can have.
   */
  static String stateKey(byte[] frame, String[] entityOfDomain) {
    if (isDeadLetter(frame)) return "\0" + (java.util.Arrays.hashCode(frame) & 15);
    ByteBuffer in = ByteBuffer.wrap(frame, 1, frame.length - 1);
    int domain = in.getShort();
    int length = in.getInt(FIXED);
    return entityOfDomain[domain] + ":" + new String(frame, FIXED + 4, length, StandardCharsets.UTF_8);
  }

  private static byte[] part(ByteBuffer in) {
    byte[] bytes = new byte[in.getInt()];
    in.get(bytes);
    return bytes;
  }
}
