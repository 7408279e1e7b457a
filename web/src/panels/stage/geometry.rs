//! Where everything on the stage is: the one set of numbers behind what stands (SVG) and what moves (canvas).



/// Partitions up to which a row has all its words; of these rows three fill the stage.
const TALL_ROWS: usize = 3;
/// Partitions up to which a row has a crate and one line of words.
const MIDDLE_ROWS: usize = 6;
/// Partitions up to which a row is one line.
const SLIM_ROWS: usize = 12;
/// Height that the rows share in the wide stage.
const ROWS_HEIGHT: i32 = 342;
/// Columns of the field of partitions that are too many for rows.
const FIELD_COLUMNS: usize = 12;

/// Which way records travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// From left to right; a partition is a row.
    Right,
    /// Downward; a partition is a column.
    Down,
}

/// How much a partition's lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Tall,
    /// A crate, one line of words, slots, cells.
    Middle,
    /// One line.
    Slim,
    /// A cell with counts in a field of cells.
    Field,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) w: i32,
    pub(super) h: i32,
}

impl Area {
    pub(super) const fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self { x, y, w, h }
    }

    /// Its middle.
    pub(super) const fn centre(self) -> (i32, i32) {
        (self.x + self.w / 2, self.y + self.h / 2)
    }
}

/// Where the parts of a lane are, from its top, in the wide stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Height of its band.
    pub(super) height: i32,
    /// Middle of its first line: name, slots, the broker's head.
    pub(super) head: i32,
    /// The belt and the request's wire.
    pub(super) belt: i32,
    /// Height of a crate on the belt.
    pub(super) crate_h: i32,
    /// Baselines of the words under the belt.
    pub(super) notes: [i32; 2],
    /// Middle of a request on its way.
    pub(super) request: i32,
    /// The dotted line.
    pub(super) answer_line: i32,
    /// Middle of an answer on its way.
    pub(super) answer: i32,
    /// Height of a packet.
    pub(super) packet_h: i32,
    /// Top of the log's cells.
    pub(super) cells: i32,
    /// Their height.
    pub(super) cell_h: i32,
    /// Baseline of the offsets.
    pub(super) offset: i32,
    /// Middle of the ticks.
    pub(super) tick: i32,
}

const TALL: Row = Row {
    height: 103,
    head: 13,
    belt: 60,
    crate_h: 52,
    notes: [81, 97],
    request: 45,
    answer_line: 90,
    answer: 76,
    packet_h: 21,
    cells: 29,
    cell_h: 31,
    offset: 75,
    tick: 86,
};

const MIDDLE: Row = Row {
    height: 51,
    head: 11,
    belt: 33,
    crate_h: 26,
    notes: [47, 47],
    request: 23,
    answer_line: 44,
    answer: 43,
    packet_h: 15,
    cells: 19,
    cell_h: 18,
    offset: 48,
    tick: 44,
};

const SLIM: Row = Row {
    height: 25,
    head: 12,
    belt: 18,
    crate_h: 14,
    notes: [16, 16],
    request: 8,
    answer_line: 21,
    answer: 19,
    packet_h: 11,
    cells: 4,
    cell_h: 16,
    offset: 16,
    tick: 12,
};

/// The stage for a number of partitions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Geometry {
    pub(super) flow: Flow,
    pub(super) width: i32,
    pub(super) height: i32,
    pub(super) lanes: usize,
    pub(super) detail: Detail,
    pub(super) row: Row,
    /// From one lane to the next.
    pub(super) pitch: i32,
    /// Where the first lane begins, across the flow.
    first: i32,
}

impl Geometry {
    /// For pages of 720 px and more.
    pub(super) fn wide(lanes: usize) -> Self {
        let (detail, row, pitch) = match lanes {
            0..=TALL_ROWS => (Detail::Tall, TALL, 114),
            ..=MIDDLE_ROWS => (Detail::Middle, MIDDLE, 57),
            ..=SLIM_ROWS => (Detail::Slim, SLIM, 28),
            _ => (Detail::Field, SLIM, 28),
        };
        let rows = if detail == Detail::Field { lanes.div_ceil(FIELD_COLUMNS) } else { lanes };
        let pitch = pitch.min(ROWS_HEIGHT / count(rows.max(1))).max(1);
        let first = if detail == Detail::Field { 86 } else { 86 + (ROWS_HEIGHT - count(rows) * pitch) / 2 };
        Self { flow: Flow::Right, width: 1128, height: 464, lanes, detail, row, pitch, first }
    }

    /// For narrow pages: the belt turns downward.
    pub(super) fn narrow(lanes: usize) -> Self {
        let (detail, pitch) = match lanes {
            0..=TALL_ROWS => (Detail::Tall, 82),
            ..=MIDDLE_ROWS => (Detail::Middle, 41),
            ..=SLIM_ROWS => (Detail::Slim, 20),
            _ => (Detail::Field, 20),
        };
        let first = match detail {
            Detail::Field => 112,
            _ => 112 + (246 - count(lanes) * pitch) / 2,
        };
        Self { flow: Flow::Down, width: 358, height: 370, lanes, detail, row: TALL, pitch, first }
    }
}

/// A number of lanes as a coordinate.
pub(super) fn count(lanes: usize) -> i32 {
    i32::try_from(lanes).unwrap_or(i32::MAX / 1_000)
}
