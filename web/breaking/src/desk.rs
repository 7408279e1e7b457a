//! Where the search is kept between two messages.

use producer_core::breaking::messages::{Ask, Found, Told, Wanted};
use producer_core::breaking::{FaultBudget, Question, Search, Task, claim_named};

use crate::telling;

/// A search, and what has been told of it.
#[derive(Default)]
pub(crate) struct Desk {
    search: Option<Search>,
    question: Question,
    /// Why there is no search.
    refused: Option<String>,
    /// What it was at when something was told last.
    told: Option<Task>,
    /// The counterexample in words, once there is one: it is played again for its story.
    found: Option<Found>,
}

impl Desk {
    /// Takes a question; says whether there is anything to do.
    pub(crate) fn take(&mut self, ask: Ask) -> bool {
        if let Ask::Start(wanted) = ask {
            *self = Self::default();
            match begin(wanted) {
                Ok((question, search)) => (self.question, self.search) = (question, Some(search)),
                Err(why) => self.refused = Some(why),
            }
        }
        self.is_under_way()
    }

    fn is_under_way(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.progress().task != Task::Done)
    }

    /// Plays one world; says whether there is more to do.
    pub(crate) fn step(&mut self) -> bool {
        if let Some(search) = &mut self.search {
            search.advance(1);
        }
        self.is_under_way()
    }

    /// How far it is; and what is known, whenever it has come to something else.
    pub(crate) fn tell(&mut self) -> Told {
        let Some(search) = &self.search else {
            return Told { refused: self.refused.clone(), ..Told::default() };
        };
        let progress = search.progress();
        let is_news = self.told.replace(progress.task) != Some(progress.task) && progress.task != Task::Looking;
        let findings = is_news.then(|| {
            let report = search.report();
            if self.found.is_none() {
                self.found = report.counterexample.as_ref().map(|found| telling::found(&self.question, found));
            }
            let findings = telling::findings(&self.question, report, progress.task, self.found.clone());
            Box::new(findings)
        });
        Told { progress: Some(progress), findings, refused: None }
    }
}

/// Begins to search, or says why it cannot be done: in words that a page's own check does not let happen.
fn begin(wanted: Wanted) -> Result<(Question, Search), String> {
    let Wanted { properties, claim, faults, worlds, counts_all } = wanted;
    let claim = claim_named(&claim).map_err(|error| error.to_string())?;
    let faults = FaultBudget::parse(&faults).map_err(|error| error.to_string())?;
    let question = Question { properties, claim, faults, worlds, counts_all, ..Question::default() };
    let search = Search::new(question.clone(), None).map_err(|error| error.to_string())?;
    Ok((question, search))
}
