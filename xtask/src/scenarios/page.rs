//! `docs/kafka-scenarios.md` as the list has it.

use std::fmt::Write as _;

use super::table::{Class, Status, Table};

const HEAD: &str = "# Kafka's scenarios

Every test method of the classes in which Apache Kafka 4.3.1 states how a producer behaves, and which test here asserts the
same. *Covered*: the doc comment of each test named says what it mirrors, and a script checks that it exists. *Not
applicable*: there is nothing here that the method could judge; the reason is one of those below. *Open*: nobody asserts it
yet. The percentage is that of the covered among the applicable.

This file is generated from `tests/kafka_names/`: `cargo xtask scenarios` writes it and prints the counts, and a test fails
while it is stale.

";

/// How many names are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) covered: usize,
    pub(super) not_applicable: usize,
    pub(super) open: usize,
}

impl Counts {
    fn of<'a>(classes: impl IntoIterator<Item = &'a Class>) -> Self {
        let mut counts = Self::default();
        for (_, status) in classes.into_iter().flat_map(|class| &class.rows) {
            match status {
                Status::Covered(_) => counts.covered += 1,
                Status::NotApplicable { .. } => counts.not_applicable += 1,
                Status::Open(_) => counts.open += 1,
            }
        }
        counts
    }

    fn names(self) -> usize {
        self.covered + self.not_applicable + self.open
    }

    /// Of the applicable, rounded down: 89.99 % is not 90 %.
    fn share(self) -> String {
        match self.covered + self.open {
            0 => "–".to_owned(),
            applicable => {
                let tenths = self.covered * 1_000 / applicable;
                format!("{}.{} %", tenths / 10, tenths % 10)
            }
        }
    }
}

/// The counts as lines for a terminal.
pub(super) fn summary(table: &Table) -> String {
    let mut text = String::new();
    for class in &table.classes {
        let counts = Counts::of([class]);
        writeln!(text, "{:32}{}", class.name, told(counts)).expect("a string");
    }
    writeln!(text, "{}", told(Counts::of(&table.classes))).expect("a string");
    text
}

fn told(counts: Counts) -> String {
    let Counts { covered, not_applicable, open } = counts;
    let names = counts.names();
    format!("{names} names: {covered} covered, {not_applicable} not applicable, {open} open; {}", counts.share())
}

/// The whole page.
pub(super) fn page(table: &Table) -> String {
    let mut text = HEAD.to_owned();
    text.push_str(
        "| class | names | covered | not applicable | open | of the applicable |\n|---|---|---|---|---|---|\n",
    );
    for class in &table.classes {
        let name = format!("[{}](#{})", class.name, class.name.to_lowercase());
        text.push_str(&counts_row(&name, Counts::of([class])));
    }
    text.push_str(&counts_row("**all**", Counts::of(&table.classes)));
    text.push_str("\n## Reasons\n\n");
    for (id, sentence) in &table.reasons {
        writeln!(text, "- *{id}*: {sentence}").expect("a string");
    }
    let mut group = "";
    for class in &table.classes {
        if class.group != group {
            group = &class.group;
            writeln!(text, "\n## {group}").expect("a string");
        }
        text.push_str(&section(class));
    }
    text
}

fn counts_row(name: &str, counts: Counts) -> String {
    let Counts { covered, not_applicable, open } = counts;
    format!("| {name} | {} | {covered} | {not_applicable} | {open} | {} |\n", counts.names(), counts.share())
}

fn section(class: &Class) -> String {
    let origin =
        if class.is_from_trunk { "\nNames as in Kafka's trunk: its module publishes no test sources.\n" } else { "" };
    let mut text =
        format!("\n### {}\n{origin}\n{}.\n\n| name | here |\n|---|---|\n", class.name, told(Counts::of([class])));
    for (name, status) in &class.rows {
        writeln!(text, "| {name} | {} |", cell(status)).expect("a string");
    }
    text
}

fn cell(status: &Status) -> String {
    match status {
        Status::Covered(tests) => tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join("<br>"),
        Status::NotApplicable { reason, remark } if remark.is_empty() => format!("not applicable: {reason}"),
        Status::NotApplicable { reason, remark } => format!("not applicable: {reason} ({remark})"),
        Status::Open(missing) => format!("**open**: {missing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_the_applicable_and_rounds_down() {
        let share = |covered, not_applicable, open| Counts { covered, not_applicable, open }.share();
        assert_eq!(share(9, 100, 1), "90.0 %");
        assert_eq!(share(8_999, 0, 1_001), "89.9 %");
        assert_eq!(share(3, 1, 0), "100.0 %");
        assert_eq!(share(0, 5, 0), "–");
    }
}
