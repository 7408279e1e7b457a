//! Every option as a table for people shows it. The page carries none of this.

use super::kind::Kind;
use super::names::IMPORTANCES;
use super::{KNOWN_KEYS, others, table};

/// How likely an option is to need a thought (`ConfigDef.Importance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Most programs set it, or should think about it.
    High,
    /// Worth knowing.
    Medium,
    /// Rarely touched.
    Low,
}

/// What becomes of an option's value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The producer acts by it.
    Obeyed,
    /// Judged as the Java client judges it; then nothing looks at it.
    NoEffect,
    /// A value other than the default is refused, unless the reason names it as obeyed.
    Refused {
        /// Why.
        reason: &'static str,
    },
}

/// An option of the Java client 4.3.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Kafka's key.
    pub name: &'static str,
    /// Type and bounds.
    pub kind: Kind,
    /// As written in a `.properties` file; `None`: null, or none at all ([`is_required`](Self::is_required)).
    pub default: Option<&'static str>,
    /// Does the Java client insist on a value?
    pub is_required: bool,
    /// How likely it is to need a thought.
    pub importance: Importance,
    /// The client version in which the default changed, and what it was before.
    pub changed: Option<&'static str>,
    /// What becomes of its value here.
    pub status: Status,
}

/// Every option, in the order in which Java defines and checks them.
pub fn reference() -> impl Iterator<Item = Reference> {
    KNOWN_KEYS.into_iter().zip(IMPORTANCES).filter_map(|(name, importance)| {
        let (kind, default, status) = match (table::row(name), others::row(name)) {
            (Some(row), _) => {
                // Of a text that may not be empty, the empty default stands for null.
                let default = Some(row.property.default).filter(|_| row.property.kind != Kind::NonEmptyText);
                let status = if name == table::WITHOUT_EFFECT { Status::NoEffect } else { Status::Obeyed };
                (row.property.kind, default, status)
            }
            (None, Some(other)) => {
                let status = match others::refusal(name) {
                    Some(reason) => Status::Refused { reason },
                    None if others::is_obeyed(name) => Status::Obeyed,
                    None => Status::NoEffect,
                };
                (other.kind, other.default, status)
            }
            (None, None) => return None,
        };
        Some(Reference {
            name,
            kind,
            default,
            is_required: name == "bootstrap.servers" || name.ends_with(".serializer"),
            importance,
            changed: CHANGES.iter().find(|(key, _)| *key == name).map(|(_, change)| *change),
            status,
        })
    })
}

impl Kind {
    /// The type's name in `ConfigDef`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Int { .. } | Self::IntBetween { .. } | Self::GzipLevel => "INT",
            Self::Long { .. } => "LONG",
            Self::Boolean => "BOOLEAN",
            Self::OneOf(_) | Self::OneOfAnyCase(_) | Self::Text | Self::NonEmptyText => "STRING",
            Self::ShortUpTo(_) => "SHORT",
            Self::Double(_) => "DOUBLE",
            Self::List { .. } => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }

    /// What is valid, as Java's own documentation writes it; empty: whatever is of the type.
    pub fn valid(&self) -> String {
        match self {
            Self::Int { at_least: Some(least) } => format!("[{least},...]"),
            Self::IntBetween { least, most } => format!("[{least},...,{most}]"),
            Self::GzipLevel => "[1,...,9] or -1".to_owned(),
            Self::Long { at_least: Some(least) } => format!("[{least},...]"),
            Self::OneOf(allowed) => format!("[{}]", allowed.join(", ")),
            Self::OneOfAnyCase(allowed) => format!("(case insensitive) [{}]", allowed.join(", ")),
            Self::NonEmptyText => "non-empty string".to_owned(),
            Self::ShortUpTo(most) => format!("[0,...,{most}]"),
            Self::Double(Some((least, most))) => format!("[{least},...,{most}]"),
            _ => String::new(),
        }
    }
}

/// Defaults that were others in earlier clients, as the definitions of the clients from 1.0 on say when they are asked.
const CHANGES: &[(&str, &str)] = &[
    ("bootstrap.servers", "empty from 1.1 to 4.1, required before and since"),
    ("client.dns.lookup", "default before 2.6"),
    ("retries", "0 before 2.1"),
    ("acks", "1 before 3.0"),
    ("linger.ms", "0 before 4.0"),
    ("metric.reporters", "empty before 4.0"),
    ("partitioner.class", "DefaultPartitioner before 3.3"),
    ("socket.connection.setup.timeout.max.ms", "127000 in 2.7"),
    ("ssl.protocol", "TLSv1.2 in 2.5, TLS before"),
    ("ssl.enabled.protocols", "TLSv1.2 in 2.5, TLSv1.2,TLSv1.1,TLSv1 before"),
    ("ssl.endpoint.identification.algorithm", "null before 2.0"),
    ("enable.idempotence", "false before 3.0"),
    ("metadata.recovery.strategy", "none before 4.0"),
];
