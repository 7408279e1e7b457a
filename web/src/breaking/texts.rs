//! Every word of the view in both languages. What is said of a result comes with it, from the module that searched.

use crate::texts::{Language, texts};

texts! {
    name: "Break my config", "내 설정 깨기";
    name_text: "A machine looks for the world that breaks it.", "이 설정이 깨지는 세계를 찾아 줍니다.";
    file_hint: "paste or type", "붙여 넣거나 입력";
    from_settings: "Take the page's settings", "페이지의 설정 가져오기";
    defaults: "No line: the client's defaults.", "줄이 없으면 client의 기본값입니다.";
    left_out: "Worlds have their own brokers: {} is left out.", "세계에는 자체 broker가 있어 제외합니다: {}";
    claim: "Claim to break", "시험할 주장";
    claim_lost: "nothing lost", "유실 없음";
    claim_once: "stored once", "한 번만 저장";
    claim_order: "order per key", "key별 순서 유지";
    claim_blocked: "no send() blocked longer than", "send()가 막혀도 되는 최대 시간";
    claim_failed: "failed means not stored", "실패하면 저장되지 않음";
    milliseconds: "milliseconds", "밀리초";
    faults: "Faults allowed", "허용할 장애";
    faults_most: "at most, in one world", "세계마다 최대";
    faults_more: "More kinds of fault", "다른 장애 더 보기";
    fault_cut: "a connection", "연결 끊기";
    fault_restart: "a broker, cleanly", "broker 정상 재시작";
    fault_pause: "the client", "client 멈춤";
    fault_kill: "a broker (SIGKILL)", "broker 강제 종료 (SIGKILL)";
    fault_move_leader: "of a partition", "partition의 leader 이동";
    fault_freeze: "a broker (SIGSTOP)", "broker 멈춤 (SIGSTOP)";
    fault_delay: "a message", "메시지 지연";
    fault_silence: "a message never comes", "메시지가 오지 않음";
    fault_error: "in place of an answer", "오류 응답";
    fault_split: "client from broker", "client와 broker 단절";
    fault_shrink: "a follower stops copying", "follower 복제 멈춤";
    worlds: "Worlds to try", "시도할 세계 수";
    worlds_bad: "A whole number from 1 to {}.", "1부터 {}까지의 정수가 필요합니다.";
    blocked_bad: "A whole number of milliseconds, up to {}.", "{} 이하의 밀리초 정수가 필요합니다.";
    count_all: "Count all worlds with each change, too", "변경마다 모든 세계를 세기";
    search: "Search", "찾기";
    search_again: "Search again", "다시 찾기";
    cancel: "Stop", "중지";
    go_on: "Go on", "계속";
    wait_for: "It cannot search yet: see above.", "아직 찾을 수 없습니다. 위의 내용을 확인하세요.";
    beginning: "Fetching what searches…", "불러오는 중…";
    missing: "It cannot search: {}. Try again, or load the page anew.", "찾을 수 없습니다: {}. 다시 시도하거나 페이지를 새로 고치세요.";
    refused: "It does not search:", "찾지 않습니다:";
    looking: "Looking", "찾는 중";
    shrinking: "Broken: making the world smaller", "깨짐: 세계를 줄이는 중";
    counting: "Counting the worlds that break", "깨지는 세계를 세는 중";
    changing: "Change {} of {}", "변경 {}/{}";
    stopped: "Stopped", "중지됨";
    over: "Done", "완료";
    so_far: "{} of {} worlds", "세계 {}/{}";
    rate: "{} worlds a second", "초당 세계 {}개";
    left: "at most {} s left", "최대 {}초 남음";
    server: "On a build server", "빌드 서버에서";
    copy_command: "Copy the command", "명령 복사";

    title: "Which world breaks your configuration?", "어떤 세계에서 이 설정이 깨질까요?";
    text: "A machine plays thousands of small worlds with the real producer, and stops at the first that breaks the claim.", "실제 producer로 작은 세계를 수천 개 실행하고, 주장이 처음 깨지는 세계에서 멈춥니다.";
    step_paste: "Paste a configuration, choose a claim and what may go wrong.", "설정을 붙여 넣고, 주장과 허용할 장애를 고릅니다.";
    step_search: "If a world breaks the claim, it is made as small as it becomes and opened here, one second of watching before the accident.", "주장을 깨는 세계가 있으면 가장 작게 줄여, 재생 시간으로 사고 1초 전에서 여기에 엽니다.";
    step_changes: "Then each change of one key, with what the client demands of others, is tried on the same worlds, and counted.", "그다음 key를 하나씩 바꿔(client가 함께 요구하는 key도 같이) 같은 세계에서 다시 실행하고 셉니다.";
    under_way: "Looking for a world that breaks it", "깨지는 세계를 찾는 중";
    held: "Not broken so far", "아직 깨지지 않음";
    story: "What happens", "일어나는 일";
    story_order: "in order of time; a time leads there", "시간순, 시각을 누르면 그 시점으로 이동";
    story_go: "Go to {} ms", "{} ms 시점으로 이동";
    story_more: "{} more: open it in the player.", "{}줄 더 있음: 플레이어에서 여세요.";
    accident: "accident", "사고";
    to_accident: "Just before the accident", "사고 직전으로";
    open: "Open in the player", "플레이어에서 열기";
    link: "Its link", "링크";
    copy_link: "Copy link", "링크 복사";
    copied: "The link is copied.", "링크를 복사했습니다.";
    not_copied: "The browser does not let it be copied: the link is selected.", "브라우저가 복사를 허용하지 않아 링크를 선택해 두었습니다.";
    save: "Save the scenario", "시나리오 저장";
    saved: "Saved as {}.", "{} 파일로 저장했습니다.";
    changes: "One change at a time", "한 번에 하나씩 바꾸면";
    changes_of: "of {} worlds", "세계 {}개 중";
    waits: "not tried yet", "아직 시도 전";
    tries: "being tried", "시도 중";
    survived: "survived", "견딤";
    broken: "broken", "깨짐";
    not_a_proof: "Counts, not proofs: the next world may break what these did not.", "이것은 횟수이지 증명이 아닙니다. 다음 세계에서는 깨질 수도 있습니다.";
}

/// The texts of a language.
pub(super) const fn of(language: Language) -> &'static Texts {
    match language {
        Language::English => &ENGLISH,
        Language::Korean => &KOREAN,
    }
}
