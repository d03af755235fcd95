-- Going back in the log, keeping it within bounds, and finding out whether it was tampered with.

-- Boards written out now and then as the log grows, so that a point is reached from the nearest one before it. A row per shape: a board
-- is read page by page. No foreign keys, as elsewhere: a room that goes takes them with it by trigger.
create table pgcanvas.snapshots (
  room_id  bigint not null,
  seq      bigint not null,
  shapes   bigint not null,
  changes  bigint not null,
  at       timestamptz not null,
  constraint snapshots_pkey primary key (room_id, seq)
);
comment on table pgcanvas.snapshots is 'Points of a room whose board is kept whole: any other point is reached from the one before it.';
comment on column pgcanvas.snapshots.room_id is 'The board.';
comment on column pgcanvas.snapshots.seq is 'The board is as of this batch.';
comment on column pgcanvas.snapshots.shapes is 'How many shapes it has.';
comment on column pgcanvas.snapshots.changes is 'How many changes the room had logged by then, in all its life.';
comment on column pgcanvas.snapshots.at is 'When the transaction of its last batch began.';

create table pgcanvas.snapshot_shapes (
  room_id   bigint not null,
  seq       bigint not null,
  shape_id  text collate "C" not null,
  shape     json not null,
  constraint snapshot_shapes_pkey primary key (room_id, seq, shape_id)
);
comment on table pgcanvas.snapshot_shapes is 'The shapes of snapshots.';
comment on column pgcanvas.snapshot_shapes.room_id is 'The board.';
comment on column pgcanvas.snapshot_shapes.seq is 'The snapshot.';
comment on column pgcanvas.snapshot_shapes.shape_id is 'The shape.';
comment on column pgcanvas.snapshot_shapes.shape is 'The shape as clients receive it.';

create table pgcanvas.log_tallies (
  room_id  bigint not null,
  seq      bigint not null,
  changes  bigint not null,
  constraint log_tallies_pkey primary key (room_id)
);
comment on table pgcanvas.log_tallies is 'How far the log was counted when snapshots were last looked after, so that nothing is counted twice.';
comment on column pgcanvas.log_tallies.room_id is 'The board.';
comment on column pgcanvas.log_tallies.seq is 'Counted up to this batch.';
comment on column pgcanvas.log_tallies.changes is 'How many changes the room had logged by then, in all its life.';

-- Who was logged in, and in which transaction. As defaults they cost a writer nothing to say, and next to nothing to write. What was
-- logged before has none.
alter table pgcanvas.shape_changes add column db_role text, add column xid xid8;
alter table pgcanvas.shape_changes alter column db_role set default session_user::text, alter column xid set default pg_current_xact_id();
comment on column pgcanvas.shape_changes.db_role is 'The database role that was logged in; null for what was logged before this was.';
comment on column pgcanvas.shape_changes.xid is 'The transaction; null for what was logged before this was.';

alter table pgcanvas.rooms add column chained_since bigint;
comment on column pgcanvas.rooms.chained_since is 'From which seq on batches are chained by hashes; null when they are not.';

create table pgcanvas.batch_hashes (
  room_id  bigint not null,
  seq      bigint not null,
  hash     bytea not null,
  constraint batch_hashes_pkey primary key (room_id, seq)
);
comment on table pgcanvas.batch_hashes is 'The chain of a room that asked for one: a hash per batch, over the one before and the batch''s rows.';
comment on column pgcanvas.batch_hashes.room_id is 'The board.';
comment on column pgcanvas.batch_hashes.seq is 'The batch; the lowest one is where the chain is anchored.';
comment on column pgcanvas.batch_hashes.hash is 'SHA-256 of the hash before and the rows'' canonical text.';

create table pgcanvas.pseudonyms (
  room_id  bigint not null,
  name     text not null,
  salt     bytea not null,
  constraint pseudonyms_pkey primary key (room_id, name)
);
comment on table pgcanvas.pseudonyms is 'What stands for a name in a chain is drawn from its salt: once the salt is gone, nothing leads back to the name.';
comment on column pgcanvas.pseudonyms.room_id is 'The board.';
comment on column pgcanvas.pseudonyms.name is 'Who, as in the log.';
comment on column pgcanvas.pseudonyms.salt is 'Drawn at random when the name is first chained.';

alter table pgcanvas.meta
  add column system_identifier bigint, add column timeline integer, add column database_oid oid, add column rooms_oid oid;
comment on column pgcanvas.meta.system_identifier is 'The cluster in which a node last started; null when the server does not tell.';
comment on column pgcanvas.meta.timeline is 'Its timeline then; null when the server does not tell.';
comment on column pgcanvas.meta.database_oid is 'The database''s number then; null before the first start.';
comment on column pgcanvas.meta.rooms_oid is 'The number of the table of rooms then: a table that was restored has another one.';
