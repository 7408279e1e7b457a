package org.apache.kafka.clients.producer.internals;

import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;

/**
 * Calls of send that may wait, each in a thread of its own. One thread runs at a time: who plays the script goes on when a
 * caller has returned or waits, and callers when they are told to look.
 *
 * Who waits for metadata looks at the script's clock. Who waits for memory waits in real time, of which that clock knows
 * nothing; so a script may only let them wait until memory comes, or until it closes its producer.
 */
final class TimelineCallers {
    private static final long MOST_MS = 10_000;

    private static final class Caller extends Thread {
        private final Supplier<String> send;
        private volatile String told;
        /** Whose change it waits for; null: for none, but perhaps for memory. */
        private volatile Object object;
        /** Is it past the time that it waits at most? */
        private volatile BooleanSupplier isTooLate;

        private Caller(Supplier<String> send) {
            super("caller");
            this.send = send;
            setDaemon(true);
        }

        @Override
        public void run() {
            told = send.get();
        }
    }

    /** Which callers may wait for. */
    private final Supplier<BufferPool> memory;
    private final List<Caller> waiting = new ArrayList<>();
    /** Did the metadata call notifyAll since callers last looked? */
    private boolean wereNotified;

    TimelineCallers(Supplier<BufferPool> memory) {
        this.memory = memory;
    }

    /** The producer that is called, with the constructor that its own tests use. */
    @SuppressWarnings("unchecked")
    static KafkaProducer<byte[], byte[]> producer(ProducerConfig config, LogContext log, Metrics metrics,
        ProducerMetadata metadata, RecordAccumulator accumulator, TransactionManager transactions, Sender sender, Time time) {
        try {
            Constructor<?> made = KafkaProducer.class.getDeclaredConstructor(ProducerConfig.class, LogContext.class,
                Metrics.class, Serializer.class, Serializer.class, ProducerMetadata.class, RecordAccumulator.class,
                TransactionManager.class, Sender.class, ProducerInterceptors.class, Partitioner.class, Time.class,
                Sender.SenderThread.class, Optional.class);
            made.setAccessible(true);
            return (KafkaProducer<byte[], byte[]>) made.newInstance(config, log, metrics, new ByteArraySerializer(),
                new ByteArraySerializer(), metadata, accumulator, transactions, sender,
                new ProducerInterceptors<>(List.of(), metrics),
                inTurn(config, (TimelineDraws.OrderedMetadata) metadata), time, null, Optional.empty());
        } catch (ReflectiveOperationException gone) {
            throw new AssertionError(gone);
        }
    }

    /** The partitioner that is configured, if one is; it sees partitions as they lie in the Java client's map. */
    private static Partitioner inTurn(ProducerConfig config, TimelineDraws.OrderedMetadata metadata) {
        Partitioner configured = config.getConfiguredInstance("partitioner.class", Partitioner.class);
        return configured == null ? null : new Partitioner() {
            @Override
            public int partition(String topic, Object key, byte[] keyBytes, Object value, byte[] valueBytes, Cluster ordered) {
                return configured.partition(topic, key, keyBytes, value, valueBytes, metadata.asItLies());
            }

            @Override
            public void close() {
                configured.close();
            }

            @Override
            public void configure(Map<String, ?> configs) {
            }
        };
    }

    /** What a call has to tell; null: nothing, or nothing yet, for it waits. */
    String call(Supplier<String> send) {
        Caller caller = new Caller(send);
        waiting.add(caller);
        caller.start();
        return heard(caller);
    }

    /** The metadata calls notifyAll. Where it changes without, as in a rebootstrap, who waits learns of it later. */
    void areNotified() {
        wereNotified = true;
    }

    /** What those have to tell, in the order of their calls, that waited for metadata and do no more. */
    List<String> look() {
        List<String> all = new ArrayList<>();
        boolean haveNews = wereNotified;
        wereNotified = false;
        for (Caller caller : List.copyOf(waiting)) {
            Object object = caller.object;
            if (object == null || !(haveNews || caller.isTooLate.getAsBoolean())) {
                continue;
            }
            synchronized (object) {
                caller.object = null;
                object.notifyAll();
            }
            add(all, heard(caller));
        }
        return all;
    }

    /** Has memory come for any of those that wait for it? Then they have returned, and what they have to tell is added. */
    boolean endedTheirWait(List<String> all) {
        List<Caller> forMemory = waiting.stream().filter(caller -> caller.object == null).toList();
        if (forMemory.isEmpty()) {
            return false;
        }
        // Whoever is signalled waits no longer on its condition, and leaves the queue when it has its memory.
        while (forMemory.stream().filter(Thread::isAlive).count() != waitingForMemory()) {
            Thread.onSpinWait();
        }
        List<Caller> ended = forMemory.stream().filter(caller -> !caller.isAlive()).toList();
        ended.forEach(caller -> add(all, heard(caller)));
        return !ended.isEmpty();
    }

    /** How many wait for memory and were not signalled; -1 while somebody who was has not had its turn yet. */
    @SuppressWarnings("unchecked")
    private long waitingForMemory() {
        BufferPool pool = memory.get();
        ReentrantLock lock = (ReentrantLock) TimelineFields.get(BufferPool.class, pool, "lock");
        Iterable<Condition> queue = (Iterable<Condition>) TimelineFields.get(BufferPool.class, pool, "waiters");
        lock.lock();
        try {
            long count = 0;
            for (Condition waiter : queue) {
                if (!lock.hasWaiters(waiter)) {
                    return -1;
                }
                count++;
            }
            return count;
        } finally {
            lock.unlock();
        }
    }

    /** What those that waited for memory have to tell, in the order of their calls, once the producer is closed. */
    List<String> endWaitsForMemory() {
        List<String> all = new ArrayList<>();
        for (Caller caller : List.copyOf(waiting)) {
            if (caller.object == null) {
                join(caller);
                add(all, heard(caller));
            }
        }
        return all;
    }

    /** Nobody listens any more. */
    void giveUp() {
        waiting.forEach(Thread::interrupt);
    }

    /** As Time.waitObject, for a caller who holds the object's monitor. */
    void await(Object object, Supplier<Boolean> condition, BooleanSupplier isTooLate) throws InterruptedException {
        while (!condition.get()) {
            if (isTooLate.getAsBoolean()) {
                throw new TimeoutException("Condition not satisfied before deadline");
            }
            Caller caller = (Caller) Thread.currentThread();
            caller.isTooLate = isTooLate;
            caller.object = object;
            while (caller.object != null) {
                object.wait();
            }
        }
    }

    /** Lets it run until it returns or waits. */
    private String heard(Caller caller) {
        long others = waiting.stream().filter(other -> other != caller && other.object == null).count();
        while (caller.isAlive()) {
            if (caller.object != null || memory.get().queued() > others) {
                return null;
            }
            Thread.onSpinWait();
        }
        join(caller);
        waiting.remove(caller);
        return caller.told;
    }

    private static void add(List<String> all, String told) {
        if (told != null) {
            all.add(told);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join(MOST_MS);
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
        if (thread.isAlive()) {
            throw new AssertionError("a caller waits for ever");
        }
    }
}
