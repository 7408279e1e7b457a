import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends records at a pace, takes a sample of each one's latency in its callback, and tells in JSON how many were
 * acknowledged, how many failed, and median and 99th percentile in microseconds. Kafka's ProducerPerformance knows whole
 * milliseconds only.
 *
 * <p>The percentiles are those of the second half: in the first the virtual machine still compiles.
 *
 * <p>Arguments: bootstrap servers, topic, records, size of a value, batch.size, linger.ms, buffer.memory, records per second.
 */
public class PacedLatency {
    static final long NAP_NS = 200_000;

    public static void main(String[] arguments) {
        String topic = arguments[1];
        int records = Integer.parseInt(arguments[2]);
        byte[] value = new byte[Integer.parseInt(arguments[3])];
        long rate = Long.parseLong(arguments[7]);
        Map<String, Object> config = Map.of(
                "bootstrap.servers", arguments[0],
                "key.serializer", ByteArraySerializer.class,
                "value.serializer", ByteArraySerializer.class,
                "acks", "all",
                "enable.idempotence", true,
                "batch.size", Integer.parseInt(arguments[4]),
                "linger.ms", Long.parseLong(arguments[5]),
                "buffer.memory", Long.parseLong(arguments[6]));
        long[] latencies = new long[records];
        AtomicLong acknowledged = new AtomicLong();
        AtomicLong failed = new AtomicLong();
        AtomicInteger sampled = new AtomicInteger();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config)) {
            // Known before the clock starts, as in every peer.
            producer.partitionsFor(topic);
            long started = System.nanoTime();
            for (int number = 0; number < records; number++) {
                long due = number * 1_000_000_000L / rate;
                // Who wakes late sends at once what is due by then.
                while (System.nanoTime() - started < due) {
                    LockSupport.parkNanos(NAP_NS);
                }
                boolean counts = number >= records / 2;
                long sentAt = System.nanoTime();
                producer.send(new ProducerRecord<>(topic, value), (metadata, failure) -> {
                    if (failure != null) {
                        failed.incrementAndGet();
                        return;
                    }
                    acknowledged.incrementAndGet();
                    if (counts) {
                        latencies[sampled.getAndIncrement()] = System.nanoTime() - sentAt;
                    }
                });
            }
            producer.flush();
        }
        int count = sampled.get();
        Arrays.sort(latencies, 0, count);
        System.out.printf(
                Locale.ROOT,
                "{\"acknowledged\":%d,\"failed\":%d,\"p50_us\":%.3f,\"p99_us\":%.3f}%n",
                acknowledged.get(), failed.get(), percentile(latencies, count, 50), percentile(latencies, count, 99));
    }

    static double percentile(long[] sorted, int count, int percent) {
        return count == 0 ? 0 : sorted[(int) ((count - 1L) * percent / 100)] / 1e3;
    }
}
