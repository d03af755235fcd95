//! Checking one property's value by its rule, writing it as the log will hold it, and giving it as a row does.

use std::borrow::Cow;

use super::fields::{read_items, read_number, read_text, read_text_within};
use super::json::{Children, Json, Kind};
use super::number::push_read;
use super::scrub::copy_checked;
use super::violation::Violation;
use crate::model::ids::{IdError, is_id};
use crate::model::limits::{MAX_COORDINATE, MAX_GROUPS_PER_SHAPE, MAX_POINTS_PER_SHAPE};
use crate::model::row::{Points, Value};
use crate::model::shape::{Presence, Property, Rule};
use crate::protocol::object::{kept, push_quoted};

/// How deep a property's value stands within its shape.
const PROPERTY_DEPTH: usize = 1;

/// What a row takes of a property.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Its value.
    Value(Value),
    /// Nothing: it has no column, or is null.
    Aside,
}

/// Writes a known property's value.
pub(super) fn write_known(property: &Property, json: Json<'_>, out: &mut String) -> Result<Taken, Violation> {
    if !json.is_null() {
        return write_by_rule(property.rule, json, out);
    }
    if property.presence != Presence::Optional {
        return Err(Violation::new("must not be null"));
    }
    out.push_str("null");
    Ok(Taken::Aside)
}

/// Writes the value of a property that the node does not know.
pub(super) fn write_unknown(json: Json<'_>, out: &mut String) -> Result<Taken, Violation> {
    copy_checked(json, PROPERTY_DEPTH, out).map(|()| Taken::Aside)
}

fn write_by_rule(rule: Rule, json: Json<'_>, out: &mut String) -> Result<Taken, Violation> {
    let value = match rule {
        Rule::Id | Rule::Reference => Value::Text(write_id(json, out)?.into_owned()),
        Rule::Number { min, max } => Value::Number(write_number(json, min, max, out)?),
        Rule::Text { min_chars, max_chars } => Value::Text(write_text(json, min_chars, max_chars, out)?),
        Rule::Index { max_chars } => Value::Text(write_index(json, max_chars, out)?),
        Rule::Flag => Value::Flag(write_flag(json, out)?),
        Rule::Points => Value::Points(write_points(json, 0, out)?),
        Rule::GroupIds => Value::Names(write_group_ids(json, out)?),
        Rule::Object => Value::Object(write_object(json, out)?),
    };
    Ok(Taken::Value(value))
}

/// Writes text that was read from a string, as the string stands wherever that holds no escape.
fn push_text(json: Json<'_>, text: &str, out: &mut String) {
    if json.kind() == Kind::Plain { out.push_str(json.text()) } else { push_quoted(out, text) }
}

fn write_id<'a>(json: Json<'a>, out: &mut String) -> Result<Cow<'a, str>, Violation> {
    let text = read_text(json)?;
    if !is_id(&text) {
        return Err(IdError::NotShapeId.into());
    }
    push_text(json, &text, out);
    Ok(text)
}

fn write_number(json: Json<'_>, min: f64, max: f64, out: &mut String) -> Result<f64, Violation> {
    let number = read_number(json).filter(|value| (min..=max).contains(value));
    let number = number.ok_or_else(|| Violation::new(number_rule(min, max)))?;
    push_read(json.text(), number, out);
    Ok(kept(number))
}

fn number_rule(min: f64, max: f64) -> String {
    if min < 0.0 {
        format!("must be a finite number of at most {max:e}, either sign")
    } else {
        format!("must be a number from {min} to {max}")
    }
}

fn write_text(
    json: Json<'_>,
    min_chars: usize,
    max_chars: usize,
    out: &mut String,
) -> Result<String, Violation> {
    let text = read_text_within(json, max_chars)?;
    if min_chars > 0 && text.is_empty() {
        return Err(Violation::new("must not be empty"));
    }
    push_text(json, &text, out);
    Ok(text.into_owned())
}

fn write_index(json: Json<'_>, max_chars: usize, out: &mut String) -> Result<String, Violation> {
    let text = read_text_within(json, max_chars)?;
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Violation::new("must be printable ASCII"));
    }
    push_text(json, &text, out);
    Ok(text.into_owned())
}

fn write_flag(json: Json<'_>, out: &mut String) -> Result<bool, Violation> {
    let flag = read_flag(json)?;
    out.push_str(json.text());
    Ok(flag)
}

/// Reads `true` or `false`.
pub(super) fn read_flag(json: Json<'_>) -> Result<bool, Violation> {
    json.text().parse().map_err(|_| Violation::new("must be true or false"))
}

fn write_group_ids(json: Json<'_>, out: &mut String) -> Result<Vec<String>, Violation> {
    let mut names = Vec::new();
    out.push('[');
    for (position, item) in read_items(json, MAX_GROUPS_PER_SHAPE)?.enumerate() {
        if position > 0 {
            out.push(',');
        }
        names.push(write_id(item, out).map_err(|violation| violation.at(position))?.into_owned());
    }
    out.push(']');
    Ok(names)
}

fn write_object(json: Json<'_>, out: &mut String) -> Result<String, Violation> {
    if json.kind() != Kind::Object {
        return Err(Violation::new("must be an object"));
    }
    let start = out.len();
    copy_checked(json, PROPERTY_DEPTH, out)?;
    Ok(out.get(start..).unwrap_or_default().to_owned())
}

/// Writes an array of points, of which there must be at least so many.
pub(super) fn write_points(json: Json<'_>, min_points: usize, out: &mut String) -> Result<Points, Violation> {
    let items = read_items(json, MAX_POINTS_PER_SHAPE)?;
    if items.clone().count() < min_points {
        return Err(Violation::new(format!("must hold at least {min_points} points")));
    }
    let first = items.clone().next().and_then(Json::items);
    out.push('[');
    let points = match first.map_or(0, Iterator::count) {
        3 => write_each(items, out).map(Points::Pressed),
        _ => write_each(items, out).map(Points::Flat),
    };
    out.push(']');
    points
}

/// Writes points of as many numbers as the first has.
fn write_each<const N: usize>(items: Children<'_>, out: &mut String) -> Result<Vec<[f64; N]>, Violation> {
    let mut points = Vec::with_capacity(items.clone().count());
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(',');
        }
        points.push(write_point(item, out).map_err(|violation| violation.at(position))?);
    }
    Ok(points)
}

fn write_point<const N: usize>(json: Json<'_>, out: &mut String) -> Result<[f64; N], Violation> {
    let (mut point, mut count) = ([0.0; N], 0);
    for item in json.items().ok_or_else(no_point)? {
        let number = read_number(item).filter(|value| value.abs() <= MAX_COORDINATE).ok_or_else(no_point)?;
        if let Some(place) = point.get_mut(count) {
            *place = kept(number);
        }
        out.push(if count == 0 { '[' } else { ',' });
        push_read(item.text(), number, out);
        count += 1;
    }
    out.push(']');
    match count {
        2 | 3 if count == N => Ok(point),
        2 | 3 => Err(Violation::new("must have as many numbers as the points before it")),
        _ => Err(no_point()),
    }
}

fn no_point() -> Violation {
    Violation::new(format!(
        "must be [dx,dy] or [dx,dy,pressure], finite numbers of at most {MAX_COORDINATE:e}, either sign"
    ))
}
