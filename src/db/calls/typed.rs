//! Rows of values as `apply_batches` takes them: in the binary form of `pgcanvas.shape_properties`.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{IsNull, Kind, ToSql, Type};

use crate::model::Row;
use crate::model::row::{Points, Value};
use crate::model::shape::{PROPERTIES, Rule};

/// The version of jsonb's binary form: its text follows.
const JSONB_VERSION: u8 = 1;
/// The length that says that there is no value.
const NULL: i32 = -1;

/// Text that is already JSON, for a `jsonb` parameter.
#[derive(Debug)]
pub(super) struct JsonText<'a>(pub(super) &'a str);

impl ToSql for JsonText<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        write_json(self.0, out);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }

    tokio_postgres::types::to_sql_checked!();
}

impl ToSql for Row {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.reserve(self.bytes());
        out.put_i32(i32::try_from(PROPERTIES.len())?);
        for (property, value) in PROPERTIES.iter().zip(self.values()) {
            out.put_u32(column_type(property.rule).oid());
            match value {
                Some(value) => write_field(value, out)?,
                None => out.put_i32(NULL),
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "shape_properties" && matches!(ty.kind(), Kind::Composite(_))
    }

    tokio_postgres::types::to_sql_checked!();
}

/// The type of a property's column.
pub const fn column_type(rule: Rule) -> Type {
    match rule {
        Rule::Number { .. } => Type::FLOAT8,
        Rule::Id | Rule::Reference | Rule::Text { .. } | Rule::Index { .. } => Type::TEXT,
        Rule::Flag => Type::BOOL,
        Rule::Points => Type::FLOAT8_ARRAY,
        Rule::GroupIds => Type::TEXT_ARRAY,
        Rule::Object => Type::JSONB,
    }
}

/// Writes a value after its length.
fn write_field(value: &Value, out: &mut BytesMut) -> Result<(), Box<dyn Error + Sync + Send>> {
    let start = out.len();
    out.put_i32(0);
    match value {
        Value::Number(number) => out.put_f64(*number),
        Value::Text(text) => out.put_slice(text.as_bytes()),
        Value::Flag(flag) => out.put_u8(u8::from(*flag)),
        Value::Points(Points::Flat(points)) => write_points(points, out)?,
        Value::Points(Points::Pressed(points)) => write_points(points, out)?,
        Value::Names(names) => write_names(names, out)?,
        Value::Object(json) => write_json(json, out),
    }
    let length = i32::try_from(out.len() - start - size_of::<i32>())?;
    if let Some(written) = out.get_mut(start..start + size_of::<i32>()) {
        written.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn write_json(json: &str, out: &mut BytesMut) {
    out.put_u8(JSONB_VERSION);
    out.put_slice(json.as_bytes());
}

fn write_empty_array(of: &Type, out: &mut BytesMut) {
    out.put_i32(0); // dimensions
    out.put_i32(0); // no nulls
    out.put_u32(of.oid());
}

fn write_names(names: &[String], out: &mut BytesMut) -> Result<(), Box<dyn Error + Sync + Send>> {
    if names.is_empty() {
        write_empty_array(&Type::TEXT, out);
        return Ok(());
    }
    out.put_i32(1); // dimensions
    out.put_i32(0); // no nulls
    out.put_u32(Type::TEXT.oid());
    out.put_i32(i32::try_from(names.len())?);
    out.put_i32(1); // the lowest subscript
    for name in names {
        out.put_i32(i32::try_from(name.len())?);
        out.put_slice(name.as_bytes());
    }
    Ok(())
}

fn write_points<const N: usize>(
    points: &[[f64; N]],
    out: &mut BytesMut,
) -> Result<(), Box<dyn Error + Sync + Send>> {
    if points.is_empty() {
        write_empty_array(&Type::FLOAT8, out);
        return Ok(());
    }
    out.reserve(points.len() * N * (size_of::<i32>() + size_of::<f64>()));
    out.put_i32(2); // dimensions
    out.put_i32(0); // no nulls
    out.put_u32(Type::FLOAT8.oid());
    for length in [points.len(), N] {
        out.put_i32(i32::try_from(length)?);
        out.put_i32(1); // the lowest subscript
    }
    for number in points.as_flattened() {
        out.put_i32(8);
        out.put_f64(*number);
    }
    Ok(())
}
