//! Where a shape is: the box that encloses it. The database computes the same in SQL, float for float, so the order of
//! every operation here is part of the contract.

use geo::{Coord, Rect, coord};

use super::limits::MAX_COORDINATE;

/// What of a shape decides its bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeGeometry {
    /// Ellipses and diamonds turn within their box; any other kind turns as its box.
    pub kind: String,
    /// The left edge, or the right one when the width is negative.
    pub x: f64,
    /// The top edge, or the bottom one when the height is negative.
    pub y: f64,
    /// The size in x, either sign.
    pub width: f64,
    /// The size in y, either sign.
    pub height: f64,
    /// Radians, clockwise on a screen, about the centre.
    pub angle: f64,
    /// Relative to `x`, `y`; a shape that has points has the extent of its points, whatever its box.
    pub points: Vec<[f64; 2]>,
    /// How wide the outline is drawn, half of it outside; none counts as nought.
    pub stroke_width: Option<f64>,
}

/// The side of the squares that a room is divided into.
pub const GRID_SIZE: f64 = 512.0;

/// The smallest upright box that encloses the shape with its stroke.
pub fn bounds(shape: &ShapeGeometry) -> Rect<f64> {
    let outline = if shape.points.is_empty() { box_outline(shape) } else { points_outline(shape) };
    let grow = shape.stroke_width.unwrap_or(0.0) / 2.0;
    let (min, max) = (outline.min(), outline.max());
    Rect::new(coord! { x: min.x - grow, y: min.y - grow }, coord! { x: max.x + grow, y: max.y + grow })
}

/// Why four numbers are no area `x0, y0, x1, y1`; none when they are one. One that is the wrong way round would be another than is meant as soon
/// as one of its numbers is wrong.
pub fn area_fault(area: &[f64; 4]) -> Option<&'static str> {
    let [x0, y0, x1, y1] = area;
    if area.iter().any(|number| number.is_nan() || number.abs() > MAX_COORDINATE) {
        Some("must be x0,y0,x1,y1, each finite and at most 1e9")
    } else if x0 > x1 || y0 > y1 {
        Some("must have x0 at most x1, and y0 at most y1")
    } else {
        None
    }
}

/// The smallest box of whole grid squares that encloses the bounds.
pub fn grid_box(bounds: Rect<f64>) -> Rect<f64> {
    let low = |value: f64| (value / GRID_SIZE).floor() * GRID_SIZE;
    let high = |value: f64| (value / GRID_SIZE).ceil() * GRID_SIZE;
    let (min, max) = (bounds.min(), bounds.max());
    Rect::new(coord! { x: low(min.x), y: low(min.y) }, coord! { x: high(max.x), y: high(max.y) })
}

fn points_outline(shape: &ShapeGeometry) -> Rect<f64> {
    let place = |[dx, dy]: &[f64; 2]| coord! { x: shape.x + dx, y: shape.y + dy };
    let upright = extent(shape.points.iter().map(place));
    if shape.angle == 0.0 {
        return upright;
    }
    let turn = Turn::new(middle(upright.min(), upright.max()), shape.angle);
    extent(shape.points.iter().map(|point| turn.apply(place(point))))
}

fn box_outline(shape: &ShapeGeometry) -> Rect<f64> {
    let (x, y) = (shape.x, shape.y);
    let (right, bottom) = (x + shape.width, y + shape.height);
    if shape.angle == 0.0 {
        return Rect::new(coord! { x: x, y: y }, coord! { x: right, y: bottom });
    }
    let centre = coord! { x: x + shape.width / 2.0, y: y + shape.height / 2.0 };
    let turn = Turn::new(centre, shape.angle);
    let corners = match shape.kind.as_str() {
        "ellipse" => return ellipse_outline(centre, shape),
        "diamond" => [(centre.x, y), (right, centre.y), (centre.x, bottom), (x, centre.y)],
        _ => [(x, y), (right, y), (right, bottom), (x, bottom)],
    };
    extent(corners.into_iter().map(|(x, y)| turn.apply(coord! { x: x, y: y })))
}

/// The exact extent of a turned ellipse.
fn ellipse_outline(centre: Coord<f64>, shape: &ShapeGeometry) -> Rect<f64> {
    let (half_width, half_height) = (shape.width.abs() / 2.0, shape.height.abs() / 2.0);
    let (sin, cos) = (shape.angle.sin(), shape.angle.cos());
    let square = |value: f64| value * value;
    let reach_x = (square(half_width * cos) + square(half_height * sin)).sqrt();
    let reach_y = (square(half_width * sin) + square(half_height * cos)).sqrt();
    Rect::new(
        coord! { x: centre.x - reach_x, y: centre.y - reach_y },
        coord! { x: centre.x + reach_x, y: centre.y + reach_y },
    )
}

/// A turn about a centre, clockwise where y points down.
struct Turn {
    centre: Coord<f64>,
    sin: f64,
    cos: f64,
}

impl Turn {
    fn new(centre: Coord<f64>, angle: f64) -> Self {
        Self { centre, sin: angle.sin(), cos: angle.cos() }
    }

    fn apply(&self, point: Coord<f64>) -> Coord<f64> {
        let (x, y) = (point.x - self.centre.x, point.y - self.centre.y);
        // A fused multiply-add would round once where SQL rounds twice.
        coord! { x: self.centre.x + x * self.cos - y * self.sin, y: self.centre.y + x * self.sin + y * self.cos }
    }
}

fn middle(min: Coord<f64>, max: Coord<f64>) -> Coord<f64> {
    coord! { x: f64::midpoint(min.x, max.x), y: f64::midpoint(min.y, max.y) }
}

/// The smallest box around points, of which there is at least one.
fn extent(points: impl Iterator<Item = Coord<f64>>) -> Rect<f64> {
    let none =
        (Coord { x: f64::INFINITY, y: f64::INFINITY }, Coord { x: f64::NEG_INFINITY, y: f64::NEG_INFINITY });
    let (min, max) = points.fold(none, |(min, max), point| {
        let min = coord! { x: min.x.min(point.x), y: min.y.min(point.y) };
        (min, coord! { x: max.x.max(point.x), y: max.y.max(point.y) })
    });
    Rect::new(min, max)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, TAU};

    use geo::{AffineOps, AffineTransform, BoundingRect, Intersects, MultiPoint, Point};
    use proptest::prelude::*;

    use super::*;

    fn shape(kind: &str, placement: [f64; 4], angle: f64) -> ShapeGeometry {
        let [x, y, width, height] = placement;
        ShapeGeometry {
            kind: kind.to_owned(),
            x,
            y,
            width,
            height,
            angle,
            points: vec![],
            stroke_width: None,
        }
    }

    fn edges(rect: Rect<f64>) -> [f64; 4] {
        [rect.min().x, rect.min().y, rect.max().x, rect.max().y]
    }

    fn assert_edges(rect: Rect<f64>, wanted: [f64; 4]) {
        assert_eq!(edges(rect).map(f64::to_bits), wanted.map(f64::to_bits), "{rect:?} is not {wanted:?}");
    }

    fn nearly(one: Rect<f64>, other: Rect<f64>) -> bool {
        edges(one).iter().zip(edges(other)).all(|(a, b)| (a - b).abs() <= 1e-6)
    }

    fn encloses(outer: Rect<f64>, inner: Rect<f64>) -> bool {
        let (outer, inner) = (edges(outer), edges(inner));
        let slack = 1e-6;
        outer[0] <= inner[0] + slack
            && outer[1] <= inner[1] + slack
            && outer[2] >= inner[2] - slack
            && outer[3] >= inner[3] - slack
    }

    #[test]
    fn an_upright_box_is_its_own_bounds_grown_by_half_its_stroke() {
        let mut flat = shape("rectangle", [10.0, 20.0, -30.0, 40.0], 0.0);
        assert_edges(bounds(&flat), [-20.0, 20.0, 10.0, 60.0]);
        flat.stroke_width = Some(4.0);
        assert_edges(bounds(&flat), [-22.0, 18.0, 12.0, 62.0]);
    }

    #[test]
    fn points_count_and_the_box_does_not() {
        let mut line = shape("line", [100.0, 100.0, 999.0, 999.0], 0.0);
        line.points = vec![[0.0, 0.0], [10.0, -20.0]];
        assert_edges(bounds(&line), [100.0, 80.0, 110.0, 100.0]);
        line.angle = FRAC_PI_2;
        assert!(nearly(bounds(&line), Rect::new((95.0, 85.0), (115.0, 95.0))));
    }

    #[test]
    fn each_kind_turns_as_what_it_looks_like() {
        let place = [0.0, 0.0, 100.0, 100.0];
        let reach = |kind| bounds(&shape(kind, place, FRAC_PI_4)).width();
        assert!((reach("rectangle") - 100.0 * 2.0_f64.sqrt()).abs() < 1e-9);
        assert!((reach("ellipse") - 100.0).abs() < 1e-9);
        assert!((reach("diamond") - 50.0 * 2.0_f64.sqrt()).abs() < 1e-9);
        assert!((reach("hologram") - reach("rectangle")).abs() < 1e-12);
    }

    #[test]
    fn a_turn_is_clockwise_on_a_screen() {
        let mut arrow = shape("arrow", [0.0, 0.0, 0.0, 0.0], FRAC_PI_4);
        // A long arm to the right and a short one down: turned clockwise the long arm points down and right.
        arrow.points = vec![[-10.0, 0.0], [10.0, 0.0], [10.0, 1.0]];
        let turned = bounds(&arrow);
        assert!(turned.max().y > 7.0 && turned.min().y < -6.0);
        let turn = Turn::new(coord! { x: 0.0, y: 0.0 }, FRAC_PI_2).apply(coord! { x: 1.0, y: 0.0 });
        assert!(turn.x.abs() < 1e-12 && (turn.y - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_grid_box_snaps_outwards() {
        let snapped = |a: (f64, f64), b: (f64, f64)| grid_box(Rect::new(a, b));
        assert_edges(snapped((-1.0, 0.0), (512.0, 513.0)), [-512.0, 0.0, 512.0, 1024.0]);
        assert_edges(snapped((5.0, 5.0), (5.0, 5.0)), [0.0, 0.0, 512.0, 512.0]);
    }

    fn placements() -> impl Strategy<Value = [f64; 4]> {
        prop::array::uniform4(-1e4f64..1e4)
    }

    fn kinds() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["rectangle", "ellipse", "diamond", "image"])
    }

    proptest! {
        #[test]
        fn a_full_turn_changes_nothing(kind in kinds(), place in placements(), turns in 1..4i32) {
            let turned = bounds(&shape(kind, place, TAU * f64::from(turns)));
            prop_assert!(nearly(turned, bounds(&shape(kind, place, 0.0))));
        }

        #[test]
        fn a_turned_box_is_what_geo_makes_of_it(place in placements(), angle in -7f64..7.0) {
            let [x, y, width, height] = place;
            let corners = MultiPoint::from(vec![(x, y), (x + width, y), (x, y + height), (x + width, y + height)]);
            // geo turns anticlockwise where y points up, which is clockwise where y points down.
            let transform = AffineTransform::rotate(angle.to_degrees(), (x + width / 2.0, y + height / 2.0));
            let wanted = corners.affine_transform(&transform).bounding_rect().unwrap();
            prop_assert!(nearly(bounds(&shape("rectangle", place, angle)), wanted));
        }

        #[test]
        fn ellipses_and_diamonds_stay_within_their_turned_box(
            kind in kinds(), place in placements(), angle in -7f64..7.0, stroke in 0f64..50.0,
        ) {
            let outline = |kind| ShapeGeometry { stroke_width: Some(stroke), ..shape(kind, place, angle) };
            prop_assert!(encloses(bounds(&outline("rectangle")), bounds(&outline(kind))));
            prop_assert!(encloses(bounds(&outline("ellipse")), bounds(&outline("diamond"))));
        }

        #[test]
        fn every_point_of_a_turned_ellipse_is_within_its_bounds(
            place in placements(), angle in -7f64..7.0, along in 0f64..TAU,
        ) {
            let [x, y, width, height] = place;
            let centre = coord! { x: x + width / 2.0, y: y + height / 2.0 };
            let rim = coord! { x: centre.x + width / 2.0 * along.cos(), y: centre.y + height / 2.0 * along.sin() };
            let rim = Turn::new(centre, angle).apply(rim);
            let slack = ShapeGeometry { stroke_width: Some(1e-6), ..shape("ellipse", place, angle) };
            prop_assert!(bounds(&slack).intersects(&Point::from(rim)));
        }

        #[test]
        fn a_stroke_of_points_encloses_each_of_them(
            points in prop::collection::vec(prop::array::uniform2(-1e4f64..1e4), 1..50), angle in -7f64..7.0,
        ) {
            let line = ShapeGeometry { points: points.clone(), ..shape("freedraw", [5.0, 6.0, 0.0, 0.0], 0.0) };
            let upright = bounds(&line);
            for [dx, dy] in points {
                prop_assert!(upright.intersects(&Point::new(5.0 + dx, 6.0 + dy)));
            }
            let turned = bounds(&ShapeGeometry { angle, ..line });
            prop_assert!((turned.center().x - upright.center().x).abs() <= upright.width() + upright.height());
            prop_assert!(turned.width() <= upright.width().hypot(upright.height()) + 1e-6);
        }

        #[test]
        fn the_grid_box_encloses_the_bounds_tightly(place in placements()) {
            let tight = bounds(&shape("rectangle", place, 0.0));
            let grid = grid_box(tight);
            prop_assert!(encloses(grid, tight));
            prop_assert!(grid.width() < tight.width() + 2.0 * GRID_SIZE);
        }
    }
}
