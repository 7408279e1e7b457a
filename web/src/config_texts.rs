//! What each setting means, in both languages, in the groups of the settings panel.

#[cfg(test)]
mod others;
#[cfg(test)]
mod reference;

use crate::texts::{Language, Texts};

/// Settings that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Durability,
    Batching,
    Retries,
    Memory,
    Partitioning,
    Connection,
}

impl Group {
    /// In the order of the panel.
    pub(crate) const ALL: [Self; 6] =
        [Self::Durability, Self::Batching, Self::Retries, Self::Memory, Self::Partitioning, Self::Connection];

    /// Its name and its question.
    pub(crate) const fn words(self, t: &Texts) -> (&'static str, &'static str) {
        match self {
            Self::Durability => (t.group_durability, t.group_durability_text),
            Self::Batching => (t.group_batching, t.group_batching_text),
            Self::Retries => (t.group_retries, t.group_retries_text),
            Self::Memory => (t.group_memory, t.group_memory_text),
            Self::Partitioning => (t.group_partitioning, t.group_partitioning_text),
            Self::Connection => (t.group_connection, t.group_connection_text),
        }
    }
}

/// A setting in words.
#[derive(Debug)]
pub(crate) struct Meaning {
    key: &'static str,
    /// Where it stands.
    pub(crate) group: Group,
    /// Its unit, if it has one.
    pub(crate) unit: &'static str,
    english: &'static str,
    korean: &'static str,
}

impl Meaning {
    /// The meaning of a key; `None`: the panel does not know it.
    pub(crate) fn of(key: &str) -> Option<&'static Self> {
        MEANINGS.iter().find(|meaning| meaning.key == key)
    }

    /// One line.
    pub(crate) const fn text(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Korean => self.korean,
        }
    }
}

macro_rules! meanings {
    ($($key:literal $group:ident $unit:literal: $english:literal, $korean:literal;)*) => {
        const MEANINGS: &[Meaning] = &[$(Meaning {
            key: $key, group: Group::$group, unit: $unit, english: $english, korean: $korean,
        },)*];
    };
}

meanings! {
    "acks" Durability "": "Whose answer counts: nobody's (0), the leader's (1), that of every in-sync replica (all).",
        "누구의 응답을 기다리는지: 없음 (0), leader (1), 모든 in-sync replica (all).";
    "enable.idempotence" Durability "": "Producer id and sequence let the broker recognise a copy.",
        "producer id와 sequence로 broker가 중복을 알아봅니다.";
    "max.in.flight.requests.per.connection" Durability "": "Unanswered requests per connection; at most 5 with idempotence.",
        "연결 하나에 응답 없는 request 수. idempotence를 쓰면 최대 5개입니다.";
    "linger.ms" Batching "ms": "How long an open batch waits for company.",
        "열린 batch가 다른 record를 기다리는 시간입니다.";
    "batch.size" Batching "B": "A batch this full leaves at once; 0 sends every record alone.",
        "이만큼 차면 바로 떠납니다. 0이면 record마다 따로 보냅니다.";
    "max.request.size" Batching "B": "Largest record accepted, and largest request sent.",
        "받을 수 있는 가장 큰 record와 request의 크기입니다.";
    "compression.type" Batching "": "The codec that a batch is compressed with.", "batch를 압축하는 codec입니다.";
    "compression.gzip.level" Batching "": "How hard gzip tries; -1 leaves it to the codec.",
        "gzip 압축 수준. -1이면 codec의 기본값입니다.";
    "compression.lz4.level" Batching "": "How hard lz4 tries.", "lz4 압축 수준입니다.";
    "compression.zstd.level" Batching "": "How hard zstd tries; below zero it is faster still.",
        "zstd 압축 수준. 음수면 더 빠릅니다.";
    "delivery.timeout.ms" Retries "ms": "From the batch's creation to the last verdict, retries included.",
        "batch 생성부터 최종 결과까지의 시간. 재전송을 포함합니다.";
    "request.timeout.ms" Retries "ms": "Longest wait for one answer; then the connection is closed.",
        "응답 하나를 기다리는 최대 시간. 지나면 연결을 닫습니다.";
    "retries" Retries "": "How often a batch is sent again; delivery.timeout.ms usually ends it first.",
        "재전송 횟수. 보통 delivery.timeout.ms가 먼저 끝냅니다.";
    "retry.backoff.ms" Retries "ms": "First pause before a retry; doubles with every failure.",
        "첫 재전송 전의 대기 시간. 실패할 때마다 두 배가 됩니다.";
    "retry.backoff.max.ms" Retries "ms": "Longest pause before a retry.",
        "재전송 전의 최대 대기 시간입니다.";
    "buffer.memory" Memory "B": "Room for batches that are not acknowledged; send() waits when it is used up.",
        "ack를 받지 못한 batch의 공간. 다 차면 send()가 기다립니다.";
    "max.block.ms" Memory "ms": "Longest wait inside send() for metadata and memory together.",
        "send() 안에서 metadata와 메모리를 기다리는 최대 시간입니다.";
    "partitioner.adaptive.partitioning.enable" Partitioning "":
        "Draws partitions with few waiting batches more often for records without a key.",
        "key가 없는 record를 대기 batch가 적은 partition에 더 자주 보냅니다.";
    "partitioner.availability.timeout.ms" Partitioning "ms":
        "Leaves out partitions whose broker has taken nothing for this long; 0 leaves out none.",
        "이 시간 동안 아무것도 받지 않은 broker의 partition은 고르지 않습니다. 0이면 모두 고릅니다.";
    "partitioner.ignore.keys" Partitioning "": "Treats records with a key like records without.",
        "key가 있어도 없는 record처럼 partition을 고릅니다.";
    "client.id" Connection "": "Name of this client in the broker's logs and quotas.",
        "broker 로그와 quota에 남는 client 이름입니다.";
    "metadata.max.age.ms" Connection "ms": "Age at which metadata is asked for again although nothing went wrong.",
        "문제가 없어도 metadata를 다시 요청하는 주기입니다.";
    "metadata.max.idle.ms" Connection "ms": "A topic not produced to for this long is forgotten.",
        "이 시간 동안 쓰지 않은 topic의 metadata는 잊습니다.";
    "metadata.recovery.strategy" Connection "":
        "rebootstrap tries the bootstrap addresses again when no known broker can be reached; none does not.",
        "rebootstrap이면 아는 broker에 모두 연결할 수 없을 때 bootstrap 주소로 다시 시작하고, none이면 그러지 않습니다.";
    "metadata.recovery.rebootstrap.trigger.ms" Connection "ms":
        "How long metadata may be asked for in vain before the bootstrap addresses are tried again.",
        "metadata를 이 시간 동안 받지 못하면 bootstrap 주소로 다시 시작합니다.";
    "reconnect.backoff.ms" Connection "ms": "First pause before connecting to a broker again.",
        "broker에 다시 연결하기 전의 첫 대기 시간입니다.";
    "reconnect.backoff.max.ms" Connection "ms": "Longest pause before connecting to a broker again.",
        "broker에 다시 연결하기 전의 최대 대기 시간입니다.";
    "socket.connection.setup.timeout.ms" Connection "ms": "First patience for a connection to stand.",
        "연결이 맺어지기를 기다리는 첫 시간입니다.";
    "socket.connection.setup.timeout.max.ms" Connection "ms": "Longest patience for a connection to stand.",
        "연결이 맺어지기를 기다리는 최대 시간입니다.";
    "connections.max.idle.ms" Connection "ms": "A connection that nothing used for this long is closed; below 0 it never is.",
        "이 시간 동안 쓰지 않은 연결을 닫습니다. 0보다 작으면 닫지 않습니다.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::config::{ProducerConfig, Property};

    #[test]
    fn every_setting_that_is_obeyed_has_a_meaning_and_no_other_has() {
        // Tested beside the bridge, the core has its metrics and sockets; the page has none. And its program begins no
        // transactions.
        let not_the_pages = ["metrics.", "transaction", "send.buffer.", "receive.buffer."];
        let is_the_pages = |property: &&Property| !not_the_pages.iter().any(|prefix| property.name.starts_with(prefix));
        let obeyed = || ProducerConfig::properties().filter(is_the_pages);
        for property in obeyed() {
            assert!(Meaning::of(property.name).is_some(), "{}", property.name);
        }
        assert_eq!(MEANINGS.len(), obeyed().count());
    }
}
