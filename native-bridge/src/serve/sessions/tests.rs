//! Whom a session obeys, and how long it stays, on a clock that stands still until everybody waits.

use kafka_producer::probe::ClusterInfo;
use tokio::time::sleep;

use super::*;

/// Sessions whose cluster never answers.
pub(in crate::serve) fn sessions() -> Arc<Sessions> {
    let servers = "127.0.0.1:1".parse().expect("an address");
    let info = ClusterInfo { cluster_id: None, brokers: Vec::new() };
    Sessions::new(Arc::new(Backend::Cluster { servers, info, allowed_topics: Vec::new() }), Defaults::default())
}

/// A new session, and how to ask for it again.
fn begun(sessions: &Arc<Sessions>) -> (Attachment, Resume) {
    let attachment = sessions.attach(None).expect("a session");
    let Some(Report::Welcome { session, epoch, .. }) = attachment.next_report() else { panic!("no welcome") };
    (attachment, Resume { session, epoch, outcomes_seen: 0 })
}

fn is_there(sessions: &Arc<Sessions>, resume: Resume) -> bool {
    match sessions.attach(Some(resume)).expect("a session").next_report() {
        Some(Report::Welcome { recovered, .. }) => recovered,
        other => panic!("{other:?} before Welcome"),
    }
}

#[tokio::test]
async fn a_page_that_lost_its_session_to_another_neither_commands_it_nor_hears_of_it() {
    let sessions = sessions();
    let (loser, resume) = begun(&sessions);
    let owner = sessions.attach(Some(resume)).expect("the session");
    assert_eq!(loser.next_report(), None, "what comes is for the other");
    loser.command(Command::Arm);
    let heard: Vec<_> = core::iter::from_fn(|| owner.next_report()).collect();
    assert!(
        matches!(heard[0], Report::Welcome { recovered: true, .. }) && !heard.contains(&Report::Armed),
        "{heard:?}"
    );
    owner.command(Command::Arm);
    assert_eq!(owner.next_report(), Some(Report::Armed));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_came_back_may_stay_for_longer_than_it_is_waited_for() {
    let sessions = sessions();
    tokio::spawn(Arc::clone(&sessions).reap());
    let (page, resume) = begun(&sessions);
    drop(page);
    sleep(Duration::from_secs(100)).await;
    let _back = sessions.attach(Some(resume)).expect("the session");
    sleep(Duration::from_secs(130)).await;
    assert!(is_there(&sessions, resume));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_lost_its_session_to_another_does_not_end_it_by_leaving() {
    let sessions = sessions();
    tokio::spawn(Arc::clone(&sessions).reap());
    let (loser, resume) = begun(&sessions);
    let _owner = sessions.attach(Some(resume)).expect("the session");
    drop(loser);
    sleep(Duration::from_secs(130)).await;
    assert!(is_there(&sessions, resume));
}
