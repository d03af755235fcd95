//! Reading what clients send. Every refusal names the field and the rule; nothing that is sent can make this panic.

pub(crate) mod fields;
#[cfg(test)]
mod fuzz;
mod gesture;
pub(crate) mod json;
pub(crate) mod members;
mod message;
mod number;
mod ops;
pub(crate) mod property;
#[cfg(test)]
mod rows;
mod scan;
pub(crate) mod scrub;
mod spelling;
#[cfg(test)]
mod tests;
mod violation;

use uuid::Uuid;

pub use message::{Batch, ClientMessage, DecodeError, Hello, Join, PostedBatch, SeedMessage};
pub(crate) use ops::read_shape_id;
pub use violation::Violation;

use self::fields::{Fields, read_integer, read_items, read_number, read_text, read_text_within, scan};
use self::json::{Json, Kind};
use self::spelling::Warnings;
use self::violation::shown;
use super::reject::RejectCode;
use super::seed;
use crate::model::geometry::area_fault;
use crate::model::limits::{
    MAX_COORDINATE, MAX_NAME_CHARS, MAX_PING_BYTES, MAX_PRESENCE_BYTES, MAX_TOKEN_CHARS, MIN_KEY_CHARS,
};
use crate::model::{ClientId, Gesture, IdError, OpId, RoomId, RoomName, Seq, Token};

/// Reads one text frame.
pub fn decode(text: &str) -> Result<ClientMessage, DecodeError> {
    let document = scan(text).map_err(|violation| refuse(&violation, None))?;
    let fields = Fields::read(document.root()).map_err(|violation| refuse(&violation, None))?;
    let kind =
        fields.read_required("type", read_text).map_err(|violation| refuse(&violation, Some(&fields)))?;
    match kind.as_ref() {
        "ops" => {
            let mut warnings = Warnings::default();
            let decoded = decode_batch(&fields, |fields| read_drawing(fields, &mut warnings))?;
            Ok(warned(decoded, warnings))
        }
        "undo" => decode_batch(&fields, |fields| gesture::read_undo(fields, Gesture::Undo)),
        "redo" => decode_batch(&fields, |_| Ok(Gesture::Redo)),
        kind => decode_other(kind, &fields).map_err(|violation| refuse(&violation, Some(&fields))),
    }
}

/// What a path asks for, the room being in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// `{client, op_id, ops[], seen?}`.
    Ops,
    /// `{client, op_id}` with what is chosen, if anything.
    Undo,
    /// `{client, op_id}`.
    Redo,
    /// `{client, op_id, shapes[]}`: the state of a replica.
    Merge,
}

/// Reads a gesture that came by HTTP.
pub fn decode_posted(kind: Posted, body: &str) -> Result<PostedBatch, Violation> {
    let document = scan(body)?;
    let fields = Fields::read(document.root())?;
    let mut warnings = Warnings::default();
    Ok(PostedBatch {
        client: fields.read_required("client", read_client)?,
        op_id: fields.read_required("op_id", read_op_id)?,
        seen: read_seen(&fields)?,
        part_of: read_part_of(&fields)?,
        gesture: match kind {
            Posted::Ops => read_drawing(&fields, &mut warnings)?,
            Posted::Undo => gesture::read_undo(&fields, Gesture::Undo)?,
            Posted::Redo => Gesture::Redo,
            Posted::Merge => Gesture::Draw(fields.read_required("shapes", gesture::read_replica)?),
        },
        warnings: warnings.finish(),
    })
}

fn read_drawing(fields: &Fields<'_>, warnings: &mut Warnings) -> Result<Gesture, Violation> {
    fields.read_required("ops", |json| ops::read_ops(json, warnings)).map(Gesture::Draw)
}

fn warned(mut message: ClientMessage, warnings: Warnings) -> ClientMessage {
    if let ClientMessage::Gesture(batch) = &mut message {
        batch.warnings = warnings.finish();
    }
    message
}

fn read_part_of(fields: &Fields<'_>) -> Result<Option<OpId>, Violation> {
    fields.read_optional("gesture", read_op_id)
}

fn read_seen(fields: &Fields<'_>) -> Result<Option<Seq>, Violation> {
    fields.read_optional("seen", |json| Ok(json.text().parse::<Seq>()?))
}

/// An `error` frame's content, with as much of the frame's address as can be read.
fn refuse(violation: &Violation, fields: Option<&Fields<'_>>) -> DecodeError {
    let room = fields.and_then(|fields| fields.get("room").or_else(|| fields.get("roomId")));
    let op_id = fields.and_then(|fields| fields.get("op_id"));
    DecodeError::Frame {
        code: violation.code,
        message: violation.message(),
        room: room.and_then(|json| read_room(json).ok()),
        op_id: op_id.and_then(|json| read_op_id(json).ok()),
    }
}

/// A batch is answered by `reject` as soon as its room and number are known.
fn decode_batch(
    fields: &Fields<'_>,
    read: impl FnOnce(&Fields<'_>) -> Result<Gesture, Violation>,
) -> Result<ClientMessage, DecodeError> {
    let address = fields.read_required("room", read_room).and_then(|room| {
        let op_id = fields.read_required("op_id", read_op_id)?;
        Ok((room, op_id))
    });
    let (room, op_id) = address.map_err(|violation| refuse(&violation, Some(fields)))?;
    match read(fields).and_then(|gesture| Ok((gesture, read_seen(fields)?, read_part_of(fields)?))) {
        Ok((gesture, seen, part_of)) => {
            let warnings = Vec::new();
            Ok(ClientMessage::Gesture(Batch { room, op_id, seen, part_of, gesture, warnings }))
        }
        Err(violation) => {
            Err(DecodeError::Reject { room, op_id, code: violation.code, message: violation.message() })
        }
    }
}

fn decode_other(kind: &str, fields: &Fields<'_>) -> Result<ClientMessage, Violation> {
    match kind {
        "hello" => read_hello(fields).map(ClientMessage::Hello),
        "join" => read_join(fields).map(ClientMessage::Join),
        "leave" => Ok(ClientMessage::Leave { room: fields.read_required("room", read_room)? }),
        "presence" => read_presence(fields),
        "ping" => Ok(ClientMessage::Ping { t: fields.read_optional("t", read_echo)? }),
        "viewport" => Ok(ClientMessage::Unsupported { kind: "viewport" }),
        "join_room" | "leave_room" | "chat" | "delete_shape" => {
            seed::read(kind, fields).map(ClientMessage::Seed)
        }
        unknown => {
            Err(Violation::new(format!("{} is no message of this protocol", shown(unknown))).within("type"))
        }
    }
}

fn read_hello(fields: &Fields<'_>) -> Result<Hello, Violation> {
    let whole = |json| read_integer(json).ok_or_else(|| Violation::new("must be an integer"));
    Ok(Hello {
        protocol: fields.read_required("protocol", whole)?,
        client: fields.read_required("client", read_client)?,
        token: fields.read_optional("token", read_token)?,
        key: fields.read_optional("key", read_key)?,
        name: read_name(fields)?,
    })
}

fn read_join(fields: &Fields<'_>) -> Result<Join, Violation> {
    Ok(Join {
        room: fields.read_required("room", read_room)?,
        since: fields.read_optional("since", |json| Ok(json.text().parse::<Seq>()?))?,
        epoch: fields.read_optional("epoch", read_uuid)?,
        viewport: fields.read_optional("viewport", read_viewport)?,
        name: read_name(fields)?,
        link: fields.read_optional("link", read_token)?,
    })
}

fn read_token(json: Json<'_>) -> Result<Token, Violation> {
    Ok(Token::new(read_text_within(json, MAX_TOKEN_CHARS)?.into()))
}

fn read_key(json: Json<'_>) -> Result<Token, Violation> {
    let key = read_text_within(json, MAX_TOKEN_CHARS)?;
    Token::key(&key)
        .ok_or_else(|| Violation::new(format!("must be {MIN_KEY_CHARS} to {MAX_TOKEN_CHARS} characters")))
}

/// A room's name, as text or as a number.
pub(crate) fn read_room(json: Json<'_>) -> Result<RoomName, Violation> {
    let name = match read_integer(json) {
        Some(number) => RoomId::new(number).map(RoomName::Id).map_err(|_| IdError::NotRoomName),
        None => read_text(json).map_err(|_| IdError::NotRoomName).and_then(|text| text.parse()),
    };
    Ok(name?)
}

fn read_client(json: Json<'_>) -> Result<ClientId, Violation> {
    Ok(read_text(json)?.parse()?)
}

fn read_op_id(json: Json<'_>) -> Result<OpId, Violation> {
    Ok(json.text().parse()?)
}

fn read_uuid(json: Json<'_>) -> Result<Uuid, Violation> {
    Ok(Uuid::parse_str(&read_text(json)?).map_err(|_| IdError::NotUuid)?)
}

/// A display name without space around it; none when nothing is left.
fn read_name(fields: &Fields<'_>) -> Result<Option<String>, Violation> {
    let name = fields.read_optional("name", |json| {
        let name = read_text_within(json, MAX_NAME_CHARS)?;
        if name.chars().any(char::is_control) {
            return Err(Violation::new("must not hold control characters"));
        }
        Ok(name.trim().to_owned())
    })?;
    Ok(name.filter(|name| !name.is_empty()))
}

fn read_viewport(json: Json<'_>) -> Result<[f64; 4], Violation> {
    let rule =
        || Violation::new(format!("must be [x0,y0,x1,y1], finite numbers of at most {MAX_COORDINATE:e}"));
    let items = read_items(json, 4).map_err(|_| rule())?;
    let numbers: Option<Vec<f64>> =
        items.map(|item| read_number(item).filter(|value| value.abs() <= MAX_COORDINATE)).collect();
    let area = numbers.and_then(|numbers| numbers.try_into().ok()).ok_or_else(rule)?;
    area_fault(&area).map_or(Ok(area), |fault| Err(Violation::new(fault)))
}

fn read_presence(fields: &Fields<'_>) -> Result<ClientMessage, Violation> {
    let room = fields.read_required("room", read_room)?;
    let state = fields.read_required("state", |json| {
        if json.kind() != Kind::Object {
            return Err(Violation::new("must be an object"));
        }
        copy_within(json, MAX_PRESENCE_BYTES)
    })?;
    Ok(ClientMessage::Presence { room, state })
}

fn read_echo(json: Json<'_>) -> Result<String, Violation> {
    copy_within(json, MAX_PING_BYTES)
}

/// Compact JSON of at most so many bytes.
fn copy_within(json: Json<'_>, max_bytes: usize) -> Result<String, Violation> {
    let mut text = String::new();
    scrub::copy_checked(json, 0, &mut text)?;
    if text.len() > max_bytes {
        return Err(Violation::too_large(format!("must be at most {max_bytes} bytes of JSON")));
    }
    Ok(text)
}

impl DecodeError {
    /// What kind of rule was broken.
    pub fn code(&self) -> RejectCode {
        match self {
            Self::Reject { code, .. } | Self::Frame { code, .. } => *code,
        }
    }
}
