import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Transactions as a Java program lives through them, one line for each thing that it is told: offsets, what consumers
 * see, and exceptions by class. {@code java Transactions.java <bootstrap servers> <topic with two partitions>}.
 */
public class Transactions {
    static String servers;
    static String topic;
    static List<TopicPartition> partitions;

    public static void main(String[] arguments) throws Exception {
        servers = arguments[0];
        topic = arguments[1];
        partitions = List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
        commitAndAbort();
        offsetsInTransactions();
        fencing();
        refusals();
    }

    static void commitAndAbort() throws Exception {
        try (KafkaProducer<String, String> producer = producer("java-tx", Map.of())) {
            producer.initTransactions();
            producer.beginTransaction();
            send(producer, 0, "a");
            send(producer, 0, "b");
            send(producer, 1, "c");
            producer.commitTransaction();
            ends("committed");
            producer.beginTransaction();
            send(producer, 0, "aborted");
            send(producer, 1, "aborted");
            producer.abortTransaction();
            ends("aborted");
            producer.beginTransaction();
            send(producer, 0, "open");
            System.out.println("while open: " + endOffsets("read_committed") + " of " + endOffsets("read_uncommitted"));
            read("while open", "read_committed", endOffsets("read_committed"));
            producer.commitTransaction();
            ends("committed again");
            // Nothing was sent: nothing is to be ended.
            producer.beginTransaction();
            producer.commitTransaction();
            producer.beginTransaction();
            producer.abortTransaction();
            ends("nothing sent");
            producer.beginTransaction();
            for (int n = 0; n < 100; n++) {
                producer.send(new ProducerRecord<>(topic, n % 2, null, "many-" + n));
            }
            producer.commitTransaction();
        }
        decided();
        values("read_committed");
    }

    static void offsetsInTransactions() throws Exception {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        offsets.put(partitions.get(0), new OffsetAndMetadata(2, "note"));
        ConsumerGroupMetadata group = new ConsumerGroupMetadata("java-group");
        try (KafkaProducer<String, String> producer = producer("java-offsets", Map.of());
                KafkaConsumer<String, String> consumer = consumer("read_committed", "java-group")) {
            Set<TopicPartition> asked = new HashSet<>(partitions);
            producer.initTransactions();
            System.out.println("no offsets yet: " + committed(consumer, asked));
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(offsets, group);
            send(producer, 1, "consumed and produced");
            producer.commitTransaction();
            System.out.println("committed: " + committed(consumer, asked));
            producer.beginTransaction();
            offsets.put(partitions.get(0), new OffsetAndMetadata(9, ""));
            producer.sendOffsetsToTransaction(offsets, group);
            producer.abortTransaction();
            System.out.println("aborted: " + committed(consumer, asked));
            producer.beginTransaction();
            ConsumerGroupMetadata member = new ConsumerGroupMetadata("java-group", 5, "member", java.util.Optional.empty());
            tell("offsets of a member", () -> producer.sendOffsetsToTransaction(offsets, member));
            tell("commit after that", producer::commitTransaction);
            tell("abort after that", producer::abortTransaction);
            producer.beginTransaction();
            send(producer, 1, "and on");
            producer.commitTransaction();
        }
        decided();
    }

    static void fencing() throws Exception {
        KafkaProducer<String, String> zombie = producer("java-fenced", Map.of());
        zombie.initTransactions();
        zombie.beginTransaction();
        send(zombie, 0, "of a zombie");
        try (KafkaProducer<String, String> heir = producer("java-fenced", Map.of())) {
            heir.initTransactions();
            decided();
            tell("the zombie sends", () -> zombie.send(new ProducerRecord<>(topic, 0, null, "late")).get());
            tell("the zombie commits", zombie::commitTransaction);
            tell("the zombie aborts", zombie::abortTransaction);
            tell("the zombie begins", zombie::beginTransaction);
            zombie.close();
            heir.beginTransaction();
            send(heir, 0, "of its heir");
            heir.commitTransaction();
        }
        KafkaProducer<String, String> idle = producer("java-idle", Map.of());
        idle.initTransactions();
        try (KafkaProducer<String, String> heir = producer("java-idle", Map.of())) {
            heir.initTransactions();
            idle.beginTransaction();
            tell("an idle zombie sends", () -> idle.send(new ProducerRecord<>(topic, 0, null, "late")).get());
            tell("an idle zombie commits", idle::commitTransaction);
            idle.close();
        }
        decided();
        values("read_committed");
        values("read_uncommitted");
    }

    static void refusals() {
        try (KafkaProducer<String, String> producer = producer("java-timeout", Map.of("transaction.timeout.ms", "900001"))) {
            tell("a timeout too long", producer::initTransactions);
        }
        try (KafkaProducer<String, String> producer = producer("java-early", Map.of())) {
            tell("begun before it was initialised", producer::beginTransaction);
        }
        try (KafkaProducer<String, String> producer = producer(null, Map.of())) {
            tell("a topic of the brokers", () -> producer.send(new ProducerRecord<>("__consumer_offsets", 0, null, "x")).get());
        }
    }

    static KafkaProducer<String, String> producer(String id, Map<String, String> more) {
        Map<String, Object> config = new HashMap<>(more);
        config.put("bootstrap.servers", servers);
        config.put("key.serializer", StringSerializer.class);
        config.put("value.serializer", StringSerializer.class);
        if (id != null) {
            config.put("transactional.id", id);
        }
        return new KafkaProducer<>(config);
    }

    static KafkaConsumer<String, String> consumer(String isolation, String group) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", servers);
        config.put("key.deserializer", StringDeserializer.class);
        config.put("value.deserializer", StringDeserializer.class);
        config.put("isolation.level", isolation);
        if (group != null) {
            config.put("group.id", group);
            config.put("enable.auto.commit", "false");
        }
        return new KafkaConsumer<>(config);
    }

    static void send(KafkaProducer<String, String> producer, int partition, String value) throws Exception {
        RecordMetadata stored = producer.send(new ProducerRecord<>(topic, partition, null, value)).get();
        System.out.println("sent " + value + " to " + stored.partition() + " at " + stored.offset());
    }

    /** The group's offsets. The consumer itself asks again while a transaction that is being ended may change them. */
    static TreeMap<Integer, OffsetAndMetadata> committed(KafkaConsumer<String, String> consumer, Set<TopicPartition> asked) {
        TreeMap<Integer, OffsetAndMetadata> found = new TreeMap<>();
        consumer.committed(asked).forEach((partition, offset) -> found.put(partition.partition(), offset));
        return found;
    }

    static TreeMap<Integer, Long> endOffsets(String isolation) {
        TreeMap<Integer, Long> ends = new TreeMap<>();
        try (KafkaConsumer<String, String> consumer = consumer(isolation, null)) {
            consumer.endOffsets(partitions).forEach((partition, end) -> ends.put(partition.partition(), end));
        }
        return ends;
    }

    /** Waits until no transaction is open: markers are written after an end is answered. */
    static TreeMap<Integer, Long> decided() throws Exception {
        for (int attempt = 0; attempt < 600; attempt++) {
            TreeMap<Integer, Long> ends = endOffsets("read_uncommitted");
            if (ends.equals(endOffsets("read_committed"))) {
                return ends;
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException("a transaction stays open");
    }

    static void ends(String what) throws Exception {
        System.out.println(what + ": " + decided());
    }

    static void values(String isolation) throws Exception {
        read(isolation, isolation, decided());
    }

    static void read(String what, String isolation, Map<Integer, Long> ends) {
        try (KafkaConsumer<String, String> consumer = consumer(isolation, null)) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            TreeMap<Integer, StringBuilder> lines = new TreeMap<>();
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p.partition()))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    lines.computeIfAbsent(record.partition(), none -> new StringBuilder())
                            .append(' ').append(record.offset()).append('=').append(record.value());
                }
            }
            lines.forEach((partition, line) -> System.out.println(what + " reads " + partition + ":" + line));
        }
    }

    interface Step {
        void run() throws Exception;
    }

    /** Prints the classes of what was thrown, cause by cause. */
    static void tell(String what, Step step) {
        StringBuilder line = new StringBuilder(what).append(':');
        try {
            step.run();
            line.append(" done");
        } catch (Exception thrown) {
            for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
                line.append(' ').append(cause instanceof ExecutionException ? "future" : cause.getClass().getSimpleName());
            }
        }
        System.out.println(line);
    }
}
