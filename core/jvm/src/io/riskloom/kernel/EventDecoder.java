package io.riskloom.kernel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.AvroTypeException;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.spark.sql.api.java.UDF5;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/**
 * Turns Kafka records into frames: decodes each by the writer's schema id in it, resolved to the domain's schema. A
 * record that cannot become an event becomes a dead letter that says why; it never fails the query.
 */
final class EventDecoder implements UDF5<byte[], byte[], String, Integer, Long, byte[]> {
  private final JobPlan plan;
  private final List<CompiledDomain> domains;

  private transient Map<String, Integer> indexOfTopic;
  private transient Map<String, Reader> byTopic;
  private transient DeadLetterWriter deadLetters;

  EventDecoder(JobPlan plan, List<CompiledDomain> domains) {
    this.plan = plan;
    this.domains = domains;
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
    private final SqlProgram.Runner extract;
    private final Map<Integer, AvroRowReader> byWriter = new HashMap<>();

    Reader(List<CompiledDomain> domains, int index) {
      this.index = index;
      domain = domains.get(index);
      schema = new Schema.Parser(NameValidator.NO_VALIDATION).parse(domain.prunedSchema());
      extract = domain.extract().runner();
    }
  }

  @Override
  public byte[] call(byte[] key, byte[] value, String topic, Integer partition, Long offset) {
    if (byTopic == null) open();
    // A task reads one partition: most tasks need one domain's code, so none is generated before it is needed.
    Reader reader = byTopic.computeIfAbsent(topic, name -> new Reader(domains, indexOfTopic.get(name)));
    try {
      return decode(reader, value, partition, offset).encode();
    } catch (Refused refused) {
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
    for (int i = 0; i < domains.size(); i++) indexOfTopic.put(domains.get(i).plan().topic(), i);
    deadLetters = new DeadLetterWriter(plan.deadLetters().schemaId());
  }

  private Frame decode(Reader reader, byte[] value, int partition, long offset) throws Refused {
    if (value == null) throw new Refused("empty_value", "the record has no value", null);
    if (value.length < ConfluentAvro.HEADER) {
      throw new Refused("too_short", value.length + " bytes cannot hold a schema id", null);
    }
    if (value[0] != ConfluentAvro.MAGIC) {
      throw new Refused("bad_magic", "the first byte is " + (value[0] & 0xff) + ", Confluent Avro starts with 0", null);
    }
    int schemaId = ByteBuffer.wrap(value).getInt(1);
    UnsafeRow row = extract(reader, schemaId, value);
    return new Frame(
        reader.index,
        schemaId,
        partition,
        offset,
        Math.floorDiv(present(reader, row, CompiledDomain.TIME, reader.domain.plan().eventTime(), schemaId).getLong(CompiledDomain.TIME), 1000L),
        present(reader, row, CompiledDomain.KEY, reader.domain.plan().key(), schemaId).getUTF8String(CompiledDomain.KEY).getBytes(),
        present(reader, row, CompiledDomain.ID, reader.domain.plan().eventId(), schemaId).getUTF8String(CompiledDomain.ID).getBytes(),
        row);
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
      Schema writer = SchemaRegistry.shared(plan.registry()).byId(schemaId);
      if (writer == null) {
        throw new Refused("unknown_schema_id", "the registry has no Avro schema with id " + schemaId, schemaId);
      }
      try {
        avro = new AvroRowReader(writer, reader.schema);
      } catch (IOException | AvroRuntimeException e) {
        throw new Refused("incompatible_schema", DeadLetterWriter.describe(e), schemaId);
      }
      reader.byWriter.put(schemaId, avro);
    }
    return avro;
  }

  private static UnsafeRow present(Reader reader, UnsafeRow row, int column, String field, int schemaId) throws Refused {
    if (row.isNullAt(column)) {
      throw new Refused("missing_field", "field " + field + " of " + reader.domain.plan().name() + " is null", schemaId);
    }
    return row;
  }
}
