package io.riskloom.kernel;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * All that is kept of one entity key, across domains: its sequence number, what each domain has sent of late, and every
 * series. Loaded from and saved to one byte array; the object is reused for key after key.
 *
 * <p>Layout: version (1 byte), sequence (8), expiry day (4), number of domains (2), then for each its id (4) and {@link
 * RecentIds}; then for each series its id (4), length (4) and bytes. Ids are stable hashes, so a feature set may change
 * between restarts: what no installed feature reads is carried along unread, and is there when its domain returns. Only
 * what an event needs is decoded; the rest is copied as it is.
 */
final class KeyState {
  private static final byte VERSION = 2;
  private static final int FIXED = 1 + 8 + 4 + 2;
  private static final int SERIES_HEADER = 8;

  /** A part of the loaded bytes that is decoded when an event needs it. */
  private static final class Slot {
    private final int id;
    private final Series series;
    private int from;
    private int length;
    private boolean decoded;

    Slot(int id, Series series) {
      this.id = id;
      this.series = series;
    }
  }

  private final Slot[] slots;
  private final Map<Integer, RecentIds> domains = new TreeMap<>();
  private final List<Slot> unread = new ArrayList<>();
  private byte[] loaded;
  private long sequence;
  private int expiryDay;

  KeyState(Iterable<JobPlan.Series> specs) {
    Map<Integer, Slot> byId = new TreeMap<>();
    for (JobPlan.Series spec : specs) byId.computeIfAbsent(spec.id(), id -> new Slot(id, Series.of(spec)));
    slots = byId.values().toArray(Slot[]::new);
  }

  /** The place of a series, for {@link #series}. */
  int slotOf(int id) {
    int low = 0;
    int high = slots.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (slots[middle].id == id) return middle;
      if (slots[middle].id < id) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** A series of the loaded key. */
  Series series(int slot) {
    Slot one = slots[slot];
    if (!one.decoded) {
      one.decoded = true;
      one.series.clear();
      if (one.length > 0) one.series.read(ByteBuffer.wrap(loaded, one.from, one.length), one.length);
    }
    return one.series;
  }

  /** What a domain has sent of late. */
  RecentIds recent(int domainId) {
    return domains.computeIfAbsent(domainId, id -> new RecentIds());
  }

  long sequence() {
    return sequence;
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

  void load(byte[] bytes) {
    for (Slot one : slots) {
      one.decoded = false;
      one.length = 0;
    }
    domains.values().forEach(RecentIds::clear);
    unread.clear();
    loaded = bytes;
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
    for (int left = in.getShort(); left > 0; left--) recent(in.getInt()).read(in);
    while (in.hasRemaining()) {
      int id = in.getInt();
      int length = in.getInt();
      int known = slotOf(id);
      Slot slot = known >= 0 ? slots[known] : new Slot(id, null);
      if (known < 0) unread.add(slot);
      slot.from = in.position();
      slot.length = length;
      in.position(slot.from + length);
    }
  }

  byte[] save() {
    int size = FIXED;
    int used = 0;
    for (RecentIds one : domains.values()) {
      if (one.newestMs() == RecentIds.NEVER) continue;
      used++;
      size += 4 + one.bytes();
    }
    for (Slot one : slots) {
      if (one.decoded) one.length = one.series.isEmpty() ? 0 : one.series.bytes();
      size += one.length == 0 ? 0 : SERIES_HEADER + one.length;
    }
    for (Slot one : unread) size += SERIES_HEADER + one.length;
    ByteBuffer out = ByteBuffer.allocate(size);
    out.put(VERSION).putLong(sequence).putInt(expiryDay).putShort((short) used);
    domains.forEach(
        (id, one) -> {
          if (one.newestMs() != RecentIds.NEVER) one.write(out.putInt(id));
        });
    for (Slot one : slots) {
      if (one.length == 0) continue;
      out.putInt(one.id).putInt(one.length);
      if (one.decoded) one.series.write(out);
      else out.put(loaded, one.from, one.length);
    }
    for (Slot one : unread) out.putInt(one.id).putInt(one.length).put(loaded, one.from, one.length);
    return out.array();
  }
}
