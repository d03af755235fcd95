//! What the node says, as text. Shapes and batches come from the database as JSON and are copied, never read.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PROTOCOL_VERSION;
use super::limits::Limits;
use super::object::{ObjectWriter, push_array};
use super::reject::RejectCode;
use crate::model::{OpId, RoomId, Seq};

/// The answer to `hello`.
#[derive(Debug, Clone)]
pub struct Welcome<'a> {
    /// This connection's name in presence.
    pub session: &'a str,
    /// The person's id.
    pub user_id: &'a str,
    /// The person's name.
    pub user_name: &'a str,
    /// The server's name.
    pub server_name: &'a str,
    /// The server's version.
    pub server_version: &'a str,
    /// What the client must keep to.
    pub limits: Limits,
}

/// `welcome`: who and what the client talks to.
pub fn welcome(welcome: &Welcome<'_>) -> String {
    let user = ObjectWriter::new().string("id", welcome.user_id).string("name", welcome.user_name).finish();
    let server = ObjectWriter::new()
        .string("name", welcome.server_name)
        .string("version", welcome.server_version)
        .finish();
    ObjectWriter::frame("welcome")
        .plain("protocol", PROTOCOL_VERSION)
        .string("session", welcome.session)
        .raw("user", &user)
        .raw("server", &server)
        .value("limits", &welcome.limits)
        .finish()
}

/// Whether a join starts anew or continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The client drops what it holds.
    Snapshot,
    /// Only what differs from `since`.
    Delta,
}

/// What stands at the head of a join.
#[derive(Debug, Clone)]
pub struct Joined<'a> {
    /// The room as the client named it.
    pub room: &'a str,
    /// The room's number.
    pub room_id: RoomId,
    /// What the person may do here.
    pub role: &'a str,
    /// Which history this is.
    pub epoch: Uuid,
    /// The room's seq that the join brings the client to.
    pub seq: Seq,
    /// Whether the join starts anew.
    pub mode: Mode,
    /// The oldest `since` that gives a delta.
    pub min_since: Seq,
}

/// Some of the shapes of a join, each as JSON text; ids of deleted ones as plain text.
#[derive(Debug, Clone)]
pub struct Page<'a, S> {
    /// Shapes that the client does not have.
    pub added: &'a [S],
    /// Shapes that the client has in an older version.
    pub modified: &'a [S],
    /// Ids of shapes that are gone.
    pub deleted: &'a [S],
    /// Whether further pages follow.
    pub more: bool,
}

/// `joined`: the head of a join with its first page.
pub fn joined<S: AsRef<str>>(head: &Joined<'_>, page: &Page<'_, S>) -> String {
    let frame = ObjectWriter::frame("joined")
        .string("room", head.room)
        .plain("room_id", head.room_id)
        .string("role", head.role)
        .value("epoch", &head.epoch)
        .plain("seq", head.seq)
        .value("mode", &head.mode)
        .plain("min_since", head.min_since);
    with_page(frame, page).finish()
}

/// `delta`: a further page of a join.
pub fn delta<S: AsRef<str>>(room: &str, page: &Page<'_, S>) -> String {
    with_page(ObjectWriter::frame("delta").string("room", room), page).finish()
}

fn with_page<S: AsRef<str>>(frame: ObjectWriter, page: &Page<'_, S>) -> ObjectWriter {
    frame
        .raw_array("added", page.added)
        .raw_array("modified", page.modified)
        .string_array("deleted", page.deleted)
        .plain("more", page.more)
}

/// `changes`: batches, already JSON and parted by commas, from the seq before the first to that of the last.
pub fn changes(room: &str, from: Seq, to: Seq, batches_json: &str, more: bool) -> String {
    let frame = ObjectWriter::frame("changes").string("room", room).plain("from", from).plain("to", to);
    let frame = frame.raw_array("batches", &[batches_json]);
    if more { frame.plain("more", true).finish() } else { frame.finish() }
}

/// What became of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The shape is now as asked.
    Applied,
    /// The shape had been deleted.
    Gone,
    /// The shape was as asked already.
    Unchanged,
}

/// `ack`: the batch is committed in PostgreSQL. `left_alone`, JSON, is what an undo left as others made it; `warnings` say what may have been
/// meant otherwise.
pub fn ack(
    room: &str,
    op_id: OpId,
    seq: Seq,
    outcomes: &[Outcome],
    left_alone: Option<&str>,
    warnings: &[String],
) -> String {
    let mut ack = address("ack", room, op_id).plain("seq", seq).value("outcomes", &outcomes);
    if let Some(left_alone) = left_alone {
        ack = ack.raw("left_alone", left_alone);
    }
    if !warnings.is_empty() {
        ack = ack.value("warnings", &warnings);
    }
    ack.finish()
}

/// `reject`: nothing of the batch was applied; `shapes` are the rows concerned, as JSON texts.
pub fn reject<S: AsRef<str>>(
    room: &str,
    op_id: OpId,
    code: RejectCode,
    message: &str,
    shapes: &[S],
) -> String {
    address("reject", room, op_id)
        .string("code", code.as_str())
        .string("message", message)
        .raw_array("shapes", shapes)
        .finish()
}

fn address(kind: &str, room: &str, op_id: OpId) -> ObjectWriter {
    ObjectWriter::frame(kind).string("room", room).plain("op_id", op_id)
}

/// `left`: the client is no longer in the room.
pub fn left(room: &str) -> String {
    ObjectWriter::frame("left").string("room", room).finish()
}

/// One person in a room.
#[derive(Debug, Clone)]
pub struct Peer<'a> {
    /// The connection's name.
    pub session: &'a str,
    /// The person's id.
    pub user: &'a str,
    /// The person's name.
    pub name: &'a str,
    /// The person's colour.
    pub color: &'a str,
    /// A JSON object, as text.
    pub state_json: &'a str,
}

/// `presence`: who is where, and who is gone.
pub fn presence<S: AsRef<str>>(room: &str, peers: &[Peer<'_>], left: &[S]) -> String {
    ObjectWriter::frame("presence")
        .string("room", room)
        .with("peers", |out| push_array(out, peers, push_peer))
        .string_array("left", left)
        .finish()
}

fn push_peer(out: &mut String, peer: &Peer<'_>) {
    let text = ObjectWriter::new()
        .string("session", peer.session)
        .string("user", peer.user)
        .string("name", peer.name)
        .string("color", peer.color)
        .raw("state", peer.state_json)
        .finish();
    out.push_str(&text);
}

/// `pong`: the answer to `ping`, with its JSON.
pub fn pong(t: Option<&str>) -> String {
    ObjectWriter::frame("pong").raw("t", t.unwrap_or("null")).finish()
}

/// What an `error` frame says.
#[derive(Debug, Clone)]
pub struct ErrorFrame<'a> {
    /// What kind of error.
    pub code: RejectCode,
    /// One sentence.
    pub message: &'a str,
    /// The room concerned.
    pub room: Option<&'a str>,
    /// The batch concerned.
    pub op_id: Option<OpId>,
    /// How long to wait before the next try.
    pub retry_after_ms: Option<u64>,
}

impl<'a> ErrorFrame<'a> {
    /// An error that concerns no room or batch.
    pub fn new(code: RejectCode, message: &'a str) -> Self {
        Self { code, message, room: None, op_id: None, retry_after_ms: None }
    }
}

/// `error`: what went wrong outside a batch.
pub fn error(error: &ErrorFrame<'_>) -> String {
    let mut frame =
        ObjectWriter::frame("error").string("code", error.code.as_str()).string("message", error.message);
    if let Some(room) = error.room {
        frame = frame.string("room", room);
    }
    if let Some(op_id) = error.op_id {
        frame = frame.plain("op_id", op_id);
    }
    if let Some(retry_after_ms) = error.retry_after_ms {
        frame = frame.plain("retry_after_ms", retry_after_ms);
    }
    frame.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: i64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn op_id() -> OpId {
        OpId::new(7).unwrap()
    }

    #[test]
    fn welcome_tells_who_and_how_much() {
        let text = welcome(&Welcome {
            session: "s",
            user_id: "u",
            user_name: "A\"nn",
            server_name: "pgcanvas",
            server_version: "0.1.0",
            limits: Limits::default(),
        });
        let wanted = concat!(
            r#"{"type":"welcome","protocol":1,"session":"s","user":{"id":"u","name":"A\"nn"},"#,
            r#""server":{"name":"pgcanvas","version":"0.1.0"},"limits":{"max_frame_bytes":2097152,"#,
            r#""max_ops_per_batch":1000,"max_points_per_shape":100000,"max_shape_bytes":1048576,"#,
            r#""max_rooms_per_socket":64,"max_unacknowledged":64,"max_presence_bytes":2048,"max_name_chars":64}}"#
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_join_has_a_head_and_pages() {
        let head = Joined {
            room: "design-1",
            room_id: RoomId::new(3).unwrap(),
            role: "editor",
            epoch: Uuid::nil(),
            seq: seq(9),
            mode: Mode::Snapshot,
            min_since: seq(0),
        };
        let page = Page {
            added: &[r#"{"id":"a"}"#, r#"{"id":"b"}"#],
            modified: &[],
            deleted: &["x\"y"],
            more: true,
        };
        let arrays = r#""added":[{"id":"a"},{"id":"b"}],"modified":[],"deleted":["x\"y"],"more":true}"#;
        let wanted = concat!(
            r#"{"type":"joined","room":"design-1","room_id":3,"role":"editor","#,
            r#""epoch":"00000000-0000-0000-0000-000000000000","seq":9,"mode":"snapshot","min_since":0,"#
        );
        assert_eq!(joined(&head, &page), format!("{wanted}{arrays}"));
        assert_eq!(delta("design-1", &page), format!(r#"{{"type":"delta","room":"design-1",{arrays}"#));
    }

    #[test]
    fn changes_carry_batches_as_they_are() {
        let wanted = r#"{"type":"changes","room":"a","from":1,"to":3,"batches":[{"seq":2},{"seq":3}]"#;
        let text = |more| changes("a", seq(1), seq(3), r#"{"seq":2},{"seq":3}"#, more);
        assert_eq!(text(false), format!("{wanted}}}"));
        assert_eq!(text(true), format!(r#"{wanted},"more":true}}"#));
    }

    #[test]
    fn a_batch_is_answered() {
        let outcomes = [Outcome::Applied, Outcome::Gone, Outcome::Unchanged];
        let wanted =
            r#"{"type":"ack","room":"a","op_id":7,"seq":5,"outcomes":["applied","gone","unchanged"]"#;
        assert_eq!(ack("a", op_id(), seq(5), &outcomes, None, &[]), format!("{wanted}}}"));
        let warned = ack("a", op_id(), seq(5), &outcomes, None, &["x: y".to_owned()]);
        assert_eq!(warned, format!(r#"{wanted},"warnings":["x: y"]}}"#));
        let text = reject("a", op_id(), RejectCode::TooLarge, "ops: too\nmany", &[r#"{"id":"a"}"#]);
        let wanted = r#"{"type":"reject","room":"a","op_id":7,"code":"too_large","message":"ops: too\nmany","shapes":[{"id":"a"}]}"#;
        assert_eq!(text, wanted);
    }

    #[test]
    fn presence_names_peers_and_who_left() {
        let peer =
            Peer { session: "s", user: "u", name: "Ann", color: "#fff", state_json: r#"{"cursor":[1,2]}"# };
        let wanted = concat!(
            r##"{"type":"presence","room":"a","peers":[{"session":"s","user":"u","name":"Ann","color":"#fff","##,
            r#""state":{"cursor":[1,2]}}],"left":["t"]}"#
        );
        assert_eq!(presence("a", &[peer], &["t"]), wanted);
    }

    #[test]
    fn small_frames_are_written() {
        assert_eq!(left("a"), r#"{"type":"left","room":"a"}"#);
        assert_eq!(pong(Some("[1]")), r#"{"type":"pong","t":[1]}"#);
        assert_eq!(pong(None), r#"{"type":"pong","t":null}"#);
        let bare = ErrorFrame::new(RejectCode::Invalid, "type: is required");
        assert_eq!(error(&bare), r#"{"type":"error","code":"invalid","message":"type: is required"}"#);
        let full = ErrorFrame { room: Some("a"), op_id: Some(op_id()), retry_after_ms: Some(250), ..bare };
        assert!(error(&full).ends_with(r#","room":"a","op_id":7,"retry_after_ms":250}"#));
    }
}
