package io.riskloom.kernel;

import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.StructType;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * SQL expressions over one row, compiled by Spark's own analyser, optimiser and code generator, and run row by row
 * inside the kernel, where an expression that fails costs one dead letter and not the query.
 */
final class SqlProgram implements Serializable {
  private record Step(Seq<Expression> expressions, Seq<Attribute> inputs) implements Serializable {}

  private final List<Attribute> available;
  private final List<String> inputs;
  private final List<Step> steps;

  private SqlProgram(List<Attribute> available, List<String> inputs, List<Step> steps) {
    this.available = available;
    this.inputs = inputs;
    this.steps = steps;
  }

  /** The columns that the outputs depend on, in the schema's order: what a row must hold, unless a layout is given. */
  List<String> inputs() {
    return inputs;
  }

  /** The same program for rows that hold these columns of the schema, in this order. */
  SqlProgram forLayout(List<String> columns) {
    Map<String, Attribute> byName = new HashMap<>();
    available.forEach(attribute -> byName.put(attribute.name(), attribute));
    List<Step> relaid = new ArrayList<>(steps);
    relaid.set(0, new Step(steps.get(0).expressions, seq(columns.stream().map(byName::get).toList())));
    return new SqlProgram(available, List.copyOf(columns), List.copyOf(relaid));
  }

  /**
   * Compile.
   *
   * @param schema the columns there are at first
   * @param stages columns added stage by stage; those of a stage may use all of the stages before it
   * @param outputs the columns of the result, in order
   */
  static SqlProgram compile(
      SparkSession spark, StructType schema, List<List<JobPlan.NamedSql>> stages, List<String> outputs) {
    // An RDD, not a local relation: the optimiser would fold a query over an empty relation away.
    JavaRDD<Row> none = JavaSparkContext.fromSparkContext(spark.sparkContext()).emptyRDD();
    Dataset<Row> rows = spark.createDataFrame(none, schema);
    for (List<JobPlan.NamedSql> stage : stages) {
      Column[] columns = new Column[stage.size() + 1];
      columns[0] = functions.col("*");
      for (int i = 0; i < stage.size(); i++) {
        columns[i + 1] = functions.expr(stage.get(i).sql()).as(stage.get(i).name());
      }
      rows = rows.select(columns);
    }
    rows = rows.select(outputs.stream().map(name -> functions.col(quoted(name))).toArray(Column[]::new));
    return of(rows.queryExecution().optimizedPlan());
  }

  private static String quoted(String name) {
    return "`" + name.replace("`", "``") + "`";
  }

  private static SqlProgram of(LogicalPlan optimized) {
    Deque<Seq<? extends NamedExpression>> lists = new ArrayDeque<>();
    LogicalPlan plan = optimized;
    while (plan instanceof Project project) {
      lists.push(project.projectList());
      plan = project.child();
    }
    if (CollectionConverters.asJava(plan.children()).size() > 0) {
      throw new IllegalArgumentException("not an expression over one row: " + plan.nodeName());
    }
    if (lists.isEmpty()) lists.push(plan.output());
    Set<Long> used = new HashSet<>();
    for (NamedExpression one : CollectionConverters.asJava(lists.peek())) {
      for (Attribute a : CollectionConverters.asJava(((Expression) one).references().toSeq())) used.add(a.exprId().id());
    }
    List<Attribute> available = List.copyOf(CollectionConverters.asJava(plan.output()));
    List<Attribute> leaf = available.stream().filter(a -> used.contains(a.exprId().id())).toList();
    List<Step> steps = new ArrayList<>();
    Seq<Attribute> inputs = seq(leaf);
    for (Seq<? extends NamedExpression> list : lists) {
      List<Expression> expressions = new ArrayList<>();
      List<Attribute> outputs = new ArrayList<>();
      for (NamedExpression one : CollectionConverters.asJava(list)) {
        expressions.add((Expression) one);
        outputs.add(one.toAttribute());
      }
      steps.add(new Step(seq(expressions), inputs));
      inputs = seq(outputs);
    }
    return new SqlProgram(available, leaf.stream().map(Attribute::name).toList(), List.copyOf(steps));
  }

  private static <T> Seq<T> seq(List<T> items) {
    return CollectionConverters.asScala(items).toList();
  }

  /** Generate the code. The result belongs to one thread and reuses its row. */
  Runner runner() {
    return new Runner(
        steps.stream().map(s -> UnsafeProjection.create(s.expressions, s.inputs)).toArray(UnsafeProjection[]::new));
  }

  static final class Runner {
    private final UnsafeProjection[] projections;

    private Runner(UnsafeProjection[] projections) {
      this.projections = projections;
    }

    UnsafeRow run(InternalRow row) {
      UnsafeRow result = null;
      for (UnsafeProjection projection : projections) {
        result = projection.apply(row);
        row = result;
      }
      return result;
    }
  }
}
