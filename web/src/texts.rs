//! Every word for people, in both languages side by side. Kafka's own words (class names, keys, sentences) are not
//! here: they are English everywhere.

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
        pub(crate) struct Texts { $(pub(crate) $name: &'static str,)* }

        static ENGLISH: Texts = Texts { $($name: $english,)* };
        static KOREAN: Texts = Texts { $($name: $korean,)* };

        #[cfg(test)]
        const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $korean),)*];
    };
}

texts! {
    name: "Kafka Producer Playground", "Kafka Producer Playground";

    // Top bar.
    badge_in_page: "Simulated brokers", "시뮬레이션 broker";
    badge_in_page_title: "Three brokers simulated in this page: the producer is the real one, network and time are simulated", "이 페이지 안의 시뮬레이션 broker 3대: producer는 실제 코드이고, network와 시간은 시뮬레이션입니다";
    badge_embedded: "Embedded brokers", "내장 broker";
    badge_embedded_title: "Brokers inside the bridge, spoken to over TCP like any Kafka", "bridge 안의 broker: 다른 Kafka처럼 TCP로 통신합니다";
    badge_cluster: "Real cluster: {}", "실제 cluster: {}";
    badge_cluster_unnamed: "Real cluster", "실제 cluster";
    badge_cluster_title: "An Apache Kafka: what you send stays there", "Apache Kafka: 보낸 record가 실제로 저장됩니다";
    badge_waiting: "Nobody yet", "연결 전";
    link_connecting: "connecting to the bridge", "bridge 연결 중";
    link_open: "bridge connected", "bridge 연결됨";
    link_lost: "bridge lost, try {}", "bridge 끊김, 재시도 {}";
    link_ended: "no bridge", "bridge 없음";
    connect: "Connect", "연결";
    connect_change: "Bridge", "Bridge";
    language: "Language", "언어";
    theme_to_dark: "Switch to dark", "어두운 화면으로";
    theme_to_light: "Switch to light", "밝은 화면으로";
    skip_to_send: "Skip to the record", "record 입력으로 건너뛰기";

    // The way to a bridge.
    connect_title: "Connect to a bridge", "Bridge에 연결";
    connect_explained: "Start the bridge with cargo xtask play and paste the line it prints. It runs on this machine and talks to the embedded brokers or to your Apache Kafka.", "cargo xtask play로 bridge를 시작하고, 출력된 줄을 붙여 넣으세요. bridge는 이 컴퓨터에서 실행되며 내장 broker 또는 Apache Kafka와 통신합니다.";
    connect_origin: "A bridge lets in the page that it serves itself, at the line it prints. For this page, start it with", "bridge는 출력된 줄에서 열리는 자체 페이지만 받아들입니다. 이 페이지를 쓰려면 bridge를 시작할 때 추가하세요:";
    connect_line: "The line it printed", "출력된 줄";
    connect_go: "Connect", "연결";
    connect_leave: "Use the brokers in this page", "이 페이지의 broker 사용";
    connect_again: "Try again", "다시 시도";
    close: "Close", "닫기";
    address_empty: "Nothing was pasted. The line begins with playground: http://127.0.0.1:", "붙여 넣은 내용이 없습니다. playground: http://127.0.0.1: 로 시작하는 줄이 필요합니다.";
    address_no_address: "There is no http://127.0.0.1:PORT in this. Paste the whole line that begins with playground:", "http://127.0.0.1:PORT 주소가 없습니다. playground: 로 시작하는 줄 전체를 붙여 넣으세요.";
    address_not_loopback: "Only a bridge on this machine can be used (127.0.0.1, localhost or [::1]).", "이 컴퓨터의 bridge만 사용할 수 있습니다 (127.0.0.1, localhost, [::1]).";
    address_no_token: "The token is missing or cut off: the line ends with #token= and 43 characters. Each start of the bridge prints a new one.", "token이 없거나 잘렸습니다. 줄은 #token= 뒤 43자로 끝납니다. bridge를 시작할 때마다 새 token이 출력됩니다.";
    ended_not_admitted: "The bridge does not answer or does not let this page in.", "bridge가 응답하지 않거나 이 페이지를 받아들이지 않습니다.";
    ended_not_admitted_advice: "Is it running? Is the token from its newest line? This page comes from another address ({}): the bridge must be started with --allow-origin {}, or open its line in the browser.", "실행 중인지, 가장 최근 줄의 token인지 확인하세요. 이 페이지는 다른 주소({})에서 열렸으므로 bridge를 --allow-origin {} 옵션으로 시작하거나, 출력된 줄을 브라우저에서 여세요.";
    ended_not_admitted_own: "Is it running? Every start prints a line with a new token: open the newest one.", "실행 중인지 확인하세요. 시작할 때마다 새 token이 든 줄이 출력됩니다. 가장 최근 줄을 여세요.";
    ended_other_version: "Page and bridge are of different versions: the page speaks {}, the bridge {}. Build both from the same checkout.", "페이지와 bridge의 버전이 다릅니다: 페이지 {}, bridge {}. 같은 소스에서 함께 빌드하세요.";
    ended_taken_over: "Another page took this session over. This one stopped listening; connect again for a session of its own.", "다른 페이지가 이 session을 이어받았습니다. 다시 연결하면 새 session이 시작됩니다.";
    ended_unreadable: "The bridge sent something that this page cannot read. Build page and bridge from the same checkout.", "bridge가 보낸 내용을 읽을 수 없습니다. 페이지와 bridge를 같은 소스에서 빌드하세요.";
    lost_explained: "The connection to the bridge broke. What you typed stays; sends that are out show ? until it is back. If the bridge was started anew, open the line it prints: it has another token.", "bridge와의 연결이 끊겼습니다. 입력한 내용은 그대로 남고, 전송 중인 record는 다시 연결될 때까지 ?로 표시됩니다. bridge를 새로 시작했다면 token이 다르므로, 출력된 줄을 여세요.";

    // Question row.
    first_title: "Send your first record", "첫 record를 보내 보세요";
    first_text: "It travels these five stations and ends in one partition.", "다섯 단계를 지나 한 partition에 저장됩니다.";
    first_text_get: "It travels these five stations and ends in one partition. Your code stands in get() until the answer is home.", "다섯 단계를 지나 한 partition에 저장됩니다. 응답이 올 때까지 코드는 get()에서 기다립니다.";
    get_title: "get(): your code waits for every answer", "get(): 응답마다 코드가 기다립니다";
    get_text: "send() returns at once with a future; get() holds the main thread until metadata or an exception is there.", "send()는 future를 바로 돌려주고, get()은 metadata 또는 exception이 올 때까지 main thread를 멈춥니다.";
    callback_title: "Callback: the same metadata, without stopping", "callback: 멈추지 않고도 같은 metadata를 받습니다";
    callback_text: "The main thread calls send() and goes on; the sender thread runs the callback with each answer.", "main thread는 send()를 호출하고 바로 다음 줄로 넘어갑니다. 결과는 sender thread가 callback을 실행해 알려 줍니다.";
    forget_title: "Forget: nobody looks at the answer", "forget: 아무도 결과를 확인하지 않습니다";
    forget_text: "The producer still retries and still gets the answer; the program just never asks. The playground shows what it missed.", "producer는 재전송도 하고 응답도 받지만 프로그램은 확인하지 않습니다. playground는 놓친 결과를 보여 줍니다.";

    // Composer.
    composer: "Record", "Record";
    key: "Key", "Key";
    value: "Value", "Value";
    kind_text: "text", "text";
    kind_empty: "empty (0 bytes)", "빈 값 (0바이트)";
    kind_null: "null", "null";
    kind_of_key: "Kind of key", "key 종류";
    kind_of_value: "Kind of value", "value 종류";
    null_key_explained: "null: no key, the sticky partition is used", "null: key 없음, sticky partition 사용";
    empty_key_explained: "empty: a key of 0 bytes, hashed like any other", "빈 key: 0바이트이며 다른 key처럼 hash됩니다";
    null_value_explained: "null: a tombstone on compacted topics", "null: compacted topic에서는 tombstone";
    empty_value_explained: "empty: a value of 0 bytes", "빈 value: 0바이트";
    word_null_hint: "This is the text null, four bytes. For a null choose the kind.", "4바이트 text null입니다. 실제 null은 종류에서 고르세요.";
    send: "Send", "보내기";
    send_shortcut: "Ctrl ↵", "Ctrl ↵";
    stop: "Stop", "중지";
    stop_title: "The program breaks off its loop: what was handed to send() stays sent, and no further record is", "프로그램이 반복을 멈춤: send()에 넘긴 record는 그대로 전송, 나머지는 보내지 않음";
    chip_sticky: "→ sticky", "→ sticky";
    chip_unknown: "→ ?", "→ ?";
    chip_title_hash: "murmur2 of the key is {}; modulo {} partitions that is p{}", "key의 murmur2는 {}, partition {}개로 나눈 나머지는 p{}";
    chip_title_explicit: "The record names its partition: the key does not decide", "record가 partition을 지정: key는 쓰이지 않음";
    chip_title_sticky: "Without a key the producer fills one partition for a while, then draws another", "key가 없으면 한 partition을 채우다가 다른 partition을 고릅니다";
    note_missing: "{} has p0 to p{}: send() waits max.block.ms for p{}, then fails.", "{}의 partition: p0~p{}. send()는 p{}에 대해 max.block.ms 동안 기다린 뒤 실패합니다.";
    note_negative: "{}: ProducerRecord throws, a partition is 0 or more.", "{}: ProducerRecord가 throw, partition은 0 이상입니다.";
    chip_title_unknown: "The topic is not known yet", "아직 topic 정보가 없습니다";
    options: "Topic, partition, headers", "Topic, partition, header";
    topic: "Topic", "Topic";
    partition: "Partition", "Partition";
    partition_auto: "auto", "자동";
    timestamp: "Timestamp (ms)", "Timestamp (ms)";
    timestamp_now: "now", "현재 시각";
    headers: "Headers", "Header";
    header_add: "Add a header", "header 추가";
    header_key: "Header key", "header key";
    header_value: "Header value", "header value";
    header_kind: "Kind of header value", "header value 종류";
    header_remove: "Remove this header", "이 header 삭제";
    mode: "How your code waits", "코드가 기다리는 방식";
    mode_get: "wait for it", "동기: 응답 대기";
    mode_callback: "be called back", "비동기: 나중에 알림";
    mode_forget: "never look", "결과 확인 안 함";
    how_many: "How many", "보낼 개수";
    how_many_other: "Another number", "다른 개수";
    bad_number: "{}: a whole number from {} to {}", "{}: {}부터 {}까지의 정수";
    bad_count: "1 to {} records at once", "한 번에 record 1~{}개";
    bytes: "{} B", "{} B";
    send_off_link: "Send is off: nobody to send to. What you typed stays.", "전송 불가: 연결된 곳이 없습니다. 입력한 내용은 남아 있습니다.";
    arm: "Arm", "쓰기 허용";
    arm_explained: "This is a real cluster. Nothing is written before you arm it.", "실제 cluster입니다. 쓰기를 허용하기 전에는 아무것도 저장하지 않습니다.";
    arm_topics: "Topics allowed: {}", "허용된 topic: {}";

    // Code.
    code: "The same program", "같은 프로그램";
    code_java: "Java", "Java";
    code_note_get: "The lit line is where the main thread stands.", "강조된 줄이 main thread의 현재 위치입니다.";
    code_note_callback: "The lambda runs on the sender thread.", "lambda는 sender thread가 실행합니다.";
    code_note_forget: "Nobody keeps the future.", "future를 아무도 보관하지 않습니다.";

    // Score and ledger.
    score: "Score", "결과";
    score_sent: "sent", "전송";
    score_acked: "acked", "ack 수신";
    score_waiting: "waiting", "대기";
    score_failed: "failed", "실패";
    score_unknown: "unknown", "알 수 없음";
    ledger: "Your code saw", "내 코드가 받은 결과";
    newest_first: "newest first", "최신순";
    ledger_empty: "nothing yet", "아직 없음";
    ledger_sent: "sent", "전송";
    ledger_answer: "ack", "ack";
    ledger_key: "key", "key";
    ledger_metadata: "RecordMetadata", "RecordMetadata";
    ledger_ms: "ms", "ms";
    ledger_more: "Show {} more", "{}개 더 보기";
    ledger_dropped: "{} older records are counted above, but no longer listed.", "이전 record {}개는 위 숫자에만 포함됩니다.";
    row_waiting: "waiting", "대기 중";
    row_waiting_many: "×{} waiting", "×{} 대기 중";
    row_unknown: "unknown", "알 수 없음";
    row_unknown_many: "×{} unknown", "×{} 알 수 없음";
    row_unknown_title: "The bridge was lost while this was out: it may be stored or not", "전송 중에 bridge가 끊겼습니다: 저장되었을 수도, 아닐 수도 있습니다";
    row_not_looked: "your code never looked", "코드가 확인하지 않음";
    row_sizes: "{} + {}", "{} + {}";
    row_sizes_title: "serialised key + value", "직렬화된 key + value";
    row_attempts: "attempt {}", "시도 {}회";
    row_no_offset: "acks=0: the broker was not asked, so there is no offset", "acks=0: broker에 응답을 요청하지 않아 offset이 없음";
    row_retriable: "retriable", "재시도 가능";
    row_not_retriable: "not retriable", "재시도 불가";
    surface_thrown: "thrown by send()", "send()에서 throw";
    surface_caller: "future, callback on your thread", "future, 내 thread의 callback";
    surface_sender: "future, callback on the sender thread", "future, sender thread의 callback";
    not_persisted: "not stored", "저장 안 됨";
    possibly_persisted: "may be stored all the same", "저장되었을 수 있음";
    persisted: "stored", "저장됨";
    copy: "Copy {}", "{} 복사";
    summary: "{} sent: {} · slowest answer {} ms", "{}개 전송: {} · 가장 느린 응답 {} ms";
    summary_unanswered: "{} sent: {} · acks=0, no broker answered", "{}개 전송: {} · acks=0, broker 응답 없음";
    summary_failed: "{} failed", "{}개 실패";
    null_word: "null", "null";

    // What happened.
    history: "What happened", "실행 기록";
    history_thinned: "{} facts were left out to keep up", "속도를 맞추려고 {}개 생략";
    history_older: "{} older lines are not listed.", "이전 {}줄은 표시하지 않습니다.";
    history_older_all: "Older lines are not listed.", "이전 기록은 표시하지 않습니다.";
    legend: "How to read the picture", "그림 읽는 법";
    legend_dashed: "dashed: still to come", "점선: 아직 오지 않음";
    legend_record: "A record", "Record";
    legend_record_text: "The tile shows its key, or two letters of it. It takes its lane's colour at the partitioner.", "tile에 key 또는 두 글자가 표시됩니다. partitioner를 지나면 lane의 색이 됩니다.";
    legend_batch: "A batch", "Batch";
    legend_batch_text: "Filled up to batch.size. The ring is what is left of linger.ms.", "batch.size까지 채워집니다. 고리는 linger.ms의 남은 시간입니다.";
    legend_request: "A request", "Request";
    legend_request_text: "Carries batches to one broker and takes a slot until it is answered.", "batch를 broker 하나로 옮기며, 응답이 올 때까지 slot을 차지합니다.";
    legend_answer: "An answer", "응답";
    legend_answer_text: "Brings the offset back, or an error. A tick marks what your code knows.", "offset 또는 error를 가져옵니다. 체크 표시는 코드가 알게 된 결과입니다.";
    legend_slots: "In-flight slots", "In-flight slot";
    legend_slots_text: "At most five unanswered requests per connection.", "연결 하나에 응답 없는 request는 최대 5개입니다.";
    legend_point: "Point at anything", "가리켜 보세요";
    legend_point_text: "Every part of the picture tells its details.", "그림의 모든 부분에 상세 정보가 있어요.";
    who_main: "main", "main";
    who_sender: "sender", "sender";
    who_broker: "broker {}", "broker {}";
    who_fault: "fault", "장애";
    bootstrap: "a bootstrap server", "bootstrap server";
    say_get: "stands in get() and waits", "get()에서 대기";
    say_flush: "stands in flush() and waits", "flush()에서 대기";
    say_close: "stands in close() until all is settled", "close()에서 남은 전송 완료 대기";
    say_appended: "send(): #{} {} goes into the open batch of {}", "send(): #{} {} → {}의 열린 batch";
    say_appended_null: "without a key", "key 없음";
    say_blocked_metadata: "send() waits for the topic's metadata", "send(): topic metadata 대기";
    say_blocked_memory: "send() waits for buffer.memory", "send(): buffer.memory 대기";
    say_refused: "send() refuses #{}: {}", "send(): #{} 거부, {}";
    say_opened: "a batch is opened for {}", "{}의 batch 생성";
    say_drained_full: "the batch of {} is full: takes {}", "{}의 batch 가득 참: {} 출발";
    say_drained_linger: "linger.ms is over on {}: takes {}", "{}의 linger.ms 경과: {} 출발";
    say_drained_backoff: "the back-off on {} is over: takes {} again", "{}의 back-off 경과: {} 다시 출발";
    say_drained_memory: "memory is short: takes {1} of {0}", "메모리 부족: {0}의 {1} 출발";
    say_drained_flush: "flush(): takes {1} of {0}", "flush(): {0}의 {1} 출발";
    say_drained_close: "close(): takes {1} of {0}", "close(): {0}의 {1} 출발";
    say_drained_along: "takes {1} of {0} along to the same broker", "{0}의 {1} 같은 broker로 함께 출발";
    say_records_one: "1 record", "record 1개";
    say_records: "{} records", "record {}개";
    say_retried: "{} is retriable: the batch of {} goes back to its shelf, attempt {} failed", "{}: 재시도 가능, {}의 batch 되돌림, {}번째 시도 실패";
    say_split: "the batch is too large for the broker and becomes {} smaller ones", "batch가 broker 한도보다 커서 {}개로 나눔";
    say_acked: "{} acknowledged", "{} ack 수신";
    say_written: "acks=0: the batch of {} is written, which is all the answer there is", "acks=0: {}의 batch 전송 완료, 응답 없음";
    say_failed: "the batch of {} is given up: {}", "{}의 batch 포기: {}";
    say_connecting: "connects to {}", "{}에 연결 시도";
    say_connected: "is connected to {}", "{}에 연결됨";
    say_disconnected: "the connection to {} is over: {}", "{}의 연결 종료: {}";
    why_refused: "nobody answered ({})", "응답 없음 ({})";
    why_peer: "the other side closed it", "상대가 닫음";
    why_malformed: "what came was not Kafka's ({})", "Kafka 응답이 아님 ({})";
    why_us: "closed on this side", "이쪽에서 닫음";
    say_request: "request {} leaves for {} with {}", "request {} → {}, {} 전송";
    say_batches_one: "1 batch", "batch 1개";
    say_batches: "{} batches", "batch {}개";
    say_asks: "asks {} for {}", "{}에 {} 요청";
    say_answer: "answer to request {} from {}", "{1}의 응답: request {0}";
    say_told: "{} answers {}", "{}의 응답: {}";
    say_timed_out: "request {} had no answer within request.timeout.ms", "request {}: request.timeout.ms 안에 응답 없음";
    say_metadata: "metadata: {} brokers", "metadata: broker {}대";
    say_identity: "producer id {}, epoch {}", "producer id {}, epoch {}";
    say_callbacks: "runs {} callbacks", "callback {}개 실행";
    say_callbacks_one: "runs 1 callback", "callback 1개 실행";
    say_callback_caller: "the callback of #{} runs here, on the calling thread", "#{}의 callback을 호출한 thread에서 실행";
    say_get_returned: "get() of #{} ends", "#{}의 get() 종료";
    say_stored: "stores {}", "{} 저장";
    say_duplicate: "recognises a copy of {} and stores nothing", "{}의 중복을 알아보고 저장하지 않음";
    say_append_refused: "refuses a batch of {}: {}", "{}의 batch 거부: {}";
    say_leader: "now leads {}", "{}의 새 leader";
    say_no_leader: "{} has no leader", "{}의 leader 없음";
    say_fault_delayed: "request {} is answered late", "request {} 응답 지연";
    say_fault_answered: "request {} is answered with {}", "request {}의 응답 교체: {}";
    say_fault_cut_before: "the connection is cut before request {} is acted upon", "request {} 처리 전에 연결 끊김";
    say_fault_cut_after: "the connection is cut after request {} was acted upon, before its answer", "request {} 처리 후 응답 전에 연결 끊김";

    // Time.
    time: "Time", "시간";
    speed: "Speed", "속도";
    speed_max: "as fast as it goes", "최대한 빠르게";
    speed_real: "real time", "실시간";
    speed_slower: "{}× slower", "{}배 느리게";
    pause: "Pause", "일시 정지";
    play: "Play", "재생";
    step: "Next event", "다음 event";
    time_real: "real time, as the bridge tells it", "실시간 (bridge 기준)";

    // Settings.
    settings: "Settings", "설정";
    settings_title: "Producer settings", "Producer 설정";
    settings_search: "Search settings", "설정 검색";
    settings_changed: "{} changed", "{}개 변경";
    settings_reset: "Back to {}", "기본값 {}";
    settings_default: "default {}", "기본값 {}";
    settings_as_text: "As producer.properties", "producer.properties 형식";
    settings_text_bad: "Line {}: \\u wants four hexadecimal digits; a backslash itself is written \\\\.", "{}번째 줄: \\u 뒤에는 16진수 4자리가 필요합니다. backslash 자체는 \\\\ 로 씁니다.";
    settings_text_half: "Line {}: this \\u escape is half of a character; write both halves.", "{}번째 줄: \\u 표기가 문자의 절반입니다. 나머지 절반도 쓰세요.";
    settings_apply: "Apply", "적용";
    settings_apply_note: "A new producer takes over when the old one has settled everything.", "이전 producer가 모두 마무리되면 새 producer가 이어받습니다.";
    settings_asked: "waiting: the old producer settles what is out", "대기 중: 이전 producer가 전송을 마무리하는 중";
    settings_in_force: "in force", "적용됨";
    settings_refused: "The client refuses to start", "client가 시작을 거부합니다";
    settings_nothing: "No setting of this name is obeyed here.", "해당하는 설정이 없습니다.";
    settings_forbidden: "These belong to the bridge's command line, not to a page: {}", "페이지가 아니라 bridge 명령줄에서만 정할 수 있는 설정입니다: {}";
    notice_unknown: "{} is not a Kafka setting; it is accepted and ignored, as the Java client does.", "Kafka 설정에 {} 항목이 없습니다. Java client처럼 무시합니다.";
    notice_unknown_nearest: "{} is not a Kafka setting; it is accepted and ignored, as the Java client does. Did you mean {}?", "Kafka 설정에 {} 항목이 없습니다. Java client처럼 무시합니다. 혹시 {}?";
    notice_changed: "{} was changed from {} to {} because of {}", "{}: {} → {} 자동 변경, 원인: {}";
    notice_no_effect: "{} is known to Kafka and has no effect here yet", "{}: Kafka에는 있지만 여기서는 아직 효과 없음";
    notice_deprecated: "{} is no longer used and has no effect", "{}: 더 이상 쓰지 않으며 효과 없음";
    notice_deprecated_instead: "{} is no longer used and has no effect; see {}", "{}: 더 이상 쓰지 않으며 효과 없음. {} 참고";
    notice_no_level: "{}: level has no effect in the simulation", "{}: 시뮬레이션에서는 level의 효과가 없음";
    group_durability: "Durability", "내구성";
    group_durability_text: "who has the record when your code hears “success”", "“성공”을 들었을 때 record를 가진 곳";
    group_batching: "Batching", "Batch";
    group_batching_text: "how long and how full before a batch leaves", "batch가 떠나기 전의 시간과 크기";
    group_retries: "Retries and time", "재시도와 시간";
    group_retries_text: "how often and how long", "횟수와 기간";
    group_memory: "Memory", "메모리";
    group_memory_text: "what waits, and what send() waits for", "대기 공간과 send()의 대기";
    group_partitioning: "Partitioning", "Partition 선택";
    group_partitioning_text: "where a record goes", "record가 가는 곳";
    group_connection: "Connection", "연결";
    group_connection_text: "how brokers are reached", "broker에 연결하는 방식";

    // Alerts.
    dismiss: "Dismiss", "닫기";
    alert_not_sent: "{} not sent", "{}개 전송 안 됨";
    refusal_not_armed: "This is a real cluster: arm it first.", "실제 cluster입니다. 먼저 쓰기를 허용하세요.";
    refusal_topic: "This bridge writes only to {}. Start it with --allow-topic to allow another.", "이 bridge는 {}에만 쓸 수 있습니다. 다른 topic은 --allow-topic으로 허용하세요.";
    refusal_busy: "With these, {} would be out; at most {} may be. Send again when answers have come.", "이번 전송까지 합하면 {}이며 최대 {}까지 가능합니다. 응답이 온 뒤에 다시 보내세요.";
    refusal_id: "This number was used for another send. Reload the page.", "이미 사용된 전송 번호입니다. 페이지를 새로 고치세요.";
    refusal_stopping: "The bridge is stopping.", "bridge가 종료되는 중입니다.";
    refusal_id_forgotten: "This number was used before, and its outcome is no longer kept. Reload the page.", "이미 사용된 전송 번호이고 결과가 더는 보관되어 있지 않습니다. 페이지를 새로 고치세요.";
    refusal_count: "{} records at once: between {} and {} are possible.", "한 번에 record {}개: {}개부터 {}개까지 보낼 수 있습니다.";
    refusal_topic_long: "The topic name has {} bytes, more than {}.", "topic 이름이 {}바이트로, 최대 {}바이트를 넘습니다.";
    alert_not_a_command: "The bridge could not read a message of {} bytes from this page. Reload the page.", "bridge가 이 페이지의 {}바이트 메시지를 읽지 못했습니다. 페이지를 새로 고치세요.";
    alert_many_settings: "{} settings are more than the bridge takes at once ({}).", "설정 {}개는 bridge가 한 번에 받는 수({}개)보다 많습니다.";
    alert_settings_wait: "Not taken: {} changes of settings wait for their turn already.", "적용 안 됨: 설정 변경 {}건이 이미 차례를 기다리고 있습니다.";
    alert_long_setting: "A setting of {} bytes is longer than the bridge takes ({}).", "설정 하나가 {}바이트로, bridge가 받는 길이({}바이트)보다 깁니다.";
    alert_omitted: "The bridge left {} out: {} bytes, and a message takes {}. It cannot be shown.", "bridge가 {} 보고를 생략했습니다. {}바이트이며 메시지 하나는 최대 {}바이트라서 표시할 수 없습니다.";
    alert_too_large: "Not sent: the record has {} bytes, and the page hands over at most {} at once. Kafka's own limit, max.request.size, is 1 MiB by default.", "전송 안 됨: record가 {}바이트이며, 페이지가 한 번에 넘길 수 있는 크기는 {}바이트입니다. Kafka의 max.request.size 기본값은 1 MiB입니다.";
    alert_left_behind: "Other brokers, a new ledger: records listed before and no longer here: {}.", "새 연결, 새 기록: 이전 연결의 record {}개는 여기 표시되지 않습니다.";
    alert_left_waiting: "Still out, and not told of here: {}.", "{}개는 전송 중이었으며 결과가 여기 표시되지 않습니다.";
    alert_no_token: "This page comes from a bridge, but its address has no token. Open the whole line that the bridge printed; until then it uses the brokers in this page.", "이 페이지는 bridge가 제공했지만 주소에 token이 없습니다. bridge가 출력한 줄 전체를 여세요. 그때까지는 이 페이지 안의 broker를 사용합니다.";
    ended_refused: "The bridge ended the connection: it does not take what this page said.", "bridge가 연결을 끝냈습니다. 이 페이지가 보낸 내용을 받을 수 없습니다.";
    alert_stopping: "The bridge is stopping: what is out is settled, nothing new is taken.", "bridge가 종료되는 중입니다. 전송 중인 record는 마무리되고 새 전송은 받지 않습니다.";
    alert_unknown: "Unknown records: {}. The bridge was lost while they were out. They may be stored or not; nothing was sent again.", "record {}개의 결과를 알 수 없습니다. 전송 중에 bridge가 끊겼습니다. 저장되었을 수도 아닐 수도 있으며, 다시 보내지 않았습니다.";
    alert_more: "{} older messages", "이전 메시지 {}개";

    // The stage.
    stage: "Pipeline", "파이프라인";
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
    stage_broker_one: "1 broker", "broker 1대";
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
    stage_sent: "send() ×{}", "send() {}회";
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
    stage_due: "ready to leave", "출발 대기";
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
    stage_roles_title: "broker {} leads: {}; has copies of: {}", "broker {}. leader: {}. follower: {}";
    stage_no_leader: "no leader", "leader 없음";
    stage_isr_title: "In sync: {}", "동기화된 replica: {}";
    stage_before: "before this run", "이번 실행 전";
    stage_left_out: "left out here", "일부 생략";
    stage_untold: "stored while the trace left facts out to keep up: by whom is not known", "속도를 맞추려고 기록을 생략한 사이에 저장됨: 누가 저장했는지 알 수 없음";
    stage_foreign: "stored before this run, or by another producer", "이번 실행 전 또는 다른 producer가 저장";
    stage_copied: "#{} stored twice", "#{} 중복 저장";
    stage_a_copy: "a copy of an earlier record", "앞 record의 중복";
    stage_without_offset: "{} without an offset", "offset 없이 {}개";
    stage_identity: "producer id {}, epoch {}, base sequence {}", "producer id {}, epoch {}, base sequence {}";
    stage_in_batch: "in batch {}", "batch {}";
    stage_known: "the program knows", "프로그램이 결과를 받음";
    stage_not_known: "stored, the program does not know yet", "저장됨, 프로그램은 아직 모름";
    stage_no_partitions: "no partitions known yet", "아직 알려진 partition 없음";
    stage_elsewhere: "{} batches of other topics are under way", "다른 topic의 batch {}개 진행 중";
    stage_field_shelves: "{} shelves", "선반 {}개";
    stage_field_batches: "{} batches, {} records wait", "batch {}개, record {}개 대기";
    stage_field_retries: "{} batches are sent again", "batch {}개 재전송";
    stage_field_cell: "p{}, {}: {} on the shelf, log ends at {}", "p{}, {}: 선반에 {}개, log 끝 {}";
    stage_name: "The pipeline. Caller: {}, {} sent. Sender: {}. Requests in flight: {}. Records acked: {}. Partitions: {}.", "파이프라인. caller: {}, {}개 전송. sender: {}. request {}개 in flight, record {}개 ack 수신. partition {}개.";
    stage_lane_name: " p{}: on the shelf {}, in flight {}, log ends at {}.", " p{}: record 선반에 {}개, in flight {}개, log 끝 {}.";
    stage_more_lanes: " {} more partitions have records.", " 이 외에 record가 있는 partition {}개.";
    stage_said: "{}: {}. {} sent, {} acked, {} waiting, {} failed, {} unknown.", "{}: {}. 전송 {}개, ack 수신 {}개, 대기 {}개, 실패 {}개, 알 수 없음 {}개.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(template: &str) -> usize {
        template.matches('{').count()
    }

    #[test]
    fn both_languages_take_the_same_values() {
        for (name, english, korean) in PAIRS {
            assert_eq!(places(english), places(korean), "{name}");
            assert!(!korean.is_empty() && !english.is_empty(), "{name}");
        }
    }

    #[test]
    fn korean_is_korean_unless_it_is_one_of_kafkas_or_the_browsers_words() {
        let is_korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
        let same: Vec<_> = PAIRS.iter().filter(|(_, _, korean)| !is_korean(korean)).map(|(name, ..)| *name).collect();
        for (name, english, korean) in PAIRS.iter().filter(|(name, ..)| same.contains(name)) {
            let words = korean.split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 3);
            let foreign: Vec<_> = words.filter(|word| !KAFKAS_WORDS.contains(&word.to_lowercase().as_str())).collect();
            assert!(foreign.is_empty(), "{name}: {korean} ({english}) has {foreign:?}");
        }
        for (name, _, korean) in PAIRS {
            assert!(!korean.contains("레코드") && !korean.contains("byte"), "{name}: it is record, and 바이트");
        }
    }

    /// Which particle it is would depend on the value.
    #[test]
    fn no_korean_particle_follows_a_value_but_those_that_suit_all() {
        const PARTICLES: [&str; 10] = ["은", "는", "이", "가", "을", "를", "와", "과", "로", "으로"];
        for (name, _, korean) in PAIRS {
            for after in korean.split('}').skip(1) {
                let word: String = after.chars().take_while(|c| ('가'..='힣').contains(c)).collect();
                assert!(!PARTICLES.contains(&word.as_str()), "{name}: {word} after a value in {korean:?}");
            }
        }
    }

    const KAFKAS_WORDS: &[&str] = &[
        "java",
        "kafka",
        "producer",
        "playground",
        "bridge",
        "record",
        "value",
        "text",
        "null",
        "sticky",
        "topic",
        "partition",
        "header",
        "timestamp",
        "ctrl",
        "recordmetadata",
        "batch",
        "request",
        "flight",
        "slot",
        "main",
        "sender",
        "broker",
        "bootstrap",
        "server",
        "epoch",
        "base",
        "sequence",
        "metadata",
        "caller",
        "serializer",
        "partitioner",
        "accumulator",
        "leader",
        "follower",
        "cluster",
        "thread",
        "linger",
        "offset",
        "hash",
        "exception",
        "callback",
    ];

    #[test]
    fn values_are_filled_in_order_or_by_place() {
        assert_eq!(fill("{} of {}", &[&1, &"two"]), "1 of two");
        assert_eq!(fill("{1} before {0}", &[&1, &2]), "2 before 1");
        assert_eq!(fill("no place", &[]), "no place");
        assert_eq!(fill("open { brace", &[&1]), "open  brace");
    }

    #[test]
    fn thousands_are_set_apart_as_each_language_does() {
        assert_eq!(Language::English.number(1_400), "1\u{202f}400");
        assert_eq!(Language::Korean.number(1_234_567), "1,234,567");
        assert_eq!(Language::Korean.number(-1), "−1");
        assert_eq!(Language::Korean.number(999), "999");
    }
}
