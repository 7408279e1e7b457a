package org.apache.kafka.clients.producer.internals;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.message.AddOffsetsToTxnResponseData;
import org.apache.kafka.common.message.AddPartitionsToTxnResponseData;
import org.apache.kafka.common.message.EndTxnResponseData;
import org.apache.kafka.common.message.FindCoordinatorResponseData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.TxnOffsetCommitResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.AddOffsetsToTxnResponse;
import org.apache.kafka.common.requests.AddPartitionsToTxnRequest;
import org.apache.kafka.common.requests.AddPartitionsToTxnResponse;
import org.apache.kafka.common.requests.EndTxnRequest;
import org.apache.kafka.common.requests.EndTxnResponse;
import org.apache.kafka.common.requests.FindCoordinatorRequest;
import org.apache.kafka.common.requests.FindCoordinatorResponse;
import org.apache.kafka.common.requests.InitProducerIdRequest;
import org.apache.kafka.common.requests.InitProducerIdResponse;
import org.apache.kafka.common.requests.TxnOffsetCommitRequest;
import org.apache.kafka.common.requests.TxnOffsetCommitResponse;

/** The coordinator of a script's transactions and groups: where it is, what it grants, and what it refuses. */
final class TimelineCoordinator {
    private int node = 1;
    private final Map<ApiKeys, Deque<TimelineRefusal>> refusals = new EnumMap<>(ApiKeys.class);
    private long nextProducerId = 1000;
    private short nextEpoch = 0;
    /** Of the transactional id, once it was granted. */
    private long producerId = -1;
    private short epoch = -1;

    void grantNext(long id, short firstEpoch) {
        nextProducerId = id;
        nextEpoch = firstEpoch;
    }

    void move(int to) {
        node = to;
    }

    void refuse(ApiKeys api, TimelineRefusal refusal) {
        refusals.computeIfAbsent(api, unused -> new ArrayDeque<>()).add(refusal);
    }

    /** What the next question of this API is answered with. */
    TimelineRefusal refusal(ApiKeys api) {
        Deque<TimelineRefusal> of = refusals.get(api);
        return of == null || of.isEmpty() ? TimelineRefusal.NONE : of.poll();
    }

    /** What a question is told as, behind its instant. */
    static String describe(String id, TimelineWire.Asked asked) {
        String at = " n" + id + " v" + asked.header().apiVersion() + " ";
        return switch (asked.header().apiKey()) {
            case FIND_COORDINATOR -> {
                var data = ((FindCoordinatorRequest) asked.request()).data();
                List<String> keys = data.coordinatorKeys().isEmpty() ? List.of(data.key()) : data.coordinatorKeys();
                yield "find-coordinator n" + id + " v" + asked.header().apiVersion() + " " + data.keyType() + " "
                    + String.join(",", keys);
            }
            case INIT_PRODUCER_ID -> {
                var data = ((InitProducerIdRequest) asked.request()).data();
                yield "init-producer-id" + at + data.producerId() + "/" + data.producerEpoch() + " id "
                    + Objects.requireNonNullElse(data.transactionalId(), "-") + " timeout " + data.transactionTimeoutMs();
            }
            case ADD_PARTITIONS_TO_TXN -> {
                var data = ((AddPartitionsToTxnRequest) asked.request()).data();
                yield "add-partitions" + at + data.v3AndBelowProducerId() + "/" + data.v3AndBelowProducerEpoch() + " "
                    + data.v3AndBelowTopics().stream().flatMap(topic -> topic.partitions().stream().map(
                        partition -> topic.name() + "-" + partition)).sorted().toList();
            }
            case ADD_OFFSETS_TO_TXN -> {
                var data = ((org.apache.kafka.common.requests.AddOffsetsToTxnRequest) asked.request()).data();
                yield "add-offsets" + at + data.producerId() + "/" + data.producerEpoch() + " " + data.groupId();
            }
            case TXN_OFFSET_COMMIT -> {
                var data = ((TxnOffsetCommitRequest) asked.request()).data();
                yield "commit-offsets" + at + data.producerId() + "/" + data.producerEpoch() + " " + data.groupId() + " "
                    + data.topics().stream().flatMap(topic -> topic.partitions().stream().map(partition ->
                        topic.name() + "-" + partition.partitionIndex() + "@" + partition.committedOffset()))
                        .sorted().toList();
            }
            case END_TXN -> {
                var data = ((EndTxnRequest) asked.request()).data();
                yield "end-txn" + at + data.producerId() + "/" + data.producerEpoch()
                    + (data.committed() ? " commit" : " abort");
            }
            default -> throw new AssertionError(asked.toString());
        };
    }

    /** The answer to a question; {@code null}: it was not one for a coordinator. */
    AbstractResponse answerTo(TimelineWire.Asked asked, int throttle) {
        ApiKeys api = asked.header().apiKey();
        return switch (api) {
            case FIND_COORDINATOR -> found((FindCoordinatorRequest) asked.request(), throttle, refusal(api));
            case INIT_PRODUCER_ID -> granted((InitProducerIdRequest) asked.request(), throttle, refusal(api).error());
            case ADD_PARTITIONS_TO_TXN -> {
                TimelineRefusal refusal = refusal(api);
                var data = new AddPartitionsToTxnResponseData().setThrottleTimeMs(throttle);
                for (var topic : ((AddPartitionsToTxnRequest) asked.request()).data().v3AndBelowTopics()) {
                    var answer = new AddPartitionsToTxnResponseData.AddPartitionsToTxnTopicResult().setName(topic.name());
                    for (int partition : topic.partitions()) {
                        answer.resultsByPartition().add(new AddPartitionsToTxnResponseData
                            .AddPartitionsToTxnPartitionResult()
                            .setPartitionIndex(partition).setPartitionErrorCode(refusal.of(topic.name(), partition)));
                    }
                    data.resultsByTopicV3AndBelow().add(answer);
                }
                yield new AddPartitionsToTxnResponse(data);
            }
            case ADD_OFFSETS_TO_TXN -> new AddOffsetsToTxnResponse(
                new AddOffsetsToTxnResponseData().setThrottleTimeMs(throttle).setErrorCode(refusal(api).error().code()));
            case TXN_OFFSET_COMMIT -> {
                TimelineRefusal refusal = refusal(api);
                var data = new TxnOffsetCommitResponseData().setThrottleTimeMs(throttle);
                for (var topic : ((TxnOffsetCommitRequest) asked.request()).data().topics()) {
                    var answer = new TxnOffsetCommitResponseData.TxnOffsetCommitResponseTopic().setName(topic.name());
                    topic.partitions().forEach(partition -> answer.partitions().add(
                        new TxnOffsetCommitResponseData.TxnOffsetCommitResponsePartition()
                            .setPartitionIndex(partition.partitionIndex())
                            .setErrorCode(refusal.of(topic.name(), partition.partitionIndex()))));
                    data.topics().add(answer);
                }
                yield new TxnOffsetCommitResponse(data);
            }
            case END_TXN -> {
                Errors error = refusal(api).error();
                var data = new EndTxnResponseData().setThrottleTimeMs(throttle).setErrorCode(error.code());
                if (error == Errors.NONE && asked.header().apiVersion() >= 5) {
                    bump();
                    data.setProducerId(producerId).setProducerEpoch(epoch);
                }
                yield new EndTxnResponse(data);
            }
            default -> null;
        };
    }

    private FindCoordinatorResponse found(FindCoordinatorRequest request, int throttle, TimelineRefusal refusal) {
        Errors error = refusal.error();
        String message = refusal.message();
        var data = new FindCoordinatorResponseData().setThrottleTimeMs(throttle);
        int told = error == Errors.NONE ? node : -1;
        String host = error == Errors.NONE ? "127.0.0.1" : "";
        int port = error == Errors.NONE ? 9092 + node : -1;
        if (request.data().coordinatorKeys().isEmpty()) {
            data.setErrorMessage(message).setErrorCode(error.code()).setNodeId(told).setHost(host).setPort(port);
        }
        for (String key : request.data().coordinatorKeys()) {
            data.coordinators().add(new FindCoordinatorResponseData.Coordinator()
                .setKey(key).setErrorMessage(message).setErrorCode(error.code()).setNodeId(told).setHost(host).setPort(port));
        }
        return new FindCoordinatorResponse(data);
    }

    private InitProducerIdResponse granted(InitProducerIdRequest request, int throttle, Errors error) {
        var data = new InitProducerIdResponseData().setThrottleTimeMs(throttle).setErrorCode(error.code());
        if (error != Errors.NONE) {
            return new InitProducerIdResponse(data);
        }
        if (request.data().transactionalId() == null || producerId < 0) {
            data.setProducerId(nextProducerId++).setProducerEpoch(nextEpoch);
            nextEpoch = 0;
            if (request.data().transactionalId() != null) {
                producerId = data.producerId();
                epoch = data.producerEpoch();
            }
        } else {
            bump();
            data.setProducerId(producerId).setProducerEpoch(epoch);
        }
        return new InitProducerIdResponse(data);
    }

    /** The last epoch of an id is the coordinator's own, for fencing. */
    private void bump() {
        if (epoch >= Short.MAX_VALUE - 1) {
            producerId = nextProducerId++;
            epoch = 0;
        } else {
            epoch++;
        }
    }
}
