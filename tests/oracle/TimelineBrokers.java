package org.apache.kafka.clients.producer.internals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.message.MetadataResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.ApiVersionsResponse;
import org.apache.kafka.common.requests.MetadataRequest;
import org.apache.kafka.common.requests.MetadataResponse;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.ProduceResponse;

/** The brokers of a script: what they know, and what they answer. */
final class TimelineBrokers {
    private static final Set<String> FAULTS = Set.of("without", "twice", "foreign", "wrong-correlation");
    /** The version of Produce since which an answer can name a new leader. */
    private static final short NEW_LEADERS_SINCE = 10;
    /** The leader of a partition that metadata does not tell at all; in scripts it is "~". */
    private static final int UNTOLD = Integer.MIN_VALUE;
    /** No script makes a topic anew more often. */
    private static final int LIVES = 9;

    private int nodes = 1;
    final Map<String, int[]> leaders = new LinkedHashMap<>();
    private final Map<String, int[]> epochs = new TreeMap<>();
    private final Map<String, Errors> topicErrors = new HashMap<>();
    /** How often a topic was made anew; without an entry once, −1: it has no id. */
    private final Map<String, Integer> generations = new HashMap<>();
    private final Map<String, Long> logEnds = new HashMap<>();
    final Map<String, String> nodeStates = new HashMap<>();
    /** What metadata tells of brokers whose port is not the usual one. */
    private final Map<Integer, Integer> ports = new HashMap<>();
    /** And of brokers whose host is not the usual one. */
    private final Map<Integer, String> hosts = new HashMap<>();
    private final Map<ApiKeys, short[]> versions = new HashMap<>();
    /** The version in which ApiVersions is to be asked, whatever it was asked in; below 0: it is answered. */
    private short versionsRefused = -1;
    final Set<ApiKeys> held = new HashSet<>();
    final TimelineCoordinator coordinator = new TimelineCoordinator();
    /** `transaction.version`, the feature. */
    private short transactionVersion = 0;
    /** Epoch of the features and level of `transaction.version`, of brokers that tell others. */
    private final Map<String, long[]> features = new HashMap<>();
    private final Map<ApiKeys, Integer> throttles = new HashMap<>();
    /** What Metadata says of all that it tells. */
    private Errors metadataError = Errors.NONE;

    TimelineBrokers() {
        versions.put(ApiKeys.PRODUCE, new short[] {3, 12});
        versions.put(ApiKeys.METADATA, new short[] {4, 11});
        versions.put(ApiKeys.API_VERSIONS, new short[] {0, 4});
        versions.put(ApiKeys.INIT_PRODUCER_ID, new short[] {0, 5});
        versions.put(ApiKeys.FIND_COORDINATOR, new short[] {0, 6});
        versions.put(ApiKeys.ADD_PARTITIONS_TO_TXN, new short[] {0, 5});
        versions.put(ApiKeys.ADD_OFFSETS_TO_TXN, new short[] {0, 4});
        versions.put(ApiKeys.TXN_OFFSET_COMMIT, new short[] {0, 5});
        versions.put(ApiKeys.END_TXN, new short[] {0, 5});
    }

    /** Takes a circumstance of the script. Says whether it was one of the brokers'. */
    boolean configure(String[] words) {
        switch (words[0]) {
            case "nodes" -> nodes = Integer.parseInt(words[1]);
            case "topic" -> {
                int[] numbers = leading(words);
                leaders.put(words[1], numbers);
                epochs.put(words[1], new int[numbers.length]);
            }
            case "versions" ->
                versions.put(api(words[1]), new short[] {Short.parseShort(words[2]), Short.parseShort(words[3])});
            case "versions-refused" -> versionsRefused = Short.parseShort(words[1]);
            case "identity" -> coordinator.grantNext(Long.parseLong(words[1]), Short.parseShort(words[2]));
            case "transaction-version" -> transactionVersion = Short.parseShort(words[1]);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Takes an action. Says whether it was one of the brokers'. */
    boolean perform(TimelineWire wire, String[] words) {
        switch (words[0]) {
            case "respond" -> respond(wire, words);
            case "node" -> {
                nodeStates.put(words[1], words[2]);
                wire.answerQuestions(words[1]);
            }
            case "port" -> ports.put(Integer.valueOf(words[1]), Integer.valueOf(words[2]));
            case "host" -> hosts.put(Integer.valueOf(words[1]), words[2]);
            case "leader" -> {
                String[] place = split(words[1]);
                int partition = Integer.parseInt(place[1]);
                leaders.get(place[0])[partition] = Integer.parseInt(words[2]);
                epochs.get(place[0])[partition] = words.length > 3
                    ? Integer.parseInt(words[3]) : epochs.get(place[0])[partition] + 1;
            }
            case "partitions" -> {
                int[] numbers = leading(words);
                leaders.put(words[1], numbers);
                epochs.put(words[1], Arrays.copyOf(epochs.get(words[1]), numbers.length));
            }
            case "topic-error" -> topicErrors.put(words[1], Errors.valueOf(words[2]));
            case "metadata-error" -> metadataError = Errors.valueOf(words[1]);
            case "refuse" -> coordinator.refuse(api(words[1]), TimelineRefusal.of(words));
            case "features" ->
                features.put(words[1], new long[] {Long.parseLong(words[2]), Long.parseLong(words[3])});
            case "coordinator" -> coordinator.move(Integer.parseInt(words[1]));
            case "recreate" -> recreate(words[1]);
            case "forget-id" -> generations.put(words[1], -1);
            case "throttle" -> throttles.put(api(words[1]), Integer.parseInt(words[2]));
            case "hold" -> held.add(api(words[1]));
            case "release" -> {
                held.remove(api(words[1]));
                wire.answerAllQuestions();
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    static ApiKeys api(String name) {
        return switch (name) {
            case "Produce" -> ApiKeys.PRODUCE;
            case "Metadata" -> ApiKeys.METADATA;
            case "InitProducerId" -> ApiKeys.INIT_PRODUCER_ID;
            case "ApiVersions" -> ApiKeys.API_VERSIONS;
            case "FindCoordinator" -> ApiKeys.FIND_COORDINATOR;
            case "AddPartitionsToTxn" -> ApiKeys.ADD_PARTITIONS_TO_TXN;
            case "AddOffsetsToTxn" -> ApiKeys.ADD_OFFSETS_TO_TXN;
            case "TxnOffsetCommit" -> ApiKeys.TXN_OFFSET_COMMIT;
            case "EndTxn" -> ApiKeys.END_TXN;
            default -> throw new AssertionError(name);
        };
    }

    static String[] split(String topicPartition) {
        int dash = topicPartition.lastIndexOf('-');
        return new String[] {topicPartition.substring(0, dash), topicPartition.substring(dash + 1)};
    }

    /** Who leads a topic's partitions, behind its name. */
    private static int[] leading(String[] words) {
        return Arrays.stream(words).skip(2)
            .mapToInt(leader -> leader.equals("~") ? UNTOLD : Integer.parseInt(leader)).toArray();
    }

    /** Another topic has this name: its epochs and its offsets begin anew. */
    private void recreate(String topic) {
        generations.merge(topic, 1, Integer::sum);
        Arrays.fill(epochs.get(topic), 0);
        logEnds.keySet().removeIf(place -> split(place)[0].equals(topic));
    }

    private Uuid idOf(String topic) {
        int generation = generations.getOrDefault(topic, 0);
        return generation < 0 ? Uuid.ZERO_UUID : id(topic, generation);
    }

    private static Uuid id(String topic, int generation) {
        return new Uuid(7 + generation, topic.hashCode());
    }

    /** The topic that has this id or had it before it was made anew, and in which of its lives. */
    private String[] nameOf(Uuid id) {
        for (String topic : leaders.keySet()) {
            for (int generation = 0; generation <= LIVES; generation++) {
                if (id.equals(id(topic, generation))) {
                    return new String[] {topic, String.valueOf(generation)};
                }
            }
        }
        return new String[] {"", "none"};
    }

    /** A topic as a request says it: "t" by name, "t#0" by id, "t#1" once it was made anew, "#none" without an id. */
    String said(ProduceRequestData.TopicProduceData topic) {
        return topic.name().isEmpty() ? String.join("#", nameOf(topic.topicId())) : topic.name();
    }

    /**
     * Answers the oldest Produce request on a broker's connection: "respond NODE [throttle=MS] [backwards] [FAULT] RESULT
     * [T-P:RESULT]...", where FAULT is "without=T-P", "twice=T-P", "foreign=T-P" or "wrong-correlation".
     */
    void respond(TimelineWire wire, String[] words) {
        TimelineWire.Asked asked = wire.oldest(words[1]);
        if (asked == null || !asked.isProduce()) {
            return;
        }
        int throttle = 0;
        boolean backwards = false;
        String fault = "";
        String otherwise = "ok";
        Map<String, String> results = new HashMap<>();
        for (String word : Arrays.copyOfRange(words, 2, words.length)) {
            int colon = word.indexOf(':');
            if (word.startsWith("throttle=")) {
                throttle = Integer.parseInt(word.substring(9));
            } else if (word.equals("backwards")) {
                backwards = true;
            } else if (FAULTS.contains(word.split("=")[0])) {
                fault = word;
            } else if (colon >= 0) {
                results.put(word.substring(0, colon), word.substring(colon + 1));
            } else {
                otherwise = word;
            }
        }
        ProduceResponseData data = new ProduceResponseData().setThrottleTimeMs(throttle);
        Set<Integer> endpoints = new TreeSet<>();
        for (var topic : ((ProduceRequest) asked.request()).data().topicData()) {
            var topicResponse = new ProduceResponseData.TopicProduceResponse()
                .setName(topic.name()).setTopicId(topic.topicId());
            boolean byId = topic.name().isEmpty();
            String name = byId ? nameOf(topic.topicId())[0] : topic.name();
            for (var partition : topic.partitionData()) {
                String place = name + "-" + partition.index();
                RecordBatch batch = ((MemoryRecords) partition.records()).batches().iterator().next();
                // What is not there by this id, or not any more, can be answered in one way only.
                String result = byId && (name.isEmpty() || !idOf(name).equals(topic.topicId()))
                    ? "UNKNOWN_TOPIC_ID" : results.getOrDefault(place, otherwise);
                topicResponse.partitionResponses()
                    .add(partitionResponse(place, partition.index(), batch, result, endpoints));
            }
            data.responses().add(topicResponse);
        }
        if (asked.header().apiVersion() < NEW_LEADERS_SINCE) {
            endpoints.clear();
            data.responses().forEach(topic -> topic.partitionResponses().forEach(
                partition -> partition.setCurrentLeader(new ProduceResponseData.LeaderIdAndEpoch())));
        }
        for (int node : endpoints) {
            data.nodeEndpoints().add(new ProduceResponseData.NodeEndpoint()
                .setNodeId(node).setHost("127.0.0.1").setPort(9092 + node));
        }
        spoil(data, fault);
        if (backwards) {
            turnAround(data);
        }
        wire.answer(words[1], new ProduceResponse(data), fault.equals("wrong-correlation") ? 1 : 0);
    }

    /** The same answer, its last partition first: a broker may tell of them in any order. */
    private static void turnAround(ProduceResponseData data) {
        List<ProduceResponseData.TopicProduceResponse> topics = new ArrayList<>();
        data.responses().forEach(topic -> topics.add(topic.duplicate()));
        data.responses().clear();
        Collections.reverse(topics);
        for (var topic : topics) {
            Collections.reverse(topic.partitionResponses());
            data.responses().add(topic);
        }
    }

    /** What a broken broker makes of a sound answer. */
    private static void spoil(ProduceResponseData data, String fault) {
        if (!fault.contains("=")) {
            return;
        }
        String[] place = split(fault.substring(fault.indexOf('=') + 1));
        int partition = Integer.parseInt(place[1]);
        var told = data.responses().iterator().next().partitionResponses();
        if (fault.startsWith("without=")) {
            told.removeIf(one -> one.index() == partition);
        } else if (fault.startsWith("twice=")) {
            told.add(told.stream().filter(one -> one.index() == partition).findFirst().orElseThrow().duplicate());
        } else {
            told.add(told.get(0).duplicate().setIndex(partition));
        }
    }

    /**
     * RESULT is "ok" or an error's name, then options: "@OFFSET", ",append-time=MS", ",log-start=N",
     * ",leader=NODE/EPOCH", ",records=I+J" (I- is named without a word), ",said".
     */
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
            .setIndex(index).setErrorCode(code).setBaseOffset(offset)
            .setLogAppendTimeMs(-1).setLogStartOffset(code == 0 ? 0 : -1);
        for (String option : Arrays.copyOfRange(options, 1, options.length)) {
            String[] pair = option.split("=");
            switch (pair[0]) {
                case "append-time" -> response.setLogAppendTimeMs(Timeline.MIDNIGHT + Long.parseLong(pair[1]));
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
                        boolean isSilent = record.endsWith("-");
                        response.recordErrors().add(new ProduceResponseData.BatchIndexAndErrorMessage()
                            .setBatchIndex(Integer.parseInt(record.replace("-", "")))
                            .setBatchIndexErrorMessage(isSilent ? null : "record " + record));
                    }
                }
                default -> throw new AssertionError(option);
            }
        }
        return response;
    }

    AbstractResponse answerTo(String id, TimelineWire.Asked asked) {
        int throttle = throttles.getOrDefault(asked.header().apiKey(), 0);
        throttles.remove(asked.header().apiKey());
        return switch (asked.header().apiKey()) {
            case API_VERSIONS -> {
                ApiVersionsResponseData data = new ApiVersionsResponseData().setThrottleTimeMs(throttle);
                if (versionsRefused >= 0) {
                    data.setErrorCode(Errors.UNSUPPORTED_VERSION.code()).apiKeys().add(
                        new ApiVersionsResponseData.ApiVersion()
                            .setApiKey(ApiKeys.API_VERSIONS.id).setMinVersion((short) 0).setMaxVersion(versionsRefused));
                    yield new ApiVersionsResponse(data);
                }
                versions.forEach((api, range) -> data.apiKeys().add(new ApiVersionsResponseData.ApiVersion()
                    .setApiKey(api.id).setMinVersion(range[0]).setMaxVersion(range[1])));
                // A cluster without the feature says nothing of features.
                long[] told = features.getOrDefault(id, new long[] {transactionVersion > 0 ? 1 : -1, transactionVersion});
                data.setFinalizedFeaturesEpoch(told[0]);
                if (told[1] > 0) {
                    data.finalizedFeatures().add(
                        new ApiVersionsResponseData.FinalizedFeatureKey().setName("transaction.version")
                            .setMinVersionLevel((short) 0).setMaxVersionLevel((short) told[1]));
                }
                yield new ApiVersionsResponse(data);
            }
            case METADATA -> {
                Errors refusal = coordinator.refusal(ApiKeys.METADATA).error();
                if (refusal != Errors.NONE) {
                    yield asked.request().getErrorResponse(throttle, refusal.exception());
                }
                MetadataResponseData data = metadataFor((MetadataRequest) asked.request(), throttle);
                data.setErrorCode(metadataError.code());
                yield new MetadataResponse(data, asked.header().apiVersion());
            }
            default -> coordinator.answerTo(asked, throttle);
        };
    }

    private MetadataResponseData metadataFor(MetadataRequest request, int throttle) {
        MetadataResponseData data =
            new MetadataResponseData().setClusterId("cluster").setControllerId(1).setThrottleTimeMs(throttle);
        for (int node = 1; node <= nodes; node++) {
            data.brokers().add(new MetadataResponseData.MetadataResponseBroker()
                .setNodeId(node).setHost(hosts.getOrDefault(node, "127.0.0.1"))
                .setPort(ports.getOrDefault(node, 9092 + node)));
        }
        for (var asked : request.data().topics()) {
            Errors error = topicErrors.getOrDefault(asked.name(), Errors.NONE);
            int[] leading = leaders.get(asked.name());
            if (leading == null) {
                error = Errors.UNKNOWN_TOPIC_OR_PARTITION;
            }
            var topic = new MetadataResponseData.MetadataResponseTopic().setName(asked.name()).setErrorCode(error.code())
                .setTopicId(error == Errors.NONE ? idOf(asked.name()) : Uuid.ZERO_UUID);
            for (int partition = 0; error == Errors.NONE && partition < leading.length; partition++) {
                if (leading[partition] == UNTOLD) {
                    continue;
                }
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
}
