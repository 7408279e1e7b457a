import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends numbered records through whatever weather there is, and tells what became of them, one line each:
 * {@code stored <number> <partition> <offset>}, {@code failed <number> <why>}; with transactions
 * {@code committed <first> <count>}, {@code aborted <first> <count>}, {@code again <first> <count> <why>}.
 *
 * <p>Arguments: bootstrap servers, topic, count, transactional id; or {@code -} for none, or {@code plain} for none and no
 * idempotence either.
 */
public class Storm {
    static final int IN_ONE_TRANSACTION = 500;
    static final int ABORTS_EVERY = 7;

    static String topic;
    static KafkaProducer<String, String> producer;
    static final StringBuilder told = new StringBuilder();

    public static void main(String[] arguments) throws Exception {
        topic = arguments[1];
        int count = Integer.parseInt(arguments[2]);
        boolean idempotent = !arguments[3].equals("plain");
        boolean transactional = idempotent && !arguments[3].equals("-");
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", arguments[0]);
        config.put("key.serializer", StringSerializer.class);
        config.put("value.serializer", StringSerializer.class);
        config.put("acks", "all");
        config.put("enable.idempotence", idempotent);
        config.put("max.in.flight.requests.per.connection", 5);
        config.put("batch.size", 2000);
        config.put("retry.backoff.ms", 20);
        config.put("retry.backoff.max.ms", 200);
        config.put("reconnect.backoff.ms", 20);
        config.put("reconnect.backoff.max.ms", 200);
        config.put("delivery.timeout.ms", 600_000);
        config.put("max.block.ms", 600_000);
        if (!transactional) {
            // Answers may be swallowed.
            config.put("request.timeout.ms", 2_000);
        }
        if (transactional) {
            config.put("transactional.id", arguments[3]);
            config.put("transaction.timeout.ms", 600_000);
        }
        try (KafkaProducer<String, String> connected = new KafkaProducer<>(config)) {
            producer = connected;
            if (transactional) {
                untilItEnds(producer::initTransactions);
                for (int first = 0; first < count; first += IN_ONE_TRANSACTION) {
                    transaction(first, Math.min(IN_ONE_TRANSACTION, count - first));
                }
            } else {
                List<Future<RecordMetadata>> sent = send(0, count);
                for (int number = 0; number < count; number++) {
                    try {
                        RecordMetadata at = sent.get(number).get();
                        tell("stored " + number + " " + at.partition() + " " + at.offset());
                    } catch (Exception failure) {
                        tell("failed " + number + " " + failure.getCause());
                    }
                }
            }
        }
        System.out.print(told);
    }

    static List<Future<RecordMetadata>> send(int first, int count) {
        List<Future<RecordMetadata>> sent = new ArrayList<>(count);
        for (int number = first; number < first + count; number++) {
            sent.add(producer.send(new ProducerRecord<>(topic, "key-" + number % 100, Integer.toString(number))));
        }
        return sent;
    }

    static void transaction(int first, int count) throws Exception {
        boolean commits = (first / IN_ONE_TRANSACTION + 1) % ABORTS_EVERY != 0;
        while (true) {
            try {
                producer.beginTransaction();
                send(first, count);
                if (commits) {
                    untilItEnds(producer::commitTransaction);
                } else {
                    producer.flush();
                    untilItEnds(producer::abortTransaction);
                }
                tell((commits ? "committed " : "aborted ") + first + " " + count);
                return;
            } catch (KafkaException failure) {
                // Fatal ones cannot be aborted: then this throws, and the program ends.
                untilItEnds(producer::abortTransaction);
                tell("again " + first + " " + count + " " + failure);
            }
        }
    }

    /** A call that timed out goes on, and is made again to hear how it ends. */
    static void untilItEnds(Runnable call) {
        while (true) {
            try {
                call.run();
                return;
            } catch (TimeoutException goesOn) {
                continue;
            }
        }
    }

    static void tell(String line) {
        told.append(line).append('\n');
    }
}
