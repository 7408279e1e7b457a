import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;

/**
 * For each number read from standard input, gives that partition of the topic another leader: the next of its replicas
 * becomes the preferred one, and is elected. Says {@code moved <partition>}, or why not.
 *
 * <p>Arguments: bootstrap servers, topic.
 */
public class MoveLeaders {
    public static void main(String[] arguments) throws Exception {
        String topic = arguments[1];
        BufferedReader asked = new BufferedReader(new InputStreamReader(System.in));
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", arguments[0]))) {
            System.out.println("ready");
            for (String line = asked.readLine(); line != null; line = asked.readLine()) {
                int number = Integer.parseInt(line.trim());
                try {
                    move(admin, topic, number);
                    System.out.println("moved " + number);
                } catch (Exception failure) {
                    System.out.println("not moved " + number + ": " + failure);
                }
            }
        }
    }

    static void move(Admin admin, String topic, int number) throws Exception {
        TopicPartition partition = new TopicPartition(topic, number);
        TopicPartitionInfo info = admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic).partitions().stream()
                .filter(described -> described.partition() == number)
                .findFirst()
                .orElseThrow();
        List<Integer> replicas = info.replicas().stream().map(Node::id).collect(Collectors.toCollection(ArrayList::new));
        Collections.rotate(replicas, -1 - replicas.indexOf(info.leader().id()));
        admin.alterPartitionReassignments(Map.of(partition, Optional.of(new NewPartitionReassignment(replicas)))).all().get();
        admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).all().get();
    }
}
