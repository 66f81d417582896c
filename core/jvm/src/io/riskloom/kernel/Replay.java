package io.riskloom.kernel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * What Python calls to score history in an order of its own: events are decoded into rows that can be sorted, and each
 * operator then takes its keys' events by the place that they were given.
 */
public final class Replay {
  private static final String FRAME = "frame";
  private static final String PLACE = "place";

  /** An event: its frame, what names it, and for each operator the state that it goes to, or null. */
  private static final StructType EVENT =
      new StructType()
          .add(FRAME, "binary")
          .add("domain", "string")
          .add("event_id", "string")
          .add("key", "string")
          .add("event_ms", "bigint")
          .add("partition", "int")
          .add("offset", "bigint")
          .add("states", "array<string>");

  /** A score that was served: which event's, where it stands in its topic, and the sequence number at each operator. */
  private static final StructType SERVED =
      new StructType()
          .add("domain", "string")
          .add("event_id", "string")
          .add("key", "string")
          .add("scored_ms", "bigint")
          .add("duplicate", "boolean")
          .add("sequences", "array<bigint>")
          .add("at", "bigint");

  private Replay() {}

  /**
   * Decode events. What cannot be decoded is left out: no state has seen it.
   *
   * @param records as for {@link RiskJob#apply}
   * @param planJson a {@link JobPlan}
   */
  public static Dataset<Row> events(Dataset<Row> records, String planJson) {
    JobPlan plan = JobPlan.parse(planJson);
    SparkSession spark = (SparkSession) records.sparkSession();
    CompiledJob job = CompiledJob.compile(spark, plan);
    JobMetrics metrics = JobMonitor.register(spark.sparkContext(), plan);
    return RiskJob.decoded(records, job, metrics)
        .as(Encoders.BINARY())
        .mapPartitions(new Describe(plan), Encoders.row(EVENT));
  }

  /**
   * Read the scores that were served.
   *
   * @param records value and offset of the scores' topic
   * @param planJson a {@link JobPlan}: its registry and its entities
   * @param reader the Avro schema to read them as
   */
  public static Dataset<Row> served(Dataset<Row> records, String planJson, String reader) {
    return records
        .select("value", "offset")
        .mapPartitions(new ReadServed(JobPlan.parse(planJson), reader), Encoders.row(SERVED));
  }

  /**
   * Have an operator take frames, each key's by their places.
   *
   * @param frames rows of frame and place
   * @param planJson a {@link JobPlan}
   * @param operator its number; the last one scores
   * @return rows of one column, the frames; of the last operator rows for Spark's Kafka sink
   */
  public static Dataset<Row> operate(Dataset<Row> frames, String planJson, int operator) {
    JobPlan plan = JobPlan.parse(planJson);
    SparkSession spark = (SparkSession) frames.sparkSession();
    UDF2<byte[], Long, byte[]> placed = Frame::placed;
    Dataset<Row> inPlace =
        frames.select(
            functions
                .udf(placed, DataTypes.BinaryType)
                .apply(functions.col(FRAME), functions.col(PLACE))
                .as(RiskJob.FRAME));
    JobMetrics metrics = JobMonitor.register(spark.sparkContext(), plan);
    KeyValueGroupedDataset<String, byte[]> keyed = RiskJob.grouped(inPlace, StateKeys.of(plan, operator));
    return RiskJob.operate(keyed, CompiledJob.compile(spark, plan), operator, metrics);
  }

  /** Name the frames that an operator passed on: domain, partition and offset, beside the frame. */
  public static Dataset<Row> named(Dataset<Row> frames, String planJson) {
    return frames
        .select(RiskJob.FRAME)
        .as(Encoders.BINARY())
        .mapPartitions(new Describe(JobPlan.parse(planJson)), Encoders.row(EVENT));
  }

  /** Turns frames into rows of {@link #EVENT}. */
  private record Describe(JobPlan plan) implements MapPartitionsFunction<byte[], Row> {
    @Override
    public Iterator<Row> call(Iterator<byte[]> frames) {
      int operators = plan.entities().size() + 1;
      return new Iterator<>() {
        private byte[] next = advance();

        private byte[] advance() {
          while (frames.hasNext()) {
            byte[] frame = frames.next();
            if (Frame.isEvent(frame)) return frame;
          }
          return null;
        }

        @Override
        public boolean hasNext() {
          return next != null;
        }

        @Override
        public Row next() {
          byte[] frame = next;
          next = advance();
          JobPlan.Domain domain = plan.domains().get(Frame.domain(frame));
          String[] states = new String[operators];
          String key = null;
          for (int place = 0; place < domain.visits().size(); place++) {
            JobPlan.Visit visit = domain.visits().get(place);
            key = Frame.key(frame, place);
            if (key != null) states[visit.operator()] = visit.entity() + ":" + key;
          }
          return RowFactory.create(
              frame,
              domain.name(),
              Frame.id(frame),
              key,
              Frame.timeMs(frame),
              Frame.partition(frame),
              Frame.offset(frame),
              states);
        }
      };
    }
  }

  /** Turns records of the scores' topic into rows of {@link #SERVED}; what is no score is left out. */
  private record ReadServed(JobPlan plan, String reader) implements MapPartitionsFunction<Row, Row> {
    @Override
    public Iterator<Row> call(Iterator<Row> records) {
      Schema schema = new Schema.Parser(NameValidator.NO_VALIDATION).parse(reader);
      SchemaRegistry registry = SchemaRegistry.shared(plan.registry());
      Map<Integer, GenericDatumReader<GenericRecord>> byWriter = new HashMap<>();
      return new Iterator<>() {
        private BinaryDecoder decoder;
        private Row next = advance();

        private Row advance() {
          while (records.hasNext()) {
            Row record = records.next();
            Row read = read(record.getAs(0), record.getLong(1));
            if (read != null) return read;
          }
          return null;
        }

        private Row read(byte[] value, long offset) {
          if (value == null || value.length < ConfluentAvro.HEADER || value[0] != ConfluentAvro.MAGIC) return null;
          int id = ByteBuffer.wrap(value, 1, 4).getInt();
          GenericDatumReader<GenericRecord> read = byWriter.get(id);
          if (read == null) {
            Schema writer = registry.byId(id);
            if (writer == null) return null;
            read = new GenericDatumReader<>(writer, schema);
            byWriter.put(id, read);
          }
          int length = value.length - ConfluentAvro.HEADER;
          decoder = DecoderFactory.get().binaryDecoder(value, ConfluentAvro.HEADER, length, decoder);
          try {
            GenericRecord score = read.read(null, decoder);
            return RowFactory.create(
                score.get("domain").toString(),
                score.get("event_id").toString(),
                score.get("entity_id").toString(),
                (Long) score.get("scored_at"),
                (Boolean) score.get("duplicate"),
                sequences(score),
                offset);
          } catch (IOException | AvroRuntimeException e) {
            return null;
          }
        }

        private Long[] sequences(GenericRecord score) {
          Long[] sequences = new Long[plan.entities().size() + 1];
          ((Map<?, ?>) score.get("entity_sequences"))
              .forEach(
                  (entity, sequence) -> {
                    int operator = plan.entities().indexOf(entity.toString());
                    if (operator >= 0 && (Long) sequence > 0) sequences[operator] = (Long) sequence;
                  });
          sequences[sequences.length - 1] = (Long) score.get("sequence");
          return sequences;
        }

        @Override
        public boolean hasNext() {
          return next != null;
        }

        @Override
        public Row next() {
          Row row = next;
          next = advance();
          return row;
        }
      };
    }
  }
}
