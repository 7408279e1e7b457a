import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Properties;

/**
 * Reads texts with java.util.Properties: one text per line of the file named, as the hexadecimal digits of its UTF-8.
 *
 * Prints a line per text: "error", or each key and value in the order of reading, as the hexadecimal digits of their
 * UTF-16, in the form key=value and separated by spaces.
 */
public class ReadProperties {
    public static void main(String[] arguments) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (String text : Files.readAllLines(Path.of(arguments[0]))) {
            lines.append(read(new String(HexFormat.of().parseHex(text), StandardCharsets.UTF_8))).append('\n');
        }
        System.out.print(lines);
    }

    private static String read(String text) throws IOException {
        StringBuilder pairs = new StringBuilder();
        Properties properties = new Properties() {
            @Override
            public synchronized Object put(Object key, Object value) {
                pairs.append(units(key)).append('=').append(units(value)).append(' ');
                return super.put(key, value);
            }
        };
        try {
            properties.load(new StringReader(text));
        } catch (IllegalArgumentException malformed) {
            return "error";
        }
        return pairs.toString();
    }

    private static String units(Object text) {
        StringBuilder digits = new StringBuilder();
        text.toString().chars().forEach(unit -> digits.append(HexFormat.of().toHexDigits((char) unit)));
        return digits.toString();
    }
}
