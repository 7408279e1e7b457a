//! What a scenario says to people, in two languages.

use std::sync::Arc;

use super::written::{words, written};

written! {
    /// A question, its answers, and what there is to see.
    pub struct Card {
        /// Its name.
        title: Words = Words::default();
        /// Where it belongs.
        chapter: Chapter = Chapter::Path;
        /// The question, before Play.
        question: Words = Words::default();
        /// What one may guess.
        answers: Vec<Answer> = Vec::new(), Items(0, 6);
        /// Where to look.
        watch: Words = Words::default();
        /// What was to be seen.
        reveal: Words = Words::default();
        /// Why it is so.
        why: Words = Words::default();
        /// What to turn next.
        dial: Option<Dial> = None;
        /// The option of Kafka's that it is about.
        option: Arc<str> = "".into(), Name;
        /// Sentences to be tried, each by a demo.
        sentences: Vec<Sentence> = Vec::new(), Items(0, 30);
    }
}

written! {
    /// A text in both languages.
    pub struct Words {
        /// English.
        en: Arc<str> = "".into(), Prose(2_000);
        /// Korean.
        ko: Arc<str> = "".into(), Prose(2_000);
    }
}

written! {
    /// A guess, and what is said to it.
    pub struct Answer {
        /// The guess.
        text: Words = Words::default();
        /// The reply.
        reply: Words = Words::default();
        /// Is it right?
        right: bool = false;
    }
}

written! {
    /// One thing to turn, and where to.
    pub struct Dial {
        /// A setting of producers, topics or brokers; or one of `habit`, `partitions`, `brokers`, `seed`, `then`.
        key: Arc<str> = "".into(), Name;
        /// Its positions.
        values: Vec<Arc<str>> = Vec::new(), Each(1, 12, &Name);
        /// What to turn it for.
        hint: Words = Words::default();
    }
}

written! {
    /// A sentence as it is commonly written, and the demo that tries it.
    pub struct Sentence {
        /// The sentence.
        text: Words = Words::default();
        /// Is it true?
        holds: bool = false;
        /// What is to be said of it.
        verdict: Words = Words::default();
        /// The demo, as in a link: its slug, and after `?` the settings that differ.
        demo: Arc<str> = "".into(), Name;
    }
}

words! {
    /// The part of the course that a card belongs to.
    pub enum Chapter {
        /// The way of send().
        Path "path"
        /// Waiting, or not.
        Waiting "waiting"
        /// When answers get lost.
        Lost "lost"
        /// Order and keys.
        Order "order"
        /// Tuning.
        Tuning "tuning"
    }
}
