import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.apache.kafka.common.metrics.MeasurableStat;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.stats.Avg;
import org.apache.kafka.common.metrics.stats.CumulativeCount;
import org.apache.kafka.common.metrics.stats.CumulativeSum;
import org.apache.kafka.common.metrics.stats.Max;
import org.apache.kafka.common.metrics.stats.Rate;
import org.apache.kafka.common.metrics.stats.WindowedCount;
import org.apache.kafka.common.metrics.stats.WindowedSum;

/**
 * Reads stories of values that are recorded and measured; until the input ends. A story is the number of samples, the length of
 * a window, a number of steps, and the steps: the moment, how many values come (-1: everything is measured), the values.
 * Writes what is measured, one number per statistic.
 */
public class MetricWindows {
    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            int samples;
            try {
                samples = in.readInt();
            } catch (EOFException end) {
                break;
            }
            MetricConfig config = new MetricConfig().samples(samples).timeWindow(in.readLong(), TimeUnit.MILLISECONDS);
            List<MeasurableStat> stats = List.of(new Avg(), new Max(), new Rate(), new Rate(new WindowedCount()),
                new Rate(TimeUnit.NANOSECONDS, new WindowedSum()), new CumulativeSum(), new CumulativeCount());
            int steps = in.readInt();
            for (int step = 0; step < steps; step++) {
                long now = in.readLong();
                int values = in.readInt();
                for (int value = 0; value < values; value++) {
                    double recorded = in.readDouble();
                    stats.forEach(stat -> stat.record(config, recorded, now));
                }
                if (values < 0) {
                    for (MeasurableStat stat : stats) {
                        out.writeDouble(measure(stat, config, now));
                    }
                }
            }
            if (in.available() == 0) {
                out.flush();
            }
        }
        out.flush();
    }

    /** NaN where Kafka divides by a window of no length. */
    static double measure(MeasurableStat stat, MetricConfig config, long now) {
        try {
            return stat.measure(config, now);
        } catch (ArithmeticException division) {
            return Double.NaN;
        }
    }
}
