package io.riskloom.kernel;

import java.nio.ByteBuffer;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * Windows of a fixed length: partial aggregates ("tiles") of an nth of the window each, sorted by time.
 *
 * <p>An event at time t is in tile floor(n t / window); its window holds the n tiles up to that one. A rolling window has
 * 60 tiles, so its far edge is exact to a sixtieth of it; a hopping one has a tile for each slide, and a tumbling one is
 * a tile. Tiles older than the window plus the late tolerance are dropped.
 */
final class TileSeries extends Series {
  private final long windowMs;
  private final int tiles;
  private final int keep;
  private final boolean paired;
  private final Cells cells;
  private final Cells window;
  private final long[] index;
  private int size;
  private long soughtMs;

  TileSeries(JobPlan.Series spec) {
    windowMs = spec.windowMs();
    tiles = spec.tiles();
    keep = keep(spec);
    paired = spec.other() != null;
    cells = new Cells(spec.columns(), keep + 1);
    window = new Cells(spec.columns(), 1);
    index = new long[keep + 1];
  }

  /** How many tiles can matter: those of the window, and of the late tolerance before it. */
  static int keep(JobPlan.Series spec) {
    long keep = spec.tiles() - Math.floorDiv(-spec.lateToleranceMs() * spec.tiles(), spec.windowMs());
    if (keep > 65_535) {
      throw new IllegalArgumentException(
          "a window of " + spec.windowMs() + " ms is too short for a late tolerance of " + spec.lateToleranceMs() + " ms");
    }
    return (int) keep;
  }

  /** The tile of a time. */
  static long tile(long timeMs, int tiles, long windowMs) {
    return Math.floorDiv(timeMs * tiles, windowMs);
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
    return 8 + size * (2 + cells.cellBytes);
  }

  @Override
  void read(ByteBuffer in, int length) {
    size = (length - 8) / (2 + cells.cellBytes);
    long base = in.getLong();
    for (int i = 0; i < size; i++) {
      index[i] = base + Short.toUnsignedInt(in.getShort());
      cells.read(i, in);
    }
  }

  @Override
  void write(ByteBuffer out) {
    long base = size > 0 ? index[0] : 0;
    out.putLong(base);
    for (int i = 0; i < size; i++) {
      out.putShort((short) (index[i] - base));
      cells.write(i, out);
    }
  }

  /** Count a value. One older than everything kept is left out, and so is one that would spoil the whole window. */
  @Override
  void add(long timeMs, InternalRow row, int column) {
    if (row.isNullAt(column) || paired && row.isNullAt(column + 1)) return;
    double value = row.getDouble(column);
    double other = paired ? row.getDouble(column + 1) : 0;
    if (!Double.isFinite(value) || !Double.isFinite(other)) return;
    long tile = tile(timeMs, tiles, windowMs);
    int at = size;
    while (at > 0 && index[at - 1] >= tile) at--;
    if (at == size || index[at] != tile) {
      long newest = size == 0 ? tile : Math.max(tile, index[size - 1]);
      if (tile <= newest - keep) return;
      int expired = 0;
      while (expired < size && index[expired] <= newest - keep) expired++;
      move(expired, 0, size - expired);
      size -= expired;
      at -= expired;
      move(at, at + 1, size - at);
      size++;
      index[at] = tile;
      cells.open(at);
    }
    cells.add(at, timeMs, value, other);
  }

  private void move(int from, int to, int length) {
    if (length > 0 && from != to) System.arraycopy(index, from, index, to, length);
    cells.move(from, to, length);
  }

  @Override
  void seek(long timeMs) {
    soughtMs = timeMs;
    long tile = tile(timeMs, tiles, windowMs);
    window.open(0);
    for (int i = 0; i < size; i++) {
      if (index[i] <= tile - tiles) continue;
      if (index[i] > tile) break;
      window.merge(0, cells, i);
    }
  }

  @Override
  boolean holdsNothing() {
    return window.isEmpty(0);
  }

  @Override
  double value(Aggregate aggregate) {
    return window.value(0, aggregate, soughtMs);
  }
}
