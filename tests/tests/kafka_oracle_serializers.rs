//! What is typed becomes the bytes that the Java client's serialisers make of it, or is refused.

use cross_tests::oracle::{judge_in_test, serializers};
use cross_tests::peers::java::{Attempt, send_and_tell};
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::serializer::{Half, Serializer, Value};

#[test]
fn twenty_thousand_random_texts_and_values_become_what_java_makes_of_them() {
    let tally = judge_in_test("serializers").expect("no difference");
    assert_eq!(tally.cases, 20_000);
}

#[test]
fn the_names_of_charsets_are_javas_and_of_those_that_it_has_alone_it_is_known() {
    let names = serializers::compare_names_of_charsets().expect("the same names");
    assert!(names > 800, "{names} names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_for_a_serialiser_of_another_type_is_refused_by_send_in_the_same_words() {
    let brokers = EmbeddedBrokers::start_default().await.expect("they start");
    let servers = brokers.bootstrap_servers();
    for (half, serializer) in [
        (Half::Key, Serializer::Integer),
        (Half::Value, Serializer::Uuid),
        (Half::Value, Serializer::Void),
        (Half::Value, Serializer::ByteArray),
    ] {
        let key = if half == Half::Key { "key.serializer" } else { "value.serializer" };
        let attempt = Attempt { topic: "orders", partition: "0", key: "5", value: "5" };
        let told = send_and_tell(&servers, &[(key, serializer.java_class())], &[attempt]).expect("Java answers");
        let java = told[0].clone().expect("it is refused");
        let ours = serializer.serialize(half, &Value::String("5".into())).expect_err("so do we");
        assert_eq!((&*java.surface, &*java.class), ("thrown", "SerializationException"));
        assert_eq!(ours.to_string(), java.sentence);
    }
}
