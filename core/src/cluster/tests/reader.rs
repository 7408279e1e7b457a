//! What a consumer makes of the answer to a fetch (`CompletedFetch`).

use std::collections::BTreeSet;

use crate::protocol::FetchPartitionResponse;
use crate::record_batch::BatchView;

/// Isolation level of a reader of everything.
pub(crate) const READ_UNCOMMITTED: i8 = 0;
/// Isolation level of a careful reader.
pub(crate) const READ_COMMITTED: i8 = 1;

/// Offsets and values of the records that a consumer hands to its program: markers never, and what transactions wrote
/// of which the answer says that they were aborted neither.
pub(crate) fn sifted(fetched: &FetchPartitionResponse) -> Vec<(i64, String)> {
    let mut to_come = fetched.aborted_transactions.clone().unwrap_or_default();
    let mut aborting = BTreeSet::new();
    let mut given = Vec::new();
    for bytes in &fetched.batches {
        let batch = BatchView::parse(bytes).expect("a whole batch");
        let begun = to_come.extract_if(.., |transaction| transaction.first_offset <= batch.last_offset());
        aborting.extend(begun.map(|transaction| transaction.producer_id));
        if batch.is_control() {
            // Commit or abort: what follows belongs to the next transaction.
            aborting.remove(&batch.producer_id());
        } else if !(batch.is_transactional() && aborting.contains(&batch.producer_id())) {
            given.extend(batch.records().map(|record| {
                let record = record.expect("a whole record");
                let value = String::from_utf8(record.value.expect("a value").to_vec()).expect("text");
                (batch.base_offset() + i64::from(record.offset_delta), value)
            }));
        }
    }
    given
}
