package io.riskloom.kernel;

import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.avro.AvroTypeException;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.spark.sql.types.Decimal;

/** Values of Avro's numbers and bytes in Spark's representation, also where they were written in another unit or width. */
final class AvroValues {
  private AvroValues() {}

  /**
   * A number that was read as one schema's and is declared as another's.
   *
   * @throws AvroTypeException if it has no equal in the declared type
   */
  static Object number(Number read, Schema as, Schema declared) {
    LogicalType target = declared.getLogicalType();
    switch (declared.getType()) {
      case DOUBLE:
        return read.doubleValue();
      case FLOAT:
        float rounded = read.floatValue();
        if (Float.isInfinite(rounded) && !Double.isInfinite(read.doubleValue())) throw doesNotFit(read, declared);
        return rounded;
      case INT:
      case LONG:
        long whole = whole(read, declared);
        LogicalType meant = as.getLogicalType() != null ? as.getLogicalType() : target;
        if (isTimestamp(target)) return Math.multiplyExact(whole, micros(meant));
        // A time of day stays a number in the declared unit.
        if (micros(meant) != micros(target)) {
          whole = Math.floorDiv(Math.multiplyExact(whole, micros(meant)), micros(target));
        }
        if (declared.getType() == Schema.Type.LONG) return whole;
        if (whole != (int) whole) throw doesNotFit(read, declared);
        return (int) whole;
      default:
        throw new IllegalArgumentException("not a number: " + declared);
    }
  }

  /**
   * Bytes, or the decimal that they hold.
   *
   * @throws AvroTypeException if the decimal has more digits than the declared one
   */
  static Object binary(byte[] bytes, Schema as, Schema declared) {
    if (!(declared.getLogicalType() instanceof LogicalTypes.Decimal target)) return bytes;
    int scale = as.getLogicalType() instanceof LogicalTypes.Decimal written ? written.getScale() : target.getScale();
    BigDecimal value = new BigDecimal(new BigInteger(bytes), scale);
    Decimal decimal = new Decimal().set(scala.math.BigDecimal.javaBigDecimal2bigDecimal(value));
    if (value.stripTrailingZeros().scale() > target.getScale()
        || !decimal.changePrecision(target.getPrecision(), target.getScale())) {
      throw doesNotFit(value, declared);
    }
    return decimal;
  }

  private static long whole(Number read, Schema declared) {
    if (read instanceof Integer || read instanceof Long) return read.longValue();
    double number = read.doubleValue();
    // 2^63 is the first double above every long.
    if (number != Math.rint(number) || number < -0x1p63 || number >= 0x1p63) throw doesNotFit(read, declared);
    return (long) number;
  }

  private static boolean isTimestamp(LogicalType type) {
    return type instanceof LogicalTypes.TimestampMillis
        || type instanceof LogicalTypes.TimestampMicros
        || type instanceof LogicalTypes.LocalTimestampMillis
        || type instanceof LogicalTypes.LocalTimestampMicros;
  }

  /** How many microseconds the unit of a time is; 1 for what is none. */
  private static long micros(LogicalType type) {
    boolean millis =
        type instanceof LogicalTypes.TimestampMillis
            || type instanceof LogicalTypes.LocalTimestampMillis
            || type instanceof LogicalTypes.TimeMillis;
    return millis ? 1000L : 1L;
  }

  private static AvroTypeException doesNotFit(Number read, Schema declared) {
    return new AvroTypeException(read + " does not fit the domain's " + declared);
  }
}
