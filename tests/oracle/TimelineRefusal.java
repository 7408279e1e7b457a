package org.apache.kafka.clients.producer.internals;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.protocol.Errors;

/** What a question is answered with: an error, what FindCoordinator says of it, and partitions that have one of their own. */
record TimelineRefusal(Errors error, String message, Map<String, Errors> partitions) {
    static final TimelineRefusal NONE = new TimelineRefusal(Errors.NONE, Errors.NONE.message(), Map.of());

    /** "refuse API ERROR[,said|,silent] [T-P:ERROR]..." */
    static TimelineRefusal of(String[] words) {
        String[] options = words[2].split(",");
        Errors error = Errors.valueOf(options[0]);
        String message = switch (options.length > 1 ? options[1] : "") {
            case "" -> error.message();
            case "said" -> "said by the coordinator";
            case "silent" -> null;
            default -> throw new AssertionError(words[2]);
        };
        Map<String, Errors> partitions = new HashMap<>();
        for (int place = 3; place < words.length; place++) {
            String[] pair = words[place].split(":");
            partitions.put(pair[0], Errors.valueOf(pair[1]));
        }
        return new TimelineRefusal(error, message, partitions);
    }

    /** The code of a partition. */
    short of(String topic, int partition) {
        return partitions.getOrDefault(topic + "-" + partition, error).code();
    }
}
