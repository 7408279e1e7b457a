//! Every word for people in the demos, in both languages side by side. Cards are not here: they are the scenarios' own.

use crate::texts::{Language, texts};

texts! {
    demos: "Demos", "데모";
    demo_here: "Demo {}", "데모 {}";
    own_records: "Send records of your own", "직접 record 보내기";
    own_records_text: "Simulated brokers, or your Kafka through the bridge.", "시뮬레이션 broker 또는 bridge로 연결한 Kafka.";
    done: "done", "완료";
    contents_missing: "The list of demos cannot be had: {}", "데모 목록을 가져올 수 없습니다: {}";
    chapter_path: "The way of send()", "send()의 길";
    chapter_waiting: "Waiting, or not", "기다릴까, 말까";
    chapter_lost: "When answers get lost", "응답이 사라질 때";
    chapter_order: "Order and keys", "순서와 key";
    chapter_tuning: "Tuning", "튜닝";
    skip_to_time: "Skip to Play", "재생으로 건너뛰기";

    loading: "Fetching the world…", "불러오는 중…";
    missing: "The demo cannot be had: {}", "데모를 가져올 수 없습니다: {}";
    not_opened: "This link shows nothing.", "이 링크로는 아무것도 열 수 없습니다.";
    choose_demo: "Choose a demo", "데모 고르기";
    fault_too_long: "It has {} bytes; at most {} are looked at.", "크기 {}바이트: 최대 {}바이트까지만 읽습니다.";
    fault_not_a_link: "It names neither a demo nor a scenario nor a lesson.", "데모, 시나리오, 수업 중 어느 것도 가리키지 않습니다.";
    fault_no_demo: "There is no demo {}.", "데모 {}: 없는 이름입니다.";
    did_you_mean: "Did you mean {}?", "혹시 {}?";
    fault_newer: "It was made by a newer version of this page (links {}).", "더 새로운 버전의 페이지에서 만든 링크입니다 (링크 버전 {}).";
    fault_character: "It is damaged: character {} belongs to no link.", "링크가 손상되었습니다: {}번째 문자는 링크에 쓰이지 않습니다.";
    fault_checksum: "It is damaged: it was cut short or changed on the way.", "링크가 손상되었습니다: 중간에 잘렸거나 바뀌었습니다.";
    fault_too_large: "It holds more than is looked at.", "담긴 내용이 너무 큽니다.";
    fault_damaged: "It is damaged: its data is no scenario.", "링크가 손상되었습니다: 시나리오 데이터가 아닙니다.";
    fault_refused: "Its scenario says what cannot be:", "시나리오에 있을 수 없는 내용이 있습니다:";
    notes: "Not everything in this link has an effect:", "이 링크의 다음 항목은 효과가 없거나 바뀌었습니다:";
    note_unknown: "{} is unknown.", "{}: 알 수 없는 항목입니다.";
    note_bridges_own: "{} is not for a link to say.", "{}: 링크로 정할 수 없는 항목입니다.";
    note_damaged: "The value of {} means nothing.", "{}: 값을 읽을 수 없습니다.";
    note_twice: "{} is there twice; the first one counts.", "{}: 두 번 있으며 첫 번째만 적용됩니다.";
    note_too_many: "{} more items are not looked at.", "나머지 항목 {}개는 읽지 않습니다.";
    note_not_turned: "{} was not turned:", "{}: 적용되지 않았습니다:";
    note_in_scenario: "In the scenario:", "시나리오:";
    note_left_out: "Action {} changes nothing here:", "동작 {}: 여기서는 효과가 없습니다:";
    note_without_effect: "{} of the brokers changes nothing here.", "broker의 {}: 여기서는 효과가 없습니다.";
    note_beyond_end: "The moment lies beyond the end.", "지정한 시점이 끝보다 뒤에 있습니다.";
    lesson: "Lesson", "수업";

    predict: "What will happen?", "어떻게 될까요?";
    answer_right: "right", "정답";
    answer_wrong: "not so", "오답";
    watch: "What to watch", "눈여겨볼 곳";
    reveal: "Show what was to be seen", "무엇을 봐야 했는지 보기";
    revealed: "What was to be seen", "보였던 것";
    why: "Why", "이유";
    turn: "Now change this", "이제 바꿔 보세요";
    sentences: "Sentences to be tried", "확인할 문장";
    sentence_holds: "It holds.", "맞는 문장입니다.";
    sentence_fails: "It does not hold.", "틀린 문장입니다.";
    sentence_try: "Try it", "해 보기";
    refused_producer: "producer {} is not made: ConfigException", "producer {} 생성 거부: ConfigException";

    lane: "Lane {}", "레인 {}";
    lane_look: "Look at lane {}", "레인 {} 보기";
    producer: "Producer", "Producer";
    producer_n: "producer {}", "producer {}";

    log_go: "newest first; click a line to go there", "최신순, 줄을 누르면 그 시점으로 이동";
    log_empty: "Nothing yet. Press Play.", "아직 없음. 재생을 눌러 보세요.";
    log_go_to: "Go to {} ms", "{} ms 시점으로 이동";

    score_of: "Score of lane {}", "레인 {}의 결과";
    score_sent: "sent", "전송";
    score_lost: "lost", "유실";
    score_not_readable: "not readable", "읽을 수 없음";
    score_duplicate: "duplicate", "중복";
    score_out_of_order: "out of order", "순서 어긋남";
    score_read: "read back at {} ms: {} stored", "{} ms 시점에 다시 읽음: 저장 {}개";
    score_read_older: "Much to read: lost, duplicate and out of order are as of {} ms.", "읽을 것이 많습니다: 유실, 중복, 순서는 {} ms 시점의 값입니다.";
    score_failed_stored: "{} of the failed are stored all the same", "실패한 record 중 {}개는 저장됨";

    looks: "What to look at", "볼 것";
    tab_messages: "Messages", "메시지";
    tab_brokers: "Brokers", "Broker";
    tab_deeds: "Done", "한 일";
    tab_goals: "Goals", "목표";
    messages_none: "No message is on its way now.", "지금 이동 중인 메시지가 없습니다.";
    messages_more: "{} more", "{}개 더";
    message_request: "request", "request";
    message_answer: "answer", "응답";
    message_to: "{} {} to broker {}", "{} {} → broker {}";
    message_from: "{} {} from broker {}", "{} {} ← broker {}";
    message_arrives: "arrives in {} ms", "{} ms 뒤 도착";
    message_stuck: "does not arrive as things stand", "이대로는 도착하지 않음";
    message_connection: "connection {}", "연결 {}";
    message_correlated: "connection {}, request {}", "연결 {}, request {}";
    message_gone: "It is gone: it has arrived, or is lost. Nothing is done to any other.", "이미 도착했거나 유실되어 없습니다. 다른 메시지에는 아무 일도 하지 않습니다.";
    break_before: "Break before the append", "append 전에 끊기";
    break_before_text: "the connection breaks, nothing is stored", "연결이 끊기고 저장되지 않음";
    break_after: "Break after the append", "append 후에 끊기";
    break_after_text: "stored, but the answer is lost with its connection", "저장되지만 응답은 연결과 함께 사라짐";
    break_answer: "Break before it arrives", "도착 전에 끊기";
    break_answer_text: "the broker has acted already", "broker는 이미 처리함";
    swallow: "Swallow", "삼키기";
    swallow_text: "silence until request.timeout.ms", "request.timeout.ms까지 침묵";
    delay: "Delay by", "늦추기";
    delay_text: "everything behind it waits too", "뒤따르는 것도 함께 기다림";
    error: "Answer with", "오류로 응답";
    error_request_text: "nothing is stored", "저장되지 않음";
    error_answer_text: "stored all the same", "이미 저장됨";
    error_code: "Error", "오류";
    do_it: "Do it", "실행";

    broker_leads: "leads {}", "leader {}개";
    broker_fenced: "fenced", "fenced 상태";
    state_running: "running", "실행 중";
    state_shutting_down: "shutting down", "종료 중";
    state_stopped: "stopped", "중지됨";
    state_killed: "killed", "죽음";
    state_paused: "paused", "멈춤";
    state_starting: "starting", "시작 중";
    kill: "Kill", "죽이기";
    restart: "Restart", "재시작";
    start: "Start", "시작";
    pause_broker: "Pause", "멈추기";
    resume: "Resume", "계속";
    slow: "10× slower", "10배 느리게";
    slow_no_more: "As fast as before", "원래 속도로";
    client_pause: "Pause its process (GC)", "process 멈추기 (GC)";
    client_paused: "stands still until {} ms", "{} ms까지 멈춤";
    seconds: "{} s", "{}초";
    millis: "{} ms", "{} ms";

    deeds_none: "Nothing is done to this world yet: kill a broker, break a message.", "아직 아무것도 하지 않았습니다. broker를 죽이거나 메시지를 끊어 보세요.";
    deed_to_come: "to come", "예정";
    deed_done: "done", "완료";
    deed_no_message: "no such message: nothing was done", "그런 메시지 없음: 아무 일도 하지 않음";
    deed_kill: "broker {} killed", "broker {} 죽음";
    deed_restart: "broker {} restarted", "broker {} 재시작";
    deed_start: "broker {} started", "broker {} 시작";
    deed_pause: "broker {} paused", "broker {} 멈춤";
    deed_resume: "broker {} resumed", "broker {} 계속";
    deed_slow: "broker {} is {}× slower", "broker {} {}배 느림";
    deed_client: "producer {} stands still for {} ms", "producer {} {} ms 동안 멈춤";
    deed_message: "{}: {}", "{}: {}";
    fate_pass: "left alone", "그대로 둠";
    fate_break: "broken", "끊김";
    fate_swallow: "swallowed", "삼켜짐";
    fate_delay: "{} ms later", "{} ms 늦춤";
    fate_error: "answered with {}", "{} 응답";
    fate_throttle: "throttled by {} ms", "{} ms 지연 요청";

    goals_none: "This scenario has no goals.", "이 시나리오에는 목표가 없습니다.";
    goals_at_end: "Judged at the end.", "끝에서 판정합니다.";
    goals_judging: "The judges are at work…", "판정 중…";
    goal_held: "met", "달성";
    goal_broken: "not met", "미달성";
    goal_undecided: "cannot be said", "판정 불가";
    claim_nothing_lost: "nothing lost", "유실 없음";
    claim_stored_once: "stored once", "한 번만 저장";
    claim_order: "order per key", "key별 순서 유지";
    claim_blocked: "no send() blocked longer than {} ms", "send()가 {} ms 넘게 막히지 않음";
    claim_failed: "failed means not stored", "실패하면 저장되지 않음";
    claim_raised: "the program meets {}", "프로그램이 만나는 예외: {}";
    claim_count: "{}: {} {}", "{}: {} {}";
    compare_equal: "exactly", "정확히";
    compare_at_least: "at least", "최소";
    compare_at_most: "at most", "최대";
    counted_stored: "stored", "저장";
    counted_duplicates: "duplicates", "중복";
    counted_failed_stored: "failed but stored", "실패했지만 저장됨";
    counted_requests: "requests", "request 수";
    counted_retries: "retries", "재전송 수";
    counted_partitions: "partitions with records", "record가 있는 partition 수";
    counted_scattered_keys: "keys in several partitions", "여러 partition에 흩어진 key 수";
    counted_largest_share: "percent in the fullest partition", "가장 많이 찬 partition의 비율(%)";
    counted_bytes: "bytes in batches", "batch 바이트 수";
    counted_span_ms: "ms from the first send() to the last result", "첫 send()부터 마지막 결과까지(ms)";
    counted_slowest_ms: "ms for the slowest result", "가장 늦은 결과까지(ms)";
    thinned: "The trace lacks {} facts: too many at once.", "한꺼번에 너무 많아 기록에서 {}개가 빠졌습니다.";

    step: "Step", "한 단계";
    back: "Back", "뒤로";
    next: "Next", "다음";
    next_kind: "Next what", "찾을 대상";
    next_ack: "ack", "ack";
    next_retry: "retry", "재전송";
    next_expiry: "expiry", "시간 초과";
    next_fault: "fault", "장애";
    next_callback: "callback", "callback";
    bar: "Playhead, {} of {} ms", "재생 위치, {} / {} ms";
    speed_faster: "{}× faster", "{}배 빠르게";
    speed_max: "as fast as it can", "최대한 빠르게";
    hurries: "nothing more is sent: fast forward", "더 보낼 것 없음: 빨리 감기";
    fork: "Fork", "갈라지기";
    fork_title: "Keep this future and go on with a copy (F)", "이 미래를 두고 사본으로 계속 (F)";
    futures: "Futures", "미래";
    future: "Future {}", "미래 {}";
    future_title: "at {} ms, {} done by hand, parted at {} ms", "{} ms 시점, 직접 한 일 {}개, {} ms 시점에 갈라짐";
    copy_link: "Copy link", "링크 복사";
    copy_link_title: "Copy the link of this future at this moment (Ctrl S)", "이 미래, 이 시점의 링크 복사 (Ctrl S)";
    link: "The link", "링크";
    export: "Save the trace", "기록 저장";
    export_trace_event: "Trace Event JSON (Perfetto, Chrome)", "Trace Event JSON (Perfetto, Chrome용)";
    export_json_lines: "JSON lines", "JSON lines (한 줄에 하나)";
    export_mermaid: "Mermaid diagram", "Mermaid 다이어그램";
    export_works: "writing, {} %", "쓰는 중, {} %";
    stopped_moment: "Stopped at {} ms: {} events in one moment, and no end.", "{} ms에서 멈춤: 한 순간에 event {}개, 끝이 없음.";
    stopped_second: "Stopped at {} ms: {} events within a second are too many.", "{} ms에서 멈춤: 1초 안에 event {}개로 너무 많음.";
    stopped_run: "Stopped at {} ms: {} events, more than the scenario allows.", "{} ms에서 멈춤: event {}개로 시나리오의 한도를 넘음.";
    said_forked: "Both futures are kept.", "두 미래를 모두 보관합니다.";
    said_acted: "Done. The link shows it elsewhere too.", "완료. 링크를 열면 다른 곳에서도 똑같이 보입니다.";
    said_copied: "The link is copied, and stands in the address bar.", "링크를 복사했고 주소창에도 표시했습니다.";
    said_linked: "The link stands in the address bar.", "링크를 주소창에 표시했습니다.";
    said_without: "{} settings are not in it: no link holds them.", "설정 {}개는 링크에 담을 수 없어 빠졌습니다.";
    said_written: "The trace is saved.", "기록을 저장했습니다.";
    said_written_without: "The trace is saved without its last {} facts: a page writes no more.", "기록을 저장했습니다. 너무 길어 마지막 {}개는 빠졌습니다.";
    open_file: "Open a file", "파일 열기";
    open_file_title: "Open a scenario file; it can also be dropped on the page", "시나리오 파일 열기 (페이지에 끌어다 놓아도 됩니다)";
    file_opened: "{} is open, and its link stands in the address bar.", "{} 파일을 열었고, 링크를 주소창에 표시했습니다.";
    file_without_link: "{} is open. It is too large for a link: to share it, send the file.", "{} 파일을 열었습니다. 링크로 만들기에는 너무 큽니다. 공유하려면 파일을 보내세요.";
    file_refused: "This file cannot be played; what was here before is still here. Mend the line and open it again:", "이 파일은 실행할 수 없습니다. 이전 화면은 그대로 있습니다. 해당 줄을 고친 뒤 다시 여세요:";
    file_too_large: "{} is larger than any scenario file (1 MiB).", "{}: 시나리오 파일의 최대 크기(1 MiB)를 넘습니다.";
    file_no_text: "{} is no text in UTF-8: a scenario file is JSON.", "{}: UTF-8 텍스트가 아닙니다. 시나리오 파일은 JSON입니다.";
    file_gone: "{} cannot be read any more: choose it again.", "{} 파일을 더 이상 읽을 수 없습니다. 다시 선택하세요.";
    file_again: "What stood here came from a file that is too large for a link: open the file again.", "여기에 있던 내용은 링크로 만들 수 없는 큰 파일입니다. 파일을 다시 여세요.";
    said_at_end: "The scenario is at its end: go back first.", "끝에 도달했습니다. 먼저 뒤로 가세요.";
    said_too_many_futures: "{} futures are kept already.", "미래를 이미 {}개 보관하고 있습니다.";
    said_refused: "It cannot be done:", "실행할 수 없습니다:";
}

/// The texts of a language.
pub(crate) const fn of(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::Korean => &KOREAN,
    }
}
