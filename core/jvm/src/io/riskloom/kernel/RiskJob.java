package io.riskloom.kernel;

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
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
  private RiskJob() {}

  /** Which state a frame belongs to. */
  private record StateKey(String[] entityOfDomain) implements UDF1<byte[], String> {
    @Override
    public String call(byte[] frame) {
      return Frame.stateKey(frame, entityOfDomain);
    }
  }

  private static CompiledDomain compile(SparkSession spark, JobPlan.Domain domain) {
    try {
      return CompiledDomain.compile(spark, domain);
    } catch (Exception e) { // Spark's AnalysisException is a checked one that no signature tells of
      throw new IllegalArgumentException("domain " + domain.name() + ": " + e.getMessage(), e);
    }
  }

  /**
   * Build the job.
   *
   * @param records rows of Spark's Kafka source: key, value, topic, partition, offset, streaming or not
   * @param planJson a {@link JobPlan}
   * @return rows for Spark's Kafka sink: topic, key, value
   */
  public static Dataset<Row> apply(Dataset<Row> records, String planJson) {
    JobPlan plan = JobPlan.parse(planJson);
    SparkSession spark = (SparkSession) records.sparkSession();
    List<CompiledDomain> domains = plan.domains().stream().map(domain -> compile(spark, domain)).toList();
    String[] entityOfDomain = plan.domains().stream().map(JobPlan.Domain::entity).toArray(String[]::new);

    UserDefinedFunction decode = functions.udf(new EventDecoder(plan, domains), DataTypes.BinaryType);
    UserDefinedFunction stateKey = functions.udf(new StateKey(entityOfDomain), DataTypes.StringType);
    StructType output =
        new StructType().add("topic", "string").add("key", "binary").add("value", "binary");
    return records
        .select(
            decode
                .apply(
                    functions.col("key"),
                    functions.col("value"),
                    functions.col("topic"),
                    functions.col("partition"),
                    functions.col("offset"))
                .as("frame"))
        .groupBy(stateKey.apply(functions.col("frame")).as("state_key"))
        .as(Encoders.STRING(), Encoders.BINARY())
        .transformWithState(
            new WindowScorer(plan, domains), TimeMode.ProcessingTime(), OutputMode.Update(), Encoders.row(output));
  }
}
