package io.riskloom.kernel;

import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.TimeMode;

/**
 * The last operator, which keeps the windows of the events' keys: it has all features of an event, runs the rule, and writes
 * the score.
 *
 * <p>Output: rows of topic, key, value, ready for Kafka.
 */
final class WindowScorer extends KeyedWindows<Row> {
  private final int operator;
  private final JobMetrics metrics;

  private transient Domain[] domains;
  private transient DeadLetterWriter deadLetters;

  WindowScorer(CompiledJob job, JobMetrics metrics) {
    super(job, job.plan().entities().size());
    operator = job.plan().entities().size();
    this.metrics = metrics;
  }

  /** One domain, ready to score: where its features are found, its code, its writer. */
  private static final class Domain {
    private final CompiledDomain compiled;
    private final ScoreWriter writer;
    private final Map<Integer, Long> emitFrom;

    /** The place of each feature among those of this operator, or -1 - its place among what earlier ones found. */
    private final int[] places;

    private SqlProgram.InPlace score;

    /** The place of each feature among the inputs of the score. */
    private int[] inputs;

    Domain(CompiledDomain compiled, JobPlan plan, int operator) {
      this.compiled = compiled;
      writer = new ScoreWriter(compiled.plan(), plan.scores().schemaId());
      emitFrom = plan.emitFrom().getOrDefault(compiled.plan().topic(), Map.of());
      places = places(compiled.plan(), operator);
    }

    private static int[] places(JobPlan.Domain plan, int operator) {
      int[] places = new int[plan.features().size()];
      int found = 0;
      for (JobPlan.Visit visit : plan.visits()) {
        boolean own = visit.operator() == operator;
        int next = own ? 0 : found + 1; // after the sequence number
        for (int i = 0; i < places.length; i++) {
          if (plan.features().get(i).operator() != visit.operator()) continue;
          places[i] = own ? next++ : -1 - next++;
        }
        found = next;
      }
      return places;
    }

    /** Run the rule over an event and its features. */
    SqlProgram.InPlace score(Frame event, double[] own) {
      if (score == null) open();
      double[] found = event.found();
      for (int i = 0; i < places.length; i++) {
        score.set(inputs[i], places[i] >= 0 ? own[places[i]] : found[-1 - places[i]]);
      }
      score.run(event.row());
      return score;
    }

    /** The code is generated when the first event needs it. */
    private void open() {
      score = TaskPool.take("score " + compiled.id(), () -> compiled.score().inPlace(compiled.extracted()));
      inputs = compiled.plan().features().stream().mapToInt(one -> score.placeOf(one.name())).toArray();
    }
  }

  @Override
  public void init(OutputMode outputMode, TimeMode timeMode) {
    super.init(outputMode, timeMode);
    domains = job.domains().stream().map(one -> new Domain(one, job.plan(), operator)).toArray(Domain[]::new);
    deadLetters = new DeadLetterWriter(job.plan().deadLetters().schemaId());
  }

  @Override
  void pass(byte[] frame, List<Row> out) {
    if (Frame.isDeadLetter(frame)) {
      out.add(RowFactory.create(job.plan().deadLetters().topic(), null, Frame.deadLetterValue(frame)));
    }
  }

  @Override
  void emit(byte[] frame, Frame event, DomainWindows found, List<Row> out) {
    Domain domain = domains[event.domain()];
    if (event.offset() < domain.emitFrom.getOrDefault(event.partition(), 0L)) return;
    JobPlan.Domain spec = domain.compiled.plan();
    try {
      SqlProgram.InPlace result = domain.score(event, found.values);
      out.add(RowFactory.create(job.plan().scores().topic(), event.key(), domain.writer.write(event, result, found)));
      metrics.scored(event.domain(), found.late, found.duplicate);
    } catch (RuntimeException e) {
      metrics.deadLetter(event.domain(), "rule_failed");
      var origin = new DeadLetterWriter.Origin(spec.topic(), event.partition(), event.offset());
      String detail = DeadLetterWriter.describe(e);
      byte[] letter =
          deadLetters.write("score", spec.name(), "rule_failed", detail, origin, event.schemaId(), event.key(), null);
      out.add(RowFactory.create(job.plan().deadLetters().topic(), null, letter));
    }
  }
}
