package io.riskloom.kernel;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** What Python calls: from the records of all domains' topics to the records of the scores and dead-letter topics. */
public final class RiskJob {
  private static final String FRAME = "frame";

  private RiskJob() {}

  /** Which state of an operator a frame belongs to; arrays by domain. */
  private record StateKey(String[] entities, int[] places) implements UDF1<byte[], String> {
    @Override
    public String call(byte[] frame) {
      return KeyedWindows.stateKey(frame, entities, places);
    }
  }

  /**
   * Build the job.
   *
   * @param records rows of Spark's Kafka source: key, value, topic, partition, offset, timestamp, streaming or not
   * @param planJson a {@link JobPlan}
   * @param monitor is given the job's numbers while it runs; null for none
   * @return rows for Spark's Kafka sink: topic, key, value
   */
  public static Dataset<Row> apply(Dataset<Row> records, String planJson, JobMonitor monitor) {
    JobPlan plan = JobPlan.parse(planJson);
    SparkSession spark = (SparkSession) records.sparkSession();
    JobMetrics metrics = monitor == null ? JobMonitor.register(spark.sparkContext(), plan) : monitor.watch(plan);
    CompiledJob job = CompiledJob.compile(spark, plan);
    Dataset<Row> frames = decoded(records, job, metrics);
    for (int operator = 0; operator <= plan.entities().size(); operator++) {
      frames = operate(frames, job, operator, metrics);
    }
    return frames;
  }

  /** Have an operator take frames. It answers frames; the last one rows for Spark's Kafka sink. */
  static Dataset<Row> operate(Dataset<Row> frames, CompiledJob job, int operator, JobMetrics metrics) {
    JobPlan plan = job.plan();
    KeyValueGroupedDataset<String, byte[]> grouped = grouped(frames, plan, operator);
    if (operator < plan.entities().size()) {
      EntityWindows windows = new EntityWindows(job, operator);
      return grouped
          .transformWithState(windows, TimeMode.ProcessingTime(), OutputMode.Update(), Encoders.BINARY())
          .toDF(FRAME);
    }
    StructType output =
        new StructType().add("topic", "string").add("key", "binary").add("value", "binary");
    WindowScorer scorer = new WindowScorer(job, metrics);
    return grouped.transformWithState(
        scorer, TimeMode.ProcessingTime(), OutputMode.Update(), Encoders.row(output));
  }

  /**
   * Only decode, to measure what that costs of the whole.
   *
   * @param records as for {@link #apply}
   * @param planJson a {@link JobPlan}
   * @return rows of one column, the frames
   */
  public static Dataset<Row> decode(Dataset<Row> records, String planJson) {
    JobPlan plan = JobPlan.parse(planJson);
    SparkSession spark = (SparkSession) records.sparkSession();
    return decoded(records, CompiledJob.compile(spark, plan), JobMonitor.register(spark.sparkContext(), plan));
  }

  static Dataset<Row> decoded(Dataset<Row> records, CompiledJob job, JobMetrics metrics) {
    UserDefinedFunction decode = functions.udf(new EventDecoder(job, metrics), DataTypes.BinaryType);
    return records.select(
        decode
            .apply(
                functions.col("key"),
                functions.col("value"),
                functions.col("topic"),
                functions.col("partition"),
                functions.col("offset"),
                functions.unix_millis(functions.col("timestamp")))
            .as(FRAME));
  }

  private static KeyValueGroupedDataset<String, byte[]> grouped(Dataset<Row> frames, JobPlan plan, int operator) {
    int count = plan.domains().size();
    String[] entities = new String[count];
    int[] places = new int[count];
    for (int i = 0; i < count; i++) {
      JobPlan.Domain domain = plan.domains().get(i);
      places[i] = DomainWindows.placeOf(domain, operator);
      entities[i] = places[i] < 0 ? null : domain.visits().get(places[i]).entity();
    }
    UserDefinedFunction stateKey = functions.udf(new StateKey(entities, places), DataTypes.StringType);
    return frames
        .groupBy(stateKey.apply(functions.col(FRAME)).as("state_key"))
        .as(Encoders.STRING(), Encoders.BINARY());
  }
}
