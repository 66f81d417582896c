package io.riskloom.kernel;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.util.AccumulatorV2;

/**
 * What the job counts while it runs, by domain: a Spark accumulator, one copy in each task, with plain fields that one
 * thread writes.
 *
 * <p>The heartbeat of an executor reads a copy while its task counts on. That is why dead letters are immutable maps and
 * growing arrays are replaced: the reader sees numbers that are a moment old, never half of a structure.
 */
final class JobMetrics extends AccumulatorV2<Void, JobMetrics.Totals> {
  static final int READ = 0;
  static final int SCORED = 1;
  static final int LATE = 2;
  static final int DUPLICATES = 3;
  private static final int COUNTERS = 4;

  private final int domains;
  private final long[] counts;
  private final long[][] positions;
  private final Map<String, Long>[] deadLetters;

  /**
   * A moment's numbers.
   *
   * @param counts by domain, {@link #COUNTERS} each
   * @param positions the offset after the newest record read, by domain and partition; 0 where none was
   * @param deadLetters by domain and reason
   */
  record Totals(long[] counts, long[][] positions, List<Map<String, Long>> deadLetters) {
    static Totals none(int domains) {
      return new JobMetrics(domains).value();
    }

    long count(int domain, int counter) {
      return counts[domain * COUNTERS + counter];
    }

    Totals plus(Totals other) {
      return new Totals(
          IntStream.range(0, counts.length).mapToLong(i -> counts[i] + other.counts[i]).toArray(),
          IntStream.range(0, positions.length)
              .mapToObj(domain -> furthest(positions[domain], other.positions[domain]))
              .toArray(long[][]::new),
          IntStream.range(0, deadLetters.size())
              .mapToObj(domain -> sums(deadLetters.get(domain), other.deadLetters.get(domain)))
              .toList());
    }

    private static long[] furthest(long[] one, long[] other) {
      long[] all = Arrays.copyOf(one, Math.max(one.length, other.length));
      for (int i = 0; i < other.length; i++) all[i] = Math.max(all[i], other[i]);
      return all;
    }

    private static Map<String, Long> sums(Map<String, Long> one, Map<String, Long> other) {
      Map<String, Long> all = new HashMap<>(one);
      other.forEach((reason, count) -> all.merge(reason, count, Long::sum));
      return Map.copyOf(all);
    }
  }

  @SuppressWarnings("unchecked")
  JobMetrics(int domains) {
    this.domains = domains;
    counts = new long[domains * COUNTERS];
    positions = new long[domains][0];
    deadLetters = Stream.generate(Map::of).limit(domains).toArray(Map[]::new);
  }

  /** A record was read. */
  void read(int domain, int partition, long offset) {
    counts[domain * COUNTERS + READ]++;
    if (partition >= positions[domain].length) positions[domain] = Arrays.copyOf(positions[domain], partition + 1);
    positions[domain][partition] = Math.max(positions[domain][partition], offset + 1);
  }

  /** A score was written. */
  void scored(int domain, boolean late, boolean duplicate) {
    counts[domain * COUNTERS + SCORED]++;
    if (late) counts[domain * COUNTERS + LATE]++;
    if (duplicate) counts[domain * COUNTERS + DUPLICATES]++;
  }

  /** A dead letter was written. */
  void deadLetter(int domain, String reason) {
    deadLetters[domain] = Totals.sums(deadLetters[domain], Map.of(reason, 1L));
  }

  @Override
  public boolean isZero() {
    return Arrays.stream(counts).allMatch(count -> count == 0)
        && Arrays.stream(deadLetters).allMatch(Map::isEmpty);
  }

  @Override
  public AccumulatorV2<Void, Totals> copy() {
    JobMetrics copy = new JobMetrics(domains);
    copy.merge(this);
    return copy;
  }

  @Override
  public void reset() {
    Arrays.fill(counts, 0);
    Arrays.fill(positions, new long[0]);
    Arrays.fill(deadLetters, Map.of());
  }

  @Override
  public void add(Void nothing) {
    throw new UnsupportedOperationException("events are counted by what became of them");
  }

  @Override
  public void merge(AccumulatorV2<Void, Totals> other) {
    Totals sum = value().plus(other.value());
    System.arraycopy(sum.counts, 0, counts, 0, counts.length);
    for (int i = 0; i < domains; i++) {
      positions[i] = sum.positions[i];
      deadLetters[i] = sum.deadLetters.get(i);
    }
  }

  @Override
  public Totals value() {
    long[][] copied = Arrays.stream(positions).map(long[]::clone).toArray(long[][]::new);
    return new Totals(counts.clone(), copied, List.of(deadLetters));
  }
}
