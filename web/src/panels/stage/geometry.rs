//! Where everything on the stage is: the one set of numbers behind what stands (SVG) and what moves (canvas).

#[cfg(test)]
mod tests;

use super::track::Track;

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
    offset: 73,
    tick: 81,
};

const MIDDLE: Row = Row {
    height: 51,
    head: 11,
    belt: 31,
    crate_h: 25,
    notes: [48, 48],
    request: 22,
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
    head: 10,
    belt: 18,
    crate_h: 14,
    notes: [14, 14],
    request: 7,
    answer_line: 22,
    answer: 18,
    packet_h: 14,
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
        let detail = detail(lanes);
        let (row, pitch) = match detail {
            Detail::Tall => (TALL, 114),
            Detail::Middle => (MIDDLE, 57),
            Detail::Slim | Detail::Field => (SLIM, 28),
        };
        let rows = if detail == Detail::Field { lanes.div_ceil(FIELD_COLUMNS) } else { lanes };
        let pitch = pitch.min(ROWS_HEIGHT / count(rows.max(1))).max(1);
        let first = if detail == Detail::Field { 86 } else { 86 + (ROWS_HEIGHT - count(rows) * pitch) / 2 };
        Self { flow: Flow::Right, width: 1128, height: 464, lanes, detail, row, pitch, first }
    }

    /// For narrow pages: the belt turns downward.
    pub(super) fn narrow(lanes: usize) -> Self {
        let detail = detail(lanes);
        let pitch = match detail {
            Detail::Tall => 82,
            Detail::Middle => 41,
            Detail::Slim | Detail::Field => 20,
        };
        let first = match detail {
            Detail::Field => 112,
            _ => 112 + (246 - count(lanes) * pitch) / 2,
        };
        Self { flow: Flow::Down, width: 358, height: 370, lanes, detail, row: TALL, pitch, first }
    }
}

/// The belt's height before it parts into lanes, in the wide stage.
pub(super) const MIDDLE_LINE: i32 = 260;
/// The partitioner's middle, wide.
pub(super) const WHEEL: (i32, i32) = (252, MIDDLE_LINE);
/// The partitioner's middle, narrow.
pub(super) const WHEEL_DOWN: (i32, i32) = (232, 88);
/// The sender's rail: across the flow's way, wide.
pub(super) const RAIL: i32 = 546;
/// The sender's rail, narrow.
pub(super) const RAIL_DOWN: i32 = 206;
/// Where a lane's band begins and ends, wide.
pub(super) const BAND: (i32, i32) = (326, 782);
/// Height of the way home, wide.
pub(super) const HOME: i32 = 438;
/// Where answers ride on the way home: under the words that stand on it.
const UNDER_HOME: i32 = HOME + 15;

impl Geometry {
    /// Where a lane begins, across the flow.
    pub(super) fn start(&self, lane: usize) -> i32 {
        self.first + count(lane) * self.pitch
    }

    /// Width of a column, narrow.
    pub(super) fn column(&self) -> i32 {
        (self.pitch - 6).max(self.pitch - self.pitch / 6)
    }

    /// A lane's tinted ground.
    pub(super) fn band(&self, lane: usize) -> Area {
        match self.flow {
            Flow::Right => Area::new(BAND.0, self.start(lane), BAND.1 - BAND.0, self.row.height),
            Flow::Down => Area::new(self.start(lane), 114, self.column(), 256),
        }
    }

    /// Room of a crate; place 0 leaves next.
    pub(super) fn crate_area(&self, lane: usize, place: usize) -> Area {
        match self.flow {
            Flow::Right => {
                let y = self.start(lane) + self.row.belt - self.row.crate_h;
                Area::new(444 - 52 * count(place), y, 43, self.row.crate_h)
            }
            Flow::Down => {
                let w = (self.column() - 6).min(40);
                Area::new(self.start(lane) + (self.column() - w) / 2, 136, w, 36)
            }
        }
    }

    /// Crates that a shelf has room for.
    pub(super) fn crates(&self) -> usize {
        match (self.flow, self.detail) {
            (Flow::Right, Detail::Tall | Detail::Middle) => 2,
            _ => 1,
        }
    }

    /// A cell of the field of partitions that are too many for rows.
    pub(super) fn field_cell(&self, lane: usize) -> Area {
        match self.flow {
            Flow::Right => {
                let (column, row) = (count(lane % FIELD_COLUMNS), count(lane / FIELD_COLUMNS));
                Area::new(BAND.1 + 4 + column * 27, self.first + row * self.pitch, 25, (self.pitch - 2).max(1))
            }
            Flow::Down => {
                let rows = count(self.lanes.div_ceil(FIELD_COLUMNS)).max(1);
                let pitch = (62 / rows).clamp(1, 20);
                let (column, row) = (count(lane % FIELD_COLUMNS), count(lane / FIELD_COLUMNS));
                Area::new(112 + column * 20, 304 + row * pitch, 18, (pitch - 1).max(1))
            }
        }
    }

    /// The first part of [`belt`](Self::belt), on which a record has no lane yet.
    pub(super) fn to_wheel(&self) -> Track {
        match self.flow {
            Flow::Right => {
                let ride = MIDDLE_LINE - 13;
                Track::from(124, ride).to(226, ride).to(WHEEL.0, WHEEL.1)
            }
            Flow::Down => Track::from(WHEEL_DOWN.0, 50).to(WHEEL_DOWN.0, WHEEL_DOWN.1),
        }
    }

    /// A record's way from the caller to its shelf.
    pub(super) fn belt(&self, lane: usize) -> Track {
        let (x, y) = self.crate_area(lane, 0).centre();
        match self.flow {
            Flow::Right => {
                let (_, belt) = self.belt_line(lane);
                self.to_wheel()
                    .to(270, WHEEL.1)
                    .curve((302, MIDDLE_LINE), (298, belt), (334, belt))
                    .to(x - 50, belt)
                    .to(x, y)
            }
            Flow::Down => {
                let end = (x, 126);
                self.to_wheel().to(WHEEL_DOWN.0, 104).curve((WHEEL_DOWN.0, 116), (x, 106), end).to(x, y)
            }
        }
    }

    /// Where the curve from the partitioner meets a lane.
    pub(super) fn belt_line(&self, lane: usize) -> (i32, i32) {
        match (self.flow, self.detail) {
            (Flow::Right, Detail::Field) => (334, MIDDLE_LINE),
            (Flow::Right, _) => (334, self.start(lane) + self.row.belt),
            (Flow::Down, _) => (self.start(lane) + self.column() / 2, 126),
        }
    }

    /// The middle of a request, from the sender to the broker.
    pub(super) fn wire(&self, lane: usize) -> Track {
        match (self.flow, self.detail) {
            (Flow::Right, Detail::Field) => {
                let (x, y) = self.field_cell(lane).centre();
                Track::from(574, MIDDLE_LINE).to(x, y)
            }
            (Flow::Right, _) => {
                let y = self.start(lane) + self.row.request;
                // The one line of a slim row begins with the slots.
                let from = if self.detail == Detail::Slim { 622 } else { 596 };
                Track::from(from, y).to(754, y)
            }
            (Flow::Down, _) => {
                let (x, _) = self.wires_down(lane);
                Track::from(x, 228).to(x, 288)
            }
        }
    }

    /// The middle of an answer, from the broker to the sender.
    pub(super) fn answer(&self, lane: usize) -> Track {
        match (self.flow, self.detail) {
            (Flow::Right, Detail::Field) => {
                let (x, y) = self.field_cell(lane).centre();
                Track::from(x, y).to(574, MIDDLE_LINE + 24)
            }
            (Flow::Right, _) => {
                let y = self.start(lane) + self.row.answer;
                Track::from(750, y).to(592, y)
            }
            (Flow::Down, _) => {
                let (_, x) = self.wires_down(lane);
                Track::from(x, 288).to(x, 230)
            }
        }
    }

    /// Where the request's and the answer's line are in a column.
    pub(super) fn wires_down(&self, lane: usize) -> (i32, i32) {
        let (x, w) = (self.start(lane), self.column());
        (x + w * 33 / 100, x + w * 80 / 100)
    }

    /// The way home, from the sender to the caller.
    pub(super) fn home(&self) -> Track {
        match self.flow {
            Flow::Right => Track::from(520, UNDER_HOME).to(70, UNDER_HOME).to(70, 316),
            Flow::Down => Track::from(108, RAIL_DOWN - 8).to(108, 30).to(176, 30),
        }
    }
}

/// How much each of so many lanes shows.
const fn detail(lanes: usize) -> Detail {
    match lanes {
        few if few <= TALL_ROWS => Detail::Tall,
        some if some <= MIDDLE_ROWS => Detail::Middle,
        many if many <= SLIM_ROWS => Detail::Slim,
        _ => Detail::Field,
    }
}

/// A number of lanes as a coordinate.
pub(super) fn count(lanes: usize) -> i32 {
    i32::try_from(lanes).unwrap_or(i32::MAX / 1_000)
}
