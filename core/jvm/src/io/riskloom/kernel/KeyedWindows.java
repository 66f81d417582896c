package io.riskloom.kernel;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Encoders;
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
 * An operator that keeps windows: for each event, in the order of arrival at its key, it counts the event and reads the
 * event's features. What becomes of the event then is the subclasses'.
 *
 * <p>Input: frames, grouped by {@link StateKeys}.
 */
abstract class KeyedWindows<O> extends StatefulProcessor<String, byte[], O> {
  private static final long DAY_MS = Duration.ofDays(1).toMillis();

  /** How many half-lives a weighted value is kept for: by then it weighs a thousandth. */
  private static final int HALF_LIVES = 10;

  protected final CompiledJob job;
  private final int operator;

  private transient ValueState<byte[]> state;
  private transient int daysKept;
  private transient DomainWindows[] windows;
  private transient UnsafeRow[] rows;

  KeyedWindows(CompiledJob job, int operator) {
    this.job = job;
    this.operator = operator;
  }

  /** Deal with a frame that needs no state here: a dead letter, nothing, or an event without such an entity. */
  abstract void pass(byte[] frame, List<O> out);

  /** Deal with an event that was counted. */
  abstract void emit(byte[] frame, Frame event, DomainWindows found, List<O> out);

  @Override
  public void init(OutputMode outputMode, TimeMode timeMode) {
    long longest = 0;
    Map<String, List<JobPlan.Series>> byEntity = new LinkedHashMap<>();
    List<CompiledDomain> compiled = job.domains();
    for (JobPlan.Domain one : job.plan().domains()) {
      int place = DomainWindows.placeOf(one, operator);
      if (place < 0) continue;
      List<JobPlan.Series> kept =
          byEntity.computeIfAbsent(one.visits().get(place).entity(), e -> new ArrayList<>());
      for (JobPlan.Series series : one.series()) {
        if (series.operator() != operator) continue;
        kept.add(series);
        long reach = series.kind().equals("ewm") ? HALF_LIVES * series.windowMs() : series.windowMs();
        longest = Math.max(longest, reach + series.lateToleranceMs());
      }
    }
    state = getHandle().getValueState("windows", Encoders.BINARY(), TTLConfig.NONE());
    // Two days more than the longest window: the clock of the expiry is this machine's, not the events'.
    daysKept = 2 + Math.toIntExact(Duration.ofMillis(longest).toDays());
    Map<String, KeyState> states = new LinkedHashMap<>();
    byEntity.forEach((entity, series) -> states.put(entity, new KeyState(series)));
    windows = new DomainWindows[compiled.size()];
    rows = new UnsafeRow[compiled.size()];
    for (int i = 0; i < windows.length; i++) {
      JobPlan.Domain domain = compiled.get(i).plan();
      rows[i] = new UnsafeRow(compiled.get(i).extracted().size());
      int place = DomainWindows.placeOf(domain, operator);
      if (place >= 0) {
        windows[i] = new DomainWindows(domain, operator, states.get(domain.visits().get(place).entity()));
      }
    }
  }

  @Override
  public scala.collection.Iterator<O> handleInputRows(
      String key, scala.collection.Iterator<byte[]> frames, TimerValues timers) {
    List<O> out = new ArrayList<>(1);
    if (StateKeys.isOfNone(key)) {
      for (byte[] frame : each(frames)) pass(frame, out);
      return CollectionConverters.asScala(out.iterator());
    }
    KeyState loaded = null;
    List<byte[]> inOrder = each(frames);
    // A batch brings a key's events in the order in which they were shuffled, not in that of their arrival.
    inOrder.sort(Frame::compareArrival);
    for (byte[] frame : inOrder) {
      Frame event = Frame.decode(frame, rows);
      DomainWindows domain = windows[event.domain()];
      if (loaded == null) {
        loaded = domain.state();
        loaded.load(state.get());
        postponeExpiry(key, loaded);
      }
      domain.count(event);
      emit(frame, event, domain, out);
    }
    if (loaded != null) state.update(loaded.save());
    return CollectionConverters.asScala(out.iterator());
  }

  private static List<byte[]> each(scala.collection.Iterator<byte[]> frames) {
    List<byte[]> all = new ArrayList<>(1);
    while (frames.hasNext()) Frame.addEach(frames.next(), all);
    return all;
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
  public scala.collection.Iterator<O> handleExpiredTimer(String key, TimerValues timers, ExpiredTimerInfo expired) {
    state.clear();
    return CollectionConverters.asScala(Collections.<O>emptyIterator());
  }
}
