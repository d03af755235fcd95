-- What shapes refer to (frame, container, arrow ends, bound elements) and which groups they share: a reference whose target is deleted
-- is repaired in the batch that deletes it. shapes.refs holds the keys, so that the question "who refers to this" reads an index.

create or replace function pgcanvas.shape_key(p_room_id bigint, p_id text)
  returns text language sql immutable parallel safe
return 's' || p_room_id || ':' || p_id;
comment on function pgcanvas.shape_key is 'A shape as refs names it.';

create or replace function pgcanvas.group_key(p_room_id bigint, p_group text)
  returns text language sql immutable parallel safe
return 'g' || p_room_id || ':' || p_group;
comment on function pgcanvas.group_key is 'A group as refs names it.';

create or replace function pgcanvas.bound_elements(p_props jsonb)
  returns jsonb language sql immutable parallel safe
return case when jsonb_typeof(p_props -> 'boundElements') = 'array' then p_props -> 'boundElements' else '[]' end;
comment on function pgcanvas.bound_elements is 'Arrows and texts bound to a shape, as Excalidraw lists them; empty when there are none.';

create or replace function pgcanvas.targets_of(p_shape pgcanvas.shapes)
  returns text[] language sql immutable parallel safe
return array(
  select distinct t.id from (
    values (p_shape.frame_id), (p_shape.container_id), (p_shape.props #>> '{startBinding,elementId}'), (p_shape.props #>> '{endBinding,elementId}')
    union all select e ->> 'id' from jsonb_array_elements(pgcanvas.bound_elements(p_shape.props)) as e) as t (id)
  where t.id is not null);
comment on function pgcanvas.targets_of is 'Shapes that a shape refers to.';

create or replace function pgcanvas.has_refs(p_shape pgcanvas.shapes)
  returns boolean language sql immutable parallel safe
return p_shape.frame_id is not null or p_shape.container_id is not null or p_shape.group_ids is not null
  or p_shape.props ?| '{startBinding,endBinding,boundElements}';
comment on function pgcanvas.has_refs is 'Whether a shape may refer to anything: most do not.';

create or replace function pgcanvas.shape_refs(p_room_id bigint, p_shape pgcanvas.shapes)
  returns text[] language plpgsql immutable parallel safe as $$
declare
  v_refs text[];  -- put together piece by piece: a query costs more than most shapes have references
  v_id text;
begin
  if p_shape.frame_id is not null then v_refs := array_append(v_refs, pgcanvas.shape_key(p_room_id, p_shape.frame_id)); end if;
  if p_shape.container_id is not null then v_refs := array_append(v_refs, pgcanvas.shape_key(p_room_id, p_shape.container_id)); end if;
  if p_shape.props ?| '{startBinding,endBinding,boundElements}' then
    p_shape.frame_id := null;
    p_shape.container_id := null;
    foreach v_id in array pgcanvas.targets_of(p_shape) loop v_refs := array_append(v_refs, pgcanvas.shape_key(p_room_id, v_id)); end loop;
  end if;
  if p_shape.group_ids is not null then
    foreach v_id in array p_shape.group_ids loop
      if v_id is not null then v_refs := array_append(v_refs, pgcanvas.group_key(p_room_id, v_id)); end if;
    end loop;
  end if;
  return v_refs;
end $$;
comment on function pgcanvas.shape_refs is 'Keys of what a shape refers to; null when nothing.';

create or replace function pgcanvas.without_binding(p_props jsonb, p_name text, p_gone text[])
  returns jsonb language sql immutable parallel safe
return case when p_props #>> array[p_name, 'elementId'] = any (p_gone) then p_props || jsonb_build_object(p_name, null) else p_props end;
comment on function pgcanvas.without_binding is 'Props of an arrow that lets go of an end whose shape is gone.';

create or replace function pgcanvas.without_bound(p_props jsonb, p_gone text[])
  returns jsonb language plpgsql immutable parallel safe as $$
begin
  if not exists (select from jsonb_array_elements(pgcanvas.bound_elements(p_props)) as e where e ->> 'id' = any (p_gone)) then return p_props; end if;
  return p_props || jsonb_build_object('boundElements', (
    select coalesce(jsonb_agg(e order by n), '[]') from jsonb_array_elements(p_props -> 'boundElements') with ordinality as t (e, n)
    where (e ->> 'id' = any (p_gone)) is not true));
end $$;
comment on function pgcanvas.without_bound is 'Props of a shape without bound elements that are gone.';

create or replace function pgcanvas.without_references(p_shape pgcanvas.shapes, p_gone text[], p_lone_groups text[])
  returns pgcanvas.shapes language plpgsql immutable parallel safe as $$
begin
  if p_shape.frame_id = any (p_gone) then p_shape.frame_id := null; end if;
  if p_shape.container_id = any (p_gone) then p_shape.container_id := null; end if;
  if p_shape.group_ids && p_lone_groups then
    p_shape.group_ids := array(select g from unnest(p_shape.group_ids) with ordinality as t (g, n) where g <> all (p_lone_groups) order by n);
  end if;
  if p_shape.props ?| '{startBinding,endBinding,boundElements}' then
    p_shape.props := pgcanvas.without_bound(pgcanvas.without_binding(pgcanvas.without_binding(p_shape.props, 'startBinding', p_gone), 'endBinding', p_gone), p_gone);
  end if;
  return p_shape;
end $$;
comment on function pgcanvas.without_references is 'A shape that no longer refers to what is gone, nor shares a group with nobody.';

create or replace function pgcanvas.referring(p_room_ids bigint[], p_ids text[])
  returns table (room_id bigint, id text) language plpgsql stable set enable_bitmapscan = on as $$  -- a GIN index is read in no other way
declare
  v_keys text[] := array(select pgcanvas.shape_key(d.room_id, d.id) from unnest(p_room_ids, p_ids) as d (room_id, id));
  v_group_keys text[] := array(
    select distinct pgcanvas.group_key(d.room_id, g) from unnest(p_room_ids, p_ids) as d (room_id, id)
    join pgcanvas.shapes s on s.room_id = d.room_id and s.id = d.id cross join unnest(s.group_ids) as g where g is not null);
begin
  -- Of a group only its last members matter: who else is in a large one is not read.
  v_keys := v_keys || array(
    select k.key from unnest(v_group_keys) as k (key)
    where (select count(*) from (select from pgcanvas.shapes m where m.refs @> array[k.key collate "C"] limit cardinality(p_ids) + 2) as m) <= cardinality(p_ids) + 1);
  -- Key by key: for an array of them the planner would read all references there are; and so it would without a collation, since a
  -- parameter has its caller's.
  return query select distinct t.room_id, t.id from unnest(v_keys) as k (key)
    cross join lateral (select m.room_id, m.id::text as id from pgcanvas.shapes m where m.refs @> array[k.key collate "C"] offset 0) as t;
end $$;
comment on function pgcanvas.referring is 'Shapes that refer to shapes about to be deleted, or are last in a group with them.';

create or replace function pgcanvas.lone_groups(p_shapes pgcanvas.shapes[], p_deleted pgcanvas.shapes[])
  returns text[] language plpgsql stable as $$
declare
  v_groups text[] := array(select distinct g from unnest(p_deleted) as d cross join unnest(d.group_ids) as g);
begin
  if v_groups = '{}' then return v_groups; end if;
  return array(select g from unnest(p_shapes) as s cross join unnest(s.group_ids) as g where g = any (v_groups) group by g having count(*) = 1);
end $$;
comment on function pgcanvas.lone_groups is 'Groups of deleted shapes that have one member left among the given ones.';
