//! What is made of the same values at the same moments: `Avg`, `Max`, `Rate`, `CumulativeSum` and `CumulativeCount`.

use anyhow::Result;
use producer_core::metrics::{Samples, Stat, Values, Windows};

use super::Tally;
use crate::draws::Draws;
use crate::oracle::java::{Answers, converse};

/// In the order in which Java tells them.
const STATS: [Stat; 7] = [Stat::Avg, Stat::Max, Stat::Rate, Stat::CountRate, Stat::Fraction, Stat::Total, Stat::Count];

#[derive(Debug)]
enum Step {
    Record(Vec<f64>),
    Measure,
}

#[derive(Debug)]
struct Story {
    windows: Windows,
    /// Are values of one moment recorded at once, as a driver tells of its traffic?
    at_once: bool,
    steps: Vec<(i64, Step)>,
}

/// Stories drawn from this seed.
pub(super) fn run(cases: u64, seed: u64) -> Result<Tally> {
    let mut draws = Draws::from_seed(seed);
    let questions = (0..cases).map(move |_| {
        let story = draw(&mut draws);
        (question(&story), story)
    });
    let mut tally = Tally::default();
    converse("MetricWindows.java", questions, |answers, story| compare(answers, &story, &mut tally))?;
    Ok(tally)
}

fn question(story: &Story) -> Vec<u8> {
    let mut question = Vec::new();
    question.extend_from_slice(&story.windows.samples.to_be_bytes());
    question.extend_from_slice(&story.windows.window_ms.to_be_bytes());
    question.extend_from_slice(&u32::try_from(story.steps.len()).unwrap_or(0).to_be_bytes());
    for (at, step) in &story.steps {
        question.extend_from_slice(&at.to_be_bytes());
        let values: &[f64] = match step {
            Step::Record(values) => {
                question.extend_from_slice(&u32::try_from(values.len()).unwrap_or(0).to_be_bytes());
                values
            }
            Step::Measure => {
                question.extend_from_slice(&(-1_i32).to_be_bytes());
                &[]
            }
        };
        values.iter().for_each(|value| question.extend_from_slice(&value.to_be_bytes()));
    }
    question
}

fn compare(answers: &mut Answers, story: &Story, tally: &mut Tally) -> Result<()> {
    let mut ours = Ours::default();
    let mut is_same = true;
    for (at, step) in &story.steps {
        match step {
            Step::Record(values) => ours.record(story, *at, values),
            Step::Measure => {
                for stat in STATS {
                    let (java, ours) = (answers.double()?, ours.measure(story.windows, *at, stat));
                    tally.measured += 1;
                    // To the last bit; of what is no number there is only one kind.
                    if java.to_bits() != ours.to_bits() && !(java.is_nan() && ours.is_nan()) && is_same {
                        is_same = false;
                        tally.differences.push(format!("{stat:?} at {at}: Java {java}, ours {ours}, in {story:?}"));
                    }
                }
            }
        }
    }
    tally.cases += 1;
    Ok(())
}

/// As a sensor keeps them: what is no rate shares its samples.
#[derive(Default)]
struct Ours {
    level: Samples,
    rates: [Samples; 3],
    total: f64,
    count: u64,
}

impl Ours {
    fn record(&mut self, &Story { windows, at_once, .. }: &Story, at: i64, values: &[f64]) {
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let all = Values { count: values.len() as u64, sum: values.iter().sum(), max };
        let each = values.iter().map(|&value| Values::from(value));
        let told: Vec<Values> = if at_once { vec![all] } else { each.collect() };
        for values in told {
            for samples in self.rates.iter_mut().chain([&mut self.level]) {
                samples.record(windows, at, values);
            }
            self.total += values.sum;
            self.count += values.count;
        }
    }

    fn measure(&mut self, windows: Windows, at: i64, stat: Stat) -> f64 {
        let samples = match stat {
            Stat::Avg | Stat::Max => &mut self.level,
            Stat::Rate => &mut self.rates[0],
            Stat::CountRate => &mut self.rates[1],
            Stat::Fraction => &mut self.rates[2],
            Stat::Total => return self.total,
            Stat::Count => return self.count as f64,
        };
        samples.measure(windows, at, stat)
    }
}

fn draw(draws: &mut Draws) -> Story {
    let samples = draws.pick(&[1, 2, 2, 2, 3, 10, i32::MAX]);
    let window_ms = draws.pick(&[0, 1, 7, 1_000, 30_000, 30_000, 30_000, i64::MAX]);
    // Only whole numbers have the same sum in any order, and with windows of no length each would begin a sample.
    let at_once = window_ms > 0 && draws.below(2) == 0;
    let mut at = draws.pick(&[0, 1_700_000_000_000]);
    let mut steps = Vec::new();
    for _ in 0..draws.below(60) {
        let longest = draws.pick(&[1, 2, 10, 1_000, 20_000, 70_000]);
        at += i64::try_from(draws.below(longest)).unwrap_or(0);
        let step = if draws.below(3) == 0 {
            Step::Measure
        } else {
            let (count, kind) = (draws.pick(&[1, 1, 1, 1, 2, 5]), draws.below(if at_once { 3 } else { 4 }));
            Step::Record((0..count).map(|_| value(kind, draws)).collect())
        };
        steps.push((at, step));
    }
    steps.push((at, Step::Measure));
    Story { windows: Windows { samples, window_ms }, at_once, steps }
}

fn value(kind: u64, draws: &mut Draws) -> f64 {
    let number = draws.below(1 << 30) as f64;
    match kind {
        0 => number,
        1 => -number,
        2 => (number / 1_000.0).floor(),
        _ => number / 7.0,
    }
}
