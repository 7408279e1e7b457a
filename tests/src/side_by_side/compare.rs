//! What two clusters answered, side by side.

use std::collections::BTreeMap;
use std::fmt;

use super::fields::Field;

/// What a request was answered with, field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// API, version, and what the request is about.
    pub request: String,
    /// The answer's fields.
    pub fields: Vec<Field>,
}

impl Heard {
    fn field(&self, path: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == path).map(|(_, value)| value.as_str())
    }
}

/// A field in which two answers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The request.
    pub request: String,
    /// The field's path.
    pub field: String,
    /// What Apache Kafka says there; `None`: its answer has no such field.
    pub theirs: Option<String>,
    /// What the embedded brokers say there.
    pub ours: Option<String>,
}

impl Difference {
    /// The API of the request.
    pub fn api(&self) -> &str {
        self.request.split(' ').next().unwrap_or_default()
    }

    /// The version of the request.
    pub fn version(&self) -> Option<i16> {
        self.request.split([' ', ':']).nth(1)?.strip_prefix('v')?.parse().ok()
    }

    /// What the request is about.
    pub fn about(&self) -> &str {
        self.request.split_once(": ").map_or("", |(_, about)| about)
    }

    /// Is this what Apache Kafka and the embedded brokers say there? `None`: there is no such field.
    pub fn is(&self, theirs: Option<&str>, ours: Option<&str>) -> bool {
        (self.theirs.as_deref(), self.ours.as_deref()) == (theirs, ours)
    }

    /// Do the embedded brokers say nothing there, one of these ways?
    pub fn is_none_of_ours(&self, nothing: &[&str]) -> bool {
        self.ours.as_deref().is_none_or(|ours| nothing.contains(&ours))
    }
}

/// The two answers in which a difference was found.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    theirs: &'a Heard,
    ours: &'a Heard,
    /// All that Apache Kafka answered.
    kafka: &'a [Heard],
}

impl Answers<'_> {
    /// What Apache Kafka says in a field.
    pub fn theirs(&self, path: &str) -> Option<&str> {
        self.theirs.field(path)
    }

    /// What the embedded brokers say in a field.
    pub fn ours(&self, path: &str) -> Option<&str> {
        self.ours.field(path)
    }

    /// Is what the embedded brokers answer just this?
    pub fn ours_are(&self, fields: &[(&str, &str)]) -> bool {
        let ours = self.ours.fields.iter().map(|(path, value)| (path.as_str(), value.as_str()));
        ours.eq(fields.iter().copied())
    }

    /// Is it, but for a field, what Apache Kafka answers to another request?
    pub fn ours_are_kafkas_to(&self, request: &str, but_for: Option<&str>) -> bool {
        let told = self.kafka.iter().find(|heard| heard.request == request);
        let of = |heard: &Heard| {
            let rest = heard.fields.iter().filter(|(path, _)| Some(path.as_str()) != but_for);
            rest.cloned().collect::<Vec<_>>()
        };
        told.is_some_and(|told| of(told) == of(self.ours))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, field, theirs, ours } = self;
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(no such field)".to_owned());
        write!(f, "{request}: {field}: Apache Kafka {}, embedded {}", text(theirs), text(ours))
    }
}

/// A difference that is meant.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// Its name.
    pub name: &'static str,
    /// Why it is meant.
    pub reason: &'static str,
    /// Whether a difference between two answers is one of these.
    pub covers: fn(&Difference, Answers<'_>) -> bool,
}

/// What every comparison that creates topics meets.
pub const SETTINGS_OF_NEW_TOPICS: Exception = Exception {
    name: "settings of new topics",
    reason: "the embedded brokers do not list them, and clients need no more than that a topic is there",
    covers: |found, _| {
        found.api() == "CreateTopics" && found.field.contains(".configs.") && found.is_none_of_ours(&["[]"])
    },
};

/// What a comparison came to.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Requests whose answers were compared.
    pub requests: usize,
    /// Fields that were compared.
    pub fields: usize,
    /// Differences that are meant: how often each exception was met.
    pub excepted: BTreeMap<&'static str, usize>,
    /// Differences that are not.
    pub unexplained: Vec<Difference>,
}

impl Comparison {
    /// Holds what was heard from both side by side.
    ///
    /// # Panics
    /// When the two were not asked the same.
    pub fn of(theirs: &[Heard], ours: &[Heard], exceptions: &[Exception]) -> Self {
        let mut comparison = Self { requests: theirs.len(), ..Self::default() };
        assert_eq!(theirs.len(), ours.len(), "both were asked the same");
        let kafka = theirs;
        for (theirs, ours) in theirs.iter().zip(ours) {
            assert_eq!(theirs.request, ours.request, "both were asked the same");
            comparison.add(Answers { theirs, ours, kafka }, exceptions);
        }
        comparison
    }

    fn add(&mut self, answers: Answers<'_>, exceptions: &[Exception]) {
        let Answers { theirs, ours, .. } = answers;
        let mut both: BTreeMap<&str, [Option<&String>; 2]> = BTreeMap::new();
        for (side, heard) in [theirs, ours].into_iter().enumerate() {
            for (path, value) in &heard.fields {
                both.entry(path).or_default()[side] = Some(value);
            }
        }
        self.fields += both.len();
        for (path, [theirs_there, ours_there]) in both {
            if theirs_there == ours_there {
                continue;
            }
            let difference = Difference {
                request: theirs.request.clone(),
                field: path.to_owned(),
                theirs: theirs_there.cloned(),
                ours: ours_there.cloned(),
            };
            match exceptions.iter().find(|exception| (exception.covers)(&difference, answers)) {
                Some(exception) => *self.excepted.entry(exception.name).or_default() += 1,
                None => self.unexplained.push(difference),
            }
        }
    }

    /// In words: the figures, and each exception that was met with its reason.
    pub fn told(&self, exceptions: &[Exception]) -> String {
        let mut text = format!("{} requests, {} fields compared", self.requests, self.fields);
        for exception in exceptions {
            let count = self.excepted.get(exception.name).copied().unwrap_or_default();
            text.push_str(&format!("\n  {count} fields: {}: {}", exception.name, exception.reason));
        }
        text.push_str(&format!("\n  {} fields unexplained", self.unexplained.len()));
        text
    }

    /// Prints the figures, and what a failure needs to be understood.
    ///
    /// # Panics
    /// When there is a difference that nobody means, or an exception that excuses nothing.
    #[expect(clippy::print_stdout, reason = "who reads the outcome must know")]
    pub fn expect_none_unexplained(&self, exceptions: &[Exception]) {
        println!("{}", self.told(exceptions));
        for difference in &self.unexplained {
            println!("  {difference}");
        }
        assert_eq!(self.unexplained.len(), 0, "differences that nobody means");
        assert_eq!(self.idle(exceptions), [""; 0], "exceptions that excuse nothing");
    }

    /// Exceptions that were never met: they excuse nothing.
    pub fn idle(&self, exceptions: &[Exception]) -> Vec<&'static str> {
        exceptions.iter().map(|exception| exception.name).filter(|name| !self.excepted.contains_key(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(fields: &[(&str, &str)]) -> Vec<Heard> {
        let field = |&(path, value): &(&str, &str)| (path.to_owned(), value.to_owned());
        vec![Heard { request: "Produce v9: a gap".to_owned(), fields: fields.iter().map(field).collect() }]
    }

    #[test]
    fn what_differs_or_is_missing_is_found_unless_it_is_meant() {
        let exceptions = [
            Exception { name: "names", reason: "everybody has another", covers: |found, _| found.field == "name" },
            Exception { name: "nothing", reason: "there is none", covers: |_, _| false },
        ];
        let theirs = heard(&[("error", "45"), ("name", "a"), ("more", "1")]);
        let ours = heard(&[("error", "0"), ("name", "b"), ("less", "2")]);
        let comparison = Comparison::of(&theirs, &ours, &exceptions);
        assert_eq!((comparison.requests, comparison.fields), (1, 4));
        let unexplained: Vec<_> = comparison.unexplained.iter().map(|difference| &*difference.field).collect();
        assert_eq!(unexplained, ["error", "less", "more"]);
        assert_eq!(comparison.unexplained[0].version(), Some(9));
        assert_eq!(comparison.excepted, BTreeMap::from([("names", 1)]));
        assert_eq!(comparison.idle(&exceptions), ["nothing"]);
        assert_eq!(Comparison::of(&theirs, &theirs, &exceptions).unexplained, []);
    }

    #[test]
    fn an_exception_may_demand_what_apache_kafka_answers_to_another_request() {
        let exceptions = [Exception {
            name: "unknown",
            reason: "to the embedded brokers there is no such topic",
            covers: |_, answers| answers.ours_are_kafkas_to("Metadata v1: not there", Some("name")),
        }];
        let heard = |about: &str, error: &str, name: &str| Heard {
            request: format!("Metadata v1: {about}"),
            fields: vec![("error".to_owned(), error.to_owned()), ("name".to_owned(), name.to_owned())],
        };
        let theirs = [heard("not there", "3", "a"), heard("its own", "0", "b")];
        for (error, unexplained) in [("3", 0), ("5", 1)] {
            let ours = [heard("not there", "3", "a"), heard("its own", error, "b")];
            assert_eq!(Comparison::of(&theirs, &ours, &exceptions).unexplained.len(), unexplained);
        }
    }
}
