//! Rows as SVG. Pure, and bounded: what would make a picture too large is left out.

use std::fmt::Write;

use super::shape::Drawn;

/// About the most that a picture takes.
const MAX_BYTES: usize = 256 * 1024;
/// A line has at most so many points in a picture, a text so many lines, a line of text so many characters.
const MAX_POINTS: usize = 160;
const MAX_TEXT_LINES: usize = 24;
const MAX_LINE_CHARS: usize = 160;
/// Room around the drawing, as a share of its size, and at least.
const MARGIN: f64 = 0.05;
const LEAST_MARGIN: f64 = 10.0;
/// A drawing smaller than this is not blown up.
const LEAST_SIDE: f64 = 240.0;

/// A picture of shapes, the lowest first.
pub(super) fn svg(shapes: &[Drawn]) -> String {
    let [x, y, width, height] = view(shapes);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{x:.1} {y:.1} {width:.1} {height:.1}\" \
         stroke-linecap=\"round\" stroke-linejoin=\"round\" fill=\"none\">"
    );
    for shape in shapes {
        let drawn = element(shape);
        if svg.len() + drawn.len() < MAX_BYTES {
            svg.push_str(&drawn);
        }
    }
    svg.push_str("</svg>");
    svg
}

/// The part of the board to show: left, top, width, height.
fn view(shapes: &[Drawn]) -> [f64; 4] {
    let around = shapes.iter().map(Drawn::bounds).filter(|bounds| bounds.iter().all(|side| side.is_finite()));
    let joined = around
        .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
        .unwrap_or_default();
    let [left, top, right, bottom] = joined;
    let margin = ((right - left).max(bottom - top) * MARGIN).max(LEAST_MARGIN);
    let (width, height) =
        ((right - left + 2.0 * margin).max(LEAST_SIDE), (bottom - top + 2.0 * margin).max(LEAST_SIDE * 0.75));
    [(left + right - width) / 2.0, (top + bottom - height) / 2.0, width, height]
}

/// One shape, turned about the centre of its box.
fn element(shape: &Drawn) -> String {
    let [left, top, right, bottom] = shape.frame();
    let turn = if shape.angle == 0.0 {
        String::new()
    } else {
        format!(
            " transform=\"rotate({:.2} {:.1} {:.1})\"",
            shape.angle.to_degrees(),
            left.midpoint(right),
            top.midpoint(bottom)
        )
    };
    let opacity = shape.opacity.map_or(1.0, |percent| percent / 100.0);
    format!("<g opacity=\"{opacity:.2}\"{turn}{}>{}</g>", style(shape), body(shape))
}

fn style(shape: &Drawn) -> String {
    let stroke = color(shape.stroke_color.as_deref(), "#1e1e1e");
    let width = shape.stroke_width();
    let dashes = match shape.stroke_style.as_deref() {
        Some("dashed") => format!(" stroke-dasharray=\"{:.1} {:.1}\"", 4.0 * width, 4.0 * width),
        Some("dotted") => format!(" stroke-dasharray=\"0.1 {:.1}\"", 3.0 * width),
        _ => String::new(),
    };
    format!(" stroke=\"{stroke}\" stroke-width=\"{width:.1}\"{dashes}")
}

fn body(shape: &Drawn) -> String {
    let [left, top, right, bottom] = shape.frame();
    let (width, height) = (right - left, bottom - top);
    let fill = color(shape.background_color.as_deref(), "none");
    match shape.kind.as_str() {
        "ellipse" => format!(
            "<ellipse fill=\"{fill}\" cx=\"{:.1}\" cy=\"{:.1}\" rx=\"{:.1}\" ry=\"{:.1}\"/>",
            left + width / 2.0,
            top + height / 2.0,
            width / 2.0,
            height / 2.0
        ),
        "diamond" => {
            let (x, y) = (left + width / 2.0, top + height / 2.0);
            format!(
                "<path fill=\"{fill}\" d=\"M{x:.1} {top:.1}L{right:.1} {y:.1} {x:.1} {bottom:.1} {left:.1} {y:.1}Z\"/>"
            )
        }
        "text" => text(shape),
        "line" | "arrow" | "freedraw" => path(shape, &fill),
        "image" => block(shape, "#ced4da"),
        _ => block(shape, &fill),
    }
}

/// A box, with round corners where the component rounds them.
fn block(shape: &Drawn, fill: &str) -> String {
    let [left, top, right, bottom] = shape.frame();
    let (width, height) = (right - left, bottom - top);
    let rounded = shape.props.get("roundness").is_some_and(serde_json::Value::is_object);
    let radius = if rounded { (width.min(height) / 4.0).min(32.0) } else { 0.0 };
    format!(
        "<rect fill=\"{fill}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius:.1}\"/>"
    )
}

/// A line through some of the points, the last one among them; an arrow with its head.
fn path(shape: &Drawn, fill: &str) -> String {
    let points: Vec<(f64, f64)> = match shape.path() {
        Some(points) => points.collect(),
        None => vec![(shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height)],
    };
    let stride = points.len().div_ceil(MAX_POINTS).max(1);
    let thinned = points.iter().step_by(stride).chain(points.last());
    let mut path = String::new();
    for (at, (x, y)) in thinned.enumerate() {
        // Writing to a String does not fail.
        _ = write!(path, "{}{x:.1} {y:.1}", if at == 0 { "M" } else { " L" });
    }
    if shape.kind == "arrow" {
        path.push_str(&head(&points, shape.stroke_width()));
    }
    let closed = points.len() > 2 && points.first() == points.last();
    format!("<path fill=\"{}\" d=\"{path}\"/>", if closed { fill } else { "none" })
}

/// Two strokes back from the end of an arrow.
fn head(points: &[(f64, f64)], stroke_width: f64) -> String {
    let (Some(&(x, y)), Some(&(from_x, from_y))) = (points.last(), points.iter().rev().nth(1)) else {
        return String::new();
    };
    let (dx, dy) = (from_x - x, from_y - y);
    let length = dx.hypot(dy);
    if length < 0.01 {
        return String::new();
    }
    let size = (8.0 + 4.0 * stroke_width).min(length / 2.0) / length;
    let wing = |turn: f64| (x + (dx - turn * dy) * size, y + (dy + turn * dx) * size);
    let ((left_x, left_y), (right_x, right_y)) = (wing(0.4), wing(-0.4));
    format!(" M{left_x:.1} {left_y:.1} L{x:.1} {y:.1} L{right_x:.1} {right_y:.1}")
}

/// A text, line by line. The fonts of the board are not in a picture: it names kinds of fonts.
fn text(shape: &Drawn) -> String {
    let size = shape.font_size.unwrap_or(20.0);
    let named = shape.props.get("lineHeight").and_then(serde_json::Value::as_f64);
    let line_height = named.unwrap_or(1.25) * size;
    let (anchor, x) = match shape.props.get("textAlign").and_then(serde_json::Value::as_str) {
        Some("center") => ("middle", shape.x + shape.width / 2.0),
        Some("right") => ("end", shape.x + shape.width),
        _ => ("start", shape.x),
    };
    let fill = color(shape.stroke_color.as_deref(), "#1e1e1e");
    let mut text = format!(
        "<text stroke=\"none\" fill=\"{fill}\" font-size=\"{size:.1}\" font-family=\"{}\" text-anchor=\"{anchor}\" xml:space=\"preserve\">",
        font(shape.font_family)
    );
    let lines = shape.text.as_deref().unwrap_or_default().split('\n').take(MAX_TEXT_LINES);
    let mut baseline = shape.y + size + (line_height - size) / 2.0 - size * 0.15;
    for line in lines {
        // Writing to a String does not fail.
        _ = write!(text, "<tspan x=\"{x:.1}\" y=\"{baseline:.1}\">{}</tspan>", escaped(line));
        baseline += line_height;
    }
    text.push_str("</text>");
    text
}

/// The component's numbers for its fonts: 3 and 8 are for code, 1 and 5 are written by hand.
fn font(family: Option<f64>) -> &'static str {
    let is = |numbers: &[f64]| {
        numbers.iter().any(|number| family.is_some_and(|family| (family - number).abs() < 0.5))
    };
    if is(&[3.0, 8.0]) {
        "monospace"
    } else if is(&[2.0, 6.0, 7.0, 9.0]) {
        "sans-serif"
    } else {
        "Excalifont, Virgil, 'Comic Sans MS', 'Comic Neue', cursive, sans-serif"
    }
}

fn escaped(line: &str) -> String {
    let mut safe = String::new();
    for character in line.chars().take(MAX_LINE_CHARS) {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // What XML cannot hold.
            '\t' => safe.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => safe.push(other),
        }
    }
    safe
}

/// A colour if it can be one: it is written by anybody, and stands in an attribute.
fn color(asked: Option<&str>, otherwise: &str) -> String {
    let fits = |text: &&str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "#(),.% ".contains(c))
    };
    let safe = asked.filter(fits).filter(|text| !text.contains("url"));
    safe.map_or_else(
        || otherwise.to_owned(),
        |text| if text == "transparent" { "none".into() } else { text.into() },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn drawn(row: serde_json::Value) -> Drawn {
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn nothing_that_people_write_becomes_markup() {
        let evil = "\"/><script>alert(1)</script>";
        let svg = svg(&[
            drawn(
                json!({"id": "a", "kind": "text", "text": evil, "stroke_color": evil, "background_color": "url(#x)"}),
            ),
            drawn(json!({"id": evil, "kind": evil, "width": 5, "height": 5, "stroke_style": evil})),
        ]);
        assert!(!svg.contains("<script") && !svg.contains("url("), "{svg}");
        assert!(svg.contains("&lt;script&gt;"), "{svg}");
    }

    #[test]
    fn a_picture_is_bounded() {
        let points: Vec<[f64; 2]> = (0..50_000).map(|n| [f64::from(n), 0.5]).collect();
        let stroke = || drawn(json!({"id": "s", "kind": "freedraw", "points": points}));
        let one = svg(&[stroke()]);
        assert!(one.len() < 10_000 && one.contains("49999.0 0.5"), "{}", one.len());
        let many: Vec<Drawn> = (0..500).map(|_| stroke()).collect();
        assert!(svg(&many).len() < MAX_BYTES + 100);
    }

    #[test]
    fn an_empty_board_and_one_far_away_have_a_view() {
        assert_eq!(format!("{:?}", view(&[])), "[-120.0, -90.0, 240.0, 180.0]");
        let [x, y, width, height] =
            view(&[drawn(json!({"kind": "rectangle", "x": 1e9, "y": -1e9, "width": 10, "height": 10}))]);
        assert!(x < 1e9 && y < -1e9 && width >= 240.0 && height >= 180.0);
    }
}
