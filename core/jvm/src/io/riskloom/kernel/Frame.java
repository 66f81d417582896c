package io.riskloom.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.Platform;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * What travels from the decoder through the keyed states as one binary column: an event reduced to what its score needs,
 * a finished dead letter, or nothing.
 *
 * <p>Event: kind 0 (1 byte), number of its keys (1), domain (2), number of the row's columns (2) and of the values found
 * (2), schema id (4), partition (4), offset (8), arrival (8), time (8), then the row, in which id and keys stand too, then
 * what earlier operators found (8 bytes each). Dead letter: kind 1, then the record's value. Nothing: kind 2. Group, see
 * {@link FrameGroups}: kind 3, then frames, each with its length (4) before it.
 *
 * @param keys how many: as many as the domain has visits
 * @param arrivedMs when Kafka got the record, in milliseconds since the epoch; 0 where it is not known
 * @param timeMs when the event happened
 * @param row laid out as {@link CompiledDomain} says
 * @param found by operator passed: the entity's sequence number, then its features' values, NaN for null
 */
record Frame(
    int keys,
    int domain,
    int schemaId,
    int partition,
    long offset,
    long arrivedMs,
    long timeMs,
    UnsafeRow row,
    double[] found) {
  private static final byte EVENT = 0;
  private static final byte DEAD_LETTER = 1;
  private static final byte NOTHING = 2;
  private static final byte GROUP = 3;
  private static final int AT_KEYS = 1;
  private static final int AT_DOMAIN = 2;
  private static final int AT_COLUMNS = 4;
  private static final int AT_FOUND = 6;
  private static final int AT_SCHEMA = 8;
  private static final int AT_PARTITION = 12;
  private static final int AT_OFFSET = 16;
  private static final int AT_ARRIVED = 24;
  private static final int AT_TIME = 32;
  private static final int AT_ROW = 40;

  private static final VarHandle SHORTS = view(short[].class);
  private static final VarHandle INTS = view(int[].class);
  private static final VarHandle LONGS = view(long[].class);

  private static VarHandle view(Class<?> array) {
    return MethodHandles.byteArrayViewVarHandle(array, ByteOrder.BIG_ENDIAN);
  }

  /** The value of the domain's key. */
  byte[] key() {
    return key(keys - 1);
  }

  /** The value of the key at a place in the domain's visits, or null. */
  byte[] key(int place) {
    UTF8String value = row.getUTF8String(CompiledDomain.KEYS + place);
    return value == null ? null : value.getBytes();
  }

  boolean hasKey(int place) {
    return !row.isNullAt(CompiledDomain.KEYS + place);
  }

  byte[] id() {
    return row.getUTF8String(CompiledDomain.ID).getBytes();
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

  /** Frames as one. */
  static byte[] group(List<byte[]> frames) {
    int size = 1;
    for (byte[] one : frames) size += 4 + one.length;
    ByteBuffer out = ByteBuffer.allocate(size).put(GROUP);
    for (byte[] one : frames) out.putInt(one.length).put(one);
    return out.array();
  }

  /** A frame of a group, or the frame itself: those of a group are of the same state. */
  static byte[] first(byte[] frame) {
    if (frame[0] != GROUP) return frame;
    return next(ByteBuffer.wrap(frame).position(1));
  }

  /** Add the frames of a group, or the frame itself. */
  static void addEach(byte[] frame, List<byte[]> to) {
    if (frame[0] != GROUP) {
      to.add(frame);
      return;
    }
    for (ByteBuffer in = ByteBuffer.wrap(frame).position(1); in.hasRemaining(); ) to.add(next(in));
  }

  private static byte[] next(ByteBuffer group) {
    byte[] frame = new byte[group.getInt()];
    group.get(frame);
    return frame;
  }

  byte[] encode() {
    int size = row.getSizeInBytes();
    ByteBuffer out =
        ByteBuffer.allocate(AT_ROW + size + 8 * found.length)
            .put(EVENT)
            .put((byte) keys)
            .putShort((short) domain)
            .putShort((short) row.numFields())
            .putShort((short) found.length)
            .putInt(schemaId)
            .putInt(partition)
            .putLong(offset)
            .putLong(arrivedMs)
            .putLong(timeMs);
    row.writeToMemory(out.array(), Platform.BYTE_ARRAY_OFFSET + AT_ROW);
    out.position(AT_ROW + size);
    for (double one : found) out.putDouble(one);
    return out.array();
  }

  /** The same frame with what one more operator found. */
  static byte[] extend(byte[] frame, long sequence, double[] features) {
    int found = found(frame) + 1 + features.length;
    ByteBuffer out = ByteBuffer.allocate(frame.length + 8 + 8 * features.length).put(frame).putDouble(sequence);
    for (double one : features) out.putDouble(one);
    return out.putShort(AT_FOUND, (short) found).array();
  }

  /** Decode an event; the domain's row is pointed at the frame, and is valid until the next call with it. */
  static Frame decode(byte[] frame, UnsafeRow[] rowOfDomain) {
    ByteBuffer in = ByteBuffer.wrap(frame);
    int domain = in.getShort(AT_DOMAIN);
    double[] found = new double[found(frame)];
    in.position(frame.length - 8 * found.length);
    for (int i = 0; i < found.length; i++) found[i] = in.getDouble();
    return new Frame(
        frame[AT_KEYS],
        domain,
        in.getInt(AT_SCHEMA),
        in.getInt(AT_PARTITION),
        in.getLong(AT_OFFSET),
        in.getLong(AT_ARRIVED),
        in.getLong(AT_TIME),
        point(rowOfDomain[domain], frame),
        found);
  }

  private static UnsafeRow point(UnsafeRow row, byte[] frame) {
    row.pointTo(frame, Platform.BYTE_ARRAY_OFFSET + AT_ROW, frame.length - AT_ROW - 8 * found(frame));
    return row;
  }

  private static int found(byte[] frame) {
    return (short) SHORTS.get(frame, AT_FOUND);
  }

  static int domain(byte[] frame) {
    return (short) SHORTS.get(frame, AT_DOMAIN);
  }

  static int partition(byte[] frame) {
    return (int) INTS.get(frame, AT_PARTITION);
  }

  static long offset(byte[] frame) {
    return (long) LONGS.get(frame, AT_OFFSET);
  }

  private static long arrivedMs(byte[] frame) {
    return (long) LONGS.get(frame, AT_ARRIVED);
  }

  static long timeMs(byte[] frame) {
    return (long) LONGS.get(frame, AT_TIME);
  }

  /** The event's id. */
  static String id(byte[] frame) {
    return text(frame, CompiledDomain.ID);
  }

  /** The value of the domain's key. */
  static String key(byte[] frame) {
    return key(frame, frame[AT_KEYS] - 1);
  }

  /** The value of the key that stands at a place in the domain's visits, or null. */
  static String key(byte[] frame, int place) {
    return text(frame, CompiledDomain.KEYS + place);
  }

  /** The same, as it stands in the frame. */
  static UTF8String keyBytes(byte[] frame, int place) {
    return bytes(frame, CompiledDomain.KEYS + place);
  }

  private static String text(byte[] frame, int column) {
    UTF8String value = bytes(frame, column);
    return value == null ? null : value.toString();
  }

  private static UTF8String bytes(byte[] frame, int column) {
    return point(new UnsafeRow((short) SHORTS.get(frame, AT_COLUMNS)), frame).getUTF8String(column);
  }

  /** The same frame as if it had arrived at some place among those of its keys. */
  static byte[] placed(byte[] frame, long place) {
    byte[] out = frame.clone();
    ByteBuffer.wrap(out).putLong(AT_ARRIVED, place);
    return out;
  }

  /** The order in which Kafka got the records of two events. */
  static int compareArrival(byte[] one, byte[] other) {
    int byTime = Long.compare(arrivedMs(one), arrivedMs(other));
    if (byTime != 0) return byTime;
    int byOffset = Long.compare(offset(one), offset(other));
    if (byOffset != 0) return byOffset;
    int byPartition = Integer.compare(partition(one), partition(other));
    return byPartition != 0 ? byPartition : Integer.compare(domain(one), domain(other));
  }
}
