package io.riskloom.kernel;

import java.nio.ByteBuffer;
import org.apache.spark.sql.catalyst.InternalRow;

/**
 * What is kept of one measure at one key. The object is scratch space, filled from and written to the key's state, and
 * reused for key after key.
 */
abstract class Series {
  static final double NONE = Double.NaN;

  /** Make the series that a plan asks for. */
  static Series of(JobPlan.Series spec) {
    return switch (spec.kind()) {
      case "tiles" -> new TileSeries(spec);
      case "sessions" -> new SessionSeries(spec);
      case "distinct" -> new DistinctSeries(spec);
      case "ewm" -> new WeightedSeries(spec);
      case "run" -> new RunSeries(spec);
      default -> throw new IllegalArgumentException("no series is called " + spec.kind());
    };
  }

  abstract void clear();

  abstract boolean isEmpty();

  /** How many bytes {@link #write} writes. */
  abstract int bytes();

  /** Read what {@link #write} wrote; {@code length} is its length. */
  abstract void read(ByteBuffer in, int length);

  abstract void write(ByteBuffer out);

  /**
   * Count an event.
   *
   * @param timeMs its time, in milliseconds since the epoch
   * @param row holds its measure at {@code column}, and a second one, where the series has two, at the next
   */
  abstract void add(long timeMs, InternalRow row, int column);

  /** Go to the window of an event at a time: {@link #value} reads there. */
  abstract void seek(long timeMs);

  /** Whether the window holds nothing. */
  abstract boolean holdsNothing();

  /** An aggregate of the window, or {@link #NONE} where it does not exist. */
  abstract double value(Aggregate aggregate);
}
