//! A way that something takes: a line of points, walked at an even pace.

/// A place on the stage, in its own units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A line of points with the way behind each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Track {
    points: Vec<(Point, f64)>,
}

/// Pieces into which a curve is cut.
const CURVE_PIECES: u32 = 12;

impl Track {
    /// Begins at a place.
    pub(super) fn from(x: i32, y: i32) -> Self {
        Self { points: vec![(Point { x: f64::from(x), y: f64::from(y) }, 0.0)] }
    }

    /// Goes straight on.
    pub(super) fn to(mut self, x: i32, y: i32) -> Self {
        self.push(Point { x: f64::from(x), y: f64::from(y) });
        self
    }

    /// Goes on in a cubic curve, given as in an SVG path.
    pub(super) fn curve(mut self, c1: (i32, i32), c2: (i32, i32), end: (i32, i32)) -> Self {
        let p0 = self.end();
        let point = |(x, y): (i32, i32)| Point { x: f64::from(x), y: f64::from(y) };
        let (p1, p2, p3) = (point(c1), point(c2), point(end));
        for piece in 1..=CURVE_PIECES {
            let t = f64::from(piece) / f64::from(CURVE_PIECES);
            let s = 1.0 - t;
            let mix = |a: f64, b: f64, c: f64, d: f64| {
                s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
            };
            self.push(Point { x: mix(p0.x, p1.x, p2.x, p3.x), y: mix(p0.y, p1.y, p2.y, p3.y) });
        }
        self
    }

    /// Where it ends.
    pub(super) fn end(&self) -> Point {
        self.points.last().map_or_else(Point::default, |(point, _)| *point)
    }

    /// Its length.
    pub(super) fn length(&self) -> f64 {
        self.points.last().map_or(0.0, |(_, way)| *way)
    }

    /// Where one is after this share of the way, 0 to 1.
    pub(super) fn at(&self, share: f64) -> Point {
        let way = share.clamp(0.0, 1.0) * self.length();
        let next = self.points.partition_point(|(_, behind)| *behind < way);
        let Some(&(after, to)) = self.points.get(next) else { return self.end() };
        let Some(&(before, from)) = next.checked_sub(1).and_then(|place| self.points.get(place)) else { return after };
        let t = (way - from) / (to - from);
        Point { x: before.x + (after.x - before.x) * t, y: before.y + (after.y - before.y) * t }
    }

    fn push(&mut self, point: Point) {
        let last = self.end();
        let way = self.length() + (point.x - last.x).hypot(point.y - last.y);
        self.points.push((point, way));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_even_around_a_corner() {
        let track = Track::from(0, 0).to(10, 0).to(10, 30);
        assert_eq!(track.at(0.125), Point { x: 5.0, y: 0.0 });
        assert_eq!(track.at(0.5), Point { x: 10.0, y: 10.0 });
        assert_eq!((track.at(-1.0), track.at(2.0)), (Point::default(), Point { x: 10.0, y: 30.0 }));
    }

    #[test]
    fn a_curve_ends_where_it_should() {
        let track = Track::from(0, 0).curve((10, 0), (10, 20), (20, 20));
        assert_eq!(track.end(), Point { x: 20.0, y: 20.0 });
        assert_eq!(track.at(0.5), Point { x: 10.0, y: 10.0 });
    }
}
