import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The Java client's producer and admin on a string, for kafka_recreated_topics.rs: bootstrap servers, then one command per
 * line of standard input, each answered with one line.
 *
 * connect KEY=VALUE… · send TOPIC VALUE… (to partition 0, nothing is waited for) · flush · fates (offset or exception of
 * each record since the last time) · delete TOPIC · create TOPIC
 */
public class RecreatedTopic {
    private static final List<Future<RecordMetadata>> SENT = new ArrayList<>();
    private static KafkaProducer<String, String> producer;
    private static Admin admin;

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", arguments[0]);
        admin = Admin.create(properties);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(obey(line.split(" "), properties));
            System.out.flush();
        }
        System.exit(0);
    }

    private static String obey(String[] words, Properties properties) throws Exception {
        switch (words[0]) {
            case "connect" -> {
                for (int index = 1; index < words.length; index++) {
                    String[] pair = words[index].split("=", 2);
                    properties.put(pair[0], pair[1]);
                }
                producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
            }
            case "send" -> {
                for (int index = 2; index < words.length; index++) {
                    SENT.add(producer.send(new ProducerRecord<>(words[1], 0, null, words[index])));
                }
            }
            case "flush" -> producer.flush();
            case "fates" -> {
                return fates();
            }
            case "delete" -> {
                admin.deleteTopics(Set.of(words[1])).all().get();
                while (isThere(words[1])) {
                    Thread.sleep(10);
                }
            }
            case "create" -> create(words[1]);
            default -> throw new IllegalArgumentException(words[0]);
        }
        return "done";
    }

    private static String fates() throws InterruptedException {
        List<String> fates = new ArrayList<>();
        for (Future<RecordMetadata> sent : SENT) {
            try {
                fates.add(String.valueOf(sent.get().offset()));
            } catch (ExecutionException failed) {
                fates.add(failed.getCause().getClass().getSimpleName());
            }
        }
        SENT.clear();
        return String.join(" ", fates);
    }

    private static void create(String topic) throws Exception {
        try {
            admin.createTopics(Set.of(new NewTopic(topic, Optional.of(1), Optional.empty()))).all().get();
        } catch (ExecutionException refused) {
            // A producer that asks about a missing topic makes the broker create it.
            if (!(refused.getCause() instanceof TopicExistsException)) {
                throw refused;
            }
        }
        while (!isThere(topic)) {
            Thread.sleep(10);
        }
    }

    private static boolean isThere(String topic) throws Exception {
        try {
            return admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic).partitions().stream()
                .allMatch(partition -> partition.leader() != null);
        } catch (ExecutionException unknown) {
            if (unknown.getCause() instanceof UnknownTopicOrPartitionException) {
                return false;
            }
            throw unknown;
        }
    }
}
