-- apply_ops: the write path of nodes. Many batches of many rooms in one call and one transaction:
-- 1. lock the rooms in id order  2. answer repeats  3. fold the ops of each shape in memory  4. give each batch that changes
-- something its seq  5. write, one statement per wave and action  6. remember the answers. Triggers stamp, log and ring.
-- All in plpgsql, which keeps its plans: functions in SQL are planned anew at every call (until 18), some 4 ms here.

create or replace function pgcanvas.fold_batches(p_rooms bigint[], p_codes text[], p_batches integer[], p_verbs text[],
  p_shape_ids text[], p_bodies jsonb[])
  returns pgcanvas.folded_op[] language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return (
    with op as (
      select u.*, p_rooms[u.batch] as room_id
      from unnest(p_batches, p_verbs, p_shape_ids, p_bodies) with ordinality as u (batch, verb, shape_id, body, n)
      where p_codes[u.batch] = 'fresh')
    select array_agg(row(f.batch, f.n, f.room_id, f.shape_id, f.existed, f.image)::folded_op)
    from (
      select op.batch, op.n, op.room_id, op.shape_id, s.id is not null as existed,
             fold_ops(base_image(s), op.shape_id, op.verb, op.body)
               over (partition by op.room_id, op.shape_id order by op.n) as image
      from op left join shapes s on s.room_id = op.room_id and s.id = op.shape_id) as f);
end $$;
comment on function pgcanvas.fold_batches is 'The image every op of the fresh batches leaves.';

create or replace function pgcanvas.plan_writes(p_folded pgcanvas.folded_op[], p_authors text[])
  returns pgcanvas.shape_write[] language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return (
    with last_of_batch as (  -- what a batch leaves of each shape: viewers see nothing in between
      select distinct on (f.room_id, f.shape_id, f.batch) f.*,
             bool_or((f.image).outcome = 'applied') over (partition by f.room_id, f.shape_id, f.batch) as touched
      from unnest(p_folded) as f order by f.room_id, f.shape_id, f.batch, f.n desc),
    step as (
      select l.*, lag((l.image).alive, 1, l.existed) over (partition by l.room_id, l.shape_id order by l.batch) as was_alive
      from last_of_batch l),
    write as (
      select s.*, case when was_alive and (image).alive then 'update' when (image).alive then 'insert' else 'delete' end as action,
             row_number() over (partition by room_id, shape_id order by batch) as wave
      from step s where touched and (was_alive or (image).alive)),
    numbered as (
      select w.*, r.last_seq + dense_rank() over (partition by w.room_id order by w.batch) as seq
      from write w join rooms r on r.id = w.room_id)
    select array_agg(row(n.wave, n.action, n.batch, n.room_id, n.shape_id, n.seq, p_authors[n.batch], (n.image).properties,
      (n.image).extra)::shape_write order by n.batch, n.n)
    from numbered n);
end $$;
comment on function pgcanvas.plan_writes is 'What each batch does to each shape, with its seq: batches that change nothing get none.';

create or replace function pgcanvas.insert_shapes(p_writes pgcanvas.shape_write[], p_wave integer)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  insert into shapes (room_id, id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked,
    stroke_color, background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family,
    file_id, link, props, extra, seq, updated_by)
  select w.room_id, (w.properties).*, w.extra, w.seq, w.author
  from unnest(p_writes) as w where w.wave = p_wave and w.action = 'insert';
end $$;
comment on function pgcanvas.insert_shapes is 'Writes the shapes a wave creates.';

create or replace function pgcanvas.update_shapes(p_writes pgcanvas.shape_write[], p_wave integer)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  update shapes s set (kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color,
    background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link,
    props, extra, seq, updated_by)
  = row((w.properties).kind, (w.properties).x, (w.properties).y, (w.properties).width, (w.properties).height,
    (w.properties).angle, (w.properties).points, (w.properties).index, (w.properties).frame_id, (w.properties).container_id,
    (w.properties).group_ids, (w.properties).locked, (w.properties).stroke_color, (w.properties).background_color,
    (w.properties).fill_style, (w.properties).stroke_width, (w.properties).stroke_style, (w.properties).roughness,
    (w.properties).opacity, (w.properties).text, (w.properties).font_size, (w.properties).font_family, (w.properties).file_id,
    (w.properties).link, (w.properties).props, w.extra, w.seq, w.author)
  from unnest(p_writes) as w
  where w.wave = p_wave and w.action = 'update' and s.room_id = w.room_id and s.id = w.shape_id;
end $$;
comment on function pgcanvas.update_shapes is 'Writes the shapes a wave changes.';

create or replace function pgcanvas.delete_shapes(p_writes pgcanvas.shape_write[], p_wave integer)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  delete from shapes s using unnest(p_writes) as w
  where w.wave = p_wave and w.action = 'delete' and s.room_id = w.room_id and s.id = w.shape_id;
end $$;
comment on function pgcanvas.delete_shapes is 'Removes the shapes a wave deletes.';

create or replace function pgcanvas.write_shapes(p_writes pgcanvas.shape_write[], p_clients uuid[], p_op_ids bigint[])
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_step record;
begin
  -- The triggers read from here who wrote and under which seq.
  perform set_config('pgcanvas.applying', (select jsonb_agg(jsonb_build_object('room_id', w.room_id, 'seq', w.seq, 'author', w.author,
      'client', p_clients[w.batch], 'op_id', p_op_ids[w.batch])) from (select distinct room_id, seq, author, batch from unnest(p_writes)) as w)::text, true);
  perform set_config('pgcanvas.deleting', coalesce((select jsonb_agg(jsonb_build_object('wave', w.wave, 'room_id', w.room_id,
      'id', w.shape_id, 'seq', w.seq)) from unnest(p_writes) as w where w.action = 'delete')::text, '[]'), true);
  for v_step in select distinct w.wave, w.action from unnest(p_writes) as w order by w.wave loop
    perform set_config('pgcanvas.wave', v_step.wave::text, true);
    case v_step.action
      when 'insert' then perform insert_shapes(p_writes, v_step.wave);
      when 'update' then perform update_shapes(p_writes, v_step.wave);
      else perform delete_shapes(p_writes, v_step.wave);
    end case;
  end loop;
  perform set_config('pgcanvas.applying', '', true);
end $$;
comment on function pgcanvas.write_shapes is 'Carries out what was planned, wave by wave: within a wave each shape is written once.';

create or replace function pgcanvas.batch_codes(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[])
  returns text[] language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return (
    select array_agg(
      case when r.id is null then 'not_found' when a.op_id is not null then 'repeat'
           when b.twin_of < b.n then 'twin' else 'fresh' end order by b.n)
    from (
      select u.*, case when u.client is null then u.n else min(u.n) over (partition by u.room_id, u.client, u.op_id) end as twin_of
      from unnest(p_room_ids, p_clients, p_op_ids) with ordinality as u (room_id, client, op_id, n)) as b
    left join rooms r on r.id = b.room_id
    left join applied_ops a on a.room_id = b.room_id and a.client = b.client and a.op_id = b.op_id);
end $$;
comment on function pgcanvas.batch_codes is 'What each batch is: fresh, repeat of an answered one, twin of an earlier one in the same call, or not_found (no such room).';

create or replace function pgcanvas.fresh_answers(p_room_ids bigint[], p_folded pgcanvas.folded_op[], p_writes pgcanvas.shape_write[])
  returns table (batch integer, seq bigint, outcomes text[])
  language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select f.batch, coalesce(w.seq, (select r.last_seq from rooms r where r.id = p_room_ids[f.batch])), f.outcomes
    from (select u.batch, array_agg((u.image).outcome order by u.n) as outcomes from unnest(p_folded) as u group by u.batch) as f
    left join (select distinct u.batch, u.seq from unnest(p_writes) as u) as w on w.batch = f.batch;
end $$;
comment on function pgcanvas.fresh_answers is 'The answers of the batches applied now: seq, or the room''s when nothing changed, and one outcome per op.';

create or replace function pgcanvas.apply_ops(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_batches integer[], p_verbs text[], p_shape_ids text[], p_bodies jsonb[])
  returns table (batch integer, code text, seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_codes text[];
  v_folded folded_op[];
  v_writes shape_write[];
begin
  perform from rooms where id = any (p_room_ids) order by id for no key update;
  v_codes := batch_codes(p_room_ids, p_clients, p_op_ids);
  v_folded := fold_batches(p_room_ids, v_codes, p_batches, p_verbs, p_shape_ids, p_bodies);
  v_writes := plan_writes(v_folded, p_authors);
  if v_writes is not null then
    update rooms r set last_seq = w.seq, touched_at = now()
      from (select room_id, max(seq) as seq from unnest(v_writes) group by room_id) as w where r.id = w.room_id;
    perform write_shapes(v_writes, p_clients, p_op_ids);
  end if;
  return query
    with fresh as materialized (select * from fresh_answers(p_room_ids, v_folded, v_writes)),
    kept as (
      insert into applied_ops (room_id, client, op_id, seq, outcomes)
      select p_room_ids[f.batch], p_clients[f.batch], p_op_ids[f.batch], f.seq, f.outcomes
      from fresh f where p_clients[f.batch] is not null)
    select b.n::integer, b.code, coalesce(f.seq, a.seq), coalesce(f.outcomes, a.outcomes)
    from unnest(v_codes, p_room_ids, p_clients, p_op_ids) with ordinality as b (code, room_id, client, op_id, n)
    left join fresh f on f.batch = b.n or (b.code = 'twin' and p_room_ids[f.batch] = b.room_id
      and p_clients[f.batch] = b.client and p_op_ids[f.batch] = b.op_id)
    left join applied_ops a on b.code = 'repeat' and a.room_id = b.room_id and a.client = b.client and a.op_id = b.op_id;
end $$;
comment on function pgcanvas.apply_ops is 'Applies batches of ops in order. Arrays: one entry per batch (room, client, op_id, author), one per op (its batch from 1, verb, shape, body). Each answer: fresh, repeat or twin with seq and outcomes, or not_found. A bad value raises and nothing of the call is kept.';

create or replace function pgcanvas.draw(p_room text, p_ops jsonb)
  returns table (seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := (select r.id from room_state(p_room) as r);
begin
  if v_id is null then raise exception 'room: there is no room %', p_room using errcode = 'WB004'; end if;
  return query
    select a.seq, a.outcomes
    from (select array_agg(1) as batches, array_agg(o.op ->> 'op' order by o.n) as verbs,
                 array_agg(coalesce(o.op ->> 'id', o.op -> 'shape' ->> 'id') order by o.n) as ids,
                 array_agg(case when o.op ->> 'op' = 'put' then o.op -> 'shape' else o.op end order by o.n) as bodies
          from jsonb_array_elements(p_ops) with ordinality as o (op, n)) as ops
    cross join lateral apply_ops(array[v_id], array[null::uuid], array[null::bigint], array[sql_author()],
      ops.batches, ops.verbs, ops.ids, ops.bodies) as a;
end $$;
comment on function pgcanvas.draw is 'One batch of ops on a room, from SQL: draw(''design'', ''[{"op":"put","shape":{"id":"a","kind":"rectangle"}}]'').';
