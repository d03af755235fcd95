-- What an op makes of a shape: (row before, op) -> row after, in memory; apply_batches writes what comes out.
-- Functions in SQL here are one expression, so that plans take them in; functions without a search path of their own (2 us a call)
-- are called only from functions that pin theirs, and name the schema.

create or replace function pgcanvas.property_names()
  returns text[] language sql immutable parallel safe
return '{id,kind,x,y,width,height,angle,points,index,frame_id,container_id,group_ids,locked,stroke_color,background_color,fill_style,'
  'stroke_width,stroke_style,roughness,opacity,text,font_size,font_family,file_id,link,props}'::text[];
comment on function pgcanvas.property_names is 'Properties that have a column.';

create or replace function pgcanvas.known_names()
  returns text[] language sql immutable parallel safe
return pgcanvas.property_names() || '{version,seq,created_by,updated_by,created_at,updated_at}'::text[];
comment on function pgcanvas.known_names is 'Properties that are not extra: those with a column and those the server adds.';

create or replace function pgcanvas.null_members(p_body jsonb)
  returns jsonb language sql immutable parallel safe
return (select coalesce(jsonb_object_agg(key, 'null'::jsonb), '{}') from jsonb_each(p_body)
        where value = 'null' and key = any (pgcanvas.property_names())
          and key not in ('id', 'kind', 'x', 'y', 'width', 'height', 'angle', 'props'));
comment on function pgcanvas.null_members is 'The explicit nulls among optional properties.';

create or replace function pgcanvas.may_hold_nulls(p_body jsonb)
  returns boolean language sql immutable parallel safe
return strpos(p_body::text, ': null') > 0;
comment on function pgcanvas.may_hold_nulls is
  'False when there is no explicit null anywhere: half the price of a path query, and nearly always the answer.';

create or replace function pgcanvas.extra_of(p_body jsonb)
  returns jsonb language sql immutable parallel safe
return nullif(case when pgcanvas.may_hold_nulls(p_body) then p_body - pgcanvas.known_names() || pgcanvas.null_members(p_body)
                   else p_body - pgcanvas.known_names() end, '{}');
comment on function pgcanvas.extra_of is
  'What of a shape has no column: unknown properties and explicit nulls; null when there is nothing.';

create or replace function pgcanvas.without_nulls(p_body jsonb)
  returns jsonb language plpgsql immutable parallel safe as $$
begin
  return p_body - array(select t.key from pg_catalog.jsonb_each(p_body) as t where t.value = 'null'
    and t.key in ('x', 'y', 'width', 'height', 'angle', 'props'));
end $$;
comment on function pgcanvas.without_nulls is 'A shape without the nulls that stand for a default.';

create or replace function pgcanvas.merged_members(p_props jsonb, p_body jsonb)
  returns jsonb language plpgsql immutable parallel safe as $$
declare
  v_set jsonb := coalesce(p_body -> 'set', '{}');
  v_unset text[] := array(select pg_catalog.jsonb_array_elements_text(p_body -> 'unset'));
  v_props jsonb := (p_props || coalesce(nullif(v_set -> 'props', 'null'), '{}'))
    - array(select substr(u, 7) from unnest(v_unset) as u where u like 'props.%');
begin
  return v_set || jsonb_build_object('props', v_props) || coalesce((select jsonb_object_agg(u, null::jsonb) from unnest(v_unset) as u
    where u not in ('id', 'kind', 'x', 'y', 'width', 'height', 'angle', 'props')), '{}');
end $$;
comment on function pgcanvas.merged_members is 'What a patch sets, with props merged name by name and a null for what it unsets.';

create or replace function pgcanvas.merged_extra(p_extra jsonb, p_body jsonb)
  returns jsonb language plpgsql immutable parallel safe as $$
declare
  v_set jsonb := coalesce(p_body -> 'set', '{}') - 'id';
begin
  return nullif(coalesce(p_extra, '{}') - array(select pg_catalog.jsonb_object_keys(v_set))
    - array(select pg_catalog.jsonb_array_elements_text(p_body -> 'unset')) || coalesce(pgcanvas.extra_of(v_set), '{}'), '{}');
end $$;
comment on function pgcanvas.merged_extra is 'What has no column after a patch of a shape that had such.';

create or replace function pgcanvas.patch_extra(p_extra jsonb, p_body jsonb)
  returns jsonb language sql immutable parallel safe
return case when p_extra is null then pgcanvas.extra_of(p_body -> 'set') else pgcanvas.merged_extra(p_extra, p_body) end;
comment on function pgcanvas.patch_extra is 'What has no column after a patch.';

create or replace function pgcanvas.columns_of(p_body jsonb)
  returns jsonb language sql immutable parallel safe
return case when p_body ?| '{room_id,extra,bounds,grid,version,seq,ordinal,created_by,updated_by,created_at,updated_at,refs}'
  then p_body - '{room_id,extra,bounds,grid,version,seq,ordinal,created_by,updated_by,created_at,updated_at,refs}'::text[] else p_body end;
comment on function pgcanvas.columns_of is 'A shape''s members without those that would land in a column of the server''s own.';

create or replace function pgcanvas.shape_put(p_body jsonb)
  returns pgcanvas.shapes language plpgsql stable parallel safe as $$
declare
  v_shape pgcanvas.shapes;
  v_extra jsonb := p_body - pgcanvas.known_names();
begin
  if pgcanvas.may_hold_nulls(p_body) then
    v_extra := v_extra || pgcanvas.null_members(p_body);
    p_body := pgcanvas.without_nulls(p_body);
  end if;
  v_shape.x := 0;
  v_shape.y := 0;
  v_shape.width := 0;
  v_shape.height := 0;
  v_shape.angle := 0;
  v_shape.props := '{}';
  -- A column that somebody added to the table is no property: nothing of a client's lands there.
  if v_extra <> '{}' then p_body := p_body - array(select pg_catalog.jsonb_object_keys(p_body - pgcanvas.known_names())); end if;
  v_shape := jsonb_populate_record(v_shape, pgcanvas.columns_of(p_body));
  if v_shape.kind is null then raise exception 'kind: is required' using errcode = 'WB001'; end if;
  if v_extra <> '{}' then v_shape.extra := v_extra; end if;
  return v_shape;
end $$;
comment on function pgcanvas.shape_put is 'What a put says of a shape; absent properties have their defaults.';

create or replace function pgcanvas.shape_patched(p_shape pgcanvas.shapes, p_body jsonb)
  returns pgcanvas.shapes language plpgsql stable parallel safe as $$
declare
  v_set jsonb := p_body -> 'set';
  v_extra jsonb := pgcanvas.patch_extra(p_shape.extra, p_body);
begin
  if p_body -> 'unset' <> '[]' or v_set ? 'props' then v_set := pgcanvas.merged_members(p_shape.props, p_body); end if;
  if v_extra is not null then v_set := v_set - array(select pg_catalog.jsonb_object_keys(v_set - pgcanvas.known_names())); end if;
  p_shape := jsonb_populate_record(p_shape, pgcanvas.columns_of(v_set));
  if p_shape.kind is null then raise exception 'kind: is required' using errcode = 'WB001'; end if;
  p_shape.version := null;  -- the next one
  p_shape.extra := v_extra;
  return p_shape;
end $$;
comment on function pgcanvas.shape_patched is 'A shape after a patch: only the named properties change.';

create or replace function pgcanvas.shape_appended(p_shape pgcanvas.shapes, p_body jsonb)
  returns pgcanvas.shapes language plpgsql stable parallel safe as $$
declare
  v_tail double precision[] := (jsonb_populate_record(null::pgcanvas.shape_properties,
    jsonb_build_object('points', p_body -> 'points'))).points;
begin
  if coalesce(cardinality(v_tail), 0) = 0 then return p_shape; end if;
  if cardinality(p_shape.points) > 0 and array_length(v_tail, 2) <> array_length(p_shape.points, 2) then
    raise exception 'points: every point of a shape has the same length' using errcode = 'WB001';
  end if;
  p_shape.points := coalesce(p_shape.points, '{}') || v_tail;
  p_shape.version := null;
  p_shape.extra := nullif(p_shape.extra - 'points', '{}');  -- an explicit null no longer holds
  return p_shape;
end $$;
comment on function pgcanvas.shape_appended is 'A shape after an append: more points at the end; none leave it as it is.';

create or replace function pgcanvas.shape_merged(p_body jsonb)
  returns pgcanvas.shapes language plpgsql stable parallel safe as $$
declare
  v_shape pgcanvas.shapes;
  v_version numeric := case jsonb_typeof(p_body -> 'version') when 'number' then (p_body ->> 'version')::numeric end;
begin
  if v_version is null or v_version <> trunc(v_version) or v_version not between 1 and 1099511627776 then
    raise exception 'version: must be an integer from 1 to 1099511627776' using errcode = 'WB001';
  end if;
  if (p_body ->> 'is_deleted')::boolean then return null; end if;
  v_shape := pgcanvas.shape_put(p_body - 'is_deleted');
  v_shape.version := v_version;
  return v_shape;
end $$;
comment on function pgcanvas.shape_merged is 'A replica''s state of a shape, at the replica''s version; null when it is a tombstone.';

create or replace function pgcanvas.shape_after(p_shape pgcanvas.shapes, p_verb text, p_body jsonb)
  returns pgcanvas.shapes language plpgsql stable parallel safe as $$
begin
  if p_verb = 'put' then return pgcanvas.shape_put(p_body); end if;
  if p_shape.kind is not null then
    if p_verb = 'patch' then return pgcanvas.shape_patched(p_shape, p_body); end if;
    if p_verb = 'append' then return pgcanvas.shape_appended(p_shape, p_body); end if;
  end if;
  if p_verb in ('patch', 'append', 'delete') then return null; end if;
  if p_verb = 'merge' then return pgcanvas.shape_merged(p_body); end if;
  raise exception 'op: must be put, patch, append or delete' using errcode = 'WB001';
end $$;
comment on function pgcanvas.shape_after is
  'What an op leaves of a shape, before it is stamped; null (kind and all) when there is none. A version it has is kept, else the next '
  'is given.';

create or replace function pgcanvas.said_patch(p_set jsonb, p_unset jsonb)
  returns text language sql stable parallel safe
return concat('"set":{', substr(concat(
    pgcanvas.properties_set(null::pgcanvas.shape_properties, jsonb_populate_record(null::pgcanvas.shape_properties,
      p_set - '{id,props}'::text[])),
    ',"props":' || nullif(p_set -> 'props', 'null')::text, ',' || pgcanvas.members(pgcanvas.extra_of(p_set - 'id'))), 2),
  '},"unset":', coalesce(p_unset, '[]'));
comment on function pgcanvas.said_patch is 'What a patch says, as members set and unset: numbers as their columns hold them.';

create or replace function pgcanvas.said_change(p_old pgcanvas.shapes, p_new pgcanvas.shapes, p_verb text, p_body jsonb)
  returns pgcanvas.shape_change language plpgsql stable parallel safe as $$
declare
  v_head text := ',"id":' || to_json(p_new.id) || ',"version":' || p_new.version || ',';
begin
  if p_verb = 'patch' then
    return row('patch', '{"op":"patch"' || v_head || pgcanvas.said_patch(p_body -> 'set', p_body -> 'unset') || '}',
      null)::pgcanvas.shape_change;
  elsif p_verb = 'append' then
    return row('append', '{"op":"append"' || v_head || '"points":' ||
      to_json(p_new.points[coalesce(array_length(p_old.points, 1), 0) + 1:]) || '}', null)::pgcanvas.shape_change;
  end if;
  return pgcanvas.change_of(p_old, p_new);
end $$;
comment on function pgcanvas.said_change is
  'How one op changed a shape: what a patch or append said, though some of it may have been so; of other ops, what differs.';

create or replace function pgcanvas.stamped(p_new pgcanvas.shapes, p_old pgcanvas.shapes, p_death bigint, p_room_id bigint, p_id text,
  p_seq bigint, p_author text, p_at timestamptz)
  returns pgcanvas.shapes language plpgsql volatile as $$
declare
  v_fault text;
begin
  p_new.room_id := p_room_id;
  p_new.id := p_id;
  p_new.seq := p_seq;
  p_new.updated_by := p_author;
  p_new.updated_at := p_at;
  if p_old.kind is null then
    p_new.version := coalesce(p_new.version, p_death + 1, 1);
    p_new.ordinal := nextval('pgcanvas.shapes_ordinal_seq');
    p_new.created_by := p_author;
    p_new.created_at := p_new.updated_at;
  else
    p_new.version := coalesce(p_new.version, p_old.version + 1);
    p_new.ordinal := p_old.ordinal;
    p_new.created_by := p_old.created_by;
    p_new.created_at := p_old.created_at;
  end if;
  v_fault := pgcanvas.shape_fault(p_new);
  if v_fault is not null then raise exception '%', v_fault using errcode = 'WB001'; end if;
  p_new.bounds := pgcanvas.shape_bounds(p_new.kind, p_new.x, p_new.y, p_new.width, p_new.height, p_new.angle, p_new.points,
    p_new.stroke_width);
  p_new.grid := p_old.grid;  -- grid_after step by step: mostly the second is not needed, nor set up
  if pgcanvas.grid_holds(p_old.grid, p_new.bounds) is not true then p_new.grid := pgcanvas.grid_box(p_new.bounds); end if;
  if pgcanvas.has_refs(p_new) then p_new.refs := pgcanvas.shape_refs(p_room_id, p_new); else p_new.refs := null; end if;
  return p_new;
end $$;
comment on function pgcanvas.stamped is
  'A shape as it will stand in the table: who, when, which version (after p_death, when it died at one) and seq, where. Refuses what '
  'breaks a rule.';
