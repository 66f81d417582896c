package io.riskloom.kernel;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * One rolling window of one key: partial aggregates ("tiles") of a sixtieth of the window each, sorted by time.
 *
 * <p>A window that ends at time t holds the tiles with floor(60 t / window) - 60 &lt; index &lt;= floor(60 t / window):
 * its far edge is exact to a sixtieth of the window. Tiles older than the window plus the late tolerance are dropped.
 *
 * <p>The arrays are scratch space, reused for key after key. A tile keeps its count and those of sum, second central
 * moment, minimum and maximum that some feature needs. Moments are merged by Chan, Golub and LeVeque (1979), which
 * does not cancel when the mean is large.
 */
final class TileSeries {
  private static final int TILES = 60;

  private final long windowMs;
  private final int keep;
  private final boolean hasSum;
  private final boolean hasSquares;
  private final boolean hasMin;
  private final boolean hasMax;
  private final int tileBytes;

  private int size;
  private final long[] index;
  private final int[] count;
  private final double[] sum;
  private final double[] squares;
  private final double[] min;
  private final double[] max;

  TileSeries(JobPlan.Series spec, long lateToleranceMs) {
    windowMs = spec.windowMs();
    keep = TILES + Math.toIntExact(-Math.floorDiv(-lateToleranceMs * TILES, windowMs));
    hasSquares = spec.squares();
    hasSum = spec.sum() || hasSquares;
    hasMin = spec.min();
    hasMax = spec.max();
    tileBytes =
        2 + 4 + 8 * ((hasSum ? 1 : 0) + (hasSquares ? 1 : 0) + (hasMin ? 1 : 0) + (hasMax ? 1 : 0));
    if (keep > 65_535) {
      throw new IllegalArgumentException(
          "a window of " + windowMs + " ms is too short for a late tolerance of " + lateToleranceMs + " ms");
    }
    index = new long[keep + 1];
    count = new int[keep + 1];
    sum = new double[hasSum ? keep + 1 : 0];
    squares = new double[hasSquares ? keep + 1 : 0];
    min = new double[hasMin ? keep + 1 : 0];
    max = new double[hasMax ? keep + 1 : 0];
  }

  /** Aggregates of one window; reused for window after window. */
  static final class Window {
    long count;
    double sum;
    double squares;
    double min;
    double max;
  }

  void clear() {
    size = 0;
  }

  boolean isEmpty() {
    return size == 0;
  }

  int bytes() {
    return 8 + size * tileBytes;
  }

  /** Read what {@link #write} wrote; {@code bytes} is its length. */
  void read(ByteBuffer in, int bytes) {
    size = (bytes - 8) / tileBytes;
    long base = in.getLong();
    for (int i = 0; i < size; i++) {
      index[i] = base + Short.toUnsignedInt(in.getShort());
      count[i] = in.getInt();
      if (hasSum) sum[i] = in.getDouble();
      if (hasSquares) squares[i] = in.getDouble();
      if (hasMin) min[i] = in.getDouble();
      if (hasMax) max[i] = in.getDouble();
    }
  }

  void write(ByteBuffer out) {
    long base = size > 0 ? index[0] : 0;
    out.putLong(base);
    for (int i = 0; i < size; i++) {
      out.putShort((short) (index[i] - base));
      out.putInt(count[i]);
      if (hasSum) out.putDouble(sum[i]);
      if (hasSquares) out.putDouble(squares[i]);
      if (hasMin) out.putDouble(min[i]);
      if (hasMax) out.putDouble(max[i]);
    }
  }

  /** Count a value at a time (milliseconds since the epoch). A value older than everything kept is left out. */
  void add(long timeMs, double value) {
    long tile = Math.floorDiv(timeMs * TILES, windowMs);
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
      open(at, tile);
    }
    count[at]++;
    if (hasSquares) {
      // Welford's update: the mean before and after the value.
      double before = count[at] == 1 ? value : sum[at] / (count[at] - 1);
      double after = (sum[at] + value) / count[at];
      squares[at] += (value - before) * (value - after);
    }
    if (hasSum) sum[at] += value;
    if (hasMin) min[at] = Math.min(min[at], value);
    if (hasMax) max[at] = Math.max(max[at], value);
  }

  /** Merge the tiles of the window that ends at a time. */
  void window(long timeMs, Window out) {
    long tile = Math.floorDiv(timeMs * TILES, windowMs);
    out.count = 0;
    out.sum = 0;
    out.squares = 0;
    out.min = Double.POSITIVE_INFINITY;
    out.max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < size; i++) {
      if (index[i] <= tile - TILES) continue;
      if (index[i] > tile) break;
      if (hasSquares) {
        if (out.count > 0) {
          double gap = sum[i] / count[i] - out.sum / out.count;
          out.squares += squares[i] + gap * gap * ((double) out.count * count[i] / (out.count + count[i]));
        } else {
          out.squares = squares[i];
        }
      }
      out.count += count[i];
      if (hasSum) out.sum += sum[i];
      if (hasMin) out.min = Math.min(out.min, min[i]);
      if (hasMax) out.max = Math.max(out.max, max[i]);
    }
  }

  private void open(int at, long tile) {
    index[at] = tile;
    count[at] = 0;
    if (hasSum) sum[at] = 0;
    if (hasSquares) squares[at] = 0;
    if (hasMin) min[at] = Double.POSITIVE_INFINITY;
    if (hasMax) max[at] = Double.NEGATIVE_INFINITY;
  }

  private void move(int from, int to, int length) {
    if (length <= 0 || from == to) return;
    System.arraycopy(index, from, index, to, length);
    System.arraycopy(count, from, count, to, length);
    for (double[] column : Arrays.asList(sum, squares, min, max)) {
      if (column.length > 0) System.arraycopy(column, from, column, to, length);
    }
  }
}
