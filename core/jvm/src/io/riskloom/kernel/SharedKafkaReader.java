package io.riskloom.kernel;

import java.util.LinkedHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.connector.read.streaming.PartitionOffset;
import org.apache.spark.sql.connector.read.streaming.SupportsRealTimeRead;
import org.apache.spark.sql.kafka010.KafkaRecordToRowConverter;
import scala.Function1;

/** The rows of a task of {@link SharedKafkaStream}, for as long as a batch lasts. */
final class SharedKafkaReader implements SupportsRealTimeRead<InternalRow> {
  private final SharedConsumer consumer;
  private final Function1<ConsumerRecord<byte[], byte[]>, InternalRow> toRow =
      new KafkaRecordToRowConverter().toInternalRowWithoutHeaders();
  private InternalRow row;

  SharedKafkaReader(SharedKafkaStream.Share share) {
    consumer = TaskPool.take("kafka " + share.name() + share.next().keySet(), () -> SharedConsumer.of(share));
    consumer.goTo(share.next());
  }

  @Override
  public RecordStatus nextWithTimeout(Long startMs, Long timeoutMs) {
    ConsumerRecord<byte[], byte[]> record = consumer.next(timeoutMs);
    if (record == null) return RecordStatus.newStatusWithoutArrivalTime(false);
    row = toRow.apply(record);
    return RecordStatus.newStatusWithArrivalTimeMs(record.timestamp());
  }

  @Override
  public boolean next() {
    throw new UnsupportedOperationException("the shared Kafka source is for Real-Time Mode");
  }

  @Override
  public InternalRow get() {
    return row;
  }

  @Override
  public PartitionOffset getOffset() {
    return new SharedKafkaStream.Reached(new LinkedHashMap<TopicPartition, Long>(consumer.reached()));
  }

  /** The consumer goes back to the pool with the end of the task. */
  @Override
  public void close() {}
}
