//! Checking one property's value by its rule and writing it as the database takes it.

use serde_json::value::RawValue;

use super::fields::{read_items, read_number, read_text, read_text_within};
use super::scrub::copy_checked;
use super::violation::Violation;
use crate::model::ids::{IdError, is_id};
use crate::model::limits::{MAX_COORDINATE, MAX_GROUPS_PER_SHAPE, MAX_POINTS_PER_SHAPE};
use crate::model::shape::{Presence, Property, Rule};
use crate::protocol::object::{push_array, push_number, push_quoted};

/// How deep a property's value stands within its shape.
const PROPERTY_DEPTH: usize = 1;

/// Writes a known property's value.
pub(crate) fn write_known(property: &Property, raw: &RawValue, out: &mut String) -> Result<(), Violation> {
    if raw.get() != "null" {
        return write_by_rule(property.rule, raw, out);
    }
    if property.presence != Presence::Optional {
        return Err(Violation::new("must not be null"));
    }
    out.push_str("null");
    Ok(())
}

/// Writes the value of a property that the node does not know.
pub(crate) fn write_unknown(raw: &RawValue, out: &mut String) -> Result<(), Violation> {
    copy_checked(raw.get(), PROPERTY_DEPTH, out)
}

fn write_by_rule(rule: Rule, raw: &RawValue, out: &mut String) -> Result<(), Violation> {
    match rule {
        Rule::Id => write_id(raw, out),
        Rule::Number { min, max } => write_number(raw, min, max, out),
        Rule::Text { min_chars, max_chars } => write_text(raw, min_chars, max_chars, out),
        Rule::Index { max_chars } => write_index(raw, max_chars, out),
        Rule::Flag => write_flag(raw, out),
        Rule::Points => write_points(raw, 0, out),
        Rule::GroupIds => write_group_ids(raw, out),
        Rule::Object => write_object(raw, out),
    }
}

fn write_id(raw: &RawValue, out: &mut String) -> Result<(), Violation> {
    let text = read_text(raw)?;
    if !is_id(&text) {
        return Err(IdError::NotShapeId.into());
    }
    push_quoted(out, &text);
    Ok(())
}

fn write_number(raw: &RawValue, min: f64, max: f64, out: &mut String) -> Result<(), Violation> {
    let number = read_number(raw).filter(|value| (min..=max).contains(value));
    let number = number.ok_or_else(|| Violation::new(number_rule(min, max)))?;
    push_number(out, number);
    Ok(())
}

fn number_rule(min: f64, max: f64) -> String {
    if min < 0.0 {
        format!("must be a finite number of at most {max:e}, either sign")
    } else {
        format!("must be a number from {min} to {max}")
    }
}

fn write_text(raw: &RawValue, min_chars: usize, max_chars: usize, out: &mut String) -> Result<(), Violation> {
    let text = read_text_within(raw, max_chars)?;
    if min_chars > 0 && text.is_empty() {
        return Err(Violation::new("must not be empty"));
    }
    push_quoted(out, &text);
    Ok(())
}

fn write_index(raw: &RawValue, max_chars: usize, out: &mut String) -> Result<(), Violation> {
    let text = read_text_within(raw, max_chars)?;
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Violation::new("must be printable ASCII"));
    }
    push_quoted(out, &text);
    Ok(())
}

fn write_flag(raw: &RawValue, out: &mut String) -> Result<(), Violation> {
    if !matches!(raw.get(), "true" | "false") {
        return Err(Violation::new("must be true or false"));
    }
    out.push_str(raw.get());
    Ok(())
}

fn write_group_ids(raw: &RawValue, out: &mut String) -> Result<(), Violation> {
    let items = read_items(raw, MAX_GROUPS_PER_SHAPE)?;
    out.push('[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_id(item, out).map_err(|violation| violation.at(position))?;
    }
    out.push(']');
    Ok(())
}

fn write_object(raw: &RawValue, out: &mut String) -> Result<(), Violation> {
    if !raw.get().starts_with('{') {
        return Err(Violation::new("must be an object"));
    }
    copy_checked(raw.get(), PROPERTY_DEPTH, out)
}

/// Writes an array of points, of which there must be at least so many.
pub(crate) fn write_points(raw: &RawValue, min_points: usize, out: &mut String) -> Result<(), Violation> {
    let items = read_items(raw, MAX_POINTS_PER_SHAPE)?;
    if items.len() < min_points {
        return Err(Violation::new(format!("must hold at least {min_points} points")));
    }
    let mut length = None;
    out.push('[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_point(item, &mut length, out).map_err(|violation| violation.at(position))?;
    }
    out.push(']');
    Ok(())
}

/// Writes one point, as long as the one before it.
fn write_point(raw: &RawValue, length: &mut Option<usize>, out: &mut String) -> Result<(), Violation> {
    let numbers = read_point(raw.get()).ok_or_else(|| {
        Violation::new(format!(
            "must be [dx,dy] or [dx,dy,pressure], finite numbers of at most {MAX_COORDINATE:e}, either sign"
        ))
    })?;
    if *length.get_or_insert(numbers.len()) != numbers.len() {
        return Err(Violation::new("must have as many numbers as the points before it"));
    }
    push_array(out, &numbers, |out, number| push_number(out, *number));
    Ok(())
}

/// The numbers of one point. Read by hand because a stroke has tens of thousands of them, and the text is well-formed
/// JSON already.
fn read_point(json: &str) -> Option<Vec<f64>> {
    let inner = json.strip_prefix('[')?.strip_suffix(']')?;
    let numbers: Option<Vec<f64>> = inner.splitn(4, ',').map(read_coordinate).collect();
    numbers.filter(|numbers| (2..=3).contains(&numbers.len()))
}

fn read_coordinate(json: &str) -> Option<f64> {
    let text = json.trim_ascii();
    let numeral = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    text.parse().ok().filter(|value: &f64| numeral && value.abs() <= MAX_COORDINATE)
}
