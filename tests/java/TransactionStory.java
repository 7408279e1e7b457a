import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.StringSerializer;

/** The story of kafka_library_transactions.rs, told by the Java client: bootstrap servers, topic, partitions. */
public class TransactionStory {
    interface Call {
        void run() throws Exception;
    }

    static String topic;
    static int partitions;

    static KafkaProducer<String, String> connect(String servers) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        properties.put("transactional.id", "cashier");
        // Nothing leaves before a flush or a commit says so, however slow the machine is.
        properties.put("linger.ms", "60000");
        return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
    }

    static String withoutIds(String sentence) {
        return sentence == null ? "null" : sentence.replaceAll("\\(producerId=.*?, epoch=", "(producerId=?, epoch=");
    }

    static void call(String what, Call call) {
        try {
            call.run();
            System.out.println(what + ": done");
        } catch (Exception error) {
            System.out.println(what + ": " + error.getClass().getSimpleName() + ": " + withoutIds(error.getMessage()));
        }
    }

    static Future<RecordMetadata> send(KafkaProducer<String, String> producer, int partition, String value) {
        return producer.send(new ProducerRecord<>(topic, partition, "key", value));
    }

    static String fate(Future<RecordMetadata> future) throws Exception {
        try {
            return future.get().toString();
        } catch (ExecutionException failed) {
            return failed.getCause().getClass().getSimpleName();
        }
    }

    static void sendToAll(KafkaProducer<String, String> producer, String value) throws Exception {
        List<Future<RecordMetadata>> futures = new ArrayList<>();
        for (int partition = 0; partition < partitions; partition++) futures.add(send(producer, partition, value));
        producer.flush();
        for (Future<RecordMetadata> future : futures) System.out.println(value + ": " + fate(future));
    }

    public static void main(String[] arguments) throws Exception {
        String servers = arguments[0];
        topic = arguments[1];
        partitions = Integer.parseInt(arguments[2]);
        KafkaProducer<String, String> producer = connect(servers);
        call("begin before init", producer::beginTransaction);
        call("init", producer::initTransactions);
        call("init again", producer::initTransactions);
        call("commit without begin", producer::commitTransaction);

        String[] values = {"first", "second", "third"};
        for (String value : values) {
            call("begin", producer::beginTransaction);
            sendToAll(producer, value);
            if (value.equals("second")) call("abort", producer::abortTransaction);
            else call("commit", producer::commitTransaction);
        }

        call("begin", producer::beginTransaction);
        call("commit of nothing", producer::commitTransaction);

        call("begin", producer::beginTransaction);
        call("begin twice", producer::beginTransaction);
        Map<TopicPartition, OffsetAndMetadata> offsets =
            Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(7, "seven"));
        call("send offsets", () -> producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata("till")));
        call("commit", producer::commitTransaction);

        call("begin", producer::beginTransaction);
        Future<RecordMetadata> left = send(producer, 0, "left behind");
        call("abort", producer::abortTransaction);
        try {
            System.out.println("left behind: " + left.get());
        } catch (ExecutionException failed) {
            Throwable cause = failed.getCause();
            System.out.println("left behind: " + cause.getClass().getSimpleName() + ": " + cause.getMessage());
        }

        try {
            producer.send(new ProducerRecord<>(topic, "key", "outside"));
            System.out.println("outside: done");
        } catch (Exception error) {
            System.out.println("outside: " + error.getClass().getSimpleName());
        }
        call("begin", producer::beginTransaction);
        call("abort", producer::abortTransaction);

        call("begin", producer::beginTransaction);
        KafkaProducer<String, String> second = connect(servers);
        call("second init", second::initTransactions);
        call("commit of what was not started", producer::commitTransaction);
        call("begin", producer::beginTransaction);
        Future<RecordMetadata> fenced = send(producer, 0, "fenced");
        producer.flush();
        System.out.println("fenced: " + fate(fenced));
        // The client completes the future first, and only then remembers the error for the next call.
        Thread.sleep(200);
        call("commit", producer::commitTransaction);
        call("abort", producer::abortTransaction);

        call("second begin", second::beginTransaction);
        sendToAll(second, "fourth");
        second.close();
        producer.close();
    }
}
