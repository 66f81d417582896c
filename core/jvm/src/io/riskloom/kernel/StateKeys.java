package io.riskloom.kernel;

import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Which state of an operator a frame belongs to: an entity's value and name; many share one where there is none. The value
 * comes first, as keys are sorted, and most are told apart by their first bytes.
 *
 * @param entities by domain, the entity whose state the operator keeps, or null
 * @param places by domain, the place of that entity's key, or -1
 */
record StateKeys(String[] entities, int[] places) implements UDF1<byte[], String>, MapFunction<byte[], String> {
  /** Ends what frames without a state are grouped by: an entity's name is never empty. */
  private static final char BETWEEN = ':';

  static StateKeys of(JobPlan plan, int operator) {
    int count = plan.domains().size();
    String[] entities = new String[count];
    int[] places = new int[count];
    for (int i = 0; i < count; i++) {
      JobPlan.Domain domain = plan.domains().get(i);
      places[i] = DomainWindows.placeOf(domain, operator);
      entities[i] = places[i] < 0 ? null : domain.visits().get(places[i]).entity();
    }
    return new StateKeys(entities, places);
  }

  /** Whether frames with this key need no state. */
  static boolean isOfNone(String key) {
    return key.charAt(key.length() - 1) == BETWEEN;
  }

  /** What frames of one state have in common: equal where {@link #call} is, and cheaper. */
  Object stateOf(byte[] frame) {
    UTF8String key = key(frame);
    return key == null ? call(frame) : new State(entities[Frame.domain(frame)], key);
  }

  private record State(String entity, UTF8String key) {}

  @Override
  public String call(byte[] frame) {
    frame = Frame.first(frame);
    UTF8String key = key(frame);
    if (key != null) return key.toString() + BETWEEN + entities[Frame.domain(frame)];
    if (!Frame.isEvent(frame)) return String.valueOf(frame.length & 15) + BETWEEN;
    // By the event's own key, so that its order is kept.
    return String.valueOf(Frame.key(frame).hashCode() & 1023) + BETWEEN;
  }

  /** The key of the state, or null where there is none. */
  private UTF8String key(byte[] frame) {
    int place = Frame.isEvent(frame) ? places[Frame.domain(frame)] : -1;
    return place < 0 ? null : Frame.keyBytes(frame, place);
  }
}
