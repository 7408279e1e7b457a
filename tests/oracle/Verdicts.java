import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;

/**
 * What the Java client says to producer properties.
 *
 * <p>With keys as arguments: one line of standard input is one set of properties, {@code key=value} with both in hexadecimal
 * UTF-8 and blanks between the pairs; one line comes back, with tabs in it: {@code refused}, and the class and the sentence
 * of the exception and of its cause; or {@code accepted}, and the values of the keys in the producer that was made, nothing
 * for null. All of these are in hexadecimal UTF-8. Before it, a line each, {@code told} and a sentence that the client logged of
 * the properties, or with the system property {@code whole.log} all that it logged, as it stands.
 *
 * <p>With the argument {@code definitions} alone: one line per option in the order of their definition, with name, type, default,
 * valid values and importance, in hexadecimal as above; an empty default is null, a lone {@code -} is none at all.
 */
public class Verdicts {
    static final HexFormat HEX = HexFormat.of();
    /** Closing waits until the sender has slept out its retry.backoff.ms, be that a tenth of a second or for ever. */
    static final ExecutorService CLOSERS = Executors.newCachedThreadPool(Verdicts::daemon);
    /** How many may be closing. */
    static final Semaphore OPEN = new Semaphore(200);
    static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    /** Where the log goes. */
    static final ByteArrayOutputStream LOG = new ByteArrayOutputStream();
    static final boolean WHOLE_LOG = Boolean.getBoolean("whole.log");
    /** What the client logs of properties: not the list of all values, which goes on in lines of its own. */
    static final Pattern SENTENCE = Pattern.compile("\\[main\\] (?:INFO|WARN) org\\.apache\\.kafka\\."
        + "(?:clients\\.CommonClientConfigs - |clients\\.producer\\.ProducerConfig - |common\\.config\\.(?:AbstractConfig|ConfigDef) - "
        + "|clients\\.producer\\.KafkaProducer - \\[Producer clientId=.*\\] )(.*)");
    /** And what it logs whatever they are. */
    static final Pattern EVER = Pattern.compile(
        "ProducerConfig values: .*|Instantiated an? \\w+ producer\\.|Closing the Kafka producer with .*");

    public static void main(String[] arguments) throws Exception {
        System.setOut(new PrintStream(LOG, true, StandardCharsets.UTF_8));
        if (arguments.length == 1 && arguments[0].equals("definitions")) {
            definitions();
        } else {
            BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String verdict = verdict(properties(line), arguments);
                if (WHOLE_LOG) {
                    OUT.print(logged());
                } else {
                    told().forEach(told -> OUT.println("told\t" + hex(told)));
                }
                OUT.println(verdict);
            }
        }
        OUT.flush();
        System.exit(0);
    }

    static String logged() {
        synchronized (LOG) {
            String logged = LOG.toString(StandardCharsets.UTF_8);
            LOG.reset();
            return logged;
        }
    }

    static List<String> told() {
        return logged().lines().map(SENTENCE::matcher).filter(Matcher::matches).map(line -> line.group(1))
            .filter(sentence -> !EVER.matcher(sentence).matches()).toList();
    }

    static Thread daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }

    static Properties properties(String line) {
        Properties properties = new Properties();
        for (String pair : line.trim().split(" ")) {
            if (!pair.isEmpty()) {
                String[] sides = pair.split("=", -1);
                properties.setProperty(text(sides[0]), text(sides[1]));
            }
        }
        return properties;
    }

    static String verdict(Properties properties, String[] keys) throws Exception {
        KafkaProducer<?, ?> producer;
        try {
            producer = new KafkaProducer<>(properties);
        } catch (Throwable refusal) {
            Throwable cause = refusal.getCause();
            return "refused\t" + told(refusal) + "\t" + (cause == null ? "\t" : told(cause));
        }
        String made = made(producer, keys);
        // Those that never close keep their place; then a new one waits a while, and goes on.
        OPEN.tryAcquire(1, TimeUnit.SECONDS);
        CLOSERS.execute(() -> {
            producer.close(Duration.ZERO);
            OPEN.release();
        });
        return "accepted" + made;
    }

    static String made(KafkaProducer<?, ?> producer, String[] keys) throws ReflectiveOperationException {
        Map<String, ?> values = ((ProducerConfig) field(producer, "producerConfig")).values();
        StringBuilder made = new StringBuilder();
        for (String key : keys) {
            Object value = values.get(key);
            if (key.equals("delivery.timeout.ms")) {
                // The configuration keeps the value it was given.
                value = field(field(producer, "accumulator"), "deliveryTimeoutMs");
            }
            made.append('\t').append(value == null ? "" : hex(value.toString()));
        }
        return made.toString();
    }

    static Object field(Object object, String name) throws ReflectiveOperationException {
        java.lang.reflect.Field field = object.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }

    static String told(Throwable what) {
        return hex(what.getClass().getSimpleName()) + "\t" + hex(String.valueOf(what.getMessage()));
    }

    static void definitions() throws Exception {
        // A copy through the public method would lose the order.
        java.lang.reflect.Field field = ProducerConfig.class.getDeclaredField("CONFIG");
        field.setAccessible(true);
        ConfigDef definition = (ConfigDef) field.get(null);
        for (ConfigDef.ConfigKey key : definition.configKeys().values()) {
            String value = ConfigDef.convertToString(key.hasDefault() ? key.defaultValue : null, key.type);
            OUT.println(String.join("\t", hex(key.name), hex(key.type.toString()),
                key.hasDefault() ? (value == null ? "" : hex("=" + value)) : "-",
                hex(String.valueOf(key.validator)), hex(key.importance.toString())));
        }
    }

    static String hex(String text) {
        return HEX.formatHex(text.getBytes(StandardCharsets.UTF_8));
    }

    static String text(String digits) {
        return new String(HEX.parseHex(digits), StandardCharsets.UTF_8);
    }
}
