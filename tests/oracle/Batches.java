import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;

import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionRatioEstimator;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.Utils;

/**
 * Writes batches as the producer does and reads those of others, until the input ends.
 *
 * A question: producer id, epoch, base sequence, transactional, codec; level, write limit, estimated ratio, observed ratio;
 * the records; a batch to be read. An answer: the estimate after the observed ratio; for each record whether it fitted, and
 * then the batch's size and whether it was full; the batch; whether the other batch could be read, and then its fields and
 * records in the form of a question, or what was wrong.
 */
public class Batches {
    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            long producerId;
            try {
                producerId = in.readLong();
            } catch (EOFException end) {
                return;
            }
            answer(producerId, in, out);
            out.flush();
        }
    }

    static void answer(long producerId, DataInputStream in, DataOutputStream out) throws IOException {
        short epoch = in.readShort();
        int sequence = in.readInt();
        boolean transactional = in.readBoolean();
        CompressionType type = CompressionType.forId(in.readShort());
        Compression compression = compression(type, in.readInt());
        int writeLimit = in.readInt();
        float ratio = in.readFloat();
        // One that nothing else moves.
        out.writeFloat(CompressionRatioEstimator.updateEstimation("estimated", CompressionType.GZIP, in.readFloat()));

        MemoryRecordsBuilder builder =
            MemoryRecords.builder(ByteBuffer.allocate(writeLimit), compression, TimestampType.CREATE_TIME, 0L);
        builder.setEstimatedCompressionRatio(ratio);
        for (int left = in.readInt(); left > 0; left--) {
            long timestamp = in.readLong();
            ByteBuffer key = Utils.wrapNullable(bytes(in));
            ByteBuffer value = Utils.wrapNullable(bytes(in));
            Header[] headers = new Header[in.readInt()];
            for (int i = 0; i < headers.length; i++) {
                headers[i] = new RecordHeader(new String(bytes(in), StandardCharsets.UTF_8), bytes(in));
            }
            boolean fits = builder.hasRoomFor(timestamp, key, value, headers);
            if (fits) {
                builder.append(timestamp, key, value, headers);
            }
            out.writeBoolean(fits);
            out.writeInt(builder.estimatedSizeInBytes());
            out.writeBoolean(builder.isFull());
        }
        builder.setProducerState(producerId, epoch, sequence, transactional);
        builder.close();
        write(out, Utils.toArray(builder.build().buffer()));
        read(bytes(in), out);
    }

    static Compression compression(CompressionType type, int level) {
        switch (type) {
            case GZIP:
                return Compression.gzip().level(level).build();
            case LZ4:
                return Compression.lz4().level(level).build();
            case ZSTD:
                return Compression.zstd().level(level).build();
            default:
                return Compression.of(type).build();
        }
    }

    static void read(byte[] other, DataOutputStream out) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        try {
            describe(other, new DataOutputStream(read));
        } catch (RuntimeException | Error unreadable) {
            // An error as well: a length that makes no sense is memory that cannot be had.
            out.writeBoolean(false);
            write(out, unreadable.toString().getBytes(StandardCharsets.UTF_8));
            return;
        }
        out.writeBoolean(true);
        write(out, read.toByteArray());
    }

    static void describe(byte[] bytes, DataOutputStream out) throws IOException {
        Iterator<MutableRecordBatch> batches = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches().iterator();
        MutableRecordBatch batch = batches.next();
        batch.ensureValid();
        if (batches.hasNext() || batch.sizeInBytes() != bytes.length || batch.baseOffset() != 0) {
            throw new IllegalStateException("more than one batch, or not from 0 on");
        }
        out.writeLong(batch.producerId());
        out.writeShort(batch.producerEpoch());
        out.writeInt(batch.baseSequence());
        out.writeBoolean(batch.isTransactional());
        out.writeShort(batch.compressionType().id);
        out.writeInt(batch.countOrNull());
        long latest = Long.MIN_VALUE;
        long offset = 0;
        for (Record record : batch) {
            if (record.offset() != offset++) {
                throw new IllegalStateException("offset " + record.offset());
            }
            latest = Math.max(latest, record.timestamp());
            out.writeLong(record.timestamp());
            write(out, Utils.toNullableArray(record.key()));
            write(out, Utils.toNullableArray(record.value()));
            out.writeInt(record.headers().length);
            for (Header header : record.headers()) {
                write(out, header.key().getBytes(StandardCharsets.UTF_8));
                write(out, header.value());
            }
        }
        if (latest != batch.maxTimestamp() || batch.lastOffset() != offset - 1) {
            throw new IllegalStateException("latest time or last offset");
        }
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
}
