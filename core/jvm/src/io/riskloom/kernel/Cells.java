package io.riskloom.kernel;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Partial aggregates by column: a cell keeps its count and what the features need of sum, second central moment, minimum,
 * maximum, first and last value with their times, and the moments of a pair.
 *
 * <p>Moments are merged by Chan, Golub and LeVeque (1979), which does not cancel when the mean is large.
 */
final class Cells {
  private final boolean hasSum;
  private final boolean hasSquares;
  private final boolean hasMin;
  private final boolean hasMax;
  private final boolean hasFirst;
  private final boolean hasLast;
  private final boolean hasPairs;

  private int[] count;
  private double[] sum;
  private double[] squares;
  private double[] min;
  private double[] max;
  private long[] firstTime;
  private double[] first;
  private long[] lastTime;
  private double[] last;
  private double[] otherSum;
  private double[] otherSquares;
  private double[] products;

  /** How many bytes {@link #write} writes for a cell. */
  final int cellBytes;

  Cells(List<String> columns, int capacity) {
    hasPairs = columns.contains("pairs");
    hasSquares = columns.contains("squares") || hasPairs;
    hasSum = columns.contains("sum") || hasSquares;
    hasMin = columns.contains("min");
    hasMax = columns.contains("max");
    hasFirst = columns.contains("first");
    hasLast = columns.contains("last");
    int doubles = 0;
    for (boolean one : new boolean[] {hasSum, hasSquares, hasMin, hasMax}) doubles += one ? 1 : 0;
    doubles += (hasFirst ? 2 : 0) + (hasLast ? 2 : 0) + (hasPairs ? 3 : 0);
    cellBytes = 4 + 8 * doubles;
    count = new int[capacity];
    sum = new double[hasSum ? capacity : 0];
    squares = new double[hasSquares ? capacity : 0];
    min = new double[hasMin ? capacity : 0];
    max = new double[hasMax ? capacity : 0];
    firstTime = new long[hasFirst ? capacity : 0];
    first = new double[hasFirst ? capacity : 0];
    lastTime = new long[hasLast ? capacity : 0];
    last = new double[hasLast ? capacity : 0];
    otherSum = new double[hasPairs ? capacity : 0];
    otherSquares = new double[hasPairs ? capacity : 0];
    products = new double[hasPairs ? capacity : 0];
  }

  int capacity() {
    return count.length;
  }

  void grow(int capacity) {
    count = Arrays.copyOf(count, capacity);
    sum = grown(sum, capacity);
    squares = grown(squares, capacity);
    min = grown(min, capacity);
    max = grown(max, capacity);
    firstTime = hasFirst ? Arrays.copyOf(firstTime, capacity) : firstTime;
    first = grown(first, capacity);
    lastTime = hasLast ? Arrays.copyOf(lastTime, capacity) : lastTime;
    last = grown(last, capacity);
    otherSum = grown(otherSum, capacity);
    otherSquares = grown(otherSquares, capacity);
    products = grown(products, capacity);
  }

  private static double[] grown(double[] column, int capacity) {
    return column.length == 0 ? column : Arrays.copyOf(column, capacity);
  }

  boolean isEmpty(int at) {
    return count[at] == 0;
  }

  void open(int at) {
    count[at] = 0;
    if (hasSum) sum[at] = 0;
    if (hasSquares) squares[at] = 0;
    if (hasMin) min[at] = Double.POSITIVE_INFINITY;
    if (hasMax) max[at] = Double.NEGATIVE_INFINITY;
    if (hasPairs) otherSum[at] = otherSquares[at] = products[at] = 0;
  }

  /** Count a value; {@code other} matters to pairs only. */
  void add(int at, long timeMs, double value, double other) {
    int before = count[at]++;
    if (hasSquares) {
      // Welford's update: the mean before and after the value.
      double meanBefore = before == 0 ? value : sum[at] / before;
      double meanAfter = (sum[at] + value) / (before + 1);
      squares[at] += (value - meanBefore) * (value - meanAfter);
      if (hasPairs) {
        double otherBefore = before == 0 ? other : otherSum[at] / before;
        double otherAfter = (otherSum[at] + other) / (before + 1);
        otherSquares[at] += (other - otherBefore) * (other - otherAfter);
        products[at] += (value - meanBefore) * (other - otherAfter);
        otherSum[at] += other;
      }
    }
    if (hasSum) sum[at] += value;
    if (hasMin) min[at] = Math.min(min[at], value);
    if (hasMax) max[at] = Math.max(max[at], value);
    if (hasFirst && (before == 0 || timeMs < firstTime[at])) {
      firstTime[at] = timeMs;
      first[at] = value;
    }
    if (hasLast && (before == 0 || timeMs >= lastTime[at])) {
      lastTime[at] = timeMs;
      last[at] = value;
    }
  }

  /** Add a cell of {@code from} to one of these. */
  void merge(int at, Cells from, int cell) {
    int before = count[at];
    int added = from.count[cell];
    if (added == 0) return;
    if (hasSquares) {
      double gap = before == 0 ? 0 : from.sum[cell] / added - sum[at] / before;
      double weight = (double) before * added / ((double) before + added);
      squares[at] += from.squares[cell] + gap * gap * weight;
      if (hasPairs) {
        double otherGap = before == 0 ? 0 : from.otherSum[cell] / added - otherSum[at] / before;
        otherSquares[at] += from.otherSquares[cell] + otherGap * otherGap * weight;
        products[at] += from.products[cell] + gap * otherGap * weight;
        otherSum[at] += from.otherSum[cell];
      }
    }
    count[at] = before + added;
    if (hasSum) sum[at] += from.sum[cell];
    if (hasMin) min[at] = Math.min(min[at], from.min[cell]);
    if (hasMax) max[at] = Math.max(max[at], from.max[cell]);
    if (hasFirst && (before == 0 || from.firstTime[cell] < firstTime[at])) {
      firstTime[at] = from.firstTime[cell];
      first[at] = from.first[cell];
    }
    if (hasLast && (before == 0 || from.lastTime[cell] >= lastTime[at])) {
      lastTime[at] = from.lastTime[cell];
      last[at] = from.last[cell];
    }
  }

  void move(int from, int to, int length) {
    if (length <= 0 || from == to) return;
    System.arraycopy(count, from, count, to, length);
    if (hasSum) System.arraycopy(sum, from, sum, to, length);
    if (hasSquares) System.arraycopy(squares, from, squares, to, length);
    if (hasMin) System.arraycopy(min, from, min, to, length);
    if (hasMax) System.arraycopy(max, from, max, to, length);
    if (hasFirst) {
      System.arraycopy(firstTime, from, firstTime, to, length);
      System.arraycopy(first, from, first, to, length);
    }
    if (hasLast) {
      System.arraycopy(lastTime, from, lastTime, to, length);
      System.arraycopy(last, from, last, to, length);
    }
    if (hasPairs) {
      System.arraycopy(otherSum, from, otherSum, to, length);
      System.arraycopy(otherSquares, from, otherSquares, to, length);
      System.arraycopy(products, from, products, to, length);
    }
  }

  void read(int at, ByteBuffer in) {
    count[at] = in.getInt();
    if (hasSum) sum[at] = in.getDouble();
    if (hasSquares) squares[at] = in.getDouble();
    if (hasMin) min[at] = in.getDouble();
    if (hasMax) max[at] = in.getDouble();
    if (hasFirst) {
      firstTime[at] = in.getLong();
      first[at] = in.getDouble();
    }
    if (hasLast) {
      lastTime[at] = in.getLong();
      last[at] = in.getDouble();
    }
    if (hasPairs) {
      otherSum[at] = in.getDouble();
      otherSquares[at] = in.getDouble();
      products[at] = in.getDouble();
    }
  }

  void write(int at, ByteBuffer out) {
    out.putInt(count[at]);
    if (hasSum) out.putDouble(sum[at]);
    if (hasSquares) out.putDouble(squares[at]);
    if (hasMin) out.putDouble(min[at]);
    if (hasMax) out.putDouble(max[at]);
    if (hasFirst) out.putLong(firstTime[at]).putDouble(first[at]);
    if (hasLast) out.putLong(lastTime[at]).putDouble(last[at]);
    if (hasPairs) out.putDouble(otherSum[at]).putDouble(otherSquares[at]).putDouble(products[at]);
  }

  /** An aggregate of a cell that holds something, or {@link Series#NONE}. */
  double value(int at, Aggregate aggregate, long timeMs) {
    int n = count[at];
    return switch (aggregate) {
      case COUNT -> n;
      case SUM, SUM_OF_PRODUCTS -> sum[at];
      case MEAN, RATIO -> sum[at] / n;
      case MIN -> min[at];
      case MAX -> max[at];
      case STDDEV -> n > 1 ? Math.sqrt(squares[at] / (n - 1)) : Series.NONE;
      case FIRST -> first[at];
      case LAST -> last[at];
      case TIME_SINCE_LAST -> Math.max(0, timeMs - lastTime[at]) / 1000.0;
      case CORRELATION -> correlation(at, n);
      default -> throw new IllegalArgumentException(aggregate + " is not kept in cells");
    };
  }

  private double correlation(int at, int n) {
    // The product of the roots, not the root of the product: that would overflow first.
    double scale = Math.sqrt(squares[at]) * Math.sqrt(otherSquares[at]);
    if (n < 2 || !(scale > 0)) return Series.NONE;
    return Math.max(-1, Math.min(1, products[at] / scale));
  }
}
