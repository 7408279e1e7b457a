//! What is known of Kafka, found by the search; and what the search itself keeps to.

use std::collections::BTreeSet;

use super::changes::candidates;
use super::*;
use crate::config::ProducerConfig;
use crate::judge::{Verdict, Witness};
use crate::playback::Playable as _;
use crate::scenario::check::check as bounds;
use crate::scenario::link::{Link, Shows};
use crate::scenario::shrink::{PARTS, PLAIN, Shrinking};
use crate::scenario::{Act, Arrival, Claim, Comparison, Counted, Load, Properties, Scenario};
use crate::staging::{self, Stage};
use crate::time::Instant;
use crate::trace::{BrokerState, Fact};

type Pairs = &'static [(&'static str, &'static str)];

fn question(claim: &str, faults: &str, properties: Pairs) -> Question {
    let mut question = Question {
        claim: claim_named(claim).expect("a claim"),
        faults: FaultBudget::parse(faults).expect("faults"),
        worlds: 300,
        ..Question::default()
    };
    properties.iter().for_each(|(key, value)| question.properties.set(key, value));
    question
}

fn searched(question: Question) -> Report {
    let mut search = Search::new(question, None).expect("the client takes it");
    while search.advance(1_000).task != Task::Done {}
    search.into_report()
}

/// As far as the counterexample.
fn found(question: Question) -> Option<Counterexample> {
    let mut search = Search::new(question, None).expect("the client takes it");
    while matches!(search.advance(1).task, Task::Looking | Task::Shrinking) {}
    search.into_report().counterexample
}

fn with_copies(question: Question, min_insync_replicas: u32) -> Question {
    let surroundings = Surroundings {
        brokers: Some(3),
        replication_factor: Some(3),
        min_insync_replicas: Some(min_insync_replicas),
        ..Surroundings::default()
    };
    Question { surroundings, ..question }
}

fn plays(scenario: &Scenario) -> Verdict {
    let ending = staging::run(scenario, 0, &[], None).expect("it can be staged");
    ending.verdicts.into_iter().next().expect("the claim is its goal").1
}

const NOT_IDEMPOTENT: Pairs = &[("enable.idempotence", "false")];

/// KIP-98: without a producer id, a broker cannot tell a retry from a new batch.
#[test]
fn without_idempotence_a_lost_answer_stores_a_record_twice() {
    let found = found(question("stored-once", "cut=1", NOT_IDEMPOTENT)).expect("broken");
    assert!(matches!(found.witness, Witness::StoredAgain { call: 0, .. }), "{:?}", found.witness);
    assert_eq!((found.records, &found.faults[..]), (1, &[FaultKind::Cut][..]));
    assert_eq!((found.score.sent, found.score.stored), (1, 2));
    assert_eq!(&*found.scenario.card.title.en, "1 record sent, 2 stored");
}

#[test]
fn with_idempotence_and_acks_all_no_cut_stores_a_record_twice() {
    let report = searched(question("stored-once", "cut=2", &[("enable.idempotence", "true"), ("acks", "all")]));
    assert_eq!(report.tried.trials, Trials { worlds: 300, ..Trials::default() });
    assert_eq!((report.counterexample, report.changes), (None, Vec::new()));
    assert_eq!(report.tried.faults.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [FaultKind::Cut]);
}

/// `acks=0` counts as success what was written to the socket.
#[test]
fn with_acks_0_a_cut_or_a_restart_loses_what_the_program_holds_for_stored() {
    for (faults, kind) in [("cut=1", FaultKind::Cut), ("restart=1", FaultKind::Restart)] {
        let found = found(question("nothing-lost", faults, &[("acks", "0")])).expect("broken");
        assert!(matches!(found.witness, Witness::Lost { offset: None, .. }), "{:?}", found.witness);
        assert_eq!((found.records, found.faults), (1, vec![kind]));
    }
}

/// `acks=1` answers before the followers have the record: who leads next may not.
#[test]
fn with_acks_1_the_death_of_a_leader_loses_what_was_not_copied() {
    let found = found(with_copies(question("nothing-lost", "kill=1", &[("acks", "1")]), 1)).expect("broken");
    assert!(matches!(found.witness, Witness::Lost { offset: Some(_), .. }), "{:?}", found.witness);
    assert_eq!(found.faults, [FaultKind::Kill]);
    let [topic] = &found.scenario.topics[..] else { panic!("one topic") };
    assert_eq!(topic.replication_factor, 2, "with one copy nobody else could lead");
}

#[test]
fn with_acks_all_and_two_in_sync_the_death_of_a_broker_loses_nothing() {
    let report = searched(with_copies(question("nothing-lost", "kill=1", &[("acks", "all")]), 2));
    assert_eq!(report.tried.trials, Trials { worlds: 300, ..Trials::default() });
}

/// "Setting this value greater than 1 without idempotence: a risk of reordering after a failed send due to retries".
#[test]
fn without_idempotence_five_in_flight_reorder_a_key_and_one_does_not() {
    let report = searched(question("order-per-key", "cut=1,error=1", NOT_IDEMPOTENT));
    let found = report.counterexample.as_ref().expect("broken");
    assert!(matches!(found.witness, Witness::OutOfOrder { .. }), "{:?}", found.witness);
    assert!(found.records >= 2);
    let one = change(&report, "max.in.flight.requests.per.connection", "1");
    assert_eq!((&one.on_counterexample, one.trials.survived()), (&Some(Outcome::Held), 300));
}

/// The answer came while the process stood still; when it goes on, the batch's time is up first.
#[test]
fn a_pause_longer_than_the_delivery_timeout_fails_what_is_stored() {
    let short: Pairs = &[("delivery.timeout.ms", "2000"), ("request.timeout.ms", "1000"), ("linger.ms", "0")];
    let found = found(question("failed-means-not-stored", "pause=1", short)).expect("broken");
    let Witness::FailedAndStored { class, .. } = &found.witness else { panic!("{:?}", found.witness) };
    assert_eq!((&**class, &found.faults[..]), ("TimeoutException", &[FaultKind::Pause][..]));
}

#[test]
fn a_pause_holds_up_a_send_that_waits_for_a_small_buffer() {
    let found = found(question("no-send-blocked", "pause=1", &[("buffer.memory", "32768")])).expect("broken");
    let Witness::Blocked { call, ms } = found.witness else { panic!("{:?}", found.witness) };
    assert!(ms >= 1_000 && found.accident_us >= 1_000_000);
    // It is broken a second after the call, though it returns later.
    let ending = staging::run(&found.scenario, 0, &[], None).expect("it can be staged");
    let called = ending.history.calls[call as usize].called.at - staging::BEGIN;
    assert_eq!(u128::from(found.accident_us), called.as_micros() + 1_000_000);
}

fn change<'r>(report: &'r Report, key: &str, value: &str) -> &'r ChangeReport {
    changed_to(report, &format!("{key}={value}"))
}

fn changed_to<'r>(report: &'r Report, lines: &str) -> &'r ChangeReport {
    report.changes.iter().find(|report| report.change.to_string() == lines).expect("it is tried")
}

#[test]
fn changes_are_tried_on_the_counterexample_and_on_all_worlds() {
    let report = searched(question("stored-once", "cut=1", NOT_IDEMPOTENT));
    let helps = change(&report, "enable.idempotence", "true");
    assert_eq!(helps.on_counterexample, Some(Outcome::Held));
    assert_eq!((helps.trials, &helps.price[..]), (Trials { worlds: 300, ..Trials::default() }, &[][..]));
    // One request in flight is sent again just the same.
    let does_not = change(&report, "max.in.flight.requests.per.connection", "1");
    assert!(matches!(does_not.on_counterexample, Some(Outcome::Broken(_))));
    assert_eq!(does_not.trials, Trials::default(), "the counterexample has decided it");
    // Nothing is sent again, and what was stored counts as failed.
    let at_a_price = change(&report, "retries", "0");
    assert_eq!(at_a_price.trials.survived(), 300);
    let claims: Vec<_> = at_a_price.price.iter().map(|(claim, _)| claim.clone()).collect();
    assert_eq!(claims, [Claim::FailedMeansNotStored {}]);
    // What is broken anyhow is no price.
    let is_known = |claim: &Claim| report.tried.also_broken.iter().any(|(known, _)| known == claim);
    assert!(is_known(&Claim::OrderPerKey {}) && !is_known(&claims[0]), "{:?}", report.tried.also_broken);
    assert!(report.changes.iter().all(|report| &*report.change.key != "acks"), "acks is all already");
}

#[test]
fn a_change_that_the_client_refuses_is_shown_with_its_words() {
    let report = searched(question("stored-once", "cut=1", &[("acks", "1"), ("enable.idempotence", "false")]));
    let refused = change(&report, "enable.idempotence", "true");
    let error = refused.verdict.as_ref().expect_err("acks=1 is not all");
    // `ProducerConfig.postProcessAndValidateIdempotenceConfigs`.
    let words =
        "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.";
    assert_eq!(error.to_string(), words);
    assert_eq!((&refused.on_counterexample, refused.trials), (&None, Trials::default()));
    // With what it asks for it is another change.
    let complete = changed_to(&report, "enable.idempotence=true acks=all");
    assert_eq!(complete.verdict.as_ref().map(Vec::len), Ok(0));
    assert_eq!((complete.on_counterexample.as_ref(), complete.trials.survived()), (Some(&Outcome::Held), 300));
    // What it changes by itself is told as well.
    let report = searched(question("nothing-lost", "cut=1", &[("acks", "0")]));
    let silent = change(&report, "retries", "0").verdict.as_ref().expect("taken");
    let told: Vec<String> = silent.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["Idempotence will be disabled because retries is set to 0."]);
}

/// Whatever the Java client's rules between keys are, a change is completed so that it is taken, or is not tried.
#[test]
fn a_refused_change_is_tried_with_all_that_the_client_asks_of_other_keys() {
    let tried = |claim: &str, given: &[(&str, &str)]| {
        let claim = question(claim, "cut=1", &[]).claim;
        let mut properties = Properties::default();
        given.iter().for_each(|(key, value)| properties.set(key, value));
        let (config, _) = ProducerConfig::from_properties(properties.iter()).expect("taken");
        let changes = candidates(&claim, &properties, &config);
        for change in changes.iter().filter(|change| !change.with.is_empty()) {
            let alone = Change { with: Vec::new(), ..change.clone() };
            assert!(alone.verdict(&properties).is_err() && change.verdict(&properties).is_ok(), "{change}");
        }
        changes.iter().filter(|change| !change.with.is_empty()).map(ToString::to_string).collect::<Vec<_>>()
    };
    let in_flight = ("max.in.flight.requests.per.connection", "6");
    let all_three = [("enable.idempotence", "false"), ("acks", "0"), ("retries", "0"), in_flight];
    let needs = "enable.idempotence=true acks=all retries=2147483647 max.in.flight.requests.per.connection=5";
    assert_eq!(tried("stored-once", &all_three), [needs]);
    let short = [("delivery.timeout.ms", "30000"), ("request.timeout.ms", "20000"), ("linger.ms", "10000")];
    let needs =
        ["request.timeout.ms=30000 delivery.timeout.ms=40000", "request.timeout.ms=60000 delivery.timeout.ms=70000"];
    assert_eq!(tried("stored-once", &short), needs);
    let tight = [("delivery.timeout.ms", "20050"), ("request.timeout.ms", "20000"), ("linger.ms", "50")];
    assert_eq!(tried("no-send-blocked", &tight)[0], "linger.ms=100 delivery.timeout.ms=20100");
    assert_eq!(tried("stored-once", &[]), Vec::<String>::new());
}

#[test]
fn all_worlds_are_counted_when_that_is_asked_for() {
    let mut asked = question("stored-once", "cut=1", NOT_IDEMPOTENT);
    (asked.worlds, asked.counts_all) = (60, true);
    let report = searched(asked);
    let trials = report.tried.trials;
    // As it is, in any case.
    let given = searched(Question { worlds: 60, ..question("stored-once", "cut=1", NOT_IDEMPOTENT) }).tried;
    assert_eq!(given, report.tried);
    assert!(trials.worlds == 60 && trials.broken > 1 && trials.survived() > 0, "{trials:?}");
    let one = change(&report, "max.in.flight.requests.per.connection", "1");
    assert!(one.trials.worlds == 60 && one.trials.broken > 1, "{one:?}");
}

/// A world by hand, with much that is not needed: what is left is one record and the answer that is lost.
#[test]
fn what_is_not_needed_is_left_out_and_nothing_else() {
    let asked = question("stored-once", "cut=3,restart=2,pause=2,delay=2", NOT_IDEMPOTENT);
    let full = (0..300).map(|number| world(&asked, number).expect("taken")).find(|scenario| {
        let parts = scenario.rules.len() + scenario.actions.len();
        parts > 4
            && scenario.producers[0].callers[0].loads[0].count > 8
            && matches!(plays(scenario), Verdict::Broken(_))
    });
    let full = full.expect("one of them is crowded and broken");
    let mut shrinking = Shrinking::new(&full, &[PARTS, PLAIN], 2_000);
    while let Some(candidate) = shrinking.candidate() {
        let is_broken = matches!(plays(candidate), Verdict::Broken(_));
        shrinking.tell(is_broken);
    }
    let least = shrinking.best();
    assert!(matches!(plays(least), Verdict::Broken(_)));
    assert_eq!(least.rules.len() + least.actions.len(), 1, "{:?} {:?}", least.rules, least.actions);
    assert_eq!(least.producers[0].callers[0].loads[0].count, 1);
    let mut without = least.clone();
    (without.rules, without.actions) = (Vec::new(), Vec::new());
    assert_eq!(plays(&without), Verdict::Held);
}

/// Whatever part of a counterexample is taken away, the claim holds.
#[test]
fn a_counterexample_has_no_part_in_vain() {
    let asked = with_copies(question("order-per-key", "cut=2,error=2,restart=1", NOT_IDEMPOTENT), 1);
    let Counterexample { scenario, .. } = found(asked).expect("broken");
    let mut smaller = Vec::new();
    for place in 0..scenario.actions.len() {
        let mut without = scenario.clone();
        without.actions.remove(place);
        smaller.push(without);
    }
    for place in 0..scenario.rules.len() {
        let mut without = scenario.clone();
        without.rules.remove(place);
        smaller.push(without);
    }
    let mut without = scenario.clone();
    without.producers[0].callers[0].loads[0].count -= 1;
    smaller.push(without);
    assert!(smaller.len() > 1);
    for scenario in smaller {
        assert!(!matches!(plays(&scenario), Verdict::Broken(_)), "{scenario:?}");
    }
}

#[test]
fn a_counterexample_is_a_link_that_shows_the_same_again() {
    for (claim, faults) in [("stored-once", "cut=1,restart=1,pause=1"), ("order-per-key", "cut=2,error=1")] {
        let found = found(question(claim, faults, NOT_IDEMPOTENT)).expect("broken");
        assert!(bounds(&mut found.scenario.clone()).expect("within bounds").is_empty());
        let link = found.link().to_string();
        assert!(link.len() < 2_000, "{} bytes", link.len());
        let (read, notices) = Link::parse(&link).expect("a link");
        assert!(notices.is_empty(), "{notices:?}");
        assert_eq!(read.at_us, Some(found.watch_from_us));
        let Shows::Scenario(scenario) = read.shows else { panic!("it shows a scenario") };
        assert_eq!(*scenario, found.scenario);
        assert_eq!(plays(&scenario), Verdict::Broken(found.witness.clone()));
    }
}

#[test]
fn the_accident_is_the_moment_from_which_the_claim_is_broken() {
    let found = found(question("stored-once", "cut=1", NOT_IDEMPOTENT)).expect("broken");
    let at = |us: u64| {
        let mut stage = Stage::new(&found.scenario, 0, None).expect("it can be staged");
        let until = staging::BEGIN + core::time::Duration::from_micros(us);
        while stage.run_slice(until, 1_000) {}
        Claim::StoredOnce {}.check(&stage.history(&[], None))
    };
    assert!(!matches!(at(found.accident_us - 1), Verdict::Broken(_)));
    assert!(matches!(at(found.accident_us), Verdict::Broken(_)));
    // A second of watching at this speed.
    assert_eq!(found.accident_us - found.watch_from_us, 1_000_000 / u64::from(found.scenario.slower));
}

#[test]
fn the_same_question_has_the_same_answer_however_it_is_cut_into_steps() {
    let asked = || Question { worlds: 40, ..question("stored-once", "cut=1,restart=1,pause=1", NOT_IDEMPOTENT) };
    let whole = searched(asked());
    let mut search = Search::new(asked(), None).expect("taken");
    while search.advance(1).task != Task::Done {}
    assert_eq!(whole, search.into_report());
    let other = searched(Question { seed: 2, ..asked() });
    assert_ne!(whole, other, "another seed, other worlds");
}

#[test]
fn worlds_are_within_bounds_and_have_every_fault_that_they_may_have() {
    let all: Vec<_> = FaultKind::ALL.map(|(kind, _)| (kind, 1)).into();
    let asked = Question { faults: FaultBudget(all), ..Question::default() };
    let mut seen = BTreeSet::new();
    for number in 0..200 {
        let mut scenario = world(&asked, number).expect("taken");
        assert!(bounds(&mut scenario).unwrap_or_else(|refusal| panic!("{number}: {refusal:?}")).is_empty());
        let faults: Vec<_> = report::faults_of(&scenario).collect();
        let once: BTreeSet<_> = faults.iter().copied().collect();
        assert_eq!(once.len(), faults.len(), "world {number} is beyond its budget");
        seen.extend(once);
    }
    assert_eq!(seen.len(), FaultKind::ALL.len(), "{seen:?}");
}

/// Shrinking leaves out loads, too.
#[test]
fn a_world_lasts_until_all_loads_of_its_program_are_sent_one_after_the_other() {
    let asked = Question::default();
    let (config, _) = asked.clone().settle().expect("taken");
    let lasts = |loads: usize| {
        let mut scenario = world(&asked, 0).expect("taken");
        let caller = &mut scenario.producers[0].callers[0];
        caller.habit = crate::bridge::Habit::Callback;
        // The last one is due after a second.
        let load = Load { count: 11, arrival: Arrival::Steady { per_second: 10 }, ..Load::default() };
        caller.loads = vec![load; loads];
        draw::duration_us(&config, &scenario)
    };
    assert_eq!([1, 2].map(|loads| lasts(loads) - lasts(0)), [1_000_000, 2_000_000]);
}

#[test]
fn a_claim_about_what_goes_over_the_wire_is_judged_by_what_is_overheard() {
    let claim = Claim::Count { of: Counted::Retries, is: Comparison::AtMost, number: 0 };
    let asked = Question { claim, ..question("stored-once", "cut=1", NOT_IDEMPOTENT) };
    let found = found(asked).expect("a batch is sent again");
    assert_eq!((&found.witness, found.records), (&Witness::Counted(1), 1));
    assert_eq!(plays(&found.scenario), Verdict::Broken(Witness::Counted(1)));
    let claim = Claim::Count { of: Counted::Requests, is: Comparison::AtLeast, number: 1 };
    let held = searched(Question { claim, worlds: 20, ..question("stored-once", "cut=0", NOT_IDEMPOTENT) });
    assert_eq!(held.tried.trials, Trials { worlds: 20, ..Trials::default() });
}

#[test]
fn a_title_does_not_hide_a_duplicate_behind_a_loss() {
    let mut found = found(question("stored-once", "cut=1", NOT_IDEMPOTENT)).expect("broken");
    let mut title = |sent, stored, duplicated| {
        (found.score.sent, found.score.stored, found.score.duplicated) = (sent, stored, duplicated);
        happened(&found).en.to_string()
    };
    assert_eq!(title(3, 4, 1), "3 records sent, 4 stored");
    assert_eq!(title(3, 3, 1), "3 records sent, 3 stored, 1 of them a duplicate");
    assert_eq!(title(4, 3, 2), "4 records sent, 3 stored, 2 of them duplicates");
}

#[test]
fn surroundings_are_kept_to_and_never_beyond_what_there_is() {
    let surroundings = Surroundings {
        brokers: Some(2),
        partitions: Some(4),
        replication_factor: Some(3),
        min_insync_replicas: Some(5),
    };
    let asked = Question { surroundings, ..Question::default() };
    for number in 0..20 {
        let scenario = world(&asked, number).expect("taken");
        let topic = &scenario.topics[0];
        assert_eq!((scenario.cluster.brokers, topic.partitions, topic.replication_factor), (2, 4, 2));
        assert_eq!(topic.settings.get("min.insync.replicas"), Some("2"));
    }
}

#[test]
fn secrets_and_addresses_are_in_no_world() {
    let mut asked = question("stored-once", "cut=1", NOT_IDEMPOTENT);
    for (key, value) in [
        ("bootstrap.servers", "kafka.example.com:9092"),
        ("security.protocol", "SASL_SSL"),
        ("sasl.jaas.config", "swordfish"),
        ("transactional.id", "till-1"),
        ("acme.password", "swordfish"),
    ] {
        asked.properties.set(key, value);
    }
    asked.properties.0.retain(|(key, _)| &**key != "enable.idempotence");
    asked.properties.set("acks", "all");
    let search = Search::new(asked.clone(), None).expect("taken");
    let left_out: Vec<&str> = search.report().left_out.iter().map(|key| &**key).collect();
    assert_eq!(
        left_out,
        ["bootstrap.servers", "security.protocol", "sasl.jaas.config", "transactional.id", "acme.password"]
    );
    let scenario = world(&asked, 0).expect("taken");
    let kept: Vec<_> = scenario.producers[0].properties.iter().collect();
    assert_eq!(kept, [("acks", "all")]);
}

#[test]
fn words_that_mean_nothing_are_named_with_the_nearest_that_does() {
    let told = |error: WordError| error.to_string();
    let claim = |text: &str| claim_named(text).map_err(told);
    assert_eq!(claim("stored-onc"), Err("there is no claim \"stored-onc\"; did you mean stored-once?".into()));
    assert_eq!(claim("no-send-blocked=250"), Ok(Claim::NoSendBlocked { longer_than_us: 250_000 }));
    assert_eq!(claim("no-send-blocked"), Ok(Claim::NoSendBlocked { longer_than_us: 1_000_000 }));
    assert!(claim("no-send-blocked=soon").is_err() && claim("stored-once=2").is_err());
    for (name, known) in CLAIMS {
        assert_eq!(claim(name), Ok(known.clone()));
        assert_eq!(name_of(&known), Some(name));
    }
    let faults = |text: &str| FaultBudget::parse(text).map(|budget| budget.to_string()).map_err(told);
    assert_eq!(faults("cut=1,restart=1,pause=1"), Ok(FaultBudget::default().to_string()));
    assert_eq!(faults("kill, cut=0"), Ok("kill=1,cut=0".into()));
    assert_eq!(faults("restrat=1"), Err("there is no fault \"restrat\"; did you mean restart?".into()));
    assert_eq!(faults("cut=many"), Err("cut=many: \"many\" is no number from 0 to 9".into()));
    assert_eq!(faults("cut,cut"), Err("cut is named twice".into()));
    for (kind, name) in FaultKind::ALL {
        assert_eq!(kind.name(), name);
    }
}

#[test]
fn a_configuration_that_the_client_refuses_has_nothing_to_break() {
    let refused: Pairs = &[("acks", "1"), ("enable.idempotence", "true")];
    assert!(Search::new(question("stored-once", "cut=1", refused), None).is_err());
    assert!(world(&question("stored-once", "cut=1", refused), 0).is_err());
}

#[test]
fn the_story_of_a_counterexample_tells_what_was_done_to_it_and_then_what_came_of_that() {
    let asked = question("nothing-lost", "kill=1,pause=1", &[("acks", "1")]);
    let asked = with_copies(Question { worlds: 3_000, ..asked }, 1);
    let found = found(asked.clone()).expect("broken");
    let story = story(&found.scenario, &asked.claim, None);
    let times: Vec<_> = story.iter().map(|(at, _)| *at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let deeds: Vec<_> = story.iter().filter(|happening| matches!(happening, (_, Happening::Deed(..)))).collect();
    assert_eq!(deeds.len(), found.scenario.actions.len(), "each action is done once: {deeds:?}");
    let killed = story.iter().position(|happening| matches!(happening, (_, Happening::Deed(Act::KillBroker { .. }))));
    let is_dead = |happening: &(Instant, Happening)| {
        let (_, Happening::Fact(event)) = happening else { return false };
        matches!(event.what, Fact::BrokerChanged { state: BrokerState::Killed, .. })
    };
    let dead = story.iter().position(is_dead);
    assert!(killed.is_some() && killed < dead, "{killed:?} {dead:?}");
    // The facts are those of an ordinary run.
    let ending = staging::run(&found.scenario, 0, &[], None).expect("it can be staged");
    let facts = story.into_iter().filter_map(|(_, happening)| match happening {
        Happening::Fact(event) => Some(event),
        Happening::Deed(..) => None,
    });
    assert_eq!(facts.collect::<Vec<_>>(), ending.trace);
}
