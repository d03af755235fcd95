-- What looking after a database that is in use needs.

-- Rooms first, as everybody who writes takes them: with other tables in hand this would wait for them, and they for this.
lock table pgcanvas.rooms in access exclusive mode;

-- A migration leaves alone what is in place: to replace a view or a trigger keeps everybody from its table.
create table pgcanvas.bundle_objects (
  name         text not null,
  text_hash    text not null,
  fingerprint  text,
  constraint bundle_objects_pkey primary key (name)
);
comment on table pgcanvas.bundle_objects is 'What the sql/ bundle made: functions, triggers and views, as they were when it was applied last.';
comment on column pgcanvas.bundle_objects.name is 'As trigger _900_notify on rooms.';
comment on column pgcanvas.bundle_objects.text_hash is 'SHA-256 of the statements that made it.';
comment on column pgcanvas.bundle_objects.fingerprint is 'Of its definition as the catalog had it then; null: it was not there, since the statements only remove it.';

comment on column pgcanvas.shapes.grid is 'A box that encloses bounds, its edges multiples of 512: what the spatial index holds. Stamped by the server, and kept while the shape lies in it and is not much smaller.';

-- What became of a shape: blame, shapes of the past by name, undo. Without the seq: its entries of one shape share their key, and it is an eighth as
-- large. Where the log is there already the migrator has built it before, while people drew (src/db/schema/indexes.rs).
create index if not exists shape_changes_room_id_shape_id_idx on pgcanvas.shape_changes (room_id, shape_id);
comment on index pgcanvas.shape_changes_room_id_shape_id_idx is 'What became of a shape.';

-- A room that goes leaves what is much behind, to be removed in pieces.
create table pgcanvas.deleted_rooms (
  room_id     bigint not null,
  deleted_at  timestamptz not null default now(),
  constraint deleted_rooms_pkey primary key (room_id)
);
comment on table pgcanvas.deleted_rooms is 'Rooms that are gone and of which rows are left: nodes remove them in pieces.';
comment on column pgcanvas.deleted_rooms.room_id is 'The number it had.';
comment on column pgcanvas.deleted_rooms.deleted_at is 'When it was deleted.';
drop trigger if exists _610_forget_history on pgcanvas.rooms;
drop function if exists pgcanvas.tg_rooms__forget_history();

-- Pictures that nothing names go after a while.
alter table pgcanvas.files add column unnamed_since timestamptz;
comment on column pgcanvas.files.unnamed_since is 'Since when it is known that no shape and no kept change names it; null: something does, or it was not looked yet.';

create table pgcanvas.file_uses (
  room_id  bigint not null,
  sha256   text collate "C" not null,
  seq      bigint not null,
  constraint file_uses_pkey primary key (room_id, sha256)
);
comment on table pgcanvas.file_uses is 'Which pictures the log names.';
comment on column pgcanvas.file_uses.room_id is 'The board.';
comment on column pgcanvas.file_uses.sha256 is 'The file, which need not be there.';
comment on column pgcanvas.file_uses.seq is 'The last batch that named it, as what was or as what became.';

create table pgcanvas.file_tallies (
  room_id  bigint not null,
  seq      bigint not null,
  constraint file_tallies_pkey primary key (room_id)
);
comment on table pgcanvas.file_tallies is 'How far the log was looked through for pictures.';
comment on column pgcanvas.file_tallies.room_id is 'The board.';
comment on column pgcanvas.file_tallies.seq is 'Up to this batch.';

-- Erasing a person commits room by room, which only a procedure may; moments and documents get types of their own. The bundle makes them anew.
drop function if exists pgcanvas.erase_user(text);
drop function if exists pgcanvas.room_diff(text, bigint, bigint, text, integer);
drop function if exists pgcanvas.room_at(text, bigint, text, integer);
drop function if exists pgcanvas.room_at(text, timestamptz, text, integer);
drop function if exists pgcanvas.room_history(text, bigint, integer);
drop function if exists pgcanvas.shape_blame(text, text);
drop function if exists pgcanvas.room_state(text);
drop function if exists pgcanvas.list_rooms(text, integer, text);
drop function if exists pgcanvas.set_member(bigint, text, text);
drop function if exists pgcanvas.list_members(bigint);
drop function if exists pgcanvas.make_link(bigint, text, bytea, text, integer);
drop function if exists pgcanvas.list_links(bigint);
