package io.riskloom.kernel;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.function.MapPartitionsFunction;

/**
 * Puts frames of one state together before they are shuffled, where a batch brings many for each: a shuffle and its sort
 * cost by the row.
 */
record FrameGroups(StateKeys keys) implements MapPartitionsFunction<byte[], byte[]> {
  /** Of the frames that wait for others of their state: a task's share of the heap, beside the shuffle's. */
  private static final int MOST_BYTES = 32 << 20;

  @Override
  public Iterator<byte[]> call(Iterator<byte[]> frames) {
    return new Iterator<>() {
      private Iterator<List<byte[]>> groups = Collections.emptyIterator();

      @Override
      public boolean hasNext() {
        if (!groups.hasNext() && frames.hasNext()) groups = collect(frames).iterator();
        return groups.hasNext();
      }

      @Override
      public byte[] next() {
        hasNext();
        List<byte[]> group = groups.next();
        return group.size() == 1 ? group.get(0) : Frame.group(group);
      }
    };
  }

  private Iterable<List<byte[]>> collect(Iterator<byte[]> frames) {
    Map<Object, List<byte[]>> byState = new LinkedHashMap<>();
    for (int bytes = 0; bytes < MOST_BYTES && frames.hasNext(); ) {
      byte[] frame = frames.next();
      byState.computeIfAbsent(keys.stateOf(frame), state -> new ArrayList<>(4)).add(frame);
      bytes += frame.length;
    }
    return byState.values();
  }
}
