//! Objects and arrays read one level at a time: what lies deeper stays text until its own rule reads it. So a number out
//! of range, a lone surrogate or deep nesting spoils only the field that it stands in.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::violation::Violation;
use crate::model::limits::MAX_NAMES_PER_OBJECT;

/// The members of one object, in the order of their names; of members of one name the last counts, as in `JSON.parse` and `jsonb`.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<Member<'a>>);

/// Name and value.
type Member<'a> = (Cow<'a, str>, &'a RawValue);

impl<'a> Fields<'a> {
    /// Reads one object.
    pub(crate) fn read(json: &'a str) -> Result<Self, Violation> {
        serde_json::from_str(json).map_err(|_| {
            Violation::new(format!(
                "must be a JSON object of at most {MAX_NAMES_PER_OBJECT} well-formed names"
            ))
        })
    }

    /// The member of that name, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.find(name).filter(|raw| raw.get() != "null")
    }

    /// The member of that name, or the violation that says it is required.
    pub(crate) fn require(&self, name: &str) -> Result<&'a RawValue, Violation> {
        self.get(name).ok_or_else(|| Violation::missing(name))
    }

    /// Reads a required member by a rule.
    pub(crate) fn read_required<T>(
        &self,
        name: &str,
        rule: impl FnOnce(&'a RawValue) -> Result<T, Violation>,
    ) -> Result<T, Violation> {
        rule(self.require(name)?).map_err(|violation| violation.within(name))
    }

    /// Reads a member by a rule, if it is there.
    pub(crate) fn read_optional<T>(
        &self,
        name: &str,
        rule: impl FnOnce(&'a RawValue) -> Result<T, Violation>,
    ) -> Result<Option<T>, Violation> {
        self.get(name).map(rule).transpose().map_err(|violation| violation.within(name))
    }

    /// Every member, nulls too, in the order of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, raw)| (name.as_ref(), *raw))
    }

    fn find(&self, name: &str) -> Option<&'a RawValue> {
        let place = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        self.0.get(place).map(|(_, raw)| *raw)
    }

    /// Whether there is a member of that name, null or not.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(Fields)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<Member<'de>> = Vec::with_capacity(USUAL_MEMBERS);
        while let Some(name) = access.next_key::<Name<'de>>()? {
            members.push((name.0, access.next_value()?));
            // Twice as many may be as many names: those of one name are told apart only now and then.
            if members.len() > 2 * MAX_NAMES_PER_OBJECT {
                order(&mut members);
                check_count::<A::Error>(&members)?;
            }
        }
        order(&mut members);
        check_count::<A::Error>(&members)?;
        Ok(members)
    }
}

/// Room for the members of an op or of a shape.
const USUAL_MEMBERS: usize = 16;

/// Puts members into the order of their names, of each name the last one.
fn order(members: &mut Vec<Member<'_>>) {
    if members.is_sorted_by(|(a, _), (b, _)| a < b) {
        return;
    }
    members.reverse();
    members.sort_by(|(a, _), (b, _)| a.cmp(b)); // stable: the last of a name is now its first
    members.dedup_by(|(a, _), (b, _)| a == b);
}

fn check_count<E: Error>(members: &[Member<'_>]) -> Result<(), E> {
    if members.len() > MAX_NAMES_PER_OBJECT { Err(E::custom("too many names")) } else { Ok(()) }
}

/// A string that is borrowed wherever it holds no escape.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The items of an array, as text, or how many there are when they are too many.
pub(crate) fn read_items(raw: &RawValue, max_items: usize) -> Result<Vec<&RawValue>, Violation> {
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    let (items, count) = deserializer
        .deserialize_seq(ItemsVisitor { max_items })
        .map_err(|_| Violation::new("must be an array"))?;
    if count > max_items {
        return Err(Violation::too_large(format!("must hold at most {max_items} items, not {count}")));
    }
    Ok(items)
}

struct ItemsVisitor {
    max_items: usize,
}

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = (Vec<&'de RawValue>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < self.max_items {
            match access.next_element()? {
                Some(item) => items.push(item),
                None => return Ok((items, 0)),
            }
        }
        let mut count = items.len();
        while access.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((items, count))
    }
}

/// Text without U+0000, borrowed where it can be.
pub(crate) fn read_text(raw: &RawValue) -> Result<Cow<'_, str>, Violation> {
    if !raw.get().starts_with('"') {
        return Err(Violation::new("must be text"));
    }
    let Name(text) =
        serde_json::from_str(raw.get()).map_err(|_| Violation::new("must not hold a lone surrogate"))?;
    if text.contains('\0') { Err(Violation::new("must not hold U+0000")) } else { Ok(text) }
}

/// Text of at most so many characters.
pub(crate) fn read_text_within(raw: &RawValue, max_chars: usize) -> Result<Cow<'_, str>, Violation> {
    let text = read_text(raw)?;
    if has_more_chars(&text, max_chars) {
        return Err(Violation::new(format!("must be text of at most {max_chars} characters")));
    }
    Ok(text)
}

/// Whether a text has more characters than these; most have not even as many bytes.
pub(crate) fn has_more_chars(text: &str, max_chars: usize) -> bool {
    text.len() > max_chars && text.chars().nth(max_chars).is_some()
}

/// A whole number, written without fraction or exponent; `None` for anything else.
pub(crate) fn read_integer(raw: &RawValue) -> Option<i64> {
    raw.get().parse().ok()
}

/// A finite number; read by the standard library, which rounds exactly.
pub(crate) fn read_number(raw: &RawValue) -> Option<f64> {
    let text = raw.get();
    let numeral = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    text.parse().ok().filter(|value: &f64| numeral && value.is_finite())
}
