//! What is spoken, and frames around requests.

use anyhow::Result;
use bytes::{BufMut as _, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, ProduceRequest};

use super::Story;
use crate::side_by_side::ask::{metadata, text};

pub(super) fn tell(story: &mut Story) -> Result<()> {
    what_is_spoken(story)?;
    software_has_a_name(story)?;
    client_ids(story)?;
    frames_that_are_none(story)
}

fn software(version: i16, name: &str, of_version: &str) -> ApiVersionsRequest {
    let request = ApiVersionsRequest::default();
    if version < 3 {
        return request;
    }
    request.with_client_software_name(text(name)).with_client_software_version(text(of_version))
}

fn what_is_spoken(story: &mut Story) -> Result<()> {
    for version in 0..=4 {
        story.teller.ask("what is spoken", version, &software(version, "teller", "1.0"))?;
    }
    // A version that nobody speaks is answered in the form of version 0.
    for version in [5_i16, 99, i16::MAX, -1] {
        let frame = head(18, version, Some("teller"), true);
        story.teller.ask_raw::<ApiVersionsRequest>(&format!("version {version}"), 0, &frame)?;
    }
    Ok(())
}

fn software_has_a_name(story: &mut Story) -> Result<()> {
    for version in [3, 4] {
        for (name, of_version) in [
            ("", "1.0"),
            ("teller", ""),
            ("-teller", "1.0"),
            ("teller.", "1"),
            ("a b", "1"),
            ("t", "ä"),
            ("a.b-c", "1-2.3"),
        ] {
            let what = format!("software {name:?} of version {of_version:?}");
            story.teller.ask(&what, version, &software(version, name, of_version))?;
        }
    }
    Ok(())
}

/// A header, and for flexible ones its tagged fields.
fn head(api: i16, version: i16, client_id: Option<&str>, is_flexible: bool) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.put_i16(api);
    frame.put_i16(version);
    frame.put_i32(7);
    match client_id {
        None => frame.put_i16(-1),
        Some(id) => {
            frame.put_i16(i16::try_from(id.len()).expect("short"));
            frame.put_slice(id.as_bytes());
        }
    }
    if is_flexible {
        frame.put_u8(0);
    }
    frame
}

/// Metadata v4 about no topic: an empty list, and nothing may be created.
const NO_TOPIC: [u8; 5] = [0; 5];

fn client_ids(story: &mut Story) -> Result<()> {
    let long = "x".repeat(300);
    for id in [None, Some(""), Some("with spaces / and signs \u{1f600}"), Some(&*long)] {
        let mut frame = head(3, 4, id, false);
        frame.put_slice(&NO_TOPIC);
        let what = id.map_or_else(|| "no client id".to_owned(), |id| format!("a client id of {} bytes", id.len()));
        story.teller.ask_raw::<MetadataRequest>(&what, 4, &frame)?;
    }
    let mut frame = head(3, 4, None, false);
    frame[8..10].copy_from_slice(&(-2_i16).to_be_bytes());
    frame.put_slice(&NO_TOPIC);
    story.teller.ask_raw::<MetadataRequest>("a client id of -2 bytes", 4, &frame)?;
    let mut frame = head(3, 4, Some("xx"), false);
    frame[10..12].copy_from_slice(&[0xff, 0xfe]);
    frame.put_slice(&NO_TOPIC);
    story.teller.ask_raw::<MetadataRequest>("a client id that is no text", 4, &frame)
}

fn frames_that_are_none(story: &mut Story) -> Result<()> {
    for (what, api, version) in [
        ("an API that nobody has", 999_i16, 0_i16),
        ("an API below zero", -1, 0),
        ("Produce too new", 0, 99),
        ("Produce too old", 0, 2),
        ("Fetch too old", 1, 3),
        ("Metadata too new", 3, 99),
        ("a version below zero", 3, -1),
    ] {
        let frame = head(api, version, Some("teller"), true);
        story.teller.ask_raw::<MetadataRequest>(what, 12, &frame)?;
    }
    let mut whole = head(3, 4, Some("teller"), false);
    whole.put_slice(&NO_TOPIC);
    for left in [0, 1, 7, 8, 9, 12, whole.len() - 1] {
        story.teller.ask_raw::<MetadataRequest>(&format!("{left} bytes of it"), 4, &whole[..left])?;
    }
    let mut longer = whole.clone();
    longer.put_slice(b"more");
    story.teller.ask_raw::<MetadataRequest>("more bytes than it takes", 4, &longer)?;
    let mut counted = head(3, 4, Some("teller"), false);
    counted.put_i32(i32::MAX);
    story.teller.ask_raw::<MetadataRequest>("two thousand million topics", 4, &counted)?;
    let mut below = head(3, 4, Some("teller"), false);
    below.put_i32(-2);
    below.put_u8(0);
    story.teller.ask_raw::<MetadataRequest>("-2 topics", 4, &below)?;
    story.teller.ask_raw::<ProduceRequest>("Produce without a body", 9, &head(0, 9, None, true))?;
    story.teller.ask_raw::<FetchRequest>("Fetch without a body", 12, &head(1, 12, None, true))?;
    // The connection was opened anew, and all is well.
    story.teller.ask("after all that", 12, &metadata(12, &[]))?;
    Ok(())
}
