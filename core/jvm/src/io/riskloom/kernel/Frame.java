package io.riskloom.kernel;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * What travels from the decoder through the keyed states as one binary column: an event reduced to what its score needs,
 * a finished dead letter, or nothing.
 *
 * <p>Event: kind 0 (1 byte), domain (2), schema id (4), partition (4), offset (8), arrival (8), time (8), then the keys in
 * the order of the domain's visits, the id and the row of measures and columns, each after its length (4; -1 for none),
 * then what earlier operators found (8 bytes each). Dead letter: kind 1, then the record's value. Nothing: kind 2.
 *
 * @param arrivedMs when Kafka got the record, in milliseconds since the epoch; 0 where it is not known
 * @param timeMs when the event happened
 * @param found by operator passed: the entity's sequence number, then its features' values, NaN for null
 */
record Frame(
    int domain,
    int schemaId,
    int partition,
    long offset,
    long arrivedMs,
    long timeMs,
    byte[][] keys,
    byte[] id,
    UnsafeRow row,
    double[] found) {
  private static final byte EVENT = 0;
  private static final byte DEAD_LETTER = 1;
  private static final byte NOTHING = 2;
  private static final int AT_DOMAIN = 1;
  private static final int AT_PARTITION = AT_DOMAIN + 2 + 4;
  private static final int AT_OFFSET = AT_PARTITION + 4;
  private static final int AT_ARRIVED = AT_OFFSET + 8;
  private static final int AT_TIME = AT_ARRIVED + 8;
  private static final int FIXED = AT_TIME + 8;

  /** The value of the domain's key. */
  byte[] key() {
    return keys[keys.length - 1];
  }

  static boolean isDeadLetter(byte[] frame) {
    return frame[0] == DEAD_LETTER;
  }

  /** What becomes of a record that was dealt with before. */
  static byte[] nothing() {
    return new byte[] {NOTHING};
  }

  static boolean isEvent(byte[] frame) {
    return frame[0] == EVENT;
  }

  static byte[] deadLetter(byte[] value) {
    return ByteBuffer.allocate(1 + value.length).put(DEAD_LETTER).put(value).array();
  }

  static byte[] deadLetterValue(byte[] frame) {
    return Arrays.copyOfRange(frame, 1, frame.length);
  }

  byte[] encode() {
    byte[] columns = row.getBytes();
    int size = FIXED + 4 + id.length + 4 + columns.length + 8 * found.length;
    for (byte[] key : keys) size += 4 + (key == null ? 0 : key.length);
    ByteBuffer out =
        ByteBuffer.allocate(size)
            .put(EVENT)
            .putShort((short) domain)
            .putInt(schemaId)
            .putInt(partition)
            .putLong(offset)
            .putLong(arrivedMs)
            .putLong(timeMs);
    for (byte[] key : keys) part(out, key);
    part(out, id);
    part(out, columns);
    for (double one : found) out.putDouble(one);
    return out.array();
  }

  /** The same frame with what one more operator found. */
  static byte[] extend(byte[] frame, long sequence, double[] features) {
    ByteBuffer out = ByteBuffer.allocate(frame.length + 8 + 8 * features.length).put(frame).putDouble(sequence);
    for (double one : features) out.putDouble(one);
    return out.array();
  }

  /** Decode an event; {@code row} is filled and is valid until the next call with it. */
  static Frame decode(byte[] frame, int[] keysOfDomain, UnsafeRow[] rowOfDomain) {
    ByteBuffer in = ByteBuffer.wrap(frame, 1, frame.length - 1);
    int domain = in.getShort();
    int schemaId = in.getInt();
    int partition = in.getInt();
    long offset = in.getLong();
    long arrivedMs = in.getLong();
    long timeMs = in.getLong();
    byte[][] keys = new byte[keysOfDomain[domain]][];
    for (int i = 0; i < keys.length; i++) keys[i] = part(in);
    byte[] id = part(in);
    UnsafeRow row = rowOfDomain[domain];
    byte[] columns = part(in);
    row.pointTo(columns, columns.length);
    double[] found = new double[in.remaining() / 8];
    for (int i = 0; i < found.length; i++) found[i] = in.getDouble();
    return new Frame(domain, schemaId, partition, offset, arrivedMs, timeMs, keys, id, row, found);
  }

  static int domain(byte[] frame) {
    return ByteBuffer.wrap(frame).getShort(AT_DOMAIN);
  }

  static int partition(byte[] frame) {
    return ByteBuffer.wrap(frame).getInt(AT_PARTITION);
  }

  static long offset(byte[] frame) {
    return ByteBuffer.wrap(frame).getLong(AT_OFFSET);
  }

  static long timeMs(byte[] frame) {
    return ByteBuffer.wrap(frame).getLong(AT_TIME);
  }

  /** The event's id, which stands after its keys. */
  static String id(byte[] frame, int keys) {
    return key(frame, keys);
  }

  /** The same frame as if it had arrived at some place among those of its keys. */
  static byte[] placed(byte[] frame, long place) {
    byte[] out = frame.clone();
    ByteBuffer.wrap(out).putLong(AT_ARRIVED, place);
    return out;
  }

  /** The value of the key that stands at a place in the domain's visits, or null. */
  static String key(byte[] frame, int place) {
    ByteBuffer in = ByteBuffer.wrap(frame);
    int at = FIXED;
    for (int i = 0; i < place; i++) at += 4 + Math.max(0, in.getInt(at));
    int length = in.getInt(at);
    return length < 0 ? null : new String(frame, at + 4, length, StandardCharsets.UTF_8);
  }

  /** The order in which Kafka got the records of two events. */
  static int compareArrival(byte[] one, byte[] other) {
    ByteBuffer a = ByteBuffer.wrap(one);
    ByteBuffer b = ByteBuffer.wrap(other);
    int byTime = Long.compare(a.getLong(AT_ARRIVED), b.getLong(AT_ARRIVED));
    if (byTime != 0) return byTime;
    int byOffset = Long.compare(a.getLong(AT_OFFSET), b.getLong(AT_OFFSET));
    if (byOffset != 0) return byOffset;
    int byPartition = Integer.compare(a.getInt(AT_PARTITION), b.getInt(AT_PARTITION));
    return byPartition != 0 ? byPartition : Short.compare(a.getShort(AT_DOMAIN), b.getShort(AT_DOMAIN));
  }

  private static void part(ByteBuffer out, byte[] bytes) {
    if (bytes == null) out.putInt(-1);
    else out.putInt(bytes.length).put(bytes);
  }

  private static byte[] part(ByteBuffer in) {
    int length = in.getInt();
    if (length < 0) return null;
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }
}
