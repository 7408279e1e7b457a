//! What a session asks of whoever owns it, done for as long as it lives, whether or not a page is attached.

use std::sync::{Arc, Weak};
use std::time::Duration;

use producer_core::session::SessionRequest;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::sessions::Live;
use super::world::Backend;

/// The topic a page looks at is described again this often: leaders move, brokers come and go.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Runs errands until the session is gone.
pub(super) async fn run(live: Weak<Live>, backend: Arc<Backend>) {
    let mut described: Option<Arc<str>> = None;
    let mut look: Option<Look> = None;
    let mut look_again = Instant::now() + LOOK_AGAIN;
    loop {
        let Some(errands) = live.upgrade().map(|live| live.errands()) else { return };
        let _ = timeout_at(look_again, errands.notified()).await;
        let Some(live) = live.upgrade() else { return };
        while let Some(request) = live.next_request() {
            match request {
                SessionRequest::Reconfigure(next) => live.change_producer(&backend, &next).await,
                SessionRequest::Describe(topic) => {
                    look = Some(Look::begin(&live, &backend, &topic));
                    described = Some(topic);
                    look_again = Instant::now() + LOOK_AGAIN;
                }
            }
        }
        if look_again <= Instant::now() {
            look_again = Instant::now() + LOOK_AGAIN;
            if let Some(topic) = &described
                && live.is_attached()
                && look.as_ref().is_none_or(Look::is_over)
            {
                look = Some(Look::begin(&live, &backend, topic));
            }
        }
    }
}

/// A question to the cluster under way. Dropped, it is given up: its answer is not wanted any more.
struct Look(JoinHandle<()>);

impl Look {
    fn begin(live: &Arc<Live>, backend: &Arc<Backend>, topic: &Arc<str>) -> Self {
        let (live, backend, topic) = (Arc::downgrade(live), Arc::clone(backend), Arc::clone(topic));
        Self(tokio::spawn(async move {
            if let Some(topology) = backend.describe(&topic).await
                && let Some(live) = live.upgrade()
            {
                live.set_topology(topology);
            }
        }))
    }

    fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.0.abort();
    }
}
