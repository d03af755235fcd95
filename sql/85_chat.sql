-- The table of the system this one replaces, as a view: its old statements run, and what they write is on every screen.
-- The rules are those of the seed dialect in the nodes (protocol::seed); a test holds the two together.

create or replace function pgcanvas.seed_number(p_shape jsonb, p_name text)
  returns double precision language sql immutable strict parallel safe
return case when jsonb_typeof(p_shape -> p_name) = 'number' then (p_shape ->> p_name)::double precision else 0 end;
comment on function pgcanvas.seed_number is 'A number of an old shape; what is no number counts as nought, as the old system let it pass.';

create or replace function pgcanvas.seed_kind(p_type text)
  returns text language sql immutable strict parallel safe
return case p_type when 'circle' then 'ellipse' when 'rect' then 'rectangle' else p_type end;
comment on function pgcanvas.seed_kind is 'The kind of the row for an old type.';

create or replace function pgcanvas.seed_box(p_shape jsonb)
  returns double precision[] language plpgsql immutable strict parallel safe set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_radius double precision := abs(seed_number(p_shape, 'radius'));
begin
  if p_shape ->> 'type' = 'circle' then
    return array[seed_number(p_shape, 'centerX') - v_radius, seed_number(p_shape, 'centerY') - v_radius, 2 * v_radius, 2 * v_radius];
  end if;
  return array[seed_number(p_shape, 'x'), seed_number(p_shape, 'y'), seed_number(p_shape, 'width'), seed_number(p_shape, 'height')];
end $$;
comment on function pgcanvas.seed_box is 'The box of an old shape: x, y, width, height.';

create or replace function pgcanvas.seed_placed(p_kind text, p_type text, p_x double precision, p_y double precision,
  p_width double precision, p_height double precision)
  returns jsonb language sql immutable parallel safe
return case when p_kind = 'ellipse' and abs(p_width - p_height) <= 2.220446049250313e-16 * abs(p_width)
  then jsonb_build_object('type', 'circle', 'centerX', p_x + p_width / 2, 'centerY', p_y + p_width / 2, 'radius', abs(p_width / 2))
  else jsonb_build_object('type', case when p_type = 'circle' then p_kind else p_type end,
                          'x', p_x, 'y', p_y, 'width', p_width, 'height', p_height) end;
comment on function pgcanvas.seed_placed is 'Type and box in old words: a round ellipse is a circle, anything else has corner and size.';

create or replace function pgcanvas.seed_shape(p_shape pgcanvas.shapes)
  returns jsonb language plpgsql immutable parallel safe set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_original jsonb := p_shape.props -> 'seed';
  v_type text := v_original ->> 'type';
  v_placed jsonb;
begin
  if jsonb_typeof(v_original) = 'object' and jsonb_typeof(v_original -> 'type') = 'string' and seed_kind(v_type) = p_shape.kind then
    v_original := v_original || jsonb_build_object('id', p_shape.id);
    if seed_box(v_original) = array[p_shape.x, p_shape.y, p_shape.width, p_shape.height] then return v_original; end if;
    v_placed := seed_placed(p_shape.kind, v_type, p_shape.x, p_shape.y, p_shape.width, p_shape.height);
    return v_original - case when v_type = 'circle' then '{centerX,centerY,radius}' else '{}' end::text[] || v_placed;
  end if;
  v_placed := seed_placed(p_shape.kind, case p_shape.kind when 'rectangle' then 'rect' else p_shape.kind end,
                          p_shape.x, p_shape.y, p_shape.width, p_shape.height);
  return v_placed || jsonb_strip_nulls(jsonb_build_object('id', p_shape.id, 'text', p_shape.text))
    || case when p_shape.points is null then '{}' else jsonb_build_object('points', p_shape.points) end
    || jsonb_build_object('props', p_shape.props);
end $$;
comment on function pgcanvas.seed_shape is 'A row as an old shape: the original, moved to where the row is now, or the row in old words.';

create or replace function pgcanvas.chat_message(p_shape pgcanvas.shapes)
  returns text language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
begin
  -- By hand: old statements look for "id":"…" without the space that jsonb writes.
  return '{"shape":{' || (
    select string_agg(to_json(m.key)::text || ':' || m.value::text, ',' order by m.key <> 'id', m.key <> 'type', m.n)
    from jsonb_each(seed_shape(p_shape)) with ordinality as m (key, value, n)) || '}}';
end $$;
comment on function pgcanvas.chat_message is 'A row as the message of the old table.';

create or replace function pgcanvas.read_chat_message(p_message text)
  returns jsonb language plpgsql immutable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_shape jsonb;
  v_broken text;
begin
  begin
    v_shape := p_message::jsonb -> 'shape';
    v_broken := case
      when v_shape is null or jsonb_typeof(v_shape) <> 'object' then 'must be JSON that holds {"shape":{…}}'
      when jsonb_typeof(v_shape -> 'id') is distinct from 'string' or char_length(v_shape ->> 'id') not between 1 and 128
        then 'shape.id: must be text of 1 to 128 characters'
      when jsonb_typeof(v_shape -> 'type') is distinct from 'string' or char_length(v_shape ->> 'type') not between 1 and 64
        then 'shape.type: must be text of 1 to 64 characters'
      when not 1e9 >= all (select abs(b) from unnest(seed_box(v_shape)) as b) then 'shape: must give a box of numbers of at most 1e9'
    end;
  exception
    when untranslatable_character then v_broken := 'must not hold U+0000';
    when numeric_value_out_of_range then v_broken := 'shape: must give a box of numbers of at most 1e9';
    when invalid_text_representation then v_broken := 'must be JSON that holds {"shape":{…}}';
    when statement_too_complex then v_broken := 'is nested too deeply';
  end;
  if v_broken is not null then raise exception 'message: %', v_broken using errcode = 'WB001'; end if;
  return v_shape;
end $$;
comment on function pgcanvas.read_chat_message is
  'The shape in a message of the old table; raises WB001 when there is none that can be kept.';

create or replace function pgcanvas.seed_row(p_shape jsonb)
  returns jsonb language plpgsql immutable strict set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_box double precision[] := seed_box(p_shape);
begin
  return jsonb_build_object('id', p_shape -> 'id', 'kind', seed_kind(p_shape ->> 'type'), 'x', v_box[1], 'y', v_box[2],
    'width', v_box[3], 'height', v_box[4], 'props', jsonb_build_object('seed', p_shape));
end $$;
comment on function pgcanvas.seed_row is 'An old shape as the body of a put: the original is kept whole in props.seed.';

create or replace view pgcanvas.chat as
  select s.ordinal as id, s.room_id as roomid, pgcanvas.chat_message(s) as message, s.created_by as userid, s.created_at as createdat
  from pgcanvas.shapes s where exists (select from pgcanvas.rooms r where r.id = s.room_id);  -- not of a room that is gone
comment on view pgcanvas.chat is 'The shapes as the old system''s table: select, insert and delete as it did.';
comment on column pgcanvas.chat.id is 'Rises with creation.';
comment on column pgcanvas.chat.roomid is 'Number of the room; an insert opens the room of a number from 1 to 1,000,000.';
comment on column pgcanvas.chat.message is '{"shape":{"id":"…","type":"…",…}} in the old system''s words.';
comment on column pgcanvas.chat.userid is 'Who created the shape.';
comment on column pgcanvas.chat.createdat is 'When the shape was created.';

create or replace function pgcanvas.tg_chat__insert()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_shape jsonb := read_chat_message(coalesce(new.message, 'null'));
  v_bounded boolean := bound_idling();
begin
  if char_length(new.userid) not between 1 and 128 then
    raise exception 'userid: must be text of 1 to 128 characters' using errcode = 'WB001';
  end if;
  begin
    perform from apply_batch(row(open_room(new.roomid), null, null, coalesce(new.userid, sql_author()), null, null, null, null, true),
      array['put'], array[v_shape ->> 'id'], null, array[seed_row(v_shape)]);
  exception
    when sqlstate 'WB001' then raise exception 'message: shape: %', sqlerrm using errcode = 'WB001';
    when check_violation then raise exception 'message: shape: is too large' using errcode = 'WB001';
  end;
  select s.ordinal, chat_message(s), s.created_by, s.created_at into new.id, new.message, new.userid, new.createdat
    from shapes s where s.room_id = any (array[new.roomid]) and s.id = v_shape ->> 'id';
  return new;
end $$;
comment on function pgcanvas.tg_chat__insert is 'Puts the shape of a message on the board, in the name of userid.';

create or replace function pgcanvas.tg_chat__delete()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off as $$
declare
  v_direct boolean := be_direct();
begin
  delete from shapes s where s.room_id = any (array[old.roomid]) and s.id = old.message::jsonb #>> '{shape,id}';
  return old;
end $$;
comment on function pgcanvas.tg_chat__delete is 'Deletes the shape of a message.';

create or replace trigger _300_insert instead of insert on pgcanvas.chat for each row execute function pgcanvas.tg_chat__insert();
create or replace trigger _310_delete instead of delete on pgcanvas.chat for each row execute function pgcanvas.tg_chat__delete();
comment on trigger _300_insert on pgcanvas.chat is 'Draws.';
comment on trigger _310_delete on pgcanvas.chat is 'Rubs out.';

-- Under its old name, unless somebody's own table has it or this role may not make it.
do $$
declare
  v_taken oid := to_regclass('public.chat');
begin
  if v_taken is not null then  -- to replace it would lock it against whoever reads it
    if not exists (select from pg_depend d join pg_rewrite w on w.oid = d.objid
                   where w.ev_class = v_taken and d.refobjid = 'pgcanvas.chat'::regclass) then
      raise notice 'public.chat is there already: the old statements find the shapes in pgcanvas.chat';
    end if;
    return;
  end if;
  create view public.chat as select c.id, c.roomid, c.message, c.userid, c.createdat from pgcanvas.chat c;
  comment on view public.chat is 'pgcanvas.chat under its old name.';
exception when insufficient_privilege or invalid_schema_name then
  raise notice 'public.chat cannot be made: the old statements find the shapes in pgcanvas.chat';
end $$;
