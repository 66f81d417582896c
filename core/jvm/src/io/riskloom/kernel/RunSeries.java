package io.riskloom.kernel;

import java.nio.ByteBuffer;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * How many events in a row had the same value, by its hash. A silence longer than the window starts a new run; an event
 * older than the run's newest changes nothing.
 */
final class RunSeries extends Series {
  private static final int BYTES = 8 + 8 + 4;

  private final long windowMs;
  private long newestMs;
  private long hash;
  private int length;
  private boolean silent;

  RunSeries(JobPlan.Series spec) {
    windowMs = spec.windowMs();
  }

  @Override
  void clear() {
    length = 0;
  }

  @Override
  boolean isEmpty() {
    return length == 0;
  }

  @Override
  int bytes() {
    return BYTES;
  }

  @Override
  void read(ByteBuffer in, int bytes) {
    newestMs = in.getLong();
    hash = in.getLong();
    length = in.getInt();
  }

  @Override
  void write(ByteBuffer out) {
    out.putLong(newestMs).putLong(hash).putInt(length);
  }

  @Override
  void add(long timeMs, InternalRow row, int column) {
    if (row.isNullAt(column)) return;
    if (length > 0 && timeMs < newestMs) return;
    long value = row.getLong(column);
    boolean same = length > 0 && value == hash && timeMs - newestMs <= windowMs;
    length = same ? length + 1 : 1;
    newestMs = timeMs;
    hash = value;
  }

  @Override
  void seek(long timeMs) {
    silent = timeMs - newestMs > windowMs;
  }

  @Override
  boolean holdsNothing() {
    return length == 0 || silent;
  }

  @Override
  double value(Aggregate aggregate) {
    return length;
  }
}
