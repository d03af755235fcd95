//! A shared whiteboard whose every shape is a row in your PostgreSQL.
//!
//! PostgreSQL is the only truth and the bus between nodes. This crate is what stands between sockets and that database: it checks what
//! clients say, gathers it into transactions, and tells every client what was committed. It holds nothing that can be lost.
//!
//! ```text
//! browser ─ WebSocket ─▶ http::upgrade ─▶ session ─▶ protocol::decode ─▶ room::writer ─▶ room::batch
//!                                                                             │ one call, many rooms
//!                                                                             ▼
//! psql, COPY, a BI tool ──────────────▶  tables  ◀──────────────────  pgcanvas.apply_batches(…)
//!                                           │ same transaction: check · stamp (bounds, version, seq) · log · notify
//!                                           ▼ commit
//! every node:  db::listen ◀──── NOTIFY on the room's channel
//!                 │ a notice, or "back after a loss"
//!                 ▼
//!              room::fanout ── changes after the cursor ──▶ encoded once ──▶ room::outbox per socket ──▶ browser
//! ```
//!
//! # Modules
//!
//! Down to [`room`], each uses only those above it. `session`, [`http`] and [`node`] are one layer: a socket and a request work with the
//! node's parts. `migrations/` (history) and `sql/` (present) lie below them all.
//!
//! - [`model`]: ids, counters, shapes, ops, geometry, every limit. Pure.
//! - [`protocol`]: frames in and out, codes, the seed dialect. Pure: text in, values or text out.
//! - [`metrics`], [`backoff`], [`log`]: every metric, the pause before the next try, the log and what it says seldom.
//! - [`budget`]: the bytes that a node holds for those who read and write slowly; who goes when they run out.
//! - [`secrets`]: passwords and tokens, made, hashed, tried; nothing of whose they are.
//! - [`db`]: the only place that knows PostgreSQL.
//!   - `calls`: one function per SQL function (`calls::past`, `calls::upkeep` for history, `calls::people`, `calls::access` for rights); `pool`, `connect`, `tls`: the ways there; `error`: what a failure means.
//!   - `listen`: the one listening connection of a node, and whether it hears; `schema`: migrations, bundle, contract, and whether all is there.
//!   - `embedded`: the private server: found, made, started, adopted, stopped.
//! - [`room`]: what a node knows of rooms.
//!   - `registry`: which rooms are hosted, and the switchboard that brings notices to them.
//!   - `writer`, `batch`: from batches to transactions; `fanout`, `frames`: from the log to frames; `join`: from a board to pages.
//!   - `outbox`: what waits for one socket; `presence`: who is where; `seed`: frames in the old dialect.
//! - `session`: one socket: what it says, who it is, where it may be, what it is sent.
//! - [`http`]: the listening socket, upgrades, REST, the board's page (feature `board`), which `build.rs` makes of `web/`.
//! - [`node`]: the parts of one node, how they start and stop. Several run in one process in tests.
//! - [`client`]: what stands at the other end: a copy of a board, a queue, a connection that comes back. Its own layer, on model and
//!   protocol; no part of a node uses it.
//! - [`config`], [`app`]: settings, and what the sub-commands do with them.
//!
//! # What always holds
//!
//! - **Commit order is seq order, without gaps.** Every writer takes the room's row lock before its first change there and holds it to the
//!   commit. `apply_batches` takes several rooms in the order of their ids; against a statement that takes them otherwise, it gives way.
//! - **Triggers make all writers equal.** A plain `update` gets version, seq, log and notice as `apply_batches` gives them. What must be true of a
//!   shape is refused in the database; the checks in [`protocol`] come first only to say it better and sooner.
//! - **An `ack` follows the commit, and a batch is applied once.** Its first answer is stored in the same transaction under client and
//!   `op_id`, so whoever is in doubt sends again: clients, and the writer whose connection broke at the commit.
//! - **A notice is a doorbell.** It says that a room is at some seq, and may carry the changes when they are small. A room acts on its
//!   own cursor alone: a notice that does not begin there only means "go and look". Lost, doubled, late and merged ones do no harm.
//! - **A channel's name is a secret.** PostgreSQL lets every role notify every channel, so what a notice carries could be forged by
//!   whoever knows the name. It is random, in no view, and read only by nodes. That is why carried changes may be believed.
//! - **Rights are rows.** What somebody may in a room is asked of the database when they come, by one function, whatever road they come by. A
//!   room counts the changes of its rights; a socket is let in at a count, and goes when the room has heard of a higher one, by a notice or
//!   after a loss. So no node holds rights that can be out of date for longer than its ears are.
//! - **Everything is bounded.** Each queue has a size, and its constant says what happens when it is full. Each wait has a deadline, except the
//!   reading of the log by a room, which has nothing better to do than to try again.
//!
//! # What is absent, and should stay so
//!
//! - **`db` never names `room`.** The listener is given a function to call. So the database can be tested without rooms.
//! - **Writers never tell readers.** A node learns of its own clients' changes by the notice, like everybody's: one path, one order, one thing
//!   to get right. That costs some of a millisecond and buys that `psql` cannot be forgotten.
//! - **No state of a board in memory.** A hosted room is a cursor, its subscribers, and the last few frames for those who are just joining.
//! - **No timer in the write path.** What arrives while a transaction is under way is the next transaction. An idle node answers at once, a
//!   busy one gathers by itself, and the flush to disk, which a notice makes every committer wait for, is shared by many.
//! - **No SQL outside `db`**, no SQLSTATE outside `db::error`, no text of the database to a client but that of our own errors.
//! - **No second way to be resumed.** Joining, catching up after a loss and a bell without rows all read the log after a cursor.
//!
//! # The life of one change
//!
//! 1. `session` reads a frame; [`protocol::decode()`] scans its JSON once, checks it, and makes of each op a row of values (unless only the
//!    general way in the database knows what it says) and the text that the log will hold. A socket has a permit per batch without an
//!    answer; without one it is read no further.
//! 2. The room's writer queues it. A room is always on the same writer, so its batches keep their order.
//! 3. When the transaction before is done, all that waits goes into one call of `apply_batches`, rows and texts as they are: rooms locked, repeats found, what is known of the named shapes read, then planned in numbers alone (which op applies, at which
//!    version and seq), then written, one statement for all shapes that change, one for those that come, one for the log. What a shape gets
//!    from many ops of a call is folded into one row. What is seldom done goes op by op, in the same transaction.
//! 4. The log holds what ops said, as clients will read it, and each room's channel is notified: once, or as often as it takes for the batches to
//!    ride along, while they are no more than four could carry. (For direct SQL triggers do both.)
//! 5. The answer comes back: `ack`, one per batch.
//! 6. Every node that hosts the room hears the notice. If it carries the changes and begins at the cursor, it is passed on; else the log is
//!    read from the cursor on.
//! 7. The frame is encoded once per name that clients use for the room, and its bytes are shared by all outboxes.
//!
//! # Joining
//!
//! The board is read in one snapshot of the database and sent page by page at the reader's pace, never whole in memory. A reader that does not
//! keep up gets the rest of that moment out of the log, and holds no connection to the database meanwhile. Then the socket
//! asks the room to be let in at the seq of that snapshot. The room lets it in if its last few frames reach back that far; if not, the
//! socket reads the log up to the present and asks again. A room that is hosted anew listens first, until the server has acknowledged it, and only
//! then reads where it is. So nothing falls between, and nothing comes twice.
//!
//! # The past
//!
//! The log is the history: `room_at` takes the nearest snapshot before a point and folds the changes after it. Snapshots are written by a
//! background task, after the fact and out of the log itself, so that nobody who draws waits, and a log that has none yet gets them.
//! They stand further apart the larger the board is; so they stay in proportion to the log. Restoring is a batch like any other: the ops that
//! lead from now to then go down the road of all ops. Pruning removes whole batches from the oldest on, keeps the board at the cut,
//! and moves `min_since`; who reads the log in that moment and finds a hole starts over.
//!
//! # When something fails
//!
//! - **A transaction fails**: it is divided, by room and then in halves, until what is at fault stands alone and is rejected.
//! - **Somebody holds a room**: the writer gives way long before the server would look for deadlocks, and puts that room's batches aside,
//!   in order, while the others go on.
//! - **The database is away**: writers and rooms try again with growing pauses; a batch waits ten seconds, then its author is told
//!   `unavailable` and repeats it.
//! - **The database takes a question and never answers**, being frozen or behind a connection that is half open: every question has a
//!   deadline; such a connection is thrown away with the idle ones beside it.
//! - **The listening connection is lost**: it comes back, listens to every channel again, and every hosted room reads on from its cursor.
//! - **A reader is slow**: presence is dropped first; then the socket is closed and comes back with its `since`.
//! - **A node stops**: it takes nobody new, answers what is on its way, says goodbye. If it is killed, clients do the same with a pause.
//! - **The history was rewound**: the epoch differs or the seq went back; the room lets everybody go, and they join anew. A node that starts
//!   or comes back looks whether the database still is where it was, and gives all rooms a new epoch when it was restored.

pub mod app;
pub mod backoff;
pub mod budget;
pub mod client;
pub mod config;
pub mod db;
pub mod http;
pub mod log;
pub mod metrics;
pub mod model;
pub mod node;
pub mod protocol;
pub mod room;
pub mod secrets;
mod session;
