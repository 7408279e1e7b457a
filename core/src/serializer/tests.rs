use super::*;

fn typed(serializer: Serializer, text: &str) -> Result<Option<Vec<u8>>, String> {
    let value = serializer.parse(text).map_err(|error| match error.class {
        Some(class) => format!("{class}: {error}"),
        None => error.to_string(),
    })?;
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
        let error = serializer.parse(text).expect_err(text);
        assert_eq!(error.class, None, "Java takes any text for a Boolean, and has no way to type bytes: {text}");
    }
}

#[test]
fn json_is_sent_as_it_was_typed_or_refused_with_the_place() {
    for json in ["null", " [ 1 , -0.5e+3, \"\\u00e9\\n\", {\"a\":{}} ] ", "\"\"", "0", "{\"서울\":[true,false]}"] {
        writes(Serializer::Json, json, json.as_bytes());
    }
    for (text, place) in [("", 1), ("{\"a\":1,}", 8), ("01", 2), ("[1 2]", 4), ("\"서울\t\"", 4), ("nul", 1)] {
        refuses(Serializer::Json, text, &format!("not JSON at character {place}"));
    }
    assert!(Serializer::Json.parse(&"[".repeat(100_000)).is_err(), "without using up the stack");
}

/// The standard library reads decimal fractions as Java does: to the nearest number, and of two as near to the even one.
#[test]
fn decimal_fractions_are_rounded_as_everywhere() {
    let agree = |text: &str| {
        let double = Serializer::Double.parse(text);
        assert_eq!(double, Ok(Value::Double(text.parse().expect("a number"))), "{text}");
        assert_eq!(Serializer::Float.parse(text), Ok(Value::Float(text.parse().expect("a number"))), "{text}");
    };
    for text in [
        "0",
        "-0.0",
        "000",
        "0e999999999999",
        "1",
        ".5",
        "5.",
        "0.1",
        "123456789",
        "16777217",
        "9007199254740993",
        "9007199254740993.0000000000000000000000000000000000000001",
        "1e22",
        "1e23",
        "3.4028235e38",
        "3.4028236e38",
        "3.4028235677973366e38",
        "1.4e-45",
        "7.006492321624085e-46",
        "7.006492321624086e-46",
        "1.17549435e-38",
        "2.2250738585072011e-308",
        "2.2250738585072012e-308",
        "4.9e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "1e309",
        "1e-400",
        "1e400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
    ] {
        agree(text);
    }
    // Halfway between two doubles, and a digit far behind that decides.
    let halfway = format!("1.{}", "0".repeat(15) + "11102230246251565404236316680908203125");
    agree(&halfway);
    agree(&format!("{halfway}{}1", "0".repeat(900)));
    let mut state = 7_u64;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..20_000 {
        let digits: String = (0..=draw(25)).map(|_| char::from(b'0' + draw(10) as u8)).collect();
        let point = usize::try_from(draw(digits.len() as u64 + 1)).expect("short");
        agree(&format!("{}.{}e{}", &digits[..point], &digits[point..], i64::try_from(draw(700)).expect("small") - 370));
    }
}
