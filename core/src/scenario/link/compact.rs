//! Data as few bytes.
//!
//! A record is its fields that differ from their defaults, each behind the distance of its number from the one before,
//! and a zero. A choice is its variant's number and that variant's fields. Numbers are Kafka's variable-length integers,
//! texts and lists follow their length. So a field can be added at a list's end, and what was written before reads as it
//! did. Memory is taken only for bytes that are there, never for a length that is claimed.

use std::sync::Arc;

use crate::error::ErrorCode;
use crate::scenario::presets::is_dial;
use crate::scenario::written::{Integer, Node, Properties, Record};
use crate::varint;

/// Settings that have a number in links. New ones are added at the end; none ever moves.
const NUMBERED: [&str; 48] = [
    "acks",
    "enable.idempotence",
    "linger.ms",
    "batch.size",
    "buffer.memory",
    "max.block.ms",
    "request.timeout.ms",
    "delivery.timeout.ms",
    "retries",
    "retry.backoff.ms",
    "retry.backoff.max.ms",
    "max.in.flight.requests.per.connection",
    "compression.type",
    "max.request.size",
    "partitioner.ignore.keys",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.availability.timeout.ms",
    "metadata.max.age.ms",
    "metadata.max.idle.ms",
    "metadata.recovery.strategy",
    "metadata.recovery.rebootstrap.trigger.ms",
    "reconnect.backoff.ms",
    "reconnect.backoff.max.ms",
    "socket.connection.setup.timeout.ms",
    "socket.connection.setup.timeout.max.ms",
    "connections.max.idle.ms",
    "client.id",
    "transactional.id",
    "transaction.timeout.ms",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.zstd.level",
    "min.insync.replicas",
    "unclean.leader.election.enable",
    "auto.create.topics.enable",
    "replica.lag.time.max.ms",
    "broker.session.timeout.ms",
    "max.message.bytes",
    "message.max.bytes",
    "message.timestamp.type",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "cleanup.policy",
    "retention.bytes",
    "retention.ms",
    "producer.id.expiration.ms",
    "num.partitions",
    "default.replication.factor",
];

/// Does a setting travel in links? Not where to connect or who one is; and of a key that nobody knows the value may be
/// anything, a misspelt password too.
fn travels(key: &str) -> bool {
    is_dial(key)
}

/// Why bytes are not the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// They end too early, or claim what cannot be.
    Damaged,
    /// They have a field or a variant that is not known here.
    Newer,
}

pub(super) fn write(node: Node<'_>, into: &mut Vec<u8>) {
    match node {
        Node::Bool(value) => into.push((*value).into()),
        Node::Integer(integer) => push_signed(into, integer.value()),
        Node::Seed(seed) => push_signed(into, seed.cast_signed()),
        Node::Text(text) => push_text(into, text),
        Node::Properties(properties) => push_properties(into, properties),
        Node::Error(error) => push_signed(into, error.0.into()),
        Node::Record(record) => push_fields(into, record),
        Node::Choice(choice) => {
            push_length(into, choice.chosen());
            push_fields(into, choice.as_record());
        }
        Node::List(list) => {
            push_length(into, list.count());
            (0..list.count()).for_each(|index| write(list.item(index), into));
        }
        Node::Maybe(maybe) => {
            into.push(maybe.is_some().into());
            if maybe.is_some() {
                write(maybe.fill(), into);
            }
        }
    }
}

fn push_fields(into: &mut Vec<u8>, record: &mut dyn Record) {
    let mut last = 0;
    for index in 0..record.fields().len() {
        if !record.has_default(index) {
            push_length(into, index + 1 - last);
            last = index + 1;
            write(record.field(index), into);
        }
    }
    push_length(into, 0);
}

fn push_properties(into: &mut Vec<u8>, properties: &Properties) {
    let travelling = || properties.iter().filter(|(key, _)| travels(key));
    push_length(into, travelling().count());
    for (key, value) in travelling() {
        match NUMBERED.iter().position(|known| *known == key) {
            Some(number) => push_length(into, number + 1),
            None => {
                push_length(into, 0);
                push_text(into, key);
            }
        }
        push_text(into, value);
    }
}

fn push_text(into: &mut Vec<u8>, text: &str) {
    push_length(into, text.len());
    into.extend_from_slice(text.as_bytes());
}

fn push_length(into: &mut Vec<u8>, length: usize) {
    push_unsigned(into, length as u64);
}

fn push_signed(into: &mut Vec<u8>, value: i64) {
    push_unsigned(into, varint::zigzag(value));
}

fn push_unsigned(into: &mut Vec<u8>, value: u64) {
    let mut bytes = [0; varint::MAX_LEN];
    let length = varint::write_unsigned(&mut bytes, 0, value);
    into.extend_from_slice(&bytes[..length]);
}

/// Reads into a value that has its defaults.
pub(super) fn read(node: Node<'_>, from: &mut &[u8]) -> Result<(), Flaw> {
    match node {
        Node::Bool(value) => *value = take_flag(from)?,
        Node::Integer(integer) => take_integer(integer, from)?,
        Node::Seed(seed) => *seed = take_signed(from)?.cast_unsigned(),
        Node::Text(text) => *text = take_text(from)?,
        Node::Properties(properties) => take_properties(properties, from)?,
        Node::Error(error) => {
            *error = ErrorCode(i16::try_from(take_signed(from)?).map_err(|_| Flaw::Damaged)?);
        }
        Node::Record(record) => take_fields(record, from)?,
        Node::Choice(choice) => {
            let index = take_length(from)?;
            if index >= choice.variants().len() {
                return Err(Flaw::Newer);
            }
            choice.choose(index);
            take_fields(choice.as_record(), from)?;
        }
        Node::List(list) => {
            for index in 0..take_length(from)? {
                // Every entry takes a byte at least: what claims more is damaged, and so is found before it is made.
                if from.is_empty() {
                    return Err(Flaw::Damaged);
                }
                list.push();
                read(list.item(index), from)?;
            }
        }
        Node::Maybe(maybe) => {
            if take_flag(from)? {
                read(maybe.fill(), from)?;
            }
        }
    }
    Ok(())
}

fn take_fields(record: &mut dyn Record, from: &mut &[u8]) -> Result<(), Flaw> {
    let mut next = 0;
    loop {
        let distance = take_length(from)?;
        if distance == 0 {
            return Ok(());
        }
        next += distance;
        if next > record.fields().len() {
            return Err(Flaw::Newer);
        }
        read(record.field(next - 1), from)?;
    }
}

fn take_integer(integer: &mut dyn Integer, from: &mut &[u8]) -> Result<(), Flaw> {
    if integer.set(take_signed(from)?) { Ok(()) } else { Err(Flaw::Damaged) }
}

fn take_properties(properties: &mut Properties, from: &mut &[u8]) -> Result<(), Flaw> {
    for _ in 0..take_length(from)? {
        let key = match take_length(from)? {
            0 => take_text(from)?,
            number => (*NUMBERED.get(number - 1).ok_or(Flaw::Newer)?).into(),
        };
        properties.0.push((key, take_text(from)?));
    }
    Ok(())
}

fn take_flag(from: &mut &[u8]) -> Result<bool, Flaw> {
    match from.split_off_first() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(Flaw::Damaged),
    }
}

fn take_text(from: &mut &[u8]) -> Result<Arc<str>, Flaw> {
    let length = take_length(from)?;
    let bytes = from.split_off(..length).ok_or(Flaw::Damaged)?;
    core::str::from_utf8(bytes).map(Arc::from).map_err(|_| Flaw::Damaged)
}

fn take_length(from: &mut &[u8]) -> Result<usize, Flaw> {
    let length = varint::read_unsigned(from).ok_or(Flaw::Damaged)?;
    usize::try_from(length).map_err(|_| Flaw::Damaged)
}

fn take_signed(from: &mut &[u8]) -> Result<i64, Flaw> {
    varint::read_varlong(from).ok_or(Flaw::Damaged)
}
