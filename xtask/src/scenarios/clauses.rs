//! What the doc comment of a test says that it mirrors: clauses of the form
//! "Mirrors `SenderTest.testSendInOrder`: what is asserted there and here", each at the beginning of a line.

/// One clause: a name of Kafka's, and the sentence after it.
#[derive(Debug, PartialEq)]
pub(super) struct Clause {
    pub(super) name: String,
    pub(super) sentence: String,
}

/// Fewer words than this state no assertion.
pub(super) const LEAST_WORDS: usize = 5;

/// The clauses of a doc comment. A sentence ends where the next clause or an empty line begins.
pub(super) fn clauses(doc: &[String]) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut is_open = false;
    for line in doc {
        if let Some((name, rest)) = line.strip_prefix("Mirrors `").and_then(|line| line.split_once('`')) {
            let sentence = rest.trim_start_matches(':').trim().to_owned();
            clauses.push(Clause { name: name.to_owned(), sentence });
            is_open = true;
        } else if line.is_empty() {
            is_open = false;
        } else if let Some(clause) = clauses.last_mut().filter(|_| is_open) {
            clause.sentence.push(' ');
            clause.sentence.push_str(line);
        }
    }
    clauses
}

#[test]
fn every_clause_has_its_name_and_the_whole_sentence() {
    let doc = ["What is here.", "", "Mirrors `A.testX`: one", "and more.", "Mirrors `B.testY`: two.", "", "Flow: …"];
    let clause = |name: &str, sentence: &str| Clause { name: name.to_owned(), sentence: sentence.to_owned() };
    let wanted = [clause("A.testX", "one and more."), clause("B.testY", "two.")];
    assert_eq!(clauses(&doc.map(str::to_owned)), wanted);
}
