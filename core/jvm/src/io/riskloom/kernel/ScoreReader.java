package io.riskloom.kernel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.ResolvingDecoder;
import org.apache.avro.util.Utf8;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;

/**
 * Reads scores as rows for the feature store: what ScoreWriter wrote, by whichever version of it.
 *
 * <p>Output: the number of the row's layout, or -1 for a record that is no score or has none; then the layout's entities and
 * features as arrays, in its order. Times are in microseconds.
 */
public final class ScoreReader implements MapPartitionsFunction<byte[], Row> {
  private static final int UNKNOWN = -1;
  private static final StructType ROW =
      StructType.fromDDL(
          "layout int, event_id string, entities array<string>, event_us bigint, created_us bigint, sequence bigint,"
              + " late boolean, duplicate boolean, score double, level string, rule_version string, schema_id int,"
              + " features array<double>");

  /** What a version of a domain's features consists of. */
  record Layout(String domain, String featureVersion, List<String> entities, List<String> features)
      implements Serializable {}

  /**
   * What Python asks for.
   *
   * @param reader the schema of scores, as JSON
   */
  record Plan(JobPlan.Registry registry, String reader, List<Layout> layouts) implements Serializable {
    static Plan parse(String json) {
      try {
        return new ObjectMapper()
            .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .readValue(json, Plan.class);
      } catch (JsonProcessingException e) {
        throw new IllegalArgumentException("the layouts cannot be read: " + e.getOriginalMessage(), e);
      }
    }
  }

  private final Plan plan;

  private ScoreReader(Plan plan) {
    this.plan = plan;
  }

  /**
   * Read scores, streaming or not.
   *
   * @param records rows of Spark's Kafka source
   * @param planJson a {@link Plan}
   */
  public static Dataset<Row> apply(Dataset<Row> records, String planJson) {
    return records
        .select("value")
        .as(Encoders.BINARY())
        .mapPartitions(new ScoreReader(Plan.parse(planJson)), Encoders.row(ROW));
  }

  @Override
  public Iterator<Row> call(Iterator<byte[]> records) {
    Task task = new Task(plan);
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return records.hasNext();
      }

      @Override
      public Row next() {
        return task.read(records.next());
      }
    };
  }

  /** One task's scratch space. */
  private static final class Task {
    private final Schema reader;
    private final SchemaRegistry registry;
    private final Map<Integer, ResolvingDecoder> byWriter = new HashMap<>();
    private final Map<String, Integer> numbers = new HashMap<>();
    private final Utf8[][] names;
    private final List<Layout> layouts;
    private BinaryDecoder binary;

    private final Map<String, String> strings = new HashMap<>();
    private Utf8[] found = new Utf8[0];
    private Double[] values = new Double[0];
    private int count;

    Task(Plan plan) {
      reader = AvroTypes.parse(plan.reader());
      registry = SchemaRegistry.shared(plan.registry());
      layouts = plan.layouts();
      names = new Utf8[layouts.size()][];
      for (int i = 0; i < names.length; i++) {
        numbers.put(layouts.get(i).domain() + " " + layouts.get(i).featureVersion(), i);
        names[i] = layouts.get(i).features().stream().map(Utf8::new).toArray(Utf8[]::new);
      }
    }

    Row read(byte[] record) {
      try {
        Row row = score(record);
        if (row != null) return row;
      } catch (IOException | AvroRuntimeException e) {
        // Not a score: counted by whoever counts the rows without a layout.
      }
      return RowFactory.create(UNKNOWN, null, null, null, null, null, null, null, null, null, null, null, null);
    }

    private Row score(byte[] record) throws IOException {
      if (record == null || record.length < ConfluentAvro.HEADER || record[0] != ConfluentAvro.MAGIC) return null;
      int writer = ByteBuffer.wrap(record, 1, 4).getInt();
      ResolvingDecoder in = byWriter.get(writer);
      if (in == null) {
        Schema schema = registry.byId(writer);
        if (schema == null) return null;
        in = DecoderFactory.get().resolvingDecoder(schema, reader, null);
        byWriter.put(writer, in);
      }
      int length = record.length - ConfluentAvro.HEADER;
      binary = DecoderFactory.get().binaryDecoder(record, ConfluentAvro.HEADER, length, binary);
      in.configure(binary);
      String eventId = null;
      String domain = null;
      String entity = null;
      String entityId = null;
      String level = null;
      String ruleVersion = null;
      String featureVersion = null;
      long eventMs = 0;
      long createdMs = 0;
      long sequence = 0;
      double score = 0;
      int schemaId = 0;
      boolean late = false;
      boolean duplicate = false;
      strings.clear();
      count = 0;
      for (Schema.Field field : in.readFieldOrder()) {
        switch (field.name()) {
          case "event_id" -> eventId = in.readString();
          case "domain" -> domain = in.readString();
          case "entity" -> entity = in.readString();
          case "entity_id" -> entityId = in.readString();
          case "event_time" -> eventMs = in.readLong();
          case "scored_at" -> createdMs = in.readLong();
          case "score" -> score = in.readDouble();
          case "level" -> level = in.readString();
          case "reasons" -> skipReasons(in);
          case "features" -> features(in);
          case "rule_version" -> ruleVersion = in.readString();
          case "schema_id" -> schemaId = in.readInt();
          case "late" -> late = in.readBoolean();
          case "sequence" -> sequence = in.readLong();
          case "duplicate" -> duplicate = in.readBoolean();
          case "entity_sequences" -> skipLongs(in);
          case "entity_ids" -> strings(in);
          case "feature_version" -> featureVersion = in.readString();
          default -> throw new IOException("an unknown field of a score: " + field.name());
        }
      }
      in.drain();
      Integer number = numbers.get(domain + " " + featureVersion);
      if (number == null) return null;
      strings.put(entity, entityId);
      String[] entities = layouts.get(number).entities().stream().map(strings::get).toArray(String[]::new);
      return RowFactory.create(
          number, eventId, entities, 1000 * eventMs, 1000 * createdMs, sequence, late, duplicate, score, level,
          ruleVersion, schemaId, inOrder(names[number]));
    }

    /** The features' values in a layout's order: that in which they were written, nearly always. */
    private Double[] inOrder(Utf8[] wanted) {
      Double[] ordered = new Double[wanted.length];
      for (int i = 0; i < wanted.length; i++) {
        int at = i;
        if (i >= count || !found[i].equals(wanted[i])) {
          at = 0;
          while (at < count && !found[at].equals(wanted[i])) at++;
        }
        if (at < count) ordered[i] = values[at];
      }
      return ordered;
    }

    private void features(ResolvingDecoder in) throws IOException {
      for (long left = in.readMapStart(); left > 0; left = in.mapNext()) {
        for (long i = 0; i < left; i++, count++) {
          if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count + 16);
            values = Arrays.copyOf(values, 2 * count + 16);
          }
          found[count] = in.readString(found[count]);
          if (in.readIndex() == 0) {
            in.readNull();
            values[count] = null;
          } else {
            values[count] = in.readDouble();
          }
        }
      }
    }

    private void strings(ResolvingDecoder in) throws IOException {
      for (long left = in.readMapStart(); left > 0; left = in.mapNext()) {
        for (long i = 0; i < left; i++) strings.put(in.readString(), in.readString());
      }
    }

    private static void skipReasons(ResolvingDecoder in) throws IOException {
      for (long left = in.readArrayStart(); left > 0; left = in.arrayNext()) {
        for (long i = 0; i < left; i++) {
          for (Schema.Field field : in.readFieldOrder()) {
            if (field.schema().getType() == Schema.Type.DOUBLE) in.readDouble();
            else in.skipString();
          }
        }
      }
    }

    private static void skipLongs(ResolvingDecoder in) throws IOException {
      for (long left = in.readMapStart(); left > 0; left = in.mapNext()) {
        for (long i = 0; i < left; i++) {
          in.skipString();
          in.readLong();
        }
      }
    }
  }
}
