package io.riskloom.kernel;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * A domain with its SQL compiled into two programs, on the driver, once.
 *
 * <p>{@code extract} runs where a record is decoded: from the event's fields to time, id, keys, the measures of its series
 * and the fields that the score needs. {@code score} runs in the keyed state: from that row joined with the window
 * features to all features, what each reason added, score and level. Only fields that either needs are decoded.
 *
 * @param id of this compilation: no other has the same
 * @param extracted the columns of the row that the first makes for the second
 */
record CompiledDomain(
    String id, JobPlan.Domain plan, String prunedSchema, SqlProgram extract, SqlProgram score, List<String> extracted)
    implements Serializable {
  static final int TIME = 0;
  static final int ID = 1;
  static final int KEYS = 2;
  private static final String PREFIX = "_riskloom_";

  static CompiledDomain compile(SparkSession spark, JobPlan.Domain plan) throws ParseException {
    Schema reader = AvroTypes.parse(plan.readerSchema());
    StructType fields = AvroTypes.row(reader);

    List<JobPlan.NamedSql> measures = new ArrayList<>();
    measures.add(column("time", "CAST(`" + plan.eventTime() + "` AS TIMESTAMP)"));
    measures.add(column("id", "CAST(`" + plan.eventId() + "` AS STRING)"));
    for (int i = 0; i < plan.visits().size(); i++) {
      measures.add(column("key" + i, "CAST(`" + plan.visits().get(i).field() + "` AS STRING)"));
    }
    for (int i = 0; i < plan.series().size(); i++) {
      JobPlan.Series series = plan.series().get(i);
      measures.add(column("measure" + i, series.measure()));
      if (series.other() != null) measures.add(column("other" + i, series.other()));
    }

    StructType scored = fields;
    for (JobPlan.Feature feature : plan.features()) scored = scored.add(feature.name(), DataTypes.DoubleType, true);
    for (JobPlan.NamedSql measure : measures) scored = scored.add(measure.name(), DataTypes.NullType, true);
    List<String> results = new ArrayList<>(plan.featureColumns());
    plan.reasons().forEach(reason -> results.add(reason.column()));
    results.add(plan.scoreColumn());
    results.add(plan.levelColumn());
    SqlProgram score = SqlProgram.compile(spark, scored, plan.stages(), results);

    List<String> extracted = new ArrayList<>(measures.stream().map(JobPlan.NamedSql::name).toList());
    score.inputs().stream().filter(name -> fields.getFieldIndex(name).isDefined()).forEach(extracted::add);
    SqlProgram extract = SqlProgram.compile(spark, fields, List.of(measures), extracted);

    String pruned = prune(reader, extract.inputs()).toString();
    return new CompiledDomain(UUID.randomUUID().toString(), plan, pruned, extract, score, List.copyOf(extracted));
  }

  /** The column that holds the measure of each series, in the order of the series. */
  static int[] measureColumns(JobPlan.Domain plan) {
    int[] columns = new int[plan.series().size()];
    int next = KEYS + plan.visits().size();
    for (int i = 0; i < columns.length; i++) {
      columns[i] = next;
      next += plan.series().get(i).other() == null ? 1 : 2;
    }
    return columns;
  }

  private static JobPlan.NamedSql column(String name, String sql) {
    return new JobPlan.NamedSql(PREFIX + name, sql);
  }

  /** The reader schema with only these fields, in this order. */
  private static Schema prune(Schema reader, List<String> names) {
    List<Schema.Field> kept = new ArrayList<>();
    for (String name : names) kept.add(new Schema.Field(reader.getField(name), reader.getField(name).schema()));
    Schema pruned = Schema.createRecord(reader.getName(), reader.getDoc(), reader.getNamespace(), false, kept);
    reader.getAliases().forEach(pruned::addAlias);
    return pruned;
  }
}
