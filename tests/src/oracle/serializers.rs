//! Serialisers, beside those of the Java client: what is read in a text by Java's parse methods, what becomes of values bit
//! by bit, which serialiser takes which type, and what `send` says of another one.

use anyhow::{Result, ensure};
use kafka_producer::ProducerConfig;
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::serializer::charset::{Charset, NoCharset};
use producer_core::serializer::{Half, ParseError, Serializer, Value};

use super::Tally;
use super::java::{Answers, converse_with, put_nullable};
use crate::draws::Draws;

/// Pieces of numbers, and what is none.
const PIECES: [&str; 40] = [
    "0",
    "1",
    "9",
    "12",
    "007",
    "2147483647",
    "2147483648",
    "32768",
    "9223372036854775808",
    "4.9",
    "1.7976931348623157",
    "3.4028235677973366",
    "+",
    "-",
    ".",
    ".",
    "e",
    "E",
    "e38",
    "e308",
    "e-45",
    "e-324",
    "e99999999999",
    "p",
    "P",
    "p1",
    "p-1074",
    "p-149",
    "0x",
    "0X",
    "a",
    "f",
    "F",
    "d",
    "D",
    " ",
    "\t",
    "\u{ff11}",
    "\u{0664}",
    "\u{1d7d8}",
];
/// Whole texts that mean something, or nearly.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "NaN",
    "-NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "+Infinityf",
    "inf",
    "true",
    "TRUE",
    "tRuE",
    "false",
    "FALSE",
    "null",
    "-2147483648",
    "-32768",
    "-9223372036854775808",
    "0x1.fffffffffffff8p1023",
    "0x1.fffffefp127",
    "2.2250738585072012e-308",
    "1.17549435E-38f",
    "0x1p-1075",
    "0x1.000001p-150",
];

/// What is said of a text that is none of the type, where Java takes it, or has no way of its own of reading one.
const NO_BOOLEAN: &str = "a Boolean is true or false";
const NO_BYTES: &str = "bytes are written as pairs of hexadecimal digits";

/// Charsets that only Java has, names of none, and two that are written here in an odd way.
const NAMES: [&str; 10] =
    ["EUC-KR", "windows-1252", "UnicodeLittle", "no-such", "", " UTF-8", "UTF_8", "utf8\u{20}", "lATIN1", "uTF_16"];

/// A question, as both sides get it: what is to be serialised, as which half of a record, and with what encodings in the
/// settings: the half's own, and that of both.
#[derive(Clone, Debug)]
struct Question {
    half: Half,
    encodings: [Option<&'static str>; 2],
    given: Given,
}

impl Question {
    /// The keys and values of its encodings.
    fn settings(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let own = if self.half == Half::Key { "key.serializer.encoding" } else { "value.serializer.encoding" };
        [own, "serializer.encoding"].into_iter().zip(self.encodings).filter_map(|(key, name)| Some((key, name?)))
    }

    const fn serializer(&self) -> Serializer {
        match self.given {
            Given::Typed(serializer, _) | Given::Handed(serializer, _) => serializer,
        }
    }
}

#[derive(Clone, Debug)]
enum Given {
    /// A text, to be read as the type of this serialiser and serialised.
    Typed(Serializer, String),
    /// A value for this serialiser, perhaps of another type.
    Handed(Serializer, Value<'static>),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Came {
    Bytes(Option<Vec<u8>>),
    /// Class and sentence of the exception.
    Refused(String, String),
}

/// The names of all charsets of Java's, aliases included: those that are written here have the same names there and no others,
/// and the others are known to be there. How many names there are.
///
/// # Errors
/// When Java cannot be asked, or they are not the same.
pub fn compare_names_of_charsets() -> Result<usize> {
    let mut names = 0;
    converse_with("Serializers.java", &["charsets"], [(Vec::new(), ())].into_iter(), |answers, ()| {
        let mut ours = Vec::new();
        for _ in 0..answers.int()? {
            let (name, of) = (answers.text()?, answers.text()?);
            match Charset::for_name(&name) {
                Ok(charset) => {
                    ensure!(charset.name() == of, "{name} is {} here, {of} there", charset.name());
                    ours.push(name);
                }
                Err(found) => ensure!(found == NoCharset::OnlyInJava, "{name} is unknown here, {of} there"),
            }
            names += 1;
        }
        for charset in Charset::ALL {
            for name in charset.aliases().iter().chain(&[charset.name()]) {
                // Gone since 18.
                let is_there = *name == "default" || ours.iter().any(|known| known == name);
                ensure!(is_there, "{name} is unknown there");
            }
        }
        Ok(())
    })?;
    Ok(names)
}

/// Two of three cases are texts, the third are values. A value of another type is sent by a whole Java producer, which wants
/// brokers for that.
///
/// # Errors
/// When Java cannot be asked.
pub fn run(cases: u64, seed: u64) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let brokers = runtime.block_on(EmbeddedBrokers::start_default())?;
    let mut draws = Draws::from_seed(seed);
    let questions = (0..cases).map(|_| {
        let question = draw(&mut draws);
        (put(&question), question)
    });
    let mut tally = Tally::default();
    converse_with("Serializers.java", &[&brokers.bootstrap_servers()], questions, |answers, question| {
        let java = hear(answers)?;
        tally.cases += 1;
        compare(&question, &java, &mut tally);
        Ok(())
    })?;
    Ok(tally)
}

fn hear(answers: &mut Answers) -> Result<Came> {
    Ok(if answers.boolean()? {
        Came::Bytes(answers.nullable()?)
    } else {
        Came::Refused(answers.text()?, answers.text()?)
    })
}

/// The sentence with which a charset that only Java has is refused.
fn only_in_java(question: &Question) -> Option<String> {
    let (key, name) = question.settings().next()?;
    let asks = matches!(question.serializer(), Serializer::String | Serializer::Uuid);
    (asks && Charset::for_name(name) == Err(NoCharset::OnlyInJava)).then(|| {
        format!(
            "{key} is refused: of Java's charsets these are written here, and {name} is not: \
             US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32, UTF-32BE, UTF-32LE"
        )
    })
}

/// The serialiser is configured first, as a producer does it, and then it is asked.
fn ours(question: &Question) -> Came {
    let Question { half, given, .. } = question;
    let named = if *half == Half::Key { "key.serializer" } else { "value.serializer" };
    let class = (named, question.serializer().java_class());
    let config = match ProducerConfig::from_properties(question.settings().chain([class])) {
        Ok((config, _)) => config,
        Err(error) => {
            let ours = if error.message.contains(" is refused: ") { "" } else { "SerializationException" };
            return Came::Refused(ours.to_owned(), error.message.to_string());
        }
    };
    let configured = config.configured_serializer(*half, None).expect("it is named");
    let (_, value) = match given {
        Given::Typed(serializer, text) => match serializer.parse(text) {
            Ok(value) => (*serializer, value),
            Err(ParseError { class, message, .. }) => {
                return Came::Refused(class.unwrap_or_default().to_owned(), message);
            }
        },
        Given::Handed(serializer, value) => (*serializer, value.clone()),
    };
    match configured.serialize(*half, &value) {
        Ok(bytes) => Came::Bytes(bytes),
        Err(wrong) => Came::Refused("SerializationException".to_owned(), wrong.to_string()),
    }
}

fn compare(question: &Question, java: &Came, tally: &mut Tally) {
    let ours = ours(question);
    let says = |sentence: &str| ours == Came::Refused(String::new(), sentence.to_owned());
    match (&question.given, java) {
        _ if *java == ours => {}
        // What Java makes of it is not compared: it is there, or refuses the text that is to be read.
        _ if only_in_java(question).is_some_and(|sentence| says(&sentence))
            && !matches!(java, Came::Refused(_, said) if said.starts_with("Unsupported encoding")) =>
        {
            tally.except("charsets of Java's own", "those that every Java has are written here; others are refused");
        }
        (Given::Typed(Serializer::Boolean, text), Came::Bytes(Some(java)))
            if says(NO_BOOLEAN) && java == &[0] && !text.eq_ignore_ascii_case("false") =>
        {
            tally.except("texts that are no Boolean", "Java takes them for false; here they are refused");
        }
        (
            Given::Typed(Serializer::ByteArray | Serializer::ByteBuffer | Serializer::Bytes, _),
            Came::Refused(class, _),
        ) if says(NO_BYTES) && ["IllegalArgumentException", "NumberFormatException"].contains(&class.as_str()) => {
            tally.except("texts that are no bytes", "how bytes are written is not Kafka's: the sentence is ours");
        }
        _ => tally.differences.push(format!("{question:?}: Java {java:?}, ours {ours:?}")),
    }
}

fn place_of(serializer: Serializer) -> u8 {
    let place = Serializer::ALL.iter().position(|known| *known == serializer);
    place.and_then(|place| u8::try_from(place).ok()).expect("one of all")
}

/// Half, both encodings, kind, serialiser, and the text, or the value with its type.
fn put(Question { half, encodings, given }: &Question) -> Vec<u8> {
    let mut bytes = vec![u8::from(*half == Half::Key)];
    for encoding in encodings {
        put_nullable(&mut bytes, encoding.map(str::as_bytes));
    }
    match given {
        Given::Typed(serializer, text) => {
            bytes.extend([0, place_of(*serializer)]);
            put_nullable(&mut bytes, Some(text.as_bytes()));
            bytes
        }
        Given::Handed(serializer, value) => {
            let (kind, value): (u8, Vec<u8>) = match value {
                Value::Null => (0, Vec::new()),
                Value::String(text) => (1, text.as_bytes().to_vec()),
                Value::ByteArray(bytes) => (2, bytes.to_vec()),
                Value::ByteBuffer(bytes) => (3, bytes.to_vec()),
                Value::Bytes(bytes) => (4, bytes.to_vec()),
                Value::Integer(number) => (5, number.to_be_bytes().into()),
                Value::Short(number) => (6, number.to_be_bytes().into()),
                Value::Long(number) => (7, number.to_be_bytes().into()),
                Value::Float(number) => (8, number.to_be_bytes().into()),
                Value::Double(number) => (9, number.to_be_bytes().into()),
                Value::Uuid(uuid) => (10, uuid.to_be_bytes().into()),
                Value::Boolean(is_true) => (11, vec![u8::from(*is_true)]),
            };
            bytes.extend([1, place_of(*serializer), kind]);
            put_nullable(&mut bytes, Some(&value));
            bytes
        }
    }
}

fn draw(draws: &mut Draws) -> Question {
    let half = draws.pick(&[Half::Key, Half::Value]);
    let encodings = [draw_encoding(draws), draw_encoding(draws)];
    Question { half, encodings, given: draw_given(draws) }
}

/// Mostly none; else mostly one that is written here, under one of its names.
fn draw_encoding(draws: &mut Draws) -> Option<&'static str> {
    if draws.below(2) == 0 {
        return None;
    }
    let charset = draws.pick(&Charset::ALL);
    Some(match draws.below(8) {
        0 => draws.pick(&NAMES),
        1..4 => draws.pick(charset.aliases()),
        _ => charset.name(),
    })
}

fn draw_given(draws: &mut Draws) -> Given {
    // JSON has no serialiser in Java beyond that of text.
    let serializer = draws.pick(&Serializer::ALL[..12]);
    if draws.below(3) == 0 {
        return Given::Handed(serializer, value(serializer, draws).expect("every kind is known"));
    }
    let text = match draws.below(7) {
        // What charsets are for.
        6 if serializer == Serializer::String => any_text(draws),
        6 => own_text(serializer, draws),
        0 => draws.pick(&TEXTS).to_owned(),
        1 => own_text(serializer, draws),
        2 => any_text(draws),
        _ => (0..1 + draws.below(5)).map(|_| draws.pick(&PIECES)).collect(),
    };
    Given::Typed(serializer, text)
}

/// A text that is likely to be of the serialiser's type.
fn own_text(serializer: Serializer, draws: &mut Draws) -> String {
    let bits = noise(draws);
    match serializer {
        Serializer::Integer => format!("{}", bits as i32),
        Serializer::Short => format!("{}", i32::from(bits as i16) * if draws.below(4) == 0 { 2 } else { 1 }),
        Serializer::Long => format!("{}", bits.cast_signed()),
        Serializer::Float => format!("{:e}", f32::from_bits(bits as u32)),
        Serializer::Double if draws.below(2) == 0 => {
            format!("0x{:x}.{:x}p{}", bits >> 60, bits << 4, i64::from(bits as i16) % 1_100)
        }
        Serializer::Double => format!("{:e}", f64::from_bits(bits)),
        Serializer::Uuid => uuid_text(draws),
        Serializer::ByteArray | Serializer::ByteBuffer | Serializer::Bytes => {
            format!("{bits:016x}")[..usize::try_from(draws.below(17)).unwrap_or_default()].to_owned()
        }
        _ => any_text(draws),
    }
}

/// Five groups of hexadecimal digits, now and then of the wrong number or length.
fn uuid_text(draws: &mut Draws) -> String {
    let lengths = match draws.below(8) {
        0 => vec![1, 2, 3, 4, 5],
        1 => vec![8, 4, 4, 12],
        2 => vec![9, 5, 5, 5, 8],
        3 => vec![8, 4, 4, 4, 12, 1],
        4 => vec![8, 0, 4, 4, 12],
        _ => vec![8, 4, 4, 4, 12],
    };
    let group = |len: usize, draws: &mut Draws| {
        let digits: String = (0..len).map(|_| draws.pick(&['0', '1', '7', '9', 'a', 'F', 'f', 'c'])).collect();
        if draws.below(40) == 0 { digits.replacen('a', "g", 1) } else { digits }
    };
    let groups: Vec<String> = lengths.into_iter().map(|len| group(len, draws)).collect();
    groups.join("-")
}

/// Characters of every plane.
fn any_text(draws: &mut Draws) -> String {
    let planes = [0x80, 0x800, 0x1_0000, 0x11_0000];
    let character = |draws: &mut Draws| {
        let below = draws.pick(&planes);
        u32::try_from(draws.below(below)).ok().and_then(char::from_u32)
    };
    (0..draws.below(12)).filter_map(|_| character(draws)).collect()
}

fn noise(draws: &mut Draws) -> u64 {
    draws.below(1 << 31) << 33 ^ draws.below(1 << 31) << 16 ^ draws.below(1 << 16)
}

/// Mostly of the serialiser's type, else of any; numbers at their ends and everywhere, and what is no number bit by bit.
fn value(serializer: Serializer, draws: &mut Draws) -> Result<Value<'static>> {
    let kind = if draws.below(4) == 0 { draws.below(12) as u8 } else { place_of(serializer) + 1 };
    let bits = noise(draws);
    let bits = draws.pick(&[bits, bits, 0, u64::MAX, 1 << 63, i64::MAX.cast_unsigned()]);
    let bytes: Vec<u8> = draws.bytes(usize::try_from(bits % 20)?);
    Ok(match kind {
        1 => Value::String(any_text(draws).into()),
        2 => Value::ByteArray(bytes.into()),
        3 => Value::ByteBuffer(bytes.into()),
        4 => Value::Bytes(bytes.into()),
        5 => Value::Integer((bits >> 32) as i32),
        6 => Value::Short((bits >> 48) as i16),
        7 => Value::Long(bits.cast_signed()),
        8 => {
            Value::Float(f32::from_bits(draws.pick(&[bits as u32, 0x8000_0000, 0x7f80_0000, 0xffc0_1234, 0x7f80_0001])))
        }
        9 => Value::Double(f64::from_bits(draws.pick(&[
            bits,
            1 << 63,
            0x7ff0 << 48,
            0xfff8 << 48 | 77,
            0x7ff0 << 48 | 1,
        ]))),
        10 => Value::Uuid(u128::from(bits) << 64 | u128::from(noise(draws))),
        11 => Value::Boolean(bits & 1 == 1),
        _ => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_serialiser_is_asked_with_texts_it_takes_and_texts_it_does_not() {
        let mut draws = Draws::from_seed(3);
        let came: Vec<_> = (0..20_000).map(|_| draw(&mut draws)).map(|question| (ours(&question), question)).collect();
        for serializer in &Serializer::ALL[..12] {
            let any = |holds: &dyn Fn(&Came, &Question) -> bool| came.iter().any(|(came, asked)| holds(came, asked));
            let typed = |asked: &Question| matches!(&asked.given, Given::Typed(by, _) if by == serializer);
            let handed = |asked: &Question| matches!(&asked.given, Given::Handed(by, _) if by == serializer);
            let is_taken = |came: &Came| matches!(came, Came::Bytes(Some(_)));
            let takes_text = *serializer != Serializer::Void;
            assert_eq!(any(&|came, asked| typed(asked) && is_taken(came)), takes_text, "{serializer:?}");
            let as_it_is = |asked: &Question| asked.encodings == [None, None];
            let takes_all = *serializer == Serializer::String;
            assert_eq!(
                any(&|came, asked| typed(asked) && as_it_is(asked) && !is_taken(came)),
                !takes_all,
                "{serializer:?}"
            );
            let heeds_charsets = matches!(serializer, Serializer::String | Serializer::Uuid);
            let of_charsets = ["Unsupported encoding ", "Error when serializing UUID to byte[] due to "];
            let says_so = |came: &Came| matches!(came, Came::Refused(_, said) if of_charsets.iter().any(|words| said.starts_with(words)));
            assert_eq!(any(&|came, asked| handed(asked) && says_so(came)), heeds_charsets, "{serializer:?}");
            assert_eq!(
                any(&|_, asked| handed(asked) && only_in_java(asked).is_some()),
                heeds_charsets,
                "{serializer:?}"
            );
            assert!(any(&|came, asked| handed(asked) && matches!(came, Came::Refused(..))), "{serializer:?}");
            assert!(any(&|came, asked| handed(asked) && *came == Came::Bytes(None)), "{serializer:?}");
        }
    }

    fn is_seen(half: Half, given: Given, java: Came) -> bool {
        let mut tally = Tally::default();
        compare(&Question { half, encodings: [None, None], given }, &java, &mut tally);
        !tally.differences.is_empty()
    }

    #[test]
    fn another_word_in_a_refusal_is_a_difference() {
        let text = Given::Handed(Serializer::Integer, Value::String("5".into()));
        let refused = |class: &str, sentence: &str| Came::Refused(class.to_owned(), sentence.to_owned());
        let javas = "Can't convert key of class java.lang.String to class \
                     org.apache.kafka.common.serialization.IntegerSerializer specified in key.serializer";
        assert!(!is_seen(Half::Key, text.clone(), refused("SerializationException", javas)));
        assert!(is_seen(Half::Value, text.clone(), refused("SerializationException", javas)), "of the other half");
        assert!(is_seen(Half::Key, text.clone(), refused("ClassCastException", javas)), "of another class");
        assert!(is_seen(Half::Key, text.clone(), refused("SerializationException", &javas.replace("String", "Long"))));
        assert!(is_seen(Half::Key, text, Came::Bytes(Some(vec![5]))));

        let no_number = Given::Typed(Serializer::Short, "x".to_owned());
        let sentence = "For input string: \"x\"";
        assert!(!is_seen(Half::Value, no_number.clone(), refused("NumberFormatException", sentence)));
        assert!(is_seen(Half::Value, no_number, refused("NumberFormatException", "For input string: \"y\"")));
        let no_bytes = Given::Typed(Serializer::Bytes, "0".to_owned());
        assert!(!is_seen(Half::Value, no_bytes.clone(), refused("IllegalArgumentException", "of an odd length")));
        assert!(is_seen(Half::Value, no_bytes, refused("SerializationException", "of an odd length")));
    }
}
