package io.riskloom.kernel;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.catalyst.expressions.XXH64;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.unsafe.Platform;

/**
 * What one operator does for the events of one domain: which series they feed, which features it reads for them, and
 * whether an event counts at all.
 *
 * <p>After {@link #count} the fields hold what was found, until the next event.
 */
final class DomainWindows {
  private static final long SEED = 42;

  /** The features that are read from one series. */
  private record Group(int slot, Aggregate[] aggregates, int[] places) {}

  private final JobPlan.Domain plan;
  private final KeyState state;
  private final int place;
  private final int domainId;
  private final int[] fedSlots;
  private final int[] fedColumns;
  private final Group[] before;
  private final Group[] after;
  private final double[] defaults;

  /** The features' values, NaN for null. */
  final double[] values;

  boolean late;
  boolean duplicate;
  long sequence;

  DomainWindows(JobPlan.Domain plan, int operator, KeyState state) {
    this.plan = plan;
    this.state = state;
    place = placeOf(plan, operator);
    domainId = plan.name().hashCode();
    int[] columns = CompiledDomain.measureColumns(plan);
    List<int[]> fed = new ArrayList<>();
    for (int i = 0; i < columns.length; i++) {
      JobPlan.Series series = plan.series().get(i);
      if (series.operator() == operator) fed.add(new int[] {state.slotOf(series.id()), columns[i]});
    }
    fedSlots = fed.stream().mapToInt(one -> one[0]).toArray();
    fedColumns = fed.stream().mapToInt(one -> one[1]).toArray();
    List<JobPlan.Feature> features = features(plan, operator);
    defaults = defaults(plan, operator);
    values = new double[features.size()];
    before = groups(features, false);
    after = groups(features, true);
  }

  /** The place of an operator's entity among the domain's visits, or -1 where its events pass it by. */
  static int placeOf(JobPlan.Domain plan, int operator) {
    for (int i = 0; i < plan.visits().size(); i++) if (plan.visits().get(i).operator() == operator) return i;
    return -1;
  }

  /** The features that an operator reads. */
  static List<JobPlan.Feature> features(JobPlan.Domain plan, int operator) {
    return plan.features().stream().filter(feature -> feature.operator() == operator).toList();
  }

  /** What those features are for an event that has no such entity. */
  static double[] defaults(JobPlan.Domain plan, int operator) {
    return features(plan, operator).stream()
        .mapToDouble(one -> one.defaultValue() == null ? Series.NONE : one.defaultValue())
        .toArray();
  }

  private Group[] groups(List<JobPlan.Feature> features, boolean includeEvent) {
    Map<Integer, List<Integer>> bySlot = new LinkedHashMap<>();
    for (int i = 0; i < features.size(); i++) {
      JobPlan.Feature one = features.get(i);
      if (one.series() == null || one.includeEvent() != includeEvent) continue;
      bySlot.computeIfAbsent(state.slotOf(one.series()), slot -> new ArrayList<>()).add(i);
    }
    List<Group> groups = new ArrayList<>();
    bySlot.forEach(
        (slot, places) -> {
          Aggregate[] aggregates =
              places.stream().map(i -> Aggregate.named(features.get(i).aggregate())).toArray(Aggregate[]::new);
          groups.add(new Group(slot, aggregates, places.stream().mapToInt(i -> i).toArray()));
        });
    return groups.toArray(Group[]::new);
  }

  int place() {
    return place;
  }

  KeyState state() {
    return state;
  }

  /** Count an event in the loaded state, unless it is a duplicate, and read its features. */
  void count(Frame event) {
    RecentIds recent = state.recent(domainId);
    long id = plan.deduplicate() ? hash(event.id()) : 0;
    duplicate = plan.deduplicate() && recent.contains(id);
    late = recent.newestMs() != RecentIds.NEVER && event.timeMs() < recent.newestMs() - plan.lateToleranceMs();
    sequence = duplicate ? state.sequence() : state.nextSequence();
    System.arraycopy(defaults, 0, values, 0, values.length);
    read(before, event.timeMs());
    if (!duplicate && (!late || plan.countLate())) {
      recent.advance(event.timeMs());
      if (plan.deduplicate()) recent.remember(id, event.timeMs(), plan.lateToleranceMs());
      InternalRow row = event.row();
      for (int i = 0; i < fedSlots.length; i++) {
        if (!row.isNullAt(fedColumns[i])) state.series(fedSlots[i]).add(event.timeMs(), row, fedColumns[i]);
      }
    }
    read(after, event.timeMs());
  }

  private void read(Group[] groups, long timeMs) {
    for (Group group : groups) {
      Series series = state.series(group.slot);
      series.seek(timeMs);
      if (series.holdsNothing()) continue;
      for (int i = 0; i < group.places.length; i++) values[group.places[i]] = series.value(group.aggregates[i]);
    }
  }

  private static long hash(byte[] id) {
    return XXH64.hashUnsafeBytes(id, Platform.BYTE_ARRAY_OFFSET, id.length, SEED);
  }
}
