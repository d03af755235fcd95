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

create or replace function pgcanvas.property_of(p_shape jsonb, p_name text)
  returns jsonb language sql immutable parallel safe
return case when starts_with(p_name, 'props.') then p_shape -> 'props' -> substr(p_name, 7) else p_shape -> p_name end;
comment on function pgcanvas.property_of is 'A property of a shape, or what a patch sets of it, by the name that it has in names_in.';

-- Stable, as jsonb_build_object is: else it would not be taken into the expressions that call it.
create or replace function pgcanvas.with_property(p_shape jsonb, p_name text, p_value jsonb)
  returns jsonb language sql stable parallel safe
return p_shape || case when starts_with(p_name, 'props.')
  then jsonb_build_object('props', p_shape -> 'props' || jsonb_build_object(substr(p_name, 7), p_value))
  else jsonb_build_object(p_name, p_value) end;
comment on function pgcanvas.with_property is 'A shape, which has props, with a property by the name that it has in names_in.';

create or replace function pgcanvas.without_property(p_shape jsonb, p_name text)
  returns jsonb language sql immutable parallel safe
return case when starts_with(p_name, 'props.') then p_shape #- array['props', substr(p_name, 7)] else p_shape - p_name end;
comment on function pgcanvas.without_property is 'A shape without a property, by the name that it has in names_in.';

create or replace function pgcanvas.patch_of(p_set jsonb, p_unset text[])
  returns jsonb language sql stable parallel safe
return jsonb_build_object('set', case when p_set -> 'props' = '{}' then p_set - 'props' else p_set end, 'unset', p_unset);
comment on function pgcanvas.patch_of is
  'What a patch says that sets these properties, props among them though they be empty, and unsets those.';

create or replace function pgcanvas.before_of(p_op text, p_names text[], p_shape jsonb, p_points integer)
  returns jsonb language plpgsql immutable parallel safe as $$
declare
  v_set jsonb := '{"props":{}}';
  v_unset text[] := '{}';
  v_name text;
begin
  if p_op = 'delete' then return p_shape; end if;
  if p_op = 'append' then return jsonb_build_object('length', p_points); end if;
  foreach v_name in array p_names loop
    if pgcanvas.property_of(p_shape, v_name) is null then
      v_unset := array_append(v_unset, v_name);
    else
      v_set := pgcanvas.with_property(v_set, v_name, pgcanvas.property_of(p_shape, v_name));
    end if;
  end loop;
  return pgcanvas.patch_of(v_set, v_unset);
end $$;
comment on function pgcanvas.before_of is
  'What undoes a logged change (a patch of these names) of a shape that was as given then, with so many points.';

create or replace function pgcanvas.was_then(p_names text[], p_base jsonb, p_changes json[])
  returns jsonb language plpgsql immutable parallel safe as $$
declare
  v_shape jsonb := '{"props":{}}';
  v_left text[] := p_names;  -- not found yet
  v_still text[];
  v_change jsonb;
  v_name text;
begin
  for i in reverse cardinality(p_changes)..1 loop
    exit when v_left = '{}';
    v_change := p_changes[i]::jsonb;
    if v_change ? 'shape' then p_base := v_change -> 'shape'; end if;
    exit when v_change ? 'shape';
    continue when v_change ->> 'op' = 'append';
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
  if v_left = p_names then return p_base; end if;
  foreach v_name in array v_left loop
    continue when pgcanvas.property_of(p_base, v_name) is null;
    v_shape := pgcanvas.with_property(v_shape, v_name, pgcanvas.property_of(p_base, v_name));
  end loop;
  return v_shape;
end $$;
comment on function pgcanvas.was_then is
  'Named properties (not points) of a shape after these changes of a base: looked for from the last change back, since mostly it tells.';

create or replace function pgcanvas.changes_up_to(p_room_id bigint, p_from bigint, p_seqs bigint[], p_ordinals bigint[])
  returns table (op text, change json, shape_id text, seq bigint, ordinal bigint, author text, at timestamptz, shape jsonb,
    is_picked boolean, is_last boolean, names text[], sets_points boolean)
  language plpgsql stable set enable_hashjoin = on set jit = off as $$
#variable_conflict use_column
begin
  return query
    with picked as materialized (
      select o.ordinal, l.shape_id, l.seq from unnest(p_seqs, p_ordinals) as o (seq, ordinal)
      cross join lateral (select l.shape_id, l.seq from pgcanvas.shape_changes l
        where l.room_id = p_room_id and l.seq = o.seq and l.ordinal = o.ordinal and l.before is null and l.op <> 'put' offset 0) as l),
    asked as materialized (select p.shape_id, max(p.seq) as seq from picked p group by p.shape_id)
    select l.op::text, l.change, l.shape_id, l.seq, l.ordinal, l.author, l.at, b.shape, i.is_picked,
      lead(l.shape_id) over (order by l.shape_id, l.seq, l.ordinal) is distinct from l.shape_id as is_last,
      case when i.is_picked and l.op = 'patch' then (select array(  -- names_in, here many times quicker
        select k from jsonb_object_keys(g.change -> 'set') as k where k <> 'props'
        union all select 'props.' || k from jsonb_object_keys(g.change #> '{set,props}') as k
        union all select jsonb_array_elements_text(g.change -> 'unset'))
          from (select l.change::jsonb as change offset 0) as g) end as names,
      l.op in ('put', 'delete') or l.op = 'patch' and case when strpos(l.change::text, '"points"') > 0
        then 'points' = any (pgcanvas.names_in(l.change::jsonb)) else false end as sets_points
    from asked a
    join pgcanvas.shape_changes l on l.room_id = p_room_id and l.shape_id = a.shape_id and l.seq > p_from and l.seq <= a.seq
    cross join lateral (select (l.seq, l.ordinal) in (select p.seq, p.ordinal from picked p) as is_picked offset 0) as i  -- hashed
    left join lateral (select s.shape::jsonb as shape from pgcanvas.snapshot_shapes s
      where s.room_id = p_room_id and s.seq = p_from and s.shape_id = a.shape_id offset 0) as b on true
    order by l.shape_id, l.seq, l.ordinal;
end $$;
comment on function pgcanvas.changes_up_to is
  'What happened, since a snapshot (0: ever), to the shapes of logged changes (by seq and ordinal) that do not say what undoes them, up to '
  'the last of those,'
    ' shape by shape. shape: as the snapshot has it; is_picked: whether it is one of those; is_last: of its shape; names: what a '
  'picked patch names; sets_points: whether its shape comes, goes, or gets other points.';

create or replace function pgcanvas.befores(p_room_id bigint, p_seqs bigint[], p_ordinals bigint[])
  returns table (seq bigint, ordinal bigint, before jsonb, names text[]) language plpgsql stable as $$
#variable_conflict use_column
declare
  v_from bigint := coalesce((select max(s.seq) from pgcanvas.snapshots s where s.room_id = p_room_id and s.seq < all (p_seqs)), 0);
  v_id text;
  v_shape jsonb;  -- before the changes
  v_changes json[];
  v_last record;  -- of them
  v_points integer;  -- how many there are after it
  c record;
begin
  for c in select * from pgcanvas.changes_up_to(p_room_id, v_from, p_seqs, p_ordinals) loop
    if c.shape_id is distinct from v_id then
      v_id := c.shape_id;
      v_shape := c.shape;
      v_changes := '{}';
      v_points := pgcanvas.points_in(v_shape);
    end if;
    if c.is_picked then
      if c.sets_points and cardinality(v_changes) > 0 then  -- then all of it is told, or its points
        v_shape := pgcanvas.fold_shape(v_shape, v_changes, v_last.seq, v_last.author, v_last.at);
        v_changes := '{}';
      end if;
      seq := c.seq;
      ordinal := c.ordinal;
      names := c.names;
      before := pgcanvas.before_of(c.op, c.names, case when c.op = 'patch' and not c.sets_points
        then pgcanvas.was_then(c.names, v_shape, v_changes) else v_shape end, v_points);
      return next;
    end if;
    continue when c.is_last;
    if c.op in ('put', 'delete') then
      v_shape := null;
      v_changes := '{}';
    end if;
    if c.op <> 'delete' then v_changes := array_append(v_changes, c.change); end if;
    v_last := c;
    v_points := case when c.op = 'append' then v_points + json_array_length(c.change -> 'points')
      when c.sets_points then pgcanvas.points_in(coalesce(c.change -> 'shape', c.change -> 'set')::jsonb) else v_points end;
  end loop;
end $$;
comment on function pgcanvas.befores is
  'What undoes logged changes (by seq and ordinal) that do not say so themselves, and what a patch names: worked out from the snapshot '
  'before them and the log.';

create or replace function pgcanvas.points_in(p_shape jsonb)
  returns integer language sql immutable parallel safe
return coalesce(jsonb_array_length(nullif(p_shape -> 'points', 'null')), 0);
comment on function pgcanvas.points_in is 'How many points a shape has.';

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
