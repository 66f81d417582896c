package io.riskloom.kernel;

import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.kafka010.KafkaMicroBatchStream;
import org.apache.spark.sql.kafka010.KafkaSourceProvider;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Spark's Kafka source, read by a few tasks with a consumer each. Spark's own has a task, with a consumer and a slot, for
 * every partition: in Real-Time Mode each then fetches for itself a few records at a time, and all of them start and stop
 * with every batch; in the other modes it asks Kafka for its partition's ends after every few hundred records.
 *
 * <p>It takes the options of Spark's source and {@link #READERS}, for streams alone. Options, offsets, rows and
 * checkpoints are those of Spark's source, so that a checkpoint of one is read by the other.
 */
public final class SharedKafkaSource implements TableProvider {
  /** The option that says how many tasks read, together, all partitions. */
  public static final String READERS = "readers";

  private final KafkaSourceProvider kafka = new KafkaSourceProvider();

  @Override
  public StructType inferSchema(CaseInsensitiveStringMap options) {
    return kafka.inferSchema(options);
  }

  @Override
  public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
    return new SharedTable((SupportsRead) kafka.getTable(schema, partitioning, properties));
  }

  private record SharedTable(SupportsRead kafka) implements SupportsRead {
    @Override
    public String name() {
      return kafka.name();
    }

    @Override
    @SuppressWarnings("deprecation") // Spark's source does not override what replaces it
    public StructType schema() {
      return kafka.schema();
    }

    @Override
    public Set<TableCapability> capabilities() {
      return Set.of(TableCapability.MICRO_BATCH_READ);
    }

    @Override
    public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
      Scan scan = kafka.newScanBuilder(options).build();
      return () -> new SharedScan(scan, options.getInt(READERS, 1));
    }
  }

  private record SharedScan(Scan kafka, int readers) implements Scan {
    @Override
    public StructType readSchema() {
      return kafka.readSchema();
    }

    @Override
    public String description() {
      return kafka.description();
    }

    @Override
    public MicroBatchStream toMicroBatchStream(String checkpoint) {
      return new SharedKafkaStream((KafkaMicroBatchStream) kafka.toMicroBatchStream(checkpoint), readers);
    }
  }
}
