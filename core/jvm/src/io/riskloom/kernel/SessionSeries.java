package io.riskloom.kernel;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * Sessions: runs of events with no silence longer than a gap between them, sorted by time. An event that falls between
 * two joins them. Sessions that no event within the late tolerance can reach any more are dropped.
 */
final class SessionSeries extends Series {
  private static final int NO_SESSION = -1;

  private final long gapMs;
  private final long reachMs;
  private final Cells cells;
  private long[] start;
  private long[] end;
  private int size;
  private int sought = NO_SESSION;

  SessionSeries(JobPlan.Series spec) {
    gapMs = spec.windowMs();
    reachMs = gapMs + spec.lateToleranceMs();
    cells = new Cells(spec.columns(), 4);
    start = new long[cells.capacity()];
    end = new long[cells.capacity()];
  }

  @Override
  void clear() {
    size = 0;
  }

  @Override
  boolean isEmpty() {
    return size == 0;
  }

  @Override
  int bytes() {
    return size * (16 + cells.cellBytes);
  }

  @Override
  void read(ByteBuffer in, int length) {
    int stored = length / (16 + cells.cellBytes);
    ensure(stored);
    size = stored;
    for (int i = 0; i < size; i++) {
      start[i] = in.getLong();
      end[i] = in.getLong();
      cells.read(i, in);
    }
  }

  @Override
  void write(ByteBuffer out) {
    for (int i = 0; i < size; i++) {
      out.putLong(start[i]).putLong(end[i]);
      cells.write(i, out);
    }
  }

  @Override
  void add(long timeMs, InternalRow row, int column) {
    if (row.isNullAt(column)) return;
    double value = row.getDouble(column);
    if (!Double.isFinite(value)) return;
    if (size > 0 && timeMs < end[size - 1] - reachMs) return;
    int at = 0;
    while (at < size && end[at] < timeMs - gapMs) at++;
    if (at == size || start[at] > timeMs + gapMs) {
      ensure(size + 1);
      move(at, at + 1, size - at);
      size++;
      start[at] = end[at] = timeMs;
      cells.open(at);
    }
    cells.add(at, timeMs, value, 0);
    start[at] = Math.min(start[at], timeMs);
    end[at] = Math.max(end[at], timeMs);
    if (at + 1 < size && start[at + 1] <= timeMs + gapMs) {
      cells.merge(at, cells, at + 1);
      end[at] = end[at + 1];
      move(at + 2, at + 1, size - at - 2);
      size--;
    }
    int expired = 0;
    while (end[expired] < end[size - 1] - reachMs) expired++;
    move(expired, 0, size - expired);
    size -= expired;
  }

  @Override
  void seek(long timeMs) {
    sought = size - 1;
    while (sought >= 0 && start[sought] > timeMs + gapMs) sought--;
    if (sought >= 0 && end[sought] < timeMs - gapMs) sought = NO_SESSION;
  }

  @Override
  boolean holdsNothing() {
    return sought == NO_SESSION;
  }

  @Override
  double value(Aggregate aggregate) {
    return switch (aggregate) {
      case DURATION -> (end[sought] - start[sought]) / 1000.0;
      case IS_NEW -> cells.value(sought, Aggregate.COUNT, 0) == 1 ? 1 : 0;
      default -> cells.value(sought, aggregate, 0);
    };
  }

  private void ensure(int capacity) {
    if (capacity <= cells.capacity()) return;
    int larger = Math.max(capacity, 2 * cells.capacity());
    cells.grow(larger);
    start = Arrays.copyOf(start, larger);
    end = Arrays.copyOf(end, larger);
  }

  private void move(int from, int to, int length) {
    if (length <= 0 || from == to) return;
    System.arraycopy(start, from, start, to, length);
    System.arraycopy(end, from, end, to, length);
    cells.move(from, to, length);
  }
}
