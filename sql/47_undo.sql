-- Undo and redo: a new batch that takes an earlier one back, as far as nobody has changed the same since. What somebody else has
-- overwritten stays, and the answer says so. Redo is the undo of an undo.

create or replace function pgcanvas.inverse_of_patch(p_change jsonb, p_before jsonb, p_now jsonb, p_names text[])
  returns pgcanvas.inverse language plpgsql immutable parallel safe as $$
declare
  v_set jsonb := '{"props":{}}';
  v_unset text[] := '{}';
  v_left_alone text[] := '{}';
  v_name text;
  v_was jsonb;
  v_said jsonb;
begin
  foreach v_name in array coalesce(p_names, pgcanvas.names_in(p_change)) loop
    v_was := pgcanvas.property_of(p_before -> 'set', v_name);
    v_said := pgcanvas.property_of(p_change -> 'set', v_name);
    continue when v_was is not distinct from v_said;  -- it said what was so
    if pgcanvas.property_of(p_now, v_name) is distinct from v_said then
      v_left_alone := array_append(v_left_alone, v_name);
    elsif v_was is null then
      v_unset := array_append(v_unset, v_name);
      p_now := pgcanvas.without_property(p_now, v_name);
    else
      v_set := pgcanvas.with_property(v_set, v_name, v_was);
      p_now := pgcanvas.with_property(p_now, v_name, v_was);
    end if;
  end loop;
  return row(case when v_set <> '{"props":{}}' or v_unset <> '{}' then 'patch' end, pgcanvas.patch_of(v_set, v_unset), p_now,
    v_left_alone)::pgcanvas.inverse;
end $$;
comment on function pgcanvas.inverse_of_patch is 'Takes back the properties that still are what the patch set them to.';

create or replace function pgcanvas.inverse_of_append(p_change jsonb, p_before jsonb, p_now jsonb)
  returns pgcanvas.inverse language plpgsql immutable parallel safe as $$
declare
  v_length integer := (p_before ->> 'length')::integer;
  v_points jsonb := coalesce(p_now -> 'points', '[]');
  v_tail jsonb := (select coalesce(jsonb_agg(p order by n), '[]') from jsonb_array_elements(v_points) with ordinality as t (p, n)
    where n > v_length);
  v_head jsonb := (select coalesce(jsonb_agg(p order by n), '[]') from jsonb_array_elements(v_points) with ordinality as t (p, n)
    where n <= v_length);
begin
  if v_tail <> p_change -> 'points' then return row(null, null, p_now, '{points}')::pgcanvas.inverse; end if;
  return row('patch', jsonb_build_object('set', jsonb_build_object('points', v_head)), p_now || jsonb_build_object('points', v_head),
    '{}')::pgcanvas.inverse;
end $$;
comment on function pgcanvas.inverse_of_append is 'Takes back the points of an append when they still are the last ones.';

create or replace function pgcanvas.inverse_of(p_op text, p_change jsonb, p_before jsonb, p_now jsonb, p_by_others boolean, p_names text[])
  returns pgcanvas.inverse language plpgsql immutable parallel safe as $$
begin
  if p_op = 'delete' then
    if p_now is not null then return row(null, null, p_now, '{*}')::pgcanvas.inverse; end if;
    return row('put', p_before, p_before, '{}')::pgcanvas.inverse;
  end if;
  if p_now is null then return row(null, null, null, '{*}')::pgcanvas.inverse; end if;
  if p_op = 'put' then
    if p_by_others then return row(null, null, p_now, '{*}')::pgcanvas.inverse; end if;
    return row('delete', null, null, '{}')::pgcanvas.inverse;
  end if;
  if p_op = 'append' then return pgcanvas.inverse_of_append(p_change, p_before, p_now); end if;
  return pgcanvas.inverse_of_patch(p_change, p_before, p_now, p_names);
end $$;
comment on function pgcanvas.inverse_of is
  'What takes a logged change back where the shape is as given now. A shape that others changed since it was put is left alone.';

create or replace function pgcanvas.touches(p_shape jsonb, p_box box)
  returns boolean language plpgsql stable parallel safe as $$
declare
  v_shape pgcanvas.shapes;
begin
  if p_shape is null then return false; end if;
  v_shape := pgcanvas.shape_put(p_shape);
  return pgcanvas.shape_bounds(v_shape.kind, v_shape.x, v_shape.y, v_shape.width, v_shape.height, v_shape.angle, v_shape.points,
    v_shape.stroke_width) && p_box;
end $$;
comment on function pgcanvas.touches is 'Whether a shape, as clients receive it, touches a box; false when there is none.';

create or replace function pgcanvas.logged(p_room_id bigint, p_seqs bigint[], p_ordinals bigint[])
  returns table (op text, id text, change jsonb, before jsonb, names text[], by_others boolean, shape jsonb) language plpgsql stable
  set enable_nestloop = off set enable_hashjoin = on set enable_bitmapscan = off set jit = off as $$
begin
  return query
    with picked as materialized (
      select l.* from unnest(p_seqs, p_ordinals) as o (seq, ordinal)
      cross join lateral (select c.* from pgcanvas.shape_changes c
                          where c.room_id = p_room_id and c.seq = o.seq and c.ordinal = o.ordinal offset 0) as l),
    -- Of each person the last change of each shape that was put: whether somebody else came after.
    later as materialized (
      select l.shape_id, l.author, max(l.seq) as seq
      from (select p.shape_id, min(p.seq) as seq from picked p where p.op = 'put' group by p.shape_id) as b
      cross join lateral (select c.shape_id, c.author, c.seq from pgcanvas.shape_changes c
                          where c.room_id = p_room_id and c.shape_id = b.shape_id and c.seq > b.seq offset 0) as l
      group by l.shape_id, l.author),
    others as materialized (
      select distinct p.seq, p.ordinal from picked p join later t on t.shape_id = p.shape_id
      where p.op = 'put' and t.author <> p.author and t.seq > p.seq)
    select p.op::text, p.shape_id::text, p.change::jsonb, coalesce(p.before::jsonb, b.before), b.names,
           o.ordinal is not null,
           case when s.id is not null then pgcanvas.shape_text(s)::jsonb end
    from picked p left join others o on o.seq = p.seq and o.ordinal = p.ordinal
    left join pgcanvas.befores(p_room_id, p_seqs, p_ordinals) as b on b.seq = p.seq and b.ordinal = p.ordinal
    left join lateral (select c.* from pgcanvas.shapes c where c.room_id = any (array[p_room_id]) and c.id = p.shape_id offset 0) as s
      on true
    order by p.shape_id, p.seq desc, p.ordinal desc;
end $$;
comment on function pgcanvas.logged is
  'Logged changes (by seq and ordinal), shape by shape from the last to the first, with the shape as it is now.';

create or replace function pgcanvas.inverses(p_room_id bigint, p_seqs bigint[], p_ordinals bigint[], p_box box)
  returns pgcanvas.taken_back language plpgsql stable as $$
declare
  v_verbs text[] := '{}';
  v_ids text[] := '{}';
  v_bodies jsonb[] := '{}';
  v_left_alone jsonb[] := '{}';
  v_here text[] := '{}';  -- shapes that touch the box
  v_inverse pgcanvas.inverse;
  v_id text;
  v_now jsonb;  -- the shape as the ops so far leave it
  c record;
begin
  for c in select * from pgcanvas.logged(p_room_id, p_seqs, p_ordinals) loop
    if c.id is distinct from v_id then
      if p_box is not null and pgcanvas.touches(v_now, p_box) then v_here := array_append(v_here, v_id); end if;
      v_now := c.shape;
      if p_box is not null and pgcanvas.touches(v_now, p_box) then v_here := array_append(v_here, c.id); end if;
    end if;
    v_id := c.id;
    v_inverse := pgcanvas.inverse_of(c.op, c.change, c.before, v_now, c.by_others, c.names);
    v_now := v_inverse.now;
    if v_inverse.verb is not null then
      v_verbs := array_append(v_verbs, v_inverse.verb);
      v_ids := array_append(v_ids, v_id);
      v_bodies := array_append(v_bodies, v_inverse.body);
    end if;
    if v_inverse.left_alone <> '{}' then
      v_left_alone := array_append(v_left_alone, jsonb_build_object('id', v_id, 'properties', v_inverse.left_alone));
    end if;
  end loop;
  if p_box is not null then
    if pgcanvas.touches(v_now, p_box) then v_here := array_append(v_here, v_id); end if;
    select coalesce(array_agg(o.verb order by o.n), '{}'), coalesce(array_agg(o.id order by o.n), '{}'),
      coalesce(array_agg(o.body order by o.n), '{}')
      into v_verbs, v_ids, v_bodies
      from unnest(v_verbs, v_ids, v_bodies) with ordinality as o (verb, id, body, n) where o.id = any (v_here);
    v_left_alone := array(select l from unnest(v_left_alone) as l where l ->> 'id' = any (v_here));
  end if;
  -- Each shape once, and each of its properties, however many changes left it alone.
  return row(v_verbs, v_ids, v_bodies, coalesce((
    select jsonb_agg(jsonb_build_object('id', a.id, 'properties', a.properties) order by a.n)
    from (select l.l ->> 'id' as id, min(l.n) as n, jsonb_agg(distinct p.name) as properties
          from unnest(v_left_alone) with ordinality as l (l, n) cross join jsonb_array_elements_text(l.l -> 'properties') as p (name)
          group by l.l ->> 'id') as a), '[]'))::pgcanvas.taken_back;
end $$;
comment on function pgcanvas.inverses is
  'What takes logged changes (by seq and ordinal) back: shape by shape, from the last change to the first; of those shapes that touch '
  'the box now or would then.';

create or replace function pgcanvas.apply_inverses(p_room_id bigint, p_client uuid, p_op_id bigint, p_author text, p_undoes bigint,
  p_back pgcanvas.taken_back, p_role text)
  returns table (code text, seq bigint, outcomes text[], left_alone json)
  language plpgsql volatile as $$
declare
  v_answer record;
begin
  select a.* into v_answer from pgcanvas.apply_batch(row(p_room_id, p_client, p_op_id, p_author, null, null, p_role,
    coalesce(p_undoes, 0), true),
    p_back.verbs, p_back.ids, pgcanvas.present_versions(p_room_id, p_back.ids), p_back.bodies) as a;
  update pgcanvas.applied_ops a set left_alone = p_back.left_alone
    where v_answer.code = 'fresh' and a.room_id = p_room_id and a.client = p_client and a.op_id = p_op_id;
  return query select v_answer.code, v_answer.seq, coalesce(v_answer.outcomes, '{}'), p_back.left_alone::json;
end $$;
comment on function pgcanvas.apply_inverses is 'Applies what takes changes back as a batch, and keeps what it left alone with the answer.';

create or replace function pgcanvas.answer_again(p_room_id bigint, p_client uuid, p_op_id bigint)
  returns table (code text, seq bigint, outcomes text[], left_alone json)
  language plpgsql stable as $$
begin
  return query
    select case when a.outcomes = '{nothing_to_undo}' then 'nothing_to_undo' else 'repeat' end, a.seq, a.outcomes, a.left_alone
    from pgcanvas.first_answer(p_room_id, p_client, p_op_id) as a where a.seq is not null;
end $$;
comment on function pgcanvas.answer_again is 'What an undo was answered when it was sent first; no row when it was not.';

create or replace function pgcanvas.nothing_to_undo(p_room_id bigint, p_client uuid, p_op_id bigint)
  returns table (code text, seq bigint, outcomes text[], left_alone json)
  language plpgsql volatile as $$
begin
  insert into pgcanvas.applied_ops (room_id, client, op_id, seq, outcomes)
    select r.id, p_client, p_op_id, pgcanvas.last_seq(r.id, r.min_since), '{nothing_to_undo}' from pgcanvas.rooms r
      where r.id = p_room_id and p_client is not null;
  return query select 'nothing_to_undo', null::bigint, null::text[], null::json;
end $$;
comment on function pgcanvas.nothing_to_undo is
  'Answers that there was nothing to undo or redo, and keeps that as the answer: a late copy of the frame must not take back what was '
  'drawn since.';

create or replace function pgcanvas.last_gesture(p_room_id bigint, p_author text)
  returns pgcanvas.gesture language sql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select row(t.client, t.op_id, t.seq, t.batch, t.idle)::gesture from (
    (select c.client, coalesce(c.gesture, c.op_id) as op_id, c.seq, null::bigint as batch, false as idle from shape_changes c
     where c.room_id = p_room_id and c.author = p_author and c.client is not null and c.undoes is null
       and not exists (select from gestures g where g.room_id = p_room_id and g.author = p_author and g.client = c.client
         and g.op_id = coalesce(c.gesture, c.op_id))
     order by c.seq desc limit 1)
    union all
    (select g.client, g.op_id, g.seq, g.batch, g.idle from gestures g where g.room_id = p_room_id and g.author = p_author and not g.undone
     order by g.seq desc limit 1)) as t
  order by t.seq desc limit 1
$$;
comment on function pgcanvas.last_gesture is 'What a person would undo next.';

create or replace function pgcanvas.last_undone(p_room_id bigint, p_author text)
  returns pgcanvas.gesture language sql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select row(g.client, g.op_id, g.seq, g.batch, g.idle)::gesture from gestures g
  where g.room_id = p_room_id and g.author = p_author and g.undone
    -- What was drawn since ends the way forward.
    and not exists (select from shape_changes c where c.room_id = p_room_id and c.seq > g.moved_at and c.author = p_author
      and c.client is not null and c.undoes is null)
  order by g.moved_at desc, g.seq limit 1
$$;
comment on function pgcanvas.last_undone is 'What a person would redo next.';

create or replace function pgcanvas.changes_of_gesture(p_room_id bigint, p_author text, p_gesture pgcanvas.gesture)
  returns table (seqs bigint[], ordinals bigint[]) language plpgsql stable as $$
declare
  v_first bigint := (pgcanvas.first_answer(p_room_id, p_gesture.client, p_gesture.op_id)).seq;
begin
  if p_gesture.batch is not null then
    return query select array_agg(c.seq), array_agg(c.ordinal) from pgcanvas.shape_changes c
      where c.room_id = p_room_id and c.seq = p_gesture.batch and not p_gesture.idle;
    return;
  end if;
  return query select array_agg(c.seq), array_agg(c.ordinal) from pgcanvas.shape_changes c
    where c.room_id = p_room_id and c.seq between coalesce(v_first, 0) and p_gesture.seq and c.author = p_author
      and c.client = p_gesture.client
      and coalesce(c.gesture, c.op_id) = p_gesture.op_id and c.undoes is null and not p_gesture.idle;
end $$;
comment on function pgcanvas.changes_of_gesture is
  'Logged changes (seqs and ordinals; null when there are none) to take back: those of the batch that stands for the gesture, or of '
  'all its own.';

create or replace function pgcanvas.take_back_gesture(p_room_id bigint, p_client uuid, p_op_id bigint, p_author text,
  p_gesture pgcanvas.gesture, p_undone boolean, p_role text)
  returns table (code text, seq bigint, outcomes text[], left_alone json)
  language plpgsql volatile as $$
declare
  v_answer record;
  v_applied boolean;
begin
  select a.* into v_answer
    from pgcanvas.changes_of_gesture(p_room_id, p_author, p_gesture) as c
    cross join lateral pgcanvas.apply_inverses(p_room_id, p_client, p_op_id, p_author, coalesce(nullif(p_gesture.batch, 0), p_gesture.seq),
      pgcanvas.inverses(p_room_id, c.seqs, c.ordinals, null), p_role) as a;
  -- Ops that were applied and led nowhere, there and back, make no batch: the seq is then somebody else's.
  v_applied := exists (select from pgcanvas.shape_changes c
    where c.room_id = p_room_id and c.seq = v_answer.seq and c.client = p_client and c.op_id = p_op_id);
  insert into pgcanvas.gestures (room_id, author, client, op_id, seq, undone, batch, idle, moved_at)
    values (p_room_id, p_author, p_gesture.client, p_gesture.op_id, p_gesture.seq, p_undone,
      case when v_applied then v_answer.seq when p_undone or p_gesture.idle then p_gesture.batch else 0 end,
      p_undone and p_gesture.batch is distinct from 0 and not v_applied, v_answer.seq)
    on conflict on constraint gestures_pkey do update
      set undone = excluded.undone, batch = excluded.batch, idle = excluded.idle, moved_at = excluded.moved_at;
  return query select v_answer.code, v_answer.seq, v_answer.outcomes, v_answer.left_alone;
end $$;
comment on function pgcanvas.take_back_gesture is
  'Takes what stands for a gesture back (unless it is idle), and notes what stands for it now.';

create or replace function pgcanvas.move_gesture(p_room_id bigint, p_client uuid, p_op_id bigint, p_author text, p_undo boolean,
  p_role text default null)
  returns table (code text, seq bigint, outcomes text[], left_alone json)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  -- as apply_batches: in a knot with direct SQL this side lets go
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '150ms' as $$
declare
  v_gesture gesture;
begin
  perform from rooms r where r.id = p_room_id for no key update;
  if not found then return query select 'not_found', null::bigint, null::text[], null::json; return; end if;
  return query select a.* from answer_again(p_room_id, p_client, p_op_id) as a;
  if found then return; end if;
  v_gesture := case when p_undo then last_gesture(p_room_id, p_author) else last_undone(p_room_id, p_author) end;
  if v_gesture.client is null then return query select a.* from nothing_to_undo(p_room_id, p_client, p_op_id) as a; return; end if;
  return query select a.* from take_back_gesture(p_room_id, p_client, p_op_id, p_author, v_gesture, p_undo, p_role) as a;
end $$;
comment on function pgcanvas.move_gesture is
  'Undo (or redo) of a person''s last gesture in a room: fresh or repeat with seq, outcomes and what was left alone; nothing_to_undo; '
  'not_found. 55P03: try again.';

create or replace function pgcanvas.changes_in(p_room_id bigint, p_batch bigint, p_author text, p_from bigint, p_to bigint,
  p_since timestamptz)
  returns table (seqs bigint[], ordinals bigint[]) language sql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select array_agg(c.seq), array_agg(c.ordinal) from shape_changes c
  where c.room_id = p_room_id and c.seq between coalesce(p_batch, p_from, 0) and coalesce(p_batch, p_to, 9223372036854775807)
    and (p_author is null or c.author = p_author) and (p_since is null or c.at >= p_since)
$$;
comment on function pgcanvas.changes_in is
  'Logged changes (seqs and ordinals; null when there are none) of a batch, a person, a span of seq, a time: of all that is not null.';

create or replace function pgcanvas.undo_changes(p_room_id bigint, p_client uuid, p_op_id bigint, p_author text,
  p_batch bigint, p_by text, p_box box, p_from bigint, p_to bigint, p_since timestamptz, p_role text default null)
  returns table (code text, seq bigint, outcomes text[], left_alone json)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '150ms' as $$
declare
  v_back taken_back;
begin
  perform from rooms r where r.id = p_room_id for no key update;
  if not found then return query select 'not_found', null::bigint, null::text[], null::json; return; end if;
  return query select a.* from answer_again(p_room_id, p_client, p_op_id) as a;
  if found then return; end if;
  select i.* into v_back from changes_in(p_room_id, p_batch, p_by, p_from, p_to, p_since) as c
    cross join lateral inverses(p_room_id, c.seqs, c.ordinals, p_box) as i;
  if v_back.verbs = '{}' and v_back.left_alone = '[]' then return query select a.*
    from nothing_to_undo(p_room_id, p_client, p_op_id) as a; return; end if;
  return query select a.* from apply_inverses(p_room_id, p_client, p_op_id, p_author, null, v_back, p_role) as a;
end $$;
comment on function pgcanvas.undo_changes is
  'Takes back what is chosen (null: any): a batch, a person''s, what touches a box, a span of seq, since a moment. A gesture of its '
  'own, which can be undone. Answers as move_gesture.';

create or replace function pgcanvas.undo(p_room text, p_by text default null, p_since timestamptz default null, p_box box default null,
  p_batch bigint default null, p_from bigint default null, p_to bigint default null)
  returns table (seq bigint, outcomes text[], left_alone json)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := (select d.id from room_door(p_room) as d);
  v_tries integer := 0;
  v_since timestamptz := clock_timestamp();
  v_bounded boolean := bound_idling();
begin
  if v_id is null then raise exception 'room: there is no room %', p_room using errcode = 'WB004'; end if;
  if num_nonnulls(p_by, p_since, p_box, p_batch, p_from, p_to) = 0 then
    raise exception 'undo: choose what to take back: p_by, p_since, p_box, p_batch, p_from or p_to' using errcode = 'WB001';
  end if;
  loop
    begin
      return query select a.seq, a.outcomes, a.left_alone
        from undo_changes(v_id, null, null, sql_author(), p_batch, p_by, p_box, p_from, p_to, p_since) as a where a.code = 'fresh';
      return;
    exception when lock_not_available then
      v_tries := v_tries + 1;
      perform wait_for(v_id, null, v_tries, v_since);
    end;
  end loop;
end $$;
comment on function pgcanvas.undo is
  'Takes back, from SQL: undo(''design'', p_by => ''mallory'', p_since => now() - interval ''5 minutes''). No row when there was '
  'nothing.';
