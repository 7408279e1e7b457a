//! Stories of somebody at a page.

use super::messages::{
    Ask, DeedState, Fault, Form, Hand, Judged, MessageView, Opened, Standing, Target, Tell, View, Why,
};
use super::{MOST_FUTURES, Player, trace_hash};
use crate::bridge::Habit;
use crate::ids::{Direction, NodeId};
use crate::playback::Mark;
use crate::protocol::ApiKey;
use crate::scenario::link::{Link, Shows};
use crate::scenario::{Demo, Fate, Scenario, text};
use crate::{export, staging};

/// A player with a demo on its stage.
fn opened(fragment: &str) -> (Player, Box<Opened>) {
    let mut player = Player::default();
    let Tell::Needs(slug) = player.ask(Ask::Read(fragment.to_owned())) else { panic!("{fragment}") };
    let demo = slug.and_then(|slug| Demo::of(&slug)).map(|demo| demo.text.to_owned());
    match player.ask(Ask::Open { fragment: fragment.to_owned(), demo }) {
        Tell::Opened(opened) => (player, opened),
        told => panic!("{fragment}: {told:?}"),
    }
}

/// What programs do with their futures, as the picture says it: lane by lane, and nothing where they do not agree.
#[test]
fn it_is_told_what_each_lanes_programs_do_with_what_send_returns() {
    let habits = |fragment: &str| opened(fragment).1.habits;
    assert_eq!(habits("#demo/one-record"), [Some(Habit::Get)]);
    assert_eq!(habits("#demo/lost-ack"), [Some(Habit::Callback)]);
    assert_eq!(habits("#demo/get-or-callback"), [Some(Habit::Get), Some(Habit::Callback)]);
    let mut mixed = Demo::of("where-errors-surface").expect("a demo").scenario();
    let callers = &mut mixed.producers[0].callers;
    (callers[0].habit, callers[1].habit) = (Habit::Forget, Habit::Get);
    let fragment = Link { shows: Shows::Scenario(Box::new(mixed)), at_us: None }.to_string();
    assert_eq!(habits(&fragment), [None]);
}

fn run(player: &mut Player, to: Target) -> Standing {
    loop {
        let Tell::Frame(frame) = player.ask(Ask::Run { to, max_events: 7 }) else { panic!("no frame") };
        if frame.standing != Standing::Underway {
            return frame.standing;
        }
    }
}

fn look(player: &mut Player) -> Box<View> {
    match player.ask(Ask::Look { producer: 0, topic: "".into(), read_back: true }) {
        Tell::View(view) => view,
        told => panic!("{told:?}"),
    }
}

fn seek(player: &mut Player, to_us: u64) {
    player.ask(Ask::Rewind(to_us));
    run(player, Target::Time(to_us));
}

fn judged(player: &mut Player) -> Judged {
    loop {
        match player.ask(Ask::Judge { max_events: 1_000 }) {
            Tell::Judged(judged) if judged.thousandths == 1_000 => return judged,
            Tell::Judged(_) => {}
            told => panic!("{told:?}"),
        }
    }
}

fn link(player: &mut Player) -> String {
    match player.ask(Ask::Link { at: false }) {
        Tell::Link { fragment, .. } => fragment,
        told => panic!("{told:?}"),
    }
}

/// The scenario that a link shows to whoever opens it elsewhere.
fn shown_by(fragment: &str) -> Scenario {
    let (link, notices) = Link::parse(fragment).expect("a link");
    assert_eq!(notices, []);
    match link.shows {
        Shows::Scenario(scenario) => *scenario,
        Shows::Demo { slug, turned } => {
            let demo = Demo::of(&slug).expect("a demo");
            let mut scenario = demo.scenario();
            assert_eq!(scenario.turn_all(&turned), []);
            scenario
        }
        shows => panic!("{shows:?}"),
    }
}

/// What is on its way: the first of that direction.
fn produce(view: &View, direction: Direction) -> MessageView {
    let mut messages = view.lanes[0].messages.iter();
    *messages.find(|message| message.name.direction == direction && message.name.api == ApiKey::Produce).expect("one")
}

#[test]
fn a_demo_is_played_to_its_end_as_it_is_without_a_page() {
    for slug in ["lost-ack", "get-or-callback", "acks-ladder", "compress-the-batch"] {
        let (mut player, told) = opened(&format!("#demo/{slug}"));
        assert_eq!(run(&mut player, Target::Time(u64::MAX / 2)), Standing::Over);
        let view = look(&mut player);
        let judged = judged(&mut player);
        assert_eq!(judged.lanes.len(), told.lanes.len(), "{slug}");
        for (lane, ending) in judged.lanes.iter().enumerate() {
            let native = staging::run(&shown_by(&format!("#demo/{slug}")), lane, &[], None).expect("staged");
            assert_eq!(ending.trace_hash, trace_hash(&native.trace), "{slug}");
            let score = native.history.score(crate::judge::Isolation::ReadUncommitted);
            assert_eq!(ending.score, Some(score), "{slug}");
            assert_eq!(view.lanes[lane].score, score, "{slug}");
            assert_eq!(ending.verdicts.len(), native.verdicts.len(), "{slug}");
            assert!(ending.verdicts.iter().all(|verdict| verdict.held == Some(true)), "{slug}: {ending:?}");
        }
    }
}

#[test]
fn breaking_another_message_in_the_past_keeps_both_futures_and_a_link_of_each_shows_it_elsewhere() {
    let (mut player, _) = opened("#demo/lost-ack");
    run(&mut player, Target::Time(u64::MAX / 2));
    let before = judged(&mut player);
    assert_eq!(before.lanes[0].score.map(|score| score.duplicated), Some(1));

    seek(&mut player, 0);
    run(&mut player, Target::Next(Mark::Request));
    let request = produce(&look(&mut player), Direction::ToBroker);
    let act = Ask::Act { lane: 0, hand: Hand::Message(request.name, Fate::Break {}) };
    let Tell::Acted(acted) = player.ask(act) else { panic!("not acted") };
    assert!(acted.forked);
    run(&mut player, Target::Time(acted.at_us));
    let view = look(&mut player);
    assert_eq!((view.futures.len(), view.current), (2, 1));
    assert_eq!(view.deeds[0].state, DeedState::Done);
    assert!(
        view.lanes[0].messages.iter().any(|message| message.name == request.name),
        "it breaks where it would arrive"
    );

    let after = judged(&mut player);
    assert_ne!(after.lanes[0].trace_hash, before.lanes[0].trace_hash);
    let native = staging::run(&shown_by(&link(&mut player)), 0, &[], None).expect("staged");
    assert_eq!(trace_hash(&native.trace), after.lanes[0].trace_hash);

    let Tell::Acted(_) = player.ask(Ask::Switch(0)) else { panic!("no such future") };
    assert_eq!(link(&mut player), "#demo/lost-ack");
    assert_eq!(judged(&mut player), before);
}

#[test]
fn an_action_on_a_message_that_has_arrived_is_done_to_no_other() {
    let (mut player, _) = opened("#demo/lost-ack");
    run(&mut player, Target::Next(Mark::Request));
    let request = produce(&look(&mut player), Direction::ToBroker);
    let before = judged(&mut player);
    run(&mut player, Target::Next(Mark::Ack));
    player.ask(Ask::Act { lane: 0, hand: Hand::Message(request.name, Fate::Break {}) });
    run(&mut player, Target::Time(u64::MAX / 2));
    assert_eq!(look(&mut player).deeds[0].state, DeedState::NoSuchMessage);
    assert_eq!(judged(&mut player).lanes[0].trace_hash, before.lanes[0].trace_hash);
}

#[test]
fn an_answer_that_is_still_to_come_breaks_when_it_departs() {
    let (mut player, _) = opened("#demo/lost-ack-idempotent");
    run(&mut player, Target::Next(Mark::Request));
    let mut answer = produce(&look(&mut player), Direction::ToBroker).name;
    answer.direction = Direction::ToClient;
    player.ask(Ask::Act { lane: 0, hand: Hand::Message(answer, Fate::Break {}) });
    run(&mut player, Target::Time(u64::MAX / 2));
    let view = look(&mut player);
    assert_eq!(view.deeds[0].state, DeedState::Done);
    let score = judged(&mut player).lanes[0].score.expect("little to read");
    assert_eq!((score.duplicated, score.lost), (0, 0));
}

#[test]
fn a_killed_broker_loses_its_leaders_when_its_session_is_over() {
    let (mut player, _) = opened("#demo/one-record");
    let leads = |view: &View| view.lanes[0].brokers[0].leads;
    assert!(leads(&look(&mut player)) > 0);
    let node = crate::ids::NodeId(1);
    player.ask(Ask::Act { lane: 0, hand: Hand::KillBroker(node) });
    run(&mut player, Target::Time(1));
    let view = look(&mut player);
    assert_eq!(view.lanes[0].brokers[0].state, crate::trace::BrokerState::Killed);
    assert_eq!(view.lanes[0].topology.brokers.len(), 2);
}

#[test]
fn the_trace_is_written_as_it_is_without_a_page() {
    let (mut player, _) = opened("#demo/get-or-callback");
    let exported = loop {
        match player.ask(Ask::Export { form: Form::JsonLines, max_events: 500 }) {
            Tell::Exported(exported) if exported.thousandths == 1_000 => break exported,
            Tell::Exported(_) => {}
            told => panic!("{told:?}"),
        }
    };
    let scenario = shown_by("#demo/get-or-callback");
    let lanes = (0..scenario.lane_count()).map(|lane| staging::run(&scenario, lane, &[], None).expect("staged"));
    let events: Vec<_> = lanes.flat_map(|ending| ending.trace).collect();
    assert_eq!(exported.text, export::json_lines(&events, staging::BEGIN));
    assert_eq!(exported.left_out, 0);
}

#[test]
fn going_back_moment_by_moment_is_the_way_it_came() {
    let (mut player, _) = opened("#demo/get-or-callback");
    let mut moments = vec![0];
    for _ in 0..40 {
        run(&mut player, Target::NextMoment);
        moments.push(look(&mut player).now_us);
    }
    for pair in moments.windows(2).rev().take(38) {
        let Tell::Moment(Some(before)) = player.ask(Ask::MomentBefore) else { panic!("before {pair:?}") };
        assert_eq!(before, pair[0]);
        seek(&mut player, before);
    }
}

#[test]
fn a_dial_leads_to_a_link_and_says_where_it_stands() {
    let (player, told) = opened("#demo/lost-ack");
    assert_eq!(told.dial_at, Some(0));
    let turned = Ask::Turned { key: "enable.idempotence".to_owned(), value: "true".to_owned() };
    let mut player = player;
    let Tell::Link { fragment, .. } = player.ask(turned) else { panic!("not turned") };
    assert_eq!(fragment, "#demo/lost-ack?enable.idempotence=true");
    assert_eq!(opened(&fragment).1.dial_at, Some(1));
}

#[test]
fn a_scenario_without_an_end_is_stopped_by_its_budget() {
    let mut scenario = shown_by("#demo/rolling-restart");
    scenario.max_events = 2_000;
    let fragment = Link { shows: Shows::Scenario(Box::new(scenario)), at_us: None }.to_string();
    let (mut player, _) = opened(&fragment);
    assert!(matches!(run(&mut player, Target::Time(u64::MAX / 2)), Standing::Stopped { lane: 0, .. }));
    assert!(matches!(judged(&mut player).lanes[0].standing, Standing::Stopped { .. }));
}

#[test]
fn at_the_end_nothing_can_be_done_any_more() {
    let (mut player, opened) = opened("#demo/lost-ack");
    seek(&mut player, opened.end_us);
    let told = player.ask(Ask::Act { lane: 0, hand: Hand::KillBroker(NodeId(1)) });
    assert_eq!(told, Tell::Refused(Why::AtEnd));
}

#[test]
fn a_fork_beyond_the_last_future_that_is_kept_is_refused_with_their_number() {
    let (mut player, _) = opened("#demo/lost-ack");
    for _ in 1..MOST_FUTURES {
        assert!(matches!(player.ask(Ask::Fork), Tell::Acted(_)));
    }
    assert_eq!(player.ask(Ask::Fork), Tell::Refused(Why::TooManyFutures(8)));
    assert_eq!(look(&mut player).futures.len(), 8);
}

#[test]
fn a_file_that_is_refused_leaves_what_stood_on_the_stage_and_a_good_one_takes_its_place() {
    let (mut player, _) = opened("#demo/lost-ack");
    seek(&mut player, 5_000);
    let written = Demo::of("one-record").expect("a demo").text;
    let misspelt = written.replacen("\"topics\"", "\"topic\"", 1);
    let Tell::NotOpened(Fault::Refused(why)) = player.ask(Ask::OpenFile(misspelt)) else { panic!("it is opened") };
    assert!(why.starts_with("line ") && why.ends_with("did you mean topics?"), "{why}");
    assert_eq!(look(&mut player).now_us, 5_000);
    let Tell::Opened(told) = player.ask(Ask::OpenFile(written.to_owned())) else { panic!("it is refused") };
    let (scenario, _) = text::read(written).expect("a demo");
    assert_eq!((told.card.title, &*told.demo, told.at_us), (scenario.card.title.clone(), "", None));
    let (read, _) = Link::parse(&link(&mut player)).expect("a link");
    assert_eq!(read.shows, Shows::Scenario(Box::new(scenario)));
}
