package org.apache.kafka.clients.producer.internals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/**
 * Calls of send that wait for memory, each in a thread of its own. They wait in real time, of which a script's clock knows
 * nothing; so a script may only let them wait until it closes its producer.
 */
final class TimelineCallers {
    private static final long MOST_MS = 10_000;

    private record Caller(Thread thread, AtomicReference<String> told) {
    }

    private final List<Caller> waiting = new ArrayList<>();

    /** What a call has to tell; null: nothing, or nothing yet, for it waits. */
    String call(BufferPool pool, Supplier<String> send) {
        AtomicReference<String> told = new AtomicReference<>();
        Thread thread = new Thread(() -> told.set(send.get()), "caller");
        thread.setDaemon(true);
        thread.start();
        while (thread.isAlive() && pool.queued() == waiting.size()) {
            Thread.onSpinWait();
        }
        if (pool.queued() > waiting.size()) {
            waiting.add(new Caller(thread, told));
            return null;
        }
        join(thread);
        return told.get();
    }

    /** What those that waited have to tell, in the order of their calls, once the producer is closed. */
    List<String> end() {
        List<String> all = new ArrayList<>();
        for (Caller caller : waiting) {
            join(caller.thread());
            all.add(caller.told().get());
        }
        waiting.clear();
        return all;
    }

    private static void join(Thread thread) {
        try {
            thread.join(MOST_MS);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
        if (thread.isAlive()) {
            throw new IllegalStateException("a caller waits for ever");
        }
    }
}
