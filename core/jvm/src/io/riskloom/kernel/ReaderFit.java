package io.riskloom.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.apache.avro.AvroTypeException;
import org.apache.avro.LogicalType;
import org.apache.avro.Schema;

/**
 * Fits a reader's schema to that of a writer, which may be newer.
 *
 * <p>A registry that keeps a subject backward compatible promises that the newest schema reads what older ones wrote. A
 * job that runs while a newer version is registered reads the other way round. Where the newer schema says how it came
 * from the job's own, that is used:
 *
 * <ul>
 *   <li>a number became a wider one: it is read as that, and {@link AvroRowReader} narrows what fits;
 *   <li>a field or type was renamed, with the old name as its alias: it is found under the new one;
 *   <li>an enum got symbols and a default that the job knows: new symbols are the default;
 *   <li>a time or a decimal changed its unit: it is read in the writer's, as Avro itself does not.
 * </ul>
 *
 * <p>The fitted schema has the fields of the reader's, in their order; what needs no change is the same object.
 */
final class ReaderFit {
  private static final List<Schema.Type> NUMBERS =
      List.of(Schema.Type.INT, Schema.Type.LONG, Schema.Type.FLOAT, Schema.Type.DOUBLE);
  private static final Map<String, String> KINDS =
      Map.of(
          "date", "date",
          "time-millis", "time of day",
          "time-micros", "time of day",
          "timestamp-millis", "timestamp",
          "timestamp-micros", "timestamp",
          "local-timestamp-millis", "timestamp",
          "local-timestamp-micros", "timestamp",
          "decimal", "decimal");

  private ReaderFit() {}

  /**
   * Fit.
   *
   * @return the schema to resolve the writer's records to
   * @throws AvroTypeException if both mean different things by the same bytes, such as a date and a time
   */
  static Schema fit(Schema writer, Schema reader) {
    if (writer.getType() == Schema.Type.UNION) {
      Schema fitted = reader;
      for (Schema branch : writer.getTypes()) {
        if (reader.getType() == Schema.Type.UNION || comparable(branch, reader)) fitted = fit(branch, fitted);
      }
      return fitted;
    }
    return switch (reader.getType()) {
      case UNION -> union(writer, reader);
      case RECORD -> writer.getType() == Schema.Type.RECORD ? record(writer, reader) : reader;
      case ENUM -> writer.getType() == Schema.Type.ENUM ? symbols(writer, reader) : reader;
      case ARRAY -> {
        if (writer.getType() != Schema.Type.ARRAY) yield reader;
        Schema items = fit(writer.getElementType(), reader.getElementType());
        yield items == reader.getElementType() ? reader : Schema.createArray(items);
      }
      case MAP -> {
        if (writer.getType() != Schema.Type.MAP) yield reader;
        Schema values = fit(writer.getValueType(), reader.getValueType());
        yield values == reader.getValueType() ? reader : Schema.createMap(values);
      }
      default -> value(writer, reader);
    };
  }

  /** Fit the branch that the writer's type is read as: one of its own type, else a wider number, else a narrower one. */
  private static Schema union(Schema writer, Schema reader) {
    List<Schema> branches = new ArrayList<>(reader.getTypes());
    Schema chosen =
        first(branches, b -> b.getType() == writer.getType() && comparable(writer, b))
            .or(() -> first(branches, b -> comparable(writer, b) && !isWider(writer, b)))
            .or(() -> first(branches, b -> comparable(writer, b)))
            .orElse(null);
    if (chosen == null) return reader;
    Schema fitted = fit(writer, chosen);
    if (fitted == chosen) return reader;
    branches.replaceAll(branch -> branch == chosen ? fitted : branch);
    return Schema.createUnion(branches);
  }

  private static Optional<Schema> first(List<Schema> branches, Predicate<Schema> suits) {
    return branches.stream().filter(suits).findFirst();
  }

  private static boolean isWider(Schema writer, Schema reader) {
    return NUMBERS.contains(reader.getType())
        && NUMBERS.indexOf(writer.getType()) > NUMBERS.indexOf(reader.getType());
  }

  private static boolean comparable(Schema writer, Schema reader) {
    if (NUMBERS.contains(writer.getType())) return NUMBERS.contains(reader.getType());
    if (writer.getType() != reader.getType()) return false;
    return switch (reader.getType()) {
      case RECORD, ENUM, FIXED -> sameName(writer, reader) || renamed(writer, reader);
      default -> true;
    };
  }

  private static boolean sameName(Schema writer, Schema reader) {
    return writer.getName().equals(reader.getName()) || reader.getAliases().contains(writer.getFullName());
  }

  private static boolean renamed(Schema writer, Schema reader) {
    return writer.getAliases().contains(reader.getFullName());
  }

  private static Schema record(Schema writer, Schema reader) {
    boolean changed = !writer.getFullName().equals(reader.getFullName()) && comparable(writer, reader);
    List<Schema.Field> fields = new ArrayList<>();
    for (Schema.Field field : reader.getFields()) {
      Schema.Field written = find(writer, reader, field);
      Schema fitted = written == null ? field.schema() : fit(written.schema(), field.schema());
      Schema.Field copy = new Schema.Field(field, fitted);
      boolean hidden = written != null && !written.name().equals(field.name()) && !field.aliases().contains(written.name());
      if (hidden) copy.addAlias(written.name());
      changed |= hidden || fitted != field.schema();
      fields.add(copy);
    }
    if (!changed) return reader;
    return named(Schema.createRecord(reader.getName(), reader.getDoc(), reader.getNamespace(), false, fields), writer, reader);
  }

  /** The writer's field that is read as a field: of its name, else of one of its aliases, else one that was renamed. */
  private static Schema.Field find(Schema writer, Schema reader, Schema.Field field) {
    if (writer.getField(field.name()) != null) return writer.getField(field.name());
    for (String alias : field.aliases()) {
      if (writer.getField(alias) != null) return writer.getField(alias);
    }
    for (Schema.Field one : writer.getFields()) {
      if (one.aliases().contains(field.name()) && reader.getField(one.name()) == null) return one;
    }
    return null;
  }

  private static Schema symbols(Schema writer, Schema reader) {
    String known = reader.getEnumDefault();
    String told = writer.getEnumDefault();
    if (known == null && told != null && reader.getEnumSymbols().contains(told)) known = told;
    boolean foreign = !writer.getFullName().equals(reader.getFullName()) && comparable(writer, reader);
    if (known == reader.getEnumDefault() && !foreign) return reader;
    List<String> symbols = reader.getEnumSymbols();
    return named(Schema.createEnum(reader.getName(), reader.getDoc(), reader.getNamespace(), symbols, known), writer, reader);
  }

  private static Schema value(Schema writer, Schema reader) {
    boolean wider = isWider(writer, reader);
    boolean physical = writer.getType() == reader.getType() || NUMBERS.contains(writer.getType());
    LogicalType meant = reader.getLogicalType();
    LogicalType written = writer.getLogicalType();
    if (physical && meant != null && written != null && !meant.equals(written)) {
      String of = KINDS.get(written.getName());
      String as = KINDS.get(meant.getName());
      if (of != null && as != null && !of.equals(as)) {
        throw new AvroTypeException("the writer's is a " + of + " (" + written.getName() + "), the reader's a " + as);
      }
      if (of != null && as != null) meant = written;
    }
    boolean foreign =
        reader.getType() == Schema.Type.FIXED
            && writer.getType() == Schema.Type.FIXED
            && !writer.getFullName().equals(reader.getFullName())
            && comparable(writer, reader);
    if (!wider && !foreign && meant == reader.getLogicalType()) return reader;
    Schema fitted =
        reader.getType() == Schema.Type.FIXED
            ? named(
                Schema.createFixed(reader.getName(), reader.getDoc(), reader.getNamespace(), reader.getFixedSize()), writer, reader)
            : Schema.create(wider || meant == written ? writer.getType() : reader.getType());
    // The reader's own may not go with the writer's type; AvroRowReader knows it from the declaration.
    if (meant != null && (meant == written || fitted.getType() == reader.getType())) meant.addToSchema(fitted);
    return fitted;
  }

  /** Give a fitted type the reader's aliases, and the writer's name as one more. */
  private static Schema named(Schema fitted, Schema writer, Schema reader) {
    for (String alias : reader.getAliases()) {
      int dot = alias.lastIndexOf('.');
      fitted.addAlias(alias.substring(dot + 1), dot < 0 ? "" : alias.substring(0, dot));
    }
    boolean foreign = !writer.getFullName().equals(reader.getFullName()) && comparable(writer, reader);
    if (foreign) fitted.addAlias(writer.getName(), writer.getNamespace() == null ? "" : writer.getNamespace());
    return fitted;
  }
}
