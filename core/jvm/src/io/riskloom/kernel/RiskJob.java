package io.riskloom.kernel;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.KeyValueGroupedDataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** What Python calls: from the records of all domains' topics to the records of the scores and dead-letter topics. */
public final class RiskJob {
  /** The column of frames: the name that Spark gives to one of bytes, as another would be a copy of each. */
  static final String FRAME = "value";

  private RiskJob() {}

  /**
   * Build the job.
   *
   * @param records rows of Spark's Kafka source: key, value, topic, partition, offset, timestamp, streaming or not
   * @param planJson a {@link JobPlan}
   * @param inBatches whether many events of a key come at once
   * @param monitor is given the job's numbers while it runs; null for none
   * @return rows for Spark's Kafka sink: topic, key, value
   */
  public static Dataset<Row> apply(Dataset<Row> records, String planJson, boolean inBatches, JobMonitor monitor) {
    JobPlan plan = JobPlan.parse(planJson);
    SparkSession spark = (SparkSession) records.sparkSession();
    JobMetrics metrics = monitor == null ? JobMonitor.register(spark.sparkContext(), plan) : monitor.watch(plan);
    CompiledJob job = CompiledJob.compile(spark, plan);
    Dataset<Row> frames = decoded(records, job, metrics);
    for (int operator = 0; operator <= plan.entities().size(); operator++) {
      StateKeys keys = StateKeys.of(plan, operator);
      frames = operate(inBatches ? together(frames, keys) : grouped(frames, keys), job, operator, metrics);
    }
    return frames;
  }

  /** Have an operator take frames. It answers frames; the last one rows for Spark's Kafka sink. */
  static Dataset<Row> operate(
      KeyValueGroupedDataset<String, byte[]> grouped, CompiledJob job, int operator, JobMetrics metrics) {
    JobPlan plan = job.plan();
    if (operator < plan.entities().size()) {
      EntityWindows windows = new EntityWindows(job, operator);
      return grouped
          .transformWithState(windows, TimeMode.ProcessingTime(), OutputMode.Update(), Encoders.BINARY())
          .toDF();
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

  /** Frames by their state, those of one state put together on their way there. */
  private static KeyValueGroupedDataset<String, byte[]> together(Dataset<Row> frames, StateKeys keys) {
    return frames
        .as(Encoders.BINARY())
        .mapPartitions(new FrameGroups(keys), Encoders.BINARY())
        .groupByKey(keys, Encoders.STRING());
  }

  /** Frames by their state, each by itself. */
  static KeyValueGroupedDataset<String, byte[]> grouped(Dataset<Row> frames, StateKeys keys) {
    UserDefinedFunction stateKey = functions.udf(keys, DataTypes.StringType);
    return frames
        .groupBy(stateKey.apply(functions.col(FRAME)).as("state_key"))
        .as(Encoders.STRING(), Encoders.BINARY());
  }
}
