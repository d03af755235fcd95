-- What analysts read. A room's channel is in none of them: who knows it can hear and ring the room.

create or replace view pgcanvas.board_shapes as
  select r.slug as room, s.*
  from pgcanvas.shapes s join pgcanvas.rooms r on r.id = s.room_id;
comment on view pgcanvas.board_shapes is 'Every living shape, with the name of its room.';

create or replace view pgcanvas.room_activity as
  select r.id as room_id, r.slug as room, r.visibility, s.shapes, greatest(c.last_seq, r.min_since) as batches, c.changes, c.authors,
    c.last_change_at,
         r.created_at
  from pgcanvas.rooms r
  cross join lateral (select count(*) as shapes from pgcanvas.shapes s where s.room_id = r.id) as s
  cross join lateral (select count(*) as changes, count(distinct c.author) as authors, max(c.at) as last_change_at,
                             max(c.seq) as last_seq
                      from pgcanvas.shape_changes c where c.room_id = r.id) as c;
comment on view pgcanvas.room_activity is 'One row per room: how much is on it, how much happened, and when last.';
comment on column pgcanvas.room_activity.room_id is 'Number of the room.';
comment on column pgcanvas.room_activity.room is 'Name of the room in addresses.';
comment on column pgcanvas.room_activity.visibility is 'open or private.';
comment on column pgcanvas.room_activity.shapes is 'How many shapes live on the board.';
comment on column pgcanvas.room_activity.batches is 'How many batches were committed: the room''s last seq.';
comment on column pgcanvas.room_activity.changes is 'How many changes the log holds.';
comment on column pgcanvas.room_activity.authors is 'How many different authors the log holds.';
comment on column pgcanvas.room_activity.last_change_at is 'When the last logged change was made; null when there is none.';
comment on column pgcanvas.room_activity.created_at is 'When the room was made.';

create or replace view pgcanvas.change_log as
  select r.slug as room, c.*
  from pgcanvas.shape_changes c join pgcanvas.rooms r on r.id = c.room_id;
comment on view pgcanvas.change_log is 'The log: who changed which shape, and how. What was there before: shape_history.';

-- A view's column says what the table's column says.
do $$
declare
  v_column record;
begin
  for v_column in
    select v.relname as view, a.attname as name, coalesce(col_description(t.oid, ta.attnum), 'Name of the room in addresses.') as says
    from (values ('board_shapes', 'shapes'), ('change_log', 'shape_changes')) as pair (view_name, table_name)
    join pg_class v on v.oid = ('pgcanvas.' || pair.view_name)::regclass
    join pg_class t on t.oid = ('pgcanvas.' || pair.table_name)::regclass
    join pg_attribute a on a.attrelid = v.oid and a.attnum > 0
    left join pg_attribute ta on ta.attrelid = t.oid and ta.attname = a.attname
  loop
    execute format('comment on column pgcanvas.%I.%I is %L', v_column.view, v_column.name, v_column.says);
  end loop;
end $$;
