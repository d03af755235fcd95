-- apply_plain: the narrow road beside apply_ops, for what people do most: draw a shape, move it, change its properties. Each op changes a
-- shape of its own, and refers to nothing; so whole sets are judged, written and logged at once, at half the price of op after op. A call
-- that holds anything else is left untouched, and its caller takes the other road. Both lead to the same rows: a property test (AO9) sends
-- the same batches down both. Here too the database is the last guard: what nodes have checked is checked again.
-- "offset 0" in a subquery: it is worked out once, and shapes are read by their key whatever the planner knew when it made the plan.

create or replace function pgcanvas.refers(p_props jsonb)
  returns boolean language sql immutable parallel safe
return p_props ?| '{startBinding,endBinding,boundElements}' and (p_props ->> 'startBinding' is not null or p_props ->> 'endBinding' is not null
  or coalesce(p_props ->> 'boundElements', '[]') <> '[]');
comment on function pgcanvas.refers is 'Whether props may refer to another shape.';

create or replace function pgcanvas.all_plain(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_batches integer[], p_patches boolean[],
  p_shapes pgcanvas.shape_properties[], p_extras jsonb[], out plain boolean, out living bigint)
  language plpgsql stable as $$
begin
  select count(s.id), bool_and(case
      when o.frame_id is not null or o.container_id is not null or cardinality(o.group_ids) > 0 or pgcanvas.refers(o.props)
        or pgcanvas.shape_fault(row(null, o.id, o.kind, o.x, o.y, o.width, o.height, o.angle, o.points, o.index, o.frame_id, o.container_id, o.group_ids, o.locked,
          o.stroke_color, o.background_color, o.fill_style, o.stroke_width, o.stroke_style, o.roughness, o.opacity, o.text, o.font_size,
          o.font_family, o.file_id, o.link, o.props, p_extras[o.n], null, null, null, null, null, null, null, null, null, null)::pgcanvas.shapes) is not null then false
      when not o.patch and num_nulls(o.kind, o.x, o.y, o.width, o.height, o.angle, o.props) > 0 then false
      when s.id is null then not o.patch
      -- What has an explicit null in extra may be set now, and what is referred to may change.
      when o.patch and (s.extra is not null and num_nonnulls(o.points, o.index, o.group_ids, o.locked, o.stroke_color, o.background_color,
        o.fill_style, o.stroke_width, o.stroke_style, o.roughness,
          o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link) > 0 or p_extras[o.n] is not null
        or s.refs is not null and (o.group_ids is not null or o.props ?| '{startBinding,endBinding,boundElements}')) then false
      -- More points are told as such.
      when array_length(o.points, 1) > array_length(s.points, 1) then false
      -- What a put replaces may have referred to something, and may lose a property.
      when not o.patch and (s.refs is not null or s.frame_id is not null or s.container_id is not null or s.extra is distinct from p_extras[o.n]
        or s.props || o.props <> o.props or num_nonnulls(o.points, o.index, o.group_ids, o.locked, o.stroke_color, o.background_color, o.fill_style,
          o.stroke_width, o.stroke_style, o.roughness,
          o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link) <> num_nonnulls(coalesce(o.points, s.points), coalesce(o.index, s.index),
            coalesce(o.group_ids, s.group_ids), coalesce(o.locked, s.locked),
          coalesce(o.stroke_color, s.stroke_color), coalesce(o.background_color, s.background_color), coalesce(o.fill_style, s.fill_style),
          coalesce(o.stroke_width, s.stroke_width), coalesce(o.stroke_style, s.stroke_style), coalesce(o.roughness, s.roughness),
          coalesce(o.opacity, s.opacity), coalesce(o.text, s.text), coalesce(o.font_size, s.font_size), coalesce(o.font_family, s.font_family),
          coalesce(o.file_id, s.file_id), coalesce(o.link, s.link))) then false
      else (o.props is null or octet_length((s.props || o.props)::text) <= 1048576)
        and (o.x <> s.x or o.y <> s.y or o.width <> s.width or o.height <> s.height or o.angle <> s.angle or o.kind <> s.kind
          or s.props || o.props <> s.props or coalesce(o.points, s.points) is distinct from s.points
          or coalesce(o.index, s.index) is distinct from s.index or coalesce(o.group_ids, s.group_ids) is distinct from s.group_ids
          or coalesce(o.locked, s.locked) is distinct from s.locked or coalesce(o.stroke_color, s.stroke_color) is distinct from s.stroke_color
          or coalesce(o.background_color, s.background_color) is distinct from s.background_color
          or coalesce(o.fill_style, s.fill_style) is distinct from s.fill_style
          or coalesce(o.stroke_width, s.stroke_width) is distinct from s.stroke_width
          or coalesce(o.stroke_style, s.stroke_style) is distinct from s.stroke_style
          or coalesce(o.roughness, s.roughness) is distinct from s.roughness or coalesce(o.opacity, s.opacity) is distinct from s.opacity
          or coalesce(o.text, s.text) is distinct from s.text or coalesce(o.font_size, s.font_size) is distinct from s.font_size
          or coalesce(o.font_family, s.font_family) is distinct from s.font_family or coalesce(o.file_id, s.file_id) is distinct from s.file_id
          or coalesce(o.link, s.link) is distinct from s.link) is true
      end)
    into living, plain
    from rows from (unnest(p_batches), unnest(p_patches), unnest(p_shapes)) with ordinality as o (b, patch,
      id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color, background_color, fill_style,
      stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props, n)
    left join lateral (select t.* from pgcanvas.shapes t where t.room_id = any (array[p_room_ids[o.b]]) and t.id = o.id offset 0) as s on true;
  plain := plain and not exists (
    select from unnest(p_room_ids, p_clients, p_op_ids) as u (room_id, client, op_id)
    cross join lateral (select from pgcanvas.applied_ops a where a.room_id = u.room_id and a.client = u.client and a.op_id = u.op_id offset 0) as a);
end $$;
comment on function pgcanvas.all_plain is 'Whether every op changes a sound shape that refers to nothing, and no batch is a repeat; and how many of the shapes are there already.';

do $$ begin
  if to_regtype('pgcanvas.numbered_changes') is null then
    create type pgcanvas.numbered_changes as (ops bigint[], changes text[]);
  end if;
end $$;
comment on type pgcanvas.numbered_changes is 'Changes as clients receive them, each with the number of its op.';

create or replace function pgcanvas.change_plainly(p_room_ids bigint[], p_seqs bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_gestures bigint[], p_roles text[], p_batches integer[], p_shapes pgcanvas.shape_properties[])
  returns pgcanvas.numbered_changes language plpgsql volatile as $$
declare
  v_changes pgcanvas.numbered_changes;
begin
  with updated as (
    update pgcanvas.shapes s set
      kind = j.kind, x = j.x, y = j.y, width = j.width, height = j.height, angle = j.angle, points = j.points, index = j.index,
      group_ids = j.group_ids, locked = j.locked, stroke_color = j.stroke_color, background_color = j.background_color, fill_style = j.fill_style,
      stroke_width = j.stroke_width, stroke_style = j.stroke_style, roughness = j.roughness, opacity = j.opacity, text = j.text,
      font_size = j.font_size, font_family = j.font_family, file_id = j.file_id, link = j.link, props = j.props,
      bounds = j.bounds, grid = pgcanvas.grid_box(j.bounds), version = s.version + 1, seq = p_seqs[j.b], updated_by = p_authors[j.b], updated_at = now()
    from (
      select k.*, row(null, k.id, k.old_kind, k.old_x, k.old_y, k.old_width, k.old_height, k.old_angle, k.old_points, k.old_index, null, null, k.old_group_ids,
          k.old_locked, k.old_stroke_color, k.old_background_color, k.old_fill_style, k.old_stroke_width, k.old_stroke_style, k.old_roughness,
          k.old_opacity, k.old_text, k.old_font_size, k.old_font_family, k.old_file_id, k.old_link, k.old_props, null, null, null, null, null, null,
          null, null, null, null, null)::pgcanvas.shapes as was,
        row(null, k.id, k.kind, k.x, k.y, k.width, k.height, k.angle, k.points, k.index, null, null, k.group_ids, k.locked, k.stroke_color,
          k.background_color, k.fill_style, k.stroke_width, k.stroke_style, k.roughness, k.opacity, k.text, k.font_size, k.font_family, k.file_id,
          k.link, k.props, null, null, null, null, null, null, null, null, null, null, null)::pgcanvas.shapes as becomes
      from (
        select j.*, pgcanvas.shape_bounds(j.kind, j.x, j.y, j.width, j.height, j.angle, j.points, j.stroke_width) as bounds
        from (
          select o.n, o.b, o.id, s.place,
            coalesce(o.kind, s.kind) as kind, coalesce(o.x, s.x) as x, coalesce(o.y, s.y) as y, coalesce(o.width, s.width) as width,
            coalesce(o.height, s.height) as height, coalesce(o.angle, s.angle) as angle, coalesce(o.points, s.points) as points,
            coalesce(o.index, s.index) as index, coalesce(o.group_ids, s.group_ids) as group_ids, coalesce(o.locked, s.locked) as locked,
            coalesce(o.stroke_color, s.stroke_color) as stroke_color, coalesce(o.background_color, s.background_color) as background_color,
            coalesce(o.fill_style, s.fill_style) as fill_style, coalesce(o.stroke_width, s.stroke_width) as stroke_width,
            coalesce(o.stroke_style, s.stroke_style) as stroke_style, coalesce(o.roughness, s.roughness) as roughness,
            coalesce(o.opacity, s.opacity) as opacity, coalesce(o.text, s.text) as text, coalesce(o.font_size, s.font_size) as font_size,
            coalesce(o.font_family, s.font_family) as font_family, coalesce(o.file_id, s.file_id) as file_id, coalesce(o.link, s.link) as link,
            case when o.props is null then s.props else s.props || o.props end as props,
            s.kind as old_kind, s.x as old_x, s.y as old_y, s.width as old_width, s.height as old_height, s.angle as old_angle,
            s.points as old_points, s.index as old_index, s.group_ids as old_group_ids, s.locked as old_locked, s.stroke_color as old_stroke_color,
            s.background_color as old_background_color, s.fill_style as old_fill_style, s.stroke_width as old_stroke_width,
            s.stroke_style as old_stroke_style, s.roughness as old_roughness, s.opacity as old_opacity, s.text as old_text,
            s.font_size as old_font_size, s.font_family as old_font_family, s.file_id as old_file_id, s.link as old_link, s.props as old_props
          from rows from (unnest(p_batches), unnest(p_shapes)) with ordinality as o (b,
            id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color, background_color, fill_style,
      stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props, n)
          cross join lateral (
            select t.*, t.ctid as place from pgcanvas.shapes t where t.room_id = any (array[p_room_ids[o.b]]) and t.id = o.id offset 0) as s
          offset 0) as j
        offset 0) as k) as j
    where s.ctid = j.place
    returning j.n, j.b, j.id,
      '{"op":"patch","id":' || to_json(j.id) || ',"version":' || s.version || ',"set":{' || substr(pgcanvas.columns_set(j.was, j.becomes)
        || case when j.props = j.old_props then '' else ',"props":' || pgcanvas.object_diff(j.old_props, j.props)::text end, 2) || '},"unset":[]}' as change,
      case when j.props = j.old_props and num_nulls(j.points, j.index, j.group_ids, j.locked, j.stroke_color, j.background_color, j.fill_style,
        j.stroke_width, j.stroke_style, j.roughness,
        j.opacity, j.text, j.font_size, j.font_family, j.file_id, j.link) = num_nulls(j.old_points, j.old_index, j.old_group_ids, j.old_locked,
          j.old_stroke_color, j.old_background_color, j.old_fill_style, j.old_stroke_width,
        j.old_stroke_style, j.old_roughness, j.old_opacity, j.old_text, j.old_font_size, j.old_font_family, j.old_file_id, j.old_link)
        then '{"set":{' || substr(pgcanvas.columns_set(j.becomes, j.was), 2) || '},"unset":[]}'
        else '{' || pgcanvas.shape_diff(j.becomes, j.was) || '}' end as before),
  logged as (
    insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, gesture, role, at)
    select p_room_ids[u.b], p_seqs[u.b], 'patch', u.id, u.change::json, u.before::json, p_authors[u.b], p_clients[u.b], p_op_ids[u.b],
      p_gestures[u.b], p_roles[u.b], now()
    from updated u order by u.n)
  select array_agg(u.n order by u.n), array_agg(u.change order by u.n) into v_changes from updated u;
  return v_changes;
end $$;
comment on function pgcanvas.change_plainly is 'apply_plain: changes the shapes that are there, and logs it.';

create or replace function pgcanvas.create_plainly(p_room_ids bigint[], p_seqs bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_gestures bigint[], p_roles text[], p_batches integer[], p_shapes pgcanvas.shape_properties[], p_extras jsonb[], p_done bigint[])
  returns pgcanvas.numbered_changes language plpgsql volatile as $$
declare
  v_changes pgcanvas.numbered_changes;
begin
  with born as materialized (
    select j.*, '{"op":"put","shape":' || pgcanvas.shape_text(row(j.room_id, j.id, j.kind, j.x, j.y, j.width, j.height, j.angle, j.points, j.index,
      null, null, j.group_ids, j.locked, j.stroke_color,
        j.background_color, j.fill_style, j.stroke_width, j.stroke_style, j.roughness, j.opacity, j.text, j.font_size, j.font_family, j.file_id,
        j.link, j.props, j.extra, null, null, j.version, j.seq, null, j.author, j.author, now(), now(), null)::pgcanvas.shapes) || '}' as change
    from (
      select j.*, pgcanvas.shape_bounds(j.kind, j.x, j.y, j.width, j.height, j.angle, j.points, j.stroke_width) as bounds
      from (
        select o.n, o.b, p_room_ids[o.b] as room_id, coalesce(g.version, 0) + 1 as version, p_seqs[o.b] as seq, p_authors[o.b] as author, p_extras[o.n] as extra,
          o.id, o.kind, coalesce(o.x, 0) as x, coalesce(o.y, 0) as y, coalesce(o.width, 0) as width, coalesce(o.height, 0) as height,
          coalesce(o.angle, 0) as angle, o.points, o.index, o.group_ids, o.locked, o.stroke_color, o.background_color, o.fill_style, o.stroke_width,
          o.stroke_style, o.roughness, o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link, coalesce(o.props, '{}') as props
        from rows from (unnest(p_batches), unnest(p_shapes)) with ordinality as o (b,
          id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color, background_color, fill_style,
      stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props, n)
        left join lateral (select t.version from pgcanvas.tombstones t where t.room_id = any (array[p_room_ids[o.b]]) and t.id = o.id offset 0) as g on true
        where (o.n = any (p_done)) is not true
        offset 0) as j
      offset 0) as j),
  inserted as (
    insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, angle, points, index, group_ids, locked, stroke_color, background_color,
      fill_style, stroke_width, stroke_style,
      roughness, opacity, text, font_size, font_family, file_id, link, props, extra, bounds, grid, version, seq, created_by, updated_by, created_at,
      updated_at)
    select j.room_id, j.id, j.kind, j.x, j.y, j.width, j.height, j.angle, j.points, j.index, j.group_ids, j.locked, j.stroke_color, j.background_color, j.fill_style,
      j.stroke_width, j.stroke_style, j.roughness, j.opacity, j.text, j.font_size, j.font_family, j.file_id, j.link, j.props, j.extra, j.bounds,
      pgcanvas.grid_box(j.bounds), j.version, j.seq, j.author, j.author, now(), now()
    from born j order by j.n),
  logged as (
    insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, author, client, op_id, gesture, role, at)
    select j.room_id, j.seq, 'put', j.id, j.change::json, j.author, p_clients[j.b], p_op_ids[j.b], p_gestures[j.b], p_roles[j.b], now()
    from born j order by j.n)
  select array_agg(j.n order by j.n), array_agg(j.change order by j.n) into v_changes from born j;
  return v_changes;
end $$;
comment on function pgcanvas.create_plainly is 'apply_plain: creates the shapes that are not there yet (all but those of the ops that are done), and logs it.';

create or replace function pgcanvas.apply_plain(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[], p_gestures bigint[], p_roles text[],
  p_batches integer[], p_patches boolean[], p_shapes pgcanvas.shape_properties[], p_extras jsonb[])
  returns bigint[]
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set lock_timeout = '150ms' as $$  -- as apply_ops
declare
  v_rooms bigint[];
  v_last_seqs bigint[];
  v_channels text[];
  v_merging boolean;
  v_seqs bigint[];  -- by room, as the batches so far leave them
  v_batch_seqs bigint[];
  v_judged record;
  v_done numbered_changes;
  v_born numbered_changes;
  v_changes text[];  -- by op
  v_lines text[];  -- by room, what its bell will carry
  v_counts integer[];  -- by batch, its ops
  v_room integer;
  v_line text;
  v_at text := iso(now());
  v_set text;
  n integer := 1;
begin
  select array_agg(r.id), array_agg(r.last_seq), array_agg(r.channel), bool_and(r.policy = 'merge') into v_rooms, v_last_seqs, v_channels, v_merging
    from (select id, last_seq, channel, policy from rooms where id = any (p_room_ids) order by id for no key update) as r;
  if v_merging is not true then return null; end if;
  v_seqs := v_last_seqs;
  for b in 1..cardinality(p_room_ids) loop
    v_room := array_position(v_rooms, p_room_ids[b]);
    if v_room is null then return null; end if;
    v_seqs[v_room] := v_seqs[v_room] + 1;
    v_batch_seqs[b] := v_seqs[v_room];
  end loop;
  v_judged := all_plain(p_room_ids, p_clients, p_op_ids, p_batches, p_patches, p_shapes, p_extras);
  if v_judged.plain is not true then return null; end if;
  v_set := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
  if v_judged.living > 0 then
    v_done := change_plainly(p_room_ids, v_batch_seqs, p_clients, p_op_ids, p_authors, p_gestures, p_roles, p_batches, p_shapes);
    if cardinality(v_done.ops) <> v_judged.living then raise exception 'ops: a call names a shape once' using errcode = 'WB001'; end if;
  end if;
  if v_judged.living < cardinality(p_shapes) then
    v_born := create_plainly(p_room_ids, v_batch_seqs, p_clients, p_op_ids, p_authors, p_gestures, p_roles, p_batches, p_shapes, p_extras, v_done.ops);
  end if;
  if v_done.ops is null then v_changes := v_born.changes;
  elsif v_born.ops is null then v_changes := v_done.changes;
  else
    -- Of a batch as they are logged: what changed, then what came.
    select array_agg(c.change order by p_batches[c.n], c.born, c.n) into v_changes from (
      select d.n, d.change, false as born from unnest(v_done.ops, v_done.changes) as d (n, change)
      union all select b.n, b.change, true from unnest(v_born.ops, v_born.changes) as b (n, change)) as c;
  end if;
  update rooms r set last_seq = w.seq, touched_at = now() from unnest(v_rooms, v_seqs) as w (id, seq) where r.id = w.id;
  for b in 1..cardinality(p_room_ids) loop
    v_line := null;
    v_counts[b] := 0;
    while p_batches[n] = b loop
      v_line := case when v_line is null then v_changes[n] when octet_length(v_line) < 8000 then v_line || ',' || v_changes[n] else v_line end;
      v_counts[b] := v_counts[b] + 1;
      n := n + 1;
    end loop;
    if v_counts[b] = 0 then raise exception 'ops: a batch holds one or more' using errcode = 'WB001'; end if;
    v_room := array_position(v_rooms, p_room_ids[b]);
    if coalesce(octet_length(v_lines[v_room]), 0) < 8000 then
      v_lines[v_room] := concat(v_lines[v_room], E'\n') || batch_head_at(v_batch_seqs[b], p_authors[b], p_clients[b], p_op_ids[b], v_at) || v_line || ']}';
    end if;
  end loop;
  insert into applied_ops (room_id, client, op_id, seq, outcomes)
    select u.room_id, u.client, u.op_id, u.seq, array_fill('applied'::text, array[u.count])
    from unnest(p_room_ids, p_clients, p_op_ids, v_batch_seqs, v_counts) as u (room_id, client, op_id, seq, count);
  for r in 1..cardinality(v_rooms) loop
    v_set := ring_room(v_channels[r], v_last_seqs[r], v_seqs[r], v_lines[r]);
  end loop;
  v_set := set_config('pgcanvas.applying', '', true);
  return v_batch_seqs;
end $$;
comment on function pgcanvas.apply_plain is 'Applies batches as apply_ops does when all is plain, and gives their seqs: each op puts or patches a sound shape that no other op of the call names and that refers to nothing, changes it, in rooms that merge; no batch is a repeat. Else gives null and does nothing. Arrays: one entry per batch (room, client, op_id, author, op_id of the gesture it goes on with, right), one per op (its batch from 1, batch after batch, whether it is a patch, what it sets, what has no column: puts only).';
