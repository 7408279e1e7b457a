//! Every word for people, in both languages side by side. Kafka's own words (class names, keys, sentences) are not
//! here: they are English everywhere.

use yew::prelude::*;

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// As in `<html lang>`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// The reverse of [`code`](Self::code); also takes `ko-KR` and the like.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        match code.split('-').next()? {
            "en" => Some(Self::English),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }

    /// The texts of this language.
    pub(crate) const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Korean => &KOREAN,
        }
    }

    /// Thousands as this language writes them: `1 400`, `1,400`.
    pub(crate) fn number(self, number: impl Into<i128>) -> String {
        let number: i128 = number.into();
        let digits = number.unsigned_abs().to_string();
        let separator = match self {
            Self::English => '\u{202f}',
            Self::Korean => ',',
        };
        let mut text = String::with_capacity(digits.len() * 2);
        if number < 0 {
            text.push('−');
        }
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }
}

/// The texts of the language chosen.
#[hook]
pub(crate) fn use_texts() -> &'static Texts {
    use_context::<Language>().unwrap_or_default().texts()
}

/// The language chosen, for numbers.
#[hook]
pub(crate) fn use_language() -> Language {
    use_context::<Language>().unwrap_or_default()
}

/// Fills `{}` in order, and `{0}` `{1}` … by place.
pub(crate) fn fill(template: &str, values: &[&dyn core::fmt::Display]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut next = 0;
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((place, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let index = place.parse().unwrap_or_else(|_| {
            next += 1;
            next - 1
        });
        if let Some(value) = values.get(index) {
            text.push_str(&value.to_string());
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

macro_rules! texts {
    ($($name:ident: $english:literal, $korean:literal;)*) => {
        /// One text per place on the screen.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "a text is its own description")]
        pub(crate) struct Texts { $(pub(crate) $name: &'static str,)* }

        static ENGLISH: Texts = Texts { $($name: $english,)* };
        static KOREAN: Texts = Texts { $($name: $korean,)* };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $korean),)*];
    };
}

texts! {
    name: "Kafka Producer Playground", "Kafka Producer Playground";

    // The stage.
    stage_main_thread: "main thread", "main thread";
    stage_sender_thread: "sender thread", "sender thread";
    stage_cluster: "cluster", "cluster";
    stage_cluster_one: "cluster · 1 broker", "cluster · broker 1대";
    stage_cluster_of: "cluster · {} brokers", "cluster · broker {}대";
    stage_caller: "Caller", "Caller";
    stage_caller_caption: "your program", "내 프로그램";
    stage_serialiser_partitioner: "Serialiser, Partitioner", "Serializer, Partitioner";
    stage_serialiser_caption: "bytes, then a lane", "바이트로 변환, partition 결정";
    stage_partitioner: "Partitioner", "Partitioner";
    stage_accumulator: "Accumulator", "Accumulator";
    stage_shelves: "one shelf per partition", "partition마다 선반 하나";
    stage_memory: "{} of {} in use", "{1} 중 {0} 사용";
    stage_memory_short: "{} in use", "{} 사용";
    stage_sender: "Sender", "Sender";
    stage_sender_title: "The sender thread: {}", "sender thread: {}";
    stage_brokers: "Brokers", "Broker";
    stage_brokers_caption: "stored at an offset, then answered", "offset을 매겨 저장한 뒤 응답";
    stage_broker_count: "{} brokers", "broker {}대";
    stage_way: "request → ← answer", "요청 → ← 응답";
    stage_idle: "waiting for work", "할 일 대기";
    stage_lingers: "linger, {} left", "linger, {} 남음";
    stage_backs_off: "back-off, {} left", "back-off, {} 남음";
    stage_reconnects: "reconnects in {}", "{} 뒤 재연결";
    stage_awaits_answers: "waits for answers", "응답 대기";
    stage_connecting: "connecting", "연결 중";
    stage_expires: "expiry in {}", "만료까지 {}";
    stage_throttled: "throttled, {} left", "throttle, {} 남음";
    stage_closing: "closing", "닫는 중";
    stage_in_flight: "{} in flight", "in flight {}개";
    stage_ready: "ready", "준비";
    stage_free: "free", "실행 중";
    stage_waiting: "waiting", "대기 중";
    stage_caller_title: "The caller: {}, {} records sent", "caller: {}, record {}개 전송";
    stage_in_send: "in send()", "send() 안";
    stage_in_get: "in get()", "get() 안";
    stage_in_flush: "in flush()", "flush() 안";
    stage_in_close: "in close()", "close() 안";
    stage_for_metadata: "metadata", "metadata";
    stage_for_memory: "memory", "메모리";
    stage_sent: "{} sent", "{}개 전송";
    stage_refused: "{} refused", "{}개 거부";
    stage_one_record: "1 record", "record 1개";
    stage_records: "{} records", "record {}개";
    stage_null: "null", "null";
    stage_bytes: "{} + {} B", "{} + {} B";
    stage_hash: "hash → p{}", "hash → p{}";
    stage_sticky: "sticky → p{}", "sticky → p{}";
    stage_explicit: "explicit → p{}", "직접 지정 → p{}";
    stage_chosen: "→ p{}", "→ p{}";
    stage_sticky_unknown: "sticky → ?", "sticky → ?";
    stage_fill: "{} of {}", "{} / {}";
    stage_linger_left: "linger {} left", "linger {} 남음";
    stage_backoff_left: "back-off {} left", "back-off {} 남음";
    stage_due: "due", "출발 대기";
    stage_fuse: "{} of {} of delivery.timeout.ms left", "delivery.timeout.ms {1} 중 {0} 남음";
    stage_more_batches: "{} more batches wait on this shelf", "이 선반에서 기다리는 batch {}개 더 있음";
    stage_batch: "Batch {} of {}: {}, {} of {}", "batch {}, {}: {}, {} / {}";
    stage_attempt: "attempt {}", "시도 {}회";
    stage_drained_full: "left because it was full", "가득 차서 출발";
    stage_drained_linger: "left because linger.ms was over", "linger.ms 경과로 출발";
    stage_drained_backoff: "left because its back-off was over", "back-off 경과로 출발";
    stage_drained_memory: "left because memory was short", "메모리 부족으로 출발";
    stage_drained_flush: "left because of flush()", "flush()로 출발";
    stage_drained_close: "left because of close()", "close()로 출발";
    stage_drained_along: "rode along to the same broker", "같은 broker로 함께 출발";
    stage_slots: "{}/{} in flight", "{}/{} in flight";
    stage_slots_title: "Connection to broker {}: {} of {} requests without an answer", "broker {} 연결: 응답 없는 request {}개, 최대 {}개";
    stage_offset_to_come: "offset?", "offset?";
    stage_home_get: "the answer comes back: get() returns metadata or throws", "응답 도착: get()이 metadata 반환 또는 exception";
    stage_home_callback: "the answer comes back: the callback gets metadata or exception", "응답 도착: callback에 metadata 또는 exception 전달";
    stage_home_forget: "the answer comes back: nobody looks at it", "응답 도착: 아무도 확인하지 않음";
    stage_broker: "broker {}", "broker {}";
    stage_leads: "leads", "leader";
    stage_copies: "copies", "follower";
    stage_no_leader: "no leader", "leader 없음";
    stage_isr_title: "In sync: {}", "동기화된 replica: {}";
    stage_before: "before this run", "이번 실행 전";
    stage_foreign: "stored before this run, or by another producer", "이번 실행 전 또는 다른 producer가 저장";
    stage_copied: "#{} stored twice", "#{} 중복 저장";
    stage_a_copy: "a copy of an earlier record", "앞 record의 중복";
    stage_without_offset: "{} without an offset", "offset 없이 {}개";
    stage_in_batch: "in batch {}", "batch {}";
    stage_known: "the program knows", "프로그램이 결과를 받음";
    stage_not_known: "stored, the program does not know yet", "저장됨, 프로그램은 아직 모름";
    stage_no_partitions: "no partitions known yet", "아직 알려진 partition 없음";
    stage_elsewhere: "{} batches of other topics are under way", "다른 topic의 batch {}개 진행 중";
    stage_field_shelves: "{} shelves", "선반 {}개";
    stage_field_batches: "{} batches, {} records wait", "batch {}개, record {}개 대기";
    stage_field_retries: "{} batches are sent again", "batch {}개 재전송";
    stage_field_cell: "p{}, {}: {} on the shelf, log ends at {}", "p{}, {}: 선반에 {}개, log 끝 {}";
    stage_name: "The pipeline. Caller: {}, {} sent. Sender: {}. {} partitions.", "파이프라인. caller: {}, {}개 전송. sender: {}. partition {}개.";
    stage_lane_name: " p{}: {} on the shelf, {} in flight, log ends at {}.", " p{}: 선반에 {}개, in flight {}개, log 끝 {}.";
}
