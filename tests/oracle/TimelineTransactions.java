package org.apache.kafka.clients.producer.internals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/** What the program calls of a script's transactions, and what becomes of the calls. */
final class TimelineTransactions {
    private record Call(String name, TransactionalRequestResult result, long begunAt) {
    }

    private final Timeline timeline;
    private final KafkaProducer<?, ?> producer;
    private final TransactionManager manager;
    private final KafkaProducerMetrics metrics;
    private final List<Call> waiting = new ArrayList<>();
    private Object phase;

    TimelineTransactions(
        Timeline timeline, KafkaProducer<?, ?> producer, TransactionManager manager, KafkaProducerMetrics metrics
    ) {
        this.timeline = timeline;
        this.producer = producer;
        this.manager = manager;
        this.metrics = metrics;
    }

    /** Takes an action. Says whether it was a call of transactions. */
    boolean perform(String[] words) {
        switch (words[0]) {
            case "init" -> call("init", () -> manager.initializeTransactions(false));
            case "begin" -> call("begin", () -> {
                manager.beginTransaction();
                metrics.recordBeginTxn(0);
                return null;
            });
            case "commit" -> call("commit", () -> manager.beginCommit());
            case "abort" -> call("abort", () -> manager.beginAbort());
            case "offsets" -> {
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                for (String word : Arrays.copyOfRange(words, 2, words.length)) {
                    String[] pair = word.split("@");
                    String[] place = TimelineBrokers.split(pair[0]);
                    offsets.put(new TopicPartition(place[0], Integer.parseInt(place[1])),
                        new OffsetAndMetadata(Long.parseLong(pair[1])));
                }
                call("offsets", () -> offsets.isEmpty() ? null : manager.sendOffsetsToTransaction(offsets, group(words[1])));
            }
            case "give-up" -> giveUp(words[1]);
            default -> {
                return false;
            }
        }
        return true;
    }

    @SuppressWarnings("removal")
    private static ConsumerGroupMetadata group(String id) {
        return new ConsumerGroupMetadata(id, -1, "", Optional.empty());
    }

    /** One that is made again while it waits has the same outcome, and each that made it is told. */
    private void call(String name, Supplier<TransactionalRequestResult> begin) {
        try {
            // As each of KafkaProducer's methods begins.
            TimelineFields.call(KafkaProducer.class, producer, "throwIfNoTransactionManager");
            TimelineFields.call(KafkaProducer.class, producer, "throwIfProducerClosed");
            TransactionalRequestResult result = begin.get();
            if (result == null) {
                timeline.tell(name + " ok");
            } else {
                waiting.add(new Call(name, result, timeline.time.nanoseconds()));
            }
        } catch (RuntimeException refusal) {
            timeline.tell(name + " " + refusal.getClass().getSimpleName() + " " + refusal.getMessage());
        }
    }

    /** The first that made this call has waited for max.block.ms: so long it does wait, in this machine's time. */
    private void giveUp(String name) {
        Call call = waiting.stream().filter(waits -> waits.name().equals(name)).findFirst().orElseThrow();
        waiting.remove(call);
        String words = (String) TimelineFields.get(KafkaProducer.class, producer, switch (name) {
            case "init" -> "INIT_TXN_TIMEOUT_MSG";
            case "commit" -> "COMMIT_TXN_TIMEOUT_MSG";
            case "abort" -> "ABORT_TXN_TIMEOUT_MSG";
            default -> "SEND_OFFSETS_TIMEOUT_MSG";
        });
        try {
            long maxBlockMs = (long) TimelineFields.get(KafkaProducer.class, producer, "maxBlockTimeMs");
            call.result().await(maxBlockMs, TimeUnit.MILLISECONDS, words);
            throw new IllegalStateException(name + " was over");
        } catch (TimeoutException timeout) {
            timeline.tell(name + " " + timeout.getClass().getSimpleName() + " " + timeout.getMessage());
        }
    }

    /** What the program finds where it waits for its calls. */
    void endCalls() {
        for (Call call : List.copyOf(waiting)) {
            if (!call.result().isCompleted()) {
                continue;
            }
            waiting.remove(call);
            try {
                call.result().await(0, TimeUnit.MILLISECONDS, "");
                record(call.name(), timeline.time.nanoseconds() - call.begunAt());
                if (call.name().equals("init")) {
                    manager.maybeUpdateTransactionV2Enabled(true);
                }
                timeline.tell(call.name() + " ok");
            } catch (RuntimeException failure) {
                timeline.tell(call.name() + " " + failure.getClass().getSimpleName() + " " + failure.getMessage());
            }
        }
    }

    /** Where the transactions stand at the end of a millisecond, if that is news. */
    void tellPhase() {
        if (manager == null || !manager.isTransactional()) {
            return;
        }
        Object now = TimelineFields.get(TransactionManager.class, manager, "currentState");
        if (now != phase) {
            phase = now;
            timeline.tell("phase " + now);
        }
    }

    /** As KafkaProducer's methods do, once they have waited successfully. */
    private void record(String name, long nanoseconds) {
        switch (name) {
            case "init" -> metrics.recordInit(nanoseconds);
            case "commit" -> metrics.recordCommitTxn(nanoseconds);
            case "abort" -> metrics.recordAbortTxn(nanoseconds);
            default -> metrics.recordSendOffsets(nanoseconds);
        }
    }
}
