-- Reading: what changed since, the whole board, what lies in a box.

create or replace function pgcanvas.batch_head_at(p_seq bigint, p_author text, p_client uuid, p_op_id bigint, p_at text)
  returns text language sql stable parallel safe
return concat('{"seq":', p_seq, ',"by":', to_json(p_author), ',"client":', coalesce('"' || p_client || '"', 'null'), ',"op_id":',
  coalesce(p_op_id::text, 'null'),
  ',"at":"', p_at, '","changes":[');
comment on function pgcanvas.batch_head_at is 'A batch as clients receive it, up to its changes; its moment as text.';

create or replace function pgcanvas.batch_head(p_seq bigint, p_author text, p_client uuid, p_op_id bigint, p_at timestamptz)
  returns text language sql stable parallel safe
return pgcanvas.batch_head_at(p_seq, p_author, p_client, p_op_id, pgcanvas.iso(p_at));
comment on function pgcanvas.batch_head is 'A batch as clients receive it, up to its changes.';

create or replace function pgcanvas.changes_since(p_room_id bigint, p_seq bigint, p_ordinal bigint, p_limit integer,
  p_bytes integer default null)
  returns table (seq bigint, ordinal bigint, head text, change text)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_bytes bigint := 0;
  c record;
begin
  for c in select l.seq, l.ordinal, l.author, l.client, l.op_id, l.at, l.change from shape_changes l
           where l.room_id = p_room_id and (l.seq, l.ordinal) > (p_seq, p_ordinal) order by l.seq, l.ordinal limit p_limit loop
    seq := c.seq;
    ordinal := c.ordinal;
    head := batch_head(c.seq, c.author, c.client, c.op_id, c.at);
    change := c.change::text;
    return next;
    v_bytes := v_bytes + octet_length(change);
    exit when v_bytes >= p_bytes;
  end loop;
end $$;
comment on function pgcanvas.changes_since is
  'The log of a room after (seq, ordinal), in order, until that many changes or bytes of them (null: any) are told: the only read path '
  'of fan-out. To start after a whole batch, give its seq and the largest ordinal.';

create or replace function pgcanvas.room_snapshot(p_room_id bigint, p_after text, p_limit integer, p_bytes integer default null)
  returns table (shape_id text, shape text)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
declare
  v_bytes bigint := 0;
  v_shape shapes;
begin
  for v_shape in select s.* from shapes s where s.room_id = p_room_id and s.id > p_after order by s.id limit p_limit loop
    shape_id := v_shape.id;
    shape := shape_json(v_shape)::text;
    return next;
    v_bytes := v_bytes + octet_length(shape);
    exit when v_bytes >= p_bytes;
  end loop;
end $$;
comment on function pgcanvas.room_snapshot is
  'Shapes of a room, as clients receive them, by id after a given one, until that many shapes or bytes of them (null: any) are told: '
  'page by page, since a function gives its rows when it has all of them.';

create or replace function pgcanvas.room_delta(p_room_id bigint, p_since bigint)
  returns table (change text, shape_id text, shape text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
  select case when s.id is null then 'deleted' when t.op = 'put' then 'added' else 'modified' end, t.shape_id, case
    when s.id is not null then shape_json(s)::text end
  from (select distinct on (c.shape_id) c.shape_id, c.op from shape_changes c
        where c.room_id = p_room_id and c.seq > p_since order by c.shape_id, c.seq, c.ordinal) as t
  left join shapes s on s.room_id = p_room_id and s.id = t.shape_id
  where s.id is not null or t.op <> 'put'
$$;
comment on function pgcanvas.room_delta is
  'What differs from a seq: added and modified shapes whole, deleted ones by id. The first change since tells whether the shape was '
  'there.';

create or replace function pgcanvas.room_delta_at(p_room_id bigint, p_since bigint, p_seq bigint, p_after text, p_limit integer)
  returns table (change text, shape_id text, shape text)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_ids text[];
  v_ops text[];
begin
  perform point_of(p_room_id::text, p_since);
  select array_agg(t.shape_id), array_agg(t.op) into v_ids, v_ops
  from (select distinct on (c.shape_id) c.shape_id, c.op from shape_changes c
        where c.room_id = p_room_id and c.seq > p_since and c.seq <= p_seq and c.shape_id > p_after
        order by c.shape_id, c.seq, c.ordinal limit p_limit) as t;
  if v_ids is null then return; end if;
  return query
    select case when s.shape is null and t.op = 'put' then 'none' when s.shape is null then 'deleted' when t.op = 'put' then 'added'
      else 'modified' end,
           t.shape_id, s.shape
    from unnest(v_ids, v_ops) as t (shape_id, op) left join shapes_at(p_room_id, p_seq, v_ids, '', null) as s on s.shape_id = t.shape_id
    order by t.shape_id;
end $$;
comment on function pgcanvas.room_delta_at is
  'What differed between two seqs, as room_delta told it at the second, page by page: by id after a given one. none: the shape came '
  'and went in between. WB005 when the log does not reach back any more.';

create or replace function pgcanvas.shapes_by_id(p_room_id bigint, p_ids text[])
  returns table (shape_id text, shape text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
  select s.id, shape_json(s)::text from shapes s where s.room_id = p_room_id and s.id = any (p_ids)
$$;
comment on function pgcanvas.shapes_by_id is 'The named shapes of a room, as clients receive them; those that are gone are left out.';

create or replace function pgcanvas.shapes_in_box(p_room_id bigint, p_box box, p_kind text, p_after text, p_limit integer,
  p_bytes integer default null)
  returns table (shape_id text, shape text)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
declare
  v_bytes bigint := 0;
  v_shapes refcursor;
  v_shape shapes;
begin
  if p_box is null then
    open v_shapes for select s.* from shapes s
      where s.room_id = p_room_id and (p_kind is null or s.kind = p_kind) and (p_after is null or s.id > p_after)
      order by s.id limit p_limit;
  else
    open v_shapes for select s.* from shapes s
      where s.room_id = p_room_id and s.grid && p_box and s.bounds && p_box
        and (p_kind is null or s.kind = p_kind) and (p_after is null or s.id > p_after)
      order by s.id limit p_limit;
  end if;
  loop
    fetch v_shapes into v_shape;
    exit when not found;
    shape_id := v_shape.id;
    shape := shape_json(v_shape)::text;
    return next;
    v_bytes := v_bytes + octet_length(shape);
    exit when v_bytes >= p_bytes;
  end loop;
end $$;
comment on function pgcanvas.shapes_in_box is
  'Shapes whose bounds touch a box (null: all), by id after a given one, until that many shapes or bytes of them (null: any) are told. '
  'Reads the spatial index.';
