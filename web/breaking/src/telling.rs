//! What a report comes to, in words.

use producer_core::breaking::messages::{Changed, Findings, Found, State, Step};
use producer_core::breaking::{
    ChangeReport, Counterexample, Happening, Outcome, Question, Report, Task, Trials, Tried, happened, story,
};
use producer_core::scenario::{Claim, Words, text};
use producer_core::staging::BEGIN;
use producer_core::time::Instant;
use producer_core::trace::Fact;

use crate::deeds;
use crate::words::{begun, claim, count, fault, number, pair};

/// A story has at most so many steps: more than anybody reads, and than a counterexample has that was made small.
const MOST_STEPS: usize = 2_000;

/// Everything that is known, as words.
pub(crate) fn findings(question: &Question, report: &Report, task: Task, found: Option<Found>) -> Findings {
    let mut notes = Vec::new();
    if !report.left_out.is_empty() {
        let keys = report.left_out.join(", ");
        notes.push(pair(format!("Left out of all worlds: {keys}."), format!("모든 세계에서 제외한 key: {keys}.")));
    }
    let verdict = match &report.counterexample {
        Some(found) => {
            also_broken(&mut notes, found);
            if !matches!(task, Task::Looking | Task::Shrinking | Task::Counting) {
                as_it_is(&mut notes, &report.tried);
            }
            broken(question, found)
        }
        // There may be none yet.
        None if report.tried.trials.broken > 0 => {
            let [en, ko] = claim(&question.claim);
            let en = begun(&en);
            pair(
                format!("“{en}”: broken. Looking for the smallest world that is."),
                format!("‘{ko}’: 깨졌습니다. 가장 작은 세계를 찾는 중입니다."),
            )
        }
        None => {
            tried(&mut notes, &report.tried);
            survived(&question.claim, &report.tried.trials)
        }
    };
    let at = match task {
        Task::Changing(place) => place as usize,
        Task::Done => usize::MAX,
        _ => 0,
    };
    let changes = report.changes.iter().enumerate().map(|(place, change)| changed(change, question.worlds, place < at));
    Findings { verdict, notes, found, changes: changes.collect() }
}

fn broken(question: &Question, found: &Counterexample) -> Words {
    let [en, ko] = claim(&question.claim);
    let en = begun(&en);
    let ([en_world, ko_world], [en_of, ko_of]) = (number(found.world + 1), number(question.worlds));
    let names = |language: usize| {
        let names: Vec<&str> = found.faults.iter().map(|kind| fault(*kind)[language]).collect();
        if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
    };
    let faults = found.faults.len() as u64;
    pair(
        format!(
            "“{en}”: broken in world {en_world} of {en_of}, shrunk to {} and {}{}.",
            count(found.records, "record"),
            count(faults, "fault"),
            names(0)
        ),
        format!(
            "‘{ko}’: 세계 {ko_of}개 중 {ko_world}번째에서 깨짐. record {}개, 장애 {}개{}로 줄였습니다.",
            number(found.records)[1],
            number(faults)[1],
            names(1)
        ),
    )
}

fn survived(claim_of: &Claim, trials: &Trials) -> Words {
    let [en, ko] = claim(claim_of);
    let en = begun(&en);
    let [_, ko_worlds] = number(trials.worlds);
    pair(
        format!("“{en}”: {}, none broke it.", count(trials.worlds, "world")),
        format!("‘{ko}’: 세계 {ko_worlds}개 중 깨진 세계가 없습니다."),
    )
}

/// A count is worth what was in it.
fn tried(notes: &mut Vec<Words>, tried: &Tried) {
    undecided(notes, &tried.trials);
    let faults = |language: usize| {
        let all: Vec<String> = tried
            .faults
            .iter()
            .map(|(kind, times)| format!("{} {}", fault(*kind)[language], number(*times)[language]))
            .collect();
        if all.is_empty() { ["none", "없음"][language].to_owned() } else { all.join(", ") }
    };
    let [en_events, ko_events] = number(tried.events);
    notes.push(pair(
        format!("Tried: {}, {en_events} events; faults: {}.", count(tried.records, "record"), faults(0)),
        format!("시도한 것: record {}개, event {ko_events}개, 장애: {}.", number(tried.records)[1], faults(1)),
    ));
    notes.push(pair(
        "A count, not a proof: the next world may break what these did not.",
        "이것은 횟수이지 증명이 아닙니다. 다음 세계에서는 깨질 수도 있습니다.",
    ));
}

fn undecided(notes: &mut Vec<Words>, trials: &Trials) {
    if trials.undecided > 0 {
        let [_, ko] = number(trials.undecided);
        notes.push(pair(
            format!("In {} nobody can say: not all was told in time.", count(trials.undecided, "world")),
            format!("세계 {ko}개는 시간 안에 결과가 다 나오지 않아 판정할 수 없습니다."),
        ));
    }
}

fn also_broken(notes: &mut Vec<Words>, found: &Counterexample) {
    if found.also_broken.is_empty() {
        return;
    }
    let all = |language: usize| {
        let names: Vec<String> = found.also_broken.iter().map(|other| claim(other)[language].clone()).collect();
        names.join(", ")
    };
    notes.push(pair(format!("Broken here too: {}.", all(0)), format!("여기서 함께 깨진 것: {}.", all(1))));
}

/// What all worlds come to with the configuration as it was given.
fn as_it_is(notes: &mut Vec<Words>, tried: &Tried) {
    let Trials { worlds, broken, .. } = tried.trials;
    let ([en_broken, ko_broken], [en_of, ko_of]) = (number(broken), number(worlds));
    notes.push(pair(
        format!("As pasted: broken in {en_broken} of {en_of} worlds."),
        format!("지금 설정: 세계 {ko_of}개 중 {ko_broken}개에서 깨짐."),
    ));
    undecided(notes, &tried.trials);
    for (other, world) in &tried.also_broken {
        let ([en, ko], [en_world, ko_world]) = (claim(other), number(world + 1));
        notes.push(pair(
            format!("As pasted, world {en_world} also breaks “{en}”."),
            format!("지금 설정은 {ko_world}번째 세계에서 ‘{ko}’도 깨집니다."),
        ));
    }
}

fn changed(report: &ChangeReport, worlds: u32, is_over: bool) -> Changed {
    let broken_on_it = matches!(report.on_counterexample, Some(Outcome::Broken(_)));
    let Trials { worlds: played, broken, undecided, first_broken } = report.trials;
    let survived = report.trials.survived();
    let undecided = match number(undecided) {
        _ if undecided == 0 => [String::new(), String::new()],
        [en, ko] => [format!(", {en} not decided"), format!(", 판정 불가 {ko}개")],
    };
    let [en_not, ko_not] = undecided;
    let ([en_survived, ko_survived], [en_of, ko_of], [en_broken, ko_broken]) =
        (number(survived), number(worlds), number(broken));
    let (state, words) = match &report.verdict {
        Err(_) => (State::Refused, pair("the client refuses it", "client가 거부함")),
        Ok(_) if !is_over => (State::Waits, Words::default()),
        Ok(_) if played == 0 => (State::Broken, pair("the counterexample breaks it too", "찾은 반례에서 똑같이 깨짐")),
        Ok(_) if broken == 0 => {
            let state = if broken_on_it { State::Broken } else { State::Survived };
            let words = pair(
                format!("survived {en_survived} of {en_of}{en_not}"),
                format!("세계 {ko_of}개 중 {ko_survived}개 견딤{ko_not}"),
            );
            (state, words)
        }
        Ok(_) => {
            let first = first_broken.map_or(0, |first| first + 1);
            let ([en_first, ko_first], is_one) = (number(first), broken == 1 && played == first);
            let words = match is_one {
                true => {
                    pair(format!("broken in world {en_first}{en_not}"), format!("{ko_first}번째 세계에서 깨짐{ko_not}"))
                }
                false => pair(
                    format!("survived {en_survived}, broken in {en_broken}{en_not}"),
                    format!("{ko_survived}개 견딤, {ko_broken}개 깨짐{ko_not}"),
                ),
            };
            (State::Broken, words)
        }
    };
    let price = report.price.iter().map(|(other, world)| {
        let ([en, ko], [en_world, ko_world]) = (claim(other), number(world + 1));
        pair(
            format!("but “{en}” breaks in world {en_world}, and in none without the change"),
            format!("다만 {ko_world}번째 세계에서 ‘{ko}’ 깨짐 (이 변경이 없으면 깨지지 않음)"),
        )
    });
    Changed {
        change: report.change.to_string().into(),
        state,
        words,
        refused: report.verdict.as_ref().err().map(|error| error.message.clone()),
        notices: report.verdict.clone().unwrap_or_default(),
        price: price.collect(),
    }
}

/// A counterexample with its story, its link and its file.
pub(crate) fn found(question: &Question, found: &Counterexample) -> Found {
    let since_begin = |at: Instant| {
        let us = (at.max(BEGIN) - BEGIN).as_micros();
        u64::try_from(us).unwrap_or(u64::MAX)
    };
    let [en, ko] = claim(&question.claim);
    let what = pair(format!("from here on “{en}” does not hold"), format!("여기서부터 ‘{ko}’ 깨짐"));
    // Whoever reads a broker's log reads behind what it has in hand, and so knows of an append before it is told.
    let known_us = found.accident_us + found.scenario.cluster.processing_us;
    let (mut accident, mut last_us) = (Some(what), 0);
    let mut steps = Vec::new();
    for (at, happening) in story(&found.scenario, &question.claim, None) {
        // Behind all that happens at its moment: one of those things is what broke it.
        if since_begin(at) > known_us
            && let Some(what) = accident.take()
        {
            steps.push(Step::Accident { at_us: found.accident_us.max(last_us), what });
        }
        let (at_us, step) = match happening {
            Happening::Deed(act) => (since_begin(at), deeds::done(since_begin(at), &act)),
            Happening::Fact(event) => {
                let at_us = since_begin(event.at);
                let step =
                    deeds::became(at_us, &event.what).or_else(|| is_told(&event.what).then_some(Step::Fact(event)));
                (at_us, step)
            }
        };
        last_us = at_us;
        steps.extend(step);
        if steps.len() >= MOST_STEPS {
            break;
        }
    }
    steps.extend(accident.map(|what| Step::Accident { at_us: found.accident_us.max(last_us), what }));
    Found {
        title: happened(found),
        link: found.link().to_string().into(),
        file: format!("{}\n", text::write(&found.scenario).trim_end()).into(),
        begins: BEGIN,
        watch_from_us: found.watch_from_us,
        story: steps,
    }
}

/// Does the page say anything about it, or need it to say something about others?
const fn is_told(fact: &Fact) -> bool {
    !matches!(
        fact,
        Fact::MemoryUsed { .. }
            | Fact::SenderWaits { .. }
            | Fact::RequestWritten { .. }
            | Fact::HighWatermarkMoved { .. }
            | Fact::ReplicaAdvanced { .. }
            | Fact::BrokerFenced { .. }
            | Fact::ControllerChanged { .. }
    )
}
