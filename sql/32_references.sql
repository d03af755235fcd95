-- What shapes refer to (frame, container, arrow ends, bound elements) and which groups they share: a reference whose target is deleted
-- is repaired in the batch that deletes it. shapes.refs holds the keys, so that the question "who refers to this" reads an index.

-- Asked with each call that writes: 5 us, where to have the names counted and sorted took 30.
create or replace function pgcanvas.may_be_altered()
  returns boolean language plpgsql stable as $$
begin
  return exists (select from pg_catalog.pg_trigger t where t.tgrelid = 'pgcanvas.shapes'::regclass and t.tgtype & 3 = 3
    and t.tgname <> '~200_stamp' and t.tgname <> '~210_stamp_or_put_back' and t.tgname <> '_250_take_room' and t.tgenabled <> 'D');
end $$;
comment on function pgcanvas.may_be_altered is
  'Whether a trigger of somebody else''s is asked before a shape is written, and so could alter or leave out what is.';

create or replace function pgcanvas.altering_trigger()
  returns text language sql stable
return (select max(t.tgname::text collate "C") from pg_catalog.pg_trigger t
  where t.tgrelid = 'pgcanvas.shapes'::regclass and t.tgtype & 3 = 3
    and t.tgname not in ('_250_take_room', '~200_stamp', '~210_stamp_or_put_back') and t.tgenabled <> 'D' and not t.tgisinternal);
comment on function pgcanvas.altering_trigger is 'The last of those triggers by name; null when there is none.';

create or replace function pgcanvas.refuse_altered(p_gone pgcanvas.shapes[], p_written pgcanvas.shapes[])
  returns void language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  if exists (
      select from unnest(p_written) as c
      left join lateral (select s from pgcanvas.shapes s where s.room_id = any (array[c.room_id]) and s.id = c.id offset 0) as s on true
      where (s.s).version is distinct from c.version or not pgcanvas.same_properties(s.s, c) or not (s.s).bounds ~= c.bounds)
    or exists (
      select from unnest(p_gone) as g
      cross join lateral (select from pgcanvas.shapes s where s.room_id = any (array[g.room_id]) and s.id = g.id
        and s.version <= g.version offset 0) as s) then
    raise exception 'shapes: the trigger % alters or leaves out what is drawn, which the log would not show', pgcanvas.altering_trigger()
      using errcode = 'WB001',
        hint = 'Triggers of your own may change what direct SQL writes; what nodes and draw() write they may only note.';
  end if;
end $$;
comment on function pgcanvas.refuse_altered is
  'Refuses when shapes that apply_batches deleted or wrote are not as it left them: a trigger of somebody else''s meddles.';

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

create or replace function pgcanvas.targets_in(p_frame_id text, p_container_id text, p_props jsonb)
  returns text[] language sql immutable parallel safe
return array(
  select distinct t.id from (
    values (p_frame_id), (p_container_id), (p_props #>> '{startBinding,elementId}'), (p_props #>> '{endBinding,elementId}')
    union all select e ->> 'id' from jsonb_array_elements(pgcanvas.bound_elements(p_props)) as e) as t (id)
  where t.id is not null);
comment on function pgcanvas.targets_in is 'Shapes that such a frame, container and props refer to.';

create or replace function pgcanvas.targets_of(p_shape pgcanvas.shapes)
  returns text[] language sql immutable parallel safe
return pgcanvas.targets_in(p_shape.frame_id, p_shape.container_id, p_shape.props);
comment on function pgcanvas.targets_of is 'Shapes that a shape refers to.';

create or replace function pgcanvas.has_refs(p_shape pgcanvas.shapes)
  returns boolean language sql immutable parallel safe
return p_shape.frame_id is not null or p_shape.container_id is not null or p_shape.group_ids is not null
  or p_shape.props ?| '{startBinding,endBinding,boundElements}';
comment on function pgcanvas.has_refs is 'Whether a shape may refer to anything: most do not.';

create or replace function pgcanvas.refs_in(p_room_id bigint, p_frame_id text, p_container_id text, p_group_ids text[], p_props jsonb)
  returns text[] language plpgsql immutable parallel safe as $$
declare
  v_refs text[];  -- put together piece by piece: a query costs more than most shapes have references
  v_id text;
begin
  if p_frame_id is not null then v_refs := array_append(v_refs, pgcanvas.shape_key(p_room_id, p_frame_id)); end if;
  if p_container_id is not null then v_refs := array_append(v_refs, pgcanvas.shape_key(p_room_id, p_container_id)); end if;
  if p_props ?| '{startBinding,endBinding,boundElements}' then
    foreach v_id in array pgcanvas.targets_in(null, null, p_props) loop
      v_refs := array_append(v_refs, pgcanvas.shape_key(p_room_id, v_id));
    end loop;
  end if;
  if p_group_ids is not null then
    foreach v_id in array p_group_ids loop
      if v_id is not null then v_refs := array_append(v_refs, pgcanvas.group_key(p_room_id, v_id)); end if;
    end loop;
  end if;
  return v_refs;
end $$;
comment on function pgcanvas.refs_in is 'Keys of what such a frame, container, groups and props refer to; null when nothing.';

create or replace function pgcanvas.shape_refs(p_room_id bigint, p_shape pgcanvas.shapes)
  returns text[] language sql immutable parallel safe
return pgcanvas.refs_in(p_room_id, p_shape.frame_id, p_shape.container_id, p_shape.group_ids, p_shape.props);
comment on function pgcanvas.shape_refs is 'Keys of what a shape refers to; null when nothing.';

create or replace function pgcanvas.names_dead(p_room_id bigint, p_frame_id text, p_container_id text, p_props jsonb)
  returns boolean language plpgsql stable as $$
begin
  return exists (select from unnest(pgcanvas.targets_in(p_frame_id, p_container_id, p_props)) as t (id)
    where exists (select from pgcanvas.tombstones g where g.room_id = p_room_id and g.id = t.id)
      and not exists (select from pgcanvas.shapes s where s.room_id = any (array[p_room_id]) and s.id = t.id));
end $$;
comment on function pgcanvas.names_dead is 'Whether any of these refers to a shape that was deleted. One that never was may yet come.';

create or replace function pgcanvas.without_binding(p_props jsonb, p_name text, p_gone text[])
  returns jsonb language sql immutable parallel safe
return case when p_props #>> array[p_name, 'elementId'] = any (p_gone) then p_props || jsonb_build_object(p_name, null) else p_props end;
comment on function pgcanvas.without_binding is 'Props of an arrow that lets go of an end whose shape is gone.';

create or replace function pgcanvas.without_bound(p_props jsonb, p_gone text[])
  returns jsonb language plpgsql immutable parallel safe as $$
begin
  if not exists (select from jsonb_array_elements(pgcanvas.bound_elements(p_props)) as e where e ->> 'id' = any (p_gone))
    then return p_props; end if;
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
    p_shape.group_ids := array(select g from unnest(p_shape.group_ids) with ordinality as t (g, n) where g <> all (p_lone_groups)
      order by n);
  end if;
  if p_shape.props ?| '{startBinding,endBinding,boundElements}' then
    p_shape.props := pgcanvas.without_bound(pgcanvas.without_binding(pgcanvas.without_binding(p_shape.props, 'startBinding', p_gone),
      'endBinding', p_gone), p_gone);
  end if;
  return p_shape;
end $$;
comment on function pgcanvas.without_references is 'A shape that no longer refers to what is gone, nor shares a group with nobody.';

create or replace function pgcanvas.groups_of(p_room_id bigint, p_id text)
  returns setof text language plpgsql stable rows 2 set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
begin
  -- "= any": the spatial index begins with the room too, and would read all of it; it can answer that by a bitmap alone.
  return query select unnest(s.group_ids) from pgcanvas.shapes s where s.room_id = any (array[p_room_id]) and s.id = p_id;
end $$;
comment on function pgcanvas.groups_of is 'The groups that a shape is in.';

create or replace function pgcanvas.referring(p_room_ids bigint[], p_ids text[])
  returns table (room_id bigint, id text) language plpgsql stable
  set enable_bitmapscan = on set gin_fuzzy_search_limit = 0 as $$  -- a GIN index is read in no other way, and whole
declare
  v_keys text[] := array(select pgcanvas.shape_key(d.room_id, d.id) from unnest(p_room_ids, p_ids) as d (room_id, id));
  v_group_keys text[] := array(
    select distinct pgcanvas.group_key(d.room_id, g) from unnest(p_room_ids, p_ids) as d (room_id, id)
    cross join lateral pgcanvas.groups_of(d.room_id, d.id) as g where g is not null);
begin
  -- Of a group only its last members matter: who else is in a large one is not read.
  v_keys := v_keys || array(
    select k.key from unnest(v_group_keys) as k (key)
    where (select count(*)
      from (select from pgcanvas.shapes m
        where m.refs @> array[k.key collate "C"] limit cardinality(p_ids) + 2) as m) <= cardinality(p_ids) + 1);
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
  return array(select g from unnest(p_shapes) as s cross join unnest(s.group_ids) as g
    where g = any (v_groups) group by g having count(*) = 1);
end $$;
comment on function pgcanvas.lone_groups is 'Groups of deleted shapes that have one member left among the given ones.';

create or replace function pgcanvas.dead_targets(p_room_id bigint, p_referring pgcanvas.shapes[], p_drawing pgcanvas.drawing)
  returns text[] language plpgsql stable as $$
declare
  v_shapes pgcanvas.shapes[] := p_drawing.shapes;
  v_before pgcanvas.shapes[] := p_drawing.before;
  v_ids text[] := p_drawing.ids;
  v_slots jsonb := (select jsonb_object_agg(v_ids[i], i order by i desc) from generate_subscripts(v_ids, 1) as i);
  v_id text;
  v_slot integer;
  v_dead text[] := '{}';
begin
  for v_id in select distinct t.id from unnest(p_referring) as s cross join unnest(pgcanvas.targets_of(s)) as t (id) loop
    v_slot := (v_slots ->> v_id)::integer;
    continue when (v_shapes[v_slot]).kind is not null
      or v_slot is null and exists (select from pgcanvas.shapes s where s.room_id = any (array[p_room_id]) and s.id = v_id);
    if (v_before[v_slot]).kind is not null
      or exists (select from pgcanvas.tombstones g where g.room_id = p_room_id and g.id = v_id) then
      v_dead := v_dead || v_id;
    end if;
  end loop;
  return v_dead;
end $$;
comment on function pgcanvas.dead_targets is 'Which shapes, of those that these refer to, were deleted. One that never was may yet come.';

create or replace function pgcanvas.repaired(p_room_id bigint, p_drawing pgcanvas.drawing)
  returns pgcanvas.slot_shape[] language plpgsql stable as $$
declare
  v_shapes pgcanvas.shapes[] := p_drawing.shapes;
  v_before pgcanvas.shapes[] := p_drawing.before;
  v_ids text[] := p_drawing.ids;
  v_gone text[] := '{}';
  v_lone text[];
  v_deleted pgcanvas.shapes[];
  v_referring pgcanvas.shapes[];
  v_slots integer[] := '{}';
  v_new pgcanvas.shapes;
  v_repaired pgcanvas.slot_shape[];
  v_slot integer;
begin
  foreach v_slot in array p_drawing.touched loop
    v_new := v_shapes[v_slot];
    if v_new.kind is null then
      v_gone := v_gone || v_ids[v_slot];
      v_deleted := v_deleted || v_before[v_slot];
    elsif pgcanvas.has_refs(v_new) and pgcanvas.shape_refs(p_room_id, v_new) is distinct from (v_before[v_slot]).refs then
      v_slots := v_slots || v_slot;
      v_referring := v_referring || v_new;
    end if;
  end loop;
  if v_deleted is not null then
    v_slots := array(select distinct s from unnest(p_drawing.slots) as s);
    v_lone := pgcanvas.lone_groups(array(select v_shapes[s] from unnest(v_slots) as s), v_deleted);
  end if;
  if v_referring is not null then v_gone := v_gone || pgcanvas.dead_targets(p_room_id, v_referring, p_drawing); end if;
  foreach v_slot in array v_slots loop
    v_new := v_shapes[v_slot];
    continue when v_new.kind is null or not pgcanvas.has_refs(v_new);
    v_new := pgcanvas.without_references(v_new, v_gone, v_lone);
    if not pgcanvas.same_properties(v_shapes[v_slot], v_new) then
      v_new.version := v_new.version + 1;  -- null is the next one
      v_repaired := v_repaired || row(v_slot, v_new)::pgcanvas.slot_shape;
    end if;
  end loop;
  return v_repaired;
end $$;
comment on function pgcanvas.repaired is
  'Shapes in hand that must let go of what the batch deleted, or refer to what was deleted before it.';
