package org.apache.kafka.clients.producer.internals;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.network.NetworkReceive;
import org.apache.kafka.common.network.NetworkSend;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.ByteBufferChannel;
import org.apache.kafka.common.requests.MetadataRequest;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.RequestTestUtils;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.test.MockSelector;

/** The network: requests are written and answered at once, unless a script keeps back the one or the other. */
final class TimelineWire extends MockSelector {
    /** A request that was written and has no answer, and when a question gets one. */
    record Asked(RequestHeader header, AbstractRequest request, long dueAt) {
        boolean isProduce() {
            return header.apiKey() == ApiKeys.PRODUCE;
        }
    }

    private final Timeline timeline;
    private final Map<String, Deque<Asked>> unanswered = new TreeMap<>();
    private final List<NetworkReceive> arriving = new ArrayList<>();
    private final Set<String> lost = new TreeSet<>();
    private final Set<String> open = new HashSet<>();
    /** The real selector's own: it knows which connection was left alone for too long. */
    private Object idleExpiry;
    /** What is written in the next poll. The real selector takes channels as they lie in a hash set; here these are first. */
    private final List<String> writing = new ArrayList<>();
    /** What the sockets of a full broker do not take. */
    private final List<NetworkSend> stalled = new ArrayList<>();
    /** In one instant no round of the sender's polls more often, unless it never ends. */
    private static final int MOST_POLLS = 10_000;

    /** Polls in the sender's round. */
    int pollsInRound = 0;
    private int pollsInInstant = 0;
    private long polledAt = -1;
    private long activityAtPoll = -1;
    private boolean polling = false;
    private TimelineTraffic traffic;

    TimelineWire(Timeline timeline) {
        super(timeline.time);
        this.timeline = timeline;
    }

    /** As Selector's constructor does with connections.max.idle.ms. */
    void closeIdleAfter(long ms) {
        if (ms >= 0) {
            try {
                Constructor<?> constructor = idleExpiryClass().getConstructor(Time.class, long.class);
                constructor.setAccessible(true);
                idleExpiry = constructor.newInstance(timeline.time, ms);
            } catch (ReflectiveOperationException gone) {
                throw new AssertionError(gone);
            }
        }
    }

    void measure(TimelineTraffic traffic) {
        this.traffic = traffic;
    }

    private static Class<?> idleExpiryClass() throws ClassNotFoundException {
        return Class.forName("org.apache.kafka.common.network.Selector$IdleExpiryManager");
    }

    private Object askIdleExpiry(String name, Object... arguments) {
        try {
            for (Method method : idleExpiry == null ? new Method[0] : idleExpiryClass().getMethods()) {
                if (method.getName().equals(name)) {
                    method.setAccessible(true);
                    return method.invoke(idleExpiry, arguments);
                }
            }
            return null;
        } catch (ReflectiveOperationException gone) {
            throw new AssertionError(gone);
        }
    }

    private void onUse(String id) {
        askIdleExpiry("update", id, timeline.time.nanoseconds());
    }

    /** As Selector.poll ends: at most one connection is closed. */
    private void closeOldest() {
        var oldest = (Map.Entry<?, ?>) askIdleExpiry("pollExpiredConnection", timeline.time.nanoseconds());
        if (oldest != null) {
            serverDisconnect((String) oldest.getKey());
            timeline.activity++;
        }
    }

    @Override
    public void connect(String id, InetSocketAddress address, int send, int receive) throws IOException {
        timeline.activity++;
        onUse(id);
        traffic.onDialled(id);
        // Nobody listens at port 0.
        String state = address.getPort() == 0 ? "refuse" : timeline.brokers.nodeStates.getOrDefault(id, "up");
        if (!Set.of("up", "mute", "full").contains(state)) {
            timeline.tell("dialled n" + id + " " + state);
        }
        switch (state) {
            case "refuse" -> lost.add(id);
            case "silent" -> { }
            default -> {
                super.connect(id, address, send, receive);
                open.add(id);
                traffic.onConnected(id);
                unanswered.put(id, new ArrayDeque<>());
            }
        }
    }

    @Override
    public void send(NetworkSend send) {
        timeline.activity++;
        if (isFull(send.destinationId())) {
            stalled.add(send);
        } else {
            super.send(send);
            writing.add(send.destinationId());
        }
    }

    private boolean isFull(String id) {
        return timeline.brokers.nodeStates.getOrDefault(id, "up").equals("full");
    }

    private void sendWhatStalled() {
        for (NetworkSend send : List.copyOf(stalled)) {
            if (!isFull(send.destinationId())) {
                stalled.remove(send);
                send(send);
            }
        }
    }

    @Override
    public void close(String id) {
        super.close(id);
        stalled.removeIf(send -> send.destinationId().equals(id));
        traffic.onClosed(id);
        askIdleExpiry("remove", id);
        unanswered.remove(id);
        arriving.removeIf(receive -> receive.source().equals(id));
        lost.remove(id);
        if (open.remove(id)) {
            timeline.tell("hung up n" + id);
        }
    }

    @Override
    public void close() {
        traffic.close();
    }

    void disconnect(String id) {
        if (open.remove(id)) {
            stalled.removeIf(send -> send.destinationId().equals(id));
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
        pollsInInstant = timeline.time.elapsed() == polledAt ? pollsInInstant + 1 : 0;
        polledAt = timeline.time.elapsed();
        if (pollsInInstant > MOST_POLLS) {
            throw new AssertionError("the sender never comes to rest at " + polledAt);
        }
        // A sender that waits within its round waits for time to pass.
        if (++pollsInRound > 1 && timeline.activity == activityAtPoll && timeout > 0) {
            polling = true;
            timeline.act();
            if (!hasNews()) {
                timeline.time.sleep(1);
            }
            polling = false;
        }
        activityAtPoll = timeline.activity;
        sendWhatStalled();
        writing.forEach(this::onUse);
        writing.clear();
        for (String id : List.copyOf(lost)) {
            lost.remove(id);
            open.remove(id);
            traffic.onNews(id);
            serverDisconnect(id);
            timeline.activity++;
        }
        // As the real selector has it, one response of a connection at a timeline.time.
        Set<String> heard = new HashSet<>();
        for (NetworkReceive receive : List.copyOf(arriving)) {
            if (heard.add(receive.source())) {
                arriving.remove(receive);
                completeReceive(receive);
                traffic.onRead(receive.source());
                onUse(receive.source());
                timeline.activity++;
            }
        }
        super.poll(0);
        for (int index = 0; index < completedSends().size(); index++) {
            onWritten(completedSends().get(index), completedSendBuffers().get(index));
        }
        closeOldest();
    }

    /** Has something arrived that the sender has not heard? */
    boolean hasNews() {
        return !arriving.isEmpty() || !lost.isEmpty()
            || stalled.stream().anyMatch(send -> !isFull(send.destinationId()));
    }

    /** Does the sender wait at the network, rather than sleep? */
    boolean isPolling() {
        return polling;
    }

    private void onWritten(NetworkSend send, ByteBufferChannel written) {
        ByteBuffer bytes = written.buffer().duplicate();
        bytes.getInt();
        RequestHeader header = RequestHeader.parse(bytes);
        AbstractRequest request =
            AbstractRequest.parseRequest(header.apiKey(), header.apiVersion(), new ByteBufferAccessor(bytes)).request;
        Asked asked = new Asked(header, request, timeline.time.elapsed() + timeline.latency);
        timeline.tell(describe(send.destinationId(), asked));
        traffic.onWritten(send.destinationId(), send.size(), request);
        boolean expectsAnswer = !asked.isProduce() || ((ProduceRequest) request).data().acks() != 0;
        if (expectsAnswer && unanswered.containsKey(send.destinationId())) {
            unanswered.get(send.destinationId()).add(asked);
            answerQuestions(send.destinationId());
        }
    }

    private String describe(String id, Asked asked) {
        String at = " n" + id + " v" + asked.header().apiVersion();
        switch (asked.header().apiKey()) {
            case PRODUCE -> {
                List<String> batches = new ArrayList<>();
                var data = ((ProduceRequest) asked.request()).data();
                for (var topic : data.topicData()) {
                    for (var partition : topic.partitionData()) {
                        MemoryRecords records = (MemoryRecords) partition.records();
                        RecordBatch batch = records.batches().iterator().next();
                        batches.add(timeline.brokers.said(topic) + "-" + partition.index()
                            + (batch.isTransactional() ? " transactional" : "") + " pid " + batch.producerId() + "/"
                            + batch.producerEpoch() + " seq " + batch.baseSequence() + " records " + batch.countOrNull()
                            + " bytes " + records.sizeInBytes());
                    }
                }
                return "produce" + at + " acks " + data.acks() + " timeout " + data.timeoutMs() + " id "
                    + Objects.requireNonNullElse(data.transactionalId(), "-") + " " + String.join(" | ", batches);
            }
            case METADATA -> {
                List<String> topics = new ArrayList<>();
                var data = ((MetadataRequest) asked.request()).data();
                data.topics().forEach(topic -> topics.add(topic.name()));
                return "metadata" + at + " " + String.join(",", topics) + (data.allowAutoTopicCreation() ? " create" : "");
            }
            case API_VERSIONS -> {
                return "versions" + at;
            }
            default -> {
                return TimelineCoordinator.describe(id, asked);
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
            boolean isMute = timeline.brokers.nodeStates.getOrDefault(id, "up").equals("mute");
            boolean isHeld = timeline.brokers.held.contains(next.header().apiKey());
            if (isMute || isHeld || next.dueAt() > timeline.time.elapsed()) {
                return;
            }
            answer(id, timeline.brokers.answerTo(id, next));
        }
    }

    void answerAllQuestions() {
        List.copyOf(unanswered.keySet()).forEach(this::answerQuestions);
    }

    void answer(String id, AbstractResponse response) {
        answer(id, response, 0);
    }

    /** Out of step by so much: with another correlation id than the question's. */
    void answer(String id, AbstractResponse response, int outOfStep) {
        RequestHeader header = unanswered.get(id).poll().header();
        ByteBuffer bytes = RequestTestUtils.serializeResponseWithHeader(
            response, header.apiVersion(), header.correlationId() + outOfStep);
        arriving.add(new NetworkReceive(id, bytes));
        timeline.activity++;
        answerQuestions(id);
    }
}
