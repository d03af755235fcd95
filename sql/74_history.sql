-- Who did what: batches, the difference between two points, the origin of every property.

create or replace function pgcanvas.room_history(p_room text, p_before bigint default null, p_limit integer default 100)
  returns table (seq bigint, author text, client uuid, op_id bigint, at timestamptz, db_role text, xid xid8, puts bigint, patches bigint,
                 appends bigint, deletes bigint, shape_ids text[])
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_id bigint := known_room(p_room);
  v_before bigint;
begin
  select least(p_before, h.last_seq + 1) into v_before from room_head(v_id) as h;
  return query
    select c.seq, min(c.author), (array_agg(c.client))[1], min(c.op_id), min(c.at), min(c.db_role), (array_agg(c.xid))[1],
           count(*) filter (where c.op = 'put'), count(*) filter (where c.op = 'patch'), count(*) filter (where c.op = 'append'),
           count(*) filter (where c.op = 'delete'), (array_agg(c.shape_id order by c.ordinal))[1:20]
    from shape_changes c where c.room_id = v_id and c.seq < v_before and c.seq >= v_before - p_limit
    group by c.seq order by c.seq desc;
end $$;
comment on function pgcanvas.room_history is
  'The batches of a room before a seq (null: the newest), newest first: who, when, how many of each op, and up to 20 of the shapes.';

create or replace function pgcanvas.shape_content(p_shape jsonb)
  returns jsonb language sql immutable parallel safe
return p_shape - '{version,seq,created_by,updated_by,created_at,updated_at}'::text[];
comment on function pgcanvas.shape_content is 'A shape without what the server adds.';

create or replace function pgcanvas.room_diff(p_room text, p_from bigint, p_to bigint, p_after text default '',
  p_limit integer default null)
  returns table (change text, shape_id text, before json, after json)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select case when f.shape_id is null then 'added' when t.shape_id is null then 'deleted' else 'modified' end,
           coalesce(t.shape_id, f.shape_id), f.shape, t.shape
    from room_at(p_room, p_from, p_after) as f full join room_at(p_room, p_to, p_after) as t on t.shape_id = f.shape_id
    where f.shape_id is null or t.shape_id is null
      -- The same seq is the same shape; another one may have come back to what it was.
      or f.shape ->> 'seq' <> t.shape ->> 'seq' and shape_content(f.shape::jsonb) <> shape_content(t.shape::jsonb)
    order by 2 limit p_limit;
end $$;
comment on function pgcanvas.room_diff is
  'What differs between two points of a room, either one first: added, modified and deleted shapes as they were at both, by id after a '
  'given one.';

create or replace function pgcanvas.properties_touched(p_change json)
  returns text[] language sql immutable
return array(select case k.key when 'props' then 'props.' || m.key else k.key end
             from json_object_keys(p_change -> 'set') as k (key)
             left join lateral json_object_keys(case k.key when 'props' then p_change -> 'set' -> 'props' end) as m (key) on true);
comment on function pgcanvas.properties_touched is 'The properties that a logged patch sets, members of props as props.<name>.';

create or replace function pgcanvas.shape_properties_of(p_shape jsonb)
  returns text[] language sql immutable
return array(select case k.key when 'props' then 'props.' || m.key else k.key end
             from jsonb_object_keys(pgcanvas.shape_content(p_shape) - 'id') as k (key)
             left join lateral jsonb_object_keys(case k.key when 'props' then p_shape -> 'props' end) as m (key) on true
             where k.key <> 'props' or m.key is not null);
comment on function pgcanvas.shape_properties_of is 'What a client may set of a shape and is there, members of props as props.<name>.';

create or replace function pgcanvas.shape_blame(p_room text, p_shape_id text)
  returns table (property text, seq bigint, author text, client uuid, at timestamptz)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
#variable_conflict use_column
declare
  v_id bigint := known_room(p_room);
  v_shape jsonb := (select shape_json(s)::jsonb from shapes s where s.room_id = v_id and s.id = p_shape_id);
  v_open text[] := shape_properties_of(v_shape);
  v_seq bigint := v_shape -> 'seq';
  v_from bigint;
  v_touched text[];
  c record;
begin
  if v_shape is null then raise exception 'shape: there is no shape % in this room', p_shape_id using errcode = 'WB004'; end if;
  loop  -- from the newest stretch between snapshots in which the shape changed to the oldest: a snapshot says where to look next
    v_from := coalesce((select max(s.seq) from snapshots s where s.room_id = v_id and s.seq < v_seq), 0);
    for c in select l.* from shape_changes l where l.room_id = v_id and l.seq > v_from and l.seq <= v_seq and l.shape_id = p_shape_id
             order by l.seq desc, l.ordinal desc loop
      v_touched := case c.op when 'put' then v_open when 'append' then '{points}' else properties_touched(c.change) end;
      return query select u, c.seq, c.author, c.client, c.at from unnest(v_touched) as u where u = any (v_open);
      v_open := array(select unnest(v_open) except select unnest(v_touched));
      exit when v_open = '{}';
    end loop;
    exit when v_open = '{}' or v_from = 0;
    v_seq := (select (s.shape ->> 'seq')::bigint from snapshot_shapes s where s.room_id = v_id and s.seq = v_from
      and s.shape_id = p_shape_id);
    exit when v_seq is null;
  end loop;
  return query select u, null::bigint, null::text, null::uuid, null::timestamptz from unnest(v_open) as u;  -- set before the history begins
end $$;
comment on function pgcanvas.shape_blame is
  'Which batch set each property of a living shape last, who, and when; nulls for what was set before the history that is kept.';
