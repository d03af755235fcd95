-- What was there before a change: the log holds what was said, and what undoes it is worked out from the snapshot before it and the log.

create or replace function pgcanvas.names_in(p_change jsonb)
  returns text[] language plpgsql immutable parallel safe as $$
declare
  v_set jsonb := p_change -> 'set';
  v_names text[] := array(select pg_catalog.jsonb_object_keys(v_set - 'props'));
begin
  if v_set ? 'props' then v_names := v_names || array(select 'props.' || k
    from pg_catalog.jsonb_object_keys(v_set -> 'props') as k); end if;
  if p_change -> 'unset' <> '[]' then
    v_names := v_names || array(select pg_catalog.jsonb_array_elements_text(p_change -> 'unset'));
  end if;
  return v_names;
end $$;
comment on function pgcanvas.names_in is 'What a patch names, the members of props as props.<name>.';

create or replace function pgcanvas.before_of(p_op text, p_names text[], p_shape jsonb, p_points integer)
  returns jsonb language plpgsql immutable parallel safe as $$
declare
  v_set jsonb := '{}';
  v_props jsonb := '{}';
  v_unset text[] := '{}';
  v_name text;
  v_value jsonb;
begin
  if p_op = 'delete' then return p_shape; end if;
  if p_op = 'append' then return jsonb_build_object('length', p_points); end if;
  foreach v_name in array p_names loop
    if starts_with(v_name, 'props.') then
      v_value := p_shape -> 'props' -> substr(v_name, 7);
      if v_value is not null then v_props := v_props || jsonb_build_object(substr(v_name, 7), v_value); end if;
    else
      v_value := p_shape -> v_name;
      if v_value is not null then v_set := v_set || jsonb_build_object(v_name, v_value); end if;
    end if;
    if v_value is null then v_unset := array_append(v_unset, v_name); end if;
  end loop;
  if v_props <> '{}' then v_set := v_set || jsonb_build_object('props', v_props); end if;
  return jsonb_build_object('set', v_set, 'unset', v_unset);
end $$;
comment on function pgcanvas.before_of is
  'What undoes a logged change (a patch of these names) of a shape that was as given then, with so many points.';

create or replace function pgcanvas.with_change(p_shape jsonb, p_op text, p_change jsonb, p_seq bigint, p_author text, p_at timestamptz)
  returns jsonb language plpgsql stable parallel safe as $$
begin
  if p_op = 'delete' then return null; end if;
  if p_op = 'put' then return p_change -> 'shape'; end if;
  if p_op = 'patch' then p_shape := pgcanvas.patched_shape(p_shape, p_change -> 'set', p_change -> 'unset'); end if;
  return p_shape || jsonb_build_object('version', p_change -> 'version', 'seq', p_seq, 'updated_by', p_author,
    'updated_at', pgcanvas.iso(p_at));
end $$;
comment on function pgcanvas.with_change is 'A shape after a logged change, but for the points that an append adds; null after its death.';

create or replace function pgcanvas.property_of(p_shape jsonb, p_name text)
  returns jsonb language sql immutable parallel safe
return case when starts_with(p_name, 'props.') then p_shape -> 'props' -> substr(p_name, 7) else p_shape -> p_name end;
comment on function pgcanvas.property_of is 'A property of a shape, or what a patch sets of it, by the name that it has in names_in.';

create or replace function pgcanvas.with_property(p_shape jsonb, p_name text, p_value jsonb)
  returns jsonb language sql immutable parallel safe
return case when p_value is null then p_shape
  when starts_with(p_name, 'props.') then p_shape || jsonb_build_object('props',
    p_shape -> 'props' || jsonb_build_object(substr(p_name, 7), p_value))
  else p_shape || jsonb_build_object(p_name, p_value) end;
comment on function pgcanvas.with_property is 'A shape that has props with a property,'
  ' by the name that it has in names_in; without one as it is.';

create or replace function pgcanvas.was_then(p_names text[], p_base jsonb, p_rows pgcanvas.shape_changes[])
  returns jsonb language plpgsql immutable parallel safe as $$
declare
  v_shape jsonb := '{"props":{}}';
  v_left text[] := p_names;  -- not found yet
  v_still text[];
  v_change jsonb;
  v_name text;
begin
  for i in reverse coalesce(cardinality(p_rows), 0)..1 loop
    exit when v_left = '{}';
    continue when (p_rows[i]).op = 'append';
    v_change := (p_rows[i]).change::jsonb;
    if (p_rows[i]).op = 'put' then
      p_base := v_change -> 'shape';
      exit;
    end if;
    v_still := '{}';
    foreach v_name in array v_left loop
      if pgcanvas.property_of(v_change -> 'set', v_name) is not null then
        v_shape := pgcanvas.with_property(v_shape, v_name, pgcanvas.property_of(v_change -> 'set', v_name));
      elsif not v_change -> 'unset' ? v_name then
        v_still := array_append(v_still, v_name);
      end if;
    end loop;
    v_left := v_still;
  end loop;
  foreach v_name in array v_left loop v_shape := pgcanvas.with_property(v_shape, v_name, pgcanvas.property_of(p_base, v_name)); end loop;
  return v_shape;
end $$;
comment on function pgcanvas.was_then is
  'Named properties (not points) of a shape after these changes of a base: looked for from the last change back, since mostly it tells.';

create or replace function pgcanvas.with_changes(p_shape jsonb, p_rows pgcanvas.shape_changes[])
  returns jsonb language plpgsql stable parallel safe as $$
declare
  v_tails jsonb[] := '{}';  -- appended at once: a long stroke would be copied each time
  v_change jsonb;
  c record;
begin
  for c in select r.* from unnest(p_rows) with ordinality as r order by r.ordinality loop
    v_change := c.change::jsonb;
    if v_tails <> '{}' and c.op = 'patch' and (v_change -> 'set' ? 'points' or v_change -> 'unset' ? 'points')
      or c.op in ('put', 'delete') then
      v_tails := '{}';  -- they are replaced, or gone with their shape
    end if;
    p_shape := pgcanvas.with_change(p_shape, c.op, v_change, c.seq, c.author, c.at);
    if c.op = 'append' then v_tails := array_append(v_tails, v_change -> 'points'); end if;
  end loop;
  return case when v_tails = '{}' then p_shape else pgcanvas.with_tails(p_shape, v_tails) end;
end $$;
comment on function pgcanvas.with_changes is 'A shape after logged changes, in their order.';

create or replace function pgcanvas.befores(p_room_id bigint, p_seqs bigint[], p_ordinals bigint[])
  returns table (seq bigint, ordinal bigint, before jsonb, names text[])
  language plpgsql stable set enable_hashjoin = on set jit = off as $$
#variable_conflict use_column
declare
  v_from bigint := coalesce((select max(s.seq) from pgcanvas.snapshots s where s.room_id = p_room_id and s.seq < all (p_seqs)), 0);
  v_id text;
  v_shape jsonb;  -- before the rows
  v_rows pgcanvas.shape_changes[];
  v_points integer;  -- how many there are after them
  c record;
begin
  for c in
    with picked as materialized (
      select o.ordinal, l.shape_id, l.seq from unnest(p_seqs, p_ordinals) as o (seq, ordinal)
      cross join lateral (select l.shape_id, l.seq from pgcanvas.shape_changes l
        where l.room_id = p_room_id and l.seq = o.seq and l.ordinal = o.ordinal and l.before is null and l.op <> 'put' offset 0) as l),
    asked as materialized (select p.shape_id, max(p.seq) as seq from picked p group by p.shape_id)
    select l as logged, l.op, l.shape_id, l.seq, l.ordinal, b.shape, i.is_picked,
      lead(l.shape_id) over (order by l.shape_id, l.seq, l.ordinal) is distinct from l.shape_id as is_last,
      case when i.is_picked and l.op = 'patch' then (select array(  -- names_in, here many times quicker
        select k from jsonb_object_keys(g.change -> 'set') as k where k <> 'props'
        union all select 'props.' || k from jsonb_object_keys(g.change #> '{set,props}') as k
        union all select jsonb_array_elements_text(g.change -> 'unset'))
          from (select l.change::jsonb as change offset 0) as g) end as names,
      l.op in ('put', 'delete') or l.op = 'patch' and case when strpos(l.change::text, '"points"') > 0
        then 'points' = any (pgcanvas.names_in(l.change::jsonb)) else false end as sets_points
    from asked a
    join pgcanvas.shape_changes l on l.room_id = p_room_id and l.shape_id = a.shape_id and l.seq > v_from and l.seq <= a.seq
    cross join lateral (select (l.seq, l.ordinal) in (select p.seq, p.ordinal from picked p) as is_picked offset 0) as i  -- hashed
    left join lateral (select s.shape::jsonb as shape from pgcanvas.snapshot_shapes s
      where s.room_id = p_room_id and s.seq = v_from and s.shape_id = a.shape_id offset 0) as b on true
    order by l.shape_id, l.seq, l.ordinal
  loop
    if c.shape_id is distinct from v_id then
      v_id := c.shape_id;
      v_shape := c.shape;
      v_rows := '{}';
      v_points := pgcanvas.points_in(v_shape);
    end if;
    if c.is_picked then
      if c.op <> 'append' and c.sets_points then  -- then all of it is told, or its points
        v_shape := pgcanvas.with_changes(v_shape, v_rows);
        v_rows := '{}';
      end if;
      seq := c.seq;
      ordinal := c.ordinal;
      names := c.names;
      before := pgcanvas.before_of(c.op, c.names, case when c.op = 'patch' and not c.sets_points
        then pgcanvas.was_then(c.names, v_shape, v_rows) else v_shape end, v_points);
      return next;
    end if;
    continue when c.is_last;
    v_rows := array_append(v_rows, c.logged);
    v_points := case when c.op = 'append' then v_points + jsonb_array_length((c.logged).change::jsonb -> 'points')
      when c.sets_points then pgcanvas.points_in(coalesce((c.logged).change::jsonb -> 'shape', (c.logged).change::jsonb -> 'set'))
        else v_points end;
  end loop;
end $$;
comment on function pgcanvas.befores is
  'What undoes logged changes (by seq and ordinal) that do not say so themselves, and what a patch names: worked out from the snapshot '
  'before them and the log.';

create or replace function pgcanvas.points_in(p_shape jsonb)
  returns integer language sql immutable parallel safe
return coalesce(jsonb_array_length(nullif(p_shape -> 'points', 'null')), 0);
comment on function pgcanvas.points_in is 'How many points a shape has.';

create or replace function pgcanvas.with_tails(p_shape jsonb, p_tails jsonb[])
  returns jsonb language plpgsql immutable parallel safe as $$
begin
  return p_shape || jsonb_build_object('points', coalesce(nullif(p_shape -> 'points', 'null'), '[]') || (
    select jsonb_agg(p.p order by t.n, p.n) from unnest(p_tails) with ordinality as t (t, n)
    cross join jsonb_array_elements(t.t) with ordinality as p (p, n)));
end $$;
comment on function pgcanvas.with_tails is 'A shape with more points at its end, in the order of these lists.';

create or replace function pgcanvas.change_before(p_room text, p_seq bigint)
  returns table (shape_id text, before jsonb) language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_id bigint := point_of(p_room, p_seq);
  v_ordinals bigint[] := array(select l.ordinal from shape_changes l where l.room_id = v_id and l.seq = p_seq order by l.ordinal);
begin
  return query
    select c.shape_id, coalesce(c.before::jsonb, b.before)
    from shape_changes c
    left join befores(v_id, array_fill(p_seq, array[cardinality(v_ordinals)]), v_ordinals) as b on b.ordinal = c.ordinal
    where c.room_id = v_id and c.seq = p_seq order by c.ordinal;
end $$;
comment on function pgcanvas.change_before is
  'What undoes each change of a batch: for a patch {set, unset}, for an append {length}, for a delete the shape; null for what was '
  'created.';

create or replace function pgcanvas.shape_history(p_room text, p_shape_id text)
  returns table (seq bigint, author text, at timestamptz, op text, change jsonb, before jsonb)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_id bigint := known_room(p_room);
  v_seqs bigint[];
  v_ordinals bigint[];
begin
  select array_agg(l.seq order by l.seq, l.ordinal), array_agg(l.ordinal order by l.seq, l.ordinal) into v_seqs, v_ordinals
    from shape_changes l where l.room_id = v_id and l.shape_id = p_shape_id;
  return query
    select c.seq, c.author, c.at, c.op::text, c.change::jsonb, coalesce(c.before::jsonb, b.before)
    from shape_changes c left join befores(v_id, v_seqs, v_ordinals) as b on b.seq = c.seq and b.ordinal = c.ordinal
    where c.room_id = v_id and c.shape_id = p_shape_id order by c.seq, c.ordinal;
end $$;
comment on function pgcanvas.shape_history is
  'All that is kept of one shape, oldest first: who changed it, when and how, and what undoes it.';
