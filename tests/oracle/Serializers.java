import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.BooleanSerializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.ByteBufferSerializer;
import org.apache.kafka.common.serialization.BytesSerializer;
import org.apache.kafka.common.serialization.DoubleSerializer;
import org.apache.kafka.common.serialization.FloatSerializer;
import org.apache.kafka.common.serialization.IntegerSerializer;
import org.apache.kafka.common.serialization.LongSerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.ShortSerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.serialization.UUIDSerializer;
import org.apache.kafka.common.serialization.VoidSerializer;
import org.apache.kafka.common.utils.Bytes;

/**
 * Reads questions until the input ends: 1 for a key or 0 for a value; the half's own encoding and that of both, or null; then 0, a serializer and a text to be read as its type; or
 * 1, a serializer, a type and a value. Writes 1 and the serialized bytes, or 0 and the exception: its class and sentence. Where a
 * serializer does not take the type, the exception is the one that a producer's send throws; producers connect to the servers of
 * the only argument. A serializer is configured with the encodings before it is asked.
 *
 * <p>With the argument {@code charsets}: writes how many names charsets have, aliases included, and each with its charset's name.
 */
public class Serializers {
    static final Serializer<?>[] SERIALIZERS = {
        new StringSerializer(), new ByteArraySerializer(), new ByteBufferSerializer(), new BytesSerializer(),
        new IntegerSerializer(), new ShortSerializer(), new LongSerializer(), new FloatSerializer(), new DoubleSerializer(),
        new UUIDSerializer(), new BooleanSerializer(), new VoidSerializer(),
    };

    /** One for each serializer that was handed another type, which is both of its halves'. */
    static final KafkaProducer<?, ?>[] PRODUCERS = new KafkaProducer<?, ?>[SERIALIZERS.length];
    static String servers;

    public static void main(String[] arguments) throws IOException {
        if (arguments[0].equals("charsets")) {
            charsets(new DataOutputStream(System.out));
            return;
        }
        servers = arguments[0];
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            boolean key;
            try {
                key = in.readBoolean();
            } catch (EOFException end) {
                break;
            }
            String own = text(in);
            String both = text(in);
            boolean handed = in.readBoolean();
            int serializer = in.readByte();
            int type = handed ? in.readByte() : -1;
            byte[] bytes = in.readNBytes(in.readInt());
            answer(key, own, both, serializer, type, bytes, out);
            if (in.available() == 0) {
                out.flush();
            }
        }
        out.flush();
        for (KafkaProducer<?, ?> producer : PRODUCERS) {
            if (producer != null) {
                producer.close();
            }
        }
    }

    @SuppressWarnings("unchecked")
    static void answer(boolean key, String own, String both, int serializer, int type, byte[] bytes, DataOutputStream out)
            throws IOException {
        Object value = null;
        try {
            Serializer<Object> configured =
                (Serializer<Object>) SERIALIZERS[serializer].getClass().getDeclaredConstructor().newInstance();
            Map<String, Object> configs = new HashMap<>();
            configs.put(key ? "key.serializer.encoding" : "value.serializer.encoding", own);
            configs.put("serializer.encoding", both);
            configured.configure(configs, key);
            value = type < 0 ? parse(serializer, new String(bytes, StandardCharsets.UTF_8)) : value(type, bytes);
            byte[] serialized = configured.serialize("topic", value);
            out.writeBoolean(true);
            write(out, serialized);
        } catch (ClassCastException wrongType) {
            RuntimeException thrown = thrownBySend(key, serializer, value);
            refuse(out, thrown.getClass().getSimpleName(), thrown.getMessage());
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException(impossible);
        } catch (IllegalArgumentException | SerializationException refused) {
            refuse(out, refused.getClass().getSimpleName(), refused.getMessage());
        }
    }

    @SuppressWarnings("unchecked")
    static RuntimeException thrownBySend(boolean key, int serializer, Object value) {
        if (PRODUCERS[serializer] == null) {
            String name = SERIALIZERS[serializer].getClass().getName();
            PRODUCERS[serializer] = new KafkaProducer<>(
                Map.of("bootstrap.servers", servers, "key.serializer", name, "value.serializer", name));
        }
        KafkaProducer<Object, Object> producer = (KafkaProducer<Object, Object>) PRODUCERS[serializer];
        try {
            producer.send(new ProducerRecord<>("topic", 0, key ? value : null, key ? null : value));
            return new IllegalStateException("send took it");
        } catch (RuntimeException thrown) {
            return thrown;
        }
    }

    static Object parse(int serializer, String text) {
        switch (serializer) {
            case 1: return HexFormat.of().parseHex(text);
            case 2: return ByteBuffer.wrap(HexFormat.of().parseHex(text));
            case 3: return Bytes.wrap(HexFormat.of().parseHex(text));
            case 4: return Integer.parseInt(text);
            case 5: return Short.parseShort(text);
            case 6: return Long.parseLong(text);
            case 7: return Float.parseFloat(text);
            case 8: return Double.parseDouble(text);
            case 9: return UUID.fromString(text);
            case 10: return Boolean.parseBoolean(text);
            default: return text;
        }
    }

    static Object value(int type, byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        switch (type) {
            case 0: return null;
            case 1: return new String(bytes, StandardCharsets.UTF_8);
            case 2: return bytes;
            case 3: return buffer;
            case 4: return Bytes.wrap(bytes);
            case 5: return buffer.getInt();
            case 6: return buffer.getShort();
            case 7: return buffer.getLong();
            case 8: return Float.intBitsToFloat(buffer.getInt());
            case 9: return Double.longBitsToDouble(buffer.getLong());
            case 10: return new UUID(buffer.getLong(), buffer.getLong());
            case 11: return buffer.get() == 1;
            default: throw new IllegalStateException("type " + type);
        }
    }

    static void charsets(DataOutputStream out) throws IOException {
        Map<String, String> names = new TreeMap<>();
        for (Charset charset : Charset.availableCharsets().values()) {
            names.put(charset.name(), charset.name());
            charset.aliases().forEach(alias -> names.put(alias, charset.name()));
        }
        out.writeInt(names.size());
        for (Map.Entry<String, String> name : names.entrySet()) {
            write(out, name.getKey().getBytes(StandardCharsets.UTF_8));
            write(out, name.getValue().getBytes(StandardCharsets.UTF_8));
        }
        out.flush();
    }

    static String text(DataInputStream in) throws IOException {
        int length = in.readInt();
        return length < 0 ? null : new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    static void refuse(DataOutputStream out, String exception, String sentence) throws IOException {
        out.writeBoolean(false);
        write(out, exception.getBytes(StandardCharsets.UTF_8));
        write(out, String.valueOf(sentence).getBytes(StandardCharsets.UTF_8));
    }

    static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }
}
