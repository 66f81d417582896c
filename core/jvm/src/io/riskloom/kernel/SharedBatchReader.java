package io.riskloom.kernel;

import java.time.Duration;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.PartitionReader;
import org.apache.spark.sql.kafka010.KafkaRecordToRowConverter;
import scala.Function1;

/** The rows of a task of {@link SharedKafkaStream} in a batch that ends at known offsets. */
final class SharedBatchReader implements PartitionReader<InternalRow> {
  private final Consumer<byte[], byte[]> kafka;
  private final Map<TopicPartition, Long> ends;
  private final Set<TopicPartition> open;
  private final Duration patience;
  private final Function1<ConsumerRecord<byte[], byte[]>, InternalRow> toRow =
      new KafkaRecordToRowConverter().toInternalRowWithoutHeaders();

  private ConsumerRecords<byte[], byte[]> fetched = ConsumerRecords.empty();
  private Iterator<TopicPartition> partitions = Collections.emptyIterator();
  private Iterator<ConsumerRecord<byte[], byte[]>> records = Collections.emptyIterator();
  private long end;
  private InternalRow row;

  SharedBatchReader(SharedKafkaStream.Share share) {
    kafka = TaskPool.take("kafka batch " + share.name(), () -> SharedConsumer.open(share.consumer()));
    ends = share.ends();
    open = new LinkedHashSet<>(ends.keySet());
    patience = Duration.ofMillis(share.patienceMs());
    kafka.assign(open);
    kafka.resume(open);
    share.next().forEach(kafka::seek);
  }

  @Override
  public boolean next() {
    while (true) {
      if (records.hasNext()) {
        ConsumerRecord<byte[], byte[]> record = records.next();
        if (record.offset() < end) {
          row = toRow.apply(record);
          return true;
        }
        records = Collections.emptyIterator();
      } else if (partitions.hasNext()) {
        TopicPartition partition = partitions.next();
        records = fetched.records(partition).iterator();
        end = ends.get(partition);
      } else if (!fetch()) {
        return false;
      }
    }
  }

  /** Fetch records of the partitions that are not at their ends; false if all are. */
  private boolean fetch() {
    long deadline = System.nanoTime() + patience.toNanos();
    do {
      // By the consumer's position: the offsets before an end may be those of transactions' markers.
      Set<TopicPartition> done = new LinkedHashSet<>();
      for (TopicPartition one : open) if (kafka.position(one) >= ends.get(one)) done.add(one);
      kafka.pause(done);
      open.removeAll(done);
      if (open.isEmpty()) return false;
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(
            "Kafka has given no record of " + open + " in " + patience.toSeconds() + " s, before the ends " + ends);
      }
      fetched = kafka.poll(patience);
    } while (fetched.isEmpty());
    partitions = fetched.partitions().iterator();
    return true;
  }

  @Override
  public InternalRow get() {
    return row;
  }

  /** The consumer goes back to the pool with the end of the task. */
  @Override
  public void close() {}
}
