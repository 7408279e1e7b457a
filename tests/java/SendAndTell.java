import java.util.Map;
import java.util.HashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends records and tells what the program meets: {@code java SendAndTell.java <key=value,…> <record>…} where a record is
 * {@code topic|partition|key|value} and an empty partition lets the partitioner choose. One line per record:
 * where the exception was met, its class and its sentence, separated by tabs, or {@code acked}. Properties that the
 * client refuses: one line, {@code refused}, class and sentence. Keys and values are strings, also for other serializers.
 */
public class SendAndTell {
    public static void main(String[] arguments) {
        Map<String, Object> properties = new HashMap<>();
        for (String property : arguments[0].split(",")) {
            properties.put(property.split("=", 2)[0], property.split("=", 2)[1].replace(';', ','));
        }
        properties.putIfAbsent("key.serializer", StringSerializer.class.getName());
        properties.putIfAbsent("value.serializer", StringSerializer.class.getName());
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties)) {
            for (int i = 1; i < arguments.length; i++) {
                System.out.println(tell(producer, arguments[i].split("\\|", -1)));
            }
        } catch (RuntimeException refusal) {
            System.out.println(line("refused", refusal));
        }
    }

    static String tell(KafkaProducer<String, String> producer, String[] parts) {
        Future<RecordMetadata> future;
        try {
            Integer partition = parts[1].isEmpty() ? null : Integer.valueOf(parts[1]);
            future = producer.send(new ProducerRecord<>(parts[0], partition, parts[2], parts[3]));
        } catch (RuntimeException thrown) {
            return line("thrown", thrown);
        }
        boolean already = future.isDone();
        try {
            future.get();
            return "acked";
        } catch (ExecutionException failed) {
            return line(already ? "future-on-caller" : "future-on-sender", failed.getCause());
        } catch (InterruptedException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static String line(String where, Throwable what) {
        return where + "\t" + what.getClass().getSimpleName() + "\t" + what.getMessage();
    }
}
