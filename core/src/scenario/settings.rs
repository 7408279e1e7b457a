//! Names of brokers' settings, and which name a wrong one may be meant for.

/// Settings of brokers that a simulated cluster knows, by Kafka's names.
pub const BROKER_SETTINGS: [&str; 24] = [
    "auto.create.topics.enable",
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "compression.type",
    "connections.max.idle.ms",
    "controlled.shutdown.enable",
    "default.replication.factor",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.retention.bytes",
    "message.max.bytes",
    "min.insync.replicas",
    "num.partitions",
    "producer.id.expiration.check.interval.ms",
    "producer.id.expiration.ms",
    "queued.max.requests",
    "replica.fetch.wait.max.ms",
    "replica.lag.time.max.ms",
    "socket.request.max.bytes",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "transaction.max.timeout.ms",
    "transactional.id.expiration.ms",
    "unclean.leader.election.enable",
];

/// The known word that looks most like `word`, if one looks like it at all: at most a third of its letters differ.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    known
        .into_iter()
        // At least this many letters differ; for what is no name at all the distance would be a long computation.
        .filter(|known| length.abs_diff(known.len()) * 3 <= known.len().max(3))
        .map(|known| (strsim::osa_distance(word, known), known))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, known)| distance * 3 <= known.len().max(3))
        .map(|(_, known)| known)
}
