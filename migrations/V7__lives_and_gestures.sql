-- What outlives a shape, what refers to it, and which gestures were taken back.

-- Versions go on where a shape that comes back left off: else a version seen in one life would be taken for the same in the next.
create table pgcanvas.tombstones (
  room_id  bigint not null,
  id       text collate "C" not null,
  version  bigint not null,
  nonce    bigint not null default 0,
  seq      bigint not null,
  constraint tombstones_pkey primary key (room_id, id)
);
comment on table pgcanvas.tombstones is 'Shapes that were deleted once: the version at which they died. One that came back keeps its stone.';
comment on column pgcanvas.tombstones.room_id is 'The board.';
comment on column pgcanvas.tombstones.id is 'The shape.';
comment on column pgcanvas.tombstones.version is 'The version of its death.';
comment on column pgcanvas.tombstones.nonce is 'Settles between equal versions of replicas; the lower one wins.';
comment on column pgcanvas.tombstones.seq is 'Seq of the batch that deleted it.';

alter table pgcanvas.shapes add column refs text[] collate "C";
comment on column pgcanvas.shapes.refs is 'Keys of what the shape refers to (frame, container, arrow ends, bound elements, groups); null when nothing; stamped by trigger.';
-- Without a list of pending entries: every question would have to read it through.
create index shapes_refs_idx on pgcanvas.shapes using gin (refs) with (fastupdate = off) where refs is not null;
comment on index pgcanvas.shapes_refs_idx is 'Who refers to a shape: asked when it is deleted.';

alter table pgcanvas.shape_changes add column undoes bigint;
comment on column pgcanvas.shape_changes.undoes is 'The batch that this one takes back (undo, or redo of an undo); null for drawing.';

-- Only gestures that were taken back at least once: all others stand as they were drawn.
create table pgcanvas.gestures (
  room_id   bigint not null,
  seq       bigint not null,
  author    text not null,
  undone    boolean not null,
  batch     bigint,
  idle      boolean not null,
  moved_at  bigint not null,
  constraint gestures_pkey primary key (room_id, author, seq)
);
comment on table pgcanvas.gestures is 'Gestures that were taken back, and perhaps done again.';
comment on column pgcanvas.gestures.room_id is 'The board.';
comment on column pgcanvas.gestures.seq is 'The batch that was drawn.';
comment on column pgcanvas.gestures.author is 'Whose it is.';
comment on column pgcanvas.gestures.undone is 'Whether it is taken back now.';
comment on column pgcanvas.gestures.batch is 'The batch that stands for it: the one that was drawn, or that took it back or did it again last; null when it could not be done again.';
comment on column pgcanvas.gestures.idle is 'Whether its undo found nothing to do: then its redo has nothing to do either.';
comment on column pgcanvas.gestures.moved_at is 'The room''s seq when that happened: what was taken back last is done again first.';

alter table pgcanvas.applied_ops add column left_alone json;
comment on column pgcanvas.applied_ops.left_alone is 'Of an undo or redo: what others had changed since and was left as it is.';
