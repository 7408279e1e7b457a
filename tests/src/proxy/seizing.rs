//! Single requests that a proxy before a Kafka seizes, as the embedded brokers' rules do: it refuses them itself, or cuts
//! their connection before the broker hears of them or when it has done what they ask.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use producer_core::cluster::{Action, refusal};
use producer_core::error::ErrorCode;
use producer_core::protocol::ApiKey;
use producer_core::wire;

/// Which request is seized next, at whichever of the proxies that share this it arrives first.
#[derive(Clone, Debug, Default)]
pub struct Seizer(Arc<Mutex<Option<(ApiKey, Action)>>>);

impl Seizer {
    /// Has this happen to the next request of a kind, instead of what was to happen so far: an answer with an error to all
    /// of it, or a cut. Nothing else can be done here.
    pub fn seize_next(&self, api: ApiKey, action: Action) {
        *lock(&self.0) = Some((api, action));
    }

    fn take(&self, api: i16) -> Option<Action> {
        let mut next = lock(&self.0);
        next.take_if(|(wanted, _)| wanted.code() == api).map(|(_, action)| action)
    }
}

/// What happens when the broker has answered a request that was seized.
#[derive(Clone, Debug)]
enum Then {
    /// The client is told this instead, without its length.
    Say(Vec<u8>),
    /// The connection is cut.
    Cut,
}

/// The requests of one connection that were seized and not answered yet.
#[derive(Debug)]
pub(super) struct Seized {
    seizer: Seizer,
    waiting: Mutex<BTreeMap<i32, Then>>,
}

impl Seized {
    pub(super) fn on(seizer: Seizer) -> Self {
        Self { seizer, waiting: Mutex::default() }
    }

    /// Takes what the client said, and returns what the broker is to hear of it by now: whole requests. An error is a cut.
    pub(super) fn requests(&self, unfinished: &mut BytesMut, said: &[u8]) -> io::Result<Vec<u8>> {
        let mut passed = Vec::new();
        unfinished.extend_from_slice(said);
        while let Some(frame) = take_frame(unfinished)? {
            let mut header = frame.clone();
            let (api, _, correlation) = read_header(&mut header)?;
            match self.seizer.take(api) {
                None => put_frame(&mut passed, &frame),
                Some(Action::Answer { error, only: None }) => {
                    lock(&self.waiting).insert(correlation, Then::Say(refuse(frame, error)?));
                    put_frame(&mut passed, &harmless(correlation));
                }
                Some(Action::CutAfterAppend) => {
                    lock(&self.waiting).insert(correlation, Then::Cut);
                    put_frame(&mut passed, &frame);
                }
                Some(_) => return Err(cut()),
            }
        }
        Ok(passed)
    }

    /// Takes what the broker said, and returns what the client is to hear. An error is a cut.
    pub(super) fn answers(&self, unfinished: &mut BytesMut, said: &[u8]) -> io::Result<Vec<u8>> {
        let mut passed = Vec::new();
        unfinished.extend_from_slice(said);
        while let Some(frame) = take_frame(unfinished)? {
            let correlation = frame.clone().try_get_i32().map_err(io::Error::other)?;
            match lock(&self.waiting).remove(&correlation) {
                None => put_frame(&mut passed, &frame),
                Some(Then::Say(answer)) => put_frame(&mut passed, &answer),
                Some(Then::Cut) => return Err(cut()),
            }
        }
        Ok(passed)
    }
}

/// The answer with an error, as the embedded brokers give it.
fn refuse(frame: Bytes, error: ErrorCode) -> io::Result<Vec<u8>> {
    let (header, request) = wire::decode_request(frame).map_err(io::Error::other)?;
    let answer = refusal(&request, error).ok_or_else(|| io::Error::other("a request that wants no answer"))?;
    let frame = wire::encode_response(header.version, header.correlation, &answer).map_err(io::Error::other)?;
    let bytes: Vec<u8> = frame.buffers().flat_map(|buffer| buffer.iter().copied()).collect();
    Ok(bytes[size_of::<i32>()..].to_vec())
}

/// A request that changes nothing, `ApiVersions` 0: the broker's answer to it keeps the place of the one that the client
/// gets, behind those to earlier requests.
fn harmless(correlation: i32) -> Vec<u8> {
    const NO_CLIENT_ID: i16 = -1;
    let mut request = Vec::from(ApiKey::ApiVersions.code().to_be_bytes());
    request.extend(0_i16.to_be_bytes());
    request.extend(correlation.to_be_bytes());
    request.extend(NO_CLIENT_ID.to_be_bytes());
    request
}

/// API, version and correlation id.
fn read_header(frame: &mut Bytes) -> io::Result<(i16, i16, i32)> {
    let number = |_| io::Error::other("a request without a header");
    Ok((
        frame.try_get_i16().map_err(number)?,
        frame.try_get_i16().map_err(number)?,
        frame.try_get_i32().map_err(number)?,
    ))
}

fn take_frame(unfinished: &mut BytesMut) -> io::Result<Option<Bytes>> {
    wire::take_frame(unfinished, wire::MAX_FRAME_BYTES).map_err(io::Error::other)
}

fn put_frame(passed: &mut Vec<u8>, frame: &[u8]) {
    let length = u32::try_from(frame.len()).expect("a frame is shorter than 4 GB");
    passed.extend(length.to_be_bytes());
    passed.extend_from_slice(frame);
}

fn cut() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use producer_core::ids::{CorrelationId, ProducerIdentity};
    use producer_core::io::OutgoingRequest;
    use producer_core::protocol::{EndTxnRequest, Request, RequestHeader, Response};

    use super::*;

    const VERSION: i16 = 1;

    fn end_of_a_transaction(correlation: i32) -> Vec<u8> {
        let header = RequestHeader {
            api: ApiKey::EndTxn,
            version: VERSION,
            correlation: CorrelationId(correlation),
            client_id: None,
        };
        let body = Request::EndTxn(EndTxnRequest {
            transactional_id: "t".into(),
            identity: ProducerIdentity { id: 1, epoch: 0 },
            committed: true,
        });
        let frame =
            wire::encode_request(&OutgoingRequest { header, body, expects_response: true }).expect("it has a form");
        frame.buffers().flat_map(|buffer| buffer.iter().copied()).collect()
    }

    #[test]
    fn a_request_is_refused_in_its_turn_and_the_broker_does_not_hear_of_it() {
        let (seizer, [asked, ended]) = (Seizer::default(), [7, 8].map(end_of_a_transaction));
        let seized = Seized::on(seizer.clone());
        let mut received = [BytesMut::new(), BytesMut::new()];
        assert_eq!(seized.requests(&mut received[0], &asked).expect("passed"), asked, "none is wanted yet");
        seizer.seize_next(ApiKey::EndTxn, Action::Answer { error: ErrorCode::NOT_COORDINATOR, only: None });
        assert!(seized.requests(&mut received[0], &ended[..9]).expect("kept").is_empty(), "not whole yet");
        let instead = seized.requests(&mut received[0], &ended[9..]).expect("another");
        let (header, _) = wire::decode_request(Bytes::from(instead).slice(4..)).expect("a request");
        assert_eq!((header.api, header.correlation), (ApiKey::ApiVersions, CorrelationId(8)));
        assert_eq!(seized.requests(&mut received[0], &asked).expect("passed"), asked, "one alone is seized");

        let answer = |correlation: i32| [&6_u32.to_be_bytes()[..], &correlation.to_be_bytes(), &[0, 0]].concat();
        assert_eq!(seized.answers(&mut received[1], &answer(7)).expect("passed"), answer(7));
        let refused = seized.answers(&mut received[1], &answer(8)).expect("refused");
        let told = wire::decode_response(ApiKey::EndTxn, VERSION, Bytes::from(refused).slice(4..)).expect("an answer");
        let (CorrelationId(8), Response::EndTxn(refused)) = told else { panic!("{told:?}") };
        assert_eq!(refused.error, ErrorCode::NOT_COORDINATOR);
    }

    #[test]
    fn a_connection_is_cut_before_the_broker_hears_or_when_it_has_answered() {
        let (seizer, asked) = (Seizer::default(), end_of_a_transaction(7));
        let (seized, mut received) = (Seized::on(seizer.clone()), BytesMut::new());
        seizer.seize_next(ApiKey::EndTxn, Action::CutBeforeAppend);
        seized.requests(&mut received, &asked).expect_err("cut at once");
        seizer.seize_next(ApiKey::EndTxn, Action::CutAfterAppend);
        assert_eq!(seized.requests(&mut received, &asked).expect("passed"), asked);
        seized.answers(&mut received, &[0, 0, 0, 4, 0, 0, 0, 7]).expect_err("cut when answered");
    }
}
