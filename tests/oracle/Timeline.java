package org.apache.kafka.clients.producer.internals;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.kafka.clients.ApiVersions;
import org.apache.kafka.clients.NetworkClient;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.record.internal.CompressionRatioEstimator;
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
                Timeline told = new Timeline(script);
                if (told.comesSecond) {
                    Timeline before = new Timeline(script);
                    before.out = new PrintStream(OutputStream.nullOutputStream());
                    before.play();
                    told.knowsNothing = false;
                }
                told.play();
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
    /** Where it is told what happens. */
    private PrintStream out = OUT;
    /** Has another producer of the process done the same before? */
    private boolean comesSecond = false;
    /** Has no producer of the process sent anything yet? */
    private boolean knowsNothing = true;
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
    final TimelineCallers callers = new TimelineCallers(() -> this.pool);
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
    /** What the application calls; it has no thread of its own, and its close is the script's. */
    private KafkaProducer<byte[], byte[]> producer;
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
                case "after-another" -> comesSecond = true;
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
        out.println(time.elapsed() + " " + text);
    }

    /** What the client meets and only logs: "! INSTANT CLASS SENTENCE". */
    private void tellThrown(Throwable thrown) {
        TimelineThrown.check(thrown);
        out.println("! " + time.elapsed() + " " + thrown.getClass().getSimpleName() + " " + thrown.getMessage());
    }

    // ---- the producer, built as KafkaProducer builds it

    private void build() {
        properties.put("bootstrap.servers", "127.0.0.1:9092");
        properties.put("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        properties.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        config = new ProducerConfig(properties);
        wire.closeIdleAfter(config.getLong("connections.max.idle.ms"));
        LogContext log = new LogContext();
        metrics = new Metrics(new MetricConfig()
            .samples(config.getInt("metrics.num.samples"))
            .timeWindow(config.getLong("metrics.sample.window.ms"), TimeUnit.MILLISECONDS), time);
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
        producer = TimelineCallers.producer(config, log, metrics, metadata, accumulator, transactions, sender, time);
        callMetrics = (KafkaProducerMetrics) TimelineFields.get(KafkaProducer.class, producer, "producerMetrics");
        calls = new TimelineTransactions(this, producer, transactions, callMetrics);
        brokers.leaders.keySet().forEach(topic -> metadata.add(topic, time.milliseconds()));
        // The Java client keeps these for all producers of a process, and a script has one that knows nothing yet, unless it
        // says that another was there before.
        if (knowsNothing) {
            brokers.leaders.keySet().forEach(CompressionRatioEstimator::resetEstimation);
        }
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
        callers.giveUp();
    }

    /** What was measured, as it stands one millisecond after the end: "= NAME TAG VALUE", TAG a topic, a broker or "-". */
    private void tellMetrics() {
        metrics.metrics().forEach((name, metric) -> {
            String tag = name.tags().getOrDefault("topic", name.tags().getOrDefault("node-id", "-"));
            out.println("= " + name.name() + " " + tag + " " + metric.metricValue());
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
                callers.look().forEach(this::tell);
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
            } catch (RuntimeException uncaught) {
                // Sender.run logs it and goes on.
                tellThrown(uncaught);
                activity++;
            }
            inRound = false;
            lookAround();
            quiet = activity == before ? quiet + 1 : 0;
        }
    }

    /** The application's threads have their turn. */
    private void lookAround() {
        List<String> released = new ArrayList<>();
        activity += callers.endedTheirWait(released) ? 1 : 0;
        released.forEach(this::tell);
        callers.look().forEach(this::tell);
        calls.endCalls();
        endFlushes();
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

    final class Clock extends MockTime {
        private Clock() {
            super(0, MIDNIGHT, 0);
        }

        long elapsed() {
            return milliseconds() - MIDNIGHT;
        }

        @Override
        public void waitObject(Object object, Supplier<Boolean> condition, long deadline) throws InterruptedException {
            callers.await(object, condition, () -> milliseconds() >= deadline);
        }

        /** Time passes millisecond by millisecond, for the application and the network also while the sender sleeps. */
        @Override
        public void sleep(long ms) {
            for (long passed = 0; passed < ms; passed++) {
                if (inRound) {
                    act();
                }
                lookAround();
                calls.tellPhase();
                super.sleep(1);
                if (elapsed() == until + 1) {
                    tellMetrics();
                }
                callers.look().forEach(Timeline.this::tell);
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
                if (!calls.perform(words) && !isOfBrokers(words)) {
                    throw new AssertionError(words[0]);
                }
            }
        }
    }

    /** A word that the brokers cannot read is the script's mistake, also where it is read in one of the sender's rounds. */
    private boolean isOfBrokers(String[] words) {
        try {
            return brokers.perform(wire, words);
        } catch (RuntimeException unreadable) {
            throw new AssertionError(String.join(" ", words), unreadable);
        }
    }

    /** KafkaProducer.send, in a thread of its own where it may wait. */
    private void send(String[] words) {
        Told told = new Told(sends++);
        String heard = config.getLong("max.block.ms") > 0 ? callers.call(() -> send(words, told)) : send(words, told);
        if (heard != null) {
            tell(heard);
        }
    }

    /** What there is to tell of it, if anything: where the record goes when that is the producer's choice, or why nowhere. */
    private String send(String[] words, Told told) {
        String refused = "refused #" + told.number + " ";
        try {
            ProducerRecord<byte[], byte[]> record = record(words, told.number);
            Future<RecordMetadata> future = producer.send(record, told);
            told.isSent = true;
            if (told.refusal != null) {
                return refused + "future " + saying(told.refusal);
            }
            ProduceRequestResult batch =
                (ProduceRequestResult) TimelineFields.get(FutureRecordMetadata.class, future, "result");
            return record.partition() != null ? null : "placed #" + told.number + " " + batch.topicPartition();
        } catch (RuntimeException thrown) {
            told.isSent = true;
            if (told.refusal != null) {
                tell("called-back #" + told.number + " " + saying(told.refusal));
            }
            return refused + "thrown " + saying(thrown);
        }
    }

    private static ProducerRecord<byte[], byte[]> record(String[] words, int number) {
        Integer partition = words[2].equals("*") ? null : Integer.valueOf(words[2]);
        byte[] key = words[3].equals("-") ? null : words[3].getBytes(StandardCharsets.UTF_8);
        String[] bytes = words[4].split("\\+");
        byte[] value = TimelineDraws.content(bytes[0], number);
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(words[1], partition, key, value);
        for (int header = 1; header < bytes.length; header++) {
            record.headers().add("header", TimelineDraws.content(bytes[header], number));
        }
        return record;
    }

    private static String saying(Exception exception) {
        return exception.getClass().getSimpleName() + " " + exception.getMessage();
    }

    /** The callback of a record. Before `send` has returned it runs for a record that is refused. */
    final class Told implements Callback {
        final int number;
        private boolean isSent = false;
        private Exception refusal;

        private Told(int number) {
            this.number = number;
        }

        @Override
        public void onCompletion(RecordMetadata told, Exception exception) {
            String where = "#" + number + " " + told.topic() + "-" + told.partition();
            if (!isSent) {
                refusal = exception;
            } else if (exception == null) {
                tell("acked " + where + " offset " + told.offset() + " timestamp " + (told.timestamp() - MIDNIGHT));
            } else {
                tell("failed " + where + " " + saying(exception));
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
        callers.endWaitsForMemory().forEach(this::tell);
    }
}
