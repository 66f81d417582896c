package io.riskloom.kernel;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.SystemLimitException;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** Spark SQL types for Avro schemas. A union of several types is a struct of member0, member1, ... */
final class AvroTypes {
  /** Limits on what a record may claim to hold, so that a corrupt length cannot exhaust the memory. */
  private static final String MAX_BYTES = String.valueOf(16 << 20);

  private static final String MAX_ITEMS = String.valueOf(1 << 20);

  static {
    // Avro looks at them once, as early as when it parses a schema with a fixed type.
    System.setProperty(SystemLimitException.MAX_STRING_LENGTH_PROPERTY, MAX_BYTES);
    System.setProperty(SystemLimitException.MAX_BYTES_LENGTH_PROPERTY, MAX_BYTES);
    System.setProperty(SystemLimitException.MAX_COLLECTION_LENGTH_PROPERTY, MAX_ITEMS);
  }

  private AvroTypes() {}

  /** Parse a schema, which may have names that only other languages take. */
  static Schema parse(String json) {
    return new Schema.Parser(NameValidator.NO_VALIDATION).parse(json);
  }

  static StructType row(Schema record) {
    return (StructType) type(record, new HashSet<>());
  }

  /** The branches of a union without null. */
  static List<Schema> branches(Schema union) {
    return union.getTypes().stream().filter(s -> s.getType() != Schema.Type.NULL).toList();
  }

  private static DataType type(Schema schema, Set<String> open) {
    LogicalType logical = schema.getLogicalType();
    return switch (schema.getType()) {
      case NULL -> DataTypes.NullType;
      case BOOLEAN -> DataTypes.BooleanType;
      case INT -> logical instanceof LogicalTypes.Date ? DataTypes.DateType : DataTypes.IntegerType;
      case LONG -> {
        if (logical instanceof LogicalTypes.TimestampMillis || logical instanceof LogicalTypes.TimestampMicros) {
          yield DataTypes.TimestampType;
        }
        yield logical instanceof LogicalTypes.LocalTimestampMillis || logical instanceof LogicalTypes.LocalTimestampMicros
            ? DataTypes.TimestampNTZType
            : DataTypes.LongType;
      }
      case FLOAT -> DataTypes.FloatType;
      case DOUBLE -> DataTypes.DoubleType;
      case STRING, ENUM -> DataTypes.StringType;
      case BYTES, FIXED ->
          logical instanceof LogicalTypes.Decimal d
              ? DataTypes.createDecimalType(d.getPrecision(), d.getScale())
              : DataTypes.BinaryType;
      case ARRAY -> DataTypes.createArrayType(type(schema.getElementType(), open), true);
      case MAP -> DataTypes.createMapType(DataTypes.StringType, type(schema.getValueType(), open), true);
      case UNION -> {
        List<Schema> branches = branches(schema);
        if (branches.size() == 1) yield type(branches.get(0), open);
        List<StructField> members = new ArrayList<>();
        for (int i = 0; i < branches.size(); i++) {
          members.add(DataTypes.createStructField("member" + i, type(branches.get(i), open), true));
        }
        yield members.isEmpty() ? DataTypes.NullType : DataTypes.createStructType(members);
      }
      case RECORD -> {
        if (!open.add(schema.getFullName())) {
          throw new IllegalArgumentException("record " + schema.getFullName() + " holds itself: it has no SQL type");
        }
        List<StructField> fields = new ArrayList<>();
        for (Schema.Field f : schema.getFields()) {
          fields.add(DataTypes.createStructField(f.name(), type(f.schema(), open), true));
        }
        open.remove(schema.getFullName());
        yield DataTypes.createStructType(fields);
      }
    };
  }
}
