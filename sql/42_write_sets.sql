-- The statements of apply_batches: each takes what is known of many ops as arrays with one entry per op, and reads or writes all of it at
-- once. An op is a verb, the shape's id, a typed row (what it sets; null: not set), what has no column (extra), and its text as the log
-- will hold it. "offset 0" makes one probe of the key per op, whatever the planner knew of the table when it made the plan.

create or replace function pgcanvas.refers(p_props jsonb)
  returns boolean language sql immutable parallel safe
return p_props ?| '{startBinding,endBinding,boundElements}' and (p_props ->> 'startBinding' is not null
  or p_props ->> 'endBinding' is not null
  or coalesce(p_props ->> 'boundElements', '[]') <> '[]');
comment on function pgcanvas.refers is 'Whether props may refer to another shape.';

create or replace function pgcanvas.touches_refs(p_frame_id text, p_container_id text, p_group_ids text[], p_props jsonb)
  returns boolean language sql immutable parallel safe
return num_nonnulls(p_frame_id, p_container_id, p_group_ids) > 0 or coalesce(p_props ?| '{startBinding,endBinding,boundElements}', false);
comment on function pgcanvas.touches_refs is 'Whether what an op sets may change what its shape refers to.';

create or replace function pgcanvas.is_referred(p_room_id bigint, p_shape_id text)
  returns boolean language plpgsql stable set enable_bitmapscan = on as $$  -- a GIN index is read in no other way
begin
  return exists (select from pgcanvas.shapes m where m.refs @> array[pgcanvas.shape_key(p_room_id, p_shape_id) collate "C"]);
end $$;
comment on function pgcanvas.is_referred is 'Whether any shape refers to this one.';

create or replace function pgcanvas.read_named(p_room_ids bigint[], p_ops pgcanvas.op_list)
  returns pgcanvas.named_ops language plpgsql stable as $$
declare
  v_named pgcanvas.named_ops;
begin
  select array_agg(k.slot), array_agg(k.version), array_agg(k.death), array_agg(k.kind), array_agg(k.refs),
      (array_agg(k.fault) filter (where k.fault is not null))[1]
    into v_named.slots, v_named.versions, v_named.deaths, v_named.kinds, v_named.refs, v_named.fault
  from (
    select o.n, min(o.n) over w as slot, s.version, g.version as death,
      case
      when lag(o.batch) over w = o.batch then 'one_by_one'
      when o.verb = 'delete' then case when s.version is null then 'simple'
        when s.group_ids is not null or pgcanvas.is_referred(o.room_id, o.shape_id) then 'referred' else 'simple' end
      when o.id is null then 'one_by_one'
      when r.refs and (o.verb = 'put' and s.version is not null or pgcanvas.names_dead(o.room_id, coalesce(o.frame_id, s.frame_id),
        coalesce(o.container_id, s.container_id), coalesce(s.props || o.props, o.props, s.props))) then 'one_by_one'
      when o.verb = 'put' then case when num_nulls(o.kind, o.x, o.y, o.width, o.height, o.angle, o.props) > 0 then 'one_by_one'
        when s.version is null then 'simple' else 'put' end
      when s.version is null then 'simple'
      when o.extra is not null or s.extra is not null then 'one_by_one'
      when o.verb = 'append' then case when cardinality(o.points) = 0 then 'one_by_one' else 'append' end
      when o.verb <> 'patch' then 'one_by_one'
      when o.points is not null then 'points' else 'simple' end as kind,
      r.refs,
      pgcanvas.properties_fault(row(o.id, o.kind, o.x, o.y, o.width, o.height, o.angle, o.points, o.index, o.frame_id, o.container_id,
        o.group_ids, o.locked, o.stroke_color, o.background_color, o.fill_style, o.stroke_width, o.stroke_style, o.roughness, o.opacity,
        o.text, o.font_size, o.font_family, o.file_id, o.link, o.props)::pgcanvas.shape_properties, o.extra) as fault
    from rows from (unnest(p_room_ids), unnest(p_ops.batches), unnest(p_ops.verbs), unnest(p_ops.shape_ids), unnest(p_ops.extras),
      unnest(p_ops.rows)) with ordinality as o (room_id, batch, verb, shape_id, extra, id, kind, x, y, width, height, angle, points,
      index, frame_id, container_id, group_ids, locked, stroke_color, background_color, fill_style, stroke_width, stroke_style, roughness,
      opacity, text, font_size, font_family, file_id, link, props, n)
    left join lateral (select t.version, t.extra, t.refs, t.frame_id, t.container_id, t.group_ids, t.props from pgcanvas.shapes t
      where t.room_id = any (array[o.room_id]) and t.id = o.shape_id offset 0) as s on true
    cross join lateral (select o.frame_id is not null or o.container_id is not null or cardinality(o.group_ids) > 0 is true
      or pgcanvas.refers(o.props) is true
      or s.refs is not null and pgcanvas.touches_refs(o.frame_id, o.container_id, o.group_ids, o.props)) as r (refs)
    left join lateral (select t.version from pgcanvas.tombstones t
      where s.version is null and t.room_id = any (array[o.room_id]) and t.id = o.shape_id offset 0) as g on true
    window w as (partition by o.room_id, o.shape_id order by o.n)
    order by o.n) as k;
  return v_named;
end $$;
comment on function pgcanvas.read_named is
  'What is known of the shape of each op, and how it may be written; fault: the first rule that a row breaks. See the type.';

create or replace function pgcanvas.put_changes(p_room_ids bigint[], p_kinds text[], p_rows pgcanvas.shape_properties[], p_extras jsonb[])
  returns text[] language plpgsql stable as $$
begin
  return (
    select array_agg(case
      when o.how <> 'put' or s.refs is not null or s.frame_id is not null or s.container_id is not null or s.extra is distinct from o.extra
        or s.props || o.props <> o.props or array_length(o.points, 1) > array_length(s.points, 1)
        or num_nonnulls(o.points, o.index, o.group_ids, o.locked, o.stroke_color, o.background_color, o.fill_style, o.stroke_width,
            o.stroke_style, o.roughness, o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link)
          <> num_nonnulls(coalesce(o.points, s.points), coalesce(o.index, s.index), coalesce(o.group_ids, s.group_ids),
            coalesce(o.locked, s.locked), coalesce(o.stroke_color, s.stroke_color), coalesce(o.background_color, s.background_color),
            coalesce(o.fill_style, s.fill_style), coalesce(o.stroke_width, s.stroke_width), coalesce(o.stroke_style, s.stroke_style),
            coalesce(o.roughness, s.roughness), coalesce(o.opacity, s.opacity), coalesce(o.text, s.text),
              coalesce(o.font_size, s.font_size),
            coalesce(o.font_family, s.font_family), coalesce(o.file_id, s.file_id), coalesce(o.link, s.link)) then null
      else concat(pgcanvas.properties_set(
          row(s.id, s.kind, s.x, s.y, s.width, s.height, s.angle, s.points, s.index, null, null, s.group_ids, s.locked, s.stroke_color,
            s.background_color, s.fill_style, s.stroke_width, s.stroke_style, s.roughness, s.opacity, s.text, s.font_size, s.font_family,
            s.file_id, s.link, null)::pgcanvas.shape_properties,
          row(o.id, o.kind, o.x, o.y, o.width, o.height, o.angle, o.points, o.index, null, null, o.group_ids, o.locked, o.stroke_color,
            o.background_color, o.fill_style, o.stroke_width, o.stroke_style, o.roughness, o.opacity, o.text, o.font_size, o.font_family,
            o.file_id, o.link, null)::pgcanvas.shape_properties),
        case when s.props <> o.props then ',"props":' || pgcanvas.object_diff(s.props, o.props)::text end) end order by o.n)
    from rows from (unnest(p_room_ids), unnest(p_kinds), unnest(p_extras), unnest(p_rows)) with ordinality as o (room_id, how, extra, id,
      kind, x, y,
      width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color, background_color, fill_style,
      stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props, n)
    left join lateral (select t.* from pgcanvas.shapes t
      where o.how = 'put' and t.room_id = any (array[o.room_id]) and t.id = o.id offset 0) as s on true);
end $$;
comment on function pgcanvas.put_changes is
  'Of each put over a living shape, what differs, as members of an object, each after a comma: empty when nothing does; null when it '
  'loses a property, refers or referred to something, or only gains points: that goes one by one.';

create or replace function pgcanvas.refuse_large(p_props jsonb)
  returns jsonb language plpgsql stable parallel safe as $$
begin
  -- Text takes six bytes at most for what is one here: what is smaller than an eighth of the limit need not be written out.
  if pg_column_size(p_props) > 131072 and octet_length(p_props::text) > 1048576 then
    raise exception 'props: must be an object of at most 1048576 bytes' using errcode = 'WB001';
  end if;
  return p_props;
end $$;
comment on function pgcanvas.refuse_large is 'Props that are not too large.';

-- What the table holds may be compressed, 255 times at most.
create or replace function pgcanvas.merged_props(p_props jsonb, p_more jsonb)
  returns jsonb language sql stable parallel safe
return case when p_props is null or p_more is null then coalesce(p_more, p_props)
  when pg_column_size(p_props) + pg_column_size(p_more) < 500 then p_props || p_more
  else pgcanvas.refuse_large(p_props || p_more) end;
comment on function pgcanvas.merged_props is
  'Props with more of them, name by name: refused where each is small enough and both are too large.';

create or replace function pgcanvas.appended(p_points double precision[], p_tail double precision[])
  returns double precision[] language plpgsql immutable parallel safe as $$
begin
  if coalesce(cardinality(p_points), 0) = 0 then return p_tail; end if;
  if array_length(p_points, 2) <> array_length(p_tail, 2) then
    raise exception 'points: every point of a shape has the same length' using errcode = 'WB001';
  elsif array_length(p_points, 1) + array_length(p_tail, 1) > 100000 then
    raise exception 'points: must be at most 100000 points of 2 or 3 numbers' using errcode = 'WB001';
  end if;
  return p_points || p_tail;
end $$;
comment on function pgcanvas.appended is 'Points with more of them at the end.';

create or replace function pgcanvas.folded(p_first pgcanvas.shape_properties, p_then pgcanvas.shape_properties, p_append boolean)
  returns pgcanvas.shape_properties language plpgsql stable parallel safe as $$
begin
  return row(p_first.id, coalesce(p_then.kind, p_first.kind), coalesce(p_then.x, p_first.x), coalesce(p_then.y, p_first.y),
    coalesce(p_then.width, p_first.width), coalesce(p_then.height, p_first.height), coalesce(p_then.angle, p_first.angle),
    case when p_append then pgcanvas.appended(p_first.points, p_then.points) else coalesce(p_then.points, p_first.points) end,
    coalesce(p_then.index, p_first.index), coalesce(p_then.frame_id, p_first.frame_id),
    coalesce(p_then.container_id, p_first.container_id), coalesce(p_then.group_ids, p_first.group_ids),
      coalesce(p_then.locked, p_first.locked),
    coalesce(p_then.stroke_color, p_first.stroke_color), coalesce(p_then.background_color, p_first.background_color),
    coalesce(p_then.fill_style, p_first.fill_style), coalesce(p_then.stroke_width, p_first.stroke_width),
    coalesce(p_then.stroke_style, p_first.stroke_style), coalesce(p_then.roughness, p_first.roughness),
    coalesce(p_then.opacity, p_first.opacity), coalesce(p_then.text, p_first.text), coalesce(p_then.font_size, p_first.font_size),
    coalesce(p_then.font_family, p_first.font_family), coalesce(p_then.file_id, p_first.file_id), coalesce(p_then.link, p_first.link),
    pgcanvas.merged_props(p_first.props, p_then.props));
end $$;
comment on function pgcanvas.folded is
  'What two ops on one shape set, the later one over the earlier; p_append: the later one adds points.';

create or replace function pgcanvas.extra_beside(p_extra jsonb, p_row pgcanvas.shape_properties)
  returns jsonb language plpgsql immutable parallel safe as $$
begin
  return nullif(p_extra - array(select pg_catalog.jsonb_object_keys(jsonb_strip_nulls(to_jsonb(p_row)))), '{}');
end $$;
comment on function pgcanvas.extra_beside is
  'What has no column, once an op has set these: an explicit null no longer holds where there is a value.';

create or replace function pgcanvas.update_shapes(p_states "char"[], p_room_ids bigint[], p_rows pgcanvas.shape_properties[],
  p_appends boolean[], p_versions bigint[], p_seqs bigint[], p_authors text[], p_ats timestamptz[])
  returns integer language plpgsql volatile as $$
declare
  v_count integer;
begin
  update pgcanvas.shapes s set
    kind = j.kind, x = j.x, y = j.y, width = j.width, height = j.height, angle = j.angle, points = j.points,
    index = coalesce(j.index, s.index), frame_id = coalesce(j.frame_id, s.frame_id),
      container_id = coalesce(j.container_id, s.container_id),
    group_ids = coalesce(j.group_ids, s.group_ids), locked = coalesce(j.locked, s.locked),
    refs = case when pgcanvas.touches_refs(j.frame_id, j.container_id, j.group_ids, j.props) then pgcanvas.refs_in(s.room_id,
      coalesce(j.frame_id, s.frame_id), coalesce(j.container_id, s.container_id), coalesce(j.group_ids, s.group_ids),
      coalesce(s.props || j.props, s.props)) else s.refs end,
    stroke_color = coalesce(j.stroke_color, s.stroke_color), background_color = coalesce(j.background_color, s.background_color),
    fill_style = coalesce(j.fill_style, s.fill_style), stroke_width = j.stroke_width,
      stroke_style = coalesce(j.stroke_style, s.stroke_style),
    roughness = coalesce(j.roughness, s.roughness), opacity = coalesce(j.opacity, s.opacity), text = coalesce(j.text, s.text),
    font_size = coalesce(j.font_size, s.font_size), font_family = coalesce(j.font_family, s.font_family),
    file_id = coalesce(j.file_id, s.file_id), link = coalesce(j.link, s.link), props = pgcanvas.merged_props(s.props, j.props),
    bounds = j.bounds, grid = pgcanvas.grid_after(s.grid, j.bounds), version = j.version, seq = j.seq, updated_by = j.author,
      updated_at = j.at
  from (
    select k.*, case when k.place_kept then k.old_bounds
      else pgcanvas.shape_bounds(k.kind, k.x, k.y, k.width, k.height, k.angle, k.points, k.stroke_width) end as bounds
    from (
      select o.room_id, o.id, o.version, o.seq, o.author, o.at, o.index, o.frame_id, o.container_id, o.group_ids, o.locked, o.stroke_color,
        o.background_color, o.fill_style, o.stroke_style, o.roughness, o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link,
        o.props, coalesce(o.kind, t.kind) as kind, coalesce(o.x, t.x) as x, coalesce(o.y, t.y) as y, coalesce(o.width, t.width) as width,
        coalesce(o.height, t.height) as height, coalesce(o.angle, t.angle) as angle,
          coalesce(o.stroke_width, t.stroke_width) as stroke_width,
        case when o.append then pgcanvas.appended(t.points, o.points) else coalesce(o.points, t.points) end as points,
        num_nonnulls(o.kind, o.x, o.y, o.width, o.height, o.angle, o.points, o.stroke_width) = 0 as place_kept, t.bounds as old_bounds
      from rows from (unnest(p_states), unnest(p_room_ids), unnest(p_appends), unnest(p_versions), unnest(p_seqs), unnest(p_authors),
          unnest(p_ats), unnest(p_rows)) as o (state, room_id, append, version, seq, author, at, id, kind, x, y, width, height, angle,
            points, index, frame_id, container_id, group_ids, locked,
        stroke_color, background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id,
        link, props)
      cross join lateral (select t.* from pgcanvas.shapes t where t.room_id = any (array[o.room_id]) and t.id = o.id offset 0) as t
      where o.state = 'c'
      offset 0) as k
    offset 0) as j
  where s.room_id = any (array[j.room_id]) and s.id = j.id;
  get diagnostics v_count = row_count;
  return v_count;
end $$;
comment on function pgcanvas.update_shapes is 'Changes living shapes (state c), each named once; gives how many.';

create or replace function pgcanvas.insert_shapes(p_states "char"[], p_room_ids bigint[], p_rows pgcanvas.shape_properties[],
  p_extras jsonb[], p_versions bigint[], p_seqs bigint[], p_makers text[], p_authors text[], p_ats timestamptz[])
  returns void language plpgsql volatile as $$
begin
  insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked,
    stroke_color, background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id,
    link, props, extra, bounds, grid, version, seq, created_by, updated_by, created_at, updated_at, refs)
  select j.room_id, j.id, j.kind, j.x, j.y, j.width, j.height, j.angle, j.points, j.index, j.frame_id, j.container_id, j.group_ids,
    j.locked,
    j.stroke_color, j.background_color, j.fill_style, j.stroke_width, j.stroke_style, j.roughness, j.opacity, j.text, j.font_size,
    j.font_family, j.file_id, j.link, j.props, j.extra, j.bounds, pgcanvas.grid_box(j.bounds), j.version, j.seq, j.maker, j.author, j.at,
    j.at, case when pgcanvas.touches_refs(j.frame_id, j.container_id, j.group_ids, j.props)
      then pgcanvas.refs_in(j.room_id, j.frame_id, j.container_id, j.group_ids, j.props) end
  from (
    select o.*, pgcanvas.shape_bounds(o.kind, o.x, o.y, o.width, o.height, o.angle, o.points, o.stroke_width) as bounds
    from rows from (unnest(p_states), unnest(p_room_ids), unnest(p_extras), unnest(p_versions), unnest(p_seqs), unnest(p_makers),
        unnest(p_authors), unnest(p_ats), unnest(p_rows)) with ordinality as o (state, room_id, extra, version, seq, maker, author, at,
          id, kind, x, y, width, height, angle, points, index,
      frame_id, container_id, group_ids, locked, stroke_color, background_color, fill_style, stroke_width, stroke_style, roughness,
      opacity, text, font_size, font_family, file_id, link, props, n)
    where o.state = 'b'
    offset 0) as j
  order by j.n;
end $$;
comment on function pgcanvas.insert_shapes is 'Creates shapes (state b), in this order: each with its maker and who changed it last.';

create or replace function pgcanvas.delete_shapes(p_states "char"[], p_room_ids bigint[], p_shape_ids text[], p_deaths bigint[],
  p_seqs bigint[])
  returns void language plpgsql volatile as $$
begin
  delete from pgcanvas.shapes s using unnest(p_states, p_room_ids, p_shape_ids) as d (state, room_id, id)
    where d.state = 'd' and s.room_id = any (array[d.room_id]) and s.id = d.id;
  insert into pgcanvas.tombstones (room_id, id, version, seq)
    select d.room_id, d.id, d.version, d.seq from unnest(p_states, p_room_ids, p_shape_ids, p_deaths, p_seqs) as d (state, room_id, id,
      version, seq)
    where d.state = 'd'
    on conflict (room_id, id) do update set version = excluded.version, nonce = 0, seq = excluded.seq;
end $$;
comment on function pgcanvas.delete_shapes is 'Removes shapes (state d) that nothing refers to, and notes at which versions they died.';

create or replace function pgcanvas.write_round(p_room_ids bigint[], p_shape_ids text[], p_ats timestamptz[],
  p_writes pgcanvas.shape_writes)
  returns void language plpgsql volatile as $$
begin
  if 'c' = any (p_writes.states) and pgcanvas.update_shapes(p_writes.states, p_room_ids, p_writes.rows, p_writes.appends, p_writes.versions,
      p_writes.seqs, p_writes.authors, p_ats) <> cardinality(array_positions(p_writes.states, 'c')) then
    raise exception 'ops: a shape is held by another' using errcode = '55P03';  -- nothing is answered that was not done
  end if;
  if 'b' = any (p_writes.states) then
    perform pgcanvas.insert_shapes(p_writes.states, p_room_ids, p_writes.rows, p_writes.extras, p_writes.versions, p_writes.seqs,
      p_writes.makers, p_writes.authors, p_ats);
  end if;
  if 'd' = any (p_writes.states) then
    perform pgcanvas.delete_shapes(p_writes.states, p_room_ids, p_shape_ids, p_writes.versions, p_writes.seqs);
  end if;
end $$;
comment on function pgcanvas.write_round is 'Writes shapes, those of a state in one statement.';

create or replace function pgcanvas.change_text(p_verb text, p_shape_id text, p_version bigint, p_said text, p_seq bigint, p_author text,
  p_at text)
  returns text language sql stable parallel safe
return case p_verb
  when 'put' then concat('{"op":"put","shape":{', p_said, ',"version":', p_version, ',"seq":', p_seq, ',"created_by":', p_author,
    ',"updated_by":', p_author, ',"created_at":"', p_at, '","updated_at":"', p_at, '"}}')
  when 'delete' then concat('{"op":"delete","id":', to_json(p_shape_id), '}')
  else concat('{"op":"', p_verb, '","id":', to_json(p_shape_id), ',"version":', p_version, ',', p_said, '}') end;
comment on function pgcanvas.change_text is 'A change as clients receive it, of what an op said; the author as JSON.';

create or replace function pgcanvas.log_batches(p_calls pgcanvas.batch_list, p_batches integer[], p_verbs text[], p_shape_ids text[],
  p_versions bigint[], p_seqs bigint[], p_said text[], p_ats timestamptz[], p_changes text[] default null)
  returns table (room_id bigint, lines text)
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_clients uuid[] := p_calls.clients;
  v_op_ids bigint[] := p_calls.op_ids;
  v_authors text[] := p_calls.authors;
  v_gestures bigint[] := p_calls.gestures;
  v_roles text[] := p_calls.roles;
  v_room_ids bigint[] := p_calls.room_ids;
begin
  return query
    with changed as materialized (
      select o.n, o.b, o.seq, row_number() over (partition by o.b order by o.n) as ordinal, o.verb, o.shape_id, o.at,
        coalesce(o.change, pgcanvas.change_text(o.verb, o.shape_id, o.version, o.said, o.seq,
          case o.verb when 'put' then to_json(v_authors[o.b])::text end, case o.verb when 'put' then pgcanvas.iso(o.at) end)) as change
      from rows from (unnest(p_batches), unnest(p_verbs), unnest(p_shape_ids), unnest(p_versions), unnest(p_seqs), unnest(p_said),
        unnest(p_ats), unnest(p_changes)) with ordinality as o (b, verb, shape_id, version, seq, said, at, change, n)
      where o.seq is not null),
    logged as (
      insert into pgcanvas.shape_changes (room_id, seq, ordinal, op, shape_id, change, author, client, op_id, gesture, undoes, role, at)
      select v_room_ids[c.b], c.seq, c.ordinal, c.verb, c.shape_id, c.change::json, v_authors[c.b], v_clients[c.b], v_op_ids[c.b],
        v_gestures[c.b], nullif(p_calls.undoes, 0), v_roles[c.b], c.at
      from changed c order by c.n)
    select v_room_ids[l.b], string_agg(l.line, '' order by l.b)
    from (
      select c.b, E'\n' || pgcanvas.batch_head(min(c.seq), v_authors[c.b], v_clients[c.b], v_op_ids[c.b], min(c.at))
        || string_agg(c.change, ',' order by c.n) || ']}' as line
      from changed c group by c.b) as l
    group by 1;
end $$;
comment on function pgcanvas.log_batches is
  'Logs what ops said (those with a seq), or these changes, and gives of each room what its notification carries: a line per batch.';

create or replace function pgcanvas.ops_left(p_ops pgcanvas.op_list, p_left boolean[])
  returns pgcanvas.op_list language plpgsql stable as $$
declare
  v_rows pgcanvas.shape_properties[] := p_ops.rows;
  v_left pgcanvas.op_list;
begin
  select array_agg(o.b order by o.n), array_agg(o.verb order by o.n), array_agg(o.shape_id order by o.n), array_agg(o.base order by o.n),
      array_agg(v_rows[o.n] order by o.n), array_agg(o.extra order by o.n), array_agg(o.said order by o.n)
    into v_left
    from unnest(p_ops.batches, p_ops.verbs, p_ops.shape_ids, p_ops.bases, p_ops.extras, p_ops.said, p_left)
      with ordinality as o (b, verb, shape_id, base, extra, said, is_left, n)
    where o.is_left;
  return v_left;
end $$;
comment on function pgcanvas.ops_left is 'Those of the ops that are left to do.';

create or replace function pgcanvas.bodies(p_verbs text[], p_said text[])
  returns jsonb[] language sql immutable parallel safe
return array(select case when o.verb = 'delete' then 'null' else ('{' || o.said || '}')::jsonb end
  from unnest(p_verbs, p_said) with ordinality as o (verb, said, n) order by o.n);
comment on function pgcanvas.bodies is 'What ops said, as JSON.';
