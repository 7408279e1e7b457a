//! `key.serializer.encoding`, `value.serializer.encoding` and `serializer.encoding`: the charset of Kafka's serialisers of text
//! and of UUIDs. No definition of Java's has them: these two classes read them when they are configured, as they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ConfigError, ConfigNotice, ProducerConfig, refused, serializers};
use crate::serializer::charset::{Charset, NoCharset};
use crate::serializer::{Configured, Half, Serializer};

/// In the order of the halves.
const OF_ONE: [&str; 2] = ["key.serializer.encoding", "value.serializer.encoding"];
/// Counts where a half has none of its own.
const OF_BOTH: &str = "serializer.encoding";

/// What a half's serialiser is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// The key by which it is told.
    key: &'static str,
    /// As written.
    name: Arc<str>,
}

/// What is read for this half: nothing where its serialiser does not ask.
fn of<'g>(half: Half, given: &BTreeMap<&str, &'g str>) -> Option<(&'static str, &'g str)> {
    let asks = [Serializer::String, Serializer::Uuid].contains(&serializers::of_kafkas_own(half, given)?);
    let written = || [OF_ONE[half as usize], OF_BOTH].into_iter().find_map(|key| Some((key, *given.get(key)?)));
    asks.then(written).flatten()
}

/// What `StringSerializer.configure` finds: a `SerializationException`. `UUIDSerializer` finds nothing there.
pub(super) fn check(half: Half, given: &BTreeMap<&str, &str>) -> Result<(), ConfigError> {
    match of(half, given) {
        Some((key, name))
            if serializers::of_kafkas_own(half, given) == Some(Serializer::String)
                && Charset::for_name(name) == Err(NoCharset::Nowhere) =>
        {
            Err(refused(&[key], format!("Unsupported encoding {name}")))
        }
        _ => Ok(()),
    }
}

/// What each half's serialiser is told. Refuses a charset that is not written here: another one's bytes would be other keys.
pub(super) fn read(given: &BTreeMap<&str, &str>) -> Result<[Option<Encoding>; 2], ConfigError> {
    let told = [Half::Key, Half::Value].map(|half| of(half, given));
    for (key, name) in told.into_iter().flatten() {
        if Charset::for_name(name) == Err(NoCharset::OnlyInJava) {
            let written = Charset::ALL.map(Charset::name).join(", ");
            let why = format!("of Java's charsets these are written here, and {name} is not: {written}");
            return Err(refused(&[key], format!("{key} is refused: {why}")));
        }
    }
    Ok(told.map(|told| told.map(|(key, name)| Encoding { key, name: name.into() })))
}

impl ProducerConfig {
    /// What makes bytes of this half of a record, and in which charset. Only a serialiser that is named heeds the settings: Java
    /// configures none that is handed over.
    ///
    /// # Errors
    /// As [`serializer`](Self::serializer).
    pub fn configured_serializer(
        &self,
        half: Half,
        handed_over: Option<Serializer>,
    ) -> Result<Configured<'_>, ConfigError> {
        let serializer = self.serializer(half, handed_over)?;
        let told = self.encodings[half as usize].as_ref().filter(|_| handed_over.is_none());
        let charset =
            told.map_or(Ok(Charset::default()), |told| Charset::for_name(&told.name).map_err(|_| &*told.name));
        Ok(Configured { serializer, charset })
    }

    /// For a program whose text becomes bytes elsewhere, as a page's does: without the charsets of serialisers. Says which keys
    /// named them.
    #[must_use]
    pub fn without_encodings(mut self, notices: &mut Vec<ConfigNotice>) -> Self {
        for key in OF_ONE.into_iter().chain([OF_BOTH]).filter(|key| self.is_the_encoding_of_a_half(key)) {
            notices.push(ConfigNotice::NoEffect { key: key.into() });
        }
        self.encodings = [None, None];
        self
    }

    /// Is this the key that told one of the serialisers its charset?
    pub(super) fn is_the_encoding_of_a_half(&self, key: &str) -> bool {
        self.encodings.iter().flatten().any(|told| told.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "org.apache.kafka.common.serialization.StringSerializer";
    const UUID: &str = " org.apache.kafka.common.serialization.UUIDSerializer\t";
    const LONG: &str = "org.apache.kafka.common.serialization.LongSerializer";

    fn read(key: &str, value: &str, more: &[(&str, &str)]) -> Result<(ProducerConfig, Vec<String>), String> {
        let classes = [("key.serializer", key), ("value.serializer", value)];
        match ProducerConfig::from_properties(classes.into_iter().chain(more.iter().copied())) {
            Ok((config, notices)) => Ok((config, notices.iter().map(ToString::to_string).collect())),
            Err(error) => Err(error.message.to_string()),
        }
    }

    fn charsets(key: &str, value: &str, more: &[(&str, &str)]) -> [Result<Charset, String>; 2] {
        let (config, _) = read(key, value, more).expect("accepted");
        [Half::Key, Half::Value].map(|half| {
            let configured = config.configured_serializer(half, None).expect("named");
            configured.charset.map_err(str::to_owned)
        })
    }

    #[test]
    fn a_halfs_own_encoding_counts_before_that_of_both() {
        let (key, value, both) = (OF_ONE[0], OF_ONE[1], OF_BOTH);
        let utf_8 = Ok(Charset::Utf8);
        assert_eq!(charsets(TEXT, UUID, &[]), [utf_8.clone(), utf_8.clone()]);
        assert_eq!(charsets(TEXT, TEXT, &[(key, "utf-16")]), [Ok(Charset::Utf16), utf_8.clone()]);
        assert_eq!(charsets(UUID, UUID, &[(value, "latin1")]), [utf_8, Ok(Charset::Iso8859_1)]);
        let all = [(both, "ASCII"), (value, "UTF-16LE")];
        assert_eq!(charsets(TEXT, UUID, &all), [Ok(Charset::UsAscii), Ok(Charset::Utf16Le)]);
    }

    /// Measured in the Java client 4.3.1; an empty name is a name, and blanks are part of one.
    #[test]
    fn a_name_of_no_charset_is_refused_where_text_is_written_and_kept_where_uuids_are() {
        for name in ["no-such", "", " UTF-8"] {
            let words = Err(format!("Unsupported encoding {name}"));
            assert_eq!(read(TEXT, LONG, &[(OF_ONE[0], name), (OF_BOTH, "UTF-8")]).map(|_| ()), words);
            assert_eq!(read(LONG, TEXT, &[(OF_BOTH, name)]).map(|_| ()), words);
            assert_eq!(charsets(UUID, LONG, &[(OF_BOTH, name)])[0], Err(name.to_owned()));
        }
    }

    /// `KafkaProducer`'s constructor: the key's serialiser is configured before the value's is made.
    #[test]
    fn a_name_of_no_charset_is_found_between_the_two_serialisers() {
        let no_serializer = "org.apache.kafka.common.serialization.LongDeserializer";
        let unsupported = Err("Unsupported encoding x".to_owned());
        let too_short = ("delivery.timeout.ms", "1");
        let found = |key: &str, value: &str, more: &[(&str, &str)]| read(key, value, more).map(|_| ());
        assert_eq!(found(TEXT, no_serializer, &[(OF_BOTH, "x"), too_short]), unsupported);
        assert_eq!(found(TEXT, TEXT, &[(OF_BOTH, "y"), (OF_ONE[0], "x")]), unsupported);
        let other = found(no_serializer, TEXT, &[(OF_BOTH, "x")]).expect_err("it makes no bytes");
        assert!(other.ends_with("is not an instance of org.apache.kafka.common.serialization.Serializer"), "{other}");
        let earlier = found(TEXT, TEXT, &[(OF_BOTH, "x"), ("linger.ms", "-1")]).expect_err("a definition has bounds");
        assert!(earlier.contains("linger.ms"), "{earlier}");
    }

    #[test]
    fn a_charset_that_only_java_has_is_refused_by_its_name_behind_all_that_java_refuses() {
        let korean = (OF_ONE[1], "EUC-KR");
        for class in [TEXT, UUID] {
            let words = "value.serializer.encoding is refused: of Java's charsets these are written here, and EUC-KR is not: \
                         US-ASCII, ISO-8859-1, UTF-8, UTF-16, UTF-16BE, UTF-16LE, UTF-32, UTF-32BE, UTF-32LE";
            assert_eq!(read(TEXT, class, &[korean]).map(|_| ()), Err(words.to_owned()));
        }
        let short = read(TEXT, TEXT, &[korean, ("delivery.timeout.ms", "1")]).map(|_| ()).expect_err("too short");
        assert!(short.starts_with("delivery.timeout.ms should be"), "{short}");
        assert!(read(TEXT, LONG, &[korean]).is_ok(), "nobody asks");
    }

    #[test]
    fn an_encoding_that_no_serialiser_asks_for_has_no_effect_and_that_is_said() {
        let told = |key: &str, value: &str, more: &[(&str, &str)]| read(key, value, more).expect("accepted").1;
        let idle = |key: &str| format!("{key} is known to Kafka and has no effect here");
        assert_eq!(told(TEXT, LONG, &[(OF_ONE[0], "UTF-16")]), Vec::<String>::new());
        assert_eq!(told(TEXT, LONG, &[(OF_ONE[0], "UTF-16"), (OF_BOTH, "no-such")]), [idle(OF_BOTH)]);
        assert_eq!(told(LONG, LONG, &[(OF_ONE[1], "x")]), [idle(OF_ONE[1])]);
        assert_eq!(told("com.example.Tea", LONG, &[(OF_BOTH, "x")])[1], idle(OF_BOTH));
    }

    #[test]
    fn a_serialiser_that_is_handed_over_is_not_configured() {
        let (config, _) = read(TEXT, UUID, &[(OF_BOTH, "UTF-16")]).expect("accepted");
        let handed_over = config.configured_serializer(Half::Key, Some(Serializer::String)).expect("it is there");
        assert_eq!(handed_over, Serializer::String.into());
        let mut notices = Vec::new();
        let config = config.without_encodings(&mut notices);
        assert_eq!(notices, [ConfigNotice::NoEffect { key: OF_BOTH.into() }]);
        assert_eq!(config.configured_serializer(Half::Value, None), Ok(Serializer::Uuid.into()));
    }
}
