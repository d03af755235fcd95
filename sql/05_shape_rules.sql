-- What a shape must keep to, said once, for the stamping trigger and for apply_batches.

create or replace function pgcanvas.points_fault(p_points double precision[])
  returns text language sql immutable parallel safe
return case
  when cardinality(p_points) = 0 or array_ndims(p_points) = 2 and array_lower(p_points, 1) = 1 and array_lower(p_points, 2) = 1
    and array_length(p_points, 2) in (2, 3) and array_length(p_points, 1) <= 100000 then null
  when p_points is not null then 'points: must be at most 100000 points of 2 or 3 numbers' end;
comment on function pgcanvas.points_fault is 'What is wrong with the form of points; null when nothing is.';

create or replace function pgcanvas.extra_fault(p_extra jsonb)
  returns text language sql immutable parallel safe
return case
  when jsonb_typeof(p_extra) <> 'object' or octet_length(p_extra::text) > 1048576 then 'extra: must be an object of at most 1048576 bytes'
  when p_extra ?| '{id,kind,x,y,width,height,angle,props,version,seq,created_by,updated_by,created_at,updated_at}'
      or jsonb_strip_nulls(p_extra) ?| '{points,index,frame_id,container_id,group_ids,locked,stroke_color,background_color,fill_style,'
        'stroke_width,stroke_style,roughness,opacity,text,font_size,font_family,file_id,link}'
    then 'extra: must not hold a name that has a column, but for an explicit null'
  when p_extra @? '$.keyvalue().key ? (@ starts with "props.")' then 'extra: must not hold a name that begins with props.' end;
comment on function pgcanvas.extra_fault is 'What is wrong with the properties without a column; null when nothing is.';

create or replace function pgcanvas.place_fault(p_x double precision, p_y double precision, p_width double precision,
  p_height double precision, p_angle double precision)
  returns text language sql immutable parallel safe
return case
  when p_x not between -1e9 and 1e9 then 'x: must be between -1e9 and 1e9'
  when p_y not between -1e9 and 1e9 then 'y: must be between -1e9 and 1e9'
  when p_width not between -1e9 and 1e9 then 'width: must be between -1e9 and 1e9'
  when p_height not between -1e9 and 1e9 then 'height: must be between -1e9 and 1e9'
  when p_angle not between -1e6 and 1e6 then 'angle: must be between -1e6 and 1e6' end;

create or replace function pgcanvas.properties_fault(p_shape pgcanvas.shape_properties, p_extra jsonb)
  returns text language sql stable parallel safe
return coalesce(pgcanvas.place_fault(p_shape.x, p_shape.y, p_shape.width, p_shape.height, p_shape.angle), case
  when char_length(p_shape.id) not between 1 and 128 then 'id: must be 1 to 128 characters'
  when char_length(p_shape.kind) not between 1 and 64 then 'kind: must be 1 to 64 characters'
  when octet_length(p_shape.index) not between 1 and 255 then 'index: must be 1 to 255 bytes'
  when char_length(p_shape.frame_id) not between 1 and 128 then 'frame_id: must be 1 to 128 characters'
  when char_length(p_shape.container_id) not between 1 and 128 then 'container_id: must be 1 to 128 characters'
  when cardinality(p_shape.group_ids) > 0 and (cardinality(p_shape.group_ids) > 64 or octet_length(p_shape.group_ids::text) > 65536
    or array_ndims(p_shape.group_ids) > 1 or array_position(p_shape.group_ids, null) is not null) then 'group_ids: must be at most 64 names'
  when char_length(p_shape.stroke_color) > 64 then 'stroke_color: must be at most 64 characters'
  when char_length(p_shape.background_color) > 64 then 'background_color: must be at most 64 characters'
  when char_length(p_shape.fill_style) > 32 then 'fill_style: must be at most 32 characters'
  when char_length(p_shape.stroke_style) > 32 then 'stroke_style: must be at most 32 characters'
  when char_length(p_shape.text) > 65536 then 'text: must be at most 65536 characters'
  when char_length(p_shape.file_id) > 128 then 'file_id: must be at most 128 characters'
  when char_length(p_shape.link) > 4096 then 'link: must be at most 4096 characters'
  when p_shape.stroke_width not between 0 and 1000 then 'stroke_width: must be between 0 and 1000'
  when p_shape.roughness not between 0 and 100 then 'roughness: must be between 0 and 100'
  when p_shape.opacity not between 0 and 100 then 'opacity: must be between 0 and 100'
  when p_shape.font_size not between 0 and 10000 then 'font_size: must be between 0 and 10000'
  when p_shape.font_family not between 0 and 1000 then 'font_family: must be between 0 and 1000'
  when jsonb_typeof(p_shape.props) <> 'object' or p_shape.props <> '{}' and octet_length(p_shape.props::text) > 1048576
    then 'props: must be an object of at most 1048576 bytes'
  when p_shape.points is not null and pgcanvas.points_fault(p_shape.points) is not null then pgcanvas.points_fault(p_shape.points)
  when p_extra is not null and pgcanvas.extra_fault(p_extra) is not null then pgcanvas.extra_fault(p_extra) end);
comment on function pgcanvas.properties_fault is
  'The first property out of its bounds and the rule it breaks, "x: must be between -1e9 and 1e9"; null for a sound shape.';

create or replace function pgcanvas.shape_fault(p_shape pgcanvas.shapes)
  returns text language sql stable parallel safe
return pgcanvas.properties_fault(row(p_shape.id, p_shape.kind, p_shape.x, p_shape.y, p_shape.width, p_shape.height, p_shape.angle,
  p_shape.points,
  p_shape.index, p_shape.frame_id, p_shape.container_id, p_shape.group_ids, p_shape.locked, p_shape.stroke_color, p_shape.background_color,
  p_shape.fill_style, p_shape.stroke_width, p_shape.stroke_style, p_shape.roughness, p_shape.opacity, p_shape.text, p_shape.font_size,
  p_shape.font_family, p_shape.file_id, p_shape.link, p_shape.props)::pgcanvas.shape_properties, p_shape.extra);
comment on function pgcanvas.shape_fault is 'properties_fault of a row.';

comment on function pgcanvas.place_fault is 'What is wrong with where a shape is; null when nothing is.';

