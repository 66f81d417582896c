package io.riskloom.kernel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.AccumulableInfo;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.sql.SparkSession;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The job's numbers while it runs, on the driver: what tasks that have ended counted, and what those that run had counted
 * at their executor's last heartbeat. In Real-Time Mode a task ends with its batch, which may be minutes away.
 */
public final class JobMonitor extends SparkListener {
  private final SparkContext context;
  private final Map<Long, JobMetrics.Totals> running = new HashMap<>();
  private List<JobPlan.Domain> domains = List.of();
  private JobMetrics metrics;
  private JobMetrics.Totals ended;

  public JobMonitor(SparkSession spark) {
    context = ((org.apache.spark.sql.classic.SparkSession) spark).sparkContext();
  }

  /** Watch a job; called once, before its tasks start. */
  synchronized JobMetrics watch(JobPlan plan) {
    domains = plan.domains();
    ended = JobMetrics.Totals.none(domains.size());
    metrics = register(context, plan);
    context.addSparkListener(this);
    return metrics;
  }

  /** Make the counters of a job that nobody watches. */
  static JobMetrics register(SparkContext context, JobPlan plan) {
    JobMetrics metrics = new JobMetrics(plan.domains().size());
    context.register(metrics, "riskloom");
    return metrics;
  }

  @Override
  public synchronized void onTaskStart(SparkListenerTaskStart event) {
    running.put(event.taskInfo().taskId(), JobMetrics.Totals.none(domains.size()));
  }

  @Override
  public synchronized void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate event) {
    CollectionConverters.asJava(event.accumUpdates())
        // A heartbeat may overtake the end of a task, which has been counted then.
        .forEach(update -> running.computeIfPresent((Long) update._1(), (task, before) -> counted(update._4())));
  }

  @Override
  public synchronized void onTaskEnd(SparkListenerTaskEnd event) {
    running.remove(event.taskInfo().taskId());
    ended = ended.plus(counted(event.taskInfo().accumulables()));
  }

  private JobMetrics.Totals counted(scala.collection.Iterable<AccumulableInfo> accumulables) {
    JobMetrics.Totals sum = JobMetrics.Totals.none(domains.size());
    for (AccumulableInfo one : CollectionConverters.asJava(accumulables)) {
      if (one.id() == metrics.id() && one.update().isDefined()) sum = sum.plus((JobMetrics.Totals) one.update().get());
    }
    return sum;
  }

  /**
   * Answer the numbers of now as JSON: by domain {@code read}, {@code scored}, {@code late}, {@code duplicates},
   * {@code dead_letters} by reason, and {@code positions}, the offset of the next record by partition.
   */
  public synchronized String json() throws JsonProcessingException {
    JobMetrics.Totals now = ended;
    for (JobMetrics.Totals one : running.values()) now = now.plus(one);
    Map<String, Object> byDomain = new LinkedHashMap<>();
    for (int i = 0; i < domains.size(); i++) {
      Map<Integer, Long> positions = new TreeMap<>();
      for (int p = 0; p < now.positions()[i].length; p++) {
        if (now.positions()[i][p] > 0) positions.put(p, now.positions()[i][p]);
      }
      Map<String, Object> numbers = new LinkedHashMap<>();
      numbers.put("read", now.count(i, JobMetrics.READ));
      numbers.put("scored", now.count(i, JobMetrics.SCORED));
      numbers.put("late", now.count(i, JobMetrics.LATE));
      numbers.put("duplicates", now.count(i, JobMetrics.DUPLICATES));
      numbers.put("dead_letters", new TreeMap<>(now.deadLetters().get(i)));
      numbers.put("positions", positions);
      byDomain.put(domains.get(i).name(), numbers);
    }
    return new ObjectMapper().writeValueAsString(byDomain);
  }
}
