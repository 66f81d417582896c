package io.riskloom.kernel;

import java.time.Duration;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.LinkedHashMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.kafka010.KafkaConfigUpdater;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A Kafka consumer of several partitions that lives from batch to batch, with what it has fetched and not yet given out: a
 * new batch goes on where the one before it ended, without a pause.
 */
final class SharedConsumer implements AutoCloseable {
  private final Consumer<byte[], byte[]> kafka;
  private final Map<TopicPartition, Long> next;

  private ConsumerRecords<byte[], byte[]> fetched = ConsumerRecords.empty();
  private Iterator<TopicPartition> partitions = Collections.emptyIterator();
  private Iterator<ConsumerRecord<byte[], byte[]>> records = Collections.emptyIterator();

  /** Of the records that are being given out, and how far that is. */
  private TopicPartition partition;

  private long reached;

  private SharedConsumer(Consumer<byte[], byte[]> kafka, Map<TopicPartition, Long> next) {
    this.kafka = kafka;
    this.next = next;
    kafka.assign(next.keySet());
    next.forEach(kafka::seek);
  }

  static SharedConsumer of(SharedKafkaStream.Share share) {
    return new SharedConsumer(open(share.consumer()), new LinkedHashMap<>(share.next()));
  }

  /** Open a consumer, with the delegation tokens of this executor, where there are any. */
  static Consumer<byte[], byte[]> open(Map<String, Object> consumer) {
    KafkaConfigUpdater properties =
        new KafkaConfigUpdater("executor", CollectionConverters.asScala(consumer).toMap(scala.$less$colon$less$.MODULE$.refl()));
    return new KafkaConsumer<>(properties.setAuthenticationConfigIfNeeded().build());
  }

  /** Go on from some offsets: for nothing if that is where it is. */
  void goTo(Map<TopicPartition, Long> wanted) {
    if (wanted.equals(reached())) return;
    wanted.forEach(kafka::seek);
    next.putAll(wanted);
    partitions = Collections.emptyIterator();
    records = Collections.emptyIterator();
    partition = null;
  }

  /** Give out the next record, waiting for it for some milliseconds; null if none came. */
  ConsumerRecord<byte[], byte[]> next(long timeoutMs) {
    if (!records.hasNext() && !turn(timeoutMs)) return null;
    ConsumerRecord<byte[], byte[]> record = records.next();
    reached = record.offset() + 1;
    return record;
  }

  /** Go to the records of the next partition, fetching more when all were given out. */
  private boolean turn(long timeoutMs) {
    // A poll may come back early and empty, and without a record a batch would end.
    for (long end = System.nanoTime() + timeoutMs * 1_000_000; !partitions.hasNext(); ) {
      long left = end - System.nanoTime();
      if (left <= 0) return false;
      fetched = kafka.poll(Duration.ofNanos(left));
      partitions = fetched.partitions().iterator();
    }
    if (partition != null) next.put(partition, reached);
    partition = partitions.next();
    records = fetched.records(partition).iterator();
    return true;
  }

  /** How far it came: the offset after the last record given out of each partition. */
  Map<TopicPartition, Long> reached() {
    if (partition != null) next.put(partition, reached);
    return next;
  }

  @Override
  public void close() {
    kafka.close(Duration.ZERO);
  }
}
