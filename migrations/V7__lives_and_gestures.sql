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

-- What stood before gets its keys here, as sql/32_references.sql makes them; past the triggers, since no shape changes.
alter table pgcanvas.shapes disable trigger user;
update pgcanvas.shapes s set refs = r.refs
from (
  select t.room_id, t.id, array_agg(distinct k.key order by k.key) as refs
  from pgcanvas.shapes t
  cross join lateral (
    select 's' || t.room_id || ':' || v as key
    from (values (t.frame_id), (t.container_id), (t.props #>> '{startBinding,elementId}'), (t.props #>> '{endBinding,elementId}')) as u (v)
    union all
    select 's' || t.room_id || ':' || (e ->> 'id')
    from jsonb_array_elements(case jsonb_typeof(t.props -> 'boundElements') when 'array' then t.props -> 'boundElements' else '[]' end) as e
    union all
    select 'g' || t.room_id || ':' || g from unnest(t.group_ids) as g) as k
  where k.key is not null
  group by t.room_id, t.id) as r
where s.room_id = r.room_id and s.id = r.id;
alter table pgcanvas.shapes enable trigger user;

alter table pgcanvas.shape_changes add column gesture bigint, add column undoes bigint;
comment on column pgcanvas.shape_changes.gesture is 'The op_id with which the gesture began that the batch goes on with; null for a gesture of its own.';
comment on column pgcanvas.shape_changes.undoes is 'The batch that this one takes back (undo, or redo of an undo); null for drawing.';

-- Only gestures that were taken back at least once: all others stand as they were drawn.
create table pgcanvas.gestures (
  room_id   bigint not null,
  author    text not null,
  client    uuid not null,
  op_id     bigint not null,
  seq       bigint not null,
  undone    boolean not null,
  batch     bigint,
  idle      boolean not null,
  moved_at  bigint not null,
  constraint gestures_pkey primary key (room_id, author, client, op_id)
);
comment on table pgcanvas.gestures is 'Gestures that were taken back, and perhaps done again.';
comment on column pgcanvas.gestures.room_id is 'The board.';
comment on column pgcanvas.gestures.client is 'The device it was drawn on.';
comment on column pgcanvas.gestures.op_id is 'The client''s counter of its first batch.';
comment on column pgcanvas.gestures.seq is 'Its last batch.';
comment on column pgcanvas.gestures.author is 'Whose it is.';
comment on column pgcanvas.gestures.undone is 'Whether it is taken back now.';
comment on column pgcanvas.gestures.batch is 'The batch that stands for it: the one that took it back or did it again last; null while it stands for itself, 0 when it could not be done again.';
comment on column pgcanvas.gestures.idle is 'Whether its undo found nothing to do: then its redo has nothing to do either.';
comment on column pgcanvas.gestures.moved_at is 'The room''s seq when that happened: what was taken back last is done again first.';

alter table pgcanvas.applied_ops add column left_alone json;
comment on column pgcanvas.applied_ops.left_alone is 'Of an undo or redo: what others had changed since and was left as it is.';
