//! Any number of lanes has its places.

use super::*;

#[test]
fn any_number_of_lanes_stays_on_the_stage_and_none_lies_on_another() {
    for lanes in 1..=300 {
        for geometry in [Geometry::wide(lanes), Geometry::narrow(lanes)] {
            let areas = (0..lanes).map(|lane| match geometry.detail {
                Detail::Field => geometry.field_cell(lane),
                _ => geometry.band(lane),
            });
            let mut before: Option<Area> = None;
            for area in areas {
                assert!(area.x >= 0 && area.x + area.w <= geometry.width, "{lanes}: {area:?}");
                assert!(area.y >= 0 && area.y + area.h <= geometry.height, "{lanes}: {area:?}");
                if let Some(last) = before {
                    let apart = area.x >= last.x + last.w || area.y >= last.y + last.h;
                    assert!(apart, "{lanes}: {last:?} {area:?}");
                }
                before = Some(area);
            }
        }
    }
}

#[test]
fn three_lanes_are_where_the_design_has_them_and_fewer_stay_in_the_middle() {
    let three = Geometry::wide(3);
    assert_eq!([0, 1, 2].map(|lane| three.start(lane)), [86, 200, 314]);
    assert_eq!(three.belt_line(1).1, MIDDLE_LINE);
    assert_eq!(Geometry::wide(1).belt_line(0).1, MIDDLE_LINE);
}

#[test]
fn a_record_ends_in_its_crate() {
    for geometry in [Geometry::wide(3), Geometry::wide(6), Geometry::wide(12), Geometry::narrow(3)] {
        for lane in 0..geometry.lanes {
            let (x, y) = geometry.crate_area(lane, 0).centre();
            let end = geometry.belt(lane).end();
            assert_eq!((end.x, end.y), (f64::from(x), f64::from(y)));
        }
    }
}
