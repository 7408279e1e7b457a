package org.apache.kafka.clients.producer.internals;

import java.lang.reflect.Method;
import java.util.Map;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.network.PlaintextChannelBuilder;
import org.apache.kafka.common.network.Selector;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.ApiVersionsRequest;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;

/**
 * What the real selector measures of its connections: its own sensors, which are told of what the script's network carries.
 * How often it selects, and how long that takes, is the player's doing and is not told.
 */
final class TimelineTraffic implements AutoCloseable {
    /** What an answer counts as on both sides: how many bytes it takes is its broker's matter. */
    private static final int ANSWER_BYTES = 100;

    private final Time time;
    private final Selector selector;
    private final Object sensors;
    private final Map<String, Object> channels;

    @SuppressWarnings("unchecked")
    TimelineTraffic(Metrics metrics, Time time) {
        this.time = time;
        selector = new Selector(-1, metrics, time, "producer", new PlaintextChannelBuilder(null), new LogContext());
        sensors = TimelineFields.get(Selector.class, selector, "sensors");
        channels = (Map<String, Object>) TimelineFields.get(Selector.class, selector, "channels");
    }

    /** A connection is begun: nothing but its number is measured. */
    void onDialled(String id) {
        channels.put(id, null);
    }

    /** The socket has news of a connection, be it that there is none. */
    void onNews(String id) {
        call("maybeRegisterConnectionMetrics", id);
    }

    void onConnected(String id) {
        onNews(id);
        sensor("connectionCreated").record();
    }

    /** A connection is closed, if there is one. */
    void onClosed(String id) {
        if (channels.containsKey(id)) {
            channels.remove(id);
            sensor("connectionClosed").record();
        }
    }

    /** A request was written in one go. What the client calls itself does not count: the two are no namesakes. */
    void onWritten(String id, long bytes, AbstractRequest request) {
        long counted = bytes;
        if (request instanceof ApiVersionsRequest versions) {
            counted -= versions.data().clientSoftwareName().length() + versions.data().clientSoftwareVersion().length();
        }
        call("recordBytesSent", id, counted, time.milliseconds());
        call("recordCompletedSend", id, counted, time.milliseconds());
    }

    /** A response was read in one go. */
    void onRead(String id) {
        call("recordBytesReceived", id, (long) ANSWER_BYTES, time.milliseconds());
        call("recordCompletedReceive", id, (long) ANSWER_BYTES, time.milliseconds());
    }

    private Sensor sensor(String name) {
        return (Sensor) TimelineFields.get(sensors.getClass(), sensors, name);
    }

    private void call(String name, Object... arguments) {
        try {
            for (Method method : sensors.getClass().getDeclaredMethods()) {
                if (method.getName().equals(name)) {
                    method.setAccessible(true);
                    method.invoke(sensors, arguments);
                    return;
                }
            }
            throw new AssertionError(name);
        } catch (ReflectiveOperationException gone) {
            throw new AssertionError(gone);
        }
    }

    /** As the producer's close ends: the connections' metrics are gone. */
    @Override
    public void close() {
        selector.close();
    }
}
