-- The append-only log. No foreign key to rooms: the writer holds the room's row lock, and a check per row would cost as much as the
-- row; a room that goes takes its log with it by trigger.
create table pgcanvas.shape_changes (
  room_id   bigint not null,
  seq       bigint not null,
  ordinal   bigint generated always as identity,
  op        text not null,
  shape_id  text collate "C" not null,
  change    json not null,
  before    json,
  author    text not null,
  client    uuid,
  op_id     bigint,
  at        timestamptz not null,
  constraint shape_changes_pkey primary key (room_id, seq, ordinal),
  constraint shape_changes_op_check check (op in ('put', 'patch', 'append', 'delete'))
);

comment on table pgcanvas.shape_changes is 'Append-only log: what every batch changed. One seq per batch.';
comment on column pgcanvas.shape_changes.room_id is 'The board.';
comment on column pgcanvas.shape_changes.seq is 'The batch: gapless per room, in commit order.';
comment on column pgcanvas.shape_changes.ordinal is 'Order within the batch; rises, with holes.';
comment on column pgcanvas.shape_changes.op is 'put (created), patch, append, delete.';
comment on column pgcanvas.shape_changes.shape_id is 'The shape.';
comment on column pgcanvas.shape_changes.change is 'The change as clients receive it.';
comment on column pgcanvas.shape_changes.before is 'What undoes it: for patch {set, unset}, for append {length}, for delete the shape; null for put.';
comment on column pgcanvas.shape_changes.author is 'Who: a user, or sql:<role> for direct SQL.';
comment on column pgcanvas.shape_changes.client is 'The device or tab; null for direct SQL.';
comment on column pgcanvas.shape_changes.op_id is 'The client''s own counter; null for direct SQL.';
comment on column pgcanvas.shape_changes.at is 'When the transaction began.';

-- One row per batch a client sent: a repeat is answered from here. (Not only the last of each client: a client that had several
-- batches under way repeats them all, and each gets its own first answer.)
create table pgcanvas.applied_ops (
  room_id   bigint not null,
  client    uuid not null,
  op_id     bigint not null,
  seq       bigint not null,
  outcomes  text[] not null,
  at        timestamptz not null default now(),
  constraint applied_ops_pkey primary key (room_id, client, op_id),
  constraint applied_ops_op_id_check check (op_id between 1 and 9007199254740991)
);

comment on table pgcanvas.applied_ops is 'First answers: the same client and op_id sent again gets it and changes nothing.';
comment on column pgcanvas.applied_ops.room_id is 'The board.';
comment on column pgcanvas.applied_ops.client is 'The device or tab.';
comment on column pgcanvas.applied_ops.op_id is 'The client''s own counter.';
comment on column pgcanvas.applied_ops.seq is 'Seq of the batch, or the room''s when nothing changed.';
comment on column pgcanvas.applied_ops.outcomes is 'One per op: applied, gone, unchanged.';
comment on column pgcanvas.applied_ops.at is 'When it was first answered.';
