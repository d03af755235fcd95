//! The properties of a shape that the database knows as columns, with their rules, in one table.

use super::limits::{
    MAX_ANGLE_RADIANS, MAX_COLOR_CHARS, MAX_COORDINATE, MAX_FONT_FAMILY, MAX_FONT_SIZE, MAX_ID_CHARS,
    MAX_INDEX_CHARS, MAX_KIND_CHARS, MAX_LINK_CHARS, MAX_PERCENT, MAX_STROKE_WIDTH, MAX_STYLE_CHARS,
    MAX_TEXT_CHARS,
};

/// What a property's value must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// The id of the shape.
    Id,
    /// The id of another shape.
    Reference,
    /// A finite number within the range.
    Number {
        /// The least allowed.
        min: f64,
        /// The greatest allowed.
        max: f64,
    },
    /// Text of so many characters.
    Text {
        /// The fewest characters allowed.
        min_chars: usize,
        /// The most characters allowed.
        max_chars: usize,
    },
    /// Printable ASCII of at most so many characters, so that byte order is code-unit order.
    Index {
        /// The most characters allowed.
        max_chars: usize,
    },
    /// `true` or `false`.
    Flag,
    /// Points relative to the shape's place.
    Points,
    /// Ids of groups.
    GroupIds,
    /// A JSON object of anything.
    Object,
}

/// Whether a shape can be without a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A shape is named by it: needed in a `put`, never changed.
    Identity,
    /// Needed in a `put`; may be changed, not removed.
    Required,
    /// Nought when a `put` leaves it out; may be changed, not removed.
    Defaulted,
    /// May be left out, null, or removed.
    Optional,
}

/// One property that is a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Property {
    /// The name in `snake_case`, on the wire and in the table alike.
    pub name: &'static str,
    /// What its value must be.
    pub rule: Rule,
    /// Whether a shape can be without it.
    pub presence: Presence,
}

const fn property(name: &'static str, rule: Rule, presence: Presence) -> Property {
    Property { name, rule, presence }
}

const fn optional(name: &'static str, rule: Rule) -> Property {
    property(name, rule, Presence::Optional)
}

const fn text(max_chars: usize) -> Rule {
    Rule::Text { min_chars: 0, max_chars }
}

const fn between(min: f64, max: f64) -> Rule {
    Rule::Number { min, max }
}

const fn within(most: f64) -> Rule {
    between(-most, most)
}

/// Every property that is a column, in the order of the fields of `pgcanvas.shape_properties`.
pub const PROPERTIES: [Property; 26] = [
    property("id", Rule::Id, Presence::Identity),
    property("kind", Rule::Text { min_chars: 1, max_chars: MAX_KIND_CHARS }, Presence::Required),
    property("x", within(MAX_COORDINATE), Presence::Defaulted),
    property("y", within(MAX_COORDINATE), Presence::Defaulted),
    property("width", within(MAX_COORDINATE), Presence::Defaulted),
    property("height", within(MAX_COORDINATE), Presence::Defaulted),
    property("angle", within(MAX_ANGLE_RADIANS), Presence::Defaulted),
    optional("points", Rule::Points),
    optional("index", Rule::Index { max_chars: MAX_INDEX_CHARS }),
    optional("frame_id", Rule::Reference),
    optional("container_id", Rule::Reference),
    optional("group_ids", Rule::GroupIds),
    optional("locked", Rule::Flag),
    optional("stroke_color", text(MAX_COLOR_CHARS)),
    optional("background_color", text(MAX_COLOR_CHARS)),
    optional("fill_style", text(MAX_STYLE_CHARS)),
    optional("stroke_width", between(0.0, MAX_STROKE_WIDTH)),
    optional("stroke_style", text(MAX_STYLE_CHARS)),
    optional("roughness", between(0.0, MAX_PERCENT)),
    optional("opacity", between(0.0, MAX_PERCENT)),
    optional("text", text(MAX_TEXT_CHARS)),
    optional("font_size", between(0.0, MAX_FONT_SIZE)),
    optional("font_family", between(0.0, MAX_FONT_FAMILY)),
    optional("file_id", text(MAX_ID_CHARS)),
    optional("link", text(MAX_LINK_CHARS)),
    property("props", Rule::Object, Presence::Defaulted),
];

/// Names that only the database writes; a client that sends back the row it got is not refused for them.
pub const SERVER_OWNED: [&str; 6] =
    ["version", "seq", "created_by", "updated_by", "created_at", "updated_at"];

/// The column of that name, if it is one, and its place among [`PROPERTIES`].
pub fn find(name: &str) -> Option<(usize, &'static Property)> {
    PROPERTIES.iter().enumerate().find(|(_, property)| property.name == name)
}

/// Whether only the database writes this name.
pub fn is_server_owned(name: &str) -> bool {
    SERVER_OWNED.contains(&name)
}
