package io.riskloom.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.LinkedHashMap;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.ReportsSourceMetrics;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeMode;
import org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow;
import org.apache.spark.sql.kafka010.KafkaBatchInputPartition;
import org.apache.spark.sql.kafka010.KafkaMicroBatchStream;
import org.apache.spark.sql.kafka010.KafkaOffsetRange;
import org.apache.spark.sql.kafka010.KafkaSourcePartitionOffset;

/** What {@link SharedKafkaSource} reads in a query: Spark's own stream says what, here is only which task reads it. */
final class SharedKafkaStream
    implements MicroBatchStream, SupportsTriggerAvailableNow, SupportsRealTimeMode, ReportsSourceMetrics {
  private static final Comparator<TopicPartition> BY_NAME =
      Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition);

  private final KafkaMicroBatchStream kafka;
  private final int readers;
  private boolean realTime;

  SharedKafkaStream(KafkaMicroBatchStream kafka, int readers) {
    this.kafka = kafka;
    this.readers = readers;
  }

  /**
   * The partitions that one task reads.
   *
   * @param number among those of a batch
   * @param next the offset of the next record of each
   * @param ends where each ends; in Real-Time Mode they do not
   * @param patienceMs how long to wait for a record before an end
   */
  record Share(
      int number,
      LinkedHashMap<TopicPartition, Long> next,
      LinkedHashMap<TopicPartition, Long> ends,
      long patienceMs,
      Map<String, Object> consumer)
      implements InputPartition {
    /** Names those that one consumer can read, batch after batch. */
    String name() {
      return consumer.get("group.id") + " " + number;
    }
  }

  /** How far a task came: the offset of the next record of each of its partitions. */
  record Reached(LinkedHashMap<TopicPartition, Long> next) implements PartitionOffset {}

  @Override
  public void prepareForRealTimeMode() {
    realTime = true;
    kafka.prepareForRealTimeMode();
  }

  @Override
  public void prepareForTriggerAvailableNow() {
    kafka.prepareForTriggerAvailableNow();
  }

  @Override
  public InputPartition[] planInputPartitions(Offset start) {
    return shares(kafka.planInputPartitions(start));
  }

  @Override
  public InputPartition[] planInputPartitions(Offset start, Offset end) {
    return shares(kafka.planInputPartitions(start, end));
  }

  private InputPartition[] shares(InputPartition[] planned) {
    KafkaBatchInputPartition[] all =
        Arrays.stream(planned)
            .map(KafkaBatchInputPartition.class::cast)
            .sorted(Comparator.comparing(one -> one.offsetRange().topicPartition(), BY_NAME))
            .toArray(KafkaBatchInputPartition[]::new);
    List<Share> shares = new ArrayList<>();
    for (int i = 0; i < all.length; i++) {
      if (i < readers) {
        shares.add(
            new Share(
                i, new LinkedHashMap<>(), new LinkedHashMap<>(), all[i].pollTimeoutMs(), all[i].executorKafkaParams()));
      }
      // In turn, so that each task has some of every topic.
      Share share = shares.get(i % readers);
      KafkaOffsetRange range = all[i].offsetRange();
      share.next.put(range.topicPartition(), range.fromOffset());
      share.ends.put(range.topicPartition(), range.untilOffset());
    }
    return shares.toArray(InputPartition[]::new);
  }

  @Override
  public PartitionReaderFactory createReaderFactory() {
    return new Readers(realTime);
  }

  private record Readers(boolean realTime) implements PartitionReaderFactory {
    @Override
    public PartitionReader<InternalRow> createReader(InputPartition partition) {
      Share share = (Share) partition;
      return realTime ? new SharedKafkaReader(share) : new SharedBatchReader(share);
    }
  }

  @Override
  public Offset mergeOffsets(PartitionOffset[] reached) {
    return kafka.mergeOffsets(
        Arrays.stream(reached)
            .flatMap(one -> ((Reached) one).next.entrySet().stream())
            .map(one -> new KafkaSourcePartitionOffset(one.getKey(), one.getValue()))
            .toArray(PartitionOffset[]::new));
  }

  @Override
  public Offset initialOffset() {
    return kafka.initialOffset();
  }

  @Override
  public ReadLimit getDefaultReadLimit() {
    return kafka.getDefaultReadLimit();
  }

  @Override
  public Offset latestOffset() {
    return kafka.latestOffset();
  }

  @Override
  public Offset latestOffset(Offset start, ReadLimit limit) {
    return kafka.latestOffset(start, limit);
  }

  @Override
  public Offset reportLatestOffset() {
    return kafka.reportLatestOffset();
  }

  @Override
  public Offset deserializeOffset(String json) {
    return kafka.deserializeOffset(json);
  }

  @Override
  public Map<String, String> metrics(Optional<Offset> latestConsumedOffset) {
    return kafka.metrics(latestConsumedOffset);
  }

  @Override
  public void commit(Offset end) {
    kafka.commit(end);
  }

  @Override
  public void stop() {
    kafka.stop();
  }

  @Override
  public String toString() {
    return kafka.toString();
  }
}
