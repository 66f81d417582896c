package io.riskloom.kernel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.AvroTypeException;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.ResolvingDecoder;
import org.apache.avro.util.Utf8;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.util.ArrayBasedMapData;
import org.apache.spark.sql.catalyst.util.GenericArrayData;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Reads Avro records of one writer schema as rows of the reader schema, by Avro's own schema resolution: writer fields
 * that the reader does not name are skipped, reader fields that the writer lacks get their defaults. The reader's schema
 * is fitted to a newer writer's first.
 */
final class AvroRowReader {
  private final Schema reader;
  private final Schema fitted;
  private final ResolvingDecoder resolving;
  private final Map<Schema, List<Schema>> branches = new IdentityHashMap<>();
  private BinaryDecoder binary;
  private Utf8 scratch;

  AvroRowReader(Schema writer, Schema reader) throws IOException {
    refuseBoundless(writer, new HashSet<>());
    this.reader = reader;
    this.fitted = ReaderFit.fit(writer, reader);
    this.resolving = DecoderFactory.get().resolvingDecoder(writer, fitted, null);
  }

  /** Items that take no bytes can be claimed by the thousand million, and to skip them takes minutes. */
  private static void refuseBoundless(Schema schema, Set<Schema> seen) {
    if (!seen.add(schema)) return;
    switch (schema.getType()) {
      case ARRAY -> {
        if (takesNoBytes(schema.getElementType())) {
          throw new AvroTypeException("an array whose items take no bytes: " + schema.getElementType());
        }
        refuseBoundless(schema.getElementType(), seen);
      }
      case MAP -> refuseBoundless(schema.getValueType(), seen);
      case UNION -> schema.getTypes().forEach(branch -> refuseBoundless(branch, seen));
      case RECORD -> schema.getFields().forEach(field -> refuseBoundless(field.schema(), seen));
      default -> {}
    }
  }

  /** A record that holds itself does so in a union, an array or a map, which take a byte. */
  private static boolean takesNoBytes(Schema schema) {
    return switch (schema.getType()) {
      case NULL -> true;
      case FIXED -> schema.getFixedSize() == 0;
      case RECORD -> schema.getFields().stream().allMatch(field -> takesNoBytes(field.schema()));
      default -> false;
    };
  }

  /**
   * Read one record that fills the bytes from an offset to the end.
   *
   * @throws AvroTypeException if the writer's schema cannot be read as the reader's
   * @throws IOException if the bytes are not a record of the writer's schema
   */
  GenericInternalRow read(byte[] bytes, int offset) throws IOException {
    binary = DecoderFactory.get().binaryDecoder(bytes, offset, bytes.length - offset, binary);
    resolving.configure(binary);
    GenericInternalRow row = record(fitted, reader);
    resolving.drain();
    if (!binary.isEnd()) throw new IOException("bytes are left over after the record");
    return row;
  }

  /** Read a value as {@code schema}, and represent it as {@code declared}: the same, but where the reader was fitted. */
  private Object value(Schema schema, Schema declared) throws IOException {
    switch (schema.getType()) {
      case NULL:
        resolving.readNull();
        return null;
      case BOOLEAN:
        return resolving.readBoolean();
      case INT:
        int small = resolving.readInt();
        return schema == declared ? small : AvroValues.number(small, schema, declared);
      case LONG:
        long number = resolving.readLong();
        boolean plain = schema == declared && schema.getLogicalType() == null;
        return plain ? number : AvroValues.number(number, schema, declared);
      case FLOAT:
        return AvroValues.number(resolving.readFloat(), schema, declared);
      case DOUBLE:
        double real = resolving.readDouble();
        return schema == declared ? real : AvroValues.number(real, schema, declared);
      case STRING:
        scratch = resolving.readString(scratch);
        UTF8String text = UTF8String.fromBytes(Arrays.copyOf(scratch.getBytes(), scratch.getByteLength()));
        if (!text.isValid()) throw new IOException("a string is not UTF-8");
        return text;
      case ENUM:
        return UTF8String.fromString(schema.getEnumSymbols().get(resolving.readEnum()));
      case BYTES:
        ByteBuffer buffer = resolving.readBytes(null);
        byte[] read = new byte[buffer.remaining()];
        buffer.get(read);
        return AvroValues.binary(read, schema, declared);
      case FIXED:
        byte[] fixed = new byte[schema.getFixedSize()];
        resolving.readFixed(fixed, 0, fixed.length);
        return AvroValues.binary(fixed, schema, declared);
      case ARRAY:
        List<Object> items = new ArrayList<>();
        for (long left = resolving.readArrayStart(); left > 0; left = resolving.arrayNext()) {
          for (long i = 0; i < left; i++) items.add(value(schema.getElementType(), declared.getElementType()));
        }
        return new GenericArrayData(items.toArray());
      case MAP:
        Map<Object, Object> entries = new LinkedHashMap<>();
        for (long left = resolving.readMapStart(); left > 0; left = resolving.mapNext()) {
          for (long i = 0; i < left; i++) {
            UTF8String name = UTF8String.fromString(resolving.readString());
            entries.put(name, value(schema.getValueType(), declared.getValueType()));
          }
        }
        return new ArrayBasedMapData(
            new GenericArrayData(entries.keySet().toArray()), new GenericArrayData(entries.values().toArray()));
      case UNION:
        return member(schema, declared, resolving.readIndex());
      case RECORD:
        return record(schema, declared);
      default:
        throw new AvroTypeException("a type that has no SQL counterpart: " + schema.getType());
    }
  }

  private GenericInternalRow record(Schema schema, Schema declared) throws IOException {
    Object[] values = new Object[schema.getFields().size()];
    for (Schema.Field field : resolving.readFieldOrder()) {
      try {
        values[field.pos()] = value(field.schema(), declared.getFields().get(field.pos()).schema());
      } catch (AvroTypeException e) {
        throw new AvroTypeException("field " + field.name() + ": " + e.getMessage(), e);
      }
    }
    return new GenericInternalRow(values);
  }

  private Object member(Schema union, Schema declared, int index) throws IOException {
    Schema chosen = declared.getTypes().get(index);
    Object value = value(union.getTypes().get(index), chosen);
    if (value == null) return null;
    List<Schema> known = branches.computeIfAbsent(declared, AvroTypes::branches);
    if (known.size() < 2) return value;
    Object[] members = new Object[known.size()];
    members[known.indexOf(chosen)] = value;
    return new GenericInternalRow(members);
  }
}
