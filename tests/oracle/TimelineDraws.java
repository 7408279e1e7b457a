package org.apache.kafka.clients.producer.internals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.MetadataRecoveryStrategy;
import org.apache.kafka.clients.MetadataSnapshot;
import org.apache.kafka.clients.NetworkClient;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.internals.ClusterResourceListeners;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.requests.MetadataResponse;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;

/**
 * Where the Java client draws or leaves the order to a hash map, it gets what this producer drew, so that both can take the
 * same course.
 */
final class TimelineDraws {
    /** Which of this producer's streams of chance is which. */
    private static final int PARTITIONS = 0;
    private static final int BROKERS = 3;
    private static final long STEP = 0x9e3779b97f4a7c15L;

    private long state;

    TimelineDraws(long seed) {
        this(seed, PARTITIONS);
    }

    private TimelineDraws(long seed, int purpose) {
        state = seed;
        state = next() + purpose * 0xd1342543de82ef95L;
        state = next();
    }

    private long next() {
        state += STEP;
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

    /** So many zeros or, behind a tilde, so many bytes that cannot be compressed; null for a dash. */
    static byte[] content(String bytes, int number) {
        if (bytes.equals("-")) {
            return null;
        }
        if (!bytes.startsWith("~")) {
            return new byte[Integer.parseInt(bytes)];
        }
        byte[] noise = new byte[Integer.parseInt(bytes.substring(1))];
        int state = number + 1;
        for (int place = 0; place < noise.length; place++) {
            state ^= state << 13;
            state ^= state >>> 17;
            state ^= state << 5;
            noise[place] = (byte) state;
        }
        return noise;
    }

    /** Sticky partitions. */
    final class Partitioner extends BuiltInPartitioner {
        private final String topic;
        /** Where a record without a partition goes next is drawn for this cluster. */
        private Cluster cluster;

        Partitioner(LogContext context, String topic, int stickyBatchSize) {
            super(context, topic, stickyBatchSize);
            this.topic = topic;
        }

        @Override
        StickyPartitionInfo peekCurrentPartitionInfo(Cluster cluster) {
            this.cluster = cluster;
            return super.peekCurrentPartitionInfo(cluster);
        }

        @Override
        void updatePartitionInfo(StickyPartitionInfo info, int bytes, Cluster cluster, boolean enableSwitch) {
            this.cluster = cluster;
            super.updatePartitionInfo(info, bytes, cluster, enableSwitch);
        }

        /** The number that nextPartition takes the remainder of is drawn below that very divisor. */
        @Override
        int randomPartition() {
            if (TimelineFields.get(BuiltInPartitioner.class, this, "partitionLoadStats") != null) {
                return below(loadStatsRangeEnd());
            }
            int available = cluster.availablePartitionsForTopic(topic).size();
            return below(available > 0 ? available : cluster.partitionCountForTopic(topic));
        }
    }

    /**
     * Batches that have not met their fate. Where the Java client aborts all of them it walks a hash set in the order of their
     * identities, so that a record may fail before an older one of its partition; the order fed in is that of the records.
     */
    private static final class Incomplete extends HashSet<ProducerBatch> {
        @Override
        public Object[] toArray() {
            ProducerBatch[] batches = toArray(new ProducerBatch[0]);
            Arrays.sort(batches, Comparator.comparingInt(Incomplete::firstRecord));
            return batches;
        }

        private static int firstRecord(ProducerBatch batch) {
            Object first = ((List<?>) TimelineFields.get(ProducerBatch.class, batch, "thunks")).get(0);
            Object callback = TimelineFields.get(first.getClass(), first, "callback");
            return ((Timeline.Told) TimelineFields.get(callback.getClass(), callback, "userCallback")).number;
        }
    }

    /** The accumulator, with the configuration of a producer. */
    final class Accumulator extends RecordAccumulator {
        Accumulator(ProducerConfig config, LogContext log, int linger, int deliveryTimeout, int batchSize, Metrics metrics,
            Time time, TransactionManager transactions, BufferPool pool) {
            super(log, batchSize, TimelineCodecs.of(config), linger, config.getLong("retry.backoff.ms"),
                config.getLong("retry.backoff.max.ms"), deliveryTimeout,
                new PartitionerConfig(config.getBoolean("partitioner.adaptive.partitioning.enable"),
                    config.getLong("partitioner.availability.timeout.ms")),
                metrics, "producer-metrics", time, transactions, pool);
            Object incomplete = TimelineFields.get(RecordAccumulator.class, this, "incomplete");
            TimelineFields.set(IncompleteBatches.class, incomplete, "incomplete", new Incomplete());
        }

        @Override
        BuiltInPartitioner createBuiltInPartitioner(LogContext context, String topic, int stickyBatchSize) {
            return new Partitioner(context, topic, stickyBatchSize);
        }

        /** Whose batches are compressed first is fed in: estimates follow from it, and the brokers lie in a hash set. */
        @Override
        public Map<Integer, List<ProducerBatch>> drain(MetadataSnapshot snapshot, Set<Node> nodes, int most, long now) {
            Set<Node> ordered = new TreeSet<>(Comparator.comparingInt(Node::id));
            ordered.addAll(nodes);
            return super.drain(snapshot, ordered, most, now);
        }
    }

    /** The client, with the configuration of a producer. */
    static NetworkClient client(TimelineWire wire, ProducerMetadata metadata, int inFlight, ProducerConfig config, Time time,
        ApiVersions apiVersions, LogContext log) {
        return new NetworkClient(wire, metadata, "timeline", inFlight, config.getLong("reconnect.backoff.ms"),
            config.getLong("reconnect.backoff.max.ms"), 0, 0, config.getInt("request.timeout.ms"),
            config.getLong("socket.connection.setup.timeout.ms"),
            config.getLong("socket.connection.setup.timeout.max.ms"), time, true, apiVersions, log,
            config.getLong("metadata.recovery.rebootstrap.trigger.ms"),
            MetadataRecoveryStrategy.forName(config.getString("metadata.recovery.strategy")));
    }

    /** Where the search for the least loaded broker begins: drawn for the moment, so that both sides draw the same. */
    static final class Offset extends Random {
        private final Timeline timeline;

        Offset(Timeline timeline) {
            this.timeline = timeline;
        }

        @Override
        public int nextInt(int bound) {
            TimelineDraws draws = new TimelineDraws(timeline.seed, BROKERS);
            draws.state += timeline.time.elapsed() * 1000 * STEP;
            return draws.below(bound);
        }
    }

    /**
     * Metadata in the order of topics, partitions and brokers. The Java client shuffles the brokers, and which partition a draw
     * means follows from the order of a topic's, so both are fed in, like the draws. What a broker leads stays in the order in
     * which requests are filled: that of the Java client's hash map.
     */
    static final class OrderedMetadata extends ProducerMetadata {
        private final Timeline timeline;
        private MetadataSnapshot ordered;
        /** In the order that it has in the Java client. */
        private Cluster asItLies;

        OrderedMetadata(Timeline timeline, long retryBackoff, long retryBackoffMax, LogContext log) {
            super(retryBackoff, retryBackoffMax, timeline.config.getLong("metadata.max.age.ms"),
                timeline.config.getLong("metadata.max.idle.ms"), log, new ClusterResourceListeners(), timeline.time);
            this.timeline = timeline;
        }

        @Override
        public synchronized void update(int version, MetadataResponse response, boolean isPartial, long now) {
            super.update(version, response, isPartial, now);
            timeline.callers.areNotified();
        }

        @Override
        public synchronized void fatalError(KafkaException error) {
            super.fatalError(error);
            timeline.callers.areNotified();
        }

        @Override
        public synchronized void close() {
            super.close();
            timeline.callers.areNotified();
        }

        @Override
        public synchronized Cluster fetch() {
            return fetchMetadataSnapshot().cluster();
        }

        /** For a partitioner that goes through partitions in turn: whose turn is next is no draw. */
        synchronized Cluster asItLies() {
            fetchMetadataSnapshot();
            return asItLies;
        }

        @Override
        public synchronized MetadataSnapshot fetchMetadataSnapshot() {
            MetadataSnapshot snapshot = super.fetchMetadataSnapshot();
            if (snapshot != ordered) {
                Cluster told = snapshot.cluster();
                asItLies = told;
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
                List<Node> nodes = new ArrayList<>(told.nodes());
                nodes.sort(Comparator.comparingInt(Node::id));
                TimelineFields.set(Cluster.class, cluster, "nodes", nodes);
                Object ledBy = TimelineFields.get(Cluster.class, told, "partitionsByNode");
                TimelineFields.set(Cluster.class, cluster, "partitionsByNode", ledBy);
                if (!told.isBootstrapConfigured()) {
                    TimelineFields.set(MetadataSnapshot.class, snapshot, "clusterInstance", cluster);
                }
                ordered = snapshot;
            }
            return snapshot;
        }
    }
}
