package io.riskloom.kernel;

import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.analysis.UnresolvedAttribute;
import org.apache.spark.sql.catalyst.analysis.UnresolvedStar;
import org.apache.spark.sql.catalyst.expressions.Alias;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.BoundReference;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.MutableProjection;
import org.apache.spark.sql.catalyst.expressions.NamedExpression;
import org.apache.spark.sql.catalyst.expressions.SpecificInternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeProjection;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.catalyst.expressions.aggregate.NoOp$;
import org.apache.spark.sql.catalyst.parser.ParseException;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.Project;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Option;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * SQL expressions over one row, compiled by Spark's own analyser, optimiser and code generator, and run row by row
 * inside the kernel, where an expression that fails costs one dead letter and not the query.
 */
final class SqlProgram implements Serializable {
  private final List<Attribute> inputs;

  /** What Spark's optimiser made of it: each list makes the columns that the next one may use, the last one the outputs. */
  private final List<List<NamedExpression>> lists;

  private SqlProgram(List<Attribute> inputs, List<List<NamedExpression>> lists) {
    this.inputs = inputs;
    this.lists = lists;
  }

  /** The columns that the outputs depend on, in the schema's order. */
  List<String> inputs() {
    return inputs.stream().map(Attribute::name).toList();
  }

  /**
   * Compile.
   *
   * @param schema the columns there are at first
   * @param stages columns added stage by stage; those of a stage may use all of the stages before it
   * @param outputs the columns of the result, in order
   * @throws ParseException if a text is no SQL expression; Spark's AnalysisException, which no signature tells of, if it
   *     cannot be resolved
   */
  static SqlProgram compile(
      SparkSession spark, StructType schema, List<List<JobPlan.NamedSql>> stages, List<String> outputs)
      throws ParseException {
    // An RDD, not a local relation: the optimiser would fold a query over an empty relation away.
    JavaRDD<Row> none = JavaSparkContext.fromSparkContext(spark.sparkContext()).emptyRDD();
    LogicalPlan plan = spark.createDataFrame(none, schema).logicalPlan();
    // One plan of all stages: it is analysed once, where a Dataset for each would be analysed one by one.
    for (List<JobPlan.NamedSql> stage : stages) {
      List<NamedExpression> columns = new ArrayList<>(List.of(new UnresolvedStar(Option.empty())));
      for (JobPlan.NamedSql one : stage) {
        Expression parsed = spark.sessionState().sqlParser().parseExpression(one.sql());
        columns.add(
            new Alias(parsed, one.name(), NamedExpression.newExprId(), seq(List.of()), Option.empty(), seq(List.of())));
      }
      plan = new Project(seq(columns), plan);
    }
    List<NamedExpression> results = new ArrayList<>();
    for (String name : outputs) results.add(new UnresolvedAttribute(seq(List.of(name))));
    return of(Dataset.ofRows(spark, new Project(seq(results), plan)).queryExecution().optimizedPlan());
  }

  private static SqlProgram of(LogicalPlan optimized) {
    Deque<List<NamedExpression>> lists = new ArrayDeque<>();
    LogicalPlan plan = optimized;
    while (plan instanceof Project project) {
      lists.push(List.copyOf(CollectionConverters.asJava(project.projectList())));
      plan = project.child();
    }
    if (CollectionConverters.asJava(plan.children()).size() > 0) {
      throw new IllegalArgumentException("not an expression over one row: " + plan.nodeName());
    }
    List<Attribute> available = CollectionConverters.asJava(plan.output());
    if (lists.isEmpty()) lists.push(List.copyOf(available));
    Set<Long> used = new HashSet<>();
    for (NamedExpression one : lists.peek()) {
      for (Attribute a : CollectionConverters.asJava(((Expression) one).references().toSeq())) used.add(a.exprId().id());
    }
    List<Attribute> inputs = available.stream().filter(a -> used.contains(a.exprId().id())).toList();
    return new SqlProgram(inputs, List.copyOf(lists));
  }

  private static <T> Seq<T> seq(List<T> items) {
    return CollectionConverters.asScala(items).toList();
  }

  /** Generate the code of a program from row to row: each row is new, packed, and holds the outputs. For one thread. */
  Packing packing() {
    List<UnsafeProjection> steps = new ArrayList<>();
    List<Attribute> given = inputs;
    for (List<NamedExpression> list : lists) {
      steps.add(UnsafeProjection.create(seq(list.stream().map(Expression.class::cast).toList()), seq(given)));
      given = list.stream().map(NamedExpression::toAttribute).toList();
    }
    return new Packing(steps.toArray(UnsafeProjection[]::new));
  }

  /** Makes packed rows of rows of the inputs, one at a time: the row is reused. */
  static final class Packing {
    private final UnsafeProjection[] steps;

    private Packing(UnsafeProjection[] steps) {
      this.steps = steps;
    }

    UnsafeRow run(InternalRow row) {
      UnsafeRow result = null;
      for (UnsafeProjection step : steps) {
        result = step.apply(row);
        row = result;
      }
      return result;
    }
  }

  /**
   * Generate the code of a program that works in place: no column is copied from step to step, however many there are. For
   * one thread.
   *
   * @param columns those of the rows that will be given; all other inputs are set by name
   */
  InPlace inPlace(List<String> columns) {
    List<Attribute> slots = new ArrayList<>(inputs);
    List<List<NamedExpression>> computed = new ArrayList<>();
    for (List<NamedExpression> list : lists) {
      computed.add(list.stream().filter(one -> !(one instanceof Attribute)).toList());
      computed.get(computed.size() - 1).forEach(one -> slots.add(one.toAttribute()));
    }
    Map<Long, Integer> slotOf = new HashMap<>();
    for (int i = 0; i < slots.size(); i++) slotOf.put(slots.get(i).exprId().id(), i);

    List<MutableProjection> steps = new ArrayList<>();
    List<Expression> given = nothing(slots.size());
    for (int i = 0; i < inputs.size(); i++) {
      int at = columns.indexOf(inputs.get(i).name());
      if (at >= 0) given.set(i, new BoundReference(at, inputs.get(i).dataType(), inputs.get(i).nullable()));
    }
    MutableProjection take = MutableProjection.create(seq(given));
    for (List<NamedExpression> list : computed) {
      if (list.isEmpty()) continue;
      List<Expression> expressions = nothing(slots.size());
      for (NamedExpression one : list) expressions.set(slotOf.get(one.exprId().id()), (Expression) one);
      steps.add(MutableProjection.create(seq(expressions), seq(slots)));
    }
    int[] outputs =
        lists.get(lists.size() - 1).stream().mapToInt(one -> slotOf.get(one.exprId().id())).toArray();
    SpecificInternalRow row = new SpecificInternalRow(seq(slots.stream().map(Attribute::dataType).toList()));
    return new InPlace(inputs(), row, take, steps.toArray(MutableProjection[]::new), outputs);
  }

  private static List<Expression> nothing(int slots) {
    return new ArrayList<>(Collections.nCopies(slots, (Expression) NoOp$.MODULE$));
  }

  /** Computes the outputs of one row after the other, beside its inputs. */
  static final class InPlace {
    private final List<String> inputs;
    private final SpecificInternalRow row;
    private final MutableProjection take;
    private final MutableProjection[] steps;
    private final int[] outputs;

    private InPlace(
        List<String> inputs,
        SpecificInternalRow row,
        MutableProjection take,
        MutableProjection[] steps,
        int[] outputs) {
      this.inputs = inputs;
      this.row = row;
      this.take = take.target(row);
      this.steps = steps;
      for (MutableProjection step : steps) step.target(row);
      this.outputs = outputs;
    }

    /** The place of an input that is no column of the given rows, for {@link #set}. */
    int placeOf(String input) {
      return inputs.indexOf(input);
    }

    /** Set a number, NaN for null, before {@link #run}. */
    void set(int place, double value) {
      if (Double.isNaN(value)) row.setNullAt(place);
      else row.setDouble(place, value);
    }

    /** Compute the outputs of a row together with the numbers that were set; they stand until the next run. */
    void run(InternalRow given) {
      take.apply(given);
      for (MutableProjection step : steps) step.apply(row);
    }

    boolean isNull(int output) {
      return row.isNullAt(outputs[output]);
    }

    double number(int output) {
      return row.getDouble(outputs[output]);
    }

    UTF8String text(int output) {
      return row.getUTF8String(outputs[output]);
    }
  }
}
