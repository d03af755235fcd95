-- Drawing from SQL, undo and restore: ops as JSON become typed rows, as nodes make them, and go the same way.

create or replace function pgcanvas.said_put(p_row pgcanvas.shape_properties, p_extra jsonb)
  returns text language sql stable parallel safe
return concat('"id":', to_json(p_row.id), pgcanvas.properties_set(null::pgcanvas.shape_properties, p_row), ',"props":' || p_row.props::text,
  ',' || pgcanvas.members(p_extra));
comment on function pgcanvas.said_put is 'What a put says, as members of an object: numbers as their columns hold them.';

create or replace function pgcanvas.typed_row(p_verb text, p_shape_id text, p_body jsonb)
  returns pgcanvas.shape_properties language plpgsql stable parallel safe as $$
declare
  v_set jsonb := p_body -> 'set';
begin
  if p_verb = 'put' and jsonb_typeof(p_body) = 'object' and p_body ->> 'kind' is not null then
    return jsonb_populate_record(null::pgcanvas.shape_properties, '{"x":0,"y":0,"width":0,"height":0,"angle":0,"props":{}}'
      || pgcanvas.without_nulls(p_body) || jsonb_build_object('id', p_shape_id));
  elsif p_verb = 'patch' and jsonb_typeof(v_set) = 'object' and coalesce(p_body -> 'unset', '[]') = '[]'
    and not pgcanvas.may_hold_nulls(v_set) and v_set - pgcanvas.property_names() = '{}' then
    return jsonb_populate_record(null::pgcanvas.shape_properties, v_set || jsonb_build_object('id', p_shape_id));
  elsif p_verb = 'append' and jsonb_typeof(p_body -> 'points') = 'array' then
    return jsonb_populate_record(null::pgcanvas.shape_properties, jsonb_build_object('id', p_shape_id, 'points', p_body -> 'points'));
  end if;
  return null;
end $$;
comment on function pgcanvas.typed_row is 'What an op sets, as a row; null when it says more than a row can: then it goes one by one.';

create or replace function pgcanvas.said_of(p_verb text, p_body jsonb, p_row pgcanvas.shape_properties)
  returns text language plpgsql stable parallel safe as $$
begin
  if p_verb = 'put' and p_row.id is not null then return pgcanvas.said_put(p_row, pgcanvas.extra_of(p_body));
  elsif p_verb = 'patch' and p_row.id is not null then 
    return concat('"set":{', substr(concat(pgcanvas.properties_set(null::pgcanvas.shape_properties, p_row),
      ',"props":' || p_row.props::text), 2),
      '},"unset":[]');
  elsif p_verb = 'patch' then return concat('"set":', coalesce(p_body -> 'set', '{}'), ',"unset":', coalesce(p_body -> 'unset', '[]'));
  elsif p_verb = 'append' then return concat('"points":', coalesce(to_json(p_row.points)::text, (p_body -> 'points')::text, 'null'));
  end if;
  return case when jsonb_typeof(p_body) = 'object' then pgcanvas.members(p_body) end;
end $$;
comment on function pgcanvas.said_of is 'The text of an op, as the log will hold it.';

create or replace function pgcanvas.typed_ops(p_verbs text[], p_shape_ids text[], p_bodies jsonb[], out rows pgcanvas.shape_properties[],
  out extras jsonb[], out said text[])
  language plpgsql stable as $$
begin
  select array_agg(pgcanvas.typed_row(o.verb, o.shape_id, o.body) order by o.n),
      array_agg(case o.verb when 'put' then pgcanvas.extra_of(o.body) end order by o.n)
    into rows, extras
    from unnest(p_verbs, p_shape_ids, p_bodies) with ordinality as o (verb, shape_id, body, n);
  said := array(select pgcanvas.said_of(o.verb, o.body, rows[o.n])
    from unnest(p_verbs, p_bodies) with ordinality as o (verb, body, n) order by o.n);
end $$;
comment on function pgcanvas.typed_ops is
  'Ops as apply_batches takes them, of bodies in JSON: the shape of a put; {set, unset} of a patch; {points} of an append; the shape '
  'with its version of a merge.';

create or replace function pgcanvas.apply_batch(p_batch pgcanvas.batch_call, p_verbs text[], p_shape_ids text[], p_bases bigint[],
  p_bodies jsonb[])
  returns table (code text, seq bigint, outcomes text[])
  language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
  set enable_bitmapscan = off set jit = off set lock_timeout = '150ms' as $$
declare
  v_typed record := typed_ops(p_verbs, p_shape_ids, p_bodies);
begin
  return query
    select a.code, a.seq, a.outcomes from apply_batches(array[p_batch.room_id], array[p_batch.client], array[p_batch.op_id],
      array[p_batch.author], array[p_batch.seen], array[p_batch.gesture], array[p_batch.role], array_fill(1, array[cardinality(p_verbs)]),
      p_verbs, p_shape_ids, p_bases, v_typed.rows, v_typed.extras, v_typed.said, p_batch.undoes, p_batch.repairs) as a;
end $$;
comment on function pgcanvas.apply_batch is
  'apply_batches of one batch, from SQL: bodies in JSON, and planned as on the connections of nodes. 55P03: try again.';

create or replace function pgcanvas.wait_for(p_room_id bigint, p_shape_ids text[], p_tries integer, p_since timestamptz)
  returns void language plpgsql volatile as $$
begin
  if clock_timestamp() - p_since >= nullif(current_setting('lock_timeout')::interval, '0') then
    raise exception 'room: somebody holds it, or a shape of it, for as long as lock_timeout lets wait' using errcode = '55P03';
  end if;
  if p_tries % 32 <> 0 then perform pg_sleep(0.01); return; end if;
  if p_tries >= 160 then raise exception 'room: somebody holds it, or a shape of it' using errcode = '55P03'; end if;
  perform from pgcanvas.rooms r where r.id = p_room_id for no key update;
  perform from pgcanvas.shapes s where s.room_id = p_room_id and s.id = any (p_shape_ids) order by s.id for no key update;
end $$;
comment on function pgcanvas.wait_for is
  'For whoever found a room or a shape held so many times, 150 ms each: a pause. After five seconds it waits as others do, since only '
  'then PostgreSQL finds out when two transactions wait for each other (40P01); after about twenty-five it gives up (55P03), or once '
  'the caller''s lock_timeout has passed.';

create or replace function pgcanvas.draw(p_room text, p_ops jsonb)
  returns table (seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := (select r.id from room_door(p_room) as r);
  v_verbs text[];
  v_bases bigint[];
  v_ids text[];
  v_bodies jsonb[];
  v_answer record;
  v_tries integer := 0;
  v_since timestamptz := clock_timestamp();
  v_bounded boolean := bound_idling();
begin
  if v_id is null then raise exception 'room: there is no room %', p_room using errcode = 'WB004'; end if;
  if jsonb_typeof(p_ops) is distinct from 'array' or p_ops = '[]' then raise exception 'ops: must be a list of one or more ops'
    using errcode = 'WB001'; end if;
  select array_agg(o.op ->> 'op' order by o.n), array_agg((o.op ->> 'base')::bigint order by o.n),
         array_agg(coalesce(o.op ->> 'id', o.op -> 'shape' ->> 'id') order by o.n),
         array_agg(case when o.op ->> 'op' in ('put', 'merge') then o.op -> 'shape' else o.op end order by o.n)
    into v_verbs, v_bases, v_ids, v_bodies from jsonb_array_elements(p_ops) with ordinality as o (op, n);
  if array_position(v_ids, null) is not null then raise exception 'id: is required' using errcode = 'WB001'; end if;
  loop
    begin
      select a.* into v_answer from apply_batch(row(v_id, null, null, sql_author(), null, null, null, null, true), v_verbs, v_ids, v_bases,
        v_bodies) as a;
      exit;
    exception when lock_not_available then
      v_tries := v_tries + 1;
      perform wait_for(v_id, v_ids, v_tries, v_since);
    end;
  end loop;
  if v_answer.code = 'conflict' then
    raise exception 'base: a shape has another version than the one the op is based on' using errcode = 'WB009';
  end if;
  return query select v_answer.seq, v_answer.outcomes;
end $$;
comment on function pgcanvas.draw is
  'One batch of ops on a room, from SQL: draw(''design'', ''[{"op":"put","shape":{"id":"a","kind":"rectangle"}}]''). "merge" takes a '
  'shape with its version, or its tombstone. Waits while somebody holds the room, for lock_timeout or half a minute at most when it is '
  'held again and again (55P03); WB009: a conflict in a strict room.';
