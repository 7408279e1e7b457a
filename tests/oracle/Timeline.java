package org.apache.kafka.clients.producer.internals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.ClientResponse;
import org.apache.kafka.clients.MetadataRecoveryStrategy;
import org.apache.kafka.clients.NetworkClient;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.clients.MetadataSnapshot;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.internals.ClusterResourceListeners;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.NetworkReceive;
import org.apache.kafka.common.network.NetworkSend;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.ApiVersionsResponse;
import org.apache.kafka.common.requests.ByteBufferChannel;
import org.apache.kafka.common.requests.InitProducerIdResponse;
import org.apache.kafka.common.requests.MetadataRequest;
import org.apache.kafka.common.requests.MetadataResponse;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.ProduceResponse;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.RequestTestUtils;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.MockTime;
import org.apache.kafka.test.MockSelector;

/**
 * Plays scripts through the Java client's accumulator, sender, transaction manager and network client under a clock that
 * only scripts move, and prints what left and what completed. Reads scripts from standard input, each ended by a line
 * "play"; answers each with its timeline, ended by a line ".".
 *
 * It stands in Kafka's package because the constructors it calls are visible there only.
 */
public final class Timeline {
    /** The wall clock at instant 0 of every script. */
    private static final long MIDNIGHT = 1_700_000_000_000L;

    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        List<String> script = new ArrayList<>();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (!line.equals("play")) {
                script.add(line);
                continue;
            }
            try {
                new Timeline(script).play();
            } catch (Throwable failure) {
                failure.printStackTrace();
                OUT.println("broken " + failure);
            }
            OUT.println(".");
            OUT.flush();
            script.clear();
        }
    }

    /** A request that was written and has no answer. */
    private record Asked(RequestHeader header, AbstractRequest request, long dueAt) {
        boolean isProduce() {
            return header.apiKey() == ApiKeys.PRODUCE;
        }
    }

    private record Action(long at, String[] words) {
    }

    /** Calls flush() does not return from before these are done. */
    private record Flush(List<ProduceRequestResult> results) {
    }

    private final Clock time = new Clock();
    private final Wire wire = new Wire();
    private final Properties properties = new Properties();
    private final List<Action> actions = new ArrayList<>();
    private int nextAction = 0;
    private long until = 0;
    private long latency = 0;
    /** Is the sender in one of its rounds? Then time passes only because it waits or sleeps. */
    private boolean inRound = false;
    /** Anything that happened: two rounds without change are quiet. */
    private long activity = 0;
    private final List<Flush> flushes = new ArrayList<>();
    private int sends = 0;
    private long closeAt = Long.MAX_VALUE;
    private boolean closing = false;
    private boolean closed = false;

    // The cluster.
    private int nodes = 1;
    private final Map<String, int[]> leaders = new LinkedHashMap<>();
    private final Map<String, int[]> epochs = new TreeMap<>();
    private final Map<String, Errors> topicErrors = new HashMap<>();
    private final Map<String, Long> logEnds = new HashMap<>();
    private final Map<String, String> nodeStates = new HashMap<>();
    private final Map<ApiKeys, short[]> versions = new HashMap<>();
    private final Set<ApiKeys> held = new HashSet<>();
    private final Deque<Errors> identityErrors = new ArrayDeque<>();
    private long nextProducerId = 1000;
    private short nextEpoch = 0;
    private final Map<ApiKeys, Integer> throttles = new HashMap<>();

    // The producer.
    private ProducerConfig config;
    private Draws draws;
    private final Map<ApiKeys, List<Integer>> chosen = new HashMap<>();
    private RecordAccumulator accumulator;
    private Sender sender;
    private FedClient client;
    private ProducerMetadata metadata;
    private TransactionManager transactions;
    private BufferPool pool;

    private Timeline(List<String> script) {
        versions.put(ApiKeys.PRODUCE, new short[] {3, 12});
        versions.put(ApiKeys.METADATA, new short[] {4, 11});
        versions.put(ApiKeys.API_VERSIONS, new short[] {0, 4});
        versions.put(ApiKeys.INIT_PRODUCER_ID, new short[] {0, 5});
        for (String line : script) {
            String[] words = line.trim().split(" +");
            switch (words[0]) {
                case "config" -> {
                    String[] pair = words[1].split("=", 2);
                    properties.put(pair[0], pair[1]);
                }
                case "nodes" -> nodes = Integer.parseInt(words[1]);
                case "topic" -> {
                    int[] numbers = Arrays.stream(words).skip(2).mapToInt(Integer::parseInt).toArray();
                    leaders.put(words[1], numbers);
                    epochs.put(words[1], new int[numbers.length]);
                }
                case "versions" -> {
                    ApiKeys api = api(words[1]);
                    versions.put(api, new short[] {Short.parseShort(words[2]), Short.parseShort(words[3])});
                }
                case "identity" -> {
                    nextProducerId = Long.parseLong(words[1]);
                    nextEpoch = Short.parseShort(words[2]);
                }
                case "chosen" -> {
                    List<Integer> asked = new ArrayList<>();
                    Arrays.stream(words).skip(2).forEach(node -> asked.add(Integer.parseInt(node)));
                    chosen.put(api(words[1]), asked);
                }
                case "seed" -> draws = new Draws(Long.parseUnsignedLong(words[1]));
                case "latency" -> latency = Long.parseLong(words[1]);
                case "until" -> until = Long.parseLong(words[1]);
                default -> actions.add(new Action(Long.parseLong(words[0]), Arrays.copyOfRange(words, 1, words.length)));
            }
        }
    }

    private static ApiKeys api(String name) {
        return switch (name) {
            case "Produce" -> ApiKeys.PRODUCE;
            case "Metadata" -> ApiKeys.METADATA;
            case "InitProducerId" -> ApiKeys.INIT_PRODUCER_ID;
            case "ApiVersions" -> ApiKeys.API_VERSIONS;
            default -> throw new IllegalArgumentException(name);
        };
    }

    private void tell(String text) {
        activity++;
        OUT.println(time.elapsed() + " " + text);
    }

    // ---- the producer, built as KafkaProducer builds it

    private void build() {
        properties.put("bootstrap.servers", "127.0.0.1:9092");
        properties.put("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        properties.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        config = new ProducerConfig(properties);
        LogContext log = new LogContext();
        Metrics metrics = new Metrics(time);
        ApiVersions apiVersions = new ApiVersions();
        long retryBackoff = config.getLong("retry.backoff.ms");
        long retryBackoffMax = config.getLong("retry.backoff.max.ms");
        int linger = (int) Math.min(config.getLong("linger.ms"), Integer.MAX_VALUE);
        int requestTimeout = config.getInt("request.timeout.ms");
        int deliveryTimeout = Math.max(config.getInt("delivery.timeout.ms"), linger + requestTimeout);
        int batchSize = Math.max(1, config.getInt("batch.size"));
        int inFlight = config.getInt("max.in.flight.requests.per.connection");
        transactions = config.getBoolean("enable.idempotence")
            ? new TransactionManager(log, null, config.getInt("transaction.timeout.ms"), retryBackoff, apiVersions, false)
            : null;
        pool = new BufferPool(config.getLong("buffer.memory"), batchSize, metrics, time, "producer-metrics");
        accumulator = new RecordAccumulator(log, batchSize, Compression.NONE, linger, retryBackoff, retryBackoffMax,
            deliveryTimeout,
            new RecordAccumulator.PartitionerConfig(
                config.getBoolean("partitioner.adaptive.partitioning.enable"),
                config.getLong("partitioner.availability.timeout.ms")),
            metrics, "producer-metrics", time, transactions, pool) {
            @Override
            BuiltInPartitioner createBuiltInPartitioner(LogContext context, String topic, int stickyBatchSize) {
                return new FedPartitioner(context, topic, stickyBatchSize);
            }
        };
        metadata = new OrderedMetadata(retryBackoff, retryBackoffMax, log);
        metadata.bootstrap(List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 9092)));
        client = new FedClient(wire, metadata, inFlight, config, time, apiVersions, log);
        setField(NetworkClient.class, client, "randOffset", new FedOffset());
        sender = new Sender(log, client, metadata, accumulator, inFlight == 1, config.getInt("max.request.size"),
            Short.parseShort(config.getString("acks")), config.getInt("retries"), new SenderMetricsRegistry(metrics), time,
            requestTimeout, retryBackoff, transactions);
        leaders.keySet().forEach(topic -> metadata.add(topic, time.milliseconds()));
    }

    // ---- time

    private void play() {
        build();
        settle();
        while (time.elapsed() <= until) {
            act();
            settle();
            time.sleep(1);
        }
    }

    /** Does what is due. Between records sent in one millisecond the sender does not run; after anything else it does. */
    private void act() {
        wire.answerAllQuestions();
        while (nextAction < actions.size() && actions.get(nextAction).at() <= time.elapsed()) {
            Action action = actions.get(nextAction++);
            perform(action.words());
            boolean moreSends = nextAction < actions.size() && actions.get(nextAction).at() <= time.elapsed()
                && action.words()[0].equals("send") && actions.get(nextAction).words()[0].equals("send");
            if (!inRound && !moreSends) {
                settle();
            }
        }
    }

    /** Runs the sender until nothing happens any more in this millisecond. */
    private void settle() {
        for (int quiet = 0; quiet < 3 && !closed;) {
            long before = activity;
            if (closing && isDrained()) {
                sender.run();
                closed = true;
                tell("closed");
                endFlushes();
                break;
            }
            wire.pollsInRound = 0;
            inRound = true;
            sender.runOnce();
            inRound = false;
            endFlushes();
            quiet = activity == before ? quiet + 1 : 0;
        }
    }

    /** As Sender.run asks before each round once it is closing. */
    private boolean isDrained() {
        if (time.elapsed() >= closeAt) {
            sender.forceClose();
            return true;
        }
        return !accumulator.hasUndrained() && client.inFlightRequestCount() == 0;
    }

    private final class Clock extends MockTime {
        private Clock() {
            super(0, MIDNIGHT, 0);
        }

        long elapsed() {
            return milliseconds() - MIDNIGHT;
        }

        /** Time passes millisecond by millisecond, for the application and the network also while the sender sleeps. */
        @Override
        public void sleep(long ms) {
            for (long passed = 0; passed < ms; passed++) {
                super.sleep(1);
                if (inRound) {
                    act();
                }
            }
        }
    }

    // ---- actions

    private void perform(String[] words) {
        activity++;
        switch (words[0]) {
            case "send" -> send(words);
            case "respond" -> respond(words);
            case "disconnect" -> wire.disconnect(words[1]);
            case "node" -> {
                nodeStates.put(words[1], words[2]);
                wire.answerQuestions(words[1]);
            }
            case "leader" -> {
                String[] place = split(words[1]);
                int partition = Integer.parseInt(place[1]);
                leaders.get(place[0])[partition] = Integer.parseInt(words[2]);
                epochs.get(place[0])[partition] = words.length > 3
                    ? Integer.parseInt(words[3]) : epochs.get(place[0])[partition] + 1;
            }
            case "partitions" -> {
                int[] numbers = Arrays.stream(words).skip(2).mapToInt(Integer::parseInt).toArray();
                leaders.put(words[1], numbers);
                epochs.put(words[1], Arrays.copyOf(epochs.get(words[1]), numbers.length));
            }
            case "topic-error" -> topicErrors.put(words[1], Errors.valueOf(words[2]));
            case "identity-error" -> identityErrors.add(Errors.valueOf(words[1]));
            case "throttle" -> throttles.put(api(words[1]), Integer.parseInt(words[2]));
            case "hold" -> held.add(api(words[1]));
            case "release" -> {
                held.remove(api(words[1]));
                wire.answerAllQuestions();
            }
            case "flush" -> flush();
            case "close" -> close(words);
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private static String[] split(String topicPartition) {
        int dash = topicPartition.lastIndexOf('-');
        return new String[] {topicPartition.substring(0, dash), topicPartition.substring(dash + 1)};
    }

    /** What KafkaProducer.doSend does once the topic's metadata is known. */
    private void send(String[] words) {
        int number = sends++;
        String topic = words[1];
        byte[] key = words[3].equals("-") ? null : words[3].getBytes(StandardCharsets.UTF_8);
        byte[] value = new byte[Integer.parseInt(words[4])];
        Cluster cluster = metadata.fetch();
        Integer count = cluster.partitionCountForTopic(topic);
        if (closing) {
            tell("refused #" + number + " IllegalStateException");
            return;
        }
        if (count == null) {
            tell("refused #" + number + " TimeoutException");
            return;
        }
        metadata.add(topic, time.milliseconds());
        int partition = RecordMetadata.UNKNOWN_PARTITION;
        if (!words[2].equals("*")) {
            partition = Integer.parseInt(words[2]);
        } else if (key != null && !config.getBoolean("partitioner.ignore.keys")) {
            partition = BuiltInPartitioner.partitionForKey(key, count);
        }
        if (partition >= count) {
            tell("refused #" + number + " TimeoutException");
            return;
        }
        draws.topic = topic;
        draws.cluster = cluster;
        long now = time.milliseconds();
        Told told = new Told(number, topic);
        try {
            RecordAccumulator.RecordAppendResult result =
                accumulator.append(topic, partition, now, key, value, null, told, 0, now, cluster);
            if (transactions != null) {
                transactions.maybeAddPartition(new TopicPartition(topic, told.partition));
            }
            if (result.batchIsFull || result.newBatchCreated) {
                sender.wakeup();
            }
            if (words[2].equals("*")) {
                tell("placed #" + number + " " + topic + "-" + told.partition);
            }
        } catch (KafkaException refusal) {
            tell("refused #" + number + " " + refusal.getClass().getSimpleName());
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    private final class Told implements RecordAccumulator.AppendCallbacks {
        private final int number;
        private final String topic;
        private int partition = -1;

        private Told(int number, String topic) {
            this.number = number;
            this.topic = topic;
        }

        @Override
        public void setPartition(int partition) {
            this.partition = partition;
        }

        @Override
        public void onCompletion(RecordMetadata told, Exception exception) {
            String where = "#" + number + " " + topic + "-" + partition;
            if (exception == null) {
                tell("acked " + where + " offset " + told.offset() + " timestamp " + (told.timestamp() - MIDNIGHT));
            } else {
                tell("failed " + where + " " + exception.getClass().getSimpleName() + " " + exception.getMessage());
            }
        }
    }

    private void flush() {
        accumulator.beginFlush();
        IncompleteBatches incomplete = (IncompleteBatches) field(RecordAccumulator.class, accumulator, "incomplete");
        List<ProduceRequestResult> results = new ArrayList<>();
        incomplete.requestResults().forEach(results::add);
        flushes.add(new Flush(results));
    }

    /** The second half of awaitFlushCompletion, which blocks its caller and so cannot be called here. */
    private void endFlushes() {
        for (Flush flush : List.copyOf(flushes)) {
            if (flush.results().stream().allMatch(Timeline::isDoneWithDependents)) {
                ((AtomicInteger) field(RecordAccumulator.class, accumulator, "flushesInProgress")).decrementAndGet();
                flushes.remove(flush);
                tell("flushed");
            }
        }
    }

    private static boolean isDoneWithDependents(ProduceRequestResult result) {
        CountDownLatch latch = (CountDownLatch) field(ProduceRequestResult.class, result, "latch");
        List<?> dependents = (List<?>) field(ProduceRequestResult.class, result, "dependentResults");
        return latch.getCount() == 0
            && dependents.stream().allMatch(dependent -> isDoneWithDependents((ProduceRequestResult) dependent));
    }

    private static Object field(Class<?> owner, Object object, String name) {
        try {
            java.lang.reflect.Field field = owner.getDeclaredField(name);
            field.setAccessible(true);
            return field.get(object);
        } catch (ReflectiveOperationException gone) {
            throw new IllegalStateException(gone);
        }
    }

    private void close(String[] words) {
        long deadline = words.length > 1 ? time.elapsed() + Long.parseLong(words[1]) : Long.MAX_VALUE;
        closeAt = Math.min(closeAt, deadline);
        closing = true;
        sender.initiateClose();
    }

    // ---- the brokers

    /** Answers the oldest Produce request on a broker's connection: "respond NODE [throttle=MS] RESULT [T-P:RESULT]...". */
    private void respond(String[] words) {
        Asked asked = wire.oldest(words[1]);
        if (asked == null || !asked.isProduce()) {
            return;
        }
        int throttle = 0;
        String otherwise = "ok";
        Map<String, String> results = new HashMap<>();
        for (String word : Arrays.copyOfRange(words, 2, words.length)) {
            int colon = word.indexOf(':');
            if (word.startsWith("throttle=")) {
                throttle = Integer.parseInt(word.substring(9));
            } else if (colon >= 0) {
                results.put(word.substring(0, colon), word.substring(colon + 1));
            } else {
                otherwise = word;
            }
        }
        ProduceResponseData data = new ProduceResponseData().setThrottleTimeMs(throttle);
        Set<Integer> endpoints = new TreeSet<>();
        for (var topic : ((ProduceRequest) asked.request()).data().topicData()) {
            var topicResponse = new ProduceResponseData.TopicProduceResponse().setName(topic.name());
            for (var partition : topic.partitionData()) {
                String place = topic.name() + "-" + partition.index();
                RecordBatch batch = ((MemoryRecords) partition.records()).batches().iterator().next();
                String result = results.getOrDefault(place, otherwise);
                topicResponse.partitionResponses().add(partitionResponse(place, partition.index(), batch, result, endpoints));
            }
            data.responses().add(topicResponse);
        }
        for (int node : endpoints) {
            data.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint().setNodeId(node).setHost("127.0.0.1").setPort(9092 + node));
        }
        wire.answer(words[1], new ProduceResponse(data));
    }

    /** RESULT is "ok" or an error's name, then options: "@OFFSET", ",append-time=MS", ",log-start=N", ",leader=NODE/EPOCH", ",records=I+J", ",said". */
    private ProduceResponseData.PartitionProduceResponse partitionResponse(
        String place, int index, RecordBatch batch, String result, Set<Integer> endpoints
    ) {
        String[] options = result.split(",");
        String[] head = options[0].split("@");
        Errors error = head[0].equals("ok") ? Errors.NONE : head[0].matches("-?[0-9]+") ? null : Errors.valueOf(head[0]);
        short code = error == null ? Short.parseShort(head[0]) : error.code();
        long offset = -1;
        if (head.length > 1) {
            offset = Long.parseLong(head[1]);
        } else if (code == 0) {
            offset = logEnds.getOrDefault(place, 0L);
            logEnds.put(place, offset + batch.countOrNull());
        }
        var response = new ProduceResponseData.PartitionProduceResponse()
            .setIndex(index).setErrorCode(code).setBaseOffset(offset).setLogAppendTimeMs(-1).setLogStartOffset(code == 0 ? 0 : -1);
        for (String option : Arrays.copyOfRange(options, 1, options.length)) {
            String[] pair = option.split("=");
            switch (pair[0]) {
                case "append-time" -> response.setLogAppendTimeMs(MIDNIGHT + Long.parseLong(pair[1]));
                case "log-start" -> response.setLogStartOffset(Long.parseLong(pair[1]));
                case "said" -> response.setErrorMessage("said by the broker");
                case "leader" -> {
                    String[] leader = pair[1].split("/");
                    int node = Integer.parseInt(leader[0]);
                    if (node >= 0) {
                        endpoints.add(node);
                    }
                    response.setCurrentLeader(new ProduceResponseData.LeaderIdAndEpoch()
                        .setLeaderId(node).setLeaderEpoch(Integer.parseInt(leader[1])));
                }
                case "records" -> {
                    for (String record : pair[1].split("\\+")) {
                        response.recordErrors().add(new ProduceResponseData.BatchIndexAndErrorMessage()
                            .setBatchIndex(Integer.parseInt(record)).setBatchIndexErrorMessage("record " + record));
                    }
                }
                default -> throw new IllegalArgumentException(option);
            }
        }
        return response;
    }

    private AbstractResponse answerTo(Asked asked) {
        int throttle = throttles.getOrDefault(asked.header().apiKey(), 0);
        throttles.remove(asked.header().apiKey());
        return switch (asked.header().apiKey()) {
            case API_VERSIONS -> {
                ApiVersionsResponseData data = new ApiVersionsResponseData().setThrottleTimeMs(throttle);
                versions.forEach((api, range) -> data.apiKeys().add(new ApiVersionsResponseData.ApiVersion()
                    .setApiKey(api.id).setMinVersion(range[0]).setMaxVersion(range[1])));
                yield new ApiVersionsResponse(data);
            }
            case METADATA -> new MetadataResponse(metadataFor((MetadataRequest) asked.request(), throttle), asked.header().apiVersion());
            case INIT_PRODUCER_ID -> {
                Errors error = identityErrors.isEmpty() ? Errors.NONE : identityErrors.poll();
                InitProducerIdResponseData data =
                    new InitProducerIdResponseData().setErrorCode(error.code()).setThrottleTimeMs(throttle);
                if (error == Errors.NONE) {
                    data.setProducerId(nextProducerId++).setProducerEpoch(nextEpoch);
                    nextEpoch = 0;
                }
                yield new InitProducerIdResponse(data);
            }
            default -> throw new IllegalStateException(asked.toString());
        };
    }

    private MetadataResponseData metadataFor(MetadataRequest request, int throttle) {
        MetadataResponseData data = new MetadataResponseData().setClusterId("cluster").setControllerId(1).setThrottleTimeMs(throttle);
        for (int node = 1; node <= nodes; node++) {
            data.brokers().add(new MetadataResponseData.MetadataResponseBroker()
                .setNodeId(node).setHost("127.0.0.1").setPort(9092 + node));
        }
        for (var asked : request.data().topics()) {
            Errors error = topicErrors.getOrDefault(asked.name(), Errors.NONE);
            int[] leading = leaders.get(asked.name());
            if (leading == null) {
                error = Errors.UNKNOWN_TOPIC_OR_PARTITION;
            }
            var topic = new MetadataResponseData.MetadataResponseTopic().setName(asked.name()).setErrorCode(error.code())
                .setTopicId(error == Errors.NONE ? new Uuid(7, asked.name().hashCode()) : Uuid.ZERO_UUID);
            for (int partition = 0; error == Errors.NONE && partition < leading.length; partition++) {
                topic.partitions().add(new MetadataResponseData.MetadataResponsePartition()
                    .setPartitionIndex(partition).setLeaderId(leading[partition])
                    .setLeaderEpoch(epochs.get(asked.name())[partition])
                    .setErrorCode(leading[partition] < 0 ? Errors.LEADER_NOT_AVAILABLE.code() : 0)
                    .setReplicaNodes(List.of(1)).setIsrNodes(List.of(1)));
            }
            data.topics().add(topic);
        }
        return data;
    }

    /** The network: requests are written at once, and answered at once unless a script keeps the answer back. */
    private final class Wire extends MockSelector {
        private final Map<String, Deque<Asked>> unanswered = new TreeMap<>();
        /** How often each API was asked. */
        private final Map<ApiKeys, Integer> questions = new HashMap<>();
        private final List<NetworkReceive> arriving = new ArrayList<>();
        private final Set<String> lost = new TreeSet<>();
        private final Set<String> open = new HashSet<>();
        /** Polls in the sender's round. */
        private int pollsInRound = 0;
        private long activityAtPoll = -1;

        private Wire() {
            super(time);
        }

        @Override
        public void connect(String id, InetSocketAddress address, int send, int receive) throws IOException {
            activity++;
            String state = nodeStates.getOrDefault(id, "up");
            if (!state.equals("up") && !state.equals("mute")) {
                tell("dialled n" + id + " " + state);
            }
            switch (state) {
                case "refuse" -> lost.add(id);
                case "silent" -> { }
                default -> {
                    super.connect(id, address, send, receive);
                    open.add(id);
                    unanswered.put(id, new ArrayDeque<>());
                }
            }
        }

        @Override
        public void send(NetworkSend send) {
            super.send(send);
            activity++;
        }

        @Override
        public void close(String id) {
            super.close(id);
            unanswered.remove(id);
            arriving.removeIf(receive -> receive.source().equals(id));
            lost.remove(id);
            if (open.remove(id)) {
                tell("hung up n" + id);
            }
        }

        void disconnect(String id) {
            if (open.remove(id)) {
                unanswered.remove(id);
                arriving.removeIf(receive -> receive.source().equals(id));
                lost.add(id);
            }
        }

        @Override
        public void poll(long timeout) throws IOException {
            completedSends().clear();
            completedSendBuffers().clear();
            completedReceives().clear();
            disconnected().clear();
            // A sender that waits within its round waits for time to pass.
            if (++pollsInRound > 1 && activity == activityAtPoll && timeout > 0) {
                time.sleep(1);
            }
            activityAtPoll = activity;
            for (String id : Set.copyOf(lost)) {
                lost.remove(id);
                open.remove(id);
                serverDisconnect(id);
                activity++;
            }
            // As the real selector has it, one response of a connection at a time.
            Set<String> heard = new HashSet<>();
            for (NetworkReceive receive : List.copyOf(arriving)) {
                if (heard.add(receive.source())) {
                    arriving.remove(receive);
                    completeReceive(receive);
                    activity++;
                }
            }
            super.poll(0);
            for (int index = 0; index < completedSends().size(); index++) {
                onWritten(completedSends().get(index), completedSendBuffers().get(index));
            }
        }

        private void onWritten(NetworkSend send, ByteBufferChannel written) {
            ByteBuffer bytes = written.buffer().duplicate();
            bytes.getInt();
            RequestHeader header = RequestHeader.parse(bytes);
            AbstractRequest request =
                AbstractRequest.parseRequest(header.apiKey(), header.apiVersion(), new ByteBufferAccessor(bytes)).request;
            Asked asked = new Asked(header, request, time.elapsed() + latency);
            questions.merge(header.apiKey(), 1, Integer::sum);
            tell(describe(send.destinationId(), asked));
            boolean expectsAnswer = !asked.isProduce() || ((ProduceRequest) request).data().acks() != 0;
            if (expectsAnswer && unanswered.containsKey(send.destinationId())) {
                unanswered.get(send.destinationId()).add(asked);
                answerQuestions(send.destinationId());
            }
        }

        private String describe(String id, Asked asked) {
            switch (asked.header().apiKey()) {
                case PRODUCE -> {
                    List<String> batches = new ArrayList<>();
                    for (var topic : ((ProduceRequest) asked.request()).data().topicData()) {
                        for (var partition : topic.partitionData()) {
                            MemoryRecords records = (MemoryRecords) partition.records();
                            RecordBatch batch = records.batches().iterator().next();
                            batches.add(topic.name() + "-" + partition.index() + " pid " + batch.producerId() + "/"
                                + batch.producerEpoch() + " seq " + batch.baseSequence() + " records " + batch.countOrNull()
                                + " bytes " + records.sizeInBytes());
                        }
                    }
                    return "produce n" + id + " v" + asked.header().apiVersion() + " " + String.join(" | ", batches);
                }
                case METADATA -> {
                    Set<String> topics = new TreeSet<>();
                    ((MetadataRequest) asked.request()).data().topics().forEach(topic -> topics.add(topic.name()));
                    return "metadata " + String.join(",", topics);
                }
                case INIT_PRODUCER_ID -> {
                    return "init-producer-id";
                }
                default -> {
                    return "versions n" + id;
                }
            }
        }

        Asked oldest(String id) {
            Deque<Asked> asked = unanswered.get(id);
            return asked == null ? null : asked.peek();
        }

        /** Whatever is asked beside Produce is answered by itself, in turn. */
        void answerQuestions(String id) {
            for (Asked next = oldest(id); next != null && !next.isProduce(); next = oldest(id)) {
                if (next.dueAt() > time.elapsed() || held.contains(next.header().apiKey()) || nodeStates.getOrDefault(id, "up").equals("mute")) {
                    return;
                }
                answer(id, answerTo(next));
            }
        }

        void answerAllQuestions() {
            Set.copyOf(unanswered.keySet()).forEach(this::answerQuestions);
        }

        void answer(String id, AbstractResponse response) {
            RequestHeader header = unanswered.get(id).poll().header();
            ByteBuffer bytes =
                RequestTestUtils.serializeResponseWithHeader(response, header.apiVersion(), header.correlationId());
            arriving.add(new NetworkReceive(id, bytes));
            activity++;
            answerQuestions(id);
        }
    }

    /** Knows whether it looks for a broker to ask for metadata or, outside of poll, for one to ask for a producer id. */
    private static final class FedClient extends NetworkClient {
        private boolean isPolling = false;

        private FedClient(Wire wire, ProducerMetadata metadata, int inFlight, ProducerConfig config, Clock time,
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
    private final class FedOffset extends Random {
        @Override
        public int nextInt(int bound) {
            ApiKeys api = client.isPolling ? ApiKeys.METADATA : ApiKeys.INIT_PRODUCER_ID;
            List<Integer> asked = chosen.getOrDefault(api, List.of());
            int number = wire.questions.getOrDefault(api, 0);
            List<Node> known = metadata.fetch().nodes();
            for (int index = 0; number < asked.size() && index < known.size(); index++) {
                if (known.get(index).id() == asked.get(number)) {
                    return index;
                }
            }
            return 0;
        }
    }

    /** The core's stream of chance for sticky partitions (SplitMix64): both sides draw the same. */
    private static final class Draws {
        private long state;
        private String topic;
        private Cluster cluster;

        private Draws(long seed) {
            // Purpose 0 adds nothing to the root's first number.
            state = new Draws(seed, false).next();
            state = next();
        }

        private Draws(long seed, boolean ignored) {
            state = seed;
        }

        private long next() {
            state += 0x9e3779b97f4a7c15L;
            long z = state;
            z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
            z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
            return z ^ (z >>> 31);
        }

        private int below(int bound) {
            long drawn = next();
            // The high half of the unsigned product.
            return (int) (Math.multiplyHigh(drawn, bound) + (drawn < 0 ? bound : 0));
        }
    }

    /**
     * Metadata in the order of topics and partitions. The Java client walks them as they lie in a hash map, which is no
     * property of Kafka; so the order is fed in, like the draws.
     */
    private final class OrderedMetadata extends ProducerMetadata {
        private MetadataSnapshot ordered;

        private OrderedMetadata(long retryBackoff, long retryBackoffMax, LogContext log) {
            super(retryBackoff, retryBackoffMax, config.getLong("metadata.max.age.ms"),
                config.getLong("metadata.max.idle.ms"), log, new ClusterResourceListeners(), time);
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
                for (String topic : leaders.keySet()) {
                    List<PartitionInfo> ofTopic = new ArrayList<>(told.partitionsForTopic(topic));
                    ofTopic.sort(java.util.Comparator.comparingInt(PartitionInfo::partition));
                    partitions.addAll(ofTopic);
                }
                Map<String, Uuid> ids = new HashMap<>();
                told.topics().forEach(topic -> ids.put(topic, told.topicId(topic)));
                Cluster cluster = new Cluster(told.clusterResource().clusterId(), told.nodes(), partitions,
                    told.unauthorizedTopics(), told.invalidTopics(), told.internalTopics(), told.controller(), ids);
                if (!told.isBootstrapConfigured()) {
                    setField(MetadataSnapshot.class, snapshot, "clusterInstance", cluster);
                }
                ordered = snapshot;
            }
            return snapshot;
        }
    }

    private static void setField(Class<?> owner, Object object, String name, Object value) {
        try {
            java.lang.reflect.Field field = owner.getDeclaredField(name);
            field.setAccessible(true);
            field.set(object, value);
        } catch (ReflectiveOperationException gone) {
            throw new IllegalStateException(gone);
        }
    }

    private final class FedPartitioner extends BuiltInPartitioner {
        private final String topic;

        private FedPartitioner(LogContext context, String topic, int stickyBatchSize) {
            super(context, topic, stickyBatchSize);
            this.topic = topic;
        }

        /** The number that nextPartition takes the remainder of is drawn below that very divisor. */
        @Override
        int randomPartition() {
            if (field(BuiltInPartitioner.class, this, "partitionLoadStats") != null) {
                return draws.below(loadStatsRangeEnd());
            }
            int available = draws.cluster.availablePartitionsForTopic(topic).size();
            return draws.below(available > 0 ? available : draws.cluster.partitionCountForTopic(topic));
        }
    }
}
