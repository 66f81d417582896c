package io.riskloom.kernel;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.sql.streaming.ExpiredTimerInfo;
import org.apache.spark.sql.streaming.OutputMode;
import org.apache.spark.sql.streaming.StatefulProcessor;
import org.apache.spark.sql.streaming.TTLConfig;
import org.apache.spark.sql.streaming.TimeMode;
import org.apache.spark.sql.streaming.TimerValues;
import org.apache.spark.sql.streaming.ValueState;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The keyed window kernel: for each event, in the order of arrival at its key, update the key's windows, read the
 * event's features from them, run the rule, and write the score.
 *
 * <p>Input: frames, grouped by entity key. Output: rows of topic, key, value, ready for Kafka.
 */
final class WindowScorer extends StatefulProcessor<String, byte[], Row> {
  private static final long DAY_MS = Duration.ofDays(1).toMillis();

  private final JobPlan plan;
  private final List<CompiledDomain> compiled;

  private transient ValueState<byte[]> state;
  private transient int daysKept;
  private transient Domain[] domains;
  private transient UnsafeRow[] rows;
  private transient DeadLetterWriter deadLetters;
  private transient TileSeries.Window window;

  WindowScorer(JobPlan plan, List<CompiledDomain> compiled) {
    this.plan = plan;
    this.compiled = compiled;
  }

  /** One domain, ready to score: the scratch state it shares with its entity's other domains, its code, its writer. */
  private static final class Domain {
    private final CompiledDomain compiled;
    private final int id;
    private final KeyState keyState;
    private SqlProgram.Runner score;
    private final ScoreWriter writer;

    Domain(CompiledDomain compiled, KeyState keyState, int scoreSchemaId) {
      this.compiled = compiled;
      this.keyState = keyState;
      id = compiled.plan().name().hashCode();
      writer = new ScoreWriter(compiled.plan(), scoreSchemaId);
    }

    /** The code is generated when the first event needs it. */
    private SqlProgram.Runner score() {
      if (score == null) score = compiled.score().runner();
      return score;
    }
  }

  @Override
  public void init(OutputMode outputMode, TimeMode timeMode) {
    long longest = 0;
    Map<String, List<JobPlan.Series>> byEntity = new LinkedHashMap<>();
    for (CompiledDomain one : compiled) {
      byEntity.computeIfAbsent(one.plan().entity(), e -> new ArrayList<>()).addAll(one.plan().series());
      for (JobPlan.Series series : one.plan().series()) longest = Math.max(longest, series.windowMs());
    }
    state = getHandle().getValueState("windows", Encoders.BINARY(), TTLConfig.NONE());
    // Two days more than the longest window: the clock of the expiry is this machine's, not the events'.
    daysKept = 2 + Math.toIntExact(Duration.ofMillis(longest + plan.lateToleranceMs()).toDays());
    Map<String, KeyState> states = new LinkedHashMap<>();
    byEntity.forEach((entity, series) -> states.put(entity, new KeyState(series, plan.lateToleranceMs())));
    domains = new Domain[compiled.size()];
    rows = new UnsafeRow[compiled.size()];
    for (int i = 0; i < domains.length; i++) {
      CompiledDomain one = compiled.get(i);
      domains[i] = new Domain(one, states.get(one.plan().entity()), plan.scores().schemaId());
      rows[i] = new UnsafeRow(one.extractedColumns());
    }
    deadLetters = new DeadLetterWriter(plan.deadLetters().schemaId());
    window = new TileSeries.Window();
  }

  @Override
  public scala.collection.Iterator<Row> handleInputRows(
      String key, scala.collection.Iterator<byte[]> frames, TimerValues timers) {
    List<Row> out = new ArrayList<>(1);
    KeyState loaded = null;
    while (frames.hasNext()) {
      byte[] bytes = frames.next();
      if (Frame.isDeadLetter(bytes)) {
        out.add(RowFactory.create(plan.deadLetters().topic(), null, Frame.deadLetterValue(bytes)));
        continue;
      }
      Frame event = Frame.decode(bytes, rows);
      Domain domain = domains[event.domain()];
      if (loaded == null) {
        loaded = domain.keyState;
        loaded.load(state.get());
        postponeExpiry(key, loaded);
      }
      out.add(score(domain, event));
    }
    if (loaded != null) state.update(loaded.save());
    return CollectionConverters.asScala(out.iterator());
  }

  /**
   * Keep the state for as long as its windows can matter. One timer a key and a day: Spark's own time-to-live costs
   * several writes for each event.
   */
  private void postponeExpiry(String key, KeyState keyState) {
    int day = Math.toIntExact(System.currentTimeMillis() / DAY_MS) + daysKept;
    if (keyState.expiryDay() >= day) return;
    if (keyState.expiryDay() > 0) getHandle().deleteTimer(expiryMs(key, keyState.expiryDay()));
    getHandle().registerTimer(expiryMs(key, day));
    keyState.expireOn(day);
  }

  /** Spread over the day, so that not all states go at midnight. */
  private static long expiryMs(String key, int day) {
    return day * DAY_MS + Math.floorMod(key.hashCode(), DAY_MS);
  }

  @Override
  public scala.collection.Iterator<Row> handleExpiredTimer(
      String key, TimerValues timers, ExpiredTimerInfo expired) {
    state.clear();
    return CollectionConverters.asScala(Collections.<Row>emptyIterator());
  }

  private Row score(Domain domain, Frame event) {
    JobPlan.Domain spec = domain.compiled.plan();
    KeyState keyState = domain.keyState;
    long sequence = keyState.nextSequence();
    long newest = keyState.advance(domain.id, event.timeMs());
    boolean late = newest != Long.MIN_VALUE && event.timeMs() < newest - plan.lateToleranceMs();
    for (int i = 0; i < spec.series().size(); i++) {
      int column = CompiledDomain.MEASURES + i;
      if (event.row().isNullAt(column)) continue;
      double value = event.row().getDouble(column);
      // One NaN or infinity would be the window's sum for as long as the window lasts.
      if (Double.isFinite(value)) keyState.series(spec.series().get(i).id()).add(event.timeMs(), value);
    }
    try {
      UnsafeRow result = domain.score().run(new JoinedRow(event.row(), windowFeatures(domain, event.timeMs())));
      byte[] value = domain.writer.write(event, result, late, sequence);
      return RowFactory.create(plan.scores().topic(), event.key(), value);
    } catch (RuntimeException e) {
      var origin = new DeadLetterWriter.Origin(spec.topic(), event.partition(), event.offset());
      String detail = DeadLetterWriter.describe(e);
      byte[] letter =
          deadLetters.write("score", spec.name(), "rule_failed", detail, origin, event.schemaId(), event.key(), null);
      return RowFactory.create(plan.deadLetters().topic(), null, letter);
    }
  }

  private GenericInternalRow windowFeatures(Domain domain, long timeMs) {
    List<JobPlan.Feature> features = domain.compiled.plan().features();
    Object[] values = new Object[features.size()];
    for (int i = 0; i < values.length; i++) {
      JobPlan.Feature feature = features.get(i);
      values[i] = feature.defaultValue();
      if (feature.series() == null) continue;
      domain.keyState.series(feature.series()).window(timeMs, window);
      if (window.count > 0) values[i] = aggregate(feature.aggregate(), window);
    }
    return new GenericInternalRow(values);
  }

  private static Double aggregate(String name, TileSeries.Window window) {
    return switch (name) {
      case "count" -> (double) window.count;
      case "sum" -> window.sum;
      case "mean" -> window.sum / window.count;
      case "min" -> window.min;
      case "max" -> window.max;
      case "stddev" -> window.count > 1 ? Math.sqrt(window.squares / (window.count - 1)) : null;
      default -> throw new IllegalArgumentException("no aggregate is called " + name);
    };
  }
}
