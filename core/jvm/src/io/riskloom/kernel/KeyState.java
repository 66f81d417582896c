package io.riskloom.kernel;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * All that is kept of one entity key, across domains: its sequence number, the newest event time of each domain, and
 * the tiles of every series. Loaded from and saved to one byte array; the object is reused for key after key.
 *
 * <p>Layout: version (1 byte), sequence (8), expiry day (4), number of domains (2), then for each its id (4) and newest
 * event time (8); then for each series its id (4), length (4) and tiles. Ids are stable hashes, so a feature set may change between
 * restarts: what no installed feature reads is carried along unread, and is there when its domain returns.
 */
final class KeyState {
  private static final byte VERSION = 1;
  private static final int SERIES_HEADER = 8;

  private record Unread(int id, byte[] bytes) {}

  private final Map<Integer, TileSeries> series = new LinkedHashMap<>();
  private final Map<Integer, Long> newest = new HashMap<>();
  private final List<Unread> unread = new ArrayList<>();
  private long sequence;
  private int expiryDay;

  KeyState(Iterable<JobPlan.Series> specs, long lateToleranceMs) {
    for (JobPlan.Series spec : specs) series.put(spec.id(), new TileSeries(spec, lateToleranceMs));
  }

  TileSeries series(int id) {
    return series.get(id);
  }

  long nextSequence() {
    return ++sequence;
  }

  /** The day, since the epoch, at which a timer will drop this state; 0 while none is set. */
  int expiryDay() {
    return expiryDay;
  }

  void expireOn(int day) {
    expiryDay = day;
  }

  /** The newest event time of a domain before this event, which becomes the newest if it is newer. */
  long advance(int domainId, long timeMs) {
    Long before = newest.get(domainId);
    if (before == null || timeMs > before) newest.put(domainId, timeMs);
    return before == null ? Long.MIN_VALUE : before;
  }

  void load(byte[] bytes) {
    series.values().forEach(TileSeries::clear);
    newest.clear();
    unread.clear();
    sequence = 0;
    expiryDay = 0;
    if (bytes == null) return;
    ByteBuffer in = ByteBuffer.wrap(bytes);
    byte version = in.get();
    if (version != VERSION) {
      throw new IllegalStateException("the checkpoint's state has layout " + version + ", this job reads " + VERSION);
    }
    sequence = in.getLong();
    expiryDay = in.getInt();
    for (int left = in.getShort(); left > 0; left--) newest.put(in.getInt(), in.getLong());
    while (in.hasRemaining()) {
      int id = in.getInt();
      int length = in.getInt();
      TileSeries known = series.get(id);
      if (known != null) {
        known.read(in, length);
      } else {
        byte[] kept = new byte[length];
        in.get(kept);
        unread.add(new Unread(id, kept));
      }
    }
  }

  byte[] save() {
    int size = 1 + 8 + 4 + 2 + 12 * newest.size();
    for (TileSeries one : series.values()) size += one.isEmpty() ? 0 : SERIES_HEADER + one.bytes();
    for (Unread one : unread) size += SERIES_HEADER + one.bytes.length;
    ByteBuffer out = ByteBuffer.allocate(size);
    out.put(VERSION).putLong(sequence).putInt(expiryDay).putShort((short) newest.size());
    newest.forEach((id, time) -> out.putInt(id).putLong(time));
    series.forEach(
        (id, one) -> {
          if (one.isEmpty()) return;
          out.putInt(id).putInt(one.bytes());
          one.write(out);
        });
    for (Unread one : unread) out.putInt(one.id).putInt(one.bytes.length).put(one.bytes);
    return out.array();
  }
}
