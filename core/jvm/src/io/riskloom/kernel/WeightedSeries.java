package io.riskloom.kernel;

import java.nio.ByteBuffer;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * Exponentially weighted mean and variance: a value of age a weighs 2^(-a / half-life). Updated by West (1979); the order
 * of arrival does not matter.
 */
final class WeightedSeries extends Series {
  private static final int BYTES = 8 + 4 + 3 * 8;

  private final double halfLifeMs;
  private long referenceMs;
  private int count;
  private double weight;
  private double mean;
  private double squares;

  WeightedSeries(JobPlan.Series spec) {
    halfLifeMs = spec.windowMs();
  }

  @Override
  void clear() {
    count = 0;
    weight = mean = squares = 0;
  }

  @Override
  boolean isEmpty() {
    return count == 0;
  }

  @Override
  int bytes() {
    return BYTES;
  }

  @Override
  void read(ByteBuffer in, int length) {
    referenceMs = in.getLong();
    count = in.getInt();
    weight = in.getDouble();
    mean = in.getDouble();
    squares = in.getDouble();
  }

  @Override
  void write(ByteBuffer out) {
    out.putLong(referenceMs).putInt(count).putDouble(weight).putDouble(mean).putDouble(squares);
  }

  @Override
  void add(long timeMs, InternalRow row, int column) {
    if (row.isNullAt(column)) return;
    double value = row.getDouble(column);
    if (!Double.isFinite(value)) return;
    double added = 1;
    if (count == 0) {
      referenceMs = timeMs;
    } else if (timeMs >= referenceMs) {
      double decay = decay(timeMs - referenceMs);
      weight *= decay;
      squares *= decay;
      referenceMs = timeMs;
    } else {
      added = decay(referenceMs - timeMs);
    }
    if (count < Integer.MAX_VALUE) count++;
    weight += added;
    double gap = value - mean;
    mean += gap * added / weight;
    squares += added * gap * (value - mean);
  }

  private double decay(long ageMs) {
    return Math.pow(2, -ageMs / halfLifeMs);
  }

  @Override
  void seek(long timeMs) {}

  @Override
  boolean holdsNothing() {
    return count == 0;
  }

  @Override
  double value(Aggregate aggregate) {
    if (aggregate == Aggregate.EWM_MEAN) return mean;
    return count > 1 ? squares / weight : NONE;
  }
}
