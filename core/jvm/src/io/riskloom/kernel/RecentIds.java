package io.riskloom.kernel;

import java.nio.ByteBuffer;

/**
 * What one domain has sent to one key of late: the newest event time, and the ids of the last counted events within the
 * late tolerance of it, by hash, so that a duplicate is recognised.
 */
final class RecentIds {
  /** A key that sees more events within the tolerance is watched by its last ones. */
  static final int MOST = 256;

  static final long NEVER = Long.MIN_VALUE;
  private static final int FIXED = 8 + 2;
  private static final int ENTRY = 8 + 8;

  private final long[] id = new long[MOST + 1];
  private final long[] time = new long[MOST + 1];
  private int size;
  private long newestMs = NEVER;

  void clear() {
    size = 0;
    newestMs = NEVER;
  }

  /** The newest event time, or {@link #NEVER}. */
  long newestMs() {
    return newestMs;
  }

  int bytes() {
    return FIXED + size * ENTRY;
  }

  void read(ByteBuffer in) {
    newestMs = in.getLong();
    size = in.getShort();
    for (int i = 0; i < size; i++) {
      id[i] = in.getLong();
      time[i] = in.getLong();
    }
  }

  void write(ByteBuffer out) {
    out.putLong(newestMs).putShort((short) size);
    for (int i = 0; i < size; i++) out.putLong(id[i]).putLong(time[i]);
  }

  boolean contains(long hash) {
    for (int i = 0; i < size; i++) if (id[i] == hash) return true;
    return false;
  }

  /** Note a counted event's time. */
  void advance(long timeMs) {
    newestMs = Math.max(newestMs, timeMs);
  }

  /** Remember an event's id, and forget those that fell out of the tolerance. */
  void remember(long hash, long timeMs, long toleranceMs) {
    id[size] = hash;
    time[size++] = timeMs;
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (time[i] < newestMs - toleranceMs) continue;
      id[kept] = id[i];
      time[kept++] = time[i];
    }
    size = Math.min(kept, MOST);
    System.arraycopy(id, kept - size, id, 0, size);
    System.arraycopy(time, kept - size, time, 0, size);
  }
}
