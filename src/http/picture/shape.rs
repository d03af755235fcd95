//! What of a row is drawn.

use serde::Deserialize;

/// A row as far as it is drawn. What does not fit is as if it were not there: a picture leaves out rather than refuses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Drawn {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) angle: f64,
    pub(super) index: Option<String>,
    pub(super) points: Option<Vec<Vec<f64>>>,
    pub(super) stroke_color: Option<String>,
    pub(super) background_color: Option<String>,
    pub(super) stroke_width: Option<f64>,
    pub(super) stroke_style: Option<String>,
    pub(super) opacity: Option<f64>,
    pub(super) text: Option<String>,
    pub(super) font_size: Option<f64>,
    pub(super) font_family: Option<f64>,
    pub(super) props: serde_json::Value,
}

/// No more points of a line are kept, and of its other properties only those that are drawn.
const MAX_POINTS: usize = 1_000;
const DRAWN_PROPS: [&str; 3] = ["roundness", "lineHeight", "textAlign"];

impl Drawn {
    /// Reads a row and keeps what a small picture needs of it.
    pub(super) fn read(row: &str) -> Option<Self> {
        let mut drawn: Self = serde_json::from_str(row).ok()?;
        if let Some(points) = &mut drawn.points {
            let step = points.len().div_ceil(MAX_POINTS).max(1);
            let last = points.len().saturating_sub(1);
            let mut place = 0..;
            points.retain(|_| place.next().is_some_and(|place| place % step == 0 || place == last));
            points.shrink_to_fit();
        }
        if let Some(props) = drawn.props.as_object_mut() {
            props.retain(|name, _| DRAWN_PROPS.contains(&name.as_str()));
        }
        Some(drawn)
    }

    /// How shapes lie on each other: by index, compared by code units; without one on top; then by id.
    pub(super) fn order(&self) -> (bool, &str, &str) {
        (self.index.is_none(), self.index.as_deref().unwrap_or_default(), &self.id)
    }

    /// The corners of its box, as left, top, right and bottom, before it is turned.
    pub(super) fn frame(&self) -> [f64; 4] {
        let mut frame = [self.x, self.y, self.x, self.y];
        let mut take = |x: f64, y: f64| {
            frame = [frame[0].min(x), frame[1].min(y), frame[2].max(x), frame[3].max(y)];
        };
        match self.path() {
            Some(points) => points.for_each(|(x, y)| take(x, y)),
            None => take(self.x + self.width, self.y + self.height),
        }
        frame
    }

    /// The points of a line or stroke, on the board.
    pub(super) fn path(&self) -> Option<impl Iterator<Item = (f64, f64)>> {
        let points = self.points.as_ref().filter(|points| !points.is_empty())?;
        Some(points.iter().filter_map(|point| match point.as_slice() {
            [dx, dy, ..] => Some((self.x + dx, self.y + dy)),
            _ => None,
        }))
    }

    /// The box around it as it lies, turned, with its stroke.
    pub(super) fn bounds(&self) -> [f64; 4] {
        let [left, top, right, bottom] = self.frame();
        let (sine, cosine) = (self.angle.sin().abs(), self.angle.cos().abs());
        let (width, height) = (right - left, bottom - top);
        let half = self.stroke_width() / 2.0;
        let (reach_x, reach_y) =
            (0.5 * (width * cosine + height * sine) + half, 0.5 * (width * sine + height * cosine) + half);
        let (x, y) = (left.midpoint(right), top.midpoint(bottom));
        [x - reach_x, y - reach_y, x + reach_x, y + reach_y]
    }

    pub(super) fn stroke_width(&self) -> f64 {
        self.stroke_width.unwrap_or(2.0)
    }
}
