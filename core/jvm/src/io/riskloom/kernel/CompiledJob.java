package io.riskloom.kernel;

import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.spark.sql.classic.SparkSession;
import org.apache.spark.util.Utils;

/**
 * A plan with the SQL of its domains compiled. Every task of every batch is sent it, so it is serialized once, and read
 * once in each JVM: after that a task brings bytes that nobody reads.
 */
final class CompiledJob implements Serializable {
  /** Of queries that run in this JVM; those of queries that ended long ago go first. */
  private static final int MOST_KNOWN = 16;

  private static final Map<String, CompiledJob> KNOWN =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, CompiledJob> eldest) {
          return size() > MOST_KNOWN;
        }
      };

  private final JobPlan plan;
  private final List<CompiledDomain> domains;
  private transient Sent sent;

  private CompiledJob(JobPlan plan, List<CompiledDomain> domains) {
    this.plan = plan;
    this.domains = domains;
  }

  /** What a task is sent. */
  private record Sent(String id, byte[] content) implements Serializable {
    private Object readResolve() {
      synchronized (KNOWN) {
        // By the loader of this class: an executor has the kernel's from the job, not on its class path.
        ClassLoader loader = CompiledJob.class.getClassLoader();
        return KNOWN.computeIfAbsent(id, one -> Utils.<Content>deserialize(content, loader).job());
      }
    }
  }

  private record Content(JobPlan plan, List<CompiledDomain> domains) implements Serializable {
    CompiledJob job() {
      return new CompiledJob(plan, domains);
    }
  }

  /** Compile a plan's domains, side by side: the job's start waits for it. */
  static CompiledJob compile(SparkSession spark, JobPlan plan) {
    // New threads, as they inherit the session; those of a shared pool do not.
    ExecutorService threads = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
    try {
      List<CompletableFuture<CompiledDomain>> domains =
          plan.domains().stream().map(one -> CompletableFuture.supplyAsync(() -> compile(spark, one), threads)).toList();
      return new CompiledJob(plan, domains.stream().map(CompletableFuture::join).toList());
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    } finally {
      threads.shutdown();
    }
  }

  private static CompiledDomain compile(SparkSession spark, JobPlan.Domain domain) {
    try {
      return CompiledDomain.compile(spark, domain);
    } catch (Exception e) { // Spark's AnalysisException is a checked one that no signature tells of
      throw new IllegalArgumentException("domain " + domain.name() + ": " + e.getMessage(), e);
    }
  }

  JobPlan plan() {
    return plan;
  }

  List<CompiledDomain> domains() {
    return domains;
  }

  private synchronized Object writeReplace() {
    if (sent == null) {
      byte[] content = Utils.serialize(new Content(plan, domains));
      sent = new Sent(UUID.randomUUID().toString(), content);
    }
    return sent;
  }
}
