package io.riskloom.kernel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroTypeException;
import org.apache.avro.Schema;
import org.apache.spark.sql.api.java.UDF6;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * Turns Kafka records into frames: decodes each by the writer's schema id in it, resolved to the domain's schema. A
 * record that cannot become an event becomes a dead letter that says why; it never fails the query.
 */
final class EventDecoder implements UDF6<byte[], byte[], String, Integer, Long, Long, byte[]> {
  private static final long NOT_KNOWN = 0;
  private static final double[] NOTHING_FOUND = {};
  private static final long FIRST_MS = Instant.parse("0001-01-01T00:00:00Z").toEpochMilli();
  private static final long LAST_MS = Instant.parse("9999-12-31T23:59:59.999Z").toEpochMilli();

  private final CompiledJob job;
  private final JobMetrics metrics;

  private transient Map<String, Integer> indexOfTopic;
  private transient Map<String, Reader> byTopic;
  private transient DeadLetterWriter deadLetters;

  EventDecoder(CompiledJob job, JobMetrics metrics) {
    this.job = job;
    this.metrics = metrics;
  }

  /** Why a record is refused. */
  private static final class Refused extends Exception {
    private final String reason;
    private final transient Integer schemaId;

    Refused(String reason, String detail, Integer schemaId) {
      super(detail, null, false, false);
      this.reason = reason;
      this.schemaId = schemaId;
    }
  }

  /** One domain's readers, by writer schema id. */
  private static final class Reader {
    private final int index;
    private final CompiledDomain domain;
    private final Schema schema;
    private final SqlProgram.Packing extract;
    private final Map<Integer, Long> emitFrom;
    private final Map<Integer, AvroRowReader> byWriter = new HashMap<>();

    Reader(CompiledJob job, int index) {
      this.index = index;
      domain = job.domains().get(index);
      emitFrom = job.plan().emitFrom().getOrDefault(domain.plan().topic(), Map.of());
      schema = AvroTypes.parse(domain.prunedSchema());
      extract = domain.extract().packing();
    }
  }

  /** {@code arrivedMs} is the record's timestamp in Kafka, in milliseconds since the epoch, or null. */
  @Override
  public byte[] call(byte[] key, byte[] value, String topic, Integer partition, Long offset, Long arrivedMs) {
    if (byTopic == null) open();
    // A task reads one partition: most tasks need one domain's code, so none is generated before it is needed.
    Reader reader = byTopic.computeIfAbsent(topic, this::reader);
    metrics.read(reader.index, partition, offset);
    try {
      // Records of the oldest format have the timestamp -1.
      long arrived = arrivedMs == null || arrivedMs < 0 ? NOT_KNOWN : arrivedMs;
      return decode(reader, value, partition, offset, arrived).encode();
    } catch (Refused refused) {
      if (offset < reader.emitFrom.getOrDefault(partition, 0L)) return Frame.nothing();
      metrics.deadLetter(reader.index, refused.reason);
      var origin = new DeadLetterWriter.Origin(topic, partition, offset);
      String domain = reader.domain.plan().name();
      return Frame.deadLetter(
          deadLetters.write(
              "decode", domain, refused.reason, refused.getMessage(), origin, refused.schemaId, key, value));
    }
  }

  private void open() {
    byTopic = new HashMap<>();
    indexOfTopic = new HashMap<>();
    List<JobPlan.Domain> domains = job.plan().domains();
    for (int i = 0; i < domains.size(); i++) indexOfTopic.put(domains.get(i).topic(), i);
    deadLetters = new DeadLetterWriter(job.plan().deadLetters().schemaId());
  }

  private Reader reader(String topic) {
    int index = indexOfTopic.get(topic);
    return TaskPool.take("reader " + job.domains().get(index).id(), () -> new Reader(job, index));
  }

  private Frame decode(Reader reader, byte[] value, int partition, long offset, long arrivedMs) throws Refused {
    if (value == null) throw new Refused("empty_value", "the record has no value", null);
    if (value.length < ConfluentAvro.HEADER) {
      throw new Refused("too_short", value.length + " bytes cannot hold a schema id", null);
    }
    if (value[0] != ConfluentAvro.MAGIC) {
      throw new Refused("bad_magic", "the first byte is " + (value[0] & 0xff) + ", Confluent Avro starts with 0", null);
    }
    int schemaId = ByteBuffer.wrap(value).getInt(1);
    UnsafeRow row = extract(reader, schemaId, value);
    JobPlan.Domain plan = reader.domain.plan();
    require(row, CompiledDomain.TIME, plan.eventTime(), plan, schemaId);
    require(row, CompiledDomain.ID, plan.eventId(), plan, schemaId);
    int keys = plan.visits().size();
    require(row, CompiledDomain.KEYS + keys - 1, plan.key().field(), plan, schemaId);
    long timeMs = Math.floorDiv(row.getLong(CompiledDomain.TIME), 1000L);
    checkTime(plan, timeMs, arrivedMs, schemaId);
    return new Frame(keys, reader.index, schemaId, partition, offset, arrivedMs, timeMs, row, NOTHING_FOUND);
  }

  /** An event from the future would empty its key's windows, and make all that really happens late. */
  private static void checkTime(JobPlan.Domain plan, long timeMs, long arrivedMs, int schemaId) throws Refused {
    if (timeMs < FIRST_MS || timeMs > LAST_MS) {
      String detail = plan.eventTime() + " is " + timeMs + " ms since 1970, outside the years 1 to 9999";
      throw new Refused("event_time_out_of_range", detail, schemaId);
    }
    long ahead = timeMs - arrivedMs;
    if (arrivedMs != NOT_KNOWN && ahead > plan.lateToleranceMs()) {
      String detail =
          plan.eventTime() + " is " + Instant.ofEpochMilli(timeMs) + ", " + ahead / 1000 + " s after Kafka got the record";
      throw new Refused("event_time_ahead", detail, schemaId);
    }
  }

  private UnsafeRow extract(Reader reader, int schemaId, byte[] value) throws Refused {
    AvroRowReader avro = avroReader(reader, schemaId);
    InternalRow fields;
    try {
      fields = avro.read(value, ConfluentAvro.HEADER);
    } catch (AvroTypeException e) {
      throw new Refused("incompatible_schema", DeadLetterWriter.describe(e), schemaId);
    } catch (IOException | RuntimeException e) { // foreign bytes make decoders fail in every way there is
      throw new Refused("malformed_body", DeadLetterWriter.describe(e), schemaId);
    }
    try {
      return reader.extract.run(fields);
    } catch (RuntimeException e) {
      throw new Refused("expression_failed", DeadLetterWriter.describe(e), schemaId);
    }
  }

  /** The reader for a writer's schema. A registry that cannot be reached is not the record's fault: that fails the task. */
  private AvroRowReader avroReader(Reader reader, int schemaId) throws Refused {
    AvroRowReader avro = reader.byWriter.get(schemaId);
    if (avro == null) {
      Schema writer = SchemaRegistry.shared(job.plan().registry()).byId(schemaId);
      if (writer == null) {
        throw new Refused("unknown_schema_id", "the registry has no Avro schema with id " + schemaId, schemaId);
      }
      try {
        avro = new AvroRowReader(writer, reader.schema);
      } catch (IOException | RuntimeException e) { // whatever a foreign schema does to the resolver, the job goes on
        throw new Refused("incompatible_schema", DeadLetterWriter.describe(e), schemaId);
      }
      reader.byWriter.put(schemaId, avro);
    }
    return avro;
  }

  private static void require(UnsafeRow row, int column, String field, JobPlan.Domain plan, int schemaId) throws Refused {
    if (row.isNullAt(column)) {
      throw new Refused("missing_field", "field " + field + " of " + plan.name() + " is null", schemaId);
    }
  }
}
