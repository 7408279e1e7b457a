import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends records one by one, each after the answer to the one before, and tells all metrics, while the producer is open and
 * again when it is closed: {@code java MetricNames.java <bootstrap servers> <client id> <topic>|<key>|<value>…}. One line each:
 * {@code open} or {@code closed}, group, name, tags, description and value, separated by tabs.
 */
public class MetricNames {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> properties = Map.of(
            "bootstrap.servers", arguments[0], "client.id", arguments[1], "linger.ms", "0",
            "key.serializer", StringSerializer.class.getName(), "value.serializer", StringSerializer.class.getName());
        KafkaProducer<String, String> producer = new KafkaProducer<>(properties);
        for (String record : Arrays.asList(arguments).subList(2, arguments.length)) {
            String[] parts = record.split("\\|", -1);
            producer.send(new ProducerRecord<>(parts[0], 0, parts[1], parts[2])).get();
        }
        // The sender completes a future before it gives the batch's memory back.
        while (value(producer, "buffer-available-bytes") < value(producer, "buffer-total-bytes")) Thread.sleep(1);
        producer.metrics().forEach((name, metric) -> tell("open", name, metric));
        producer.close();
        producer.metrics().forEach((name, metric) -> tell("closed", name, metric));
    }

    static double value(KafkaProducer<String, String> producer, String name) {
        return producer.metrics().entrySet().stream()
            .filter(entry -> entry.getKey().name().equals(name))
            .mapToDouble(entry -> (Double) entry.getValue().metricValue())
            .findFirst().orElseThrow();
    }

    static void tell(String when, MetricName name, Metric metric) {
        String tags = name.tags().entrySet().stream()
            .map(tag -> tag.getKey() + "=" + tag.getValue()).collect(Collectors.joining(","));
        System.out.println(String.join("\t", when, name.group(), name.name(), tags, name.description(),
            String.valueOf(metric.metricValue())));
    }
}
