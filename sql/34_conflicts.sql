-- How what was done without knowing of each other is settled, beyond "the later one wins".

create or replace function pgcanvas.based_on_old(p_drawing pgcanvas.drawing, p_bases bigint[])
  returns boolean language plpgsql stable as $$
declare
  v_before pgcanvas.shapes[] := p_drawing.before;
  v_slots integer[] := p_drawing.slots;
  v_version bigint;
begin
  for n in 1..coalesce(cardinality(p_bases), 0) loop
    v_version := (v_before[v_slots[n]]).version;
    if v_version is not null and p_bases[n] is distinct from v_version then return true; end if;
  end loop;
  return false;
end $$;
comment on function pgcanvas.based_on_old is
  'Strict rooms: whether an op of the batch names a living shape at another version than it has, or at none.';

create or replace function pgcanvas.present_versions(p_room_id bigint, p_shape_ids text[])
  returns bigint[] language sql stable
return array(select s.version from unnest(p_shape_ids) with ordinality as u (id, n)
  left join lateral (select c.version from pgcanvas.shapes c where c.room_id = any (array[p_room_id]) and c.id = u.id offset 0) as s on true
  order by u.n);
comment on function pgcanvas.present_versions is 'Bases for ops that are drawn up under the room''s lock.';

create or replace function pgcanvas.taken_by_others(p_room_id bigint, p_shape pgcanvas.shapes, p_id text, p_author text, p_seen bigint,
  p_shapes pgcanvas.shapes[])
  returns boolean language plpgsql stable as $$
declare
  v_bounds box := pgcanvas.shape_bounds(p_shape.kind, p_shape.x, p_shape.y, p_shape.width, p_shape.height, p_shape.angle, p_shape.points,
    p_shape.stroke_width);
begin
  return exists (
      select from pgcanvas.shapes s
      where s.room_id = p_room_id and s.grid && v_bounds and s.bounds ~= v_bounds and s.id <> p_id and s.created_by <> p_author
        and s.seq > p_seen
        and not exists (select from unnest(p_shapes) as n where n.room_id = p_room_id and n.id = s.id))
    or exists (
      select from unnest(p_shapes) as s
      where s.room_id = p_room_id and s.bounds ~= v_bounds and s.id <> p_id and s.created_by <> p_author and s.seq > p_seen);
end $$;
comment on function pgcanvas.taken_by_others is
  'Offset rooms: whether another person''s shape, new or changed since a seq, has just these bounds. Reads the spatial index, and the '
  'shapes in hand.';

create or replace function pgcanvas.offset_shape(p_room_id bigint, p_shape pgcanvas.shapes, p_id text, p_author text, p_seen bigint,
  p_shapes pgcanvas.shapes[])
  returns pgcanvas.shapes language plpgsql stable as $$
begin
  for i in 1..100 loop
    exit when not pgcanvas.taken_by_others(p_room_id, p_shape, p_id, p_author, p_seen, p_shapes);
    p_shape.x := p_shape.x + 20;
    p_shape.y := p_shape.y + 20;
  end loop;
  return p_shape;
end $$;
comment on function pgcanvas.offset_shape is
  'Offset rooms: a new shape, moved by 20, 20 until it does not cover another person''s exactly.';

create or replace function pgcanvas.nonce_of(p_props jsonb)
  returns bigint language sql immutable parallel safe
return case when jsonb_typeof(p_props -> 'versionNonce') = 'number'
  and (p_props ->> 'versionNonce')::numeric between -9007199254740991 and 9007199254740991
  then trunc((p_props ->> 'versionNonce')::numeric)::bigint else 0 end;
comment on function pgcanvas.nonce_of is 'Excalidraw''s versionNonce, from props; 0 when there is none.';

create or replace function pgcanvas.content_of(p_shape pgcanvas.shapes)
  returns text language plpgsql stable parallel safe as $$
begin
  p_shape.id := '';
  p_shape.version := null;
  p_shape.seq := null;
  p_shape.created_by := null;
  p_shape.updated_by := null;
  p_shape.created_at := null;
  p_shape.updated_at := null;
  return pgcanvas.shape_text(p_shape)::jsonb::text;
end $$;
comment on function pgcanvas.content_of is 'What a client may set of a shape, as text that is the same for the same shape.';

create or replace function pgcanvas.replica_wins(p_new pgcanvas.shapes, p_version bigint, p_nonce bigint, p_old pgcanvas.shapes,
  p_old_version bigint, p_old_nonce bigint)
  returns boolean language plpgsql stable parallel safe as $$
begin
  if p_old_version is null or p_version <> p_old_version then return p_old_version is null or p_version > p_old_version; end if;
  if p_nonce <> p_old_nonce then return p_nonce < p_old_nonce; end if;
  if p_new.kind is null or p_old.kind is null then return p_new.kind is null and p_old.kind is not null; end if;
  return pgcanvas.content_of(p_new) > pgcanvas.content_of(p_old) collate "C";
end $$;
comment on function pgcanvas.replica_wins is
  'The order of two states of a shape (without a kind: dead), as Excalidraw has it: the higher version, then the lower nonce; then '
  'death, then the larger content, so that of any two different states one wins.';
