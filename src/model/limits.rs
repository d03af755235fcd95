//! Every bound on what a client may send, each in one place.

/// The largest integer that JSON readers in browsers keep exactly (2^53 - 1).
pub const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_991;
/// The largest version that a replica may bring (2^40): there is no end to the versions after it.
pub const MAX_REPLICA_VERSION: i64 = 1_099_511_627_776;

/// The longest frame a client may send.
pub const MAX_FRAME_BYTES: usize = 2 * 1024 * 1024;
/// The most operations in one batch.
pub const MAX_OPS_PER_BATCH: usize = 1000;
/// The most points of one shape, and of one `append`.
pub const MAX_POINTS_PER_SHAPE: usize = 100_000;
/// The longest JSON text of one shape, patch or append.
pub const MAX_SHAPE_BYTES: usize = 1024 * 1024;
/// The most rooms that one socket may be in.
pub const MAX_ROOMS_PER_SOCKET: usize = 64;
/// The most batches that one socket may have sent without an answer.
pub const MAX_UNACKNOWLEDGED_BATCHES: usize = 64;
/// The longest JSON text of one presence state.
pub const MAX_PRESENCE_BYTES: usize = 2048;
/// The longest display name.
pub const MAX_NAME_CHARS: usize = 64;
/// The longest author: what the table `chat` takes for one. `sql:` and the name of a role are shorter.
pub const MAX_AUTHOR_CHARS: usize = 128;
/// The longest credential.
pub const MAX_TOKEN_CHARS: usize = 4096;
/// The shortest key of a client.
pub const MIN_KEY_CHARS: usize = 16;
/// The shortest password.
pub const MIN_PASSWORD_CHARS: usize = 8;
/// The longest password.
pub const MAX_PASSWORD_CHARS: usize = 256;
/// The shortest login.
pub const MIN_LOGIN_CHARS: usize = 2;
/// The longest login.
pub const MAX_LOGIN_CHARS: usize = 32;
/// The longest JSON text that a `ping` may carry to its `pong`.
pub const MAX_PING_BYTES: usize = 1024;

/// The longest room slug.
pub const MAX_SLUG_CHARS: usize = 64;
/// The longest shape, group, frame or container id.
pub const MAX_ID_CHARS: usize = 128;
/// The longest kind of shape.
pub const MAX_KIND_CHARS: usize = 64;
/// The longest property name.
pub const MAX_PROPERTY_NAME_CHARS: usize = 128;
/// The most names in one JSON object whose names the node reads.
pub const MAX_NAMES_PER_OBJECT: usize = 1024;
/// The longest fractional z-order index.
pub const MAX_INDEX_CHARS: usize = 255;
/// The most groups that a shape may be in.
pub const MAX_GROUPS_PER_SHAPE: usize = 64;
/// The longest colour.
pub const MAX_COLOR_CHARS: usize = 64;
/// The longest name of a fill or stroke style.
pub const MAX_STYLE_CHARS: usize = 32;
/// The longest text of a shape.
pub const MAX_TEXT_CHARS: usize = 65_536;
/// The longest link.
pub const MAX_LINK_CHARS: usize = 4096;

/// The largest coordinate or size, either sign.
pub const MAX_COORDINATE: f64 = 1e9;
/// The largest angle in radians, either sign.
pub const MAX_ANGLE_RADIANS: f64 = 1e6;
/// The widest stroke.
pub const MAX_STROKE_WIDTH: f64 = 1000.0;
/// The largest roughness and opacity.
pub const MAX_PERCENT: f64 = 100.0;
/// The largest font size.
pub const MAX_FONT_SIZE: f64 = 10_000.0;
/// The largest font family number.
pub const MAX_FONT_FAMILY: f64 = 1000.0;
/// The largest number anywhere else, either sign: `jsonb` prints every digit of a number.
pub const MAX_NUMBER: f64 = 1e30;
/// A number nearer to nought than this is nought: `jsonb` prints every digit of a number.
pub const MIN_NUMBER: f64 = 1e-30;
/// The deepest nesting of arrays and objects, the shape itself being the first.
pub const MAX_NESTING_DEPTH: usize = 32;
/// The longest number kept digit by digit; a longer one is rounded to a double.
pub const MAX_NUMBER_CHARS: usize = 24;
