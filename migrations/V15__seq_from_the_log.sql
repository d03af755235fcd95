-- Where a room is, its log tells: each batch locks the room's row, and none writes it. Written by each batch, the row left a version for
-- every one of them, and under an old snapshot each batch read past all of those.
lock table pgcanvas.rooms in access exclusive mode;
drop trigger if exists _900_notify on pgcanvas.rooms;
drop trigger if exists _910_chain on pgcanvas.rooms;
drop function if exists pgcanvas.tg_rooms__notify();
drop function if exists pgcanvas.tg_rooms__chain();
drop function if exists pgcanvas.settle_seqs(bigint[], bigint[], timestamptz[]);
drop function if exists pgcanvas.befores(bigint, bigint[], bigint[]);

-- A log that has lost its end answers nothing from before it.
update pgcanvas.rooms r set min_since = r.last_seq
  where r.last_seq > greatest(r.min_since, coalesce((select max(c.seq) from pgcanvas.shape_changes c where c.room_id = r.id), 0));

-- The bundle makes the view; its columns must not stand in the way of those that go.
do $$ begin
  if to_regclass('pgcanvas.room_activity') is not null then
    create or replace view pgcanvas.room_activity as
      select r.id as room_id, r.slug as room, r.visibility, s.shapes, r.min_since as batches, 0::bigint as changes, 0::bigint as authors,
             null::timestamptz as last_change_at, r.created_at
      from pgcanvas.rooms r cross join lateral (select count(*) as shapes from pgcanvas.shapes s where s.room_id = r.id) as s;
  end if;
end $$;

alter table pgcanvas.rooms
  drop constraint rooms_seq_check,
  drop column last_seq,
  drop column touched_at,
  add constraint rooms_seq_check check (min_since >= 0);
comment on table pgcanvas.rooms is
  'One row per board. Its row lock, taken first and held to commit, makes seq gapless and equal to commit order; where the board is, the log tells.';

-- From 1 within each batch: so that the key refuses a seq that somebody else has, whatever the writer's snapshot shows it.
alter table pgcanvas.shape_changes alter column ordinal drop identity;
comment on column pgcanvas.shape_changes.ordinal is 'Order within the batch: from 1; in batches of before version 15 it begins anywhere, and has holes.';
