-- What an op makes of a shape, in memory: (state before, op) -> state after. Pure; apply_ops writes what comes out.
-- Functions in SQL here are one expression, so that plans take them in; functions without a search path of their own (2 us a call)
-- are called only from functions that pin theirs, and name the schema.

do $$ begin
  if to_regtype('pgcanvas.shape_image') is null then
    create type pgcanvas.shape_image as (existed boolean, alive boolean, properties pgcanvas.shape_properties, extra jsonb, outcome text);
    create type pgcanvas.folded_ops as (existed boolean[], properties pgcanvas.shape_properties[], extras jsonb[], outcomes text[]);
    create type pgcanvas.planned_writes as (actions text[], waves integer[], seqs bigint[]);
  end if;
end $$;
comment on type pgcanvas.shape_image is 'A shape after an op: whether it lives, what it is, and what the op did (applied, gone, unchanged).';
comment on type pgcanvas.folded_ops is 'Per op of a call: whether the shape stood in the table, what the op leaves of it, and what it did.';
comment on type pgcanvas.planned_writes is 'Per op of a call: the write (insert, update, delete) it ends in, the wave that writes it and the seq; null where it writes nothing.';

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

create or replace function pgcanvas.may_hold_nulls(p_body jsonb)
  returns boolean language sql immutable parallel safe
return strpos(p_body::text, ': null') > 0;
comment on function pgcanvas.may_hold_nulls is 'False when there is no explicit null anywhere: half the price of a path query, and nearly always the answer.';

create or replace function pgcanvas.extra_of(p_body jsonb)
  returns jsonb language sql immutable parallel safe
return nullif(case when pgcanvas.may_hold_nulls(p_body) then p_body - pgcanvas.known_names() || pgcanvas.null_members(p_body)
                   else p_body - pgcanvas.known_names() end, '{}');
comment on function pgcanvas.extra_of is 'What of a shape has no column: unknown properties and explicit nulls; null when there is nothing.';

create or replace function pgcanvas.without_nulls(p_body jsonb)
  returns jsonb language plpgsql immutable parallel safe as $$
begin
  return p_body - array(select t.key from pg_catalog.jsonb_each(p_body) as t where t.value = 'null' and t.key in ('x', 'y', 'width', 'height', 'angle', 'props'));
end $$;
comment on function pgcanvas.without_nulls is 'A shape without the nulls that stand for a default.';

create or replace function pgcanvas.put_properties(p_body jsonb)
  returns pgcanvas.shape_properties language sql stable parallel safe
return jsonb_populate_record(row(null, null, 0, 0, 0, 0, 0, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    null, null, '{}')::pgcanvas.shape_properties,
  case when pgcanvas.may_hold_nulls(p_body) then pgcanvas.without_nulls(p_body) else p_body end);
comment on function pgcanvas.put_properties is 'The properties after a put: created, or replaced whole.';

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

create or replace function pgcanvas.patch_properties(p_old pgcanvas.shape_properties, p_body jsonb)
  returns pgcanvas.shape_properties language sql stable parallel safe
return jsonb_populate_record(p_old, case when p_body ? 'unset' or p_body -> 'set' ? 'props'
  then pgcanvas.merged_members((p_old).props, p_body) else p_body -> 'set' end);
comment on function pgcanvas.patch_properties is 'The properties after a patch: only the named ones change.';

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

create or replace function pgcanvas.append_properties(p_old pgcanvas.shape_properties, p_body jsonb)
  returns pgcanvas.shape_properties language plpgsql stable parallel safe as $$
declare
  v_tail double precision[] := (jsonb_populate_record(null::pgcanvas.shape_properties, jsonb_build_object('points', p_body -> 'points'))).points;
begin
  if cardinality(v_tail) > 0 and cardinality(p_old.points) > 0 and array_length(v_tail, 2) <> array_length(p_old.points, 2) then
    raise exception 'points: every point of a shape has the same length' using errcode = 'WB001';
  end if;
  if cardinality(v_tail) > 0 then p_old.points := coalesce(p_old.points, '{}') || v_tail; end if;
  return p_old;
end $$;
comment on function pgcanvas.append_properties is 'The properties after an append: more points at the end; none leave the shape as it is.';

create or replace function pgcanvas.verb_known(p_verb text)
  returns boolean language plpgsql immutable parallel safe as $$
begin
  if p_verb in ('put', 'patch', 'append', 'delete') then return true; end if;
  raise exception 'op: must be put, patch, append or delete' using errcode = 'WB001';
end $$;
comment on function pgcanvas.verb_known is 'Refuses what is no verb.';

create or replace function pgcanvas.properties_after(p_alive boolean, p_old pgcanvas.shape_properties, p_verb text, p_body jsonb)
  returns pgcanvas.shape_properties language sql stable parallel safe
return case
  when p_verb = 'put' then pgcanvas.put_properties(p_body)
  when not p_alive then null
  when p_verb = 'patch' then pgcanvas.patch_properties(p_old, p_body)
  when p_verb = 'append' then pgcanvas.append_properties(p_old, p_body)
  when pgcanvas.verb_known(p_verb) then null end;
comment on function pgcanvas.properties_after is 'The properties an op leaves; null when the shape is gone.';

create or replace function pgcanvas.extra_after(p_alive boolean, p_old jsonb, p_verb text, p_body jsonb)
  returns jsonb language sql immutable parallel safe
return case
  when p_verb = 'put' then pgcanvas.extra_of(p_body)
  when not p_alive then null
  when p_verb = 'patch' then pgcanvas.patch_extra(p_old, p_body)
  when p_verb = 'append' then case when jsonb_array_length(p_body -> 'points') > 0 then nullif(p_old - 'points', '{}') else p_old end end;
comment on function pgcanvas.extra_after is 'The properties without a column that an op leaves.';

create or replace function pgcanvas.properties_of(p_shape pgcanvas.shapes)
  returns pgcanvas.shape_properties language sql immutable parallel safe
return row(p_shape.id, p_shape.kind, p_shape.x, p_shape.y, p_shape.width, p_shape.height, p_shape.angle, p_shape.points, p_shape.index,
    p_shape.frame_id, p_shape.container_id, p_shape.group_ids, p_shape.locked, p_shape.stroke_color, p_shape.background_color,
    p_shape.fill_style, p_shape.stroke_width, p_shape.stroke_style, p_shape.roughness, p_shape.opacity, p_shape.text,
    p_shape.font_size, p_shape.font_family, p_shape.file_id, p_shape.link, p_shape.props)::pgcanvas.shape_properties;
comment on function pgcanvas.properties_of is 'What a client may set of a row.';

create or replace function pgcanvas.fold_op(p_state pgcanvas.shape_image, p_base pgcanvas.shape_image, p_id text, p_verb text, p_body jsonb)
  returns pgcanvas.shape_image language plpgsql stable as $$
declare
  v_old pgcanvas.shape_image := case when p_state is null then p_base else p_state end;
  v_new pgcanvas.shape_properties := pgcanvas.properties_after(v_old.alive, v_old.properties, p_verb, p_body);
  v_extra jsonb := pgcanvas.extra_after(v_old.alive, v_old.extra, p_verb, p_body);
begin
  if p_verb <> 'put' and not v_old.alive then return row(v_old.existed, false, null, null, 'gone')::pgcanvas.shape_image; end if;
  if p_verb = 'delete' then return row(v_old.existed, false, null, null, 'applied')::pgcanvas.shape_image; end if;
  v_new.id := p_id;
  return row(v_old.existed, true, v_new, v_extra, case when v_old.alive and v_new is not distinct from v_old.properties
    and v_extra is not distinct from v_old.extra then 'unchanged' else 'applied' end)::pgcanvas.shape_image;
end $$;
comment on function pgcanvas.fold_op is 'One op on one shape: the image before it gives the image after it.';

drop aggregate if exists pgcanvas.fold_ops(pgcanvas.shape_image, text, text, jsonb);
create aggregate pgcanvas.fold_ops(p_base pgcanvas.shape_image, p_id text, p_verb text, p_body jsonb) (
  sfunc = pgcanvas.fold_op, stype = pgcanvas.shape_image);
comment on aggregate pgcanvas.fold_ops(pgcanvas.shape_image, text, text, jsonb) is 'Folds ops in order; over a window, gives the image after each.';
