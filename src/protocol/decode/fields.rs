//! Objects, arrays and leaves, each read by its own rule when that is asked for.

use std::borrow::Cow;

use super::json::{Children, Document, Json, Kind};
use super::violation::Violation;
use crate::model::limits::MAX_NAMES_PER_OBJECT;

/// The members of one object, in the order of their names; of members of one name the last counts, as in `JSON.parse` and `jsonb`.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<Member<'a>>);

/// Name and value.
type Member<'a> = (Cow<'a, str>, Json<'a>);

/// Room for the members of an op or of a shape.
const USUAL_MEMBERS: usize = 16;

/// Scans a text that is a message.
pub(crate) fn scan(text: &str) -> Result<Document<'_>, Violation> {
    Document::scan(text).ok_or_else(no_object)
}

fn no_object() -> Violation {
    Violation::new(format!("must be a JSON object of at most {MAX_NAMES_PER_OBJECT} well-formed names"))
}

impl<'a> Fields<'a> {
    /// Reads one object.
    pub(crate) fn read(json: Json<'a>) -> Result<Self, Violation> {
        let mut members: Vec<Member<'a>> = Vec::with_capacity(USUAL_MEMBERS);
        for (name, value) in json.members().ok_or_else(no_object)? {
            members.push((name.string().ok_or_else(no_object)?, value));
            // Twice as many may be as many names: those of one name are told apart only now and then.
            if members.len() > 2 * MAX_NAMES_PER_OBJECT {
                order(&mut members)?;
            }
        }
        order(&mut members)?;
        Ok(Self(members))
    }

    /// The member of that name, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<Json<'a>> {
        self.find(name).filter(|json| !json.is_null())
    }

    /// The member of that name, or the violation that says it is required.
    pub(crate) fn require(&self, name: &str) -> Result<Json<'a>, Violation> {
        self.get(name).ok_or_else(|| Violation::missing(name))
    }

    /// Reads a required member by a rule.
    pub(crate) fn read_required<T>(
        &self,
        name: &str,
        rule: impl FnOnce(Json<'a>) -> Result<T, Violation>,
    ) -> Result<T, Violation> {
        rule(self.require(name)?).map_err(|violation| violation.within(name))
    }

    /// Reads a member by a rule, if it is there.
    pub(crate) fn read_optional<T>(
        &self,
        name: &str,
        rule: impl FnOnce(Json<'a>) -> Result<T, Violation>,
    ) -> Result<Option<T>, Violation> {
        self.get(name).map(rule).transpose().map_err(|violation| violation.within(name))
    }

    /// Every member, nulls too, in the order of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Json<'a>)> {
        self.0.iter().map(|(name, json)| (name.as_ref(), *json))
    }

    /// How many members there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn find(&self, name: &str) -> Option<Json<'a>> {
        let place = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        self.0.get(place).map(|(_, json)| *json)
    }

    /// Whether there is a member of that name, null or not.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

/// Puts members into the order of their names, of each name the last one, and counts them.
fn order(members: &mut Vec<Member<'_>>) -> Result<(), Violation> {
    if !members.is_sorted_by(|(a, _), (b, _)| a < b) {
        members.reverse();
        members.sort_by(|(a, _), (b, _)| a.cmp(b)); // stable: the last of a name is now its first
        members.dedup_by(|(a, _), (b, _)| a == b);
    }
    if members.len() > MAX_NAMES_PER_OBJECT { Err(no_object()) } else { Ok(()) }
}

/// The items of an array, of which there are at most so many.
pub(crate) fn read_items(json: Json<'_>, max_items: usize) -> Result<Children<'_>, Violation> {
    let items = json.items().ok_or_else(|| Violation::new("must be an array"))?;
    let count = items.clone().count();
    if count > max_items {
        return Err(Violation::too_large(format!("must hold at most {max_items} items, not {count}")));
    }
    Ok(items)
}

/// Text without U+0000, borrowed where it can be.
pub(crate) fn read_text(json: Json<'_>) -> Result<Cow<'_, str>, Violation> {
    if !matches!(json.kind(), Kind::Plain | Kind::Escaped) {
        return Err(Violation::new("must be text"));
    }
    let text = json.string().ok_or_else(|| Violation::new("must not hold a lone surrogate"))?;
    // Only an escape can hide U+0000.
    if json.kind() == Kind::Escaped && text.contains('\0') {
        return Err(Violation::new("must not hold U+0000"));
    }
    Ok(text)
}

/// Text of at most so many characters.
pub(crate) fn read_text_within(json: Json<'_>, max_chars: usize) -> Result<Cow<'_, str>, Violation> {
    let text = read_text(json)?;
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
pub(crate) fn read_integer(json: Json<'_>) -> Option<i64> {
    json.text().parse().ok()
}

/// A finite number; read by the standard library, which rounds exactly.
pub(crate) fn read_number(json: Json<'_>) -> Option<f64> {
    let is_number = json.kind() == Kind::Number;
    json.text().parse().ok().filter(|value: &f64| is_number && value.is_finite())
}
