import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.UUID;

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
 * Reads questions until the input ends: 0, a serializer and a text to be read as its type; or 1, a serializer, a type and a
 * value. Writes 1 and the serialized bytes, or 0 and the exception: its class and sentence, or of a ClassCastException the
 * class of the value.
 */
public class Serializers {
    static final Serializer<?>[] SERIALIZERS = {
        new StringSerializer(), new ByteArraySerializer(), new ByteBufferSerializer(), new BytesSerializer(),
        new IntegerSerializer(), new ShortSerializer(), new LongSerializer(), new FloatSerializer(), new DoubleSerializer(),
        new UUIDSerializer(), new BooleanSerializer(), new VoidSerializer(),
    };

    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            boolean handed;
            try {
                handed = in.readBoolean();
            } catch (EOFException end) {
                break;
            }
            int serializer = in.readByte();
            int type = handed ? in.readByte() : -1;
            byte[] bytes = in.readNBytes(in.readInt());
            answer(serializer, type, bytes, out);
            if (in.available() == 0) {
                out.flush();
            }
        }
        out.flush();
    }

    @SuppressWarnings("unchecked")
    static void answer(int serializer, int type, byte[] bytes, DataOutputStream out) throws IOException {
        Object value = null;
        try {
            value = type < 0 ? parse(serializer, new String(bytes, StandardCharsets.UTF_8)) : value(type, bytes);
            byte[] serialized = ((Serializer<Object>) SERIALIZERS[serializer]).serialize("topic", value);
            out.writeBoolean(true);
            write(out, serialized);
        } catch (ClassCastException wrongType) {
            refuse(out, "ClassCastException", value.getClass().getName());
        } catch (IllegalArgumentException refused) {
            refuse(out, refused.getClass().getSimpleName(), refused.getMessage());
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
