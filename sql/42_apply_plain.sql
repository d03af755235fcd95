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

do $$ begin
  if to_regtype('pgcanvas.numbered_changes') is null then
    create type pgcanvas.numbered_changes as (ops bigint[], changes text[]);
  end if;
end $$;
comment on type pgcanvas.numbered_changes is 'Changes as clients receive them, each with the number of its op.';

drop function if exists pgcanvas.move_plainly(bigint[], bigint[], uuid[], bigint[], text[], bigint[], text[], integer[], boolean[], pgcanvas.shape_properties[], jsonb[]);
drop function if exists pgcanvas.change_plainly(bigint[], bigint[], uuid[], bigint[], text[], bigint[], text[], integer[], pgcanvas.shape_properties[], bigint[]);
drop function if exists pgcanvas.create_plainly(bigint[], bigint[], uuid[], bigint[], text[], bigint[], text[], integer[], pgcanvas.shape_properties[], jsonb[], bigint[]);
drop function if exists pgcanvas.all_plain(bigint[], uuid[], bigint[], integer[], boolean[], pgcanvas.shape_properties[], jsonb[]);
create or replace function pgcanvas.move_plainly(p_room_ids bigint[], p_seqs bigint[], p_ats timestamptz[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_gestures bigint[], p_roles text[], p_batches integer[], p_patches boolean[], p_shapes pgcanvas.shape_properties[], p_extras jsonb[],
  out plain boolean, out living bigint, out moved pgcanvas.numbered_changes)
  language plpgsql volatile as $$
declare
  v_ops bigint[];
  v_changes text[];
  v_named bigint;
begin
  with judged as materialized (
    select o.n, o.b, o.id, s.place, s.kind, s.points, s.stroke_width, s.x as old_x, s.y as old_y, s.width as old_width, s.height as old_height,
      s.angle as old_angle, coalesce(o.x, s.x) as x, coalesce(o.y, s.y) as y, coalesce(o.width, s.width) as width,
      coalesce(o.height, s.height) as height, coalesce(o.angle, s.angle) as angle,
      case
      -- What people do most, and what is soonest judged: the same shape elsewhere.
      when s.place is not null and case
          when o.patch then p_extras[o.n] is null and num_nonnulls(o.kind, o.points, o.index, o.frame_id, o.container_id, o.group_ids, o.locked,
            o.stroke_color, o.background_color, o.fill_style, o.stroke_width, o.stroke_style, o.roughness, o.opacity, o.text, o.font_size,
            o.font_family, o.file_id, o.link, o.props) = 0
          else s.refs is null and num_nulls(o.x, o.y, o.width, o.height, o.angle) = 0 and p_extras[o.n] is not distinct from s.extra
            and (o.kind, o.points, o.index, o.frame_id, o.container_id, o.group_ids, o.locked, o.stroke_color, o.background_color, o.fill_style,
              o.stroke_width, o.stroke_style, o.roughness, o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link, o.props)
            is not distinct from (s.kind, s.points, s.index, s.frame_id, s.container_id, s.group_ids, s.locked, s.stroke_color, s.background_color,
              s.fill_style, s.stroke_width, s.stroke_style, s.roughness, s.opacity, s.text, s.font_size, s.font_family, s.file_id, s.link, s.props)
          end
        then case when (o.x <> s.x or o.y <> s.y or o.width <> s.width or o.height <> s.height or o.angle <> s.angle)
          and pgcanvas.place_fault(coalesce(o.x, s.x), coalesce(o.y, s.y), coalesce(o.width, s.width), coalesce(o.height, s.height),
            coalesce(o.angle, s.angle)) is null then 'moves' end
      when o.frame_id is not null or o.container_id is not null or cardinality(o.group_ids) > 0 or pgcanvas.refers(o.props)
        or pgcanvas.shape_fault(pgcanvas.shape_of(null, o.id, o.kind, o.x, o.y, o.width, o.height, o.angle, o.points, o.index, o.frame_id, o.container_id, o.group_ids, o.locked,
          o.stroke_color, o.background_color, o.fill_style, o.stroke_width, o.stroke_style, o.roughness, o.opacity, o.text, o.font_size,
          o.font_family, o.file_id, o.link, o.props, p_extras[o.n], null, null, null, null, null, null, null, null, null, null)) is not null then null
      when not o.patch and num_nulls(o.kind, o.x, o.y, o.width, o.height, o.angle, o.props) > 0 then null
      when s.place is null then case when not o.patch then 'comes' end
      -- What has an explicit null in extra may be set now, and what is referred to may change.
      when o.patch and (s.extra is not null and num_nonnulls(o.points, o.index, o.group_ids, o.locked, o.stroke_color, o.background_color,
        o.fill_style, o.stroke_width, o.stroke_style, o.roughness,
          o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link) > 0 or p_extras[o.n] is not null
        or s.refs is not null and (o.group_ids is not null or o.props ?| '{startBinding,endBinding,boundElements}')) then null
      -- More points are told as such.
      when array_length(o.points, 1) > array_length(s.points, 1) then null
      -- What a put replaces may have referred to something, and may lose a property.
      when not o.patch and (s.refs is not null or s.frame_id is not null or s.container_id is not null or s.extra is distinct from p_extras[o.n]
        or s.props || o.props <> o.props or num_nonnulls(o.points, o.index, o.group_ids, o.locked, o.stroke_color, o.background_color, o.fill_style,
          o.stroke_width, o.stroke_style, o.roughness,
          o.opacity, o.text, o.font_size, o.font_family, o.file_id, o.link) <> num_nonnulls(coalesce(o.points, s.points), coalesce(o.index, s.index),
            coalesce(o.group_ids, s.group_ids), coalesce(o.locked, s.locked),
          coalesce(o.stroke_color, s.stroke_color), coalesce(o.background_color, s.background_color), coalesce(o.fill_style, s.fill_style),
          coalesce(o.stroke_width, s.stroke_width), coalesce(o.stroke_style, s.stroke_style), coalesce(o.roughness, s.roughness),
          coalesce(o.opacity, s.opacity), coalesce(o.text, s.text), coalesce(o.font_size, s.font_size), coalesce(o.font_family, s.font_family),
          coalesce(o.file_id, s.file_id), coalesce(o.link, s.link))) then null
      when (o.props is null or octet_length((s.props || o.props)::text) <= 1048576)
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
          or coalesce(o.link, s.link) is distinct from s.link)
        then 'changes'
      end as verdict
    from rows from (unnest(p_batches), unnest(p_patches), unnest(p_shapes)) with ordinality as o (b, patch,
      id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color, background_color, fill_style,
      stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props, n)
    left join lateral (
      select t.*, t.ctid as place from pgcanvas.shapes t where t.room_id = any (array[p_room_ids[o.b]]) and t.id = o.id offset 0) as s on true),
  moved as (
    update pgcanvas.shapes s set
      x = j.x, y = j.y, width = j.width, height = j.height, angle = j.angle, bounds = j.bounds, grid = pgcanvas.grid_after(s.grid, j.bounds),
      version = s.version + 1, seq = p_seqs[j.b], updated_by = p_authors[j.b], updated_at = p_ats[j.b]
    from (
      select j.*, pgcanvas.shape_bounds(j.kind, j.x, j.y, j.width, j.height, j.angle, j.points, j.stroke_width) as bounds
      from judged j where j.verdict = 'moves' offset 0) as j
    where s.room_id = any (array[p_room_ids[j.b]]) and s.id = j.id and (select bool_and(verdict is not null) from judged)
    returning j.n, j.b, j.id,
      pgcanvas.patch_text(j.id, s.version, pgcanvas.place_members(j.old_x, j.old_y, j.old_width, j.old_height, j.old_angle, j.x, j.y, j.width, j.height, j.angle)) as change,
      pgcanvas.set_text(pgcanvas.place_members(j.x, j.y, j.width, j.height, j.angle, j.old_x, j.old_y, j.old_width, j.old_height, j.old_angle)) as before),
  logged as (
    insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, gesture, role, at)
    select p_room_ids[m.b], p_seqs[m.b], 'patch', m.id, m.change::json, m.before::json, p_authors[m.b], p_clients[m.b], p_op_ids[m.b],
      p_gestures[m.b], p_roles[m.b], p_ats[m.b]
    from moved m order by m.n)
  select j.plain, j.living, j.named, m.ops, m.changes into plain, living, v_named, v_ops, v_changes
  from (select bool_and(verdict is not null) as plain, count(place) as living, count(distinct place) as named from judged) as j
  cross join (select array_agg(n) as ops, array_agg(change) as changes from moved) as m;
  if plain and v_named < living then raise exception 'ops: a call names a shape once' using errcode = 'WB001'; end if;
  moved := row(v_ops, v_changes);
end $$;
comment on function pgcanvas.move_plainly is 'apply_plain: says whether every op changes a sound shape that refers to nothing, and how many of the shapes are there already. If so, moves those that only move, and logs it: one statement, since what is judged is at hand then.';

drop function if exists pgcanvas.change_plainly(bigint[], bigint[], uuid[], bigint[], text[], bigint[], text[], integer[], pgcanvas.shape_properties[]);
create or replace function pgcanvas.change_plainly(p_room_ids bigint[], p_seqs bigint[], p_ats timestamptz[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_gestures bigint[], p_roles text[], p_batches integer[], p_shapes pgcanvas.shape_properties[], p_done bigint[])
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
      bounds = j.bounds, grid = pgcanvas.grid_after(s.grid, j.bounds), version = s.version + 1, seq = p_seqs[j.b], updated_by = p_authors[j.b], updated_at = p_ats[j.b]
    from (
      select k.*, pgcanvas.shape_of(null, k.id, k.old_kind, k.old_x, k.old_y, k.old_width, k.old_height, k.old_angle, k.old_points, k.old_index, null, null, k.old_group_ids,
          k.old_locked, k.old_stroke_color, k.old_background_color, k.old_fill_style, k.old_stroke_width, k.old_stroke_style, k.old_roughness,
          k.old_opacity, k.old_text, k.old_font_size, k.old_font_family, k.old_file_id, k.old_link, k.old_props, null, null, null, null, null, null,
          null, null, null, null, null) as was,
        pgcanvas.shape_of(null, k.id, k.kind, k.x, k.y, k.width, k.height, k.angle, k.points, k.index, null, null, k.group_ids, k.locked, k.stroke_color,
          k.background_color, k.fill_style, k.stroke_width, k.stroke_style, k.roughness, k.opacity, k.text, k.font_size, k.font_family, k.file_id,
          k.link, k.props, null, null, null, null, null, null, null, null, null, null, null) as becomes
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
          where (o.n = any (p_done)) is not true
          offset 0) as j
        offset 0) as k) as j
    where s.room_id = any (array[p_room_ids[j.b]]) and s.id = j.id
    returning j.n, j.b, j.id,
      pgcanvas.patch_text(j.id, s.version, pgcanvas.columns_set(j.was, j.becomes)
        || case when j.props = j.old_props then '' else ',"props":' || pgcanvas.object_diff(j.old_props, j.props)::text end) as change,
      case when j.props = j.old_props and num_nulls(j.points, j.index, j.group_ids, j.locked, j.stroke_color, j.background_color, j.fill_style,
        j.stroke_width, j.stroke_style, j.roughness,
        j.opacity, j.text, j.font_size, j.font_family, j.file_id, j.link) = num_nulls(j.old_points, j.old_index, j.old_group_ids, j.old_locked,
          j.old_stroke_color, j.old_background_color, j.old_fill_style, j.old_stroke_width,
        j.old_stroke_style, j.old_roughness, j.old_opacity, j.old_text, j.old_font_size, j.old_font_family, j.old_file_id, j.old_link)
        then pgcanvas.set_text(pgcanvas.columns_set(j.becomes, j.was))
        else '{' || pgcanvas.shape_diff(j.becomes, j.was) || '}' end as before),
  logged as (
    insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, gesture, role, at)
    select p_room_ids[u.b], p_seqs[u.b], 'patch', u.id, u.change::json, u.before::json, p_authors[u.b], p_clients[u.b], p_op_ids[u.b],
      p_gestures[u.b], p_roles[u.b], p_ats[u.b]
    from updated u order by u.n)
  select array_agg(u.n), array_agg(u.change) into v_changes from updated u;
  return v_changes;
end $$;
comment on function pgcanvas.change_plainly is 'apply_plain: changes the shapes that are there, but for those of the ops that are done, and logs it.';

create or replace function pgcanvas.create_plainly(p_room_ids bigint[], p_seqs bigint[], p_ats timestamptz[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_gestures bigint[], p_roles text[], p_batches integer[], p_shapes pgcanvas.shape_properties[], p_extras jsonb[], p_done bigint[])
  returns pgcanvas.numbered_changes language plpgsql volatile as $$
declare
  v_changes pgcanvas.numbered_changes;
begin
  with born as materialized (
    select j.*, '{"op":"put","shape":' || pgcanvas.shape_text(pgcanvas.shape_of(j.room_id, j.id, j.kind, j.x, j.y, j.width, j.height, j.angle, j.points, j.index,
      null, null, j.group_ids, j.locked, j.stroke_color,
        j.background_color, j.fill_style, j.stroke_width, j.stroke_style, j.roughness, j.opacity, j.text, j.font_size, j.font_family, j.file_id,
        j.link, j.props, j.extra, null, null, j.version, j.seq, null, j.author, j.author, p_ats[j.b], p_ats[j.b], null)) || '}' as change
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
      pgcanvas.grid_box(j.bounds), j.version, j.seq, j.author, j.author, p_ats[j.b], p_ats[j.b]
    from born j order by j.n),
  logged as (
    insert into pgcanvas.shape_changes (room_id, seq, op, shape_id, change, author, client, op_id, gesture, role, at)
    select j.room_id, j.seq, 'put', j.id, j.change::json, j.author, p_clients[j.b], p_op_ids[j.b], p_gestures[j.b], p_roles[j.b], p_ats[j.b]
    from born j order by j.n)
  select array_agg(j.n), array_agg(j.change) into v_changes from born j;
  return v_changes;
end $$;
comment on function pgcanvas.create_plainly is 'apply_plain: creates the shapes that are not there yet (all but those of the ops that are done), and logs it.';

create or replace function pgcanvas.apply_plain(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[], p_gestures bigint[], p_roles text[],
  p_batches integer[], p_patches boolean[], p_shapes pgcanvas.shape_properties[], p_extras jsonb[])
  returns bigint[]
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 set lock_timeout = '150ms' as $$  -- as apply_ops
declare
  v_rooms bigint[];
  v_last_seqs bigint[];
  v_channels text[];
  v_merging boolean;
  v_seqs bigint[];  -- by room, as the batches so far leave them
  v_ats timestamptz[];  -- by room, taken under its lock, so that it rises with seq
  v_batch_seqs bigint[];
  v_batch_ats timestamptz[];
  v_room integer;
  v_judged record;
  v_moved numbered_changes;
  v_done numbered_changes;
  v_born numbered_changes;
  v_lines text[];  -- by room, as its bell carries them
  v_told bigint;
  v_set text;
begin
  select array_agg(r.id), array_agg(r.last_seq), array_agg(r.channel), bool_and(r.policy = 'merge'),
      array_agg(greatest(clock_timestamp(), r.touched_at)) into v_rooms, v_last_seqs, v_channels, v_merging, v_ats
    from (select id, last_seq, channel, policy, touched_at from rooms where id = any (p_room_ids) order by id for no key update) as r;
  if v_merging is not true or may_be_altered() then return null; end if;
  v_seqs := v_last_seqs;
  for b in 1..cardinality(p_room_ids) loop
    v_room := array_position(v_rooms, p_room_ids[b]);
    if v_room is null then return null; end if;
    v_seqs[v_room] := v_seqs[v_room] + 1;
    v_batch_seqs[b] := v_seqs[v_room];
    v_batch_ats[b] := v_ats[v_room];
  end loop;
  if exists (
    select from unnest(p_room_ids, p_clients, p_op_ids) as u (room_id, client, op_id)
    cross join lateral (select from applied_ops a where a.room_id = u.room_id and a.client = u.client and a.op_id = u.op_id offset 0) as a) then
    return null;
  end if;
  v_set := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
  v_judged := move_plainly(p_room_ids, v_batch_seqs, v_batch_ats, p_clients, p_op_ids, p_authors, p_gestures, p_roles, p_batches, p_patches, p_shapes, p_extras);
  if v_judged.plain is not true then
    v_set := set_config('pgcanvas.applying', '', true);
    return null;
  end if;
  v_moved := v_judged.moved;
  if v_judged.living > coalesce(cardinality(v_moved.ops), 0) then
    v_done := change_plainly(p_room_ids, v_batch_seqs, v_batch_ats, p_clients, p_op_ids, p_authors, p_gestures, p_roles, p_batches, p_shapes, v_moved.ops);
    if cardinality(v_moved.ops || v_done.ops) is distinct from v_judged.living::integer then
      raise exception 'ops: a shape is held by another' using errcode = '55P03';  -- nothing is answered that was not done
    end if;
  end if;
  if v_judged.living < cardinality(p_shapes) then
    v_born := create_plainly(p_room_ids, v_batch_seqs, v_batch_ats, p_clients, p_op_ids, p_authors, p_gestures, p_roles, p_batches, p_shapes, p_extras,
      v_moved.ops || v_done.ops);
  end if;
  update rooms r set last_seq = w.seq, touched_at = w.at from unnest(v_rooms, v_seqs, v_ats) as w (id, seq, at) where r.id = w.id;
  with told as (
    select c.b, count(*)::integer as ops, E'\n' || batch_head(v_batch_seqs[c.b], p_authors[c.b], p_clients[c.b], p_op_ids[c.b], v_batch_ats[c.b])
      || string_agg(c.change, ',') || ']}' as line
    from (
      -- Of a batch as they are logged: what moved, then what changed, then what came.
      select p_batches[u.n] as b, u.change from (
        select m.n, m.change, 1 as rank from unnest(v_moved.ops, v_moved.changes) as m (n, change)
        union all select d.n, d.change, 2 from unnest(v_done.ops, v_done.changes) as d (n, change)
        union all select b.n, b.change, 3 from unnest(v_born.ops, v_born.changes) as b (n, change)) as u
      order by p_batches[u.n], u.rank, u.n) as c
    group by c.b),
  answered as (
    insert into applied_ops (room_id, client, op_id, seq, outcomes)
    select p_room_ids[t.b], p_clients[t.b], p_op_ids[t.b], v_batch_seqs[t.b], array_fill('applied'::text, array[t.ops]) from told t)
  select array_agg(l.lines order by l.room_id), sum(l.batches) into v_lines, v_told
    from (select p_room_ids[t.b] as room_id, count(*) as batches, string_agg(t.line, '' order by t.b) as lines from told t group by 1) as l;
  if v_told <> cardinality(p_room_ids) then raise exception 'ops: a batch holds one or more' using errcode = 'WB001'; end if;
  for r in 1..cardinality(v_rooms) loop
    v_set := ring_in_parts(v_channels[r], v_last_seqs[r], v_seqs[r], v_lines[r]);
  end loop;
  v_set := set_config('pgcanvas.applying', '', true);
  return v_batch_seqs;
end $$;
comment on function pgcanvas.apply_plain is 'Applies batches as apply_ops does when all is plain, and gives their seqs: each op puts or patches a sound shape that no other op of the call names and that refers to nothing, changes it, in rooms that merge; no batch is a repeat. Else gives null and does nothing. Arrays: one entry per batch (room, client, op_id, author, op_id of the gesture it goes on with, right), one per op (its batch from 1, whether it is a patch, what it sets, what has no column: puts only).';
