//! Requests without an answer on one connection, oldest first (`InFlightRequests`).

use std::collections::VecDeque;

use core::time::Duration;

use crate::ids::CorrelationId;
use crate::protocol::ApiKey;
use crate::time::Instant;

/// A request that is out; `T` is what its sender wants back with the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InFlightRequest<T> {
    pub(super) correlation: CorrelationId,
    pub(super) api: ApiKey,
    pub(super) version: i16,
    pub(super) sent_at: Instant,
    /// Its answer must be here before.
    pub(super) deadline: Instant,
    pub(super) expects_response: bool,
    pub(super) asked: T,
}

/// The queue.
#[derive(Clone, Debug)]
pub(super) struct InFlight<T> {
    requests: VecDeque<InFlightRequest<T>>,
    /// The request that the socket does not take whole for now.
    stalled: Option<CorrelationId>,
}

impl<T> Default for InFlight<T> {
    fn default() -> Self {
        Self { requests: VecDeque::new(), stalled: None }
    }
}

impl<T> InFlight<T> {
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn push(&mut self, request: InFlightRequest<T>) {
        self.requests.push_back(request);
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &InFlightRequest<T>> {
        self.requests.iter()
    }

    /// Is a request being written? Nothing else leaves before it is whole (`InFlightRequests.canSendMore`): what does not
    /// leave goes on filling, and has no sequence yet. Of a request with an answer it is known only while it stalls; of one
    /// that gets none, until it is whole.
    pub(super) fn is_writing(&self) -> bool {
        self.stalled.is_some() || self.requests.back().is_some_and(|newest| !newest.expects_response)
    }

    /// A request is not taken whole by the socket.
    pub(super) fn on_stalled(&mut self, correlation: CorrelationId) {
        if self.requests.iter().any(|request| request.correlation == correlation) {
            self.stalled = Some(correlation);
        }
    }

    /// Does the socket not take this request whole?
    pub(super) fn is_stalled(&self, correlation: CorrelationId) -> bool {
        self.stalled == Some(correlation)
    }

    /// A request's last byte was written. Gives it back when that is all the answer it gets.
    pub(super) fn on_written(&mut self, correlation: CorrelationId) -> Option<InFlightRequest<T>> {
        self.stalled.take_if(|stalled| *stalled == correlation);
        let is_meant = |request: &InFlightRequest<T>| request.correlation == correlation && !request.expects_response;
        let place = self.requests.iter().position(is_meant)?;
        self.requests.remove(place)
    }

    /// A response arrived. `None`: it answers no question that is next in line, so the peer is out of step.
    pub(super) fn on_response(
        &mut self,
        correlation: CorrelationId,
        is_expected: impl Fn(&InFlightRequest<T>) -> bool,
    ) -> Option<InFlightRequest<T>> {
        let place = self.requests.iter().position(|request| request.expects_response)?;
        let oldest = &self.requests[place];
        if oldest.correlation != correlation || !is_expected(oldest) {
            return None;
        }
        // Answered before it was written whole: who answers so has heard enough.
        self.stalled.take_if(|stalled| *stalled == correlation);
        self.requests.remove(place)
    }

    /// The first deadline: requests are answered in order, so the oldest counts, but a throttle may have moved it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.requests.iter().map(|request| request.deadline).min()
    }

    /// The broker asked for a pause, which counts for nobody's patience.
    pub(super) fn postpone(&mut self, by: Duration) {
        for request in &mut self.requests {
            request.deadline = request.deadline + by;
        }
    }

    /// All of them, oldest first: the connection is gone.
    pub(super) fn take_all(&mut self) -> Vec<InFlightRequest<T>> {
        self.stalled = None;
        core::mem::take(&mut self.requests).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: i32, expects_response: bool) -> InFlightRequest<i32> {
        InFlightRequest {
            correlation: CorrelationId(number),
            api: ApiKey::Produce,
            version: 9,
            sent_at: Instant::ZERO,
            deadline: Instant::from_millis(u64::from(number.unsigned_abs())),
            expects_response,
            asked: number,
        }
    }

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let mut in_flight = InFlight::default();
        in_flight.push(request(1, true));
        in_flight.push(request(2, true));
        assert_eq!(in_flight.on_response(CorrelationId(2), |_| true), None, "out of step");
        assert_eq!(in_flight.on_response(CorrelationId(1), |_| true), Some(request(1, true)));
        assert_eq!(in_flight.on_response(CorrelationId(1), |_| true), None, "answered once");
        assert_eq!(in_flight.len(), 1);
    }

    #[test]
    fn a_request_without_an_answer_is_done_when_it_is_written() {
        let mut in_flight = InFlight::default();
        in_flight.push(request(1, true));
        in_flight.push(request(2, false));
        assert_eq!(in_flight.on_written(CorrelationId(1)), None, "its answer is still to come");
        assert!(in_flight.is_writing());
        assert_eq!(in_flight.on_written(CorrelationId(2)), Some(request(2, false)));
        assert!(!in_flight.is_writing());
        assert_eq!(in_flight.on_response(CorrelationId(1), |_| true), Some(request(1, true)));
    }

    /// Mirrors `InFlightRequestsTest.testCompleteNext`: of two requests the first is completed first, then the second,
    /// and none is left.
    /// Mirrors `InFlightRequestsTest.testCompleteNextThrowsIfNoInFlights`: where nothing is out there is nothing to
    /// complete.
    /// Mirrors `InFlightRequestsTest.testCompleteLastSent`: of two requests the one sent last is completed first when
    /// it is written, then the one before, and none is left.
    /// Mirrors `InFlightRequestsTest.testCompleteLastSentThrowsIfNoInFlights`: where nothing is out there is nothing to
    /// complete as written.
    /// Mirrors `InFlightRequestsTest.testClearAll`: two requests are given back in the order in which they were sent,
    /// and none is left.
    #[test]
    fn requests_leave_one_by_one_or_all_at_once_and_each_only_once() {
        let two = |expects_response| {
            let mut in_flight = InFlight::default();
            in_flight.push(request(1, expects_response));
            in_flight.push(request(2, expects_response));
            assert_eq!(in_flight.len(), 2);
            in_flight
        };
        let mut answered = two(true);
        for (number, left) in [(1, 1), (2, 0)] {
            assert_eq!(answered.on_response(CorrelationId(number), |_| true), Some(request(number, true)));
            assert_eq!(answered.len(), left);
        }
        assert_eq!(answered.on_response(CorrelationId(2), |_| true), None, "nothing is out");

        let mut written = two(false);
        for (number, left) in [(2, 1), (1, 0)] {
            assert_eq!(written.on_written(CorrelationId(number)), Some(request(number, false)));
            assert_eq!(written.len(), left);
        }
        assert_eq!(written.on_written(CorrelationId(1)), None, "nothing is out");

        let mut lost = two(true);
        assert_eq!(lost.take_all(), [request(1, true), request(2, true)]);
        assert_eq!(lost.len(), 0);
    }

    #[test]
    fn a_throttle_moves_the_deadlines() {
        let mut in_flight = InFlight::default();
        in_flight.push(request(5, true));
        in_flight.postpone(Duration::from_millis(7));
        assert_eq!(in_flight.deadline(), Some(Instant::from_millis(12)));
        assert_eq!(in_flight.take_all().len(), 1);
        assert_eq!(in_flight.deadline(), None);
    }
}
