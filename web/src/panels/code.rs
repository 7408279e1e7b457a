//! The same program in Java, with the line lit on which the main thread stands.

use producer_core::bridge::Habit;
use producer_core::trace::Statement;
use yew::prelude::*;

use crate::draft::{Draft, Kind, Payload};
use crate::texts::Texts;

/// A line of Java, and the statements of the caller that stand on it.
struct Line {
    text: String,
    lit: &'static [Statement],
}

fn line(text: impl Into<String>, lit: &'static [Statement]) -> Line {
    Line { text: text.into(), lit }
}

/// The code panel; `stands`: where the program stands, once it has begun.
pub(crate) fn code(draft: &Draft, stands: Option<Statement>, t: &'static Texts) -> Html {
    let note = match draft.habit {
        Habit::Get => t.code_note_get,
        Habit::Callback => t.code_note_callback,
        Habit::Forget => t.code_note_forget,
    };
    let lines = program(draft).into_iter().map(|line| {
        let lit = stands.is_some_and(|statement| line.lit.contains(&statement));
        html! { <li class={classes!(lit.then_some("lit"))}><code lang="en">{ line.text }</code></li> }
    });
    html! {
        <section class="code" aria-label={t.code}>
            <h2><span class="tab">{ "Java" }</span></h2>
            <ol>{ for lines }</ol>
            <p class="caption">{ note }</p>
        </section>
    }
}

fn program(draft: &Draft) -> Vec<Line> {
    let many = draft.count() != Ok(1);
    let indent = if many { "  " } else { "" };
    let mut lines = vec![
        line("var p = new KafkaProducer", &[]),
        line("    <String, String>(props);", &[]),
        line("var r = new ProducerRecord<>(", &[]),
        line(format!("    {}, {},", quoted(&draft.topic), java(&draft.key)), &[]),
        line(format!("    {});", java(&draft.value)), &[]),
    ];
    if many {
        lines.push(line(format!("for (int i = 0; i < {}; i++) {{", draft.count.trim()), &[]));
    }
    match draft.habit {
        Habit::Get => lines.extend([
            line(format!("{indent}var f = p.send(r);"), &[Statement::Send]),
            line(format!("{indent}RecordMetadata m = f.get();"), &[Statement::Get]),
            line(format!("{indent}saw(m);"), &[]),
        ]),
        Habit::Callback => lines.extend([
            line(format!("{indent}p.send(r, (m, e) -> {{"), &[Statement::Send]),
            line(format!("{indent}  if (e == null) saw(m);"), &[Statement::Callback]),
            line(format!("{indent}  else failed(e);"), &[Statement::Callback]),
            line(format!("{indent}}});"), &[]),
        ]),
        Habit::Forget => lines.push(line(format!("{indent}p.send(r);"), &[Statement::Send])),
    }
    if many {
        lines.push(line("}", &[]));
    }
    lines.push(line("p.close();", &[Statement::Flush, Statement::Close]));
    lines
}

fn java(payload: &Payload) -> String {
    match payload.kind {
        Kind::Text => quoted(&payload.text),
        Kind::Empty => "\"\"".to_owned(),
        Kind::Null => "null".to_owned(),
    }
}

/// A Java string literal, cut where it would only be long.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 14;
    let mut literal = String::from('"');
    for (place, c) in text.chars().enumerate() {
        if place == SHOWN {
            literal.push('…');
            break;
        }
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit(draft: &Draft, statement: Statement) -> Vec<String> {
        let lines = program(draft).into_iter().filter(|line| line.lit.contains(&statement));
        lines.map(|line| line.text.trim().to_owned()).collect()
    }

    #[test]
    fn get_stands_on_its_own_line_and_the_others_have_none() {
        let with = |habit| Draft { habit, ..Draft::default() };
        assert_eq!(lit(&with(Habit::Get), Statement::Get), ["RecordMetadata m = f.get();"]);
        assert!(lit(&with(Habit::Callback), Statement::Get).is_empty());
        assert_eq!(lit(&with(Habit::Forget), Statement::Send), ["p.send(r);"]);
    }

    #[test]
    fn what_is_quoted_stays_java() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\n""#);
        assert_eq!(java(&Payload { kind: Kind::Null, text: "x".into() }), "null");
    }
}
