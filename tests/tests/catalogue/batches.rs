//! What fits into a batch, and what becomes of one that is refused.

use producer_core::codecs::Codec;
use producer_core::error::ErrorCode;
use producer_core::trace::Fact;

use super::played::{Played, play, row};

/// Records and bytes of every batch that left.
fn sizes(played: &Played) -> Vec<(f64, f64)> {
    let batches = played.produced().into_iter().flat_map(|request| &request.batches);
    batches.map(|batch| (f64::from(batch.records), f64::from(batch.bytes))).collect()
}

fn bytes_per_record(played: &Played) -> f64 {
    let (records, bytes) = sizes(played).into_iter().fold((0.0, 0.0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
    bytes / records
}

/// The estimate falls by 0.005 with every batch that compresses better than it says, and a batch takes as many records as
/// fit by the estimate, with a twentieth to spare.
#[test]
fn row_31_batches_grow_while_the_estimate_walks_down_and_fuller_ones_compress_better() {
    let (small, large, plain) = (play(31, 0), play(31, 1), play(31, 2));
    let sizes = sizes(&small);
    let records = |place: usize| sizes[place].0;
    for place in [20, 60, 100] {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let expected = records(0) / (1.0 - 0.005 * place as f64);
        assert!((records(place) / expected - 1.0).abs() < 0.05, "batch {place}: {} of {expected}", records(place));
    }
    let mean = sizes.iter().map(|size| size.1).sum::<f64>() / f64::from(u32::try_from(sizes.len()).expect("few"));
    assert!(mean < 16_384.0 / 3.0, "far from batch.size on the wire: {mean}");
    let rate = |played: &Played| bytes_per_record(played) / bytes_per_record(&plain);
    assert!(rate(&large) < rate(&small) && rate(&small) < 0.25, "{} {}", rate(&large), rate(&small));
    // All codecs, on fewer records.
    for codec in Codec::ALL {
        let mut scenario = row(31);
        scenario.lanes.clear();
        scenario.producers[0].properties.set("compression.type", codec.name());
        scenario.producers[0].callers[0].loads[0].count = 1_000;
        let rate_of = |batch_size: &str| {
            let mut scenario = scenario.clone();
            scenario.producers[0].properties.set("batch.size", batch_size);
            rate(&Played::of(&scenario, 0))
        };
        let (one, many) = (rate_of("200"), rate_of("16384"));
        assert!(many < 0.6 && many < one, "{}: {many} {one}", codec.name());
    }
}

#[test]
fn row_32_one_byte_decides_whether_a_record_is_too_large() {
    let played = play(32, 0);
    assert_eq!(played.told_of(0).1, Ok(0));
    let (at, told) = played.told_of(1);
    assert_eq!((at, told), (0.0, Err("RecordTooLargeException".to_owned())), "by send() itself");
    assert_eq!(played.produced().len(), 1);
}

#[test]
fn row_33_a_batch_too_large_is_sent_again_as_it_was_and_then_in_halves() {
    let played = play(33, 0);
    let splits = played.events(|fact| matches!(fact, Fact::BatchSplit { .. })).count();
    assert_eq!((splits, played.produced().len()), (8, 23));
    let sizes = sizes(&played);
    let answers: Vec<_> = played.batches().into_iter().map(|(.., answer)| answer).collect();
    let too_large = Some(ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!((answers[0], answers[1], sizes[0].0), (too_large, too_large, sizes[1].0), "rebuilt at the same size");
    assert!(sizes[2].0 < sizes[1].0);
    assert_eq!(played.counts(), (60, 0, 60));
    let offsets: Vec<_> = (0..60).map(|call| played.told_of(call).1).collect();
    assert_eq!(offsets, (0..60).map(Ok).collect::<Vec<_>>(), "in order");
}

#[test]
fn row_34_one_record_from_the_future_fails_its_batch_and_only_itself_by_name() {
    let played = play(34, 0);
    assert_eq!((played.counts(), played.batches()[0].3), ((0, 10, 0), Some(ErrorCode::INVALID_TIMESTAMP)));
    for call in 0..10 {
        let expected = if call == 4 { "InvalidTimestampException" } else { "KafkaException" };
        assert_eq!(played.told_of(call).1, Err(expected.to_owned()), "{call}");
    }
}
