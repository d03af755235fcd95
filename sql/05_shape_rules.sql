-- What a shape must keep to, said once, for the stamping trigger and for apply_ops.

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
    then 'extra: must not hold a name that has a column' end;
comment on function pgcanvas.extra_fault is 'What is wrong with the properties without a column; null when nothing is.';

create or replace function pgcanvas.shape_fault(p_id text, p_properties pgcanvas.shape_properties, p_extra jsonb)
  returns text language sql stable parallel safe
return case
  when char_length(p_id) not between 1 and 128 then 'id: must be 1 to 128 characters'
  when char_length((p_properties).kind) not between 1 and 64 then 'kind: must be 1 to 64 characters'
  when (p_properties).x not between -1e9 and 1e9 then 'x: must be between -1e9 and 1e9'
  when (p_properties).y not between -1e9 and 1e9 then 'y: must be between -1e9 and 1e9'
  when (p_properties).width not between -1e9 and 1e9 then 'width: must be between -1e9 and 1e9'
  when (p_properties).height not between -1e9 and 1e9 then 'height: must be between -1e9 and 1e9'
  when (p_properties).angle not between -1e6 and 1e6 then 'angle: must be between -1e6 and 1e6'
  when octet_length((p_properties).index) not between 1 and 255 then 'index: must be 1 to 255 bytes'
  when char_length((p_properties).frame_id) not between 1 and 128 then 'frame_id: must be 1 to 128 characters'
  when char_length((p_properties).container_id) not between 1 and 128 then 'container_id: must be 1 to 128 characters'
  when cardinality((p_properties).group_ids) > 64 or octet_length((p_properties).group_ids::text) > 65536 then 'group_ids: must be at most 64 names'
  when char_length((p_properties).stroke_color) > 64 then 'stroke_color: must be at most 64 characters'
  when char_length((p_properties).background_color) > 64 then 'background_color: must be at most 64 characters'
  when char_length((p_properties).fill_style) > 32 then 'fill_style: must be at most 32 characters'
  when char_length((p_properties).stroke_style) > 32 then 'stroke_style: must be at most 32 characters'
  when char_length((p_properties).text) > 65536 then 'text: must be at most 65536 characters'
  when char_length((p_properties).file_id) > 128 then 'file_id: must be at most 128 characters'
  when char_length((p_properties).link) > 4096 then 'link: must be at most 4096 characters'
  when (p_properties).stroke_width not between 0 and 1000 then 'stroke_width: must be between 0 and 1000'
  when (p_properties).roughness not between 0 and 100 then 'roughness: must be between 0 and 100'
  when (p_properties).opacity not between 0 and 100 then 'opacity: must be between 0 and 100'
  when (p_properties).font_size not between 0 and 10000 then 'font_size: must be between 0 and 10000'
  when (p_properties).font_family not between 0 and 1000 then 'font_family: must be between 0 and 1000'
  when jsonb_typeof((p_properties).props) <> 'object' or (p_properties).props <> '{}' and octet_length((p_properties).props::text) > 1048576 then 'props: must be an object of at most 1048576 bytes'
  when (p_properties).points is not null and pgcanvas.points_fault((p_properties).points) is not null then pgcanvas.points_fault((p_properties).points)
  when p_extra is not null and pgcanvas.extra_fault(p_extra) is not null then pgcanvas.extra_fault(p_extra) end;
comment on function pgcanvas.shape_fault is 'The first property out of its bounds and the rule it breaks, "x: must be between -1e9 and 1e9"; null for a sound shape.';

create or replace function pgcanvas.refuse(p_fault text)
  returns void language plpgsql immutable strict parallel safe as $$
begin
  raise exception '%', p_fault using errcode = 'WB001';
end $$;
comment on function pgcanvas.refuse is 'Raises WB001 with the fault it is given; without one it is not even called.';
