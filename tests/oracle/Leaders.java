import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.File;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ScheduledFuture;
import java.util.function.Supplier;

import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.requests.ProduceResponse.RecordError;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.server.common.RequestLocal;
import org.apache.kafka.server.storage.log.FetchIsolation;
import org.apache.kafka.server.util.Scheduler;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.FetchDataInfo;
import org.apache.kafka.storage.internals.log.LogAppendInfo;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.RecordValidationException;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.internals.log.VerificationGuard;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

/**
 * Leads a partition: a real log of Apache Kafka's, told what its broker would tell it, until the input ends.
 *
 * A question: a topic's settings as properties; the version of Produce; steps. A step is a batch to append, a marker to
 * write, or a check for idle producers, each at a time. An answer: for a batch its error, offset, time of appending,
 * sentence, records at fault, and what is stored of it; after every step the high watermark and the last stable offset; and
 * at the end the transactions that are named as aborted to who reads from the beginning.
 */
public class Leaders {
    static final int DAY_MS = 86_400_000;

    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            byte[] settings;
            try {
                settings = bytes(in);
            } catch (EOFException end) {
                return;
            }
            Properties properties = new Properties();
            properties.load(new StringReader(new String(settings, StandardCharsets.UTF_8)));
            // A read ends with a segment, and batches that claim to be of another age begin one.
            properties.setProperty("segment.ms", Long.toString(Long.MAX_VALUE));
            File folder = new File(Files.createTempDirectory("leaders").toFile(), "orders-0");
            try {
                new Leaders(folder, properties).lead(in, out);
            } finally {
                Utils.delete(folder.getParentFile());
            }
            out.flush();
        }
    }

    final Clock clock = new Clock();
    final UnifiedLog log;
    short version;

    Leaders(File folder, Properties settings) throws IOException {
        log = UnifiedLog.create(folder, new LogConfig(settings), 0, 0, new Nobody(), new BrokerTopicStats(), clock, 900_000,
            new ProducerStateManagerConfig(DAY_MS, true), 600_000, new LogDirFailureChannel(1), true, Optional.empty());
    }

    void lead(DataInputStream in, DataOutputStream out) throws IOException {
        version = in.readShort();
        for (int left = in.readInt(); left > 0; left--) {
            int kind = in.readByte();
            clock.now = in.readLong();
            switch (kind) {
                case 0:
                    append(ByteBuffer.wrap(bytes(in)), out);
                    break;
                case 1:
                    mark(in.readLong(), in.readShort(), in.readBoolean());
                    break;
                default:
                    log.removeExpiredProducers(clock.now);
            }
            log.updateHighWatermark(log.logEndOffset());
            out.writeLong(log.highWatermark());
            out.writeLong(log.lastStableOffset());
        }
        FetchDataInfo read = log.read(0, Integer.MAX_VALUE, FetchIsolation.TXN_COMMITTED, true);
        var aborted = read.abortedTransactions.orElse(List.of());
        out.writeInt(aborted.size());
        for (var transaction : aborted) {
            out.writeLong(transaction.producerId());
            out.writeLong(transaction.firstOffset());
        }
        log.closeHandlers();
    }

    /** As KafkaApis and ReplicaManager do, where the coordinator has nothing against a transaction. */
    void append(ByteBuffer bytes, DataOutputStream out) throws IOException {
        long end = log.logEndOffset();
        try {
            MemoryRecords records = MemoryRecords.readableRecords(bytes);
            ProduceRequest.validateRecords(version, records);
            RecordBatch first = records.batches().iterator().next();
            VerificationGuard guard = VerificationGuard.SENTINEL;
            if (first.hasProducerId() && first.isTransactional()) {
                guard = log.maybeStartTransactionVerification(
                    first.producerId(), first.baseSequence(), first.producerEpoch(), version > 11);
            }
            LogAppendInfo appended =
                log.appendAsLeader(records, 0, AppendOrigin.CLIENT, RequestLocal.noCaching(), guard, (short) -1);
            answer(out, Errors.NONE, appended.firstOffset(), appended.logAppendTime(), null, List.of());
        } catch (RecordValidationException refused) {
            Throwable cause = refused.invalidException();
            answer(out, Errors.forException(cause), -1, -1, cause.getMessage(), refused.recordErrors());
        } catch (RuntimeException refused) {
            answer(out, Errors.forException(refused), -1, -1, null, List.of());
        }
        write(out, log.logEndOffset() == end ? null : stored(end));
    }

    void answer(DataOutputStream out, Errors error, long offset, long time, String message, List<RecordError> records)
        throws IOException {
        out.writeShort(error.code());
        out.writeLong(offset);
        out.writeLong(time);
        write(out, message == null ? null : message.getBytes(StandardCharsets.UTF_8));
        out.writeInt(records.size());
        for (RecordError record : records) {
            out.writeInt(record.batchIndex);
            write(out, record.message == null ? null : record.message.getBytes(StandardCharsets.UTF_8));
        }
    }

    byte[] stored(long offset) throws IOException {
        RecordBatch batch = log.read(offset, 1, FetchIsolation.LOG_END, true).records.batches().iterator().next();
        ByteBuffer bytes = ByteBuffer.allocate(batch.sizeInBytes());
        batch.writeTo(bytes);
        return bytes.array();
    }

    void mark(long producerId, short epoch, boolean commits) {
        ControlRecordType type = commits ? ControlRecordType.COMMIT : ControlRecordType.ABORT;
        MemoryRecords marker = MemoryRecords.withEndTransactionMarker(
            clock.now, producerId, epoch, new EndTransactionMarker(type, 0));
        log.appendAsLeader(marker, 0, AppendOrigin.COORDINATOR, RequestLocal.noCaching(), VerificationGuard.SENTINEL,
            (short) (version > 11 ? 2 : 0));
    }

    static byte[] bytes(DataInputStream in) throws IOException {
        int length = in.readInt();
        return length < 0 ? null : in.readNBytes(length);
    }

    static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }

    /** A clock that shows what it is told. */
    static class Clock implements Time {
        long now;

        @Override
        public long milliseconds() {
            return now;
        }

        @Override
        public long nanoseconds() {
            return now * 1_000_000;
        }

        @Override
        public void sleep(long ms) {
            now += ms;
        }

        @Override
        public void waitObject(Object lock, Supplier<Boolean> condition, long deadlineMs) {
            throw new UnsupportedOperationException();
        }
    }

    /** Does nothing later. */
    static class Nobody implements Scheduler {
        @Override
        public void startup() {
        }

        @Override
        public void shutdown() {
        }

        @Override
        public ScheduledFuture<?> schedule(String name, Runnable task, long delayMs, long periodMs) {
            return null;
        }

        @Override
        public void resizeThreadPool(int newSize) {
        }
    }
}
