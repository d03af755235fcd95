-- What makes every writer equal: statement by statement, in this order: begin, stamp (or take the room for a delete), log; at commit, ring.
-- A statement's changes of one room are one batch: the first row of a room locks it and takes the next seq. apply_batches does all of this
-- itself, in the statements that write, and only rings like the others.

create or replace function pgcanvas.let_go_of_dead(p_refs text[])
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp
  set enable_nestloop = on set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_keys text[] := array(
    select k.key from (select distinct key, substr(split_part(key, ':', 1), 2)::bigint as room_id, substr(key, strpos(key, ':') + 1) as id
                       from unnest(p_refs) as key where starts_with(key, 's')) as k
    cross join lateral (select from tombstones g where g.room_id = k.room_id and g.id = k.id offset 0) as g
    left join lateral (select s.id from shapes s where s.room_id = any (array[k.room_id]) and s.id = k.id offset 0) as s on true
    where s.id is null);
begin
  if v_keys <> '{}' then perform let_go(v_keys); end if;
end $$;
comment on function pgcanvas.let_go_of_dead is 'Lets what was just written let go of what was deleted before.';

create or replace function pgcanvas.tg_shapes__begin()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if tg_op = 'TRUNCATE' then
    raise exception 'shapes: truncate would leave no log; use delete' using errcode = 'WB001';
  end if;
  if may_be_altered() and altering_trigger() > '~200_stamp' then
    raise exception 'shapes: the trigger % would run after the one that stamps: rename it to come before ~200_stamp', altering_trigger()
      using errcode = 'WB001';
  end if;
  perform set_config('pgcanvas.statement', gen_random_uuid()::text, true);
  return null;
end $$;
comment on function pgcanvas.tg_shapes__begin is
  'Names the statement, so that it has its own seq per room; refuses truncate, and triggers that would alter what was stamped.';

create or replace function pgcanvas.tg_shapes__stamp()
  -- the plan may be made while the tombstones are few
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set enable_seqscan = off
    set jit = off as $$
declare
  v_fault text;
  v_direct boolean := be_direct();
  v_batch record;
begin
  if tg_op = 'INSERT' and tg_argv[0] = 'put back' and was_stamped(new) then return new; end if;
  if new.extra is not null then
    v_fault := extra_fault(new.extra);
    if v_fault is not null then raise exception '%', v_fault using errcode = 'WB001'; end if;
    new.extra := nullif(new.extra - columns_unset(new, null), '{}');  -- an explicit null no longer holds where there is a value
  end if;
  if tg_op = 'UPDATE' then
    if new.room_id <> old.room_id or new.id <> old.id then
      raise exception 'shapes: room_id and id do not change; delete and insert instead' using errcode = 'WB001';
    end if;
    if same_properties(old, new) then return with_old_stamps(new, old); end if;
    new.version := old.version + 1;
    new.created_by := old.created_by;
    new.created_at := old.created_at;
  end if;
  v_batch := statement_batch(new.room_id);
  new.seq := v_batch.seq;
  if new.seq is null and tg_op = 'UPDATE' then return null; end if;  -- what is left of a room that is gone
  if new.seq is null then raise exception 'room_id: there is no room %', new.room_id using errcode = 'WB004'; end if;
  new.updated_by := sql_author();
  new.updated_at := v_batch.at;
  if tg_op = 'INSERT' then
    new.version := coalesce((select g.version from tombstones g where g.room_id = new.room_id and g.id = new.id), 0) + 1;
    new.created_by := new.updated_by;
    new.created_at := new.updated_at;
  end if;
  v_fault := shape_fault(new);
  if v_fault is not null then raise exception '%', v_fault using errcode = 'WB001'; end if;
  new.bounds := shape_bounds(new.kind, new.x, new.y, new.width, new.height, new.angle, new.points, new.stroke_width);
  if tg_op = 'UPDATE' then new.grid := grid_after(old.grid, new.bounds); else new.grid := grid_box(new.bounds); end if;
  new.refs := case when has_refs(new) then shape_refs(new.room_id, new) end;
  return new;
end $$;
comment on function pgcanvas.tg_shapes__stamp is
  'Stamps the rows of direct SQL: version, seq, bounds, who and when; an update that changes nothing is left out.';

create or replace function pgcanvas.tg_shapes__take_room()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_direct boolean := be_direct();
  v_batch record := statement_batch(old.room_id);
begin
  return old;
end $$;
comment on function pgcanvas.tg_shapes__take_room is 'A delete has no new row to stamp: takes the room and the seq for the log.';

-- Plans are kept, and may be made for a statement of one row while the tables are empty. So in these three large sets meet by a hash or in
-- order, never in a loop within a loop (nestloop), and a row is looked up by its key: "lateral … offset 0" makes it a probe per row, and
-- "room_id = any" keeps that probe off the spatial index, which begins with the room and would read all of it (it can answer that by a
-- bitmap alone).
create or replace function pgcanvas.tg_shapes__log_insert()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_direct boolean := be_direct();
  v_room_ids bigint[];
  v_seqs bigint[];
  v_ats timestamptz[];
  v_batches text[];  -- one of each room, unless statements run within this one
  v_logged bigint[];  -- how far each batch is logged
begin
  if tg_argv[0] = 'put back' then
    update meta set rooms_oid = 0 where rooms_oid is distinct from 0
      and exists (select from new_rows n where n.updated_at < statement_timestamp());  -- the next node that looks makes new epochs
    if not exists (select from new_rows n where n.updated_at >= statement_timestamp()) then return null; end if;
    if exists (select from new_rows n where n.updated_at < statement_timestamp()) then
      raise exception 'seq: a statement that puts shapes back makes none' using errcode = 'WB001';
    end if;
  end if;
  select array_agg(k.room_id), array_agg(k.seq), array_agg(k.updated_at), array_agg(concat(k.room_id, ':', k.seq))
    into v_room_ids, v_seqs, v_ats, v_batches from (select distinct n.room_id, n.seq, n.updated_at from new_rows n) as k;
  v_logged := settle_seqs(v_room_ids, v_seqs, v_ats);
  insert into shape_changes (room_id, seq, ordinal, op, shape_id, change, author, at)
  select n.room_id, n.seq, v_logged[array_position(v_batches, concat(n.room_id, ':', n.seq))]
      + row_number() over (partition by n.room_id, n.seq order by n.ordinal), 'put', n.id,
    ('{"op":"put","shape":' || shape_text(n) || '}')::json, n.updated_by, n.updated_at
  from new_rows n;
  if exists (select from new_rows n
             cross join lateral (select g.version from tombstones g where g.room_id = n.room_id and g.id = n.id offset 0) as g
             where n.version <= g.version) then
    raise exception 'id: a statement that deletes a shape does not make it again: use two, or an update' using errcode = 'WB001';
  end if;
  perform let_go_of_dead(k.refs) from (select array_agg(r) as refs from new_rows n cross join unnest(n.refs) as r
    where n.refs is not null) as k
    where k.refs is not null;
  return null;
end $$;
comment on function pgcanvas.tg_shapes__log_insert is 'Logs created shapes; those that a restore puts back are in the log it restores.';

create or replace function pgcanvas.tg_shapes__log_update()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  set enable_nestloop = off set enable_hashjoin = on set jit = off as $$
declare
  v_direct boolean := be_direct();
  v_room_ids bigint[];
  v_seqs bigint[];
  v_ats timestamptz[];
  v_batches text[];  -- one of each room, unless statements run within this one
  v_logged bigint[];  -- how far each batch is logged
begin
  -- The same version: only a column that somebody added has changed.
  select array_agg(k.room_id), array_agg(k.seq), array_agg(k.updated_at), array_agg(concat(k.room_id, ':', k.seq))
    into v_room_ids, v_seqs, v_ats, v_batches
    from (select distinct n.room_id, n.seq, n.updated_at from new_rows n join old_rows o on o.room_id = n.room_id and o.id = n.id
          where n.version <> o.version) as k;
  v_logged := settle_seqs(v_room_ids, v_seqs, v_ats);
  insert into shape_changes (room_id, seq, ordinal, op, shape_id, change, before, author, at)
  select n.room_id, n.seq, v_logged[array_position(v_batches, concat(n.room_id, ':', n.seq))]
      + row_number() over (partition by n.room_id, n.seq order by n.ordinal), c.op, n.id, c.change, c.before, n.updated_by, n.updated_at
  from new_rows n join old_rows o on o.room_id = n.room_id and o.id = n.id
  cross join lateral change_of(o, n) as c
  where n.version <> o.version;
  perform let_go_of_dead(k.refs) from (
      select array_agg(r) as refs from new_rows n join old_rows o on o.room_id = n.room_id and o.id = n.id cross join unnest(n.refs) as r
      where n.refs is not null and n.refs is distinct from o.refs) as k
    where k.refs is not null;
  return null;
end $$;
comment on function pgcanvas.tg_shapes__log_update is 'Logs changed shapes: only what changed, and what was there before.';

create or replace function pgcanvas.let_go_by_name(p_keys text[], p_room_ids bigint[], p_ids text[])
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp set enable_bitmapscan = off set jit = off as $$
begin
  update shapes s set (frame_id, container_id, group_ids, props) = (
    select f.frame_id, f.container_id, f.group_ids, f.props from without_references(s, w.gone, w.lone) as f)
  from (
    select m.room_id, m.id, array_agg(substr(m.key, length(shape_key(m.room_id, '')) + 1)) filter (where starts_with(m.key, 's')) as gone,
           array_agg(substr(m.key, length(group_key(m.room_id, '')) + 1)) filter (where starts_with(m.key, 'g')) as lone
    from unnest(p_keys, p_room_ids, p_ids) as m (key, room_id, id)
    group by m.room_id, m.id) as w
  where s.room_id = any (array[w.room_id]) and s.id = w.id;
end $$;
comment on function pgcanvas.let_go_by_name is
  'Lets shapes (by room and id) let go of what the keys beside them name: a statement, and so a batch, of its own.';

create or replace function pgcanvas.let_go(p_keys text[])
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp set gin_fuzzy_search_limit = 0
  set enable_nestloop = on set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_bitmapscan = on
  set jit = off as $$
declare
  v_keys text[];
  v_room_ids bigint[];
  v_ids text[];
begin
  -- Key by key: for an array of them the planner would read all references there are; and so it would without a collation, since a
  -- parameter has its caller's. By a bitmap: a GIN index is read in no other way.
  select array_agg(m.key), array_agg(m.room_id), array_agg(m.id) into v_keys, v_room_ids, v_ids
    from unnest(p_keys) as k (key)
    cross join lateral (select k.key, m.room_id, m.id from shapes m where m.refs @> array[k.key collate "C"] offset 0) as m;
  if v_keys is not null then perform let_go_by_name(v_keys, v_room_ids, v_ids); end if;
end $$;
comment on function pgcanvas.let_go is 'Lets whatever refers to what these keys name let go of it.';

create or replace function pgcanvas.lonely_group_keys(p_keys text[])
  returns text[] language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp set gin_fuzzy_search_limit = 0
  set enable_nestloop = on set enable_seqscan = off set enable_bitmapscan = on set jit = off as $$
begin
  return array(select k.key from unnest(p_keys) as k (key)
    where (select count(*) from (select from shapes m where m.refs @> array[k.key collate "C"] limit 2) as m) = 1);
end $$;
comment on function pgcanvas.lonely_group_keys is 'Which of these groups have one member left.';

create or replace function pgcanvas.tg_shapes__log_delete()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  set enable_nestloop = off set enable_hashjoin = on set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_direct boolean := be_direct();
  v_room_ids bigint[];
  v_seqs bigint[];
  v_ats timestamptz[];
  v_logged bigint[];
begin
  select array_agg(d.room_id), array_agg((d.batch).seq), array_agg((d.batch).at) into v_room_ids, v_seqs, v_ats
    from (select d.room_id, statement_batch(d.room_id) as batch from (select distinct room_id from old_rows) as d offset 0) as d
    where (d.batch).seq is not null;
  v_logged := settle_seqs(v_room_ids, v_seqs, v_ats);
  insert into shape_changes (room_id, seq, ordinal, op, shape_id, change, before, author, at)
  select o.room_id, k.seq, k.logged + row_number() over (partition by o.room_id order by o.ordinal), 'delete', o.id,
    ('{"op":"delete","id":' || to_json(o.id) || '}')::json, shape_json(o), sql_author(), k.at
  from old_rows o join unnest(v_room_ids, v_seqs, v_ats, v_logged) as k (room_id, seq, at, logged) on k.room_id = o.room_id;
  insert into tombstones (room_id, id, version, seq)
  select o.room_id, o.id, o.version + 1, k.seq from old_rows o join unnest(v_room_ids, v_seqs) as k (room_id, seq) on k.room_id = o.room_id
  on conflict (room_id, id) do update set version = excluded.version, nonce = 0, seq = excluded.seq;
  if exists (select from old_rows o
             cross join lateral (select from shapes s where s.room_id = any (array[o.room_id]) and s.id = o.id offset 0) as s) then
    raise exception 'id: a statement that deletes a shape does not make it again: use two, or an update' using errcode = 'WB001';
  end if;
  perform let_go(k.keys || lonely_group_keys(array(
    select distinct group_key(o.room_id, g) from old_rows o cross join unnest(o.group_ids) as g where o.group_ids is not null)))
  from (select array_agg(shape_key(o.room_id, o.id)) as keys from old_rows o
        cross join lateral (select from rooms r where r.id = o.room_id offset 0) as r) as k
  where k.keys is not null;
  return null;
end $$;
comment on function pgcanvas.tg_shapes__log_delete is 'Logs deleted shapes; those that go with their room are not logged.';

create or replace function pgcanvas.notice_payload(p_room_id bigint, p_from bigint, p_to bigint)
  returns text language plpgsql stable as $$
declare
  v_bell text := pgcanvas.bell(p_from, p_to, null);
  v_payload text := v_bell;
  v_changes integer := 0;
  v_seq bigint := p_from;
  c record;
begin
  -- Rows ride in the notice when they are few and small; beyond 64 fetching is as quick, beyond 7,999 bytes NOTIFY refuses.
  for c in select s.seq, s.author, s.client, s.op_id, s.at, s.change::text as change from pgcanvas.shape_changes s
           where s.room_id = p_room_id and s.seq > p_from order by s.seq, s.ordinal limit 65 loop
    v_changes := v_changes + 1;
    v_payload := v_payload || case when c.seq = v_seq then ',' || c.change
      else case when v_changes > 1 then ']}' else '' end || E'\n' || pgcanvas.batch_head(c.seq, c.author, c.client, c.op_id,
        c.at) || c.change end;
    v_seq := c.seq;
    if v_changes > 64 or octet_length(v_payload) > 7997 then return v_bell; end if;
  end loop;
  return case when v_changes = 0 then v_bell else v_payload || ']}' end;
end $$;
comment on function pgcanvas.notice_payload is 'What the bell says: "c <from> <to>", then one line per batch when all of them fit.';

create or replace function pgcanvas.tg_rooms__check_slug()
  returns trigger language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if new.slug ~ '^[0-9]+$' and new.slug <> new.id::text then
    raise exception 'slug: a number is the slug of its own room only' using errcode = '23514', constraint = 'number_slug_check';
  end if;
  return new;
end $$;
comment on function pgcanvas.tg_rooms__check_slug is 'A slug that is a number is the room''s own: else it would hide another room.';

create or replace function pgcanvas.tg_rooms__begin()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return case when pgcanvas.bound_idling() then null end;
end $$;
comment on function pgcanvas.tg_rooms__begin is 'A change of a room by SQL holds it, too.';

create or replace function pgcanvas.tg_shape_changes__notify()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan as $$
declare
  v_channel text := (select r.channel from rooms r where r.id = new.room_id);
  v_from bigint;
begin
  if v_channel is null then return null; end if;
  if pg_trigger_depth() > 1 then  -- constraints are checked at once: the batch may not be whole yet
    return case when pg_notify(v_channel, bell(new.seq - 1, new.seq, null)) is null then null end;
  elsif new.seq <> (room_end(new.room_id)).seq then
    return null;  -- a later batch of the transaction tells
  end if;
  -- Of more batches than these no notice carries the rows.
  select min(c.seq) - 1 into v_from from shape_changes c
    where c.room_id = new.room_id and c.seq > new.seq - 65 and c.xid = pg_current_xact_id();
  perform pg_notify(v_channel, notice_payload(new.room_id, v_from, new.seq)), chain_batches(new.room_id);
  return null;
end $$;
comment on function pgcanvas.tg_shape_changes__notify is
  'Tells, once, at commit, who looks at the room what a transaction of SQL logged there, and chains it where that was asked for.';

create or replace trigger _050_begin before insert or update or delete or truncate on pgcanvas.shapes
  for each statement when (pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__begin('');
comment on trigger _050_begin on pgcanvas.shapes is 'Begins a statement.';
create or replace trigger "~200_stamp" before insert or update on pgcanvas.shapes
  for each row when (not pgcanvas.puts_back() and pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__stamp('');
comment on trigger "~200_stamp" on pgcanvas.shapes is 'Stamps what clients do not set.';
create or replace trigger "~210_stamp_or_put_back" before insert or update on pgcanvas.shapes
  for each row when (pgcanvas.puts_back() and pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__stamp('put back');
comment on trigger "~210_stamp_or_put_back" on pgcanvas.shapes is 'Leaves what a restore puts back as it was, and stamps the rest.';
create or replace trigger _250_take_room before delete on pgcanvas.shapes
  for each row when (pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__take_room('');
comment on trigger _250_take_room on pgcanvas.shapes is 'Takes the room before a delete.';
create or replace trigger _500_log_insert after insert on pgcanvas.shapes referencing new table as new_rows
  for each statement when (not pgcanvas.puts_back() and pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__log_insert('');
comment on trigger _500_log_insert on pgcanvas.shapes is 'Logs each insert.';
create or replace trigger _505_log_or_put_back after insert on pgcanvas.shapes referencing new table as new_rows
  for each statement when (pgcanvas.puts_back() and pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__log_insert('put back');
comment on trigger _505_log_or_put_back on pgcanvas.shapes is 'Logs each insert that puts nothing back.';
create or replace trigger _510_log_update after update on pgcanvas.shapes referencing old table as old_rows new table as new_rows
  for each statement when (pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__log_update('');
comment on trigger _510_log_update on pgcanvas.shapes is 'Logs each update.';
create or replace trigger _520_log_delete after delete on pgcanvas.shapes referencing old table as old_rows
  for each statement when (pgcanvas.is_direct()) execute function pgcanvas.tg_shapes__log_delete('');
comment on trigger _520_log_delete on pgcanvas.shapes is 'Logs each delete.';
create or replace trigger _100_check_slug before insert or update of slug, id on pgcanvas.rooms
  for each row execute function pgcanvas.tg_rooms__check_slug();
create or replace trigger _050_begin before update or delete on pgcanvas.rooms
  for each statement when (pgcanvas.is_direct()) execute function pgcanvas.tg_rooms__begin();

create constraint trigger _900_notify after insert on pgcanvas.shape_changes deferrable initially deferred
  for each row when (new.ordinal = 1 and new.client is null and not pgcanvas.puts_back())
  execute function pgcanvas.tg_shape_changes__notify();

comment on trigger _100_check_slug on pgcanvas.rooms is 'Keeps number slugs to their rooms.';
comment on trigger _050_begin on pgcanvas.rooms is 'Begins a statement.';
comment on trigger _900_notify on pgcanvas.shape_changes is
  'Tells at commit what no client sent; apply_batches tells itself what clients send.';
