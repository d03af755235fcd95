-- A shape as clients see it, and what differs between two states of one. The text is put together by hand: jsonb_build_object
-- and row_to_json with their nulls stripped take three to five times as long, and this runs for every change. Nothing here has a search
-- path of its own (2 us a call): it is called from functions that pin theirs, and names the schema. Numbers are written as
-- extra_float_digits says: whoever starts this pins that too, to 1, which writes each so that it reads as the same.

create or replace function pgcanvas.shape_columns()
  returns text[] language sql immutable parallel safe
return '{room_id,id,kind,x,y,width,height,angle,points,index,frame_id,container_id,group_ids,locked,stroke_color,background_color,'
  'fill_style,stroke_width,stroke_style,roughness,opacity,text,font_size,font_family,file_id,link,props,extra,bounds,grid,version,seq,'
    'ordinal,created_by,updated_by,created_at,updated_at,refs}'::text[];
comment on function pgcanvas.shape_columns is 'The columns of shapes that are ours: others may have been added.';

create or replace function pgcanvas.iso(p_at timestamptz)
  returns text language sql stable strict parallel safe
return to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
comment on function pgcanvas.iso is 'A moment as ISO 8601 in UTC, microseconds.';

create or replace function pgcanvas.members(p_object jsonb)
  returns text language sql immutable strict parallel safe
return nullif(substr(p_object::text, 2, length(p_object::text) - 2), '');
comment on function pgcanvas.members is 'The text of an object without its braces; null when it is empty.';

create or replace function pgcanvas.shape_text(p_shape pgcanvas.shapes)
  returns text language sql stable parallel safe
return concat(
  '{"id":' || to_json(p_shape.id), ',"kind":' || to_json(p_shape.kind), ',"x":' || p_shape.x, ',"y":' || p_shape.y,
  ',"width":' || p_shape.width, ',"height":' || p_shape.height, ',"angle":' || p_shape.angle,
  ',"points":' || to_json(p_shape.points), ',"index":' || to_json(p_shape.index), ',"frame_id":' || to_json(p_shape.frame_id),
  ',"container_id":' || to_json(p_shape.container_id), ',"group_ids":' || to_json(p_shape.group_ids),
  ',"locked":' || p_shape.locked, ',"stroke_color":' || to_json(p_shape.stroke_color),
  ',"background_color":' || to_json(p_shape.background_color), ',"fill_style":' || to_json(p_shape.fill_style),
  ',"stroke_width":' || p_shape.stroke_width, ',"stroke_style":' || to_json(p_shape.stroke_style),
  ',"roughness":' || p_shape.roughness, ',"opacity":' || p_shape.opacity, ',"text":' || to_json(p_shape.text),
  ',"font_size":' || p_shape.font_size, ',"font_family":' || p_shape.font_family, ',"file_id":' || to_json(p_shape.file_id),
  ',"link":' || to_json(p_shape.link), ',"version":' || p_shape.version, ',"seq":' || p_shape.seq,
  ',"created_by":' || to_json(p_shape.created_by), ',"updated_by":' || to_json(p_shape.updated_by),
  ',"created_at":"' || pgcanvas.iso(p_shape.created_at) || '"', ',"updated_at":"' || pgcanvas.iso(p_shape.updated_at) || '"',
  ',"props":' || p_shape.props::text, ',' || pgcanvas.members(p_shape.extra), '}');
comment on function pgcanvas.shape_text is 'The text of a shape''s JSON: what is put together further is parsed once, when whole.';

create or replace function pgcanvas.shape_json(p_shape pgcanvas.shapes)
  returns json language sql stable parallel safe
return pgcanvas.shape_text(p_shape)::json;
comment on function pgcanvas.shape_json is
  'A shape as clients receive it: absent properties left out, unknown ones and explicit nulls kept.';

create or replace function pgcanvas.object_diff(p_from jsonb, p_to jsonb)
  returns jsonb language sql immutable parallel safe
return (select jsonb_object_agg(t.key, t.value) from jsonb_each(p_to) as t
        -- As it comes from a table it would be decompressed for every member.
        where t.value is distinct from (select p_from || '{}') -> t.key);
comment on function pgcanvas.object_diff is
  'Members of the second object that the first has not or has otherwise; null when there are none.';

create or replace function pgcanvas.keys_lost(p_from jsonb, p_to jsonb, p_prefix text)
  returns text[] language sql immutable parallel safe
return array(select p_prefix || f.key from jsonb_object_keys(p_from) as f (key)
             where not (select coalesce(p_to, '{}') || '{}') ? f.key order by 1);
comment on function pgcanvas.keys_lost is 'Names the first object has and the second has not, each with a prefix.';

create or replace function pgcanvas.place_members(p_from_x double precision, p_from_y double precision, p_from_width double precision,
  p_from_height double precision, p_from_angle double precision, p_x double precision, p_y double precision, p_width double precision,
  p_height double precision, p_angle double precision)
  returns text language sql stable parallel safe
return concat(
  case when p_x is distinct from p_from_x then ',"x":' || p_x end,
  case when p_y is distinct from p_from_y then ',"y":' || p_y end,
  case when p_width is distinct from p_from_width then ',"width":' || p_width end,
  case when p_height is distinct from p_from_height then ',"height":' || p_height end,
  case when p_angle is distinct from p_from_angle then ',"angle":' || p_angle end);
comment on function pgcanvas.place_members is 'What differs between two places, as members of an object, each after a comma.';

create or replace function pgcanvas.place_set(p_from pgcanvas.shapes, p_to pgcanvas.shapes)
  returns text language sql stable parallel safe
return pgcanvas.place_members(p_from.x, p_from.y, p_from.width, p_from.height, p_from.angle, p_to.x, p_to.y, p_to.width, p_to.height,
  p_to.angle);
comment on function pgcanvas.place_set is 'Columns of a shape''s place that differ, as members of an object, each after a comma.';

create or replace function pgcanvas.patch_text(p_id text, p_version bigint, p_set text)
  returns text language sql stable parallel safe
return concat('{"op":"patch","id":', to_json(p_id), ',"version":', p_version, ',"set":{', substr(p_set, 2), '},"unset":[]}');
comment on function pgcanvas.patch_text is 'A patch as clients receive it that sets these members, each after a comma, and unsets nothing.';

create or replace function pgcanvas.set_text(p_set text)
  returns text language sql stable parallel safe
return concat('{"set":{', substr(p_set, 2), '},"unset":[]}');
comment on function pgcanvas.set_text is 'What undoes a patch, where that is to set these members, each after a comma.';

create or replace function pgcanvas.properties_set(p_from pgcanvas.shape_properties, p_to pgcanvas.shape_properties)
  returns text language sql stable parallel safe
return concat(pgcanvas.place_members(p_from.x, p_from.y, p_from.width, p_from.height, p_from.angle, p_to.x, p_to.y, p_to.width, p_to.height,
    p_to.angle),
  case when p_to.kind is distinct from p_from.kind then ',"kind":' || to_json(p_to.kind) end,
  case when p_to.points is distinct from p_from.points then ',"points":' || to_json(p_to.points) end,
  case when p_to.index is distinct from p_from.index then ',"index":' || to_json(p_to.index) end,
  case when p_to.frame_id is distinct from p_from.frame_id then ',"frame_id":' || to_json(p_to.frame_id) end,
  case when p_to.container_id is distinct from p_from.container_id then ',"container_id":' || to_json(p_to.container_id) end,
  case when p_to.group_ids is distinct from p_from.group_ids then ',"group_ids":' || to_json(p_to.group_ids) end,
  case when p_to.locked is distinct from p_from.locked then ',"locked":' || p_to.locked end,
  case when p_to.stroke_color is distinct from p_from.stroke_color then ',"stroke_color":' || to_json(p_to.stroke_color) end,
  case when p_to.background_color is distinct from p_from.background_color
    then ',"background_color":' || to_json(p_to.background_color) end,
  case when p_to.fill_style is distinct from p_from.fill_style then ',"fill_style":' || to_json(p_to.fill_style) end,
  case when p_to.stroke_width is distinct from p_from.stroke_width then ',"stroke_width":' || p_to.stroke_width end,
  case when p_to.stroke_style is distinct from p_from.stroke_style then ',"stroke_style":' || to_json(p_to.stroke_style) end,
  case when p_to.roughness is distinct from p_from.roughness then ',"roughness":' || p_to.roughness end,
  case when p_to.opacity is distinct from p_from.opacity then ',"opacity":' || p_to.opacity end,
  case when p_to.text is distinct from p_from.text then ',"text":' || to_json(p_to.text) end,
  case when p_to.font_size is distinct from p_from.font_size then ',"font_size":' || p_to.font_size end,
  case when p_to.font_family is distinct from p_from.font_family then ',"font_family":' || p_to.font_family end,
  case when p_to.file_id is distinct from p_from.file_id then ',"file_id":' || to_json(p_to.file_id) end,
  case when p_to.link is distinct from p_from.link then ',"link":' || to_json(p_to.link) end);
comment on function pgcanvas.properties_set is
  'Columns but props that differ and have a value in the second state, as members of an object, each after a comma.';

create or replace function pgcanvas.columns_set(p_from pgcanvas.shapes, p_to pgcanvas.shapes)
  returns text language sql stable parallel safe
return pgcanvas.properties_set(
  row(p_from.id, p_from.kind, p_from.x, p_from.y, p_from.width, p_from.height, p_from.angle, p_from.points, p_from.index, p_from.frame_id,
    p_from.container_id,
    p_from.group_ids, p_from.locked, p_from.stroke_color, p_from.background_color, p_from.fill_style, p_from.stroke_width,
    p_from.stroke_style, p_from.roughness, p_from.opacity, p_from.text, p_from.font_size, p_from.font_family, p_from.file_id, p_from.link,
    null)::pgcanvas.shape_properties,
  row(p_to.id, p_to.kind, p_to.x, p_to.y, p_to.width, p_to.height, p_to.angle, p_to.points, p_to.index, p_to.frame_id, p_to.container_id,
    p_to.group_ids, p_to.locked, p_to.stroke_color, p_to.background_color, p_to.fill_style, p_to.stroke_width, p_to.stroke_style,
    p_to.roughness, p_to.opacity, p_to.text, p_to.font_size, p_to.font_family, p_to.file_id, p_to.link, null)::pgcanvas.shape_properties);
comment on function pgcanvas.columns_set is 'properties_set of two rows.';

create or replace function pgcanvas.columns_unset(p_from pgcanvas.shapes, p_to pgcanvas.shapes)
  returns text[] language sql immutable parallel safe
return array_remove(array[
  case when p_to.points is null and p_from.points is not null then 'points' end,
  case when p_to.index is null and p_from.index is not null then 'index' end,
  case when p_to.frame_id is null and p_from.frame_id is not null then 'frame_id' end,
  case when p_to.container_id is null and p_from.container_id is not null then 'container_id' end,
  case when p_to.group_ids is null and p_from.group_ids is not null then 'group_ids' end,
  case when p_to.locked is null and p_from.locked is not null then 'locked' end,
  case when p_to.stroke_color is null and p_from.stroke_color is not null then 'stroke_color' end,
  case when p_to.background_color is null and p_from.background_color is not null then 'background_color' end,
  case when p_to.fill_style is null and p_from.fill_style is not null then 'fill_style' end,
  case when p_to.stroke_width is null and p_from.stroke_width is not null then 'stroke_width' end,
  case when p_to.stroke_style is null and p_from.stroke_style is not null then 'stroke_style' end,
  case when p_to.roughness is null and p_from.roughness is not null then 'roughness' end,
  case when p_to.opacity is null and p_from.opacity is not null then 'opacity' end,
  case when p_to.text is null and p_from.text is not null then 'text' end,
  case when p_to.font_size is null and p_from.font_size is not null then 'font_size' end,
  case when p_to.font_family is null and p_from.font_family is not null then 'font_family' end,
  case when p_to.file_id is null and p_from.file_id is not null then 'file_id' end,
  case when p_to.link is null and p_from.link is not null then 'link' end], null);
comment on function pgcanvas.columns_unset is 'Columns that have a value in the first state and none in the second.';

create or replace function pgcanvas.shape_diff(p_from pgcanvas.shapes, p_to pgcanvas.shapes)
  returns text language plpgsql stable parallel safe as $$
declare
  v_set text := pgcanvas.columns_set(p_from, p_to);
  v_unset text[] := pgcanvas.columns_unset(p_from, p_to);
begin
  if p_to.props is distinct from p_from.props then
    v_set := v_set || coalesce(',"props":' || pgcanvas.object_diff(p_from.props, p_to.props)::text, '');
    v_unset := v_unset || pgcanvas.keys_lost(p_from.props, p_to.props, 'props.');
  end if;
  if p_to.extra is distinct from p_from.extra then
    v_set := v_set || coalesce(',' || pgcanvas.members(pgcanvas.object_diff(p_from.extra, p_to.extra)), '');
    v_unset := array(select u from unnest(v_unset) as u
                     where not (select coalesce(p_to.extra, '{}') || '{}') ? u);  -- now an explicit null
    -- A null that became a value is among the columns set.
    v_unset := v_unset || array(select k from unnest(pgcanvas.keys_lost(p_from.extra, p_to.extra, '')) as k
                                where not (select ('{' || substr(v_set, 2) || '}')::jsonb) ? k);
  end if;
  return '"set":{' || substr(v_set, 2) || '},"unset":' || case when v_unset = '{}' then '[]' else to_json(v_unset)::text end;
end $$;
comment on function pgcanvas.shape_diff is 'The patch that leads from one state of a shape to another, as members set and unset.';

create or replace function pgcanvas.same_place(p_a pgcanvas.shapes, p_b pgcanvas.shapes)
  returns boolean language sql immutable parallel safe
return (p_a.x, p_a.y, p_a.width, p_a.height, p_a.angle) is not distinct from (p_b.x, p_b.y, p_b.width, p_b.height, p_b.angle);
comment on function pgcanvas.same_place is 'Whether two rows are as large as each other, and turned, in the same place.';

create or replace function pgcanvas.same_but_place(p_a pgcanvas.shapes, p_b pgcanvas.shapes)
  returns boolean language sql immutable parallel safe
return (p_a.kind, p_a.points, p_a.index, p_a.frame_id, p_a.container_id, p_a.group_ids, p_a.locked, p_a.stroke_color,
  p_a.background_color, p_a.fill_style, p_a.stroke_width, p_a.stroke_style, p_a.roughness, p_a.opacity, p_a.text, p_a.font_size,
    p_a.font_family, p_a.file_id, p_a.link, p_a.props, p_a.extra)
  is not distinct from (p_b.kind, p_b.points, p_b.index, p_b.frame_id, p_b.container_id, p_b.group_ids, p_b.locked, p_b.stroke_color,
    p_b.background_color, p_b.fill_style, p_b.stroke_width, p_b.stroke_style, p_b.roughness, p_b.opacity, p_b.text, p_b.font_size,
      p_b.font_family, p_b.file_id, p_b.link, p_b.props, p_b.extra);
comment on function pgcanvas.same_but_place is
  'Whether two rows are the same shape in everything a client may set but its place: what people do most is move a shape, and that is '
  'then told at less cost.';

create or replace function pgcanvas.same_properties(p_a pgcanvas.shapes, p_b pgcanvas.shapes)
  returns boolean language sql immutable parallel safe
return pgcanvas.same_place(p_a, p_b) and pgcanvas.same_but_place(p_a, p_b);
comment on function pgcanvas.same_properties is 'Whether two rows are the same shape in everything a client may set.';

create or replace function pgcanvas.is_append(p_from pgcanvas.shapes, p_to pgcanvas.shapes)
  returns boolean language plpgsql immutable parallel safe as $$
begin
  if p_to.points is null or p_from.points is null or array_length(p_to.points, 1) <= array_length(p_from.points, 1)
    or p_to.points[1:array_length(p_from.points, 1)] is distinct from p_from.points then
    return false;
  end if;
  p_from.points := p_to.points;
  return pgcanvas.same_properties(p_from, p_to);
end $$;
comment on function pgcanvas.is_append is 'Whether the second state only has more points at the end.';

create or replace function pgcanvas.move_of(p_from pgcanvas.shapes, p_to pgcanvas.shapes)
  returns pgcanvas.shape_change language plpgsql stable parallel safe as $$
begin
  return row('patch', pgcanvas.patch_text(p_to.id, p_to.version, pgcanvas.place_set(p_from, p_to)),
    pgcanvas.set_text(pgcanvas.place_set(p_to, p_from)))::pgcanvas.shape_change;
end $$;
comment on function pgcanvas.move_of is 'change_of for two states of a shape that are the same but for its place.';

create or replace function pgcanvas.change_of(p_from pgcanvas.shapes, p_to pgcanvas.shapes)
  returns pgcanvas.shape_change language plpgsql stable parallel safe as $$
declare
  v_head text;
begin
  if p_from.id is null then
    return row('put', '{"op":"put","shape":' || pgcanvas.shape_text(p_to) || '}', null)::pgcanvas.shape_change;
  elsif p_to.id is null then
    return row('delete', '{"op":"delete","id":' || to_json(p_from.id) || '}', pgcanvas.shape_json(p_from))::pgcanvas.shape_change;
  end if;
  if pgcanvas.same_but_place(p_from, p_to) then return pgcanvas.move_of(p_from, p_to); end if;
  v_head := ',"id":' || to_json(p_to.id) || ',"version":' || p_to.version || ',';
  if p_to.points is not null and pgcanvas.is_append(p_from, p_to) then
    return row('append', '{"op":"append"' || v_head || '"points":' || to_json(p_to.points[array_length(p_from.points, 1) + 1:]) || '}',
               '{"length":' || array_length(p_from.points, 1) || '}')::pgcanvas.shape_change;
  end if;
  return row('patch', '{"op":"patch"' || v_head || pgcanvas.shape_diff(p_from, p_to) || '}',
             '{' || pgcanvas.shape_diff(p_to, p_from) || '}')::pgcanvas.shape_change;
end $$;
comment on function pgcanvas.change_of is
  'The change from one state of a shape to another (null: none): put when it came, delete when it went, append when only points were '
  'added, else patch; and what undoes it.';
