-- What an op makes of a shape, in memory: (image before, op) -> image after. Pure; apply_ops writes what comes out.

do $$ begin
  if to_regtype('pgcanvas.shape_image') is null then
    create type pgcanvas.shape_image as (alive boolean, properties pgcanvas.shape_properties, extra jsonb, outcome text);
    create type pgcanvas.shape_write as (wave integer, action text, batch integer, room_id bigint, shape_id text, seq bigint, author text,
      properties pgcanvas.shape_properties, extra jsonb);
    create type pgcanvas.folded_op as (batch integer, n bigint, room_id bigint, shape_id text, existed boolean, image pgcanvas.shape_image);
  end if;
end $$;
comment on type pgcanvas.shape_image is 'A shape after an op: whether it lives, what it is, and what the op did (applied, gone, unchanged).';
comment on type pgcanvas.shape_write is 'What one batch does to one shape: insert, update or delete, in its wave.';
comment on type pgcanvas.folded_op is 'An op with the image it leaves.';

create or replace function pgcanvas.property_names()
  returns text[] language sql immutable parallel safe
return '{id,kind,x,y,width,height,angle,points,index,frame_id,container_id,group_ids,locked,stroke_color,background_color,fill_style,stroke_width,stroke_style,roughness,opacity,text,font_size,font_family,file_id,link,props}'::text[];
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

create or replace function pgcanvas.extra_of(p_body jsonb)
  returns jsonb language sql immutable parallel safe
return nullif(p_body - pgcanvas.known_names()
  || case when p_body @? '$.* ? (@ == null)' then pgcanvas.null_members(p_body) else '{}' end, '{}');
comment on function pgcanvas.extra_of is 'What of a shape has no column: unknown properties and explicit nulls; null when there is nothing.';

create or replace function pgcanvas.put_image(p_old pgcanvas.shape_image, p_id text, p_body jsonb)
  returns pgcanvas.shape_image language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_new shape_properties := jsonb_populate_record(null::shape_properties, p_body);
  v_extra jsonb := extra_of(p_body);
begin
  v_new.id := p_id;
  v_new.x := coalesce(v_new.x, 0);
  v_new.y := coalesce(v_new.y, 0);
  v_new.width := coalesce(v_new.width, 0);
  v_new.height := coalesce(v_new.height, 0);
  v_new.angle := coalesce(v_new.angle, 0);
  v_new.props := coalesce(v_new.props, '{}');
  return row(true, v_new, v_extra, case when p_old.alive and v_new is not distinct from p_old.properties
    and v_extra is not distinct from p_old.extra then 'unchanged' else 'applied' end);
end $$;
comment on function pgcanvas.put_image is 'The shape after a put: created, or replaced whole.';

create or replace function pgcanvas.patch_image(p_old pgcanvas.shape_image, p_body jsonb)
  returns pgcanvas.shape_image language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_set jsonb := coalesce(p_body -> 'set', '{}') - 'id';
  v_unset text[] := array(select jsonb_array_elements_text(p_body -> 'unset'));
  v_new shape_properties := jsonb_populate_record(p_old.properties, v_set);
  v_extra jsonb := nullif((coalesce(p_old.extra, '{}') - array(select jsonb_object_keys(v_set)) - v_unset)
                          || coalesce(extra_of(v_set), '{}'), '{}');
begin
  if v_unset <> '{}' then
    v_new := jsonb_populate_record(v_new, (select jsonb_object_agg(u, 'null'::jsonb) from unnest(v_unset) as u
      where u not in ('id', 'kind', 'x', 'y', 'width', 'height', 'angle', 'props')));
  end if;
  v_new.props := (p_old.properties).props || coalesce(nullif(v_set -> 'props', 'null'), '{}')
    - array(select substr(u, 7) from unnest(v_unset) as u where u like 'props.%');
  return row(true, v_new, v_extra, case when v_new is not distinct from p_old.properties
    and v_extra is not distinct from p_old.extra then 'unchanged' else 'applied' end);
end $$;
comment on function pgcanvas.patch_image is 'The shape after a patch: only the named properties; props merge name by name.';

create or replace function pgcanvas.append_image(p_old pgcanvas.shape_image, p_body jsonb)
  returns pgcanvas.shape_image language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_tail double precision[] := (jsonb_populate_record(null::shape_properties, p_body)).points;
  v_new shape_properties := p_old.properties;
begin
  if cardinality(v_tail) > 0 and cardinality(v_new.points) > 0 and array_length(v_tail, 2) <> array_length(v_new.points, 2) then
    raise exception 'points: every point of a shape has the same length' using errcode = 'WB001';
  end if;
  v_new.points := coalesce(v_new.points, '{}') || coalesce(v_tail, '{}');
  return row(true, v_new, nullif(p_old.extra - 'points', '{}'), case when cardinality(v_tail) > 0 then 'applied' else 'unchanged' end);
end $$;
comment on function pgcanvas.append_image is 'The shape after an append: more points at its end.';

create or replace function pgcanvas.fold_op(p_state pgcanvas.shape_image, p_base pgcanvas.shape_image, p_id text, p_verb text, p_body jsonb)
  returns pgcanvas.shape_image language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_old shape_image := case when p_state is null then p_base else p_state end;
begin
  if p_verb = 'put' then return put_image(v_old, p_id, p_body); end if;
  if not v_old.alive then return row(false, null::shape_properties, null::jsonb, 'gone'::text); end if;
  case p_verb
    when 'patch' then return patch_image(v_old, p_body);
    when 'append' then return append_image(v_old, p_body);
    when 'delete' then return row(false, null::shape_properties, null::jsonb, 'applied'::text);
    else raise exception 'op: must be put, patch, append or delete' using errcode = 'WB001';
  end case;
end $$;
comment on function pgcanvas.fold_op is 'One op on one shape: the image before it gives the image after it.';

create or replace aggregate pgcanvas.fold_ops(p_base pgcanvas.shape_image, p_id text, p_verb text, p_body jsonb) (
  sfunc = pgcanvas.fold_op, stype = pgcanvas.shape_image);
comment on aggregate pgcanvas.fold_ops(pgcanvas.shape_image, text, text, jsonb) is 'Folds ops in order; over a window, gives the image after each.';

create or replace function pgcanvas.base_image(p_shape pgcanvas.shapes)
  returns pgcanvas.shape_image language sql immutable parallel safe
return row(p_shape.id is not null, row(p_shape.id, p_shape.kind, p_shape.x, p_shape.y, p_shape.width, p_shape.height, p_shape.angle,
    p_shape.points, p_shape.index, p_shape.frame_id, p_shape.container_id, p_shape.group_ids, p_shape.locked, p_shape.stroke_color,
    p_shape.background_color, p_shape.fill_style, p_shape.stroke_width, p_shape.stroke_style, p_shape.roughness, p_shape.opacity,
    p_shape.text, p_shape.font_size, p_shape.font_family, p_shape.file_id, p_shape.link, p_shape.props)::pgcanvas.shape_properties,
    p_shape.extra, null)::pgcanvas.shape_image;
comment on function pgcanvas.base_image is 'The image of a row as it stands in the table; not alive when there is none.';
