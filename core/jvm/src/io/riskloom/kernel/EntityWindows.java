package io.riskloom.kernel;

import java.util.List;

/**
 * Keeps the windows of an entity that is not its events' key, such as a payment's merchant, and passes each frame on with
 * the features that it found.
 */
final class EntityWindows extends KeyedWindows<byte[]> {
  private final int operator;

  EntityWindows(CompiledJob job, int operator) {
    super(job, operator);
    this.operator = operator;
  }

  @Override
  void pass(byte[] frame, List<byte[]> out) {
    if (Frame.isEvent(frame)) {
      JobPlan.Domain domain = job.plan().domains().get(Frame.domain(frame));
      if (DomainWindows.placeOf(domain, operator) >= 0) {
        frame = Frame.extend(frame, 0, DomainWindows.defaults(domain, operator));
      }
    }
    out.add(frame);
  }

  @Override
  void emit(byte[] frame, Frame event, DomainWindows found, List<byte[]> out) {
    out.add(Frame.extend(frame, found.sequence, found.values));
  }
}
