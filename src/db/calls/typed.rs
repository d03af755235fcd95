//! Ops as `apply_batches` takes them: each a row of typed values, so that the database reads no JSON, beside its text for the log.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, BytesMut};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type};

use crate::model::{Op, Verb};

/// How a field of `pgcanvas.shape_properties` is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Number,
    Text,
    Flag,
    Points,
    /// Names another shape: what has one goes the other way.
    Reference,
    Groups,
    Object,
}

/// The fields of `pgcanvas.shape_properties`, in its order.
const FIELDS: [(&str, Form); 26] = [
    ("id", Form::Text),
    ("kind", Form::Text),
    ("x", Form::Number),
    ("y", Form::Number),
    ("width", Form::Number),
    ("height", Form::Number),
    ("angle", Form::Number),
    ("points", Form::Points),
    ("index", Form::Text),
    ("frame_id", Form::Reference),
    ("container_id", Form::Reference),
    ("group_ids", Form::Groups),
    ("locked", Form::Flag),
    ("stroke_color", Form::Text),
    ("background_color", Form::Text),
    ("fill_style", Form::Text),
    ("stroke_width", Form::Number),
    ("stroke_style", Form::Text),
    ("roughness", Form::Number),
    ("opacity", Form::Number),
    ("text", Form::Text),
    ("font_size", Form::Number),
    ("font_family", Form::Number),
    ("file_id", Form::Text),
    ("link", Form::Text),
    ("props", Form::Object),
];

/// Where the id stands among them.
const ID: usize = 0;
/// Where those stand that a shape cannot be without and a put may leave out.
const DEFAULTED: [usize; 6] = [2, 3, 4, 5, 6, 25];

/// How `props` that refer to other shapes look; the database looks closer.
const REFERENCES: [&str; 3] = ["\"startBinding\":{", "\"endBinding\":{", "\"boundElements\":[{"];

/// The version of jsonb's binary form: its text follows.
const JSONB_VERSION: u8 = 1;

/// One op as `apply_batches` takes it.
#[derive(Debug, Clone)]
pub(super) struct TypedOp<'a> {
    /// What it sets; none when it says what only the general way knows (references, names without a column in a patch, `unset`).
    pub(super) row: Option<TypedRow>,
    /// JSON: what of a put has no column.
    pub(super) extra: Option<String>,
    /// Members of JSON objects, as the log will hold them.
    pub(super) said: Cow<'a, str>,
}

/// A value of `pgcanvas.shape_properties`, in the binary form of its fields.
#[derive(Debug, Clone)]
pub(super) struct TypedRow {
    bytes: Vec<u8>,
    /// Where in the bytes each field stands; none is null.
    fields: [Option<(u32, u32)>; FIELDS.len()],
}

impl<'a> TypedOp<'a> {
    /// Reads an op.
    pub(super) fn read(op: &'a Op) -> Self {
        let said = op.body.strip_prefix('{').and_then(|body| body.strip_suffix('}')).unwrap_or_default();
        let mut typed = Self { row: None, extra: None, said: Cow::Borrowed(said) };
        typed.row = match op.verb {
            Verb::Put => typed.read_put(op),
            Verb::Patch => read_patch(op),
            Verb::Append => read_append(op),
            Verb::Delete | Verb::Merge => None,
        };
        typed
    }

    fn read_put(&mut self, op: &Op) -> Option<TypedRow> {
        let mut row = TypedRow::with_capacity(op.body.len());
        let mut extra = String::new();
        for (name, raw) in row.take_members(&op.body)? {
            extra.push(if extra.is_empty() { '{' } else { ',' });
            extra.push_str(&serde_json::to_string(&name).ok()?);
            extra.push(':');
            extra.push_str(raw.get());
        }
        if !extra.is_empty() {
            self.extra = Some(extra + "}");
        }
        row.fill_defaults(self.said.to_mut())?;
        Some(row)
    }
}

fn read_patch(op: &Op) -> Option<TypedRow> {
    let patch: Patch<'_> = serde_json::from_str(&op.body).ok()?;
    let mut row = TypedRow::of(op)?;
    let is_typed = patch.unset.get() == "[]" && row.take_members(patch.set.get())?.is_empty();
    is_typed.then_some(row)
}

fn read_append(op: &Op) -> Option<TypedRow> {
    let mut row = TypedRow::of(op)?;
    row.take_members(&op.body)?.is_empty().then_some(row)
}

impl TypedRow {
    fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), fields: [None; FIELDS.len()] }
    }

    /// One that names its shape.
    fn of(op: &Op) -> Option<Self> {
        let mut row = Self::with_capacity(op.body.len());
        row.put(ID, |bytes| bytes.extend_from_slice(op.id.as_str().as_bytes()))?;
        Some(row)
    }

    /// Takes the members of an object that have a column and a value, and gives the others; none when one refers to another shape.
    fn take_members<'a>(&mut self, json: &'a str) -> Option<Vec<(Cow<'a, str>, &'a RawValue)>> {
        let Members(members) = serde_json::from_str(json).ok()?;
        let mut others = Vec::new();
        for (name, raw) in members {
            let place = FIELDS.iter().position(|(field, _)| *field == name);
            match place.filter(|_| raw.get() != "null") {
                Some(place) => self.put_json(place, raw.get())?,
                None => others.push((name, raw)),
            }
        }
        Some(others)
    }

    /// What a put leaves out and a shape cannot be without: here, and in the text of its members.
    fn fill_defaults(&mut self, said: &mut String) -> Option<()> {
        for place in DEFAULTED {
            if self.fields.get(place)?.is_none() {
                let (name, form) = FIELDS.get(place)?;
                let value = if matches!(form, Form::Object) { "{}" } else { "0" };
                self.put_json(place, value)?;
                for part in [",\"", name, "\":", value] {
                    said.push_str(part);
                }
            }
        }
        Some(())
    }

    /// Takes a value that is not null; none when it refers to another shape.
    fn put_json(&mut self, place: usize, json: &str) -> Option<()> {
        match FIELDS.get(place)?.1 {
            Form::Number => {
                let number: f64 = json.parse().ok()?;
                self.put(place, |bytes| bytes.put_f64(number))
            }
            Form::Text => {
                let text = read_text(json)?;
                self.put(place, |bytes| bytes.extend_from_slice(text.as_bytes()))
            }
            Form::Flag => self.put(place, |bytes| bytes.push(u8::from(json == "true"))),
            Form::Object if REFERENCES.iter().any(|reference| json.contains(reference)) => None,
            Form::Object => self.put(place, |bytes| {
                bytes.push(JSONB_VERSION);
                bytes.extend_from_slice(json.as_bytes());
            }),
            Form::Points => {
                let points: Vec<Vec<f64>> = serde_json::from_str(json).ok()?;
                self.put(place, |bytes| write_points(&points, bytes))
            }
            // Only the empty list says nothing of others.
            Form::Groups if json == "[]" => self.put(place, |bytes| write_empty_array(&Type::TEXT, bytes)),
            Form::Groups | Form::Reference => None,
        }
    }

    fn put(&mut self, place: usize, write: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        write(&mut self.bytes);
        let end = u32::try_from(self.bytes.len()).ok()?;
        *self.fields.get_mut(place)? = Some((start, end));
        Some(())
    }
}

/// A JSON string's text; nearly always as it stands.
fn read_text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(json).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

fn write_empty_array(of: &Type, bytes: &mut Vec<u8>) {
    bytes.put_i32(0); // dimensions
    bytes.put_i32(0); // no nulls
    bytes.put_u32(of.oid());
}

fn write_points(points: &[Vec<f64>], bytes: &mut Vec<u8>) {
    let Some(first) = points.first() else { return write_empty_array(&Type::FLOAT8, bytes) };
    bytes.put_i32(2);
    bytes.put_i32(0);
    bytes.put_u32(Type::FLOAT8.oid());
    for length in [points.len(), first.len()] {
        bytes.put_i32(i32::try_from(length).unwrap_or(i32::MAX));
        bytes.put_i32(1);
    }
    for number in points.iter().flatten() {
        bytes.put_i32(8);
        bytes.put_f64(*number);
    }
}

impl Form {
    /// The type of such a field.
    const fn column_type(self) -> Type {
        match self {
            Self::Number => Type::FLOAT8,
            Self::Text | Self::Reference => Type::TEXT,
            Self::Flag => Type::BOOL,
            Self::Points => Type::FLOAT8_ARRAY,
            Self::Groups => Type::TEXT_ARRAY,
            Self::Object => Type::JSONB,
        }
    }
}

impl ToSql for TypedRow {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.put_i32(i32::try_from(FIELDS.len())?);
        for ((_, form), field) in FIELDS.iter().zip(&self.fields) {
            out.put_u32(form.column_type().oid());
            let value = field.and_then(|(start, end)| self.bytes.get(start as usize..end as usize));
            match value {
                Some(value) => {
                    out.put_i32(i32::try_from(value.len())?);
                    out.put_slice(value);
                }
                None => out.put_i32(-1),
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "shape_properties" && matches!(ty.kind(), Kind::Composite(_))
    }

    tokio_postgres::types::to_sql_checked!();
}

/// A patch's body.
#[derive(Deserialize)]
struct Patch<'a> {
    #[serde(borrow)]
    set: &'a RawValue,
    #[serde(borrow)]
    unset: &'a RawValue,
}

/// The members of an object, as they stand.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A member's name, borrowed wherever it holds no escape.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(Name(name)) = access.next_key::<Name<'de>>()? {
                    members.push((name, access.next_value::<&'de RawValue>()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
