package io.riskloom.kernel;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.spark.TaskContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Objects that are dear to make and serve one task at a time, kept for the tasks after it: every batch starts all tasks
 * anew, and to generate their code again would be a pause of all scoring.
 */
final class TaskPool {
  /** So many kinds of idle objects: those of queries that ended long ago go first. */
  private static final int MOST_KINDS = 64;

  private static final Map<String, Deque<Object>> IDLE =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Deque<Object>> eldest) {
          if (size() <= MOST_KINDS) return false;
          eldest.getValue().forEach(TaskPool::close);
          return true;
        }
      };

  private static final Logger LOG = LoggerFactory.getLogger(TaskPool.class);

  private TaskPool() {}

  /**
   * Take an object for the rest of this task.
   *
   * @param kind names objects that can stand for one another
   * @param make makes one where none is idle
   */
  @SuppressWarnings("unchecked") // one kind, one class
  static <T> T take(String kind, Supplier<T> make) {
    Object idle;
    synchronized (IDLE) {
      idle = IDLE.computeIfAbsent(kind, k -> new ArrayDeque<>()).poll();
    }
    T taken = idle == null ? make.get() : (T) idle;
    TaskContext task = TaskContext.get();
    if (task != null) {
      task.addTaskCompletionListener(
          done -> {
            if (done.isFailed() || done.isInterrupted()) {
              close(taken); // in the middle of something
              return;
            }
            synchronized (IDLE) {
              IDLE.computeIfAbsent(kind, k -> new ArrayDeque<>()).push(taken);
            }
          });
    }
    return taken;
  }

  private static void close(Object dropped) {
    if (dropped instanceof AutoCloseable one) {
      try {
        one.close();
      } catch (Exception e) {
        LOG.warn("cannot close {}", one, e);
      }
    }
  }
}
