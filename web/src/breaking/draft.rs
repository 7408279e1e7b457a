//! What is asked, as it is typed. Nothing of it is lost when the page is loaded again.

use producer_core::breaking::messages::Wanted;
use producer_core::config::tell_lines_without_key;
use producer_core::scenario;

use super::texts::Texts;
use crate::settings::{Properties, TextError, Verdict, from_text, judge, to_text};
use crate::storage::{self, Memory};

/// Names of claims as `playground break` takes them; the fourth has a number of milliseconds.
pub(super) const CLAIMS: [&str; 5] =
    ["nothing-lost", "stored-once", "order-per-key", "no-send-blocked", "failed-means-not-stored"];
/// The place of the claim that has a number.
pub(super) const BLOCKED: usize = 3;
/// Names of kinds of fault, most wanted first.
pub(super) const FAULTS: [&str; 11] =
    ["cut", "restart", "pause", "kill", "move-leader", "freeze", "delay", "silence", "error", "split", "shrink-isr"];
/// Kinds of fault that are shown without being asked for.
pub(super) const FIRST_FAULTS: usize = 3;
/// Most faults of one kind.
pub(super) const MOST_FAULTS: u8 = 9;
/// Most worlds.
pub(super) const MOST_WORLDS: u32 = 100_000_000;
/// The longest that `send()` may be said to be blocked: as long as a scenario lasts.
pub(super) const MOST_BLOCKED_MS: u32 = 86_400_000;

/// What is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    /// The configuration; `None`: that of the page's producer.
    pub(super) text: Option<String>,
    /// The claim's place.
    pub(super) claim: usize,
    /// Milliseconds.
    pub(super) blocked: String,
    /// How often each kind of fault may come.
    pub(super) faults: [u8; FAULTS.len()],
    pub(super) worlds: String,
    pub(super) counts_all: bool,
}

impl Default for Draft {
    fn default() -> Self {
        let mut faults = [0; FAULTS.len()];
        faults[..FIRST_FAULTS].fill(1);
        Self { text: None, claim: 1, blocked: "1000".into(), faults, worlds: "20000".into(), counts_all: false }
    }
}

impl Draft {
    /// What was typed in this tab before. It is not kept for longer: a pasted configuration may hold a password.
    pub(super) fn remembered() -> Self {
        Memory::Tab.get(storage::BREAKING).and_then(|kept| Self::read(&kept)).unwrap_or_default()
    }

    pub(super) fn remember(&self) {
        Memory::Tab.set(storage::BREAKING, Some(&self.written()));
    }

    /// Lines, the last of them the configuration's.
    fn written(&self) -> String {
        let faults: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
        let (faults, counts_all) = (faults.join(","), u8::from(self.counts_all));
        let head = format!("{}\n{}\n{faults}\n{}\n{counts_all}", self.claim, self.blocked, self.worlds);
        match &self.text {
            Some(text) => format!("{head}\n{text}"),
            None => head,
        }
    }

    fn read(kept: &str) -> Option<Self> {
        let mut lines = kept.splitn(6, '\n');
        let claim = lines.next()?.parse().ok().filter(|claim| *claim < CLAIMS.len())?;
        let blocked = lines.next()?.to_owned();
        let mut faults = [0; FAULTS.len()];
        for (fault, kept) in faults.iter_mut().zip(lines.next()?.split(',')) {
            *fault = kept.parse::<u8>().ok()?.min(MOST_FAULTS);
        }
        let worlds = lines.next()?.to_owned();
        let counts_all = lines.next()? == "1";
        Some(Self { text: lines.next().map(str::to_owned), claim, blocked, faults, worlds, counts_all })
    }

    /// The configuration's lines, where the page's producer has these settings.
    pub(super) fn shown_text(&self, in_force: &Properties) -> String {
        self.text.clone().unwrap_or_else(|| to_text(in_force))
    }

    /// The number of worlds, if it is one.
    pub(super) fn worlds(&self) -> Option<u32> {
        self.worlds.trim().parse().ok().filter(|worlds| (1..=MOST_WORLDS).contains(worlds))
    }

    /// Is the number beside the chosen claim one?
    pub(super) fn is_blocked_good(&self) -> bool {
        self.claim != BLOCKED || self.blocked_ms().is_some()
    }

    fn blocked_ms(&self) -> Option<u32> {
        self.blocked.trim().parse().ok().filter(|ms| *ms <= MOST_BLOCKED_MS)
    }

    /// The claim as the command takes it.
    fn claim_word(&self) -> String {
        let name = CLAIMS[self.claim];
        match self.blocked_ms().filter(|ms| self.claim == BLOCKED && *ms != 1_000) {
            Some(ms) => format!("{name}={ms}"),
            None => name.to_owned(),
        }
    }

    /// The budget of faults as the command takes it.
    fn faults_word(&self) -> String {
        let all = FAULTS.iter().zip(self.faults).filter(|(_, most)| *most > 0);
        all.map(|(name, most)| format!("{name}={most}")).collect::<Vec<_>>().join(",")
    }

    /// The command that searches the same.
    pub(super) fn command(&self) -> String {
        let mut command = format!("playground break producer.properties --claim {}", self.claim_word());
        if self.faults != Self::default().faults {
            command.push_str(&format!(
                " --faults {}",
                match &*self.faults_word() {
                    "" => "cut=0",
                    faults => faults,
                }
            ));
        }
        if let Some(worlds) = self.worlds().filter(|worlds| *worlds != 20_000) {
            command.push_str(&format!(" --worlds {worlds}"));
        }
        if self.counts_all {
            command.push_str(" --count-all");
        }
        command
    }

    /// The question, if all of it is good.
    pub(super) fn wanted(&self, checked: &Checked) -> Option<Wanted> {
        let Checked { verdict, bad_text: None, properties } = checked else { return None };
        if verdict.error.is_some() || !self.is_blocked_good() {
            return None;
        }
        let mut given = scenario::Properties::default();
        properties.iter().for_each(|(key, value)| given.set(key, value));
        Some(Wanted {
            properties: given,
            claim: self.claim_word(),
            faults: self.faults_word(),
            worlds: self.worlds()?,
            counts_all: self.counts_all,
        })
    }
}

/// What is said of the configuration before anything is searched.
pub(super) struct Checked {
    pub(super) verdict: Verdict,
    pub(super) bad_text: Option<TextError>,
    properties: Properties,
}

impl Checked {
    /// Reads the lines and asks the client.
    pub(super) fn of(text: &str) -> Self {
        let read = from_text(text);
        let bad_text = read.as_ref().err().copied();
        let properties = read.unwrap_or_default();
        let mut verdict = judge(&properties, true);
        if bad_text.is_none() {
            tell_lines_without_key(&mut verdict.notices, text);
        }
        Self { verdict, bad_text, properties }
    }
}

/// What a kind of fault means, by its place.
pub(super) const fn fault_text(place: usize, t: &Texts) -> &'static str {
    match place {
        0 => t.fault_cut,
        1 => t.fault_restart,
        2 => t.fault_pause,
        3 => t.fault_kill,
        4 => t.fault_move_leader,
        5 => t.fault_freeze,
        6 => t.fault_delay,
        7 => t.fault_silence,
        8 => t.fault_error,
        9 => t.fault_split,
        _ => t.fault_shrink,
    }
}

/// A claim in words, by its place.
pub(super) const fn claim_text(place: usize, t: &Texts) -> &'static str {
    match place {
        0 => t.claim_lost,
        1 => t.claim_once,
        2 => t.claim_order,
        BLOCKED => t.claim_blocked,
        _ => t.claim_failed,
    }
}

#[cfg(test)]
mod tests {
    use producer_core::breaking;

    use super::*;

    #[test]
    fn claims_and_faults_are_those_of_the_search() {
        assert_eq!(CLAIMS, breaking::CLAIMS.map(|(name, _)| name));
        assert_eq!(FAULTS, breaking::FaultKind::ALL.map(|(_, name)| name));
        let budget = breaking::FaultBudget::parse(&Draft::default().faults_word()).expect("faults");
        assert_eq!(budget, breaking::FaultBudget::default());
        let asked = breaking::Question::default();
        assert_eq!(Draft::default().worlds(), Some(asked.worlds));
        assert!(breaking::claim_named(&Draft::default().claim_word()).is_ok_and(|claim| claim == asked.claim));
    }

    #[test]
    fn what_was_typed_is_read_back_the_same() {
        let typed = Draft {
            text: Some("acks=1\n\n  linger.ms=5\n".into()),
            claim: BLOCKED,
            blocked: "2x".into(),
            worlds: "many".into(),
            counts_all: true,
            ..Draft::default()
        };
        for draft in [typed, Draft::default(), Draft { text: Some(String::new()), ..Draft::default() }] {
            assert_eq!(Draft::read(&draft.written()), Some(draft));
        }
        assert_eq!(Draft::read("9\n1000\n1\n1\n0"), None);
    }

    #[test]
    fn the_command_says_what_is_not_its_default() {
        let begins = "playground break producer.properties --claim";
        assert_eq!(Draft::default().command(), format!("{begins} stored-once"));
        let mut draft = Draft { claim: BLOCKED, blocked: "250".into(), worlds: "50".into(), ..Draft::default() };
        draft.faults = [0; FAULTS.len()];
        assert_eq!(draft.command(), format!("{begins} no-send-blocked=250 --faults cut=0 --worlds 50"));
        (draft.faults[3], draft.counts_all) = (2, true);
        assert_eq!(draft.command(), format!("{begins} no-send-blocked=250 --faults kill=2 --worlds 50 --count-all"));
    }

    #[test]
    fn nothing_is_asked_while_anything_is_wrong() {
        let good = Draft::default();
        assert!(good.wanted(&Checked::of("acks=1\nbootstrap.servers=b:9092\n")).is_some());
        assert!(good.wanted(&Checked::of("acks=2\n")).is_none());
        assert!(good.wanted(&Checked::of("spring:\n  kafka:\n    producer:\n      acks: 1\n")).is_none());
        assert!(Draft { worlds: "0".into(), ..good.clone() }.wanted(&Checked::of("")).is_none());
        let blocked = Draft { blocked: "long".into(), ..good };
        assert!(blocked.wanted(&Checked::of("")).is_some(), "the number belongs to another claim");
        assert!(Draft { claim: BLOCKED, ..blocked }.wanted(&Checked::of("")).is_none());
    }
}
