use super::*;

fn typed(serializer: Serializer, text: &str) -> Result<Option<Vec<u8>>, String> {
    let value = serializer.parse(text).map_err(|error| format!("{}: {error}", error.class))?;
    serializer.serialize(Half::Value, &value).map_err(|error| format!("SerializationException: {error}"))
}

#[track_caller]
fn writes(serializer: Serializer, text: &str, bytes: &[u8]) {
    assert_eq!(typed(serializer, text), Ok(Some(bytes.to_vec())), "{text}");
}

#[track_caller]
fn refuses(serializer: Serializer, text: &str, sentence: &str) {
    assert_eq!(typed(serializer, text), Err(sentence.to_owned()), "{text}");
}

#[test]
fn null_is_null_to_every_serialiser() {
    for serializer in Serializer::ALL {
        assert_eq!(serializer.serialize(Half::Key, &Value::Null), Ok(None));
    }
}

#[test]
fn every_class_leads_back_to_its_serialiser() {
    for serializer in Serializer::ALL {
        let known = Serializer::of_java_class(serializer.java_class());
        assert_eq!(known, Some(if serializer == Serializer::Json { Serializer::String } else { serializer }));
    }
    assert_eq!(Serializer::of_java_class("com.example.OrderSerializer"), None);
}

#[test]
fn values_travel_big_endian_and_uuids_as_text() {
    writes(Serializer::Integer, "-2147483648", &[0x80, 0, 0, 0]);
    writes(Serializer::Short, "+258", &[1, 2]);
    writes(Serializer::Long, "1", &[0, 0, 0, 0, 0, 0, 0, 1]);
    writes(Serializer::Float, "-0.0", &[0x80, 0, 0, 0]);
    writes(Serializer::Float, "NaN", &[0x7f, 0xc0, 0, 0]);
    writes(Serializer::Double, "0x1.8p1", &[0x40, 0x08, 0, 0, 0, 0, 0, 0]);
    writes(Serializer::Double, "0x1p-99999999999", &[0; 8]);
    writes(Serializer::Float, "-0x1p99999999999", &[0xff, 0x80, 0, 0]);
    writes(Serializer::Boolean, "TRUE", &[1]);
    writes(Serializer::ByteArray, "00fF7f", &[0, 255, 127]);
    writes(Serializer::String, "서울 😀", "서울 😀".as_bytes());
    writes(Serializer::Uuid, "1-2-3-4-5", b"00000001-0002-0003-0004-000000000005");
}

#[test]
fn texts_that_are_no_number_are_refused_in_javas_words() {
    refuses(Serializer::Integer, "2147483648", "NumberFormatException: For input string: \"2147483648\"");
    refuses(Serializer::Integer, " 5", "NumberFormatException: For input string: \" 5\"");
    refuses(Serializer::Short, "40000", "NumberFormatException: Value out of range. Value:\"40000\" Radix:10");
    refuses(Serializer::Long, "-", "NumberFormatException: For input string: \"-\"");
    refuses(Serializer::Double, "  ", "NumberFormatException: empty String");
    refuses(Serializer::Double, "1.2.3", "NumberFormatException: multiple points");
    refuses(Serializer::Double, "inf", "NumberFormatException: For input string: \"inf\"");
    refuses(Serializer::Uuid, "1-2-3-4", "IllegalArgumentException: Invalid UUID string: 1-2-3-4");
}

/// Mirrors `PlaintextProducerSendTest.testWrongSerializer`: a key or value that is not of its serialiser's type fails
/// with SerializationException.
#[test]
fn a_value_of_another_type_is_refused_as_send_does() {
    let wrong = Serializer::Integer.serialize(Half::Key, &Value::String("5".into())).expect_err("not an Integer");
    assert_eq!(
        wrong.to_string(),
        "Can't convert key of class java.lang.String to class org.apache.kafka.common.serialization.IntegerSerializer specified in key.serializer"
    );
    refuses(
        Serializer::Void,
        "",
        "SerializationException: Can't convert value of class java.lang.String to class org.apache.kafka.common.serialization.VoidSerializer specified in value.serializer",
    );
}

#[test]
fn a_slip_of_the_finger_is_no_boolean_and_an_odd_digit_no_byte() {
    for (serializer, text) in [(Serializer::Boolean, "ture"), (Serializer::Boolean, ""), (Serializer::Bytes, "abc")] {
        assert!(serializer.parse(text).is_err(), "{text}");
    }
}

#[test]
fn json_is_sent_as_it_was_typed_or_refused_with_the_place() {
    for json in ["null", " [ 1 , -0.5e+3, \"\\u00e9\\n\", {\"a\":{}} ] ", "\"\"", "0", "{\"서울\":[true,false]}"] {
        writes(Serializer::Json, json, json.as_bytes());
    }
    for (text, place) in [("", 1), ("{\"a\":1,}", 8), ("01", 2), ("[1 2]", 4), ("\"서울\t\"", 4), ("nul", 1)] {
        refuses(Serializer::Json, text, &format!("IllegalArgumentException: not JSON at character {place}"));
    }
    assert!(Serializer::Json.parse(&"[".repeat(100_000)).is_err(), "without using up the stack");
}
