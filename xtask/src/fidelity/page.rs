//! `docs/fidelity.md`.

use std::fmt::Write as _;

use super::model::Part;
use super::rows::{Basis, Row};

const HEAD: &str = "# Fidelity

What runs in a simulated world is of two kinds.

**The producer is no model.** Partitioner, accumulator, sender, producer ids and sequences, transactions, metadata,
connections as the client sees them, record batches to the byte, configuration and exceptions are the code of the library
itself, compiled into the page. It is held against the Java client 4.3.1 by `cargo xtask oracle`, instant by instant; where
it differs on purpose, the difference has a name there.

**Brokers, network and programs are models.** Each file of them says what it models and what it leaves out; the tables below
are those words. What the brokers answer is held against Apache Kafka by the tests whose names begin with `kafka_`, and under
clients that are not ours by those that begin with `foreign_`.

## 요약

| 부분 | 무엇인가 |
|---|---|
| producer | 모델이 아님: library와 같은 code이며 Java client 4.3.1과 순간 단위로 비교함 |
| broker | 모델: 아래 표에 흉내 내는 것(*Models*)과 빼놓은 것(*Leaves out*)을 적음 |
| network | 모델: latency, bandwidth, 끊김, 침묵. packet과 혼잡은 없음 |
| program | 모델: thread, callback, `get()`. 계산에 드는 시간은 없음 |

*modelled*라고 적힌 행은 실행해서 본 것이 아니라 Kafka의 source에서 읽은 결과입니다.

This file is generated: `cargo xtask fidelity` writes it, and a test fails while it is stale or while a file of the model does
not say both.

## What is modelled, and what is left out

";

const CATALOGUE: &str = "## The catalogue

48 configurations, faults and outcomes, each with a test in `tests/tests/catalogue`. *Seen*: the outcome was seen with the Java
client 4.3.1 and Apache Kafka. *Seen in the client*: so it was where a script gave the answers in the brokers' place.
*Modelled*: it, or the part of it that the scenario names, was only read in their sources. *Java*: a script asks the Java client
for it in every run of the tests.

| row | what | outcome | Java | scenario |
|---|---|---|---|---|
";

/// The whole page.
pub(super) fn page(parts: &[Part], rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    let folder = |part: &Part| part.path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    for of_folder in parts.chunk_by(|one, other| folder(one) == folder(other)) {
        writeln!(text, "### `{}`\n", folder(&of_folder[0])).expect("a string");
        text.push_str("| file | what | models | leaves out |\n|---|---|---|---|\n");
        for part in of_folder {
            let file = part.path.rsplit('/').next().unwrap_or_default();
            let cell = |words: &str| plain(words).replace('|', "\\|");
            let (what, models, leaves_out) = (cell(&part.what), cell(&part.models), cell(&part.leaves_out));
            writeln!(text, "| [`{file}`](../{}) | {what} | {models} | {leaves_out} |", part.path).expect("a string");
        }
        text.push('\n');
    }
    text.push_str(CATALOGUE);
    for row in rows {
        let outcome = match row.basis {
            Basis::Seen => "seen",
            Basis::SeenInClient => "seen in the client",
            Basis::Modelled => "*modelled*",
        };
        let java = if row.is_asked_of_java { "yes" } else { "" };
        let scenario = row.file.as_ref().map_or_else(
            || "(transactions: a test)".to_owned(),
            |file| format!("[`{file}`](../tests/fixtures/catalogue/{file})"),
        );
        writeln!(text, "| {} | {} | {outcome} | {java} | {scenario} |", row.number, row.title).expect("a string");
    }
    text
}

/// Links of doc comments lead nowhere outside of them: what they stand on stays.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((words, after)) = link.split_once(']') else { break };
        plain.push_str(before);
        plain.push_str(words);
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = target.map_or(after, |(_, behind)| behind);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_link_of_a_doc_comment_becomes_its_words() {
        assert_eq!(plain("it [waits](super::purgatory) for [`Cluster`], once"), "it waits for `Cluster`, once");
    }
}
