package org.apache.kafka.clients.producer.internals;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.ClientResponse;
import org.apache.kafka.clients.MetadataRecoveryStrategy;
import org.apache.kafka.clients.MetadataSnapshot;
import org.apache.kafka.clients.NetworkClient;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.internals.ClusterResourceListeners;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;

/**
 * Where the Java client draws or leaves the order to a hash map, it gets what this producer drew, so that both can take the
 * same course.
 */
final class TimelineDraws {
    private long state;
    /** Where a record without a partition goes next is drawn for this cluster. */
    Cluster cluster;

    TimelineDraws(long seed) {
        // Purpose 0 adds nothing to the root's first number.
        state = seed;
        state = next();
        state = next();
    }

    private long next() {
        state += 0x9e3779b97f4a7c15L;
        long z = state;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    int below(int bound) {
        long drawn = next();
        // The high half of the unsigned product.
        return (int) (Math.multiplyHigh(drawn, bound) + (drawn < 0 ? bound : 0));
    }

    /** Sticky partitions. */
    final class Partitioner extends BuiltInPartitioner {
        private final String topic;

        Partitioner(LogContext context, String topic, int stickyBatchSize) {
            super(context, topic, stickyBatchSize);
            this.topic = topic;
        }

        /** The number that nextPartition takes the remainder of is drawn below that very divisor. */
        @Override
        int randomPartition() {
            if (Timeline.field(BuiltInPartitioner.class, this, "partitionLoadStats") != null) {
                return below(loadStatsRangeEnd());
            }
            int available = cluster.availablePartitionsForTopic(topic).size();
            return below(available > 0 ? available : cluster.partitionCountForTopic(topic));
        }
    }

    /** Knows whether it looks for a broker to ask for metadata or, outside of poll, for one to ask for a producer id or a coordinator. */
    static final class Client extends NetworkClient {
        private boolean isPolling = false;

        Client(TimelineWire wire, ProducerMetadata metadata, int inFlight, ProducerConfig config, Time time,
            ApiVersions apiVersions, LogContext log) {
            super(wire, metadata, "timeline", inFlight, config.getLong("reconnect.backoff.ms"),
                config.getLong("reconnect.backoff.max.ms"), 0, 0, config.getInt("request.timeout.ms"),
                config.getLong("socket.connection.setup.timeout.ms"),
                config.getLong("socket.connection.setup.timeout.max.ms"), time, true, apiVersions, log,
                config.getLong("metadata.recovery.rebootstrap.trigger.ms"),
                MetadataRecoveryStrategy.forName(config.getString("metadata.recovery.strategy")));
        }

        @Override
        public List<ClientResponse> poll(long timeout, long now) {
            isPolling = true;
            try {
                return super.poll(timeout, now);
            } finally {
                isPolling = false;
            }
        }
    }

    /** Where the search for the least loaded broker begins: at the one that the other side asked. */
    static final class Offset extends Random {
        private final Timeline timeline;

        Offset(Timeline timeline) {
            this.timeline = timeline;
        }

        @Override
        public int nextInt(int bound) {
            ApiKeys question = timeline.isTransactional() ? ApiKeys.FIND_COORDINATOR : ApiKeys.INIT_PRODUCER_ID;
            ApiKeys api = timeline.client.isPolling ? ApiKeys.METADATA : question;
            List<Integer> asked = timeline.chosen.getOrDefault(api, List.of());
            int number = timeline.wire.questions.getOrDefault(api, 0);
            List<Node> known = timeline.metadata.fetch().nodes();
            for (int index = 0; number < asked.size() && index < known.size(); index++) {
                if (known.get(index).id() == asked.get(number)) {
                    return index;
                }
            }
            return 0;
        }
    }

    /**
     * Metadata in the order of topics and partitions. The Java client walks them as they lie in a hash map, which is no
     * property of Kafka; so the order is fed in, like the draws.
     */
    static final class OrderedMetadata extends ProducerMetadata {
        private final Timeline timeline;
        private MetadataSnapshot ordered;

        OrderedMetadata(Timeline timeline, long retryBackoff, long retryBackoffMax, LogContext log) {
            super(retryBackoff, retryBackoffMax, timeline.config.getLong("metadata.max.age.ms"),
                timeline.config.getLong("metadata.max.idle.ms"), log, new ClusterResourceListeners(), timeline.time);
            this.timeline = timeline;
        }

        @Override
        public synchronized Cluster fetch() {
            return fetchMetadataSnapshot().cluster();
        }

        @Override
        public synchronized MetadataSnapshot fetchMetadataSnapshot() {
            MetadataSnapshot snapshot = super.fetchMetadataSnapshot();
            if (snapshot != ordered) {
                Cluster told = snapshot.cluster();
                List<PartitionInfo> partitions = new ArrayList<>();
                for (String topic : timeline.brokers.leaders.keySet()) {
                    List<PartitionInfo> ofTopic = new ArrayList<>(told.partitionsForTopic(topic));
                    ofTopic.sort(Comparator.comparingInt(PartitionInfo::partition));
                    partitions.addAll(ofTopic);
                }
                Map<String, Uuid> ids = new HashMap<>();
                told.topics().forEach(topic -> ids.put(topic, told.topicId(topic)));
                Cluster cluster = new Cluster(told.clusterResource().clusterId(), told.nodes(), partitions,
                    told.unauthorizedTopics(), told.invalidTopics(), told.internalTopics(), told.controller(), ids);
                if (!told.isBootstrapConfigured()) {
                    Timeline.setField(MetadataSnapshot.class, snapshot, "clusterInstance", cluster);
                }
                ordered = snapshot;
            }
            return snapshot;
        }
    }
}
