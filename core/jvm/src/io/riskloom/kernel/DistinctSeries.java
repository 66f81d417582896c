package io.riskloom.kernel;

import java.nio.ByteBuffer;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * How many different values a window holds: the hash of each with the newest tile that it occurred in, in the order in
 * which they were first seen. Exact as long as the window holds no more than {@link #MOST}; then the count stays there.
 */
final class DistinctSeries extends Series {
  static final int MOST = 256;
  private static final int ENTRY = 8 + 2;

  private final long windowMs;
  private final int tiles;
  private final int keep;
  private final long[] hash = new long[MOST + 1];
  private final long[] index = new long[MOST + 1];
  private int size;
  private int distinct;

  DistinctSeries(JobPlan.Series spec) {
    windowMs = spec.windowMs();
    tiles = spec.tiles();
    keep = TileSeries.keep(spec);
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
    return 8 + size * ENTRY;
  }

  @Override
  void read(ByteBuffer in, int length) {
    size = (length - 8) / ENTRY;
    long newest = in.getLong();
    for (int i = 0; i < size; i++) {
      hash[i] = in.getLong();
      index[i] = newest - Short.toUnsignedInt(in.getShort());
    }
  }

  @Override
  void write(ByteBuffer out) {
    long newest = newest();
    out.putLong(newest);
    for (int i = 0; i < size; i++) out.putLong(hash[i]).putShort((short) (newest - index[i]));
  }

  private long newest() {
    long newest = Long.MIN_VALUE;
    for (int i = 0; i < size; i++) newest = Math.max(newest, index[i]);
    return newest;
  }

  @Override
  void add(long timeMs, InternalRow row, int column) {
    if (row.isNullAt(column)) return;
    long value = row.getLong(column);
    long tile = TileSeries.tile(timeMs, tiles, windowMs);
    long newest = Math.max(tile, newest());
    if (tile <= newest - keep) return;
    dropUpTo(newest - keep);
    int at = 0;
    while (at < size && hash[at] != value) at++;
    if (at < size) {
      index[at] = Math.max(index[at], tile);
      return;
    }
    hash[size] = value;
    index[size++] = tile;
    if (size > MOST) remove(oldest());
  }

  private void dropUpTo(long tile) {
    int kept = 0;
    for (int i = 0; i < size; i++) {
      if (index[i] <= tile) continue;
      hash[kept] = hash[i];
      index[kept++] = index[i];
    }
    size = kept;
  }

  private int oldest() {
    int oldest = 0;
    for (int i = 1; i < size; i++) if (index[i] < index[oldest]) oldest = i;
    return oldest;
  }

  private void remove(int at) {
    System.arraycopy(hash, at + 1, hash, at, size - at - 1);
    System.arraycopy(index, at + 1, index, at, size - at - 1);
    size--;
  }

  @Override
  void seek(long timeMs) {
    long outside = TileSeries.tile(timeMs, tiles, windowMs) - tiles;
    distinct = 0;
    for (int i = 0; i < size; i++) if (index[i] > outside) distinct++;
  }

  @Override
  boolean holdsNothing() {
    return distinct == 0;
  }

  @Override
  double value(Aggregate aggregate) {
    return distinct;
  }
}
