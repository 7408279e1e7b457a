//! Frames damaged in every way a peer or a wire could think of: each is decoded or refused, and none of them makes the
//! process panic, abort, hang or take more memory than it may.
//!
//! The bodies run in a child process under a limit of 512 MB of address space, since an allocation by a claimed length
//! would not show as a failed assertion: it would end the process.

#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use bytes::{Bytes, BytesMut};
use cross_tests::wire_samples::{APIS, request_frame, response_frame};
use kafka_protocol::protocol::Decodable;
use producer_core::protocol::{Request, Response, broker_versions, client_versions};
use producer_core::record_batch::batches;
use producer_core::wire::{MAX_FRAME_BYTES, Malformation, RequestError, decode_request, decode_response, take_frame};

const FRAMES_PER_KIND: u32 = 100_000;
const MEMORY_LIMIT_KB: u32 = 512 * 1024;
/// Set in the child. Its value is the name of the test whose body it runs.
const CHILD: &str = "HOSTILE_FRAMES_CHILD";

/// Runs `body` in a process of its own under the memory limit; in the parent, gives what became of it.
fn under_memory_limit(test: &str, body: impl FnOnce()) -> Option<Output> {
    if std::env::var(CHILD).is_ok_and(|child| child == test) {
        body();
        return None;
    }
    let limited = format!("ulimit -v {MEMORY_LIMIT_KB} && exec \"$0\" --exact {test} --nocapture --test-threads=1");
    let child =
        Command::new("sh").arg("-c").arg(limited).arg(std::env::current_exe().unwrap()).env(CHILD, test).output();
    Some(child.expect("a shell to set the limit"))
}

/// As [`under_memory_limit`], for a body that must come through.
fn unharmed_under_memory_limit(test: &str, body: impl FnOnce()) {
    if let Some(child) = under_memory_limit(test, body) {
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{}: {said}", child.status);
        assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"), "the child ran the test");
    }
}

/// xorshift64*: enough to damage frames, and the same frames in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// One way to damage a frame.
type Damage = fn(&mut Vec<u8>, &mut Random);

const DAMAGES: [Damage; 8] = [
    |frame, random| {
        let at = random.below(frame.len());
        frame[at] ^= 1 << random.below(8);
    },
    |frame, random| {
        let at = random.below(frame.len());
        frame[at] = random.pick(&[0, 1, 0x7f, 0x80, 0xff]);
    },
    // A length, fixed or compact, that claims far more than there is, or less than nothing.
    |frame, random| {
        let at = random.below(frame.len());
        let claims: [&[u8]; 6] = [
            &[0x7f, 0xff, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xff, 0x0f],
            &[0xff, 0xff, 0xff, 0xff],
            &[0x80, 0, 0, 0],
            &[0, 0x10, 0, 0],
            &[0xff, 0xff, 0x03],
        ];
        overwrite(frame, at, random.pick(&claims));
    },
    |frame, random| frame.truncate(random.below(frame.len())),
    |frame, random| {
        let from = random.below(frame.len());
        let to = from + random.below((frame.len() - from).min(16));
        frame.drain(from..to);
    },
    |frame, random| {
        let from = random.below(frame.len());
        let piece = frame[from..(from + 1 + random.below(64)).min(frame.len())].to_vec();
        let at = random.below(frame.len());
        frame.splice(at..at, piece);
    },
    |frame, random| {
        let at = random.below(frame.len());
        let noise: Vec<u8> = (0..random.below(32)).map(|_| random.next().to_le_bytes()[0]).collect();
        overwrite(frame, at, &noise);
    },
    |frame, random| {
        let len = random.below(256);
        frame.extend((0..len).map(|_| random.next().to_le_bytes()[0]));
    },
];

fn overwrite(frame: &mut [u8], at: usize, with: &[u8]) {
    for (byte, &with) in frame[at..].iter_mut().zip(with) {
        *byte = with;
    }
}

/// A sample of one API in any version, damaged in one to four ways.
fn damaged(samples: &[Bytes], random: &mut Random) -> Bytes {
    let mut frame = samples[random.below(samples.len())].to_vec();
    for _ in 0..=random.below(4) {
        if !frame.is_empty() {
            random.pick(&DAMAGES)(&mut frame, random);
        }
    }
    frame.into()
}

/// What a broker or a client does with batches it was sent.
fn read_all(records: &Bytes) {
    for batch in batches(records).flatten() {
        let _ = batch.verify_crc();
        for record in batch.records().flatten() {
            let _ = record.headers.count();
        }
    }
}

/// Decodes damaged samples and says how many were still messages: some must be, or nothing was tried.
fn survive(samples: &[Bytes], seed: u64, mut decode: impl FnMut(Bytes, &mut Random) -> bool) {
    let mut random = Random(seed);
    let mut decoded = 0;
    // A decoder that loops never comes to the end of these.
    for _ in 0..FRAMES_PER_KIND {
        let frame = damaged(samples, &mut random);
        decoded += u32::from(decode(frame, &mut random));
    }
    assert!((FRAMES_PER_KIND / 100..FRAMES_PER_KIND).contains(&decoded), "{decoded} were still messages");
}

#[test]
fn damaged_requests_of_every_kind_do_no_harm() {
    unharmed_under_memory_limit("damaged_requests_of_every_kind_do_no_harm", || {
        for api in APIS {
            // Also versions in which only other clients ask.
            let versions = broker_versions(api).min..=broker_versions(api).max;
            let samples: Vec<Bytes> = versions.map(|version| request_frame(api, version)).collect();
            assert!(samples.iter().all(|sample| decode_request(sample.clone()).is_ok()), "{api:?}");
            survive(&samples, 0x5eed_0000 + u64::from(api.code().unsigned_abs()), |frame, _| {
                match decode_request(frame) {
                    Ok((_, Request::Produce(body))) => {
                        body.topics.iter().flat_map(|topic| &topic.partitions).for_each(|part| read_all(&part.records));
                        true
                    }
                    decoded => decoded.is_ok(),
                }
            });
        }
    });
}

/// Row 64: and whatever else a wire may make of a reply.
#[test]
fn damaged_responses_of_every_kind_do_no_harm() {
    unharmed_under_memory_limit("damaged_responses_of_every_kind_do_no_harm", || {
        for api in APIS {
            // Also versions in which only other brokers answer.
            let versions: Vec<i16> = (client_versions(api).min..=client_versions(api).max).collect();
            for &version in &versions {
                assert!(decode_response(api, version, response_frame(api, version)).is_ok());
            }
            let samples: Vec<Bytes> = versions.iter().map(|&version| response_frame(api, version)).collect();
            survive(
                &samples,
                0x5eed_1000 + u64::from(api.code().unsigned_abs()),
                |frame, random| match decode_response(api, random.pick(&versions), frame) {
                    Ok((_, Response::Fetch(body))) => {
                        let partitions = body.topics.iter().flat_map(|topic| &topic.partitions);
                        partitions.flat_map(|partition| &partition.batches).for_each(read_all);
                        true
                    }
                    decoded => decoded.is_ok(),
                },
            );
        }
    });
}

#[test]
fn streams_of_noise_end_in_an_error_or_wait_for_more() {
    unharmed_under_memory_limit("streams_of_noise_end_in_an_error_or_wait_for_more", || {
        let mut random = Random(0x5eed_2000);
        for _ in 0..FRAMES_PER_KIND {
            let len = random.below(64);
            let mut received: BytesMut = (0..len).map(|_| random.next().to_le_bytes()[0]).collect();
            // Half of them claim little, so that there are frames among them.
            if len > 4 && random.below(2) == 0 {
                received[..3].fill(0);
            }
            while let Ok(Some(frame)) = take_frame(&mut received, MAX_FRAME_BYTES) {
                let _ = decode_request(frame.clone());
                let _ = decode_response(random.pick(&APIS), 4, frame);
            }
        }
    });
}

#[test]
fn the_largest_frame_full_of_the_smallest_topics_is_refused_within_the_limit() {
    unharmed_under_memory_limit("the_largest_frame_full_of_the_smallest_topics_is_refused_within_the_limit", || {
        let header = [0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff];
        let topic = [0, 1, b'a'];
        let count = (MAX_FRAME_BYTES - header.len() - 4) / topic.len();
        let mut frame = Vec::with_capacity(MAX_FRAME_BYTES);
        frame.extend(header);
        frame.extend(u32::try_from(count).unwrap().to_be_bytes());
        (0..count).for_each(|_| frame.extend(topic));
        let error = decode_request(frame.into()).unwrap_err();
        assert!(matches!(error, RequestError::Malformed(error) if error.what == Malformation::TooLarge), "{error}");
    });
}

/// The limit is real: what makes an unguarded decoder ask for 412 GB ends the process that asks.
#[test]
fn an_unguarded_decoder_dies_of_nine_bytes_under_the_same_limit() {
    let child = under_memory_limit("an_unguarded_decoder_dies_of_nine_bytes_under_the_same_limit", || {
        let mut nine_bytes = Bytes::from_static(&[0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0]);
        let _ = kafka_protocol::messages::MetadataResponse::decode(&mut nine_bytes, 4);
    });
    if let Some(child) = child {
        assert!(!child.status.success());
        assert!(String::from_utf8_lossy(&child.stderr).contains("memory allocation of"));
    }
}
