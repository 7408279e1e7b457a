package org.apache.kafka.clients.producer.internals;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.NetworkClient;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.record.internal.AbstractRecords;
import org.apache.kafka.common.record.internal.CompressionRatioEstimator;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.CorrelationIdMismatchException;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.MockTime;

/**
 * Plays scripts through the Java client's accumulator, sender, transaction manager and network client under a clock that
 * only scripts move, and prints what left and what completed. Reads scripts from standard input, each ended by a line
 * "play"; answers each with its timeline, ended by a line ".". Between scripts it compresses ({@link TimelineCodecs}).
 *
 * It stands in Kafka's package because the constructors it calls are visible there only.
 */
public final class Timeline {
    /** The wall clock at instant 0 of every script. */
    static final long MIDNIGHT = 1_700_000_000_000L;

    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        List<String> script = new ArrayList<>();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.startsWith("compress ")) {
                OUT.println(TimelineCodecs.compress(line));
                OUT.flush();
                continue;
            }
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

    private record Action(long at, String[] words) {
    }

    private record Flush(List<ProduceRequestResult> results, long begunAt) {
    }

    final Clock time = new Clock();
    final TimelineBrokers brokers = new TimelineBrokers();
    final TimelineWire wire = new TimelineWire(this);
    private final Properties properties = new Properties();
    private final List<Action> actions = new ArrayList<>();
    private int nextAction = 0;
    private long until = 0;
    long latency = 0;
    /** Is the sender in one of its rounds? Then time passes only because it waits or sleeps. */
    private boolean inRound = false;
    /** Is the application in one of its calls? It may make them while the sender waits within its round. */
    private boolean inProgram = false;
    /** Anything that happened: two rounds without change are quiet. */
    long activity = 0;
    private final List<Flush> flushes = new ArrayList<>();
    private int sends = 0;
    private final TimelineCallers callers = new TimelineCallers();
    private long closeAt = Long.MAX_VALUE;
    private boolean closing = false;
    private boolean closed = false;

    // The producer.
    ProducerConfig config;
    long seed = 0;
    private TimelineDraws draws;
    private RecordAccumulator accumulator;
    private Sender sender;
    private NetworkClient client;
    ProducerMetadata metadata;
    private TransactionManager transactions;
    private TimelineTransactions calls;
    private BufferPool pool;
    private Metrics metrics;
    /** Of the application's calls. */
    private KafkaProducerMetrics callMetrics;

    private Timeline(List<String> script) {
        for (String line : script) {
            String[] words = line.trim().split(" +");
            switch (words[0]) {
                case "config" -> {
                    String[] pair = words[1].split("=", 2);
                    properties.put(pair[0], pair[1]);
                }
                case "seed" -> {
                    seed = Long.parseUnsignedLong(words[1]);
                    draws = new TimelineDraws(seed);
                }
                case "latency" -> latency = Long.parseLong(words[1]);
                case "until" -> until = Long.parseLong(words[1]);
                default -> {
                    if (!brokers.configure(words)) {
                        String[] rest = Arrays.copyOfRange(words, 1, words.length);
                        actions.add(new Action(Long.parseLong(words[0]), rest));
                    }
                }
            }
        }
    }

    void tell(String text) {
        activity++;
        OUT.println(time.elapsed() + " " + text);
    }

    /** What the client meets and only logs: "! INSTANT CLASS SENTENCE". */
    private void tellThrown(Throwable thrown) {
        OUT.println("! " + time.elapsed() + " " + thrown.getClass().getSimpleName() + " " + thrown.getMessage());
    }

    // ---- the producer, built as KafkaProducer builds it

    private void build() {
        properties.put("bootstrap.servers", "127.0.0.1:9092");
        properties.put("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        properties.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        config = new ProducerConfig(properties);
        wire.closeIdleAfter(config.getLong("connections.max.idle.ms"));
        LogContext log = new LogContext();
        metrics = new Metrics(time);
        callMetrics = new KafkaProducerMetrics(metrics);
        wire.measure(new TimelineTraffic(metrics, time));
        ApiVersions apiVersions = new ApiVersions();
        long retryBackoff = config.getLong("retry.backoff.ms");
        long retryBackoffMax = config.getLong("retry.backoff.max.ms");
        int linger = (int) Math.min(config.getLong("linger.ms"), Integer.MAX_VALUE);
        int requestTimeout = config.getInt("request.timeout.ms");
        int deliveryTimeout = Math.max(config.getInt("delivery.timeout.ms"), linger + requestTimeout);
        int batchSize = Math.max(1, config.getInt("batch.size"));
        int inFlight = config.getInt("max.in.flight.requests.per.connection");
        transactions = config.getBoolean("enable.idempotence")
            ? new TransactionManager(log, config.getString("transactional.id"), config.getInt("transaction.timeout.ms"),
                retryBackoff, apiVersions, false) {
                @Override
                protected boolean shouldPoisonStateOnInvalidTransition() {
                    return inRound && !inProgram;
                }
            }
            : null;
        calls = new TimelineTransactions(this, transactions, callMetrics);
        pool = new BufferPool(config.getLong("buffer.memory"), batchSize, metrics, time, "producer-metrics");
        accumulator = draws.new Accumulator(config, log, linger, deliveryTimeout, batchSize, metrics, time, transactions, pool);
        metadata = new TimelineDraws.OrderedMetadata(this, retryBackoff, retryBackoffMax, log);
        metadata.bootstrap(List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 9092)));
        client = TimelineDraws.client(wire, metadata, inFlight, config, time, apiVersions, log);
        TimelineFields.set(NetworkClient.class, client, "log", TimelineThrown.logger(this::tellThrown));
        TimelineFields.set(NetworkClient.class, client, "randOffset", new TimelineDraws.Offset(this));
        SenderMetricsRegistry registry = new SenderMetricsRegistry(metrics);
        sender = new Sender(log, client, metadata, accumulator, inFlight == 1, config.getInt("max.request.size"),
            Short.parseShort(config.getString("acks")), config.getInt("retries"), registry, time,
            requestTimeout, retryBackoff, transactions);
        TimelineFields.set(NetworkClient.class, client, "throttleTimeSensor", Sender.throttleTimeSensor(registry));
        brokers.leaders.keySet().forEach(topic -> metadata.add(topic, time.milliseconds()));
        // The Java client keeps these for all producers of a process, and a script has one that knows nothing yet.
        brokers.leaders.keySet().forEach(CompressionRatioEstimator::resetEstimation);
    }

    // ---- time

    private void play() {
        build();
        settle();
        while (time.elapsed() <= until) {
            // What a sender that waited has left for after its round is due in the same instant.
            do {
                act();
                settle();
            } while (isActionDue());
            time.sleep(1);
        }
        wire.close();
    }

    /** What was measured, as it stands one millisecond after the end: "= NAME TAG VALUE", TAG a topic, a broker or "-". */
    private void tellMetrics() {
        metrics.metrics().forEach((name, metric) -> {
            String tag = name.tags().getOrDefault("topic", name.tags().getOrDefault("node-id", "-"));
            OUT.println("= " + name.name() + " " + tag + " " + metric.metricValue());
        });
    }

    /** Does what is due. Between records sent in one millisecond the sender does not run; after anything else it does. */
    void act() {
        wire.answerAllQuestions();
        // A sender that waits at the network hears of one action after the other.
        for (boolean first = true; isActionDue()
            && (first || !(wire.isPolling() && wire.hasNews())); first = false) {
            Action action = actions.get(nextAction++);
            inProgram = true;
            perform(action.words());
            inProgram = false;
            boolean moreSends = isActionDue()
                && action.words()[0].equals("send") && actions.get(nextAction).words()[0].equals("send");
            if (!inRound && !moreSends) {
                settle();
            }
        }
    }

    private boolean isActionDue() {
        return nextAction < actions.size() && actions.get(nextAction).at() <= time.elapsed();
    }

    /** Runs the sender until nothing happens any more in this millisecond. Rounds that take time may lead beyond the end. */
    private void settle() {
        for (int quiet = 0; quiet < 3 && !closed && time.elapsed() <= until + 1;) {
            long before = activity;
            if (closing && isDrained()) {
                inRound = true;
                sender.run();
                inRound = false;
                closed = true;
                tell("closed");
                calls.endCalls();
                endFlushes();
                callMetrics.close();
                break;
            }
            wire.pollsInRound = 0;
            inRound = true;
            try {
                sender.runOnce();
            } catch (ApiException | CorrelationIdMismatchException | IllegalArgumentException uncaught) {
                // Sender.run logs it and goes on.
                tellThrown(uncaught);
                activity++;
            }
            inRound = false;
            calls.endCalls();
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
        if (accumulator.hasUndrained() || client.inFlightRequestCount() > 0) {
            return false;
        }
        if (transactions == null || !transactions.hasOngoingTransaction()) {
            return true;
        }
        if (!transactions.hasPendingRequests() && !transactions.isCompleting()) {
            try {
                transactions.beginAbort();
                activity++;
            } catch (RuntimeException inError) {
                sender.forceClose();
                return true;
            }
        }
        return false;
    }

    boolean isClosing() {
        return closing;
    }

    final class Clock extends MockTime {
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
                if (inRound) {
                    act();
                }
                calls.endCalls();
                endFlushes();
                calls.tellPhase();
                super.sleep(1);
                if (elapsed() == until + 1) {
                    tellMetrics();
                }
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
            case "disconnect" -> wire.disconnect(words[1]);
            case "flush" -> flush();
            case "close" -> close(words);
            default -> {
                if (!calls.perform(words) && !brokers.perform(wire, words)) {
                    throw new IllegalArgumentException(words[0]);
                }
            }
        }
    }

    /** What KafkaProducer.doSend does once the topic's metadata is known. */
    private void send(String[] words) {
        int number = sends++;
        String topic = words[1];
        byte[] key = words[3].equals("-") ? null : words[3].getBytes(StandardCharsets.UTF_8);
        byte[] value = TimelineDraws.content(words[4], number);
        Cluster cluster = metadata.fetch();
        Integer count = cluster.partitionCountForTopic(topic);
        if (closing) {
            tell("refused #" + number + " IllegalStateException");
            return;
        }
        if (cluster.invalidTopics().contains(topic)) {
            refuse(number, new InvalidTopicException(topic));
            return;
        }
        metadata.add(topic, time.milliseconds());
        if (count == null) {
            refuseForMetadata(number, topic);
            return;
        }
        int partition = RecordMetadata.UNKNOWN_PARTITION;
        if (!words[2].equals("*")) {
            partition = Integer.parseInt(words[2]);
        } else if (key != null && !config.getBoolean("partitioner.ignore.keys")) {
            partition = BuiltInPartitioner.partitionForKey(key, count);
        }
        if (partition >= count) {
            refuseForMetadata(number, topic);
            return;
        }
        draws.cluster = cluster;
        int size = AbstractRecords.estimateSizeInBytesUpperBound(RecordBatch.CURRENT_MAGIC_VALUE, CompressionType.NONE, key,
            value, Record.EMPTY_HEADERS);
        if (size > config.getInt("max.request.size") || size > config.getLong("buffer.memory")) {
            refuse(number, new RecordTooLargeException());
            return;
        }
        boolean waits = properties.containsKey("max.block.ms") && config.getLong("max.block.ms") > 0;
        int chosen = partition;
        String told = waits
            ? callers.call(pool, () -> append(number, words, chosen, key, value, cluster))
            : append(number, words, partition, key, value, cluster);
        if (told != null) {
            tell(told);
        }
    }

    /** Returns what there is to tell of it, if anything. */
    private String append(int number, String[] words, int partition, byte[] key, byte[] value, Cluster cluster) {
        String topic = words[1];
        long now = time.milliseconds();
        Told told = new Told(number, topic);
        try {
            RecordAccumulator.RecordAppendResult result = accumulator.append(topic, partition, now, key, value, null, told,
                properties.containsKey("max.block.ms") ? config.getLong("max.block.ms") : 0, now, cluster);
            if (transactions != null) {
                transactions.maybeAddPartition(new TopicPartition(topic, told.partition));
            }
            if (result.batchIsFull || result.newBatchCreated) {
                sender.wakeup();
            }
            return words[2].equals("*") ? "placed #" + number + " " + topic + "-" + told.partition : null;
        } catch (ApiException refusal) {
            return refusal(number, refusal);
        } catch (KafkaException refusal) {
            metrics.getSensor("errors").record();
            return "refused #" + number + " " + refusal.getClass().getSimpleName();
        } catch (IllegalStateException refusal) {
            return "refused #" + number + " " + refusal.getClass().getSimpleName();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    /** What KafkaProducer.waitOnMetadata does before it loses patience, which with max.block.ms=0 it does at once. */
    private void refuseForMetadata(int number, String topic) {
        metadata.requestUpdateForTopic(topic);
        sender.wakeup();
        refuse(number, new TimeoutException());
    }

    private void refuse(int number, ApiException refusal) {
        tell(refusal(number, refusal));
    }

    /** What KafkaProducer.doSend does with an exception of the future's. */
    private String refusal(int number, ApiException refusal) {
        metrics.getSensor("errors").record();
        RuntimeException told = refusal;
        try {
            if (transactions != null) {
                transactions.maybeTransitionToErrorState(refusal);
            }
        } catch (IllegalStateException noTransaction) {
            told = noTransaction;
        }
        return "refused #" + number + " " + told.getClass().getSimpleName();
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
        IncompleteBatches incomplete = (IncompleteBatches) TimelineFields.get(RecordAccumulator.class, accumulator, "incomplete");
        List<ProduceRequestResult> results = new ArrayList<>();
        incomplete.requestResults().forEach(results::add);
        flushes.add(new Flush(results, time.nanoseconds()));
        endFlushes();
    }

    /** The second half of awaitFlushCompletion, which blocks its caller and so cannot be called here. */
    private void endFlushes() {
        for (Flush flush : List.copyOf(flushes)) {
            if (flush.results().stream().allMatch(Timeline::isDoneWithDependents)) {
                callMetrics.recordFlush(time.nanoseconds() - flush.begunAt());
                ((AtomicInteger) TimelineFields.get(RecordAccumulator.class, accumulator, "flushesInProgress")).decrementAndGet();
                flushes.remove(flush);
                tell("flushed");
            }
        }
    }

    private static boolean isDoneWithDependents(ProduceRequestResult result) {
        CountDownLatch latch = (CountDownLatch) TimelineFields.get(ProduceRequestResult.class, result, "latch");
        List<?> dependents = (List<?>) TimelineFields.get(ProduceRequestResult.class, result, "dependentResults");
        return latch.getCount() == 0
            && dependents.stream().allMatch(dependent -> isDoneWithDependents((ProduceRequestResult) dependent));
    }

    private void close(String[] words) {
        long deadline = words.length > 1 ? time.elapsed() + Long.parseLong(words[1]) : Long.MAX_VALUE;
        closeAt = Math.min(closeAt, deadline);
        closing = true;
        sender.initiateClose();
        callers.end().forEach(this::tell);
    }
}
