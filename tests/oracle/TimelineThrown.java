package org.apache.kafka.clients.producer.internals;

import java.lang.reflect.Proxy;
import java.util.function.Consumer;
import org.slf4j.Logger;

/**
 * What the Java client throws where nobody catches it but its log: an answer that it could not deal with, or not to the end.
 */
final class TimelineThrown {
    private TimelineThrown() {
    }

    /** What the player itself threw in the midst of the Java client breaks the player. */
    static void check(Throwable thrown) {
        for (StackTraceElement frame : thrown.getStackTrace()) {
            String name = frame.getClassName();
            if (name.startsWith(TimelineThrown.class.getPackageName() + ".Timeline")) {
                throw new AssertionError(thrown);
            }
            if (name.startsWith("org.apache.kafka.")) {
                return;
            }
        }
    }

    /** A logger that passes on what it is told of throwables and forgets the rest. */
    static Logger logger(Consumer<Throwable> thrown) {
        Class<?>[] faces = {Logger.class};
        return (Logger) Proxy.newProxyInstance(TimelineThrown.class.getClassLoader(), faces, (logger, method, arguments) -> {
            for (Object argument : arguments == null ? new Object[0] : arguments) {
                if (argument instanceof Throwable throwable) {
                    thrown.accept(throwable);
                }
            }
            return method.getReturnType() == boolean.class ? (Object) false : null;
        });
    }
}
