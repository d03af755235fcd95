-- apply_ops: the write path of nodes. Many batches of many rooms in one call and one transaction:
-- 1. lock the rooms in id order  2. answer repeats  3. fold the ops of each shape in memory  4. give each batch that changes
-- something its seq  5. write and log, one statement per wave and action  6. remember the answers. The trigger on rooms rings.
-- All in plpgsql, which keeps its plans: functions in SQL are planned anew at every call (until 18). What goes from step to step
-- is arrays by op, one per column: a row type within a row type would be taken apart again for every column read.
-- The rows are stamped and logged in the statement that writes them, by the functions that the triggers call for other writers: the
-- stamping trigger would call the same a row at a time, at half the price of the row, and the logging one would have to be told whose
-- batch each row is of.

-- Where earlier versions had the same names with other parameters, or names that are gone.
do $$
declare
  v_function regprocedure;
begin
  for v_function in select p.oid from pg_proc p where p.pronamespace = 'pgcanvas'::regnamespace and p.proname in ('insert_shapes', 'update_shapes',
      'delete_shapes', 'write_shapes', 'batch_codes', 'applying_batches', 'deleting_shapes') loop
    execute 'drop function ' || v_function;
  end loop;
end $$;
drop type if exists pgcanvas.batches_applied, pgcanvas.shapes_deleted;

create or replace function pgcanvas.fold_once(p_rooms bigint[], p_fresh boolean[], p_verbs text[], p_shape_ids text[], p_bodies jsonb[])
  returns pgcanvas.folded_ops language plpgsql stable as $$
begin
  return (
    select row(array_agg(f.existed), array_agg(f.properties), array_agg(f.extra), array_agg(
        case when not f.fresh then null when f.verb <> 'put' and not f.existed then 'gone'
             when f.existed and f.verb <> 'delete' and f.extra is not distinct from f.old_extra and f.properties is not distinct from
               row((f.properties).id, f.kind, f.x, f.y, f.width, f.height, f.angle, f.points, f.index, f.frame_id, f.container_id, f.group_ids,
                 f.locked, f.stroke_color, f.background_color, f.fill_style, f.stroke_width, f.stroke_style, f.roughness,
                 f.opacity, f.text, f.font_size, f.font_family, f.file_id, f.link, f.props)::pgcanvas.shape_properties
             then 'unchanged' else 'applied' end))::pgcanvas.folded_ops
    from (
      select op.fresh, op.verb, s.id is not null as existed, s.extra as old_extra, s.kind, s.x, s.y, s.width, s.height, s.angle, s.points, s.index, s.frame_id, s.container_id, s.group_ids, s.locked,
             s.stroke_color, s.background_color, s.fill_style, s.stroke_width, s.stroke_style, s.roughness, s.opacity, s.text,
             s.font_size, s.font_family, s.file_id, s.link, s.props,
             case when op.fresh then pgcanvas.properties_after(s.id is not null, pgcanvas.properties_of(s), op.verb, op.body) end as properties,
             case when op.fresh then pgcanvas.extra_after(s.id is not null, s.extra, op.verb, op.body) end as extra
      from unnest(p_rooms, p_fresh, p_verbs, p_shape_ids, p_bodies) with ordinality as op (room_id, fresh, verb, shape_id, body, n)
      -- "offset 0" keeps it one probe of the key per op, whatever the planner knew of the table when the plan was made.
      left join lateral (select * from pgcanvas.shapes t where t.room_id = any (array[op.room_id]) and t.id = op.shape_id offset 0) as s on op.fresh
      order by op.n offset 0) as f);
end $$;
comment on function pgcanvas.fold_once is 'What every op leaves when no shape is touched twice.';

create or replace function pgcanvas.fold_again(p_rooms bigint[], p_fresh boolean[], p_verbs text[], p_shape_ids text[], p_bodies jsonb[])
  returns pgcanvas.folded_ops language plpgsql stable as $$
begin
  return (
    select row(array_agg((f.image).existed order by f.n), array_agg((f.image).properties order by f.n),
               array_agg((f.image).extra order by f.n), array_agg((f.image).outcome order by f.n))::pgcanvas.folded_ops
    from (
      select op.n, case when op.fresh then pgcanvas.fold_ops(
               row(s.id is not null, s.id is not null, pgcanvas.properties_of(s), s.extra, null)::pgcanvas.shape_image, op.shape_id, op.verb, op.body)
               over (partition by op.fresh, op.room_id, op.shape_id order by op.n) end as image
      from unnest(p_rooms, p_fresh, p_verbs, p_shape_ids, p_bodies) with ordinality as op (room_id, fresh, verb, shape_id, body, n)
      left join lateral (select * from pgcanvas.shapes t where t.room_id = any (array[op.room_id]) and t.id = op.shape_id offset 0) as s on op.fresh) as f);
end $$;
comment on function pgcanvas.fold_again is 'What every op leaves when a shape is touched more than once: op after op.';

create or replace function pgcanvas.plan_once(p_rooms bigint[], p_batches integer[], p_folded pgcanvas.folded_ops, p_locked bigint[], p_last_seqs bigint[])
  returns pgcanvas.planned_writes language plpgsql stable as $$
begin
  return (
    select row(array_agg(case when w.seq is null then null when not w.existed then 'insert' when w.alive then 'update' else 'delete' end order by w.n),
               array_agg(1 order by w.n), array_agg(w.seq order by w.n))::pgcanvas.planned_writes
    from (
      select u.n, u.existed, p_folded.properties[u.n] is distinct from null as alive,
             case when u.outcome = 'applied' then p_last_seqs[array_position(p_locked, u.room_id)]
               + dense_rank() over (partition by u.room_id, u.outcome = 'applied' order by u.batch) end as seq
      from unnest(p_rooms, p_batches, p_folded.existed, p_folded.outcomes) with ordinality as u (room_id, batch, existed, outcome, n)) as w);
end $$;
comment on function pgcanvas.plan_once is 'The writes when no shape is touched twice: every op that does something is one. Batches that change nothing get no seq.';

create or replace function pgcanvas.plan_again(p_rooms bigint[], p_batches integer[], p_shape_ids text[], p_folded pgcanvas.folded_ops,
  p_locked bigint[], p_last_seqs bigint[])
  returns pgcanvas.planned_writes language plpgsql stable as $$
begin
  return (
    with op as (
      select u.*, p_folded.properties[u.n] is distinct from null as alive,
             u.n = max(u.n) over (partition by u.room_id, u.shape_id, u.batch) as is_last,
             bool_or(u.outcome = 'applied') over (partition by u.room_id, u.shape_id, u.batch) as touched
      from unnest(p_rooms, p_batches, p_shape_ids, p_folded.existed, p_folded.outcomes) with ordinality
        as u (room_id, batch, shape_id, existed, outcome, n) where u.outcome is not null),
    step as (  -- what a batch leaves of each shape: viewers see nothing in between
      select l.*, lag(l.alive, 1, l.existed) over (partition by l.room_id, l.shape_id order by l.batch) as was_alive
      from op l where l.is_last),
    write as (
      select s.*, case when s.was_alive and s.alive then 'update' when s.alive then 'insert' else 'delete' end as action,
             row_number() over (partition by s.room_id, s.shape_id order by s.batch) as wave,
             p_last_seqs[array_position(p_locked, s.room_id)] + dense_rank() over (partition by s.room_id order by s.batch) as seq
      from step s where s.touched and (s.was_alive or s.alive))
    select row(array_agg(w.action order by u.n), array_agg(w.wave::integer order by u.n), array_agg(w.seq order by u.n))::pgcanvas.planned_writes
    from generate_subscripts(p_rooms, 1) as u (n) left join write w on w.n = u.n);
end $$;
comment on function pgcanvas.plan_again is 'The writes when a shape is touched more than once: one per batch and shape, in waves.';

create or replace function pgcanvas.insert_shapes(p_rooms bigint[], p_shape_ids text[], p_batches integer[], p_authors text[], p_clients uuid[],
  p_op_ids bigint[], p_folded pgcanvas.folded_ops, p_writes pgcanvas.planned_writes, p_wave integer)
  returns void language plpgsql volatile as $$
begin
  with w as materialized (
    select u.*, p_authors[u.batch] as author, pgcanvas.shape_bounds(u.kind, u.x, u.y, u.width, u.height, u.angle, u.points, u.stroke_width) as bounds
    from unnest(p_writes.actions, p_writes.waves, p_writes.seqs, p_batches, p_rooms, p_shape_ids, p_folded.extras, p_folded.properties)
      as u (action, wave, seq, batch, room_id, shape_id, extra, id, kind, x, y, width, height, angle, points, index, frame_id,
        container_id, group_ids, locked, stroke_color, background_color, fill_style, stroke_width, stroke_style, roughness,
        opacity, text, font_size, font_family, file_id, link, props)
    where u.action = 'insert' and u.wave = p_wave
      and pgcanvas.refuse(pgcanvas.shape_fault(u.shape_id,
        row(u.id, u.kind, u.x, u.y, u.width, u.height, u.angle, u.points, u.index, u.frame_id, u.container_id, u.group_ids,
          u.locked, u.stroke_color, u.background_color, u.fill_style, u.stroke_width, u.stroke_style, u.roughness, u.opacity,
          u.text, u.font_size, u.font_family, u.file_id, u.link, u.props)::pgcanvas.shape_properties, u.extra)) is null),
  put as (
    insert into pgcanvas.shapes (
      room_id, id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color,
      background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id,
      link, props, extra, bounds, grid, version, seq, created_by, updated_by, created_at, updated_at)
    select w.room_id, w.shape_id, w.kind, w.x, w.y, w.width, w.height, w.angle, w.points, w.index, w.frame_id, w.container_id,
      w.group_ids, w.locked, w.stroke_color, w.background_color, w.fill_style, w.stroke_width, w.stroke_style, w.roughness,
      w.opacity, w.text, w.font_size, w.font_family, w.file_id, w.link, w.props, w.extra, w.bounds,
      pgcanvas.grid_box(w.bounds), 1, w.seq, w.author, w.author, now(), now()
    from w)
  insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, author, client, op_id, at)
  select w.room_id, w.seq, 'put', w.shape_id, ('{"op":"put","shape":' || pgcanvas.shape_text(row(
      w.room_id, w.shape_id, w.kind, w.x, w.y, w.width, w.height, w.angle, w.points, w.index, w.frame_id, w.container_id,
      w.group_ids, w.locked, w.stroke_color, w.background_color, w.fill_style, w.stroke_width, w.stroke_style, w.roughness,
      w.opacity, w.text, w.font_size, w.font_family, w.file_id, w.link, w.props, w.extra, w.bounds, null, 1, w.seq, null,
      w.author, w.author, now(), now())::pgcanvas.shapes) || '}')::json,
    w.author, p_clients[w.batch], p_op_ids[w.batch], now()
  from w;
end $$;
comment on function pgcanvas.insert_shapes is 'Writes and logs the shapes a wave creates.';

create or replace function pgcanvas.update_shapes(p_rooms bigint[], p_shape_ids text[], p_batches integer[], p_authors text[], p_clients uuid[],
  p_op_ids bigint[], p_folded pgcanvas.folded_ops, p_writes pgcanvas.planned_writes, p_wave integer)
  returns void language plpgsql volatile as $$
begin
  with w as materialized (
    select u.*, p_authors[u.batch] as author, o.*, pgcanvas.shape_bounds(u.kind, u.x, u.y, u.width, u.height, u.angle, u.points, u.stroke_width) as bounds
    from unnest(p_writes.actions, p_writes.waves, p_writes.seqs, p_batches, p_rooms, p_shape_ids, p_folded.extras, p_folded.properties)
      as u (action, wave, seq, batch, room_id, shape_id, extra, id, kind, x, y, width, height, angle, points, index, frame_id,
        container_id, group_ids, locked, stroke_color, background_color, fill_style, stroke_width, stroke_style, roughness,
        opacity, text, font_size, font_family, file_id, link, props)
    cross join lateral (select t as old, t.version, t.created_by, t.created_at from pgcanvas.shapes t
                        where t.room_id = any (array[u.room_id]) and t.id = u.shape_id offset 0) as o
    where u.action = 'update' and u.wave = p_wave
      and pgcanvas.refuse(pgcanvas.shape_fault(u.shape_id,
        row(u.id, u.kind, u.x, u.y, u.width, u.height, u.angle, u.points, u.index, u.frame_id, u.container_id, u.group_ids,
          u.locked, u.stroke_color, u.background_color, u.fill_style, u.stroke_width, u.stroke_style, u.roughness, u.opacity,
          u.text, u.font_size, u.font_family, u.file_id, u.link, u.props)::pgcanvas.shape_properties, u.extra)) is null),
  changed as (
    update pgcanvas.shapes s set
      kind = w.kind, x = w.x, y = w.y, width = w.width, height = w.height, angle = w.angle, points = w.points, index = w.index,
      frame_id = w.frame_id, container_id = w.container_id, group_ids = w.group_ids, locked = w.locked,
      stroke_color = w.stroke_color, background_color = w.background_color, fill_style = w.fill_style,
      stroke_width = w.stroke_width, stroke_style = w.stroke_style, roughness = w.roughness, opacity = w.opacity,
      text = w.text, font_size = w.font_size, font_family = w.font_family, file_id = w.file_id, link = w.link, props = w.props,
      extra = w.extra, bounds = w.bounds, grid = pgcanvas.grid_box(w.bounds), version = w.version + 1, seq = w.seq,
      updated_by = w.author, updated_at = now()
    from w where s.room_id = any (array[w.room_id]) and s.id = w.shape_id)
  insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, at)
  select w.room_id, w.seq, c.op, w.shape_id, c.change, c.before, w.author, p_clients[w.batch], p_op_ids[w.batch], now()
  from w cross join lateral pgcanvas.change_of(w.old, row(
      w.room_id, w.shape_id, w.kind, w.x, w.y, w.width, w.height, w.angle, w.points, w.index, w.frame_id, w.container_id,
      w.group_ids, w.locked, w.stroke_color, w.background_color, w.fill_style, w.stroke_width, w.stroke_style, w.roughness,
      w.opacity, w.text, w.font_size, w.font_family, w.file_id, w.link, w.props, w.extra, w.bounds, null, w.version + 1, w.seq,
      null, w.created_by, w.author, w.created_at, now())::pgcanvas.shapes) as c;
end $$;
comment on function pgcanvas.update_shapes is 'Writes and logs the shapes a wave changes.';

create or replace function pgcanvas.delete_shapes(p_rooms bigint[], p_shape_ids text[], p_batches integer[], p_authors text[], p_clients uuid[],
  p_op_ids bigint[], p_writes pgcanvas.planned_writes, p_wave integer)
  returns void language plpgsql volatile as $$
begin
  with w as materialized (
    select u.*, o.old
    from unnest(p_writes.actions, p_writes.waves, p_writes.seqs, p_batches, p_rooms, p_shape_ids) as u (action, wave, seq, batch, room_id, shape_id)
    cross join lateral (select t as old from pgcanvas.shapes t where t.room_id = any (array[u.room_id]) and t.id = u.shape_id offset 0) as o
    where u.action = 'delete' and u.wave = p_wave),
  gone as (delete from pgcanvas.shapes s using w where s.room_id = any (array[w.room_id]) and s.id = w.shape_id)
  insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, at)
  select w.room_id, w.seq, 'delete', w.shape_id, ('{"op":"delete","id":' || to_json(w.shape_id) || '}')::json, pgcanvas.shape_json(w.old),
    p_authors[w.batch], p_clients[w.batch], p_op_ids[w.batch], now()
  from w;
end $$;
comment on function pgcanvas.delete_shapes is 'Removes and logs the shapes a wave deletes.';

create or replace function pgcanvas.write_shapes(p_rooms bigint[], p_shape_ids text[], p_batches integer[], p_authors text[], p_clients uuid[],
  p_op_ids bigint[], p_folded pgcanvas.folded_ops, p_writes pgcanvas.planned_writes)
  returns void language plpgsql volatile as $$
declare
  v_setting text := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside: these rows come stamped and are logged here
  v_wave integer := 1;
begin
  while v_wave = any (p_writes.waves) loop
    if 'insert' = any (p_writes.actions) then
      perform pgcanvas.insert_shapes(p_rooms, p_shape_ids, p_batches, p_authors, p_clients, p_op_ids, p_folded, p_writes, v_wave);
    end if;
    if 'update' = any (p_writes.actions) then
      perform pgcanvas.update_shapes(p_rooms, p_shape_ids, p_batches, p_authors, p_clients, p_op_ids, p_folded, p_writes, v_wave);
    end if;
    if 'delete' = any (p_writes.actions) then
      perform pgcanvas.delete_shapes(p_rooms, p_shape_ids, p_batches, p_authors, p_clients, p_op_ids, p_writes, v_wave);
    end if;
    v_wave := v_wave + 1;
  end loop;
  v_setting := set_config('pgcanvas.applying', '', true);
end $$;
comment on function pgcanvas.write_shapes is 'Carries out what was planned, wave by wave: within a wave each shape is written once.';

create or replace function pgcanvas.batch_codes(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_locked bigint[])
  returns text[] language plpgsql stable as $$
begin
  return (
    select array_agg(case when a.op_id is not null then 'repeat' when b.twin_of < b.n then 'twin'
                          when b.room_id = any (p_locked) then 'fresh' else 'not_found' end order by b.n)
    from (
      select u.*, case when u.client is null then u.n else min(u.n) over (partition by u.room_id, u.client, u.op_id) end as twin_of
      from unnest(p_room_ids, p_clients, p_op_ids) with ordinality as u (room_id, client, op_id, n)) as b
    left join pgcanvas.applied_ops a on a.room_id = b.room_id and a.client = b.client and a.op_id = b.op_id);
end $$;
comment on function pgcanvas.batch_codes is 'What each batch is: fresh, repeat of an answered one, twin of an earlier one in the same call, or not_found (no such room).';

create or replace function pgcanvas.apply_ops(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_batches integer[], p_verbs text[], p_shape_ids text[], p_bodies jsonb[])
  returns table (batch integer, code text, seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
  -- Plans are made once per connection, perhaps while the tables are empty: they must not count on that. (Without bitmap scans the
  -- spatial index cannot answer "= any": else it may be chosen to read a whole room for every op.)
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_bitmapscan = off
  -- Direct SQL locks a row and then the room, this the room and then rows. In that knot it is always this side that lets go (55P03: try
  -- again), long before deadlock_timeout (1 s by default) would end either.
  set lock_timeout = '150ms' as $$
#variable_conflict use_column
declare
  v_locked bigint[];
  v_last_seqs bigint[];
  v_codes text[];
  v_rooms bigint[];
  v_fresh boolean[];
  v_once boolean;
  v_folded folded_ops;
  v_writes planned_writes;
begin
  select array_agg(r.id), array_agg(r.last_seq) into v_locked, v_last_seqs
    from (select id, last_seq from rooms where id = any (p_room_ids) order by id for no key update) as r;
  v_codes := batch_codes(p_room_ids, p_clients, p_op_ids, v_locked);
  select array_agg(p_room_ids[b]), array_agg(v_codes[b] = 'fresh') into v_rooms, v_fresh from unnest(p_batches) as b;
  v_once := cardinality(p_batches) = 1
    or not exists (select from unnest(v_rooms, p_shape_ids) as u (room_id, shape_id) group by u.room_id, u.shape_id having count(*) > 1);
  if v_once then
    v_folded := fold_once(v_rooms, v_fresh, p_verbs, p_shape_ids, p_bodies);
    v_writes := plan_once(v_rooms, p_batches, v_folded, v_locked, v_last_seqs);
  else
    v_folded := fold_again(v_rooms, v_fresh, p_verbs, p_shape_ids, p_bodies);
    v_writes := plan_again(v_rooms, p_batches, p_shape_ids, v_folded, v_locked, v_last_seqs);
  end if;
  if v_writes.actions <> array_fill(null::text, array[cardinality(p_batches)]) then
    update rooms r set last_seq = w.seq, touched_at = now()
      from (select u.room_id, max(u.seq) as seq from unnest(v_rooms, v_writes.seqs) as u (room_id, seq) where u.seq is not null
            group by u.room_id) as w where r.id = w.room_id;
    perform write_shapes(v_rooms, p_shape_ids, p_batches, p_authors, p_clients, p_op_ids, v_folded, v_writes);
  end if;
  return query
    with fresh as materialized (
      select o.batch, coalesce(max(o.seq), (select r.last_seq from rooms r where r.id = p_room_ids[o.batch])) as seq, array_agg(o.outcome) as outcomes
      from (select u.* from unnest(p_batches, v_writes.seqs, v_folded.outcomes) with ordinality as u (batch, seq, outcome, n)
            where u.outcome is not null and u.batch is not null order by u.batch, u.n) as o
      group by o.batch),
    kept as (
      insert into applied_ops (room_id, client, op_id, seq, outcomes)
      select p_room_ids[f.batch], p_clients[f.batch], p_op_ids[f.batch], f.seq, f.outcomes
      from fresh f where p_clients[f.batch] is not null)
    select f.batch, 'fresh', f.seq, f.outcomes from fresh f
    union all  -- apart, because matching these to the answers compares each with each
    select b.n::integer, b.code, coalesce(f.seq, a.seq), coalesce(f.outcomes, a.outcomes)
    from (select u.*, case when u.code = 'twin' then (select min(i) from generate_subscripts(p_room_ids, 1) as i where p_room_ids[i] = u.room_id
            and p_clients[i] = u.client and p_op_ids[i] = u.op_id) else u.n end as answered
          from unnest(v_codes, p_room_ids, p_clients, p_op_ids) with ordinality as u (code, room_id, client, op_id, n)
          where u.code <> 'fresh' or u.n <> all (p_batches)) as b
    left join fresh f on f.batch = b.answered
    left join applied_ops a on b.code = 'repeat' and a.room_id = b.room_id and a.client = b.client and a.op_id = b.op_id;
end $$;
comment on function pgcanvas.apply_ops is 'Applies batches of ops in order. Arrays: one entry per batch (room, client, op_id, author), one per op (its batch from 1, verb, shape, body). Each answer: fresh, repeat or twin with seq and outcomes, or not_found. A bad value raises and nothing of the call is kept; 55P03 says that somebody holds a room or a shape: try again.';

create or replace function pgcanvas.draw(p_room text, p_ops jsonb)
  returns table (seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := (select r.id from room_state(p_room) as r);
begin
  if v_id is null then raise exception 'room: there is no room %', p_room using errcode = 'WB004'; end if;
  loop
    begin
      return query
        select a.seq, a.outcomes
        from (select array_agg(1) as batches, array_agg(o.op ->> 'op' order by o.n) as verbs,
                     array_agg(coalesce(o.op ->> 'id', o.op -> 'shape' ->> 'id') order by o.n) as ids,
                     array_agg(case when o.op ->> 'op' = 'put' then o.op -> 'shape' else o.op end order by o.n) as bodies
              from jsonb_array_elements(p_ops) with ordinality as o (op, n)) as ops
        cross join lateral apply_ops(array[v_id], array[null::uuid], array[null::bigint], array[sql_author()],
          ops.batches, ops.verbs, ops.ids, ops.bodies) as a;
      return;
    exception when lock_not_available then
      perform pg_sleep(0.01);  -- somebody holds the room: until statement_timeout, again
    end;
  end loop;
end $$;
comment on function pgcanvas.draw is 'One batch of ops on a room, from SQL: draw(''design'', ''[{"op":"put","shape":{"id":"a","kind":"rectangle"}}]''). Waits while somebody holds the room.';
