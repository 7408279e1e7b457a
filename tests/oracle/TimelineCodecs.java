package org.apache.kafka.clients.producer.internals;

import java.io.IOException;
import java.io.OutputStream;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

/** The Java client's codecs: for its own batches, and lent to the other side, which takes its codecs as an argument. */
final class TimelineCodecs {
    private TimelineCodecs() {
    }

    static Compression of(ProducerConfig config) {
        String type = config.getString("compression.type");
        boolean hasLevels = List.of("gzip", "lz4", "zstd").contains(type);
        return of(type, hasLevels ? config.getInt("compression." + type + ".level") : 0);
    }

    /** As KafkaProducer.configureCompression. */
    private static Compression of(String type, int level) {
        return switch (CompressionType.forName(type)) {
            case GZIP -> Compression.gzip().level(level).build();
            case LZ4 -> Compression.lz4().level(level).build();
            case ZSTD -> Compression.zstd().level(level).build();
            default -> Compression.of(type).build();
        };
    }

    /** "compress TYPE LEVEL RECORDS": in hexadecimal digits, and so is the answer. */
    static String compress(String line) throws IOException {
        String[] words = line.split(" ");
        ByteBufferOutputStream compressed = new ByteBufferOutputStream(1024);
        Compression compression = of(words[1], Integer.parseInt(words[2]));
        try (OutputStream stream = compression.wrapForOutput(compressed, RecordBatch.CURRENT_MAGIC_VALUE)) {
            stream.write(HexFormat.of().parseHex(words[3]));
        }
        return HexFormat.of().formatHex(compressed.buffer().array(), 0, compressed.position());
    }
}
