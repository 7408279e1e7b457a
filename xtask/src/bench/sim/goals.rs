//! What was measured, and what it is held against.

use std::collections::BTreeMap;

use super::programs::{Played, Run, World};
use crate::bench::spread::Spread;

/// What the rounds came to.
#[derive(Debug, Default)]
pub(super) struct Figures {
    runs: BTreeMap<World, Vec<Run>>,
    /// Events per second in the page, with checksums or without.
    in_page: BTreeMap<bool, Vec<f64>>,
    /// Natively, and in the page.
    played: BTreeMap<bool, Vec<Played>>,
    /// Seconds for 20 000 small worlds, natively and in the page.
    pub(super) searched: Option<[f64; 2]>,
}

impl Figures {
    pub(super) fn add(&mut self, world: World, run: Run) {
        self.runs.entry(world).or_default().push(run);
    }

    pub(super) fn add_in_page(&mut self, has_crc: bool, events_per_second: f64) {
        self.in_page.entry(has_crc).or_default().push(events_per_second);
    }

    pub(super) fn add_played(&mut self, in_page: bool, played: Played) {
        self.played.entry(in_page).or_default().push(played);
    }

    fn runs(&self, world: World) -> impl Iterator<Item = &Run> {
        self.runs.get(&world).into_iter().flatten()
    }

    /// A world beside another, round by round.
    fn ratio(&self, of: World, to: World, figure: impl Fn(&Run) -> f64) -> Option<Spread> {
        Spread::of(self.runs(of).zip(self.runs(to)).map(|(of, to)| figure(of) / figure(to)))
    }

    /// The page beside the native program.
    fn page_ratio(&self, has_crc: bool) -> Option<Spread> {
        let native = if has_crc { World::Ours } else { World::OursWithoutCrc };
        let in_page = self.in_page.get(&has_crc).into_iter().flatten();
        Spread::of(in_page.zip(self.runs(native)).map(|(page, native)| page / native.events_per_second()))
    }

    fn played(&self, in_page: bool, figure: impl Fn(&Played) -> f64) -> Option<Spread> {
        Spread::of(self.played.get(&in_page).into_iter().flatten().map(figure))
    }

    /// Everybody's speed, which no goal is about.
    pub(super) fn print_speeds(&self) {
        println!(
            "{:18} {:>10} {:>12} {:>14} {:>13}",
            "", "M events/s", "M messages/s", "events/message", "x real time"
        );
        for world in World::ALL {
            let median =
                |figure: fn(&Run) -> f64| Spread::of(self.runs(world).map(figure)).map_or(0.0, |told| told.median);
            let (events, messages) = (median(Run::events_per_second), median(Run::messages_per_second));
            let (name, times_real) = (world.name(), median(Run::times_real));
            println!(
                "{name:18} {:>10.2} {:>12.2} {:>14.2} {times_real:>13.0}",
                events / 1e6,
                messages / 1e6,
                events / messages
            );
        }
        let shown = |ratio: Option<Spread>| ratio.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string());
        for (words, figure) in [
            ("messages/s", Run::messages_per_second as fn(&Run) -> f64),
            ("real time", Run::times_real as fn(&Run) -> f64),
        ] {
            let beside = |world| shown(self.ratio(World::Ours, world, figure));
            println!("ours by {words}: {} x madsim, {} x turmoil", beside(World::Madsim), beside(World::Turmoil));
        }
        println!(
            "ours again beside ours (A/A): {}",
            shown(self.ratio(World::OursAgain, World::Ours, Run::events_per_second))
        );
        println!("page beside native, with true bytes: {}", shown(self.page_ratio(true)));
        let native = |figure: fn(&Played) -> f64| shown(self.played(false, figure));
        let searched = self.searched.map_or(0.0, |[native, _]| native);
        println!(
            "natively: {} x real time at 100 records/s, seek {} ms, fork {} ms, 20 000 small worlds {searched:.1} s\n",
            native(|played| played.times_real),
            native(|played| played.seek * 1e3),
            native(|played| played.fork * 1e3),
        );
    }
}

/// Something to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Madsim,
    Turmoil,
    Page,
    RealTime,
    Seek,
    Fork,
    Search,
}

impl Goal {
    pub(super) const ALL: [Self; 7] =
        [Self::Madsim, Self::Turmoil, Self::Page, Self::RealTime, Self::Seek, Self::Fork, Self::Search];

    /// Its words, its bound, and whether less is better.
    const fn words(self) -> (&'static str, f64, bool) {
        match self {
            Self::Madsim => ("events/s beside madsim's", 5.0, false),
            Self::Turmoil => ("events/s beside turmoil's", 10.0, false),
            Self::Page => ("events/s in Chromium beside native, both without CRC", 0.7, false),
            Self::RealTime => ("x real time in the page at 100 records/s", 1_000.0, false),
            Self::Seek => ("ms for the longest of 50 seeks in 60 s of 100 000 events, in the page", 100.0, true),
            Self::Fork => ("ms for the longest of 5 forks of it, in the page", 10.0, true),
            Self::Search => ("s for 20 000 small worlds of Break my config, in the page", 60.0, true),
        }
    }

    fn figure(self, figures: &Figures) -> Option<Spread> {
        match self {
            Self::Madsim => figures.ratio(World::Ours, World::Madsim, Run::events_per_second),
            Self::Turmoil => figures.ratio(World::Ours, World::Turmoil, Run::events_per_second),
            Self::Page => figures.page_ratio(false),
            Self::RealTime => figures.played(true, |played| played.times_real),
            Self::Seek => figures.played(true, |played| played.seek * 1e3),
            Self::Fork => figures.played(true, |played| played.fork * 1e3),
            Self::Search => Spread::of(figures.searched.map(|[_, in_page]| in_page)),
        }
    }

    /// Goal, figure, and whether it is met.
    pub(super) fn line(self, figures: &Figures) -> String {
        let (words, bound, less) = self.words();
        let sign = if less { "≤" } else { "≥" };
        let figure = self.figure(figures);
        let is_met = figure.is_some_and(|figure| if less { figure.median <= bound } else { figure.median >= bound });
        let figure = figure.map_or_else(|| "not measured".to_owned(), |figure| figure.to_string());
        format!("{words}: {sign} {bound} -> {figure} -> {}", if is_met { "met" } else { "missed" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seconds: f64) -> Run {
        Run { seconds, virtual_seconds: 60.0, events: 600.0, messages: 100.0 }
    }

    #[test]
    fn a_goal_is_met_by_the_median_of_the_rounds_own_ratios() {
        let mut figures = Figures::default();
        for (ours, theirs) in [(1.0, 4.0), (2.0, 11.0), (4.0, 24.0)] {
            figures.add(World::Ours, run(ours));
            figures.add(World::Madsim, run(theirs));
            figures.add(World::Turmoil, run(theirs));
        }
        let line = Goal::Madsim.line(&figures);
        assert_eq!(line, "events/s beside madsim's: ≥ 5 -> 5.50 [4.00 to 6.00] -> met");
        assert!(Goal::Turmoil.line(&figures).ends_with("5.50 [4.00 to 6.00] -> missed"));
        assert!(Goal::Page.line(&figures).ends_with("not measured -> missed"));
    }

    #[test]
    fn of_waits_less_is_better() {
        let mut figures = Figures::default();
        figures.add_played(true, Played { times_real: 900.0, seek: 0.09, fork: 0.011 });
        assert!(Goal::RealTime.line(&figures).ends_with("missed"));
        assert!(Goal::Seek.line(&figures).ends_with("90.00 [90.00 to 90.00] -> met"));
        assert!(Goal::Fork.line(&figures).ends_with("missed"));
        figures.searched = Some([1.0, 60.0]);
        assert!(Goal::Search.line(&figures).ends_with("met"));
    }
}
