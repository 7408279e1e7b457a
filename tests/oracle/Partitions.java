import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;

import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.utils.Utils;

/**
 * Reads keys (length, bytes) and numbers of partitions, and writes for each its hash and its partition; until the input ends.
 */
public class Partitions {
    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            int length;
            try {
                length = in.readInt();
            } catch (EOFException end) {
                break;
            }
            byte[] key = in.readNBytes(length);
            int partitions = in.readInt();
            out.writeInt(Utils.murmur2(key));
            out.writeInt(BuiltInPartitioner.partitionForKey(key, partitions));
            if (in.available() == 0) {
                out.flush();
            }
        }
        out.flush();
    }
}
