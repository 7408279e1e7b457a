//! The tables: which sensor is told as which metrics (`SenderMetricsRegistry`, `KafkaProducerMetrics`, `BufferPool`,
//! `RecordAccumulator.registerMetrics`, `Selector.SelectorMetrics`). Names and descriptions are the Java client's, for
//! dashboards look for them.

use super::{Samples, Stat, Values, Windows};

/// One metric of a sensor.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) stat: Stat,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

macro_rules! rows {
    ($($stat:ident $name:literal $description:literal)+) => {
        &[$(Row { stat: Stat::$stat, name: $name, description: $description }),+]
    };
}

/// What the Java client registers with its calls and its connections, and never records: `prepareTransaction` is no public
/// call of 4.3.1 either, and on a connection without TLS and SASL, as all are here, nobody is authenticated.
pub(crate) const NEVER_RECORDED: &[Row] = rows! {
    Total "txn-prepare-time-ns-total" "Total time producer has spent in prepareTransaction in nanoseconds."
    Rate "successful-authentication-rate" "The number of connections with successful authentication per second"
    Total "successful-authentication-total" "The total number of connections with successful authentication"
    Rate "successful-reauthentication-rate" "The number of successful re-authentication of connections per second"
    Total "successful-reauthentication-total" "The total number of successful re-authentication of connections"
    Total "successful-authentication-no-reauth-total" "The total number of connections with successful authentication where the client does not support re-authentication"
    Rate "failed-authentication-rate" "The number of connections with failed authentication per second"
    Total "failed-authentication-total" "The total number of connections with failed authentication"
    Rate "failed-reauthentication-rate" "The number of failed re-authentication of connections per second"
    Total "failed-reauthentication-total" "The total number of failed re-authentication of connections"
    Max "reauthentication-latency-max" "The max latency observed due to re-authentication"
    Avg "reauthentication-latency-avg" "The average latency observed due to re-authentication"
};

macro_rules! sensors {
    ($($group:ident: $sensor:ident { $($(#[$doc:meta])* $variant:ident: $($stat:ident $name:literal $description:literal)+;)* })*) => {
        $(
            /// Where values of one kind go.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(crate) enum $sensor {
                $($(#[$doc])* $variant,)*
            }

            /// The metrics of each sensor, by its number.
            pub(crate) const $group: &[&[Row]] = &[
                $(rows! { $($stat $name $description)+ }),*
            ];
        )*
    };
}

sensors! {
    PRODUCER: Sensor {
        /// Bytes of a drained batch.
        BatchSize:
            Avg "batch-size-avg" "The average number of bytes sent per partition per-request."
            Max "batch-size-max" "The max number of bytes sent per partition per-request.";
        /// Bytes of a drained batch's records over those they took uncompressed.
        Compression:
            Avg "compression-rate-avg" "The average compression rate of record batches, defined as the average ratio of the compressed batch size over the uncompressed size.";
        /// Milliseconds from a batch's birth to its being drained.
        QueueTime:
            Avg "record-queue-time-avg" "The average time in ms record batches spent in the send buffer."
            Max "record-queue-time-max" "The maximum time in ms record batches spent in the send buffer.";
        /// Milliseconds from a Produce request to its answer.
        Latency:
            Avg "request-latency-avg" "The average request latency in ms"
            Max "request-latency-max" "The maximum request latency in ms";
        /// Records drained for a broker in one of the sender's rounds.
        RecordsPerRequest:
            Rate "record-send-rate" "The average number of records sent per second."
            Total "record-send-total" "The total number of records sent."
            Avg "records-per-request-avg" "The average number of records per request.";
        /// Records of a batch that is sent again.
        Retries:
            Rate "record-retry-rate" "The average per-second number of retried record sends"
            Total "record-retry-total" "The total number of retried record sends";
        /// Records of a batch that failed, or one that `send` refused.
        Errors:
            Rate "record-error-rate" "The average per-second number of record sends that resulted in errors"
            Total "record-error-total" "The total number of record sends that resulted in errors";
        /// Upper bound of a drained batch's largest record.
        RecordSize:
            Max "record-size-max" "The maximum record size"
            Avg "record-size-avg" "The average record size";
        /// A batch was too large and became smaller ones.
        Splits:
            Rate "batch-split-rate" "The average number of batch splits per second"
            Total "batch-split-total" "The total number of batch splits";
        /// `throttle_time_ms` of a response of any kind.
        Throttle:
            Avg "produce-throttle-time-avg" "The average time in ms a request was throttled by a broker"
            Max "produce-throttle-time-max" "The maximum time in ms a request was throttled by a broker";
        /// Nanoseconds that a send waited for memory.
        MemoryWait:
            Fraction "bufferpool-wait-ratio" "The fraction of time an appender waits for space allocation."
            Total "bufferpool-wait-time-ns-total" "The total time in nanoseconds an appender waits for space allocation.";
        /// A send was given up because memory did not come in time.
        Exhausted:
            Rate "buffer-exhausted-rate" "The average per-second number of record sends that are dropped due to buffer exhaustion"
            Total "buffer-exhausted-total" "The total number of record sends that are dropped due to buffer exhaustion";
        /// Nanoseconds of a call, as all that follow up to the connections.
        Flush:
            Total "flush-time-ns-total" "Total time producer has spent in flush in nanoseconds.";
        InitTransactions:
            Total "txn-init-time-ns-total" "Total time producer has spent in initTransactions in nanoseconds.";
        BeginTransaction:
            Total "txn-begin-time-ns-total" "Total time producer has spent in beginTransaction in nanoseconds.";
        SendOffsets:
            Total "txn-send-offsets-time-ns-total" "Total time producer has spent in sendOffsetsToTransaction in nanoseconds.";
        CommitTransaction:
            Total "txn-commit-time-ns-total" "Total time producer has spent in commitTransaction in nanoseconds.";
        AbortTransaction:
            Total "txn-abort-time-ns-total" "Total time producer has spent in abortTransaction in nanoseconds.";
        MetadataWait:
            Total "metadata-wait-time-ns-total" "Total time producer has spent waiting on topic metadata in nanoseconds.";
        /// A connection ended, or never stood.
        ConnectionsClosed:
            Rate "connection-close-rate" "The number of connections closed per second"
            Total "connection-close-total" "The total number of connections closed";
        /// A connection stands.
        ConnectionsCreated:
            Rate "connection-creation-rate" "The number of new connections established per second"
            Total "connection-creation-total" "The total number of new connections established";
        /// A read from a socket, or a frame written to one.
        NetworkIo:
            CountRate "network-io-rate" "The number of network operations (reads or writes) on all connections per second"
            Count "network-io-total" "The total number of network operations (reads or writes) on all connections";
        BytesSent:
            Rate "outgoing-byte-rate" "The number of outgoing bytes sent to all servers per second"
            Total "outgoing-byte-total" "The total number of outgoing bytes sent to all servers";
        /// Bytes of a request that was written in full.
        RequestsSent:
            CountRate "request-rate" "The number of requests sent per second"
            Count "request-total" "The total number of requests sent"
            Avg "request-size-avg" "The average size of requests sent."
            Max "request-size-max" "The maximum size of any request sent.";
        BytesReceived:
            Rate "incoming-byte-rate" "The number of bytes read off all sockets per second"
            Total "incoming-byte-total" "The total number of bytes read off all sockets";
        ResponsesReceived:
            CountRate "response-rate" "The number of responses received per second"
            Count "response-total" "The total number of responses received";
        /// The driver waited for sockets, deadlines and wake-ups: its thread, or, if it has none, its task.
        Selects:
            CountRate "select-rate" "The number of times the I/O layer checked for new I/O to perform per second"
            Count "select-total" "The total number of times the I/O layer checked for new I/O to perform";
        /// Nanoseconds that the driver's thread waited. This sensor and the one behind it are of threads alone.
        IoWait:
            Avg "io-wait-time-ns-avg" "The average length of time the I/O thread spent waiting for a socket ready for reads or writes in nanoseconds."
            Fraction "io-wait-ratio" "The fraction of time the I/O thread spent waiting"
            Total "io-wait-time-ns-total" "The total time the I/O thread spent waiting";
        /// Nanoseconds that it did I/O between two waits.
        Io:
            Avg "io-time-ns-avg" "The average length of time for I/O per select call in nanoseconds."
            Fraction "io-ratio" "The fraction of time the I/O thread spent doing I/O"
            Total "io-time-ns-total" "The total time the I/O thread spent doing I/O";
    }

    PER_TOPIC: TopicSensor {
        Records:
            Rate "record-send-rate" "The average number of records sent per second for a topic."
            Total "record-send-total" "The total number of records sent for a topic.";
        Bytes:
            Rate "byte-rate" "The average number of bytes sent per second for a topic."
            Total "byte-total" "The total number of bytes sent for a topic.";
        Compression:
            Avg "compression-rate" "The average compression rate of record batches for a topic, defined as the average ratio of the compressed batch size over the uncompressed size.";
        Retries:
            Rate "record-retry-rate" "The average per-second number of retried record sends for a topic"
            Total "record-retry-total" "The total number of retried record sends for a topic";
        Errors:
            Rate "record-error-rate" "The average per-second number of record sends that resulted in errors for a topic"
            Total "record-error-total" "The total number of record sends that resulted in errors for a topic";
    }

    PER_NODE: NodeSensor {
        RequestsSent:
            CountRate "request-rate" "The number of requests sent per second"
            Count "request-total" "The total number of requests sent"
            Avg "request-size-avg" "The average size of requests sent."
            Max "request-size-max" "The maximum size of any request sent.";
        BytesSent:
            Rate "outgoing-byte-rate" "The number of outgoing bytes per second"
            Total "outgoing-byte-total" "The total number of outgoing bytes";
        ResponsesReceived:
            CountRate "response-rate" "The number of responses received per second"
            Count "response-total" "The total number of responses received";
        BytesReceived:
            Rate "incoming-byte-rate" "The number of incoming bytes per second"
            Total "incoming-byte-total" "The total number of incoming bytes";
        Latency:
            Avg "request-latency-avg" ""
            Max "request-latency-max" "";
    }
}

impl Sensor {
    /// This sensor and all behind it are the application's calls and the connections, of which a closed producer tells no
    /// more.
    pub(crate) const GONE_WHEN_CLOSED: Self = Self::Flush;
    /// This sensor and all behind it exist where a thread's loop is timed.
    pub(crate) const OF_A_TIMED_LOOP: Self = Self::IoWait;
}

/// The values of one sensor: what its statistics need of them.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    rows: &'static [Row],
    /// For a rate; apart, since reading one begins a sample.
    rate: Option<Samples>,
    /// For averages and maxima.
    level: Option<Samples>,
    total: f64,
    count: u64,
}

impl Series {
    pub(crate) fn of(rows: &'static [Row]) -> Self {
        let is_level = |row: &Row| matches!(row.stat, Stat::Avg | Stat::Max);
        Self {
            rows,
            rate: rows.iter().any(|row| row.stat.is_rate()).then(Samples::default),
            level: rows.iter().any(is_level).then(Samples::default),
            total: 0.0,
            count: 0,
        }
    }

    /// One for each of these sensors.
    pub(crate) fn of_all(sensors: &[&'static [Row]]) -> Vec<Self> {
        sensors.iter().map(|rows| Self::of(rows)).collect()
    }

    pub(crate) fn record(&mut self, windows: Windows, now_ms: i64, values: Values) {
        if let Some(samples) = &mut self.rate {
            samples.record(windows, now_ms, values);
        }
        if let Some(samples) = &mut self.level {
            samples.record(windows, now_ms, values);
        }
        self.total += values.sum;
        self.count += values.count;
    }

    /// Its metrics and what they come to now.
    pub(crate) fn read(&mut self, windows: Windows, now_ms: i64) -> impl Iterator<Item = (&'static Row, f64)> {
        let Self { rows, rate, level, total, count } = self;
        rows.iter().map(move |row| {
            let samples = if row.stat.is_rate() { &mut *rate } else { &mut *level };
            let value = match (row.stat, samples) {
                (Stat::Total, _) => *total,
                (Stat::Count, _) => *count as f64,
                (stat, Some(samples)) => samples.measure(windows, now_ms, stat),
                (_, None) => f64::NAN,
            };
            (row, value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Mirrors `SenderTest.testSenderMetricsTemplates`: no template is registered twice. Which there are, the producer's
    /// own tests say.
    #[test]
    fn no_name_stands_twice_in_a_group() {
        for group in [PRODUCER, PER_TOPIC, PER_NODE] {
            let names: Vec<_> = group.iter().copied().flatten().map(|row| row.name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        }
    }

    #[test]
    fn a_meter_of_occurrences_counts_them_whatever_their_values() {
        let windows = Windows { samples: 2, window_ms: 30_000 };
        let mut series = Series::of(PRODUCER[Sensor::RequestsSent as usize]);
        series.record(windows, 0, 70.0.into());
        series.record(windows, 1, Values { count: 2, sum: 50.0, max: 40.0 });
        let read: Vec<_> = series.read(windows, 1).map(|(row, value)| (row.name, value)).collect();
        let rate = 3.0 / 30.001;
        assert_eq!(
            read,
            [("request-rate", rate), ("request-total", 3.0), ("request-size-avg", 40.0), ("request-size-max", 70.0)]
        );
    }
}
